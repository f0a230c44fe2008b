"""SDMGrad, MoDo and MoCo: MGDA's weights by a few projected steps, carried from one training step to the next.

  SDMGrad   w <- Pi(w - beta J (J'^T w + lambda g_0'))   several times,   d = (g_w + lambda g_0) / (1 + lambda)
  MoDo      w <- Pi(w - gamma (J J'^T w + rho w))        once,            d = g_w

Pi is the Euclidean projection on the simplex, rows of J the task gradients of one batch and of J' those of a second,
independent one: their product is an unbiased estimate of the Gram matrix, which the Gram matrix of one batch is not.
So `gram` may be the cross-Gram matrix J J'^T here, and the weights are meant for the gradients of a third batch. With
one batch for all three, `gram` its Gram matrix, they are the papers' algorithms without double sampling.

MoCo is MoDo's step on moving averages of the gradients in place of the second batch, y_k <- y_k - beta (y_k - g_k), and
d = sum_k w_k y_k. They take K x P numbers, which `joint` holds for `before`:

  joint(..., aggregator=modo(gamma, rho=rho), before=optax.ema(1 - beta, debias=False))

P. Xiao, H. Ban, K. Ji, "Direction-oriented multi-objective learning: simple and provable stochastic algorithms",
NeurIPS 2023, algorithm 1. Its objective is divided by the square of the mean gradient norm and its direction by
1 + lambda, as in the authors' code; the code's momentum is left out. L. Chen, H. Fernando, Y. Ying, T. Chen,
"Three-way trade-off in multi-objective learning: optimization, generalization and conflict-avoidance", NeurIPS 2023,
algorithm 1, with the l2 term of the authors' code. H. Fernando, H. Shen, M. Liu, S. Chaudhury, K. Murugesan, T. Chen,
"Mitigating gradient bias in multi-objective learning: a provably convergent approach", ICLR 2023. w and d are of
the newest y, as in its authors' code, whose softmax in place of Pi and whose gradients cut to the length of the losses
are left out.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import count
from mtl_jax.types import Aggregator, Array


class SimplexState(NamedTuple):
  """The state of `sdmgrad` and `modo`.

  Attributes:
    w: on the simplex. In a step where tasks are absent, theirs stay, and the others share what they held together.
  """

  w: Array  # (K,)


def project_simplex(v: Array, active: Array) -> Array:
  """The nearest point with w >= 0 and sum w = 1 over the active tasks; 0 for the others."""
  descending = -jnp.sort(jnp.where(active, -v, jnp.inf))
  place = jnp.arange(1, len(v) + 1, dtype=v.dtype)
  there = jnp.isfinite(descending)
  excess = jnp.cumsum(jnp.where(there, descending, 0.0)) - 1.0
  kept = jnp.maximum(jnp.sum(there & (descending * place > excess)), 1)
  threshold = excess[kept - 1] / kept.astype(v.dtype)
  return jnp.where(active, jnp.maximum(v - threshold, 0.0), 0.0)


def _init(tasks: int) -> SimplexState:
  return SimplexState(jnp.ones(tasks) / tasks)


def _share(state: SimplexState, active: Array, dtype: jnp.dtype) -> tuple[Array, Array]:
  """The active tasks' w, scaled to sum one, and what it summed to; equal where it summed to zero."""
  w = jnp.where(active, state.w.astype(dtype), 0.0)
  total = jnp.sum(w)
  return jnp.where(
    total > 0.0, w / jnp.where(total > 0.0, total, 1.0), active.astype(dtype) / count(active, dtype)
  ), total


def _keep(state: SimplexState, active: Array, w: Array, total: Array) -> SimplexState:
  return SimplexState(jnp.where(active, (w * total).astype(state.w.dtype), state.w))


def sdmgrad(lambda_: float = 0.3, *, steps: int = 20, learning_rate: float = 0.5) -> Aggregator:
  """The direction nearest to the mean gradient, in the sense of lambda, that harms no task.

  Args:
    lambda_: pull towards the mean gradient; 0 is MGDA.
    steps: on w, in each training step.
    learning_rate: beta, for gradients of mean norm 1.
  """

  def combine(key: Array, gram: Array, losses: Array, active: Array, state: SimplexState) -> tuple[Array, SimplexState]:
    del key, losses
    gram = jnp.where(active[:, None] & active[None, :], gram, 0.0)
    tasks = count(active, gram.dtype)
    norm = jnp.sum(jnp.sqrt(jnp.maximum(jnp.diagonal(gram), 0.0))) / tasks
    scaled = jnp.where(norm > 0.0, gram / jnp.where(norm > 0.0, norm, 1.0) / jnp.where(norm > 0.0, norm, 1.0), 0.0)
    mean = jnp.sum(scaled, axis=1) / tasks

    def step(_: int, w: Array) -> Array:
      return project_simplex(w - learning_rate * (scaled @ w + lambda_ * mean), active)

    first, total = _share(state, active, gram.dtype)
    w = jax.lax.fori_loop(0, steps, step, first)
    combined = (w + lambda_ * active.astype(gram.dtype) / tasks) / (1.0 + lambda_)
    return combined, _keep(state, active, w, total)

  return Aggregator(_init, combine)


def modo(gamma: float = 0.001, *, rho: float = 0.1) -> Aggregator:
  """Multi-objective gradients with double sampling; MoCo with a moving average before it.

  Args:
    gamma: rate of w, in units of one over a squared gradient.
    rho: l2 penalty on w.
  """

  def combine(key: Array, gram: Array, losses: Array, active: Array, state: SimplexState) -> tuple[Array, SimplexState]:
    del key, losses
    gram = jnp.where(active[:, None] & active[None, :], gram, 0.0)
    first, total = _share(state, active, gram.dtype)
    w = project_simplex(first - gamma * (gram @ first + rho * first), active)
    return w, _keep(state, active, w, total)

  return Aggregator(_init, combine)
