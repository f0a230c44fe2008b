"""The ladder of simple baselines that stands in every table."""

from mtl_jax.baselines.classification import by_angle, classification_ladder, envelope_rule, whitened, whitening
from mtl_jax.baselines.forecasting import forecasting_ladder
from mtl_jax.baselines.ladder import Answered, Asked, Fixed, History, Ladder, Rung, answers
from mtl_jax.baselines.rare import rare_event_ladder
from mtl_jax.baselines.regression import regression_ladder
from mtl_jax.baselines.rocket import minirocket, numbered, with_rocket

__all__ = [
  "Answered",
  "Asked",
  "Fixed",
  "History",
  "Ladder",
  "Rung",
  "answers",
  "by_angle",
  "classification_ladder",
  "envelope_rule",
  "forecasting_ladder",
  "minirocket",
  "numbered",
  "rare_event_ladder",
  "regression_ladder",
  "whitened",
  "whitening",
  "with_rocket",
]
