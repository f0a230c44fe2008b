"""Trees and linear models for the tasks of a multi-task job, one for each task, tuned on validation."""

import time
import warnings
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

Kind = Literal["number", "class", "rank", "flag"]
TRIVIAL, LINEAR, EXTRA, BOOSTED = "mean or majority", "ridge or logistic regression", "extra trees", "boosted trees"
NAMES = (TRIVIAL, LINEAR, EXTRA, BOOSTED)


class Rows(NamedTuple):
  """x (n, d), y (n,)."""

  x: np.ndarray
  y: np.ndarray


class Found(NamedTuple):
  """What a baseline says of the test rows.

  Attributes:
    answers: (seeds or 1, n), in the form of `build.multitask.answer`
    seconds: to fit the chosen one, once
  """

  answers: np.ndarray
  seconds: float


def _candidates(kind: Kind) -> dict[str, list[Any]]:
  """{name of `NAMES`: estimators that validation chooses from}, as many as a network has learning rates by default."""
  from sklearn.dummy import DummyClassifier, DummyRegressor
  from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
  )
  from sklearn.linear_model import LogisticRegression, Ridge
  from sklearn.pipeline import make_pipeline
  from sklearn.preprocessing import StandardScaler

  if kind == "number":
    return {
      TRIVIAL: [DummyRegressor()],
      LINEAR: [make_pipeline(StandardScaler(), Ridge(alpha)) for alpha in (1.0, 100.0, 10_000.0)],
      EXTRA: [ExtraTreesRegressor(100, min_samples_leaf=leaf, max_features=1 / 3) for leaf in (1, 3, 10)],
      BOOSTED: [
        HistGradientBoostingRegressor(max_iter=n, learning_rate=rate, early_stopping=False)
        for n, rate in ((50, 0.1), (150, 0.1), (400, 0.05))
      ],
    }
  return {
    TRIVIAL: [DummyClassifier()],
    LINEAR: [make_pipeline(StandardScaler(), LogisticRegression(C=c)) for c in (0.01, 0.1, 1.0)],
    EXTRA: [ExtraTreesClassifier(100, min_samples_leaf=leaf) for leaf in (1, 3, 10)],
    BOOSTED: [
      HistGradientBoostingClassifier(max_iter=n, learning_rate=rate, early_stopping=False)
      for n, rate in ((25, 0.1), (100, 0.1), (200, 0.05))
    ],
  }


def _answer(kind: Kind, model: Any, x: np.ndarray) -> np.ndarray:
  if kind != "flag":
    return model.predict(x)
  yes = np.clip(model.predict_proba(x)[:, list(model.classes_).index(1)], 1e-12, 1 - 1e-12)
  return np.log(yes) - np.log1p(-yes)


def baseline(
  kind: Kind,
  name: str,
  train: Rows,
  validation: Rows,
  test: np.ndarray,
  seeds: int,
  score: Callable[[np.ndarray, np.ndarray], float],
) -> Found:
  """Fits the candidates on the training rows, keeps the one with the best score(answers, y) on validation.

  Fits that draw at random are repeated with every seed.
  """
  from sklearn.base import clone
  from sklearn.exceptions import ConvergenceWarning

  options = _candidates(kind)[name]

  def fitted(model: Any, seed: int) -> tuple[Any, float]:
    if "random_state" in model.get_params():
      model = clone(model).set_params(random_state=seed)
    began = time.perf_counter()
    return model.fit(train.x, train.y), time.perf_counter() - began

  with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early is weaker, not wrong
    tried = [fitted(model, 0) for model in options]
    best = int(np.argmax([score(_answer(kind, model, validation.x), validation.y) for model, _ in tried]))
    chosen = [tried[best][0]]
    if name == EXTRA:
      chosen += [fitted(options[best], seed)[0] for seed in range(1, seeds)]
  return Found(np.stack([_answer(kind, model, test) for model in chosen]), tried[best][1])
