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

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.online.alpaca import Normal
from mtl_jax.online.streams import Stream, order, scanned
from mtl_jax.types import Array, OnlineLearner


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
    cost: (rows,) of labels, in that of the dearest; offered: (rows,) bool, those that can be bought.
  """

  left: Array
  asked: Array
  unsure: Array
  wanted: Array
  cost: Array
  offered: Array


def buying(
  key: Array, learner: OnlineLearner, state: Any, stream: Stream, *, budget: float, recent: int = 256
) -> Bought:
  """All of a stream, as `replay`, of whose labels the learner buys some.

  Args:
    learner: whose predictions are `Normal`, as those of `alpaca` and `moca` are.
    stream: `matures` is when a label comes if it is bought, infinity where it cannot be; `cost` what it then costs.
    budget: for all of the stream; what is left when the next label costs more is not spent.
    recent: questions that a variance is compared with; before there were two, and where many are equal, a question
      ranks in their middle.

  Raises: ValueError if there is no row, the budget is negative or NaN, nothing recent is to be compared with, or
    predictions are not `Normal`.
  """
  if not len(stream.time) or not budget >= 0 or recent < 1:
    rows = len(stream.time)
    raise ValueError(f"need rows, a budget of 0 or more and recent of 1 or more: {rows=}, {budget=}, {recent=}")
  row, learn = order(stream)
  most = stream.cost.max() or 1.0  # counted in the dearest label, so that no rounding takes one away
  x, y = jax.tree.map(jnp.asarray, (stream.x, stream.y))
  said = jax.eval_shape(learner.predict, key, state, jax.tree.map(lambda leaf: leaf[:1], x))
  if not isinstance(said, Normal):
    raise ValueError(
      f"what to buy is decided by the variance of what is said, and this learner says {type(said).__name__}: give one "
      "whose predictions are Normal, such as alpaca or moca, or set `matures` to infinity where no label is bought and "
      "use replay"
    )
  purse = _Purse(
    jnp.float32(round(budget / most, 6)),
    jnp.int32(0),
    jnp.full(recent, jnp.inf, jnp.float32),
    jnp.zeros(len(stream.time), bool),
    jnp.asarray((stream.cost / most).astype(np.float32)),
    jnp.asarray(np.isfinite(stream.matures)),
  )
  places = jnp.asarray(row, jnp.int32), learn, np.flatnonzero(~learn), np.flatnonzero(learn)
  prediction, _, state, purse = scanned(learner, _decided, key, state, purse, x, y, *places)
  return Bought(prediction, np.where(np.asarray(purse.wanted), stream.matures, np.inf), state)


def _decided(purse: _Purse, row: Array, prediction: Normal) -> _Purse:
  """After one question; prediction (1, targets)."""
  recent, unsure = len(purse.unsure), jnp.sum(jnp.log(prediction.variance)).astype(jnp.float32)
  seen = jnp.maximum(jnp.minimum(purse.asked, recent), 1).astype(jnp.float32)
  below = jnp.sum(purse.unsure < unsure, dtype=jnp.float32) + 0.5 * jnp.sum(purse.unsure == unsure, dtype=jnp.float32)
  rank = jnp.where(purse.asked < 2, 0.5, below / seen)
  rest = (len(purse.wanted) - purse.asked).astype(jnp.float32)
  cost = purse.cost[row]
  buy = purse.offered[row] & (cost <= purse.left) & (cost * rest * (1.0 - rank) <= purse.left)
  return purse._replace(
    left=purse.left - jnp.where(buy, cost, 0.0),
    asked=purse.asked + 1,
    unsure=purse.unsure.at[purse.asked % recent].set(unsure),
    wanted=purse.wanted.at[row].set(buy),
  )
