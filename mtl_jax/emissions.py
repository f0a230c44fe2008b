"""A gas turbine's CO and NOx, hour by hour, with labels that come late.

2011 and 2012 are history, 2013 to 2015 are replayed. Time is the number of the row: hours in which the turbine ran. The
data set has no clock, and a sixth of all hours is missing. Settings are chosen on 2012 after learning from 2011
(`choose`), with labels 24 h late, and never on what is replayed.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.ensemble import HistGradientBoostingRegressor

from mtl_jax import online
from mtl_jax.data import gas_turbine
from mtl_jax.fit import fit
from mtl_jax.losses import squared_error
from mtl_jax.meta import anp, init_rates, r2d2
from mtl_jax.meta.lora import low_rank, merge
from mtl_jax.models import MLP
from mtl_jax.online import Initial, Normal, Prior, Stream
from mtl_jax.tasks.rows import in_order, laid_out
from mtl_jax.tree import AdaptMask, named
from mtl_jax.types import Algorithm, Array, OnlineLearner

TARGETS = ("NOX", "CO")
INPUTS = ("AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "TEY", "CDP")
DELAYS = (0, 24, 168, 504)  # rows: at once, a day, a week, three weeks
DAY, WEEK = 24, 168
HISTORY, EVERY = 2000, 6  # labels that are learned from on the stream, and labels between two gradient steps
HIDDEN, FEATURES, CONTEXT, RANK, STEPS = (64, 64), 24, 16, 4, 800  # of the networks, and how long they learn

Trees = Callable[[np.ndarray], np.ndarray]
"""(rows, inputs) -> (rows, targets)"""


class Rows(NamedTuple):
  """Rows in the order of time."""

  x: np.ndarray  # (rows, inputs) float32
  y: np.ndarray  # (rows, targets) float32, mg/m3
  year: np.ndarray  # (rows,) int

  def of(self, *years: int) -> "Rows":
    kept = np.isin(self.year, years)
    return Rows(*(array[kept] for array in self))


class Past(NamedTuple):
  """What was known before the replay."""

  rows: Rows
  trees: Trees  # fitted on all of it
  error: np.ndarray  # (targets,) mean squared error on its second half of trees fitted on the first

  def scaled(self, x: np.ndarray) -> np.ndarray:
    """Inputs in standard deviations of the past."""
    return (x - self.rows.x.mean(0)) / self.rows.x.std(0)


class Method(NamedTuple):
  """predict(past, stream, hours of delay, seed) -> prediction of every row; settings are in it."""

  name: str
  predict: Callable[[Past, Stream, int, int], Normal | np.ndarray]
  random: bool = False


def load() -> Rows:
  table = gas_turbine.load()
  y = np.stack([table.labels[name] for name in TARGETS], axis=1)
  return Rows(table.matrix(INPUTS).astype(np.float32), y.astype(np.float32), table.groups["unit"].astype(int))


def boosted(x: np.ndarray, y: np.ndarray) -> Trees:
  models = [
    HistGradientBoostingRegressor(max_iter=100, early_stopping=False, random_state=0).fit(x, one) for one in y.T
  ]
  return lambda asked: np.stack([model.predict(asked) for model in models], axis=1).astype(np.float32)


def past(rows: Rows) -> Past:
  half = len(rows.x) // 2
  left = rows.y[half:] - boosted(rows.x[:half], rows.y[:half])(rows.x[half:])
  return Past(rows, boosted(rows.x, rows.y), np.mean(np.square(left), axis=0))


def stream(rows: Rows, delay: float) -> Stream:
  return online.stream(np.arange(len(rows.x)), rows.x, rows.y, delay=delay)


def _linear(net: Any, x: Array) -> Array:
  return jnp.concatenate([jnp.ones((len(x), 1)), x], axis=1)


NOTHING = jnp.zeros((1, len(INPUTS)))
_NET = MLP((*HIDDEN, FEATURES), norm="none")
_PLAIN = MLP((*HIDDEN, len(TARGETS)))
_FILM = MLP((*HIDDEN, len(TARGETS)), context=CONTEXT)


def _learned(net: Any, x: Array) -> Array:
  return jnp.concatenate([_linear(net, x), jnp.asarray(_NET.apply(net, x))], axis=1)


def _wide(net: Any, width: int, precision: float, noise: np.ndarray) -> Prior:
  log_precision = jnp.full(width, np.log(precision), jnp.float32)
  return Prior(net, jnp.zeros((width, len(TARGETS))), log_precision, jnp.log(jnp.asarray(noise, jnp.float32)))


def _replayed(learner: OnlineLearner, params: Any, past: Past, stream: Stream, y: np.ndarray) -> Any:
  stream = stream._replace(x=past.scaled(stream.x), y=y)
  return jax.tree.map(np.asarray, online.replay(jax.random.key(0), learner, learner.init(params), stream).prediction)


def _around_trees(learner: OnlineLearner, params: Any, past: Past, stream: Stream) -> Any:
  base = past.trees(stream.x)
  found = _replayed(learner, params, past, stream, stream.y - base)
  return Normal(found.mean + base, found.variance) if isinstance(found, Normal) else found + base


def frozen() -> Method:
  return Method("boosted trees, frozen", lambda past, stream, delay, seed: past.trees(stream.x))


def last_value() -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    return _replayed(online.persistence(), jnp.asarray(past.rows.y[-1]), past, stream, stream.y)

  return Method("persistence", predict)


def last_error() -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> Any:
    return _around_trees(online.persistence(), jnp.zeros(len(TARGETS)), past, stream)

  return Method("trees + their last error", predict)


def window(window: int, penalty: float) -> Method:
  learner = online.window_ridge(
    lambda params, x: x, window=window, penalty=penalty, features=len(INPUTS), targets=len(TARGETS)
  )
  return Method(
    "trees + ridge on the last labels", lambda past, stream, delay, seed: _around_trees(learner, (), past, stream)
  )


def _bayesian(name: str, learner: OnlineLearner, penalty: float) -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> Any:
    return _around_trees(learner, _wide((), 1 + len(INPUTS), penalty, past.error), past, stream)

  return Method(name, predict)


def forgetting(kept: float, penalty: float) -> Method:
  return _bayesian("trees + recursive least squares", online.alpaca(_linear, kept=kept), penalty)


def changes(hazard: float, penalty: float) -> Method:
  return _bayesian("trees + moca", online.moca(_linear, hazard=hazard, runs=12), penalty)


def anew(name: str, every: int) -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    def again(x: np.ndarray, y: np.ndarray) -> Trees:
      return boosted(np.concatenate([past.rows.x, x]), np.concatenate([past.rows.y, y]))

    return online.retrained(again, stream, every)

  return Method(f"boosted trees, fitted anew every {name}", predict)


def trained(
  algorithm: Algorithm, first: Callable[[Array], Any], past: Past, delay: int, seed: int, steps: int = STEPS
) -> tuple[Any, np.ndarray]:
  """The state after stretches of the past: a week of labels, questions of the day that follows `delay` later.

  Args:
    first: first(key) -> what the algorithm's init takes.

  Returns: the state, for targets in standard deviations about the mean; [mean, deviation] (2, targets).
  """
  units = np.stack([past.rows.y.mean(0), past.rows.y.std(0)])
  y = (past.rows.y - units[0]) / units[1]
  key, first_key = jax.random.split(jax.random.key(seed))
  rows = laid_out(np.zeros(len(y), int), np.arange(len(y)), past.scaled(past.rows.x), y)
  family = in_order(rows, shots=WEEK, queries=DAY, gap=delay)
  state, _ = fit(key, algorithm, algorithm.init(first(first_key)), family, steps=steps, tasks_per_step=8)
  return state, units


def _in_units(learner: OnlineLearner, params: Any, past: Past, stream: Stream, units: np.ndarray) -> Any:
  mean, scale = units
  found = _replayed(learner, params, past, stream, (stream.y - mean) / scale)
  if isinstance(found, Normal):
    return Normal(found.mean * scale + mean, found.variance * np.square(scale))
  return found * scale + mean


def learned(name: str, learner: OnlineLearner, kept: float) -> Method:
  algorithm = online.alpaca_prior(_learned, outer=optax.adam(3e-3), kept=kept)

  def first(key: Array) -> Prior:
    return _wide(_NET.init(key, NOTHING), 1 + len(INPUTS) + FEATURES, 10.0, np.full(len(TARGETS), 0.3))

  def predict(past: Past, stream: Stream, delay: int, seed: int) -> Normal:
    state, units = trained(algorithm, first, past, delay, seed)
    return _in_units(learner, state.prior, past, stream, units)

  return Method(name, predict, random=True)


def alpaca(kept: float) -> Method:
  return learned("alpaca" if kept == 1.0 else "alpaca that forgets", online.alpaca(_learned, kept=kept), kept)


def moca(hazard: float) -> Method:
  return learned("moca", online.moca(_learned, hazard=hazard, runs=12), 1.0)


class Part(NamedTuple):
  """A network, and what of it adapts."""

  apply: Callable[[Any, Array], Any]
  first: Callable[[Array], Any]
  fast: AdaptMask


PARTS = {
  "head": Part(_PLAIN.apply, lambda key: _PLAIN.init(key, NOTHING), named("head")),
  "FiLM": Part(_FILM.apply, lambda key: _FILM.init(key, NOTHING), named("context")),
  "LoRA": Part(
    lambda params, x: _PLAIN.apply(merge(params, 1.0), x),
    lambda key: low_rank(_PLAIN.init(key, NOTHING), RANK),
    named("a", "b"),
  ),
}


def stepping(part: str, recent: int, held: int) -> tuple[OnlineLearner, Callable[[Array], Initial]]:
  """A learner that takes four gradient steps a day, and what it starts with before it is trained, of a key."""
  apply, params, fast = PARTS[part]
  learner = online.gradient(
    lambda params, x: jnp.asarray(apply(params, x)),
    squared_error,
    fast=fast,
    recent=recent,
    held=held,
    inputs=(len(INPUTS),),
    targets=len(TARGETS),
    every=EVERY,
  )

  def first(key: Array) -> Initial:
    found = params(key)
    return Initial(found, init_rates(found, float(np.log(0.03)), per="leaf"))

  return learner, first


def steps(part: str, recent: int, held: int) -> Method:
  """Gradient steps on a part of a network; `held` = 0: without a gate."""
  learner, first = stepping(part, recent, held)
  quicker = optax.multi_transform({"params": optax.adam(3e-3), "rates": optax.adam(3e-2)}, Initial("params", "rates"))
  outer = optax.chain(optax.clip_by_global_norm(1.0), quicker)
  algorithm = online.unrolled(learner, squared_error, outer=outer, at_once=EVERY)

  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    state, units = trained(algorithm, first, past, delay, seed, STEPS // 2)
    return _in_units(learner, state.initial, past, stream, units)

  return Method(f"steps on {part}" if held else f"steps on {part}, no gate", predict, random=True)


def _asked(x: Array, r: Array) -> Array:
  return jnp.concatenate([x, r], axis=1)


def _ridge(rate: float) -> tuple[Algorithm, Callable[[Array], Any]]:
  algorithm = r2d2(_learned, squared_error, classes=None, outer=optax.adam(rate))
  return algorithm, lambda key: _NET.init(key, NOTHING)


def _process(rate: float) -> tuple[Algorithm, Callable[[Array], Any]]:
  """An attentive neural process of 4 heads."""
  width = HIDDEN[-1]
  net = {"h": MLP((*HIDDEN, width)), "k": MLP((*HIDDEN, width)), "g": MLP((*HIDDEN, len(TARGETS)))}

  def run(name: str, params: Any, x: Array) -> Array:
    return jnp.asarray(net[name].apply(params[name], x))

  algorithm = anp(
    lambda params, x, y: run("h", params, _asked(x, y)),
    lambda params, x: run("k", params, x).reshape(len(x), 4, -1),
    lambda params, x, r: run("g", params, _asked(x, r)),
    squared_error,
    outer=optax.adam(rate),
  )
  inputs = {"h": len(INPUTS) + len(TARGETS), "k": len(INPUTS), "g": len(INPUTS) + width}

  def first(key: Array) -> Any:
    keys = dict(zip(net, jax.random.split(key, len(net)), strict=True))
    return {name: net[name].init(keys[name], jnp.zeros((1, inputs[name]))) for name in net}

  return algorithm, first


FEW_SHOT = {"r2d2": _ridge, "anp": _process}


def remembering(algorithm: Algorithm, delay: int | None) -> OnlineLearner:
  """A learner with the last week of labels for a support; it follows the leader if it is told how late labels are."""
  more = {} if delay is None else {"history": HISTORY, "episodes": 4, "queries": DAY, "gap": delay}
  return online.sliding(algorithm, memory=WEEK, inputs=(len(INPUTS),), targets=len(TARGETS), **more)


def memory(kind: str, rate: float) -> Method:
  """A few-shot algorithm that learned on stretches of the past, and goes on at Adam's `rate`; 0: it does not."""
  make = FEW_SHOT[kind]
  algorithm, first = make(3e-3)

  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    state, units = trained(algorithm, first, past, delay, seed)
    learner = remembering(make(rate)[0], delay) if rate else remembering(algorithm, None)
    return _in_units(learner, state, past, stream, units)

  return Method(f"{kind} on the last labels" + ", following the leader" * bool(rate), predict, random=True)


