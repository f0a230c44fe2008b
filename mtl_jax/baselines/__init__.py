"""The ladder of simple baselines that stands in every table."""

from mtl_jax.baselines.classification import classification_ladder, envelope_rule
from mtl_jax.baselines.ladder import Answered, Asked, Fixed, History, Ladder, Rung, answers
from mtl_jax.baselines.regression import regression_ladder

__all__ = [
  "Answered",
  "Asked",
  "Fixed",
  "History",
  "Ladder",
  "Rung",
  "answers",
  "classification_ladder",
  "envelope_rule",
  "regression_ladder",
]
