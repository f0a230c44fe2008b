"""The ladder of simple baselines for a rare event: log-odds from a few rows, most of them uneventful."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logit
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mtl_jax.baselines.ladder import Ladder, Rung

_LEAST = 1e-4  # a probability is kept away from 0 and 1 by so much


def _methods() -> dict[str, Callable[[int], Any]]:
  return {
    "logistic regression": lambda seed: make_pipeline(StandardScaler(), LogisticRegression(max_iter=300)),
    "shrinkage LDA": lambda seed: make_pipeline(
      StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    ),
    "naive Bayes": lambda seed: make_pipeline(StandardScaler(), GaussianNB(var_smoothing=0.1)),
    "random forest": lambda seed: RandomForestClassifier(100, random_state=seed),
    # Few rows are events: what tells them must not be left to the draw of features.
    "extra trees": lambda seed: ExtraTreesClassifier(100, max_features=None, random_state=seed),
    "boosted trees": lambda seed: HistGradientBoostingClassifier(
      max_iter=40, min_samples_leaf=1, early_stopping=False, random_state=seed
    ),
  }


def rare_event_ladder(raw: int) -> Ladder:
  """Every rung for 0 or 1, y (n, 1) float; values are log-odds (n, 1).

  Args:
    raw: so many leading features are columns as they were measured; the rest were made of them by hand. Each method
      stands in the ladder with all of them and with the raw ones alone.
  """

  def on(make: Callable[[int], Any], columns: slice) -> Callable[[np.ndarray, np.ndarray, np.ndarray, int], np.ndarray]:
    def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      label = y[:, 0].astype(int)
      if (label == label[0]).all():  # no event among so few rows, or nothing else: nothing to tell rows apart by
        share = np.full(len(q), label[0], float)
      else:
        share = make(seed).fit(x[:, columns], label).predict_proba(q[:, columns])[:, 1]
      return logit(np.clip(share, _LEAST, 1 - _LEAST))[:, None]

    return predict

  def share(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return np.full((len(q), 1), logit(np.clip(y.mean(), _LEAST, 1 - _LEAST)))

  every = [Rung("share of events", share)]
  for name, make in _methods().items():
    every += [Rung(name, on(make, slice(None))), Rung(f"{name}, raw columns", on(make, slice(raw)))]
  return Ladder(tuple(every), ())
