"""Factorisations, solves and Fourier transforms, of a batch one after another on a CPU.

There jaxlib shares out a batch over the threads of XLA's pool and waits for them in one of these. Where as many such
calls run at once as there are threads, on several devices or independent ones on one, none is left that works, and the
program stands still for ever (jaxlib 0.10.2, two devices on two cores). A call for one matrix waits for nobody.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.custom_batching import sequential_vmap
from jax.scipy.linalg import solve_triangular

from mtl_jax.types import Array


def one_at_a_time(f: Callable[..., Any]) -> Callable[..., Any]:
  """`f` of arrays without a batch, which vmap calls once for each on a CPU; there it has no derivative."""
  alone = sequential_vmap(lambda *arrays: f(*arrays))  # its options stay outside

  @functools.wraps(f)
  def call(*arrays: Array) -> Any:
    return (alone if jax.default_backend() == "cpu" else f)(*arrays)

  return call


def signal_at_a_time(f: Callable[..., Any]) -> Callable[..., Any]:
  """`one_at_a_time` for an `f` with Fourier transforms in it, from JAX 0.11 on.

  There transforms of a batch wait for threads as factorisations do: a machine of the simulated fleet has several of
  them, and drawing four machines stood still (0.11.2, one device on two cores). Those of 0.10 do not, and a fleet is
  simulated in half the processor time with batches.
  """
  return one_at_a_time(f) if jax.__version_info__ >= (0, 11) else f


_factor = one_at_a_time(jnp.linalg.cholesky)
_lower = one_at_a_time(functools.partial(solve_triangular, lower=True))
_lower_transposed = one_at_a_time(functools.partial(solve_triangular, lower=True, trans=1))


@jax.custom_jvp
def cholesky(a: Array) -> Array:
  """The lower factor L (n, n) of a = L L', symmetric and positive definite; differentiable."""
  return _factor(a)


@cholesky.defjvp
def _(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
  """L' = L F(L^-1 a' L^-T), F the lower half with half of the diagonal (I. Murray, arXiv:1602.07527, section 3.1)."""
  (a,), (change,) = primals, tangents
  factor = cholesky(a)
  between = solve_lower(factor, solve_lower(factor, 0.5 * (change + change.T)).T)
  return factor, factor @ (jnp.tril(between) - 0.5 * jnp.diag(jnp.diagonal(between)))


def solve_lower(factor: Array, b: Array) -> Array:
  """L^-1 b of a lower factor (n, n), for b (n,) or (n, m); differentiable."""
  return jax.lax.custom_linear_solve(
    lambda x: factor @ x, b, lambda _, b: _lower(factor, b), lambda _, b: _lower_transposed(factor, b)
  )


def solve_cholesky(factor: Array, b: Array) -> Array:
  """(L L')^-1 b of a lower factor (n, n), for b (n,) or (n, m); differentiable."""

  def solve(_: Any, b: Array) -> Array:
    return _lower_transposed(factor, _lower(factor, b))

  return jax.lax.custom_linear_solve(lambda x: factor @ (factor.T @ x), b, solve, symmetric=True)
