"""A running line as events in the order of time: what is asked now, and labels that come later, or never.

Prequential: predict, then learn (A. P. Dawid, "Statistical theory: the prequential approach", J. R. Stat. Soc. A 147
(1984) 278-292; J. Gama, R. Sebastiao, P. P. Rodrigues, "On evaluating stream learning algorithms", Mach. Learn. 90
(2013) 317-346). One rule says what may be known: everything asked at a time is answered before a label that matures
at that time is learned from. A label with no delay therefore serves the next time, never its own.

`events` is the place to connect a plant. It gives a recorded stream as a plain iterator, and `serve` runs a learner on
any iterator of the same kind: `mtl_jax.online.feed` is one that a client of MQTT or OPC UA fills.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.tasks.rows import Listed
from mtl_jax.types import Array, Batch, Metrics, OnlineLearner, PyTree


class Stream(NamedTuple):
  """Rows in the order of time, on the host; of equal times in the order given.

  Attributes:
    time: (rows,) float64, in any unit.
    unit: (rows,) which asset.
    x: leaves (rows, ...); what is missing is NaN: put `imputed` around a learner whose `apply` cannot read that.
    y: (rows, targets); NaN where nobody ever knew.
    matures: (rows,) when the label may be learned from; infinity: never. Losses are counted there all the same.
    cost: (rows,) of the label if somebody must find it out, in units of the loss; 0 where it comes by itself.
  """

  time: np.ndarray
  unit: np.ndarray
  x: PyTree
  y: np.ndarray
  matures: np.ndarray
  cost: np.ndarray


class Event(NamedTuple):
  """A question, or the label of an earlier one.

  Attributes:
    time: now.
    unit: which asset.
    x: leaves (...), of the question; of the earlier question where a label comes.
    y: (targets,) the label; None for a question.
    cost: of the label, of a question that of the one it may get.
  """

  time: float
  unit: Any
  x: PyTree
  y: np.ndarray | None
  cost: float = 0.0


class Replayed(NamedTuple):
  """What a learner made of a stream.

  Attributes:
    prediction: leaves (rows, ...).
    metrics: of the updates, leaves (labels, ...), in the order in which labels came.
    state: of the learner at the end.
  """

  prediction: PyTree
  metrics: Metrics
  state: Any


def stream(
  time: np.ndarray,
  x: PyTree,
  y: np.ndarray,
  *,
  delay: float | np.ndarray = 0.0,
  unit: np.ndarray | None = None,
  cost: float | np.ndarray = 0.0,
) -> Stream:
  """A stream from rows in any order.

  Args:
    time: (rows,) finite numbers.
    x: leaves (rows, ...); y: (rows, targets), NaN where there is no label.
    delay: from a row to its label, for all or (rows,), in the unit of `time`; infinity where the label is never bought.
    unit: (rows,); None: one asset.
    cost: of a label, for all or (rows,), in units of the loss.

  Raises: ValueError if lengths differ, a time is not finite, a delay is negative or NaN, or a cost negative or not
    finite.
  """
  time, y = np.asarray(time, np.float64), np.asarray(y)
  unit = np.zeros(len(time), np.int32) if unit is None else np.asarray(unit)
  delay = np.broadcast_to(np.asarray(delay, np.float64), time.shape)
  cost = np.broadcast_to(np.asarray(cost, np.float64), time.shape)
  leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(x)]
  if y.ndim != 2 or any(len(leaf) != len(time) for leaf in (unit, y, *leaves)):
    raise ValueError(f"need rows, as many of each: time {time.shape}, y {y.shape}, x {[leaf.shape for leaf in leaves]}")
  if not np.isfinite(time).all() or not (delay >= 0).all():
    raise ValueError("every row needs a finite time and a delay of 0 or more")
  if not ((cost >= 0) & np.isfinite(cost)).all():
    raise ValueError("the label of every row needs a finite cost of 0 or more")
  matures = np.where(np.isnan(y).any(axis=1), np.inf, time + delay)
  rows = np.argsort(time, kind="stable")
  x = jax.tree.map(lambda leaf: np.asarray(leaf)[rows], x)
  return Stream(time[rows], unit[rows], x, y[rows], matures[rows], cost[rows])


def stream_of(
  table: Listed, features: Sequence[str], targets: Sequence[str], *, delay: float | np.ndarray = 0.0, time: str = "time"
) -> Stream:
  """A stream from a table of numbers: its group `time` must order the rows of all units."""
  x = np.stack([np.asarray(table.columns[name], np.float32) for name in features], axis=1)
  y = np.stack([np.asarray(table.labels[name], np.float32) for name in targets], axis=1)
  return stream(table.groups[time], x, y, delay=delay, unit=table.groups["unit"])


def order(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
  """What happens one after the other: (events,) the row, and (events,) bool, its label is learned or it is asked."""
  known = np.flatnonzero(np.isfinite(stream.matures))
  row = np.concatenate([np.arange(len(stream.time)), known])
  when = np.concatenate([stream.time, stream.matures[known]])
  learn = np.arange(len(row)) >= len(stream.time)
  turn = np.lexsort((row, learn, when))
  return row[turn], learn[turn]


def events(stream: Stream) -> Iterator[Event]:
  """The same as a plain iterator."""
  for row, learn in zip(*order(stream), strict=True):
    time, y = (stream.matures[row], stream.y[row]) if learn else (stream.time[row], None)
    x = jax.tree.map(lambda leaf, row=row: leaf[row], stream.x)
    yield Event(float(time), stream.unit[row], x, y, float(stream.cost[row]))


def serve(
  key: Array, learner: OnlineLearner, state: Any, events: Iterable[Event], done: int = 0
) -> Iterator[tuple[Any, PyTree | None]]:
  """Runs a learner on events as they come.

  A process that is killed goes on, and ends with the same bits, from a `mtl_jax.checkpoint.Checkpoints`, here of every
  100 events, if its source sends again what came since the last one:

    done, state = checkpoints.latest(state) if checkpoints.steps() else (0, state)
    served = serve(key, learner, state, itertools.islice(events, done, None), done)
    for done, (state, prediction) in enumerate(served, done + 1):
      if done % 100 == 0: checkpoints.save(done, state)

  A live source that cannot do so, such as a `Feed`, gives new events alone, serve(key, learner, state, feed, done):
  what it sent in between is not learned from, nor are labels whose questions came before.

  Args:
    done: events before these, which decide what is drawn at each.

  Yields after each: the learner's state, and the prediction, leaves (...), of a question or None.
  """
  for place, event in enumerate(events, done):
    now, x = jax.random.fold_in(key, place), jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], event.x)
    if event.y is None:
      yield state, jax.tree.map(lambda leaf: leaf[0], _ask(learner, now, state, x))
    else:
      state = _tell(learner, now, state, Batch(x, jnp.asarray(event.y)[None], jnp.ones(1, bool)))
      yield state, None


@partial(jax.jit, static_argnums=0)
def _ask(learner: OnlineLearner, key: Array, state: Any, x: PyTree) -> PyTree:
  return learner.predict(key, state, x)


@partial(jax.jit, static_argnums=0)
def _tell(learner: OnlineLearner, key: Array, state: Any, batch: Batch) -> Any:
  return learner.update(key, state, batch)[0]


def replay(key: Array, learner: OnlineLearner, state: Any, stream: Stream) -> Replayed:
  """All of a stream in one compiled program: what `serve` gives, in a fraction of its time.

  The program depends on shapes and on `learner` alone: replaying another delay with as many labels compiles nothing.
  """
  row, learn = order(stream)
  asked, learned = np.flatnonzero(~learn), np.flatnonzero(learn)
  x, y = jax.tree.map(jnp.asarray, (stream.x, stream.y))
  row = jnp.asarray(row, jnp.int32)
  prediction, metrics, state, _ = scanned(learner, None, key, state, None, x, y, row, learn, asked, learned)
  return Replayed(prediction, metrics, state)


def predictions(learner: OnlineLearner, start: Any, stream: Stream) -> PyTree:
  """Those of `replay`, on the host; `start` is what the learner's init takes, the key always the same."""
  return jax.tree.map(np.asarray, replay(jax.random.key(0), learner, learner.init(start), stream).prediction)


