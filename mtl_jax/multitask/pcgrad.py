"""PCGrad and GradVac: each gradient is turned towards the others, one after the other, in random order.

  PCGrad    if g_i'g_j < 0:    g_i <- g_i - g_j (g_i'g_j) / |g_j|^2                               (algorithm 1)
  GradVac   if phi < target:   g_i <- g_i + g_j |g_i| (target sqrt(1 - phi^2) - phi sqrt(1 - target^2))
                                            / (|g_j| sqrt(1 - target^2))
            target <- (1 - beta) target + beta phi,   phi the cosine of the g_i so far and g_j

g_j is always the gradient as it was. The result is the sum over i. Everything stays in the span of the
gradients, so that K coefficients stand for each. At K = 2, PCGrad is twice UPGrad.

T. Yu, S. Kumar, A. Gupta, S. Levine, K. Hausman, C. Finn, "Gradient surgery for multi-task learning", NeurIPS
2020. Z. Wang, Y. Tsvetkov, O. Firat, Y. Cao, "Gradient vaccine: investigating and improving multi-task
optimization in massively multilingual models", ICLR 2021; its granularity here is the whole model.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import Rows, rounding, rows
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def _orders(key: Array, tasks: int) -> Array:
  """A random order of the tasks for each task, (K, K)."""
  return jax.vmap(lambda k: jax.random.permutation(k, tasks))(jax.random.split(key, tasks))


def _summed(r: Rows, coefficients: Array) -> Array:
  """Weights of the sum of the turned gradients; coefficients[i] are those of g_i / norm_i on unit rows."""
  return jnp.where(r.live, r.over_norm(r.norm @ coefficients), r.active.astype(r.norm.dtype))


def pcgrad() -> Aggregator:
  """Projected conflicting gradients, summed."""

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del losses
    r = rows(gram, active)
    tasks = len(active)

    def surgery(task: Array, order: Array) -> Array:
      def project(k: int, coefficient: Array) -> Array:
        other = order[k]
        conflict = jnp.where(other == task, 0.0, jnp.minimum(r.cosine[other] @ coefficient, 0.0))
        return coefficient.at[other].add(-conflict)

      return jax.lax.fori_loop(0, tasks, project, jnp.zeros_like(r.norm).at[task].set(1.0))

    return _summed(r, jax.vmap(surgery)(jnp.arange(tasks), _orders(key, tasks)))

  return stateless(weights)


class GradVacState(NamedTuple):
  """The state of `gradvac`.

  Attributes:
    target: the running cosine of every pair, which gradients are turned up to; 0 at first.
  """

  target: Array  # (K, K)


def gradvac(beta: float = 0.01) -> Aggregator:
  """Gradient vaccine, summed.

  Args:
    beta: share of the newest cosine in the running one. The targets of absent tasks stay as they are.
  """

  def init(tasks: int) -> GradVacState:
    return GradVacState(jnp.zeros((tasks, tasks)))

  def combine(key: Array, gram: Array, losses: Array, active: Array, state: GradVacState) -> tuple[Array, GradVacState]:
    del losses
    r = rows(gram, active)
    tasks = len(active)
    noise = rounding(gram.dtype, tasks)

    def vaccinate(task: Array, order: Array, targets: Array) -> tuple[Array, Array]:
      def turn(k: int, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        coefficient, targets = carry
        other = order[k]
        square = coefficient @ (r.cosine @ coefficient)
        # A gradient that an earlier turn made vanish has no angle.
        meets = (other != task) & r.live[task] & r.live[other] & (square > noise * jnp.sum(jnp.abs(coefficient)) ** 2)
        length = jnp.sqrt(jnp.where(meets, square, 1.0))
        phi = jnp.clip(r.cosine[other] @ coefficient / length, -1.0, 1.0)
        # A target of 1 could only be reached by an infinite step.
        target = jnp.minimum(targets[other], 1.0 - noise)
        rest = jnp.sqrt(1.0 - target * target)
        push = length * (target * jnp.sqrt(1.0 - phi * phi) - phi * rest) / rest
        moved = coefficient.at[other].add(jnp.where(meets & (phi < target), push, 0.0))
        blended = targets.at[other].set((1.0 - beta) * targets[other] + beta * phi)
        return moved, jnp.where(meets, blended, targets)

      return jax.lax.fori_loop(0, tasks, turn, (jnp.zeros_like(r.norm).at[task].set(1.0), targets))

    target = state.target.astype(gram.dtype)
    coefficients, target = jax.vmap(vaccinate)(jnp.arange(tasks), _orders(key, tasks), target)
    return _summed(r, coefficients), GradVacState(target.astype(state.target.dtype))

  return Aggregator(init, combine)
