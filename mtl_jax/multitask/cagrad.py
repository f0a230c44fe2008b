"""CAGrad: the direction near the mean gradient that helps the worst task most.

  max_d min_k g_k'd    over |d - g_0| <= c |g_0|
  d = g_0 + c |g_0| g_w / |g_w|,   w = argmin over the simplex of g_w'g_0 + c |g_0| |g_w|     (algorithm 1)

with g_0 the mean of the gradients and g_w = sum_k w_k g_k. B. Liu, X. Liu, X. Jin, P. Stone, Q. Liu,
"Conflict-averse gradient descent for multi-task learning", NeurIPS 2021.

Solved exactly. c |g_0| |g_w| is the minimum over mu of |g_w|^2 / (2 mu) + mu (c |g_0|)^2 / 2, jointly convex in
(w, mu). For a given mu, w is a quadratic program on the simplex; as long as its support stays, w = w_a + mu w_b,
g_(w_a) is orthogonal to g_(w_b), and |g_w| = mu c |g_0| has the one root

  mu^2 = |g_(w_a)|^2 / ((c |g_0|)^2 - |g_(w_b)|^2).

So mu walks from root to root, inside a bracket, until the support is that of its own root.

Where some convex combination of the gradients vanishes, g_w / |g_w| may be undefined and d is not unique. Then d
is the limit of mu -> 0, the projection of g_0 on the cone of directions that harm no task, which is one of the
maximisers, if it lies in the ball; if it does not, the root above exists.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import Rows, rounding, rows
from mtl_jax.multitask.solvers import Solution, cone, face, min_norm, shortest, simplex_point, solution
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array

_ROOTS = 100


class _Walk(NamedTuple):
  mu: Array  # ()
  low: Array  # () below the root
  high: Array  # () above the root
  y: Array  # (K,) norm w
  support: Array  # (K,) bool
  step: Array  # () int
  done: Array  # () bool


def conflict_averse(r: Rows, c: float) -> Solution:
  """The x >= 0 of d = g_0 + sum_k x_k g_k, the solution of the first line above.

  The residual: the largest of | |d - g_0| / (c |g_0|) - 1 |, outside the vanishing case, and
  |min(norm x, slack)|, without a unit, slack being by how much a task gains more than the worst.
  """
  dtype = r.norm.dtype
  noise = rounding(dtype, len(r.norm))
  pull = r.cosine @ r.norm / r.tasks  # g_k'g_0 / norm_k
  square = jnp.maximum(r.norm @ pull, 0.0) / r.tasks  # |g_0|^2
  total = jnp.sum(r.norm) / r.tasks
  flat = square <= noise * total * total  # g_0 is zero as far as rounding can tell, and so is d
  radius = c * jnp.sqrt(jnp.where(flat, 1.0, square))

  shortest_w = min_norm(r).value
  y_0 = r.norm * shortest_w
  meets = y_0 @ (r.cosine @ y_0) <= noise * jnp.square(jnp.sum(y_0))
  safe_y = jnp.maximum(cone(r, r.norm / r.tasks).value - r.norm / r.tasks, 0.0)
  vanishes = meets & (safe_y @ (r.cosine @ safe_y) <= jnp.square(radius))

  def root(support: Array) -> tuple[Array, Array]:
    """mu^2 is the quotient of the two."""
    f = face(r, pull, support)
    return f.fixed @ (r.cosine @ f.fixed), jnp.square(radius) - f.slope @ (r.cosine @ f.slope)

  def body(walk: _Walk) -> _Walk:
    y, support = simplex_point(r, pull, walk.mu, walk.y, walk.support)
    above, below = root(support)
    too_low = above > below * jnp.square(walk.mu)
    low, high = jnp.where(too_low, walk.mu, walk.low), jnp.where(too_low, walk.high, walk.mu)
    next_mu = jnp.sqrt(jnp.maximum(above, 0.0) / jnp.where(below > 0.0, below, 1.0))
    close = (below > 0.0) & (jnp.abs(next_mu - walk.mu) <= 8.0 * float(jnp.finfo(dtype).eps) * walk.mu)
    inside = close | ((below > 0.0) & (next_mu > low) & (next_mu < high))
    middle = 0.5 * (low + high)
    done = close | (high - low <= 4.0 * float(jnp.finfo(dtype).eps) * high)
    return _Walk(jnp.where(inside, next_mu, middle), low, high, y, support, walk.step + 1, done)

  # |g_w| <= 1, so that mu = 1 / radius is not below the root.
  start, first = shortest(r)
  most = 1.0 / radius
  skip = flat | vanishes | ~jnp.any(r.live)
  walk = _Walk(0.5 * most, jnp.zeros((), dtype), most, start, first, jnp.int32(0), skip)
  walk = jax.lax.while_loop(lambda walk: ~walk.done & (walk.step < _ROOTS), body, walk)
  x_y = jnp.where(vanishes, safe_y, walk.y / walk.mu)
  x_y = jnp.where(flat | ~jnp.any(r.live), 0.0, x_y)

  gradient = pull + r.cosine @ x_y
  size = jnp.maximum(jnp.sum(x_y) + total, jnp.finfo(dtype).tiny)
  gain = jnp.where(vanishes, 0.0, (x_y @ gradient) / jnp.maximum(jnp.sum(r.over_norm(x_y)), jnp.finfo(dtype).tiny))
  slack = (gradient - r.over_norm(jnp.full_like(x_y, gain))) / size
  kkt = jnp.max(jnp.abs(jnp.where(r.live, jnp.minimum(x_y / size, slack), 0.0)))
  length = jnp.sqrt(jnp.maximum(x_y @ (r.cosine @ x_y), 0.0))
  ball = jnp.where(vanishes, 0.0, jnp.abs(length / radius - 1.0))
  residual = jnp.where(flat | ~jnp.any(r.live), 0.0, jnp.maximum(kkt, ball))
  return solution(r.over_norm(x_y), residual)


def cagrad(c: float = 0.5, *, rescale: bool = False) -> Aggregator:
  """Conflict-averse gradients.

  Args:
    c: radius of the ball, in units of |g_0|. At 0 it is the mean; from 1 on no task is harmed.
    rescale: divide by 1 + c^2, as the authors' code does; the paper's algorithm does not.

  Raises:
    ValueError: if c is negative.
  """
  if c < 0.0:
    raise ValueError(f"cagrad: c = {c} is negative")

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    step = conflict_averse(r, c).value if c > 0.0 else jnp.zeros_like(r.norm)
    return jnp.where(active, 1.0 / r.tasks + step, 0.0) / (1.0 + c * c if rescale else 1.0)

  return stateless(weights)
