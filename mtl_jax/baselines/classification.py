"""The ladder of simple baselines for classification, fitted by scikit-learn on hand-made features.

Trees have leaves of one example, and extra trees no bootstrap, because a handful of labels
could not be split otherwise or would be thrown away.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.preprocessing import StandardScaler

from mtl_jax.baselines.ladder import ALPHA, Fixed, History, Ladder, Rung


def whitening(history: History) -> np.ndarray:
  """(d, d): makes the scatter around the mean of each machine's class the identity."""
  _, cell = np.unique(np.stack([history.group, history.y]), axis=1, return_inverse=True)
  cell = cell.reshape(-1)
  count = np.bincount(cell)[:, None]
  mean = np.stack([np.bincount(cell, weights=column) for column in history.x.T], axis=1) / count
  shrunk = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
  within = shrunk.fit(history.x - mean[cell], np.arange(len(history.x)) % 2).covariance_
  values, vectors = np.linalg.eigh(within)
  return vectors / np.sqrt(values)


def whitened(history: History) -> Callable[[np.ndarray], np.ndarray]:
  """Features (n, d) -> (n, d) float32: standardised by the rows of `history`, then whitened by `whitening`."""
  scaler = StandardScaler().fit(history.x)
  white = whitening(history._replace(x=scaler.transform(history.x)))
  return lambda features: (scaler.transform(features) @ white).astype(np.float32)


def by_angle(name: str, view: Callable[[np.ndarray], np.ndarray]) -> Rung:
  """Nearest centroid of directions: how far something lies from the origin of `view` does not count, only where to."""

  def directed(features: np.ndarray) -> np.ndarray:
    z = view(features)
    return z / np.linalg.norm(z, axis=1, keepdims=True)

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return NearestCentroid().fit(directed(x), y).predict(directed(q))

  return Rung(name, predict)


def _lda(seed: int) -> LinearDiscriminantAnalysis:
  return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _around(z: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
  """Ridge whose penalty pulls towards the pooled ridge and not towards zero."""
  classes = np.unique(labels)

  def targets(y: np.ndarray) -> np.ndarray:
    return np.where(y[:, None] == classes[None, :], 1.0, -1.0)

  pooled = Ridge(ALPHA).fit(z, targets(labels))

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray) -> np.ndarray:
    left = Ridge(ALPHA).fit(x, targets(y) - pooled.predict(x))
    score = np.where(np.isin(classes, y), pooled.predict(q) + left.predict(q), -np.inf)
    return classes[score.argmax(1)]

  return predict


def _rungs(scaler: StandardScaler | None, white: np.ndarray | None) -> tuple[Rung, ...]:
  """Those that see the support alone, in the scale of `scaler`; None scales on the support."""

  def support_only(make: Callable[[int], Any], to: np.ndarray | None = None, scaler: StandardScaler | None = scaler):
    def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      own = StandardScaler().fit(x) if scaler is None else scaler
      x, q = own.transform(x), own.transform(q)
      if to is not None:
        x, q = x @ to, q @ to
      return make(seed).fit(x, y).predict(q)

    return predict

  def majority(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return np.full(len(q), np.bincount(y).argmax())

  def boosted(seed: int) -> HistGradientBoostingClassifier:
    # On validation machines of the fleet stumps beat larger trees at half the cost. A higher rate costs points where
    # there are many classes, a lower one where there are few.
    return HistGradientBoostingClassifier(
      max_iter=10, learning_rate=0.2, max_leaf_nodes=2, min_samples_leaf=1, early_stopping=False, random_state=seed
    )

  def centroid(seed: int) -> NearestCentroid:
    return NearestCentroid()

  def nearest(seed: int) -> KNeighborsClassifier:
    return KNeighborsClassifier(1)

  def ridge(seed: int) -> RidgeClassifier:
    return RidgeClassifier(ALPHA)

  def lda(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    # One example of each class has no scatter to shrink: what is left is the centroid.
    return support_only(_lda if len(y) > len(np.unique(y)) else centroid)(x, y, q, seed)

  rungs = [
    Rung("majority class", majority),
    Rung("nearest centroid", support_only(centroid)),
    Rung("nearest neighbour", support_only(nearest)),
    Rung("shrinkage LDA", lda),
    Rung("ridge", support_only(ridge)),
    Rung("logistic regression", support_only(lambda seed: LogisticRegression(max_iter=300))),
    Rung("random forest", support_only(lambda seed: RandomForestClassifier(50, random_state=seed))),
    Rung("extra trees", support_only(lambda seed: ExtraTreesClassifier(50, random_state=seed))),
    Rung("boosted trees", support_only(boosted)),
  ]
  if scaler is not None:
    rungs.append(Rung("nearest centroid, scaled on the support", support_only(centroid, scaler=None)))
  if white is not None:
    rungs += [
      Rung("nearest centroid, whitened", support_only(centroid, white)),
      Rung("nearest neighbour, whitened", support_only(nearest, white)),
      Rung("ridge, whitened", support_only(ridge, white)),
    ]
  return tuple(rungs)


def classification_ladder(history: History | None, *, same_labels: bool = True) -> Ladder:
  """Every rung for classification.

  Features are standardised by the mean and deviation of the training machines; "whitened"
  rungs also by their scatter within a machine's class. Both use no label of the new machine
  and none of its classes.

  Args:
    history: training machines; None where there are none: features are standardised on the support.
    same_labels: whether a label means the same on the new machine; where it does not there are no
      rungs that carry labels over.
  """
  if history is None:
    return Ladder(_rungs(None, None), ())
  scaler = StandardScaler().fit(history.x)
  z = scaler.transform(history.x)
  rungs = _rungs(scaler, whitening(history._replace(x=z)))
  if not same_labels:
    return Ladder(rungs, ())
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early is weaker, not wrong, as below
    logistic = LogisticRegression(max_iter=300).fit(z, history.y)
  rows = np.random.default_rng(0).permutation(len(z))[:20_000]  # more change the third digit and the wait
  forest = RandomForestClassifier(100, min_samples_leaf=2, n_jobs=-1, random_state=0)
  forest.fit(z[rows], history.y[rows])
  around = _around(z, history.y)
  return Ladder(
    (
      *rungs,
      Rung("ridge around the pooled ridge", lambda x, y, q, seed: around(scaler.transform(x), y, scaler.transform(q))),
    ),
    (
      Fixed("pooled logistic regression", lambda q: logistic.predict_log_proba(scaler.transform(q))),
      Fixed("pooled forest", lambda q: forest.predict_proba(scaler.transform(q))),
    ),
  )


def envelope_rule(inner: int, outer: int, inner_label: int, outer_label: int, classes: int) -> Fixed:
  """The larger envelope line names the race; no training, no labels.

  Args:
    inner, outer: columns of the features with the envelope amplitude at BPFI and BPFO.
    inner_label, outer_label: the labels of the two faults.
    classes: how many labels there are.
  """

  def answer(q: np.ndarray) -> np.ndarray:
    return np.eye(classes)[np.where(q[:, inner] > q[:, outer], inner_label, outer_label)]

  return Fixed("envelope rule, no labels", answer)