@partial(jax.jit, static_argnums=(0, 1))
def scanned(
  learner: OnlineLearner,
  decided: Callable[[Any, Array, PyTree], Any] | None,
  key: Array,
  state: Any,
  purse: Any,
  x: PyTree,
  y: Array,
  row: Array,
  learn: Array,
  asked: Array,
  learned: Array,
) -> tuple[PyTree, Metrics, Any, Any]:
  """Events one after another, as `order` has them; predictions, metrics, state and purse as they are at the end.

  Args:
    decided: decided(purse, row (), prediction (1, ...)) -> the purse after a question; labels are learned from where
      `purse.wanted` (rows,) says so then. None: all are, and there is no purse.
    asked, learned: places of questions and of labels among the events.
  """

  def take(row: Array) -> Batch:
    at, label = jax.tree.map(lambda leaf: leaf[row][None], (x, y))
    return Batch(at, label, jnp.ones(1, bool))

  def empty(f: Callable[..., Any]) -> Any:
    shapes = jax.eval_shape(f, key, state, take(row[0]))
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

  nothing = empty(lambda key, state, batch: learner.predict(key, state, batch.x))
  silent = empty(lambda *args: learner.update(*args)[1])

  def one(carry: tuple[Any, Any], event: tuple[Array, Array, Array]) -> tuple[tuple[Any, Any], tuple[PyTree, Metrics]]:
    (state, purse), (place, row, learn) = carry, event
    now, batch = jax.random.fold_in(key, place), take(row)

    def update() -> tuple[tuple[Any, Any], tuple[PyTree, Metrics]]:
      if purse is None:
        after, metrics = learner.update(now, state, batch)
      else:
        ours = purse.wanted[row]
        after, metrics = jax.lax.cond(ours, lambda: learner.update(now, state, batch), lambda: (state, silent))
      return (after, purse), (nothing, metrics)

    def ask() -> tuple[tuple[Any, Any], tuple[PyTree, Metrics]]:
      prediction = learner.predict(now, state, batch.x)
      return (state, purse if decided is None else decided(purse, row, prediction)), (prediction, silent)

    return jax.lax.cond(learn, update, ask)

  events = jnp.arange(len(row)), row, learn
  (state, purse), (prediction, metrics) = jax.lax.scan(one, (state, purse), events)
  prediction = jax.tree.map(lambda leaf: leaf[asked, 0], prediction)
  return prediction, jax.tree.map(lambda leaf: leaf[learned], metrics), state, purse


