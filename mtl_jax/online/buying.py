"""Which labels to buy: where the learner is unsure, and so that a budget lasts.

A label costs something, and is worth the more the less its answer is known; for a regression with known noise the
predictive variance says how little (D. J. C. MacKay, "Information-based objective functions for active data selection",
Neural Comput. 4 (1992) 590-604). On a stream a question is decided on at once, and what is "high" drifts: a question is
put to the laboratory if its variance is above the quantile of the last `recent` ones that leaves the share which the
rest of the budget can pay for (I. Zliobaite et al., "Active learning with drifting streaming data", IEEE Trans. Neural
Netw. Learn. Syst. 25 (2014) 27-39, whose threshold moves too, by a factor at a time). That share is a controller: too
many bought, and it sinks.

  buy if rank(log det variance) > 1 - (budget - spent) / (cost * questions left)   and   spent + cost <= budget
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.online.alpaca import Normal
from mtl_jax.online.streams import Stream, order
from mtl_jax.types import Array, Batch, OnlineLearner, PyTree


class Bought(NamedTuple):
  """What a learner that buys its labels made of a stream.

  Attributes:
    prediction: `Normal`, leaves (rows, targets).
    matures: (rows,) of the stream, infinity where the label was not bought.
    state: of the learner at the end.
  """

  prediction: Normal
  matures: np.ndarray
  state: Any


class _Purse(NamedTuple):
  """What is known when a question is decided on.

  Attributes:
    left: () of the budget, in costs of the dearest label.
    asked: () int, questions so far.
    unsure: (recent,) log det variance of the last ones, infinity before there were as many.
    wanted: (rows,) bool, labels that are bought.
  """

  left: Array
  asked: Array
  unsure: Array
  wanted: Array


def buying(
  key: Array, learner: OnlineLearner, state: Any, stream: Stream, *, budget: float, recent: int = 256
) -> Bought:
  """All of a stream, as `replay`, of whose labels the learner buys some.

  Args:
    learner: whose predictions are `Normal`.
    stream: `matures` is when a label comes if it is bought, infinity where it cannot be; `cost` what it then costs.
    budget: for all of the stream; what is left when the next label costs more is not spent.
    recent: questions that a variance is compared with; before there were two, and where many are equal, a question
      ranks in their middle.

  Raises: ValueError if there is no row, the budget is negative or NaN, or nothing recent is to be compared with.
  """
  if not len(stream.time) or not budget >= 0 or recent < 1:
    rows = len(stream.time)
    raise ValueError(f"need rows, a budget of 0 or more and recent of 1 or more: {rows=}, {budget=}, {recent=}")
  row, learn = order(stream)
  most = stream.cost.max() or 1.0  # counted in the dearest label, so that no rounding takes one away
  x, y, cost = jax.tree.map(jnp.asarray, (stream.x, stream.y, (stream.cost / most).astype(np.float32)))
  offered = jnp.asarray(np.isfinite(stream.matures))
  purse = _Purse(
    jnp.float32(round(budget / most, 6)),
    jnp.int32(0),
    jnp.full(recent, jnp.inf, jnp.float32),
    jnp.zeros(len(stream.time), bool),
  )
  asked, row = np.flatnonzero(~learn), jnp.asarray(row, jnp.int32)
  prediction, wanted, state = _bought(learner, key, state, purse, x, y, cost, offered, row, learn, asked)
  return Bought(prediction, np.where(np.asarray(wanted), stream.matures, np.inf), state)


def _decided(purse: _Purse, row: Array, prediction: Normal, cost: Array, offered: Array) -> _Purse:
  """After one question; prediction (1, targets)."""
  recent, unsure = len(purse.unsure), jnp.sum(jnp.log(prediction.variance)).astype(jnp.float32)
  seen = jnp.maximum(jnp.minimum(purse.asked, recent), 1).astype(jnp.float32)
  below = jnp.sum(purse.unsure < unsure, dtype=jnp.float32) + 0.5 * jnp.sum(purse.unsure == unsure, dtype=jnp.float32)
  rank = jnp.where(purse.asked < 2, 0.5, below / seen)
  rest = (len(purse.wanted) - purse.asked).astype(jnp.float32)
  buy = offered & (cost <= purse.left) & (cost * rest * (1.0 - rank) <= purse.left)
  return _Purse(
    purse.left - jnp.where(buy, cost, 0.0),
    purse.asked + 1,
    purse.unsure.at[purse.asked % recent].set(unsure),
    purse.wanted.at[row].set(buy),
  )


@partial(jax.jit, static_argnums=0)
def _bought(
  learner: OnlineLearner,
  key: Array,
  state: Any,
  purse: _Purse,
  x: PyTree,
  y: Array,
  cost: Array,
  offered: Array,
  row: Array,
  learn: Array,
  asked: Array,
) -> tuple[Normal, Array, Any]:
  def take(row: Array) -> Batch:
    at, label = jax.tree.map(lambda leaf: leaf[row][None], (x, y))
    return Batch(at, label, jnp.ones(1, bool))

  kinds = jax.eval_shape(learner.predict, key, state, take(row[0]).x)
  nothing = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), kinds)

  def one(carry: tuple[Any, _Purse], event: tuple[Array, Array, Array]) -> tuple[tuple[Any, _Purse], Normal]:
    (state, purse), (place, row, learn) = carry, event
    now, batch = jax.random.fold_in(key, place), take(row)

    def update() -> tuple[tuple[Any, _Purse], Normal]:
      learned = jax.lax.cond(purse.wanted[row], lambda: learner.update(now, state, batch)[0], lambda: state)
      return (learned, purse), nothing

    def ask() -> tuple[tuple[Any, _Purse], Normal]:
      prediction = learner.predict(now, state, batch.x)
      return (state, _decided(purse, row, prediction, cost[row], offered[row])), prediction

    return jax.lax.cond(learn, update, ask)

  (state, purse), prediction = jax.lax.scan(one, (state, purse), (jnp.arange(len(row)), row, learn))
  return jax.tree.map(lambda leaf: leaf[asked, 0], prediction), purse.wanted, state
