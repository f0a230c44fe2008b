"""Forecasters of one number: rules of thumb, and statistical models through statsforecast."""

import warnings
from collections.abc import Callable

import numpy as np

from mtl_jax.baselines.forecasting.windows import Asked, Window, same_weekday
from mtl_jax.tasks.demand import CALENDAR

Point = Callable[[Asked], np.ndarray]
"""a forecast (h,) of the mean, or of the median, for each period asked"""
ENOUGH = 8  # observations for AutoETS


def mean(asked: Asked) -> np.ndarray:
  return np.full(len(asked.q), asked.sold.mean())


def last(asked: Asked) -> np.ndarray:
  return np.full(len(asked.q), asked.sold[-1])


def same_weekday_median(asked: Asked) -> np.ndarray:
  """The median of the observations on the same weekday; of all of them where there is none."""
  return np.array([np.median(asked.sold[row] if row.any() else asked.sold) for row in same_weekday(asked)])


def weekday_profile(windows: list[Window]) -> np.ndarray:
  """(weekdays,) demand on each weekday over its mean in the same window, averaged over windows of training products."""
  total, count = 0.0, 0.0
  for w in windows:
    total = total + (w.asked.sold / max(w.asked.sold.mean(), 1e-9)) @ w.asked.x[:, CALENDAR:]
    count = count + w.asked.x[:, CALENDAR:].sum(0)
  return total / np.maximum(count, 1.0)


def by_weekday(point: Point, profile: np.ndarray) -> Point:
  """A forecaster of demand over the weekday's share, which is known from the training products.

  A weekday on which hardly anything is ordered says nothing of the others and is left out.
  """

  def forecast(asked: Asked) -> np.ndarray:
    known, wanted = asked.x[:, CALENDAR:] @ profile, asked.q[:, CALENDAR:] @ profile
    telling = known > 0.2
    if not telling.any():
      return wanted * asked.sold.mean()
    level = point(Asked(asked.x[telling], asked.sold[telling] / known[telling], asked.q))
    return wanted * level

  return forecast


def library(make: Callable[[], object]) -> Point:
  """A model of statsforecast, fitted on the observations alone; negative forecasts are 0.

  With a single demand, or none, there is nothing to smooth, and the mean stands in.
  """

  def forecast(asked: Asked) -> np.ndarray:
    if len(asked.sold) < 2 or np.count_nonzero(asked.sold) < 2:
      return mean(asked)
    with np.errstate(all="ignore"), warnings.catch_warnings():
      warnings.simplefilter("ignore", RuntimeWarning)  # intervals that nobody asked for, of too few observations
      found = make().forecast(y=asked.sold.astype(np.float64), h=len(asked.q))["mean"]  # type: ignore[attr-defined]
    return np.maximum(np.nan_to_num(np.asarray(found, np.float64), nan=asked.sold.mean()), 0.0)

  return forecast


def with_enough(pick: Point, otherwise: Point) -> Point:
  """`pick` from eight observations on, which AutoETS needs to have more of them than parameters; else `otherwise`."""
  return lambda asked: (pick if len(asked.sold) >= ENOUGH and np.ptp(asked.sold) > 0 else otherwise)(asked)


def chosen(
  candidates: list[Point], windows: list[Window], made: Callable[[Point], Point] = lambda point: point
) -> Point:
  """The candidate that, once `made`, has the least absolute error on windows of training products."""

  def error(candidate: Point) -> float:
    point = made(candidate)
    return float(np.mean([np.mean(np.abs(point(w.asked) - w.outcome) / w.divisor) for w in windows]))

  return min(candidates, key=error)
