"""What linear learners read: the `apply` of `alpaca` and `moca`."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from mtl_jax.types import Apply, Array, PyTree


def linear(net: PyTree, x: Array) -> Array:
  """(n, d) -> (n, 1 + d): a constant and the columns; `net` is not read."""
  return jnp.concatenate([jnp.ones((len(x), 1)), x], axis=1)


def linear_and(apply: Callable[[PyTree, Array], Any]) -> Apply:
  """(n, d) -> (n, 1 + d + e): a constant, the columns, and apply(net, x), (n, e)."""

  def phi(net: PyTree, x: Array) -> Array:
    return jnp.concatenate([linear(net, x), jnp.asarray(apply(net, x))], axis=1)

  return phi
