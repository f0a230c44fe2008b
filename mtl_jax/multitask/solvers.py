"""Small exact solvers on Gram matrices, inside the compiled program: quadratic programs by active sets.

  simplex:  min over w >= 0, 1'w = 1 of  1/2 w'Gw + q'w      its solution with q = 0 is the min-norm point
  cone:     min over w >= u         of  1/2 w'Gw

Both keep a support (the tasks whose weight is off its bound), solve the equations that hold on it, walk
there as far as the bounds allow, and let in the task that violates its condition most, until none does.
The first is Wolfe's method, the second Lawson and Hanson's with v = w - u. In exact arithmetic each ends
after finitely many solves, usually fewer than K. What rounding could break is guarded: a task that enters
and must leave on the spot is banned until the next progress.

P. Wolfe, "Finding the nearest point in a polytope", Mathematical Programming 11, 1976.
C. L. Lawson, R. J. Hanson, "Solving least squares problems", Prentice-Hall 1974, chapter 23.

Everything is solved for rows of norm 1 (rows.py), so that neither the scale of all gradients nor the
scales of single ones cost digits.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.linalg import one_at_a_time
from mtl_jax.multitask.rows import Rows, rounding
from mtl_jax.types import Array

_solve = one_at_a_time(jnp.linalg.solve)


class Solution(NamedTuple):
  """What a solver found, and how well the conditions of optimality hold there.

  Attributes:
    value: the minimiser.
    residual: the largest violation of the Karush-Kuhn-Tucker conditions, without a unit.
    stationary: the residual is below the square root of the dtype's eps (1.5e-8 in float64).
  """

  value: Array  # (K,)
  residual: Array  # ()
  stationary: Array  # () bool


def solution(value: Array, residual: Array) -> Solution:
  """A Solution, its flag read off its residual; a residual that is not a number is not stationary."""
  return Solution(value, residual, residual <= jnp.sqrt(jnp.finfo(value.dtype).eps).astype(value.dtype))


class _Search(NamedTuple):
  point: Array  # (K,) feasible
  support: Array  # (K,) bool: may be off its bound
  banned: Array  # (K,) bool: was let in and had to leave on the spot
  newest: Array  # (K,) bool: the last that was let in, until it had to leave on the spot
  step: Array  # () int
  done: Array  # () bool


def _active_set(
  solve: Callable[[Array], tuple[Array, Array]], point: Array, support: Array, live: Array
) -> tuple[Array, Array]:
  """The minimiser over point >= 0, and its support.

  Args:
    solve: solve(support) -> (candidate, slack): where the equations on the support hold, and by how much the
      conditions of the other tasks are met there, without a unit; negative: letting the task in descends.
    point, support: where to start: feasible, zero off the support.
    live: which tasks may enter.
  """
  size = len(point)
  tolerance = rounding(point.dtype, size)
  limit = 10 * size + 10

  def body(search: _Search) -> _Search:
    candidate, slack = solve(search.support)
    newest = search.newest
    finite = jnp.all(jnp.isfinite(candidate))
    candidate = jnp.where(finite, candidate, search.point)
    outside = search.support & ((candidate <= 0.0) | (newest & ~finite))
    inside = ~jnp.any(outside)
    # As far towards the candidate as the bounds allow; whoever is met there leaves.
    travel = search.point - candidate
    ratio = jnp.where(outside, jnp.where(travel > 0.0, search.point / jnp.where(travel > 0.0, travel, 1.0), 0.0), 1.0)
    share = jnp.min(ratio)
    leaving = outside & (ratio <= share)
    walked = jnp.where(leaving, 0.0, jnp.maximum(search.point - share * travel, 0.0))
    point = jnp.where(inside, candidate, walked)
    stuck = jnp.any(leaving & newest) & (share <= 0.0)
    banned = jnp.where(stuck, search.banned | newest, search.banned & ~jnp.any(newest))
    # After the ban the same support is solved once more, and `newest` is nobody, so that the ban outlives it.
    worth = jnp.where(live & ~search.support & ~banned, slack, jnp.inf)
    enters = inside & (jnp.min(worth) < -tolerance)
    entering = enters & (jnp.arange(size) == jnp.argmin(worth))
    newest = jnp.where(enters, entering, newest & ~stuck)
    return _Search(point, (search.support & ~leaving) | entering, banned, newest, search.step + 1, inside & ~enters)

  nobody = jnp.zeros(size, bool)
  start = _Search(point, support, nobody, nobody, jnp.int32(0), ~jnp.any(live))
  end = jax.lax.while_loop(lambda search: ~search.done & (search.step < limit), body, start)
  return end.point, end.support


def _on_support(matrix: Array, support: Array) -> Array:
  """The matrix on the support, the identity elsewhere: one shape for every support."""
  return jnp.where(support[:, None] & support[None, :], matrix, jnp.eye(len(support), dtype=matrix.dtype))


class Face(NamedTuple):
  """The two affine minimisers of a support: y = fixed + mu slope solves the equations for the linear term mu q.

  Attributes:
    fixed, slope: of y = norm w.
    level, rise: of the multiplier nu of 1'w = 1, nu = level + mu rise. level is the squared norm of the
      point of the affine hull that is nearest to the origin.
  """

  fixed: Array  # (K,)
  slope: Array  # (K,)
  level: Array  # ()
  rise: Array  # ()


def face(r: Rows, linear: Array, support: Array) -> Face:
  """Solves C y - nu / norm = -mu linear and sum y / norm = 1 on the support, for every mu at once."""
  size = len(support)
  inverse = jnp.where(support, r.over_norm(jnp.ones_like(r.norm)), 0.0)
  most = jnp.maximum(jnp.max(inverse), 1.0)  # the border is made of numbers up to 1, whatever the norms
  border = inverse / most
  bordered = jnp.zeros((size + 1, size + 1), r.norm.dtype)
  bordered = bordered.at[:size, :size].set(_on_support(r.cosine, support)).at[:size, size].set(border)
  bordered = bordered.at[size, :size].set(border)
  fixed = jnp.zeros(size + 1, r.norm.dtype).at[size].set(1.0 / most)
  moving = jnp.append(jnp.where(support, -linear, 0.0), 0.0)
  found = _solve(bordered, jnp.stack([fixed, moving], axis=1))
  return Face(found[:size, 0], found[:size, 1], -found[size, 0] / most, -found[size, 1] / most)


def simplex_point(r: Rows, linear: Array, mu: Array, point: Array, support: Array) -> tuple[Array, Array]:
  """The minimiser of 1/2 w'Gw + mu q'w over the simplex of the live tasks, as y = norm w, and its support.

  Args:
    linear: q / norm.
    point, support: where to start: y = norm w of a feasible w.
  """

  def solve(support: Array) -> tuple[Array, Array]:
    f = face(r, linear, support)
    y, level = f.fixed + mu * f.slope, f.level + mu * f.rise
    gradient = r.cosine @ y + mu * linear
    return y, (gradient - r.over_norm(jnp.full_like(y, level))) / (jnp.sum(jnp.abs(y)) + mu * jnp.max(jnp.abs(linear)))

  return _active_set(solve, point, support, r.live)


def shortest(r: Rows) -> tuple[Array, Array]:
  """The vertex of the shortest live row, as y = norm w, and its support: where the simplex solvers start."""
  first = jnp.argmin(jnp.where(r.live, r.norm, jnp.inf))
  support = r.live & (jnp.arange(len(r.norm)) == first)
  return jnp.where(support, r.norm, 0.0), support


def min_norm(r: Rows) -> Solution:
  """The shortest vector of the convex hull: the w on the simplex that minimises w'Gw.

  Where an active gradient is zero, it is the shortest vector; several share the weight. Where none is active,
  w is zero. The residual: min(y, slack) over y = norm w and slack = (Gw - w'Gw) / (norm sum y).
  """
  start, support = shortest(r)
  y, _ = simplex_point(r, jnp.zeros_like(r.norm), jnp.ones((), r.norm.dtype), start, support)
  w = r.over_norm(y)
  w = w / jnp.where(jnp.any(r.live), jnp.sum(w), 1.0)
  y = r.norm * w
  total = jnp.maximum(jnp.sum(y), jnp.finfo(y.dtype).tiny)
  gradient = r.cosine @ y
  slack = (gradient - r.over_norm(jnp.full_like(y, y @ gradient))) / total
  residual = jnp.max(jnp.abs(jnp.where(r.live, jnp.minimum(y / total, slack), 0.0)))
  still = r.active & ~r.live
  zero = still.astype(w.dtype) / jnp.maximum(jnp.sum(still), 1).astype(w.dtype)
  any_zero = jnp.any(still)
  return solution(jnp.where(any_zero, zero, w), jnp.where(any_zero, 0.0, residual))


def cone(r: Rows, start: Array) -> Solution:
  """Projection on the dual cone of the rows: min over y >= start of y'Cy, for rows of norm 1.

  With y = norm w and start = norm u, the vector sum_k w_k g_k is the projection of sum_k u_k g_k on the cone
  {d: g_k'd >= 0 for every live k} (Proposition 1 of "Jacobian descent", see upgrad.py). The residual:
  min(y - start, Cy) / sum |y|.
  """
  start = jnp.where(r.live, start, 0.0)
  size = jnp.max(jnp.abs(start))
  unit = jnp.where(size > 0.0, size, 1.0)
  start = start / unit
  pull = r.cosine @ start
  total = jnp.maximum(jnp.sum(jnp.abs(start)), jnp.finfo(start.dtype).tiny)

  def solve(support: Array) -> tuple[Array, Array]:
    v = _solve(_on_support(r.cosine, support), jnp.where(support, -pull, 0.0))
    return v, (pull + r.cosine @ v) / (total + jnp.sum(jnp.abs(v)))

  nothing = jnp.zeros_like(start)
  v, _ = _active_set(solve, nothing, jnp.zeros_like(r.live), r.live)
  slack = pull + r.cosine @ v
  residual = jnp.max(jnp.abs(jnp.minimum(v, slack))) / (total + jnp.sum(v))
  return solution(unit * (start + v), residual)
