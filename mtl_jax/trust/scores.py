"""Scores of any scikit-learn estimator under several splits, with intervals over units.

Each way of splitting is a cross-validation, repeated with other folds. Predictions of all folds are
scored together, so that a fold without one of the classes, or with a unit that hardly varies, does no harm.
An interval is a bootstrap: each draw takes one repeat and as many units, with replacement, as there
are. All methods and splits see the same draws, so that their differences have intervals too.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
  ExtraTreesClassifier,
  ExtraTreesRegressor,
  HistGradientBoostingClassifier,
  HistGradientBoostingRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtl_jax.trust.splits import Fold

TREES = 100  # of a forest
ROUNDS = 40  # of boosting
_DRAWS = 400


class Score(NamedTuple):
  """A mean over repeats with a 95 % interval.

  Attributes:
    method: which estimator.
    split: how rows were split: "random rows", "by unit", "by time".
    metric: macro_f1, accuracy, rmse (unit of the label) or r2.
  """

  method: str
  split: str
  metric: str
  mean: float
  low: float
  high: float


class Drawn(NamedTuple):
  """A score and what each draw of the bootstrap gave."""

  score: Score
  draws: np.ndarray  # (draws,)


def ladder(classification: bool) -> dict[str, Any]:
  """Name -> estimator, from knowing nothing to boosted trees; all of them take missing numbers."""

  def scaled(estimator: Any) -> Any:
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), estimator)

  boosted = {"max_iter": ROUNDS, "learning_rate": 0.2, "max_leaf_nodes": 15, "early_stopping": False}
  if classification:
    return {
      "majority class": DummyClassifier(),
      "nearest centroid": scaled(NearestCentroid()),
      "nearest neighbour": scaled(KNeighborsClassifier(1)),
      "extra trees": ExtraTreesClassifier(TREES),
      "boosted trees": HistGradientBoostingClassifier(**boosted),
    }
  return {
    "mean": DummyRegressor(),
    "ridge": scaled(Ridge(10.0)),
    "nearest neighbour": scaled(KNeighborsRegressor(1)),
    "extra trees": ExtraTreesRegressor(TREES, min_samples_leaf=2),
    "boosted trees": HistGradientBoostingRegressor(**boosted),
  }


def predictions(estimator: Any, x: Any, y: np.ndarray, folds: Iterable[Fold], seed: int) -> np.ndarray:
  """(rows,) float64: what is predicted of each row by a model that has not seen it; NaN where no fold asks.

  Args:
    estimator: cloned for each fold; its `random_state`, if it has one, becomes `seed`.
    x: (rows, d) array or data frame.
    y: (rows,) class codes or values.
  """
  found = np.full(len(y), np.nan)
  for train, test in folds:
    known, asked = (x.iloc[rows] if hasattr(x, "iloc") else x[rows] for rows in (train, test))
    if (y[train] == y[train][0]).all():
      found[test] = y[train][0]
      continue
    model = clone(estimator)
    if "random_state" in model.get_params():
      model.set_params(random_state=seed)
    with warnings.catch_warnings():
      # A class with one row or a column without spread in a fold makes a weak model, not an error.
      warnings.simplefilter("ignore", UserWarning)
      warnings.simplefilter("ignore", RuntimeWarning)
      found[test] = np.asarray(model.fit(known, y[train]).predict(asked), float).reshape(len(test))
  return found


def _counts(predicted: np.ndarray, y: np.ndarray, cluster: np.ndarray, classes: int) -> np.ndarray:
  """(clusters, c * c) confusion of each cluster, true x predicted, or (clusters, 4) sums for a regression."""
  told = ~np.isnan(predicted)
  y, predicted, cluster, clusters = y[told], predicted[told], cluster[told], int(cluster.max()) + 1
  if classes:
    cell = (cluster * classes + y.astype(int)) * classes + predicted.astype(int)
    return np.bincount(cell, minlength=clusters * classes**2).reshape(clusters, -1).astype(float)
  columns = np.ones_like(y), y, y**2, (y - predicted) ** 2
  return np.stack([np.bincount(cluster, weights=column, minlength=clusters) for column in columns], axis=1)


def _metrics(sums: np.ndarray, classes: int) -> dict[str, np.ndarray]:
  """Sums of `_counts` over clusters, (..., c * c) or (..., 4) -> metric -> (...)."""
  with np.errstate(invalid="ignore", divide="ignore"):
    if classes:
      confusion = sums.reshape(*sums.shape[:-1], classes, classes)
      right = np.diagonal(confusion, axis1=-2, axis2=-1)
      both = confusion.sum(-1) + confusion.sum(-2)
      present = both > 0
      f1 = np.where(present, 2.0 * right / np.where(present, both, 1.0), 0.0)
      return {"macro_f1": f1.sum(-1) / present.sum(-1), "accuracy": right.sum(-1) / confusion.sum((-2, -1))}
    n, total, squares, errors = np.moveaxis(sums, -1, 0)
    return {"r2": 1.0 - errors / (squares - total**2 / n), "rmse": np.sqrt(errors / n)}


def scored(
  predicted: np.ndarray, y: np.ndarray, cluster: np.ndarray, classes: int, method: str, split: str, seed: int
) -> list[Drawn]:
  """Every metric of one method under one split.

  Args:
    predicted: (repeats, rows); NaN where a row was not asked.
    cluster: (rows,) int: what is drawn in the bootstrap, the unit.
    classes: how many there are; 0 for a regression.
  """
  if not classes:  # sums of squares of numbers far from zero would lose their digits
    predicted, y = predicted - y.mean(), y - y.mean()
  counts = np.stack([_counts(p, y, cluster, classes) for p in predicted])
  means = _metrics(counts.sum(1), classes)
  generator = np.random.default_rng(seed)
  clusters = counts.shape[1]
  weights = generator.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=_DRAWS).astype(float)
  which = generator.integers(len(counts), size=_DRAWS)
  sums = np.stack([weights[i] @ counts[repeat] for i, repeat in enumerate(which)])
  drawn = []
  for name, values in _metrics(sums, classes).items():
    finite = values[np.isfinite(values)]
    mean = float(means[name].mean())
    low, high = np.quantile(finite, (0.025, 0.975)) if finite.size else (mean, mean)
    drawn.append(Drawn(Score(method, split, name, mean, min(float(low), mean), max(float(high), mean)), values))
  return drawn


def difference(a: Drawn, b: Drawn, split: str) -> Score:
  """a minus b, with the interval of the draws that they share."""
  values = a.draws - b.draws
  mean = a.score.mean - b.score.mean
  finite = values[np.isfinite(values)]
  low, high = np.quantile(finite, (0.025, 0.975)) if finite.size else (mean, mean)
  return Score(a.score.method, split, a.score.metric, mean, min(float(low), mean), max(float(high), mean))


def score_all(
  methods: Mapping[str, tuple[Any, Any]],
  ways: Mapping[str, Callable[[int], list[Fold]]],
  y: np.ndarray,
  cluster: np.ndarray,
  classes: int,
  repeats: int,
  seed: int,
  progress: Callable[[list], Iterable],
) -> Iterator[Drawn]:
  """Every method under every split.

  Args:
    methods: name -> (estimator, x).
    ways: name of the split -> folds(seed).
    progress: what the list of fits is wrapped in, such as rich.progress.track.
  """
  jobs = [(way, method, repeat) for way in ways for method in methods for repeat in range(repeats)]
  predicted: dict[tuple[str, str], list[np.ndarray]] = {}
  for way, method, repeat in progress(jobs):
    estimator, x = methods[method]
    found = predictions(estimator, x, y, ways[way](seed + repeat), seed + repeat)
    predicted.setdefault((way, method), []).append(found)
  for (way, method), found in predicted.items():
    yield from scored(np.stack(found), y, cluster, classes, method, way, seed)
