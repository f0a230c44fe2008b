"""The ladder of forecasters: rules of thumb, statistical models through statsforecast, and models pooled over products.

Each rung gives nine deciles and the mean of every period asked. A forecaster of one number gets its deciles from a
negative binomial around it, whose dispersion was fitted on windows of the training products: without that it would be
judged on quantiles that it never claimed. Smoothing constants too are those that did best on those windows.
"""

import warnings
from collections.abc import Callable
from typing import NamedTuple

import joblib
import numpy as np
from scipy.optimize import minimize
from scipy.stats import nbinom
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from mtl_jax.baselines.ladder import Fixed, Ladder, Rung
from mtl_jax.tasks.demand import CALENDAR, LEVELS, MEDIAN, OUTPUTS
from mtl_jax.types import Episode

Point = Callable[["Asked"], np.ndarray]
"""a forecast (h,) of the mean, or of the median, for each period asked"""
SOME = 600  # windows that what is slow is fitted on
ENOUGH = 8  # observations for AutoETS
MANY = 5_000  # rows; fewer are fitted sooner than another process starts
RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)


class Asked(NamedTuple):
  """One window: what was observed, oldest first, and what is asked."""

  x: np.ndarray  # (n, d) as in tasks/demand.py
  sold: np.ndarray  # (n,)
  q: np.ndarray  # (h, d)


class Window(NamedTuple):
  """One window of a training product, with its outcome."""

  asked: Asked
  outcome: np.ndarray  # (h,)
  divisor: np.ndarray  # (h,) what errors are divided by


def windows_of(episodes: Episode) -> list[Window]:
  """Episodes of `tasks.demand.ahead`, leaves (episodes, ...); those with nothing known or asked are left out."""
  found = []
  for support, query in zip(*(list(zip(*side, strict=True)) for side in episodes[:2]), strict=True):
    (x, y, known), (q, outcome, asked) = support, query
    if known.any() and asked.any():
      found.append(Window(Asked(x[known], y[known, 0], q[asked]), outcome[asked, 0], outcome[asked, 1]))
  return found


def mean(asked: Asked) -> np.ndarray:
  return np.full(len(asked.q), asked.sold.mean())


def last(asked: Asked) -> np.ndarray:
  return np.full(len(asked.q), asked.sold[-1])


def _same_weekday(asked: Asked) -> np.ndarray:
  """(h, n) bool: which observations share the weekday of a period asked."""
  return asked.q[:, CALENDAR:] @ asked.x[:, CALENDAR:].T > 0


def same_weekday_median(asked: Asked) -> np.ndarray:
  """The median of the observations on the same weekday; of all of them where there is none."""
  return np.array([np.median(asked.sold[row] if row.any() else asked.sold) for row in _same_weekday(asked)])


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