GRID: dict[str, tuple[Callable[..., Method], dict[str, tuple]]] = {
  "window": (window, {"window": (72, 168, 336), "penalty": (10.0, 100.0)}),
  "forgetting": (forgetting, {"kept": (0.97, 0.98, 0.99, 0.995), "penalty": (3.0, 10.0, 30.0)}),
  "changes": (changes, {"hazard": (0.003, 0.01, 0.03), "penalty": (3.0, 10.0, 30.0)}),
  "alpaca": (alpaca, {"kept": (0.97, 0.98, 0.99)}),
  "moca": (moca, {"hazard": (0.003, 0.01)}),
  "head": (partial(steps, "head"), {"recent": (12, 24), "held": (6, 12)}),
  "FiLM": (partial(steps, "FiLM"), {"recent": (24,), "held": (6, 12)}),
  "LoRA": (partial(steps, "LoRA"), {"recent": (24,), "held": (6, 12)}),
  "ungated": (partial(steps, "head", held=0), {"recent": (12, 24)}),
  "r2d2": (partial(memory, "r2d2"), {"rate": (3e-4, 1e-3)}),
  "anp": (partial(memory, "anp"), {"rate": (3e-4, 1e-3)}),
}
CHOSEN: dict[str, dict[str, Any]] = {
  "window": {"window": 168, "penalty": 100.0},
  "forgetting": {"kept": 0.98, "penalty": 30.0},
  "changes": {"hazard": 0.03, "penalty": 30.0},
  "alpaca": {"kept": 0.98},
  "moca": {"hazard": 0.01},
  "head": {"recent": 24, "held": 12},
  "FiLM": {"recent": 24, "held": 12},
  "LoRA": {"recent": 24, "held": 12},
  "ungated": {"recent": 12},
  "r2d2": {"rate": 3e-4},
  "anp": {"rate": 3e-4},
}


