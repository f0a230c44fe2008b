"""GradNorm: weights under which all tasks train at similar rates.

  G_k = w_k |g_k|,   r_k = (L_k / L_k(0)) / its mean
  loss of the weights = sum_k |G_k - mean(G) r_k^alpha|                  (eq. 2)

The target mean(G) r_k^alpha is held constant. After each step on the weights they are scaled so that their sum stays
K. The training step uses the weights from before (algorithm 1).

Z. Chen, V. Badrinarayanan, C.-Y. Lee, A. Rabinovich, "GradNorm: gradient normalization for adaptive loss balancing
in deep multitask networks", ICML 2018. Two things the paper leaves open: the weights take a plain gradient step on
the loss divided by mean(G), so that the learning rate has no unit, and none falls below 0.001 before they are scaled.
Losses must not be negative.
"""

from typing import NamedTuple

import jax.numpy as jnp

from mtl_jax.multitask.rows import count, rows
from mtl_jax.types import Aggregator, Array

_FLOOR = 1e-3


class GradNormState(NamedTuple):
  """The state of `gradnorm`.

  Attributes:
    w: positive; sums to K at first. Absent tasks keep theirs, and the others the sum that they have.
    first_loss: L_k(0), of the first step with the task; 0 before that.
    seen: the task has been there.
  """

  w: Array  # (K,)
  first_loss: Array  # (K,)
  seen: Array  # (K,) bool


def gradnorm(alpha: float = 1.5, *, learning_rate: float = 0.025) -> Aggregator:
  """Gradient normalisation.

  Args:
    alpha: how strongly a task that lags behind is pulled; 0 makes all weighted gradients equally long.
    learning_rate: of the weights.
  """

  def init(tasks: int) -> GradNormState:
    return GradNormState(jnp.ones(tasks), jnp.zeros(tasks), jnp.zeros(tasks, bool))

  def combine(
    key: Array, gram: Array, losses: Array, active: Array, state: GradNormState
  ) -> tuple[Array, GradNormState]:
    del key
    r = rows(gram, active)
    losses = jnp.where(active, losses, 1.0).astype(gram.dtype)
    first_loss = jnp.where(active & ~state.seen, losses.astype(state.first_loss.dtype), state.first_loss)
    first = first_loss.astype(gram.dtype)
    w = jnp.where(active, state.w.astype(gram.dtype), 0.0)
    tasks = count(active, gram.dtype)
    length = w * r.norm
    mean_length = jnp.sum(length) / tasks
    ratio = jnp.where(active, jnp.maximum(losses, 0.0) / jnp.where(first > 0.0, first, 1.0), 0.0)
    mean_ratio = jnp.sum(ratio) / tasks
    rate = ratio / jnp.where(mean_ratio > 0.0, mean_ratio, 1.0)
    slope = jnp.sign(length - mean_length * rate**alpha) * r.norm
    slope = jnp.where(mean_length > 0.0, slope / jnp.where(mean_length > 0.0, mean_length, 1.0), 0.0)
    stepped = jnp.where(active, jnp.maximum(w - learning_rate * slope, _FLOOR), 0.0)
    stepped = stepped * (jnp.sum(w) / jnp.where(jnp.any(active), jnp.sum(stepped), 1.0))
    new = GradNormState(jnp.where(active, stepped.astype(state.w.dtype), state.w), first_loss, state.seen | active)
    return w, new

  return Aggregator(init, combine)
