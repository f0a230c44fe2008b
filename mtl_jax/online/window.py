"""Ridge regression on the last labels that came: the memory of a plant that forgets by the calendar."""

from typing import NamedTuple

import jax.numpy as jnp

from mtl_jax.meta.r2d2 import Ridge, fit_ridge
from mtl_jax.types import Apply, Array, Batch, Metrics, OnlineLearner, PyTree


class WindowState(NamedTuple):
  """The state of `window_ridge`.

  Attributes:
    params: of `apply`.
    phi: (window, d) features of the last labels, in a ring.
    y: (window, targets)
    labels: () int, so far.
    ridge: fitted on them.
  """

  params: PyTree
  phi: Array
  y: Array
  labels: Array
  ridge: Ridge


def window_ridge(apply: Apply, *, window: int, penalty: float, features: int, targets: int) -> OnlineLearner:
  """Ridge with an intercept on the last `window` labels; 0 before the first.

  Args:
    apply: apply(params, x[n, ...]) -> phi[n, features]; needs no constant.
    window: labels that are remembered.
    penalty: of the squared weights, without the intercept, as in `r2d2`.
  """

  def init(params: PyTree) -> WindowState:
    phi, y = jnp.zeros((window, features)), jnp.zeros((window, targets))
    ridge = Ridge(jnp.zeros((features, targets)), jnp.zeros(features), jnp.zeros(targets))
    return WindowState(params, phi, y, jnp.zeros((), jnp.int32), ridge)

  def predict(key: Array, state: WindowState, x: PyTree) -> Array:
    del key
    return state.ridge(apply(state.params, x))

  def update(key: Array, state: WindowState, batch: Batch) -> tuple[WindowState, Metrics]:
    del key
    phi = apply(state.params, batch.x)
    place = (state.labels + jnp.cumsum(batch.mask) - 1) % window
    place = jnp.where(batch.mask, place, window)  # out of the ring: dropped
    count = state.labels + jnp.sum(batch.mask, dtype=jnp.int32)
    phi, y = state.phi.at[place].set(phi, mode="drop"), state.y.at[place].set(batch.y, mode="drop")
    ridge = fit_ridge(phi, y, jnp.arange(window) < count, jnp.asarray(penalty, phi.dtype))
    return WindowState(state.params, phi, y, count, ridge), {}

  return OnlineLearner(init, predict, update)
