"""The ladder of simple baselines, fitted by scikit-learn on hand-made features.

What a plant could have without this package. A `Rung` is fitted on the labelled windows of
the new machine, some with what the training machines left beside them; a `Fixed` one sees
the training machines alone. Trees have leaves of one example, and extra trees no bootstrap,
because a handful of labels could not be split otherwise or would be thrown away.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
  ExtraTreesClassifier,
  ExtraTreesRegressor,
  HistGradientBoostingClassifier,
  HistGradientBoostingRegressor,
  RandomForestClassifier,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF as RadialBasis
from sklearn.gaussian_process.kernels import ConstantKernel, WhiteKernel
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.preprocessing import StandardScaler


class History(NamedTuple):
  """What the training machines have left."""

  x: np.ndarray  # (n, d) features
  y: np.ndarray  # (n,) labels
  group: np.ndarray  # (n,) machine


class Rung(NamedTuple):
  """A baseline fitted on each support set: predict(x, y, query x, seed) -> labels or values."""

  name: str
  predict: Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]


class Fixed(NamedTuple):
  """A baseline that looks at no label of the new task: answer(query x) -> logits or values."""

  name: str
  answer: Callable[[np.ndarray], np.ndarray]


class Ladder(NamedTuple):
  """All baselines of a job."""

  rungs: tuple[Rung, ...]
  fixed: tuple[Fixed, ...]


def _whitening(history: History) -> np.ndarray:
  """(d, d): makes the scatter around the mean of each machine's class the identity."""
  _, cell = np.unique(np.stack([history.group, history.y]), axis=1, return_inverse=True)
  cell = cell.reshape(-1)
  count = np.bincount(cell)[:, None]
  mean = np.stack([np.bincount(cell, weights=column) for column in history.x.T], axis=1) / count
  shrunk = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto")
  within = shrunk.fit(history.x - mean[cell], np.arange(len(history.x)) % 2).covariance_
  values, vectors = np.linalg.eigh(within)
  return vectors / np.sqrt(values)


_ALPHA = 10.0  # of every ridge on standardised features


def _lda(seed: int) -> LinearDiscriminantAnalysis:
  return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _around(z: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]:
  """Ridge whose penalty pulls towards the pooled ridge and not towards zero."""
  classes = np.unique(labels)

  def targets(y: np.ndarray) -> np.ndarray:
    return np.where(y[:, None] == classes[None, :], 1.0, -1.0)

  pooled = Ridge(_ALPHA).fit(z, targets(labels))

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray) -> np.ndarray:
    left = Ridge(_ALPHA).fit(x, targets(y) - pooled.predict(x))
    score = np.where(np.isin(classes, y), pooled.predict(q) + left.predict(q), -np.inf)
    return classes[score.argmax(1)]

  return predict


