"""Is something wrong? Detectors that know normal operation alone, on the Tennessee Eastman plant.

Fitted on the normal training run; the threshold is the 99th percentile of the statistic on the normal test run, which
nothing was fitted on; false alarms are counted in the first 8 h of the 21 fault test runs, in which nothing is wrong
yet, and detections in the 40 h after. A fault counts as found at the first of six rows in a row above the threshold,
as in E. L. Russell, L. H. Chiang, R. D. Braatz, Chemom. Intell. Lab. Syst. 51 (2000) 81-93.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.covariance import LedoitWolf
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.svm import OneClassSVM

from mtl_jax.data import tep
from mtl_jax.meta.optimise import start, step
from mtl_jax.models import MLP

SEEDS = 5
FALSE_ALARMS = 0.01
IN_A_ROW = 6
HIDDEN = (3, 9, 15)

Statistic = Callable[[np.ndarray], np.ndarray]
"""A run (rows, sensors), in order and in deviations of normal operation -> (rows,), larger is stranger."""


class Detector(NamedTuple):
  """fit(normal run (rows, sensors), seed) -> its statistic."""

  name: str
  fit: Callable[[np.ndarray, int], Statistic]
  random: bool = False  # whether the seed matters


def _pca(variance: float, residual: bool, lags: int = 0):
  """Hotelling's T2 of the components that keep `variance`, or the squared error of what they leave (SPE)."""

  def fit(normal: np.ndarray, seed: int) -> Statistic:
    pca = PCA(variance, svd_solver="full").fit(lagged(normal, lags))

    def statistic(run: np.ndarray) -> np.ndarray:
      x = lagged(run, lags)
      scores = pca.transform(x)
      if residual:
        return np.square(x - pca.inverse_transform(scores)).sum(1)
      return (np.square(scores) / pca.explained_variance_).sum(1)

    return statistic

  return fit


def lagged(run: np.ndarray, lags: int) -> np.ndarray:
  """(rows, (lags + 1) * sensors): each row beside those before it; the first row stands in for what came earlier."""
  before = np.concatenate([np.repeat(run[:1], lags, axis=0), run])
  return np.concatenate([before[lags - lag : len(before) - lag] for lag in range(lags + 1)], axis=1)


def smoothed(run: np.ndarray, weight: float) -> np.ndarray:
  """(rows, sensors): exponentially weighted means, from normal operation (0) on."""
  mean, out = np.zeros(run.shape[1]), np.empty_like(run)
  for i, row in enumerate(run):
    mean = (1 - weight) * mean + weight * row
    out[i] = mean
  return out


def _mahalanobis(weight: float = 1.0):
  """Distance from the mean under a shrunk covariance; of smoothed rows it is the multivariate EWMA chart of C. A.
  Lowry, W. H. Woodall, C. W. Champ, S. E. Rigdon, Technometrics 34 (1992) 46-53."""

  def fit(normal: np.ndarray, seed: int) -> Statistic:
    shrunk = LedoitWolf().fit(smoothed(normal, weight))
    return lambda run: shrunk.mahalanobis(smoothed(run, weight))

  return fit


def _forest(normal: np.ndarray, seed: int) -> Statistic:
  forest = IsolationForest(n_estimators=200, random_state=seed).fit(normal)
  return lambda run: -forest.score_samples(run)


def _one_class(normal: np.ndarray, seed: int) -> Statistic:
  machine = OneClassSVM(nu=0.01).fit(normal)
  return lambda run: -machine.decision_function(run)