class Around(NamedTuple):
  """A negative binomial around a forecast m after n observations.

  Its mean is scale m + floor, its size exp(a + b log mean + c log n), its variance mean + mean^2 / size.
  """

  scale: float
  floor: float
  a: float
  b: float
  c: float

  def mean(self, m: np.ndarray) -> np.ndarray:
    return self.scale * m + self.floor

  def parameters(self, m: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """n and p as `scipy.stats.nbinom` names them."""
    mean = self.mean(m)
    size = np.exp(np.clip(self.a + self.b * np.log(mean) + self.c * np.log(n), -6.0, 8.0))
    return size, size / (size + mean)

  def deciles(self, m: np.ndarray, n: np.ndarray) -> np.ndarray:
    size, p = self.parameters(m, n)
    return nbinom.ppf(LEVELS[None].astype(np.float64), size[:, None], p[:, None])


def fit_around(m: np.ndarray, n: np.ndarray, outcome: np.ndarray) -> Around:
  """By maximum likelihood; m, n and outcome (rows,). Outcomes are rounded to whole units."""
  y = np.round(outcome)
  unit = max(float(np.mean(y)), 1e-3)

  def named(theta: np.ndarray) -> Around:
    return Around(float(np.exp(theta[0])), float(unit * np.exp(theta[1])), *map(float, theta[2:]))

  def cost(theta: np.ndarray) -> float:
    return -float(np.mean(np.maximum(nbinom.logpmf(y, *named(theta).parameters(m, n)), -100.0)))

  start = np.array([0.0, -3.0, 0.0, 0.0, 0.0])
  bounds = [(-1.5, 1.5), (-9.0, 1.0), (-6.0, 6.0), (-2.0, 2.0), (-2.0, 2.0)]
  return named(minimize(cost, start, method="L-BFGS-B", bounds=bounds).x)


def _answer(deciles: np.ndarray, mean: np.ndarray) -> np.ndarray:
  return np.concatenate([deciles, mean[:, None]], axis=1)


def around(name: str, point: Point, windows: list[Window], *, median: bool = False) -> Rung:
  """A forecaster of one number as a rung.

  Args:
    median: whether the number is a median; then it stays the fifth decile.
  """
  m = np.concatenate([point(w.asked) for w in windows])
  n = np.concatenate([np.full(len(w.outcome), len(w.asked.sold)) for w in windows])
  spread = fit_around(m, n, np.concatenate([w.outcome for w in windows]))

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    m = point(Asked(x, y[:, 0], q))
    deciles = spread.deciles(m, np.full(len(q), len(y)))
    if median:
      deciles[:, :MEDIAN] = np.minimum(deciles[:, :MEDIAN], m[:, None])
      deciles[:, MEDIAN:] = np.maximum(deciles[:, MEDIAN:], m[:, None])
      deciles[:, MEDIAN] = m
    return _answer(deciles, m)

  return Rung(name, predict)


class Prior(NamedTuple):
  """Gamma prior of a product's rate, shape and rate, and how fast what was observed loses its weight.

  The posterior mean after y_1, ..., y_n with exposures e_i is (shape + sum w_i y_i) / (rate + sum w_i e_i),
  w_i = keep^(n - i).
  """

  shape: float
  rate: float
  keep: float

  def mean(self, sold: np.ndarray, exposed: np.ndarray) -> np.ndarray:
    """(..., n), (..., n) -> (...); exposure 0 and demand 0 where there is nothing."""
    weight = self.keep ** np.arange(sold.shape[-1] - 1, -1, -1)
    return (self.shape + sold @ weight) / (self.rate + exposed @ weight)


def shrunk(windows: list[Window], profile: np.ndarray | None = None) -> Rung:
  """Empirical Bayes: gamma-Poisson shrinkage towards the training products, its prior fitted with the spread around it.

  The predictive distribution of a Poisson demand with a gamma rate is a negative binomial; real demand
  scatters more, so its size is fitted as everywhere in this ladder.

  Args:
    profile: of weekdays; then an observation, and a forecast, has its weekday's share as exposure.
  """

  def exposure(x: np.ndarray) -> np.ndarray:
    return np.ones(len(x)) if profile is None else np.maximum(x[:, CALENDAR:] @ profile, 1e-3)

  n = np.array([len(w.asked.sold) for w in windows])
  sold, exposed = np.zeros((2, len(windows), int(n.max())))
  for i, w in enumerate(windows):
    sold[i, -n[i] :], exposed[i, -n[i] :] = w.asked.sold, exposure(w.asked.x)
  horizon = np.array([len(w.outcome) for w in windows])
  counts, asked = np.repeat(n, horizon), np.concatenate([exposure(w.asked.q) for w in windows])
  y = np.round(np.concatenate([w.outcome for w in windows]))

  def named(theta: np.ndarray) -> tuple[Prior, Around]:
    shape, rate = np.exp(theta[:2])
    prior = Prior(float(shape), float(rate), float(1 / (1 + np.exp(-theta[2]))))
    return prior, Around(1.0, 0.0, *map(float, theta[3:]))

  def cost(theta: np.ndarray) -> float:
    prior, spread = named(theta)
    m = np.repeat(prior.mean(sold, exposed), horizon) * asked
    return -float(np.mean(np.maximum(nbinom.logpmf(y, *spread.parameters(m, counts)), -100.0)))

  start = np.array([np.log(max(float(y.mean()), 1e-3)), 0.0, 2.0, 0.0, 0.0, 0.0])
  bounds = [(-8.0, 10.0), (-8.0, 5.0), (-3.0, 7.0), (-6.0, 6.0), (-2.0, 2.0), (-2.0, 2.0)]
  prior, spread = named(minimize(cost, start, method="L-BFGS-B", bounds=bounds).x)

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    m = prior.mean(y[:, 0].astype(np.float64), exposure(x)) * exposure(q)
    return _answer(spread.deciles(m, np.full(len(q), len(y))), m)

  return Rung("shrunk negative binomial", predict)


def summary(asked: Asked, season: int | None) -> np.ndarray:
  """(h, d): levels and scatter of a window, in units; the same weekday's where there are weekdays."""
  sold = asked.sold
  n = len(sold)
  tail = [sold[-k:].mean() for k in (2, 4, 8)]
  smooth = [float(np.average(sold, weights=(1 - a) ** np.arange(n - 1, -1, -1))) for a in (0.1, 0.3, 0.6)]
  late = sold[n // 2 :].mean() - sold[: n // 2].mean() if n > 1 else 0.0
  whole = [sold.mean(), np.median(sold), sold.std(), sold.min(), sold.max(), late, sold[-1]]
  each = np.tile(np.array([*whole, *tail, *smooth]), (len(asked.q), 1))
  columns = [each]
  if season is not None:
    same = _same_weekday(asked)
    seen = [sold[row] if row.any() else np.array([np.nan]) for row in same]
    columns.append(np.array([[np.median(s), s.mean(), s[-1], s.max(), s.min()] for s in seen]))
  return np.concatenate(columns, axis=1)


def boosted(windows: list[Window], season: int | None, *, iterations: int = 120, leaves: int = 12) -> Rung:
  """Gradient boosting of each decile and of the mean on summaries of the window, pooled over training products.

  Demand and summaries are over the window's mean, and each row weighs as much as its error counts.
  """

  def scale(asked: Asked) -> float:
    return float((asked.sold.sum() + 1.0) / (len(asked.sold) + 1.0))

  def told(asked: Asked) -> np.ndarray:
    sold, of_window = asked.sold, scale(asked)
    since = len(sold) - np.flatnonzero(sold)[-1] if sold.any() else len(sold) + 1
    window = np.tile([of_window, len(sold), (sold == 0).mean(), since], (len(asked.q), 1))
    return np.concatenate([window, asked.q[:, :1], asked.q[:, CALENDAR:], summary(asked, season) / of_window], axis=1)

  x = np.concatenate([told(w.asked) for w in windows])
  sizes = np.concatenate([np.full(len(w.outcome), scale(w.asked)) for w in windows])
  y = np.concatenate([w.outcome for w in windows]) / sizes
  weight = sizes / np.concatenate([w.divisor for w in windows])
  common = {
    "max_iter": iterations,
    "learning_rate": 0.06,
    "max_leaf_nodes": leaves,
    "min_samples_leaf": 40,
    "early_stopping": False,
    "random_state": 0,
  }
  models = [HistGradientBoostingRegressor(loss="quantile", quantile=float(level), **common) for level in LEVELS]
  models.append(HistGradientBoostingRegressor(loss="poisson", **common))
  # Side by side, each on one thread: the threads of a single fit wait for each other where the machine has other work.
  with threadpool_limits(1, user_api="openmp"):
    jobs = -1 if len(y) > MANY else 1
    models = joblib.Parallel(n_jobs=jobs)(joblib.delayed(model.fit)(x, y, sample_weight=weight) for model in models)

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    asked = Asked(x, y[:, 0], q)
    rows = told(asked)
    found = scale(asked) * np.stack([model.predict(rows) for model in models], axis=1)
    return _answer(np.maximum(np.sort(found[:, :-1], axis=1), 0.0), found[:, -1])

  return Rung("pooled quantile boosting", predict)


def forecasting_ladder(episodes: Episode, *, season: int | None = None) -> Ladder:
  """Every rung for a forecast of demand.

  Args:
    episodes: windows of training products, leaves (windows, ...) of NumPy, as `tasks.demand.ahead` gives them.
    season: weekdays, one calendar column each; None: there are none. With them what is smoothed is demand over the
      weekday's share, so that no rung is weak for want of knowing Fridays.
  """
  # The extra `forecast`; who has no demand to forecast needs none of it.
  from statsforecast.models import TSB, AutoETS, CrostonSBA, SimpleExponentialSmoothing

  windows = windows_of(episodes)
  some = windows[:SOME]
  profile = None if season is None else weekday_profile(windows)

  def seasonal(point: Point) -> Point:
    return point if profile is None else by_weekday(point, profile)

  smoothing = chosen([library(lambda a=a: SimpleExponentialSmoothing(alpha=a)) for a in RATES], some, seasonal)
  rates = [(d, p) for d in RATES[:5:2] for p in RATES[:5:2]]
  tsb = chosen([library(lambda d=d, p=p: TSB(alpha_d=d, alpha_p=p)) for d, p in rates], some, seasonal)
  ets = with_enough(library(lambda: AutoETS(season_length=1)), smoothing)
  rungs = [
    around("mean of the observations", seasonal(mean), windows),
    around("last value", seasonal(last), windows),
    around("exponential smoothing", seasonal(smoothing), some),
    around("TSB", seasonal(tsb), some),
    around("Croston, SBA", seasonal(library(CrostonSBA)), some),
    around("AutoETS", seasonal(ets), some),
    shrunk(windows, profile),
    boosted(windows, season),
  ]
  if season is not None:
    rungs.insert(2, around("same weekday's median", same_weekday_median, windows, median=True))
  return Ladder(tuple(rungs), (Fixed("zero", lambda q: np.zeros((len(q), OUTPUTS))),))
