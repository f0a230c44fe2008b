"""IMTL-G and ConFIG: one direction, at the same angle to all task gradients, with two lengths.

  d is along sum_k y_k g_k / |g_k|,   C y = 1,   C the cosines
  IMTL-G    w_k = (y_k / |g_k|) / sum_j (y_j / |g_j|)        weights sum to one
  ConFIG    |d| = sum_k g_k'd / |d|                        (eq. 2)

L. Liu et al., "Towards impartial multi-task learning", ICLR 2021. Q. Liu, M. Chu, N. Thuerey, "ConFIG: towards
conflict-free training of physics informed neural networks", ICLR 2025.

Where gradients depend on one another, y is the least-squares solution of least norm, ConFIG's pseudo-inverse of
the unit gradients; both are zero where no direction has equal angles even so. A zero gradient has no angle: it
has weight 0. IMTL-G's weights may be negative, and where their sum vanishes they are all zero.
"""

import jax.numpy as jnp

from mtl_jax.linalg import one_at_a_time
from mtl_jax.multitask.rows import Rows, rounding, rows
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array

_eigh = one_at_a_time(jnp.linalg.eigh)


def _equal_angles(r: Rows) -> Array:
  """The y of least norm that minimises |C y - 1|, over the live tasks."""
  values, vectors = _eigh(r.cosine)
  there = values > rounding(values.dtype, len(values)) * jnp.max(values)
  inverse = jnp.where(there, 1.0 / jnp.where(there, values, 1.0), 0.0)
  along = jnp.where(there, vectors.T @ r.live.astype(values.dtype), 0.0)
  # What rounding leaves of a projection that is zero is no direction.
  none = jnp.max(jnp.abs(along)) <= rounding(values.dtype, len(values))
  return jnp.where(r.live & ~none, vectors @ (inverse * along), 0.0)


def imtl_g() -> Aggregator:
  """Equal projections on the unit gradients; the weights sum to one, or are all zero."""

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    v = r.over_norm(_equal_angles(r))
    total = jnp.sum(v)
    vanishes = jnp.abs(total) <= rounding(v.dtype, len(v)) * jnp.sum(jnp.abs(v))
    return jnp.where(vanishes, 0.0, v / jnp.where(vanishes, 1.0, total))

  return stateless(weights)


def config() -> Aggregator:
  """The conflict-free direction, as long as the sum of the gradients' projections on it."""

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    y = _equal_angles(r)
    square = y @ (r.cosine @ y)
    length = jnp.where(square > 0.0, r.norm @ (r.cosine @ y) / jnp.where(square > 0.0, square, 1.0), 0.0)
    return length * r.over_norm(y)

  return stateless(weights)
