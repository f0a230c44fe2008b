"""A level that learns from whether it was enough: online gradient descent on the newsvendor's cost.

With centre m, scale s and critical ratio r the level is m + q s, and when the demand y that it had to cover is known

  q <- q + rate (r - 1{y <= m + q s})

a step down the subgradient of the pinball loss of (y - m) / s. Around a fixed m it is the adaptive base-stock policy
of W. T. Huh, P. Rusmevichientong, "A nonparametric asymptotic analysis of inventory planning with censored demand",
Math. Oper. Res. 34 (2009) 103-123, with a constant step, since demand drifts, and demand that is seen. Around a
forecast it is the quantile tracker of A. N. Angelopoulos, E. J. Candes, R. J. Tibshirani, "Conformal PID control for
time series prediction", NeurIPS 2023, a relative of adaptive conformal inference (I. Gibbs, E. Candes, NeurIPS 2021),
which moves r and not q. Whatever demand does, if (y - m) / s stays within B the share of periods that are covered is as
near r as (2 B + rate) / (rate T) after T periods, where labels come at once and q starts within B.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.types import Array, Batch, Metrics, OnlineLearner


class Tracking(NamedTuple):
  """What `init` takes, and the state."""

  ratio: Array | float  # r
  rate: Array | float
  offset: Array | float  # q


def tracked() -> OnlineLearner:
  """x (n, 2): centre and scale; y (n, 1): the demand that was to be covered; predicts levels (n, 1)."""

  def init(tracking: Tracking) -> Tracking:
    return jax.tree.map(jnp.asarray, tracking)

  def predict(key: Array, state: Tracking, x: Array) -> Array:
    del key
    return x[:, :1] + state.offset * x[:, 1:]

  def one(state: Tracking, row: Batch) -> tuple[Tracking, None]:
    covered = row.y[0] <= row.x[0] + state.offset * row.x[1]
    moved = state.rate * (state.ratio - covered.astype(row.y.dtype))
    return state._replace(offset=state.offset + jnp.where(row.mask, moved, 0.0)), None

  def update(key: Array, state: Tracking, batch: Batch) -> tuple[Tracking, Metrics]:
    del key
    return jax.lax.scan(one, state, batch)[0], {}

  return OnlineLearner(init, predict, update)
