"""UPGrad and DualProj: projections on the dual cone, the directions that harm no task.

  cone        C* = {d: g_k'd >= 0 for every k},   pi = the projection on it          (eq. 3)
  UPGrad      mean over k of pi(g_k)
  DualProj    pi(mean over k of g_k)

pi(sum_k u_k g_k) = sum_k w_k g_k, w the minimum of w'Gw over w >= u (proposition 1). UPGrad is linear under
scaling: multiplying one gradient by a positive factor multiplies its share of the result by it.

P. Quinton, V. Rey, "Jacobian descent for multi-objective optimization", arXiv 2406.16232. DualProj is the step of
D. Lopez-Paz, M. Ranzato, "Gradient episodic memory for continual learning", NeurIPS 2017, eq. 11, for the mean
gradient.
"""

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import Rows, rows
from mtl_jax.multitask.solvers import cone
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def _weights(r: Rows, y: Array) -> Array:
  """From y = norm w, for a preference of 1 each, to the weights; a zero gradient keeps its preference."""
  return jnp.where(r.live, r.over_norm(y), r.active.astype(y.dtype)) / r.tasks


def upgrad() -> Aggregator:
  """The mean of the projected gradients: no task's product with the result is negative."""

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    projected = jax.vmap(lambda unit: cone(r, unit).value)(jnp.eye(len(active), dtype=gram.dtype))
    return _weights(r, r.norm @ projected)

  return stateless(weights)


def dualproj() -> Aggregator:
  """The projected mean gradient: no task's product with the result is negative."""

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    return _weights(r, cone(r, r.norm).value)

  return stateless(weights)
