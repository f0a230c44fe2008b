"""Windows of demand: what a forecaster is asked, and the form of what it answers."""

from typing import NamedTuple

import numpy as np

from mtl_jax.tasks.demand import CALENDAR
from mtl_jax.types import Episode


class Asked(NamedTuple):
  """One window: what was observed, oldest first, and what is asked."""

  x: np.ndarray  # (n, d) as in tasks/demand.py
  sold: np.ndarray  # (n,)
  q: np.ndarray  # (h, d)


class Window(NamedTuple):
  """One window of a training product, with its outcome."""

  asked: Asked
  outcome: np.ndarray  # (h,)
  divisor: np.ndarray  # (h,) what errors are divided by


def windows_of(episodes: Episode) -> list[Window]:
  """Episodes of `tasks.demand.ahead`, leaves (episodes, ...); those with nothing known or asked are left out."""
  found = []
  for support, query in zip(*(list(zip(*side, strict=True)) for side in episodes[:2]), strict=True):
    (x, y, known), (q, outcome, asked) = support, query
    if known.any() and asked.any():
      found.append(Window(Asked(x[known], y[known, 0], q[asked]), outcome[asked, 0], outcome[asked, 1]))
  return found


def same_weekday(asked: Asked) -> np.ndarray:
  """(h, n) bool: which observations share the weekday of a period asked."""
  return asked.q[:, CALENDAR:] @ asked.x[:, CALENDAR:].T > 0


def answer(deciles: np.ndarray, mean: np.ndarray) -> np.ndarray:
  """(h, 9), (h,) -> (h, OUTPUTS) as in tasks/demand.py."""
  return np.concatenate([deciles, mean[:, None]], axis=1)