def classification_ladder(history: History, *, same_labels: bool = True) -> Ladder:
  """Every rung for classification.

  Features are standardised by the mean and deviation of the training machines; "whitened"
  rungs also by their scatter within a machine's class. Both use no label of the new machine
  and none of its classes.

  Args:
    history: training machines.
    same_labels: whether a label means the same on the new machine; where it does not there are no
      rungs that carry labels over.
  """
  scaler = StandardScaler().fit(history.x)
  z = scaler.transform(history.x)
  white = _whitening(history._replace(x=z))

  def support_only(make: Callable[[int], Any], scale: Any = scaler, to: np.ndarray | None = None):
    def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      own = clone(scale).fit(x) if scale is not scaler else scaler
      x, q = own.transform(x), own.transform(q)
      if to is not None:
        x, q = x @ to, q @ to
      return make(seed).fit(x, y).predict(q)

    return predict

  def majority(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return np.full(len(q), np.bincount(y).argmax())

  def boosted(seed: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
      max_iter=15, learning_rate=0.3, min_samples_leaf=1, early_stopping=False, random_state=seed
    )

  def centroid(seed: int) -> NearestCentroid:
    return NearestCentroid()

  def nearest(seed: int) -> KNeighborsClassifier:
    return KNeighborsClassifier(1)

  def ridge(seed: int) -> RidgeClassifier:
    return RidgeClassifier(_ALPHA)

  def lda(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    # One example of each class has no scatter to shrink: what is left is the centroid.
    return support_only(_lda if len(y) > len(np.unique(y)) else centroid)(x, y, q, seed)

  rungs = (
    Rung("majority class", majority),
    Rung("nearest centroid", support_only(centroid)),
    Rung("nearest centroid, scaled on the support", support_only(centroid, StandardScaler())),
    Rung("nearest centroid, whitened", support_only(centroid, to=white)),
    Rung("nearest neighbour", support_only(nearest)),
    Rung("nearest neighbour, whitened", support_only(nearest, to=white)),
    Rung("shrinkage LDA", lda),
    Rung("ridge", support_only(ridge)),
    Rung("ridge, whitened", support_only(ridge, to=white)),
    Rung("logistic regression", support_only(lambda seed: LogisticRegression(max_iter=300))),
    Rung("random forest", support_only(lambda seed: RandomForestClassifier(50, random_state=seed))),
    Rung("extra trees", support_only(lambda seed: ExtraTreesClassifier(50, random_state=seed))),
    Rung("boosted trees", support_only(boosted)),
  )
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


def regression_ladder(history: History | None = None) -> Ladder:
  """Every rung for a regression of one number.

  Args:
    history: the training units, y (n,) float; None where they cannot help, as with sine waves. With
      it features are standardised by its mean and deviation, and each support-only model has
      one beside it that also uses the history.
  """

  def gaussian_process(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    kernel = ConstantKernel(4.0, (1e-2, 1e2)) * RadialBasis(1.0, (0.1, 10.0)) + WhiteKernel(1e-4, (1e-8, 1e-1))
    return GaussianProcessRegressor(kernel, random_state=seed).fit(x, y).predict(q).reshape(-1, 1)

  mean = Rung("mean of the support", lambda x, y, q, seed: np.full((len(q), 1), y.mean()))
  zero = Fixed("zero", lambda q: np.zeros((len(q), 1)))
  if history is None:
    return Ladder((mean, Rung("Gaussian process on the support", gaussian_process)), (zero,))
  scaler = StandardScaler().fit(history.x)
  z = scaler.transform(history.x)
  linear = Ridge(_ALPHA).fit(z, history.y)
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
    left = Ridge(_ALPHA).fit(zx, y[:, 0] - boosted.predict(zx))
    return (boosted.predict(zq) + left.predict(zq))[:, None]

  def around(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    zx, zq = scaler.transform(x), scaler.transform(q)
    left = Ridge(_ALPHA).fit(zx, y[:, 0] - linear.predict(zx))
    return (linear.predict(zq) + left.predict(zq))[:, None]

  return Ladder(
    (
      mean,
      Rung("ridge", support_only(lambda seed: Ridge(_ALPHA))),
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


class Asked(NamedTuple):
  """One episode for a rung, without what is masked in the support."""

  x: np.ndarray
  y: np.ndarray
  q: np.ndarray


class Answered(NamedTuple):
  """What a rung predicts for one episode."""

  predicted: np.ndarray
  seconds: float  # to fit and to answer, in one process


def _answer(rungs: tuple[Rung, ...], asked: Asked, seed: int) -> list[Answered]:
  def one(rung: Rung) -> Answered:
    began = time.perf_counter()
    return Answered(rung.predict(*asked, seed), time.perf_counter() - began)

  with warnings.catch_warnings():
    # A hyperparameter at its bound, a solver stopped early or one example per class make a weak
    # rung, not an error.
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="sklearn.neighbors")
    return [one(rung) for rung in rungs]


def answers(rungs: tuple[Rung, ...], asked: list[Asked], seeds: int) -> Iterator[list[Answered]]:
  """Every rung's answer for each episode, in order, computed on all cores.

  Episode i uses random state i mod `seeds`.
  """
  parallel = joblib.Parallel(n_jobs=-1, return_as="generator")
  return parallel(joblib.delayed(_answer)(rungs, episode, i % seeds) for i, episode in enumerate(asked))
