"""What a baseline is, and its answers for every episode.

What a plant could have without this package. A `Rung` is fitted on the labelled examples of
the new unit, some with what the training units left beside them; a `Fixed` one sees the
training units alone.
"""

import time
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple

import joblib
import numpy as np

ALPHA = 10.0  # of every ridge on standardised features


class History(NamedTuple):
  """What the training machines have left."""

  x: np.ndarray  # (n, d) features
  y: np.ndarray  # (n,) labels
  group: np.ndarray  # (n,) machine


class Rung(NamedTuple):
  """A baseline fitted on each support set.

  Attributes:
    predict: predict(x, y, query x, seed) -> labels (n,) int, scores (n, classes), or values.
  """

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
  from sklearn.exceptions import ConvergenceWarning

  def one(rung: Rung) -> Answered:
    began = time.perf_counter()
    return Answered(rung.predict(*asked, seed), time.perf_counter() - began)

  with warnings.catch_warnings():
    # A hyperparameter at its bound, a solver stopped early or one example per class make a weak
    # rung, not an error.
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="sklearn.neighbors")
    warnings.filterwarnings("ignore", message="self.within_class_std_dev_ has at least 1 zero")
    warnings.filterwarnings("ignore", message="Only one sample available")
    return [one(rung) for rung in rungs]


def answers(rungs: tuple[Rung, ...], asked: list[Asked], seeds: int) -> Iterator[list[Answered]]:
  """Every rung's answer for each episode, in order, computed on all cores.

  Episode i uses random state i mod `seeds`.
  """
  parallel = joblib.Parallel(n_jobs=-1, return_as="generator")
  return parallel(joblib.delayed(_answer)(rungs, episode, i % seeds) for i, episode in enumerate(asked))
