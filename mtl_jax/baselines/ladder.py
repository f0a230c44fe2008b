"""What a baseline is, and its answers for every episode.

What a plant could have without this package. A `Rung` is fitted on the labelled examples of
the new unit, some with what the training units left beside them; a `Fixed` one sees the
training units alone.
"""

import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning

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
  seconds: float  # of one core, to fit and to answer


def _answer(rungs: tuple[Rung, ...], asked: Asked, seed: int) -> list[Answered]:
  def one(rung: Rung) -> Answered:
    began = time.process_time()  # of the clock on the wall, what runs beside it would have a share
    return Answered(rung.predict(*asked, seed), time.process_time() - began)

  with warnings.catch_warnings():
    # A hyperparameter at its bound, a solver stopped early or one example per class make a weak
    # rung, not an error.
    warnings.simplefilter("ignore", ConvergenceWarning)
    warnings.filterwarnings("ignore", category=RuntimeWarning, module="sklearn.neighbors")
    warnings.filterwarnings("ignore", message="self.within_class_std_dev_ has at least 1 zero")
    warnings.filterwarnings("ignore", message="Only one sample available")
    return [one(rung) for rung in rungs]


def answers(asked: Iterable[tuple[tuple[Rung, ...], Asked, int]]) -> Iterator[list[Answered]]:
  """Every rung's answer for each episode, in order.

  The call starts them on all cores, in processes that give way to everything else that runs; the iterator waits.

  Args:
    asked: rungs, an episode and its random state.
  """
  parallel = joblib.Parallel(n_jobs=-1, return_as="generator", initializer=os.nice, initargs=(19,))
  return parallel(joblib.delayed(_answer)(*one) for one in asked)
