"""The K task gradients as their norms and cosines: what the aggregators and their solvers calculate with.

A Gram matrix whose rows differ by six orders of magnitude squares that; its cosines do not. Divided by the
norms, every problem here looks the same at every scale, and a task of small gradients keeps all of its digits.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.types import Array


class Rows(NamedTuple):
  """The gradients g_k, without the gradients.

  Attributes:
    norm: |g_k| / unit; 0 where the task is absent. The largest is 1, unless all are 0.
    unit: the largest |g_k|, or 1 where all gradients are zero.
    cosine: between g_i and g_j; 1 on the diagonal. Rows and columns that are not live hold zeros.
    active: the task is in the batch.
    live: active, with a gradient that is not zero.
  """

  norm: Array  # (K,)
  unit: Array  # ()
  cosine: Array  # (K, K)
  active: Array  # (K,) bool
  live: Array  # (K,) bool

  @property
  def tasks(self) -> Array:
    """How many are active, at least 1, in the dtype of the norms."""
    return count(self.active, self.norm.dtype)

  def over_norm(self, a: Array) -> Array:
    """a[k] / norm[k], and 0 for what is not live."""
    return jnp.where(self.live, a / jnp.where(self.live, self.norm, 1.0), 0.0)


def rows(gram: Array, active: Array) -> Rows:
  """Norms and cosines of the active tasks of gram[K, K]; the others may hold anything, NaN too."""
  square = jnp.where(active, jnp.diagonal(gram), 0.0)
  norm = jnp.sqrt(square)
  live = active & (square > 0.0)
  safe = jnp.where(live, norm, 1.0)
  both = live[:, None] & live[None, :]
  cosine = jnp.where(both, gram / safe[:, None] / safe[None, :], 0.0)
  # Both halves of the matrix and the diagonal agree to the last digit, whoever made the Gram matrix.
  cosine = jnp.where(jnp.eye(len(norm), dtype=bool), live[:, None].astype(gram.dtype), 0.5 * (cosine + cosine.T))
  unit = jnp.where(jnp.any(live), jnp.max(norm), 1.0)
  return Rows(norm / unit, unit, cosine, active, live)


def count(active: Array, dtype: jnp.dtype) -> Array:
  """How many tasks are active, at least 1."""
  return jnp.maximum(jnp.sum(active), 1).astype(dtype)


def positive(losses: Array, active: Array) -> Array:
  """The losses, at least the root of the smallest number there is, so that logarithms and shares of a loss of 0 are
  finite; 1 where absent."""
  return jnp.where(active, jnp.maximum(losses, float(jnp.finfo(losses.dtype).tiny) ** 0.5), 1.0)


def equal_weights(active: Array, dtype: jnp.dtype) -> Array:
  """1 / (how many are active) for the active tasks, 0 for the others."""
  return active.astype(dtype) / count(active, dtype)


def preferences(given: Sequence[float] | None, active: Array, dtype: jnp.dtype) -> Array:
  """How much each task is to count: as given, or 1 / (how many are active) each where None; 0 for absent tasks.

  Raises:
    ValueError: if there are more or fewer than tasks, or one is negative.
  """
  if given is None:
    return equal_weights(active, dtype)
  if len(given) != len(active) or min(given) < 0.0:
    raise ValueError(f"preferences {given} for {len(active)} tasks")
  return jnp.where(active, jnp.asarray(given, dtype), 0.0)


def softmax(logits: Array, active: Array) -> Array:
  """The softmax over the active tasks: 0 for the others, and for all where none is active."""
  some = jnp.any(active)
  return jax.nn.softmax(logits, where=active | ~some) * some.astype(logits.dtype)


def rounding(dtype: jnp.dtype, size: int) -> float:
  """What sums of `size` products of numbers up to 1 may be off by, with room: 10 size eps."""
  return 10.0 * size * float(jnp.finfo(dtype).eps)
