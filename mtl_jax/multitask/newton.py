"""Damped Newton for the bargaining aggregators: alpha > 0 with G alpha = alpha^-p, entry by entry.

It is the minimum of the strictly convex function

  1/2 alpha'G alpha - sum_k psi(alpha_k),    psi' = alpha^-p    (p = 1: psi = log)

and is attained exactly if zero is not in the convex hull of the gradients, that is, if some direction improves
all tasks. With b = norm alpha the equations are C b = k b^-p, k = norm^(p - 1), for rows of norm 1, and with
delta the relative step, db = b delta, Newton's system has a matrix that is positive definite at any scale:

  (BCB + p diag(k b^(1-p))) delta = k b^(1-p) - b (C b).

S. Boyd, L. Vandenberghe, "Convex optimization", Cambridge 2004, section 9.5. The step is halved until the
function falls enough, and never takes b below a tenth of what it was.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax import linalg
from mtl_jax.multitask.rows import Rows, rounding
from mtl_jax.multitask.solvers import Solution, min_norm, solution
from mtl_jax.types import Array

_STEPS = 100
_HALVINGS = 30


class _Iterate(NamedTuple):
  b: Array  # (K,) positive; 1 for what is not live
  move: Array  # () the largest relative step of Newton's method, before damping
  step: Array  # () int
  done: Array  # () bool


def bargain(r: Rows, p: float) -> Solution:
  """alpha > 0 over the live tasks with G alpha = alpha^-p; 0 for the others.

  Where there is none, because some convex combination of the gradients vanishes as far as rounding can tell,
  alpha is zero, `stationary` false and the residual 1. Else the residual is max |C b - k b^-p| / (|C| b).
  """
  dtype = r.norm.dtype
  eps = float(jnp.finfo(dtype).eps)
  live = r.live
  weight = jnp.where(live, jnp.where(live, r.norm, 1.0) ** (p - 1.0), 1.0)  # k

  def gains(b: Array) -> Array:
    """k b^(1 - p), where live."""
    return jnp.where(live, weight * b ** (1.0 - p), 0.0)

  def change(b: Array, relative: Array) -> Array:
    """The function at b (1 + relative) minus the function at b, without the cancellation of two values."""
    moved = b * relative
    growth = jnp.log1p(relative)
    gain = growth if p == 1.0 else jnp.expm1((1.0 - p) * growth) / (1.0 - p)
    return moved @ (r.cosine @ b) + 0.5 * moved @ (r.cosine @ moved) - gains(b) @ gain

  def body(it: _Iterate) -> _Iterate:
    b, gain = it.b, gains(it.b)
    slope = b * (r.cosine @ b) - gain
    hessian = b[:, None] * r.cosine * b[None, :] + jnp.diag(jnp.where(live, p * gain, 1.0))
    delta = -linalg.solve_cholesky(linalg.cholesky(hessian), slope)
    move, decrement = jnp.max(jnp.abs(delta)), -(slope @ delta)
    noise = 10.0 * eps * (b @ (jnp.abs(r.cosine) @ b))  # near the minimum the function cannot tell: full steps

    def too_long(trial: tuple[Array, Array]) -> Array:
      size, halvings = trial
      return (change(b, size * delta) > -0.1 * size * decrement + noise) & (halvings < _HALVINGS)

    most = jnp.minimum(1.0, 0.9 / jnp.maximum(jnp.max(-delta), jnp.finfo(dtype).tiny))
    size, _ = jax.lax.while_loop(too_long, lambda trial: (0.5 * trial[0], trial[1] + 1), (most, jnp.int32(0)))
    found = b * (1.0 + size * delta)
    finite = jnp.all(jnp.isfinite(found))
    found = jnp.where(finite, found, b)
    # Newton's steps square until rounding stops them: the last is the one that did not shrink.
    done = ~finite | (move <= eps) | ((move < 0.01) & (move > 0.5 * it.move))
    return _Iterate(found, jnp.where(finite, move, jnp.inf), it.step + 1, done)

  # The hull of the unit gradients holds zero exactly if that of the gradients does.
  any_live = jnp.any(live)
  closest = min_norm(Rows(live.astype(dtype), r.unit, r.cosine, live, live)).value
  possible = any_live & (closest @ (r.cosine @ closest) > rounding(dtype, len(live)))

  # The solution for orthogonal gradients, as long as it must be along itself.
  first = jnp.where(live, weight ** (1.0 / (1.0 + p)), 1.0)
  own = jnp.where(live, first, 0.0)
  square = jnp.maximum(own @ (r.cosine @ own), 1e-3 * (own @ own))
  ratio = jnp.where(any_live, jnp.sum(gains(first)), 1.0) / jnp.where(any_live, square, 1.0)
  b = jnp.where(live, first * ratio ** (1.0 / (1.0 + p)), 1.0)
  start = _Iterate(b, jnp.full((), jnp.inf, dtype), jnp.int32(0), ~possible)
  end = jax.lax.while_loop(lambda it: ~it.done & (it.step < _STEPS), body, start)

  exists = possible & (end.move < 0.01)
  load = jnp.where(live, jnp.abs(r.cosine) @ end.b, 1.0)
  residual = jnp.max(jnp.where(live, jnp.abs(r.cosine @ end.b - gains(end.b) / end.b) / load, 0.0))
  alpha = jnp.where(exists, r.over_norm(end.b), 0.0) * r.unit ** (-2.0 / (1.0 + p))
  return solution(alpha, jnp.where(exists | ~any_live, residual, 1.0))
