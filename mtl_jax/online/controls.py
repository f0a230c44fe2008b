"""What a plant has without learning on the stream: a frozen model, the last value, a model that is fitted anew."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from mtl_jax.online.streams import Stream, predictions
from mtl_jax.types import Apply, Array, Batch, Metrics, OnlineLearner, PyTree


def frozen(apply: Apply) -> OnlineLearner:
  """A model that never learns: init takes its parameters, which are the state."""

  def predict(key: Array, state: PyTree, x: PyTree) -> Array:
    del key
    return apply(state, x)

  def update(key: Array, state: PyTree, batch: Batch) -> tuple[PyTree, Metrics]:
    del key, batch
    return state, {}

  return OnlineLearner(lambda params: params, predict, update)


def persistence() -> OnlineLearner:
  """The last label that came; init takes what is said before the first, (targets,)."""

  def predict(key: Array, state: Array, x: Any) -> Array:
    del key
    return jnp.broadcast_to(state[None], (len(x), len(state)))

  def update(key: Array, state: Array, batch: Batch) -> tuple[Array, Metrics]:
    del key
    last = jnp.max(jnp.where(batch.mask, jnp.arange(len(batch.mask)), -1))
    return jnp.where(last < 0, state, batch.y[last]), {}

  return OnlineLearner(lambda first: first, predict, update)


def last_known(first: np.ndarray, stream: Stream) -> np.ndarray:
  """(rows, targets): what `persistence` says on a stream; `first` (targets,) before any label has come."""
  return predictions(persistence(), jnp.asarray(first), stream)


def retrained(
  fit: Callable[[np.ndarray, np.ndarray], Callable[[np.ndarray], np.ndarray]], stream: Stream, every: float
) -> np.ndarray:
  """(rows, targets): predictions of a model that is fitted anew at regular times, on the host.

  Args:
    fit: fit(x[n, d], y[n, targets]) of all rows that matured before -> predict(x) -> (rows, targets); what came
      before the stream is the caller's to add.
    every: time between two fits, the first at the first row.
  """
  found = np.full(stream.y.shape, np.nan, stream.y.dtype)
  period = np.floor((stream.time - stream.time[0]) / every)
  for number in np.unique(period):
    rows = period == number
    known = stream.matures < stream.time[0] + number * every
    found[rows] = fit(stream.x[known], stream.y[known])(stream.x[rows])
  return found
