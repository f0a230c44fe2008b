"""A fleet of turbofan engines: remaining life, cycle by cycle, which nobody knows until the engine has failed.

C-MAPSS's training engines, run to failure, enter service one after the other, in an order that is drawn; in a unit of
time each of them flies once. First come those of one subset, then, one day, those of another: FD003 has a second
fault mode (fan) that FD001 has not, and FD004 has it in the six flight conditions of FD002. The label of a cycle is the
remaining life, at most 125; it is known when that engine fails, at once or `delay` cycles later. Features, of an
engine's own past only, are standardised on the engines that failed before service begins.
"""

from typing import Any

import numpy as np

from mtl_jax import online
from mtl_jax.data import cmapss
from mtl_jax.in_service.source import Source, absolute, some_known, split
from mtl_jax.online import Stream
from mtl_jax.tasks import turbofan


def _entered(unit: np.ndarray, subset: np.ndarray, order: tuple[str, ...], every: float) -> np.ndarray:
  """(rows,) when a row's engine entered: one engine every so many cycles, subsets in their order."""
  rng, queue = np.random.default_rng(0), []
  for name in order:
    queue += rng.permutation(np.unique(unit[subset == name])).tolist()
  when = {engine: every * place for place, engine in enumerate(queue)}
  return np.asarray([when[engine] for engine in unit.tolist()])


def fleet(flown: Any, subset: np.ndarray, order: tuple[str, str], every: float, first: float, delay: float) -> Source:
  """The fleet of a table of flights.

  Args:
    flown: has columns, labels and groups, as `turbofan.Flights`; every engine runs until it fails.
    subset: (rows,) of each row.
    order: the subset of the history and of the first engines in service; the one that comes later.
    every: cycles from one engine's entry to the next one's.
    first: share of the first subset's engines that have entered when service begins.
    delay: cycles from a failure until it is reported.
  """
  unit = np.asarray(flown.groups["unit"])
  entered = _entered(unit, subset, order, every)
  cycle, left = np.asarray(flown.groups["time"], float), np.asarray(flown.labels["rul"], float)
  start = every * round(first * len(np.unique(unit[subset == order[0]])))
  # Rows of engines that had failed: their labels came together.
  known = some_known(entered + cycle + left + delay < start, "when service begins")
  rows = turbofan.flights(flown)
  assert rows.unit is not None and rows.time is not None and rows.settings is not None  # flights have them
  failed = rows._replace(x=rows.x[known], unit=rows.unit[known], time=rows.time[known], settings=rows.settings[known])
  step = turbofan.features(max(turbofan.REGIMES[name] for name in order))
  x = np.asarray(step.apply(step.fit(failed), rows).x, np.float32)
  y = turbofan.capped(left)[:, None].astype(np.float32)
  engine = np.unique(unit, return_inverse=True)[1]
  stream = online.stream(entered + cycle, x, y, delay=left + delay, unit=engine)
  history, running, _ = split(stream, start)
  return Source(
    history,
    running,
    {"mean age at failure less age": _mean_life},
    {"MAE, cycles": lambda p, y: absolute(_possible(p), y), "PHM score": lambda p, y: _phm(_possible(p) - y)},
    part=running.unit,
    changes={order[1]: float(entered[subset == order[1]].min() + 1)},
    calm=running.time <= entered[subset == order[1]].min(),
    window=2000,
    stretch=200,
    refit=200.0,
  )


def _possible(prediction: np.ndarray) -> np.ndarray:
  return np.clip(prediction, 0.0, turbofan.CAP)


def _phm(d: np.ndarray) -> np.ndarray:
  """Of each cycle; `metrics.nasa_score` has the source."""
  return np.expm1(np.where(d < 0, -d / 13.0, d / 10.0))[:, 0]


def _mean_life(source: Source) -> np.ndarray:
  """The mean life of all engines whose failure is known less the age, which is the last feature."""
  history, running = source.history, source.running

  def lives(stream: Stream) -> tuple[np.ndarray, np.ndarray]:
    """When the failure of each engine is known, and its age then."""
    units, engine = np.unique(stream.unit, return_inverse=True)
    age, when = np.zeros(len(units)), np.zeros(len(units))
    np.maximum.at(age, engine, stream.x[:, -1])
    np.maximum.at(when, engine, stream.matures)
    return when, age

  when, age = (np.concatenate(pair) for pair in zip(lives(history), lives(running), strict=True))
  order = np.argsort(when)
  count = np.searchsorted(when[order], running.time)  # asked before what comes at the same time is learned
  total = np.concatenate([[0.0], np.cumsum(age[order])])
  return _possible(total[count] / np.maximum(count, 1) - running.x[:, -1])[:, None]


def load(delay: float, order: tuple[str, str] = ("FD001", "FD003")) -> Source:
  """The fleet of two subsets of C-MAPSS: 20 cycles from entry to entry with 100 engines each, 8 with 260 and 249."""
  table = cmapss.load()
  keep = (table.groups["split"] == "train") & np.isin(table.groups["subset"], order)
  table = table.take(keep)
  every = round(4000 / len(np.unique(table.groups["unit"])))
  return fleet(table, table.groups["subset"], order, every, 0.6, delay)