def methods() -> list[Method]:
  """All that are replayed, with the settings that `choose` chose."""
  chosen = {name: make(**CHOSEN[name]) for name, (make, _) in GRID.items()}
  plain = [alpaca(1.0), memory("r2d2", 0.0), memory("anp", 0.0), anew("week", WEEK), anew("night", DAY)]
  return [frozen(), last_value(), last_error(), *chosen.values(), *plain]


def mean(prediction: Normal | np.ndarray) -> np.ndarray:
  return np.asarray(prediction.mean if isinstance(prediction, Normal) else prediction)


def choose(only: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
  """Every setting of the grid on 2012, after 2011, with labels 24 h late: errors relative to the frozen trees'."""
  rows = load()
  before, then = past(rows.of(2011)), stream(rows.of(2012), 24)
  usual = np.abs(before.trees(then.x) - then.y).mean(0)
  for name in only or GRID:
    make, grid = GRID[name]
    for values in itertools.product(*grid.values()):
      setting = dict(zip(grid, values, strict=True))
      error = np.abs(mean(make(**setting).predict(before, then, 24, 0)) - then.y).mean(0)
      yield {"method": name, **setting, "error": error.tolist(), "score": float(np.mean(error / usual))}


def scores(method: Method, before: Past, rows: Rows, delay: int, seeds: int) -> list[dict[str, Any]]:
  """For each seed: mean absolute error by year, by month and by week.

  (years, targets), (12 years, targets) and (weeks, targets); weeks of a year are of almost equal length.

  Of those that know their uncertainty also the share of labels within their 90 % interval, (targets,).
  """
  then, found = stream(rows, delay), []
  for seed in range(seeds if method.random else 1):
    prediction = method.predict(before, then, delay, seed)
    error = np.abs(mean(prediction) - then.y)
    years = [error[rows.year == year] for year in np.unique(rows.year)]
    months = [month.mean(0).tolist() for year in years for month in np.array_split(year, 12)]
    row = {"method": method.name, "delay": delay, "seed": seed, "year": [year.mean(0).tolist() for year in years]}
    if isinstance(prediction, Normal):
      row["within"] = (error <= 1.645 * np.sqrt(prediction.variance)).mean(0).tolist()
    weeks = [week.mean(0).tolist() for year in years for week in np.array_split(year, max(1, len(year) // WEEK))]
    found.append(row | {"month": months, "week": weeks})
  return found
