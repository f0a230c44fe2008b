"""Multi-task learning, meta-learning and meta-reinforcement learning for factories, in JAX.

The shop window; everything else is where its name says.
"""

from mtl_jax import losses, metrics, models, multitask, tasks, tree
from mtl_jax.evaluate import evaluate, interval
from mtl_jax.fit import Interrupted, TrainingError, fit
from mtl_jax.meta import (
  Adapted,
  anil,
  anp,
  cavia,
  cnp,
  computed_in,
  ensemble,
  finetune,
  imaml,
  in_context,
  init_rates,
  inner_loop,
  lora,
  maml,
  masked_loss,
  protonet,
  r2d2,
  replicate,
  reptile,
  task_gradient,
  task_mean,
)
from mtl_jax.multitask import joint
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
  "anp",
  "cavia",
  "cnp",
  "computed_in",
  "ensemble",
  "evaluate",
  "finetune",
  "fit",
  "imaml",
  "in_context",
  "init_rates",
  "inner_loop",
  "interval",
  "joint",
  "lora",
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
