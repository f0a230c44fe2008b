"""Multi-task learning, meta-learning and meta-reinforcement learning for factories, in JAX.

The shop window; everything else is where its name says.
"""

from mtl_jax import losses, metrics, models, multitask, tasks, tree
from mtl_jax.evaluate import evaluate, interval
from mtl_jax.fit import Interrupted, TrainingError, fit
from mtl_jax.meta import (
  Adapted,
  anil,
  cnp,
  computed_in,
  finetune,
  imaml,
  init_rates,
  inner_loop,
  maml,
  masked_loss,
  protonet,
  r2d2,
  replicate,
  reptile,
  task_gradient,
  task_mean,
)
from mtl_jax.types import Aggregator, Algorithm, Batch, Environment, Episode, OnlineLearner, TaskFamily, Weighting

__all__ = [
  "Adapted",
  "Aggregator",
  "Algorithm",
  "Batch",
  "Environment",
  "Episode",
  "Interrupted",
  "OnlineLearner",
  "TaskFamily",
  "TrainingError",
  "Weighting",
  "anil",
  "cnp",
  "computed_in",
  "evaluate",
  "finetune",
  "fit",
  "imaml",
  "init_rates",
  "inner_loop",
  "interval",
  "losses",
  "maml",
  "masked_loss",
  "metrics",
  "models",
  "multitask",
  "protonet",
  "r2d2",
  "replicate",
  "reptile",
  "task_gradient",
  "task_mean",
  "tasks",
  "tree",
]
