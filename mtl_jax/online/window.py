"""Ridge regression on the last labels that came: the memory of a plant that forgets by the calendar."""

from typing import NamedTuple

import jax.numpy as jnp

from mtl_jax.meta.r2d2 import Ridge, fit_ridge
from mtl_jax.online.ring import Ring, empty, remember
from mtl_jax.types import Apply, Array, Batch, Metrics, OnlineLearner, PyTree


class WindowState(NamedTuple):
  """The state of `window_ridge`.

  Attributes:
    params: of `apply`.
    ring: features (window, d) and y of the last labels.
    ridge: fitted on them.
  """

  params: PyTree
  ring: Ring
  ridge: Ridge


def window_ridge(apply: Apply, *, window: int, penalty: float, features: int, targets: int) -> OnlineLearner:
  """Ridge with an intercept on the last `window` labels; 0 before the first.

  Args:
    apply: apply(params, x[n, ...]) -> phi[n, features]; needs no constant.
    window: labels that are remembered.
    penalty: of the squared weights, without the intercept, as in `r2d2`.
  """

  def init(params: PyTree) -> WindowState:
    ridge = Ridge(jnp.zeros((features, targets)), jnp.zeros(features), jnp.zeros(targets))
    return WindowState(params, empty(window, (features,), targets), ridge)

  def predict(key: Array, state: WindowState, x: PyTree) -> Array:
    del key
    return state.ridge(apply(state.params, x))

  def update(key: Array, state: WindowState, batch: Batch) -> tuple[WindowState, Metrics]:
    del key
    ring = remember(state.ring, batch._replace(x=apply(state.params, batch.x)))
    ridge = fit_ridge(
      ring.x, ring.y, jnp.arange(window, dtype=ring.labels.dtype) < ring.labels, jnp.asarray(penalty, ring.x.dtype)
    )
    return WindowState(state.params, ring, ridge), {}

  return OnlineLearner(init, predict, update)
