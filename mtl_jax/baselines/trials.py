"""The ladder for a plant's response from a few trials: `regression_ladder`, and what is used to tune a process."""

from typing import NamedTuple

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from mtl_jax.baselines.ladder import History, Ladder, Rung
from mtl_jax.baselines.regression import gaussian_process, regression_ladder

DEGREE = 3
_PENALTIES = np.logspace(-3, 2, 6)


class Prior(NamedTuple):
  """What other plants say of a plant's polynomial: its coefficients are normal, so is what it leaves."""

  mean: np.ndarray  # (p,)
  covariance: np.ndarray  # (p, p)
  left: float  # variance


def random_coefficients(phi: np.ndarray, y: np.ndarray, group: np.ndarray) -> Prior:
  """P. A. V. B. Swamy, "Efficient inference in a random coefficient regression model", Econometrica 38 (1970): mean
  and covariance of least-squares coefficients, one fit for each plant.

  The covariance is that of the fits, which holds their estimation error too.

  Args:
    phi: (n, p) terms; y: (n,); group: (n,) plant, each with more than p rows.
  """
  fits, left = [], []
  for one in np.unique(group):
    rows = group == one
    found = np.linalg.lstsq(phi[rows], y[rows], rcond=None)[0]
    fits.append(found)
    left.append(np.sum((y[rows] - phi[rows] @ found) ** 2) / (rows.sum() - phi.shape[1]))
  return Prior(np.mean(fits, 0), np.cov(np.asarray(fits).T), float(np.mean(left)))


def trials_ladder(history: History) -> Ladder:
  """Every rung; x in the unit box.

  Args:
    history: trials of other plants, y (n,), each plant with more than the terms of a polynomial of `DEGREE`.
  """
  base, scaler = regression_ladder(history), StandardScaler().fit(history.x)
  terms = make_pipeline(scaler, PolynomialFeatures(DEGREE)).fit(history.x)
  prior = random_coefficients(terms.transform(history.x), history.y, history.group)
  boosted = HistGradientBoostingRegressor(early_stopping=False, random_state=0).fit(history.x, history.y)

  def quadratic(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    model = make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), RidgeCV(_PENALTIES))
    return model.fit(x, y[:, 0]).predict(q)[:, None]

  def process(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return gaussian_process(scaler.transform(x), y, scaler.transform(q), seed)

  def around(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    left = y - boosted.predict(x)[:, None]
    return boosted.predict(q)[:, None] + process(x, left, q, seed)

  def shrunk(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    phi, asked = terms.transform(x), terms.transform(q)
    spread = phi @ prior.covariance @ phi.T + prior.left * np.eye(len(x))
    more = prior.covariance @ phi.T @ np.linalg.lstsq(spread, y[:, 0] - phi @ prior.mean)[0]
    return (asked @ (prior.mean + more))[:, None]

  more = (
    Rung("quadratic ridge", quadratic),
    Rung("Gaussian process", process),
    Rung("Gaussian process around pooled boosted trees", around),
    Rung("cubic with random coefficients", shrunk),
  )
  return Ladder((*base.rungs, *more), base.fixed)
