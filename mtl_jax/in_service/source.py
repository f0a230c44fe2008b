"""What every source of events gives: its history, what is asked in service, and how answers are judged."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mtl_jax.config import ConfigError
from mtl_jax.online import Stream

Loss = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""loss(prediction (rows, targets), y (rows, targets)) -> (rows,)"""


class Source(NamedTuple):
  """A line with late labels.

  Attributes:
    history: rows whose labels were known before service begins.
    running: rows asked since.
    habits: name -> habit(source) -> (rows, targets), what a plant says without a model; causal as a learner is.
    losses: name with unit -> loss of a row; the first one decides, and the cost of a label is in its units.
    part: (rows,) what intervals resample: engines, products, or stretches of time.
    changes: name -> time of a change that is known of, in order.
    calm: (rows,) bool, service before the changes; nowhere if it begins with one.
    window: rows over which an error counts as recovered.
    stretch: labels of one life, one week or one shift: the scale of what is remembered.
    refit: time between two fits anew.
  """

  history: Stream
  running: Stream
  habits: Mapping[str, Callable[["Source"], np.ndarray]]
  losses: Mapping[str, Loss]
  part: np.ndarray
  changes: Mapping[str, float]
  calm: np.ndarray
  window: int
  stretch: int
  refit: float


def taken(stream: Stream, some: np.ndarray) -> Stream:
  return Stream(*(leaf[some] for leaf in stream))


def some_known(known: np.ndarray, when: str) -> np.ndarray:
  """`known`, (rows,) bool, of which some must be true: raises `ConfigError` where labels come too late for that."""
  if not known.any():
    raise ConfigError(f"delay: no label is known {when}, so that there is nothing to learn from: make it shorter")
  return known


def split(stream: Stream, start: float) -> tuple[Stream, Stream, np.ndarray]:
  """History, service from `start` on, and (rows,) bool, which rows are asked in service.

  What was asked before and not answered by then is in neither.
  """
  asked = stream.time >= start
  return taken(stream, some_known(stream.matures < start, "when service begins")), taken(stream, asked), asked


def earlier(source: Source) -> Source:
  """The second half of the history as service, after the first: where settings are chosen."""
  middle = 0.5 * (source.history.time[0] + source.history.time[-1])
  history, running, _ = split(source.history, middle)
  nowhere, part = np.zeros(len(running.time), bool), np.arange(len(running.time))
  return source._replace(history=history, running=running, part=part, changes={}, calm=nowhere)


def halves(history: Stream) -> tuple[Stream, Stream]:
  """The earlier half of the time without the units that live on, and the later half.

  As `split` in the middle, had every label come as early after its row as the earliest does: what is known of an engine
  when it fails is known then for all of its rows, so that no engine is in both.
  """
  times = np.unique(history.time)
  middle = times[len(times) // 2 - 1 : len(times) // 2 + 1].mean()  # between two, so that rounding decides nothing
  late = np.min(history.matures - history.time)
  past = some_known(history.matures - late < middle, "in the middle of the history")
  return taken(history, past), taken(history, history.time >= middle)


def bought(source: Source, every: int) -> Source:
  """Of the labels in service only one in `every` is bought; the others never come."""
  some = np.arange(len(source.running.time)) % every == 0
  running = source.running
  return source._replace(running=running._replace(matures=np.where(some, running.matures, np.inf)))


def absolute(prediction: np.ndarray, y: np.ndarray) -> np.ndarray:
  return np.abs(prediction - y).mean(axis=1)