def forgetting(
  key: Array, learner: OnlineLearner, state: Any, stages: Sequence[Stream], loss: Callable[[PyTree, np.ndarray], Any]
) -> np.ndarray:
  """(stages + 1, stages): the mean loss on stage j of a learner that has learned stages 0 to i - 1, and then no more.

  Row 0 is before it has learned anything. What it remembers of j after later stages stands below the diagonal (D.
  Lopez-Paz, M. Ranzato, "Gradient episodic memory for continual learning", NeurIPS 2017, whose matrix has no row 0).

  Args:
    loss: loss(prediction of all rows, y (rows, targets)) -> (rows, ...).
  """
  predict = jax.jit(learner.predict)

  def asked() -> list[float]:
    found = (jax.tree.map(np.asarray, predict(key, state, jax.tree.map(jnp.asarray, s.x))) for s in stages)
    return [float(np.nanmean(loss(prediction, s.y))) for prediction, s in zip(found, stages, strict=True)]

  rows = [asked()]
  for stage in stages:
    state = replay(key, learner, state, stage).state
    rows.append(asked())
  return np.asarray(rows)


def cumulative_cost(stream: Stream, loss: np.ndarray) -> np.ndarray:
  """(rows,) of errors and labels so far: the loss of each row, and the cost of each label that comes."""
  return np.cumsum(np.nan_to_num(loss) + np.where(np.isfinite(stream.matures), stream.cost, 0.0))


def time_to_recover(stream: Stream, loss: np.ndarray, since: float, window: int, level: float) -> float:
  """From `since` to the first row where the mean loss of the last `window` rows, all since then, is at most `level`.

  Infinity if that never comes.
  """
  later = stream.time >= since
  total = np.cumsum(np.concatenate([[0.0], loss[later]]))
  good = (total[window:] - total[:-window]) / window <= level
  return float(stream.time[later][window - 1 :][good.argmax()] - since) if good.any() else np.inf