def _reconstruction(weight: float = 1.0, *, width: int = 24, code: int = 12, steps: int = 400):
  """Squared error of a small autoencoder, less what each sensor's error is in normal operation."""

  def fit(normal: np.ndarray, seed: int) -> Statistic:
    rows = jnp.asarray(smoothed(normal, weight), jnp.float32)
    rows /= jnp.std(rows, axis=0)[None]
    spread = np.asarray(smoothed(normal, weight)).std(0)
    net, optimiser = MLP((width, code, width, rows.shape[1])), optax.adam(3e-3)
    half = len(rows) // 2  # a network fits its own rows too well to say how large an error is normal

    def error(params, x):
      return jnp.square(net.apply(params, x) - x)

    @jax.jit
    def train(key):
      params, state = start(optimiser, net.init(key, rows[:1]))

      def one(carry, _):
        gradient = jax.grad(lambda p: jnp.mean(error(p, rows[:half])))(carry[0])
        return step(optimiser, gradient, carry[1], carry[0]), None

      return jax.lax.scan(one, (params, state), None, length=steps)[0][0]

    params = train(jax.random.key(seed))
    usual = np.asarray(error(params, rows[half:])).mean(0)

    def statistic(run: np.ndarray) -> np.ndarray:
      x = jnp.asarray(smoothed(run, weight) / spread, jnp.float32)
      return (np.asarray(error(params, x)) / usual).sum(1)

    return statistic

  return fit


DETECTORS = (
  Detector("PCA, T2", _pca(0.9, False)),
  Detector("PCA, SPE", _pca(0.9, True)),
  Detector("PCA of 3 rows, SPE", _pca(0.9, True, 2)),
  Detector("Mahalanobis", _mahalanobis()),
  Detector("multivariate EWMA", _mahalanobis(0.1)),
  Detector("isolation forest", _forest, True),
  Detector("one-class SVM", _one_class),
  Detector("autoencoder", _reconstruction(), True),
  Detector("autoencoder of EWMA", _reconstruction(0.1), True),
)


class Found(NamedTuple):
  """What a detector makes of the fault runs, mean over seeds.

  Attributes:
    name: of the detector.
    rate: (21,) share of the 800 rows with fault 1, 2, ... that are above the threshold.
    delay: (21,) minutes from the fault to its alarm; NaN where a seed has none.
    false_alarms: share of the 3,360 rows before the faults.
  """

  name: str
  rate: np.ndarray
  delay: np.ndarray
  false_alarms: float


def first_alarm(above: np.ndarray) -> float:
  """Minutes from the first row's fault to the row that begins `IN_A_ROW` rows above the threshold; NaN if none does.

  Args:
    above: (rows,) bool, rows 3 min apart, the first 3 min after the fault.
  """
  if len(above) < IN_A_ROW:
    return np.nan
  every = np.lib.stride_tricks.sliding_window_view(above, IN_A_ROW).all(1)
  return float(tep.MINUTES * (every.argmax() + 1)) if every.any() else np.nan


def detect(detectors: tuple[Detector, ...] = DETECTORS) -> list[Found]:
  """Every detector on every fault of the plant."""
  table = tep.load()
  x, unit, fault = table.matrix(table.columns), table.groups["unit"], table.labels["fault"]
  normal = x[unit == "d00"]
  mean, deviation = normal.mean(0), normal.std(0)

  def run(name: str) -> np.ndarray:
    return (x[unit == name] - mean) / deviation

  names = [f"d{number:02d}_te" for number in range(1, 22)]
  found = []
  for detector in detectors:
    rates, delays, false = [], [], []
    for seed in range(SEEDS if detector.random else 1):
      statistic = detector.fit(run("d00"), seed)
      threshold = np.quantile(statistic(run("d00_te")), 1 - FALSE_ALARMS)
      above = [statistic(run(name)) > threshold for name in names]
      wrong = [fault[unit == name] > 0 for name in names]
      rates.append([one[there].mean() for one, there in zip(above, wrong, strict=True)])
      delays.append([first_alarm(one[there]) for one, there in zip(above, wrong, strict=True)])
      false.append(np.concatenate([one[~there] for one, there in zip(above, wrong, strict=True)]).mean())
    found.append(Found(detector.name, np.mean(rates, axis=0), np.mean(delays, axis=0), float(np.mean(false))))
  return found
