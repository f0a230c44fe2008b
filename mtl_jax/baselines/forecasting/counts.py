"""Deciles of a count: a negative binomial around a forecast of one number, and around a rate shrunk by empirical Bayes.

The dispersion is fitted on windows of the training products.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import nbinom

from mtl_jax.baselines.forecasting.points import Point
from mtl_jax.baselines.forecasting.windows import Asked, Window, answer
from mtl_jax.baselines.ladder import Rung
from mtl_jax.tasks.demand import CALENDAR, LEVELS, MEDIAN


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
    return answer(deciles, m)

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
    return answer(spread.deciles(m, np.full(len(q), len(y))), m)

  return Rung("shrunk negative binomial", predict)
