"""UPGrad and DualProj: projections on the dual cone, the directions that harm no task.

  cone        C* = {d: g_k'd >= 0 for every k},   pi = the projection on it          (eq. 3)
  UPGrad      sum over k of p_k pi(g_k)
  DualProj    pi(sum over k of p_k g_k)

with a preference p, 1/K each unless it is given. pi(sum_k u_k g_k) = sum_k w_k g_k, w the minimum of w'Gw over
w >= u (proposition 1). UPGrad is linear under scaling: multiplying one gradient by a positive factor multiplies its
share of the result by it.

P. Quinton, V. Rey, "Jacobian descent for multi-objective optimization", arXiv 2406.16232. DualProj is the step of
D. Lopez-Paz, M. Ranzato, "Gradient episodic memory for continual learning", NeurIPS 2017, eq. 11, for the mean
gradient.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import preferences, rows
from mtl_jax.multitask.solvers import cone
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def upgrad(preference: Sequence[float] | None = None) -> Aggregator:
  """The projected gradients together: no task's product with the result is negative. A zero gradient keeps its p_k.

  Args:
    preference: p, not negative.

  Raises:
    ValueError: from combine, if a preference is negative, or there are more or fewer than tasks.
  """

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r, p = rows(gram, active), preferences(preference, active, gram.dtype)
    projected = jax.vmap(lambda unit: cone(r, unit).value)(jnp.eye(len(active), dtype=gram.dtype))
    return jnp.where(r.live, r.over_norm((p * r.norm) @ projected), p)

  return stateless(weights)


def dualproj(preference: Sequence[float] | None = None) -> Aggregator:
  """The gradients together, projected: no task's product with the result is negative. A zero gradient keeps its p_k.

  Args:
    preference: p, not negative.

  Raises:
    ValueError: from combine, if a preference is negative, or there are more or fewer than tasks.
  """

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r, p = rows(gram, active), preferences(preference, active, gram.dtype)
    return jnp.where(r.live, r.over_norm(cone(r, p * r.norm).value), p)

  return stateless(weights)
