"""The ladder for remaining life on rolling features: the standard problem, and a few engines run to failure.

The settings of the trees were chosen on FD001 and FD004 by cross-validation over training engines, three folds, no
engine on both sides: root mean squared errors 8.55 and 10.83 cycles, against 8.73 and 11.15 with scikit-learn's
defaults, 10.70 and 12.28 for extra trees, 14.68 and 15.48 for a ridge. No test engine was looked at.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from mtl_jax.baselines.ladder import ALPHA, Fixed, History, Ladder, Rung


def _boosted() -> HistGradientBoostingRegressor:
  return HistGradientBoostingRegressor(
    learning_rate=0.05, max_iter=200, min_samples_leaf=200, max_features=0.3, early_stopping=False, random_state=0
  )


def _trees(trees: int = 60, seed: int = 0, jobs: int | None = -1) -> ExtraTreesRegressor:
  return ExtraTreesRegressor(trees, min_samples_leaf=5, max_features=0.3, n_jobs=jobs, random_state=seed)


def _answer(model: Any, at: slice = slice(None)) -> Callable[[np.ndarray], np.ndarray]:
  return lambda q: model.predict(q[:, at]).reshape(-1, 1)


def life_ladder(history: History, columns: int, plain: str = "") -> Ladder:
  """Regressions of the remaining life, fitted on training engines; there is no label of a test engine.

  Args:
    history: rows of the training engines, standardised; y (n,).
    columns: how many of the features the rungs read.
    plain: name of one more rung, boosted trees on the features from `columns` on; empty: there is none.
  """
  x, y = history.x[:, :columns], history.y
  first, rest = slice(0, columns), slice(columns, None)
  fixed = [
    Fixed("mean of the training engines", lambda q: np.full((len(q), 1), y.mean())),
    Fixed("ridge", _answer(Ridge(ALPHA).fit(x, y), first)),
    Fixed("extra trees", _answer(_trees().fit(x, y), first)),
    Fixed("boosted trees", _answer(_boosted().fit(x, y), first)),
  ]
  if plain:
    fixed.append(Fixed(plain, _answer(_boosted().fit(history.x[:, rest], y), rest)))
  return Ladder((), tuple(fixed))


def few_lives_ladder(history: History) -> Ladder:
  """Regressions from the lives of a few engines of a new kind, each support-only one beside what others knew before.

  Args:
    history: rows of engines of other kinds, standardised; y (n,).
  """
  linear, boosted = Ridge(ALPHA).fit(history.x, history.y), _boosted().fit(history.x, history.y)
  pooled = _trees().fit(history.x, history.y)

  def support_only(make: Callable[[int], Any]):
    return lambda x, y, q, seed: make(seed).fit(x, y[:, 0]).predict(q)[:, None]

  def corrected(known: Any, make: Callable[[int], Any]):
    """`known`, and a fit to what it leaves."""

    def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      left = make(seed).fit(x, y[:, 0] - known.predict(x))
      return (known.predict(q) + left.predict(q))[:, None]

    return predict

  def few(seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
      max_iter=60,
      max_leaf_nodes=8,
      min_samples_leaf=5,
      max_features=0.3,
      max_bins=63,  # a support set has hundreds of rows
      early_stopping=False,
      random_state=seed,
    )

  def trees(seed: int) -> ExtraTreesRegressor:
    return _trees(50, seed, jobs=None).set_params(min_samples_leaf=2)

  def shifted(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return (boosted.predict(q) + np.mean(y[:, 0] - boosted.predict(x)))[:, None]

  return Ladder(
    (
      Rung("mean of the support", lambda x, y, q, seed: np.full((len(q), 1), y.mean())),
      Rung("ridge", support_only(lambda seed: Ridge(ALPHA))),
      Rung("nearest neighbour", support_only(lambda seed: KNeighborsRegressor(1))),
      Rung("extra trees", support_only(trees)),
      Rung("boosted trees", support_only(few)),
      Rung("ridge around the pooled ridge", corrected(linear, lambda seed: Ridge(ALPHA))),
      Rung("pooled boosted trees, shifted", shifted),
      Rung("pooled boosted trees, corrected by a ridge", corrected(boosted, lambda seed: Ridge(ALPHA))),
      Rung("pooled boosted trees, corrected by extra trees", corrected(boosted, trees)),
    ),
    (
      Fixed("pooled ridge", _answer(linear)),
      Fixed("pooled extra trees", _answer(pooled)),
      Fixed("pooled boosted trees", _answer(boosted)),
    ),
  )
