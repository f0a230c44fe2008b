"""The ladder of simple baselines for a regression of one number, by scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF as RadialBasis
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.preprocessing import StandardScaler

from mtl_jax.baselines.ladder import ALPHA, Fixed, History, Ladder, Rung


def gaussian_process(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
  """A rung on x and y (n, 1) as they are; the kernel's numbers by maximum likelihood."""
  kernel = ConstantKernel(4.0, (1e-2, 1e2)) * RadialBasis(1.0, (0.1, 10.0)) + WhiteKernel(1e-4, (1e-8, 1e-1))
  return GaussianProcessRegressor(kernel, random_state=seed).fit(x, y).predict(q).reshape(-1, 1)


def regression_ladder(history: History | None = None) -> Ladder:
  """Every rung for a regression of one number.

  Args:
    history: the training units, y (n,) float; None where they cannot help, as with sine waves. With
      it features are standardised by its mean and deviation, and each support-only model has
      one beside it that also uses the history.
  """

  mean = Rung("mean of the support", lambda x, y, q, seed: np.full((len(q), 1), y.mean()))
  zero = Fixed("zero", lambda q: np.zeros((len(q), 1)))
  if history is None:
    return Ladder((mean, Rung("Gaussian process on the support", gaussian_process)), (zero,))
  scaler = StandardScaler().fit(history.x)
  z = scaler.transform(history.x)
  linear = Ridge(ALPHA).fit(z, history.y)
  boosted = HistGradientBoostingRegressor(early_stopping=False, random_state=0).fit(z, history.y)

  def support_only(make: Callable[[int], Any]):
    def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      return make(seed).fit(scaler.transform(x), y[:, 0]).predict(scaler.transform(q))[:, None]

    return predict

  def few(seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=60, min_samples_leaf=5, early_stopping=False, random_state=seed)

  def corrected(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    """The pooled trees plus a ridge on what they leave; with few rows hardly more than a shift."""
    zx, zq = scaler.transform(x), scaler.transform(q)
    left = Ridge(ALPHA).fit(zx, y[:, 0] - boosted.predict(zx))
    return (boosted.predict(zq) + left.predict(zq))[:, None]

  def around(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    zx, zq = scaler.transform(x), scaler.transform(q)
    left = Ridge(ALPHA).fit(zx, y[:, 0] - linear.predict(zx))
    return (linear.predict(zq) + left.predict(zq))[:, None]

  return Ladder(
    (
      mean,
      Rung("ridge", support_only(lambda seed: Ridge(ALPHA))),
      Rung("nearest neighbour", support_only(lambda seed: KNeighborsRegressor(1))),
      Rung("extra trees", support_only(lambda seed: ExtraTreesRegressor(50, random_state=seed))),
      Rung("boosted trees", support_only(few)),
      Rung("ridge around the pooled ridge", around),
      Rung("pooled boosted trees, corrected", corrected),
    ),
    (
      zero,
      Fixed("pooled ridge", lambda q: linear.predict(scaler.transform(q))[:, None]),
      Fixed("pooled boosted trees", lambda q: boosted.predict(scaler.transform(q))[:, None]),
    ),
  )
