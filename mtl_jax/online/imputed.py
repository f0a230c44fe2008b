"""Missing features made safe for any learner: the mean of a column so far in place of what is missing.

One NaN in a labelled row would turn the moments of `alpaca`, the ring of `sliding` or a step of `gradient` into NaN for
good, and with them each prediction since. Around a learner, `imputed` fills in before the learner reads: a number that
is not finite is missing. The means are of the labelled rows so far, of all units and for all time, so that they have a
fixed size; a line whose level moves far is better served with a column less than with its mean of years ago. A row of
which something is missing is learned from as it was filled in, which draws the weight of that column towards nothing.
Where the gap itself says something, give the stream a column that marks it. Where nothing is missing the learner reads
the very bits that it would read without this.
"""

from typing import Any, NamedTuple

import jax.numpy as jnp

from mtl_jax.types import Array, Batch, Metrics, OnlineLearner, PyTree


class ImputedState(NamedTuple):
  """The state of `imputed`.

  Attributes:
    learned: the learner's own.
    mean: (*inputs) of what was there; 0, the mean of standardised columns, before that.
    rows: (*inputs) int, in how many it was there.
  """

  learned: Any
  mean: Array
  rows: Array


def imputed(learner: OnlineLearner, *, inputs: tuple[int, ...]) -> OnlineLearner:
  """A learner that is asked, and learns, whatever is missing.

  Args:
    learner: any; never reads a number that is not finite, and no label of which a target is not.
    inputs: shape of a row's x, one array.

  Returns:
    An OnlineLearner whose init takes what `learner`'s takes, with its predictions and metrics.
  """

  def filled(state: ImputedState, x: Array) -> Array:
    return jnp.where(jnp.isfinite(x), x, state.mean[None])

  def init(params: PyTree) -> ImputedState:
    return ImputedState(learner.init(params), jnp.zeros(inputs), jnp.zeros(inputs, jnp.int32))

  def predict(key: Array, state: ImputedState, x: Array) -> Any:
    return learner.predict(key, state.learned, filled(state, x))

  def update(key: Array, state: ImputedState, batch: Batch) -> tuple[ImputedState, Metrics]:
    mask = batch.mask & jnp.isfinite(batch.y).all(axis=tuple(range(1, batch.y.ndim)))
    there = jnp.isfinite(batch.x) & mask.reshape(-1, *[1] * len(inputs))
    rows = state.rows + jnp.sum(there, axis=0, dtype=jnp.int32)
    apart = jnp.sum(jnp.where(there, batch.x - state.mean[None], 0.0), axis=0)
    state = ImputedState(state.learned, state.mean + apart / jnp.maximum(rows, 1).astype(apart.dtype), rows)
    y = jnp.where(mask.reshape(-1, *[1] * (batch.y.ndim - 1)), batch.y, jnp.zeros((), batch.y.dtype)[None])
    learned, metrics = learner.update(key, state.learned, Batch(filled(state, batch.x), y, mask))
    return state._replace(learned=learned), metrics

  return OnlineLearner(init, predict, update)
