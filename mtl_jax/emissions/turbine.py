"""The turbine's rows, what is known of them before the replay, and the errors of a method on it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor

from mtl_jax import online
from mtl_jax.data import gas_turbine
from mtl_jax.online import Normal, Stream
from mtl_jax.types import OnlineLearner

TARGETS = ("NOX", "CO")
INPUTS = ("AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "TEY", "CDP")
DELAYS = (0, 24, 168, 504)  # rows: at once, a day, a week, three weeks
DAY, WEEK = 24, 168
PRICE = 0.1  # of the label of an hour, in the errors that cost is counted in

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
  usual: np.ndarray  # (targets,) their mean absolute error there

  def scaled(self, x: np.ndarray) -> np.ndarray:
    """Inputs in standard deviations of the past."""
    return (x - self.rows.x.mean(0)) / self.rows.x.std(0)


class Method(NamedTuple):
  """predict(past, stream, hours of delay, seed) -> prediction of every row; settings are in it; `pays` for labels."""

  name: str
  predict: Callable[[Past, Stream, int, int], Normal | np.ndarray]
  random: bool = False
  pays: bool = True


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
  return Past(rows, boosted(rows.x, rows.y), np.mean(np.square(left), axis=0), np.abs(left).mean(axis=0))


def stream(rows: Rows, delay: float) -> Stream:
  return online.stream(np.arange(len(rows.x)), rows.x, rows.y, delay=delay, cost=PRICE)


def replayed(learner: OnlineLearner, params: Any, past: Past, stream: Stream, y: np.ndarray) -> Any:
  return online.predictions(learner, params, stream._replace(x=past.scaled(stream.x), y=y))


def mean(prediction: Normal | np.ndarray) -> np.ndarray:
  return np.asarray(prediction.mean if isinstance(prediction, Normal) else prediction)


def _years(rows: Rows) -> list[np.ndarray]:
  """(rows of the year,) numbers of the rows of each year."""
  return [np.flatnonzero(rows.year == year) for year in np.unique(rows.year)]


def _hours(then: Stream, error: np.ndarray, year: np.ndarray, usual: np.ndarray) -> list[float]:
  """(targets,) hours of a year until a week's mean error was at most `usual`; all of them if it never was."""
  part = then._replace(time=then.time[year])
  each = zip(error[year].T, usual, strict=True)
  times = [online.time_to_recover(part, loss, part.time[0], WEEK, level) for loss, level in each]
  return [min(time, float(len(year))) for time in times]


def scores(method: Method, before: Past, rows: Rows, delay: int, seeds: int) -> list[dict[str, Any]]:
  """For each seed: mean absolute error by year, by month and by week, costs, and hours to recover.

  year (years, targets), month (12 years, targets) and week (weeks, targets); weeks of a year are of almost equal
  length. cost (years,): by the end of each, error over what it usually was, mean of the targets, and `PRICE` for every
  label. hours (years, targets): from the beginning of each year until the error of a week, all of it in this year, is
  what it usually was. Usual is the error of trees on the second half of the past after learning the first.

  Of those that know their uncertainty also the share of labels within their 90 % interval, (targets,).
  """
  then, found, years = stream(rows, delay), [], _years(rows)
  paid = then if method.pays else then._replace(matures=np.full(len(then.time), np.inf))
  for seed in range(seeds if method.random else 1):
    prediction = method.predict(before, then, delay, seed)
    error = np.abs(mean(prediction) - then.y)
    by_year = [error[year] for year in years]
    months = [month.mean(0).tolist() for year in by_year for month in np.array_split(year, 12)]
    row = {"method": method.name, "delay": delay, "seed": seed, "year": [year.mean(0).tolist() for year in by_year]}
    if isinstance(prediction, Normal):
      row["within"] = (error <= 1.645 * np.sqrt(prediction.variance)).mean(0).tolist()
    weeks = [week.mean(0).tolist() for year in by_year for week in np.array_split(year, max(1, len(year) // WEEK))]
    cost = online.cumulative_cost(paid, (error / before.usual).mean(axis=1))
    row["cost"] = [float(cost[year[-1]]) for year in years]
    row["hours"] = [_hours(then, error, year, before.usual) for year in years]
    found.append(row | {"month": months, "week": weeks})
  return found


def remembered(method: Method, before: Past, rows: Rows, delay: int) -> np.ndarray:
  """(years + 1, years, targets): the error on each year of what has learned none, one, ... of them, and then no more.

  As `online.forgetting`, for any method: a stream of those years, and all years asked at once when the last of their
  labels has come.
  """
  then, years, found = stream(rows, delay), _years(rows), []
  for count in range(len(years) + 1):
    row = np.concatenate([*years[:count], np.arange(len(then.time))])
    learned = np.arange(len(row)) < len(row) - len(then.time)
    again = Stream(*(leaf[row] for leaf in then))
    again = again._replace(
      time=np.where(learned, again.time, then.matures.max() + 1.0), matures=np.where(learned, again.matures, np.inf)
    )
    error = np.abs(mean(method.predict(before, again, delay, 0)) - again.y)[~learned]
    found.append([error[year].mean(0) for year in years])
  return np.asarray(found)
