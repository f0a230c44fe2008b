"""DB-MTL: losses balanced by their logarithm, gradients by their norm.

  g~_k = grad log L_k = g_k / L_k,   d = sum_k (max_j |g~_j| / |g~_k|) g~_k

B. Lin et al., "Dual-balancing for multi-task learning", arXiv 2308.12029. The paper also takes a moving average of
g~_k over the steps with a forgetting rate beta; that needs the gradients themselves, and this is beta = 0.
"""

import jax.numpy as jnp

from mtl_jax.multitask.rows import positive, rows
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def db_mtl() -> Aggregator:
  """Every gradient as long as that of the steepest log loss. Losses must be positive; a zero gradient has weight 0."""

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key
    r = rows(gram, active)
    steepest = jnp.max(r.norm / positive(losses, active).astype(gram.dtype))
    return r.over_norm(jnp.full_like(r.norm, steepest))

  return stateless(weights)
