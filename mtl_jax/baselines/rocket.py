"""MiniRocket: 84 fixed kernels over series, the share of positive outputs at each dilation and bias, then a ridge.

A. Dempster, D. F. Schmidt, G. I. Webb, "MiniRocket: a very fast (almost) deterministic transform for time series
classification", KDD 2021; kernels over several sensors as in aeon, whose transform this is.
"""

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.preprocessing import StandardScaler

from mtl_jax.baselines.ladder import ALPHA, Ladder, Rung

_SHORTEST = 9  # samples: the length of a kernel
_PENALTIES = np.logspace(-3, 3, 10)  # the paper's, chosen by leaving one example out


def minirocket(train: np.ndarray, windows: np.ndarray, *, features: int = 2_016, seed: int = 0) -> np.ndarray:
  """Features of `windows`, biases and scales fitted on `train`; (n, features) float32.

  Args:
    train, windows: (n, samples, sensors).
    features: a multiple of 84; short series have few dilations, and thousands only repeat them.

  Needs aeon: pip install 'mtl-jax[series]'.
  Raises: ValueError if a window is shorter than a kernel.
  """
  if train.shape[1] < _SHORTEST:
    raise ValueError(f"windows have {train.shape[1]} samples; a kernel has {_SHORTEST}")
  from aeon.transformations.collection.convolution_based import MiniRocket

  def series(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.moveaxis(x, 1, 2), np.float32)

  rocket = MiniRocket(features, random_state=seed).fit(series(train))
  scaler = StandardScaler().fit(rocket.transform(series(train)))
  return scaler.transform(rocket.transform(series(windows))).astype(np.float32)


def numbered(features: np.ndarray) -> np.ndarray:
  """(n, d) -> (n, d + 1): the last column says which row it is, exactly up to 2^24 rows."""
  return np.concatenate([features, np.arange(len(features), dtype=np.float32)[:, None]], axis=1)


def with_rocket(ladder: Ladder, rocket: np.ndarray) -> Ladder:
  """`ladder` for features that `numbered` made, and MiniRocket beside it.

  Only the number travels with an episode: the many features are looked up.

  Args:
    ladder: made for the features without their number.
    rocket: (rows, features) of the row that a number names, as `minirocket` makes them.
  """

  def blind(rung: Rung) -> Rung:
    return Rung(rung.name, lambda x, y, q, seed: rung.predict(x[:, :-1], y, q[:, :-1], seed))

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    x, q = (rocket[side[:, -1].astype(int)] for side in (x, q))
    # With one example of each class every one that is left out is of an unknown class: no choice to be had.
    penalties = _PENALTIES if len(y) > len(np.unique(y)) else np.asarray([ALPHA])
    return RidgeClassifierCV(penalties).fit(x, y).predict(q)

  fixed = tuple(one._replace(answer=lambda q, one=one: one.answer(q[:, :-1])) for one in ladder.fixed)
  return Ladder((*map(blind, ladder.rungs), Rung("MiniRocket and ridge", predict)), fixed)
