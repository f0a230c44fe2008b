"""The root of a function of one number between two bounds, inside a compiled program."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtl_jax.types import Array


def root(f: Callable[[Array], Array], low: Array, high: Array, *, iterations: int = 30) -> Array:
  """Where f is 0 in [low, high]: Newton's steps from `low`, halved into the bracket where they leave it.

  A fixed number of iterations, so that it runs under vmap. Differentiated by the implicit function theorem, to any
  order, and not through the iterations; `low` and `high` get no gradient.

  Args:
    f: scalar -> scalar, of unlike signs at the two bounds; where its signs agree one of the bounds comes out.
  """
  low, high = jax.lax.stop_gradient((low, high))
  rising = f(high) > f(low)

  def solve(f: Callable[[Array], Array], start: Array) -> Array:
    def iterate(_, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
      left, right, x = state
      value, slope = jax.jvp(f, (x,), (jnp.ones_like(x),))
      before = (value < 0) == rising
      left, right = jnp.where(before, x, left), jnp.where(before, right, x)
      newton = x - value / slope
      return left, right, jnp.where((newton >= left) & (newton <= right), newton, (left + right) / 2)

    return jax.lax.fori_loop(0, iterations, iterate, (low, high, start))[2]

  return jax.lax.custom_root(f, low, solve, lambda linear, y: y / linear(jnp.ones_like(y)))
