"""Aggregators that do not look at the gradients: mean, sum, constant and random weights.

Random weights are the softmax of standard normal numbers, drawn anew at every step: B. Lin, F. Ye, Y. Zhang,
I. W. Tsang, "Reasonable effectiveness of random weighting: a litmus test for multi-task learning", TMLR 2022,
algorithm 2.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import equal_weights, softmax
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def mean() -> Aggregator:
  """The mean of the active tasks' gradients."""
  return stateless(lambda key, gram, losses, active: equal_weights(active, gram.dtype))


def sum() -> Aggregator:  # the name users know; this file itself only ever calls jnp.sum
  """The sum of the active tasks' gradients."""
  return stateless(lambda key, gram, losses, active: active.astype(gram.dtype))


def constant(weights: Sequence[float]) -> Aggregator:
  """The same weights at every step, those of absent tasks zero.

  Raises:
    ValueError: from init, if there are more or fewer weights than tasks.
  """

  def init(tasks: int) -> tuple[()]:
    if len(weights) != tasks:
      raise ValueError(f"constant: {len(weights)} weights for {tasks} tasks")
    return ()

  def combine(key: Array, gram: Array, losses: Array, active: Array, state: tuple[()]) -> tuple[Array, tuple[()]]:
    del key, losses
    return jnp.where(active, jnp.asarray(weights, gram.dtype), 0.0), state

  return Aggregator(init, combine)


def random() -> Aggregator:
  """Weights drawn anew at every step; they are positive and sum to one. `rlw` draws them without a Gram matrix."""
  return stateless(lambda key, gram, losses, active: softmax(jax.random.normal(key, active.shape, gram.dtype), active))
