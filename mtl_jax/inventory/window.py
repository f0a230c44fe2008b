"""The base-stock level that would have been enough lately: a quantile of what the last orders had to cover.

The newsvendor's sample average approximation: with n demands that count alike, the level of critical ratio r is the
ceil(r n)-th smallest of them (R. Levi, R. O. Roundy, D. B. Shmoys, "Provably near-optimal sampling-based policies for
stochastic inventory control models", Math. Oper. Res. 32 (2007) 821-839).
"""

from typing import NamedTuple

import jax.numpy as jnp

from mtl_jax.types import Array, Batch, Metrics, OnlineLearner


class Window(NamedTuple):
  """The state."""

  ratio: Array  # () r
  last: Array  # (window,) demands that were to be covered, in a ring
  known: Array  # () int, so far


def recent_quantile(window: int) -> OnlineLearner:
  """y (n, 1): demand that was to be covered; init takes the critical ratio; predicts levels (n, 1), 0 before any."""

  def init(ratio: Array | float) -> Window:
    return Window(jnp.asarray(ratio), jnp.zeros(window), jnp.zeros((), jnp.int32))

  def predict(key: Array, state: Window, x: Array) -> Array:
    del key
    count = jnp.minimum(state.known, window)
    ranked = jnp.sort(jnp.where(jnp.arange(window) < count, state.last, jnp.inf))
    # 0.8 of 5 is 4.0000001 in float32.
    place = jnp.ceil(state.ratio * count.astype(ranked.dtype) - 1e-4).astype(jnp.int32) - 1
    return jnp.full((len(x), 1), jnp.where(count > 0, ranked[jnp.maximum(place, 0)], 0.0))

  def update(key: Array, state: Window, batch: Batch) -> tuple[Window, Metrics]:
    del key
    place = (state.known + jnp.cumsum(batch.mask) - 1) % window
    last = state.last.at[jnp.where(batch.mask, place, window)].set(batch.y[:, 0], mode="drop")
    return Window(state.ratio, last, state.known + jnp.sum(batch.mask, dtype=jnp.int32)), {}

  return OnlineLearner(init, predict, update)
