"""ExcessMTL: the tasks that are furthest from their own optimum weigh most.

  e_k = g_k' H_k^-1 g_k,   H_k = diag(sum over the steps so far of g_k^2)^(1/2)      the excess risk, estimated
  w_k <- w_k exp(eta e_k / e_k(0)),   scaled to the sum they had                        d = sum_k w_k g_k

A large loss that no training lowers, noise in the labels, has a small gradient and gets no weight for being large.
Y. He, S. Zhou, G. Zhang, H. Yun, Y. Xu, B. Zeng, T. Chilimbi, H. Zhao, "Robust multi-task learning with excess risks",
ICML 2024. As in the authors' code, the weights sum to K and are used after their step; the 1e-7 that it adds to the
squares, which has a unit, is left out.
"""

from collections.abc import Callable
from functools import reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.multitask.gram import wide
from mtl_jax.multitask.rows import count, softmax
from mtl_jax.types import Array, PyTree


class JacobianAggregator(NamedTuple):
  """How K task gradients become one, by their coordinates: `joint` holds the Jacobian, K x P numbers, for it.

  Attributes:
    init: init(tasks: int, params) -> state; params: those of the level, None elsewhere
    combine: combine(key, jacobian, losses[K], active[K], state) -> (weights[K], state); leaves of the Jacobian are
      (K, ...), rows of inactive tasks zero.
  """

  init: Callable[[int, PyTree], Any]
  combine: Callable[[Array, PyTree, Array, Array, Any], tuple[Array, Any]]


class ExcessMTLState(NamedTuple):
  """The state of `excess_mtl`: K x P numbers more.

  Attributes:
    squares: sums of squared gradients, leaves (K, ...).
    first: e_k(0), the first that is not zero; 0 before that.
    log_w: absent tasks keep theirs, and the others share what they held together.
  """

  squares: PyTree
  first: Array  # (K,)
  log_w: Array  # (K,)


def excess_mtl(learning_rate: float = 0.01) -> JacobianAggregator:
  """Excess risks, relative to their first value, weigh the tasks; the weights sum to the number of active tasks.

  Args:
    learning_rate: eta.
  """

  def init(tasks: int, params: PyTree) -> ExcessMTLState:
    squares = jax.tree.map(lambda leaf: jnp.zeros((tasks, *leaf.shape), leaf.dtype), params)
    return ExcessMTLState(squares, jnp.zeros(tasks), jnp.zeros(tasks))

  def combine(
    key: Array, jacobian: PyTree, losses: Array, active: Array, state: ExcessMTLState
  ) -> tuple[Array, ExcessMTLState]:
    del key, losses
    squares = jax.tree.map(lambda total, row: total + jnp.square(row), state.squares, jacobian)
    kind = wide(jacobian)

    def excess(row: Array, total: Array) -> Array:
      each = jnp.where(total > 0.0, jnp.square(row) / jnp.sqrt(jnp.where(total > 0.0, total, 1.0)), 0.0)
      return jnp.sum(jnp.reshape(each.astype(kind), (each.shape[0], -1)), axis=1)

    found = reduce(jnp.add, jax.tree.leaves(jax.tree.map(excess, jacobian, squares)))
    first = jnp.where(state.first > 0.0, state.first, found.astype(state.first.dtype))
    relative = jnp.where(first > 0.0, found.astype(first.dtype) / jnp.where(first > 0.0, first, 1.0), 0.0)
    log_w = state.log_w + learning_rate * relative
    there = active | ~jnp.any(active)
    grown = jax.nn.logsumexp(log_w, where=there) - jax.nn.logsumexp(state.log_w, where=there)
    log_w = jnp.where(active, log_w - grown, state.log_w)
    weights = count(active, kind) * softmax(log_w.astype(kind), active)
    return weights, ExcessMTLState(squares, first, log_w)

  return JacobianAggregator(init, combine)
