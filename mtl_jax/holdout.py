"""Scores of one test set by the answers for its rows, and their bootstrap over units and seeds.

`evaluate` scores many small episodes; here there is one test set, and a score such as macro-F1 is of all its rows.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mtl_jax.evaluate import ENOUGH_UNITS

DRAWS = 1000


class Resampled(NamedTuple):
  """How often each draw takes each row and each seed; draw 0 is the sample itself.

  Attributes:
    rows: (1 + draws, n) float32
    seeds: (1 + draws, seeds), shares that add up to 1
  """

  rows: np.ndarray
  seeds: np.ndarray


def resampled(unit: np.ndarray, seeds: int, draws: int = DRAWS, key: int = 0) -> Resampled:
  """Draws of whole units and, independently, of seeds (the pigeonhole bootstrap of `evaluate.interval`).

  Args:
    unit: (n,); with fewer than 30 units rows are drawn instead, and an interval says nothing about other units.
    key: what makes the draws of one source differ from another's; seeds are drawn the same for all.
  """
  _, of = np.unique(unit, return_inverse=True)
  of = of.reshape(-1) if of.max() + 1 >= ENOUGH_UNITS else np.arange(len(unit))
  units = int(of.max()) + 1
  taken = np.random.default_rng([key, 1]).multinomial(units, np.full(units, 1 / units), size=draws)
  rows = np.concatenate([np.ones((1, units)), taken]).astype(np.float32)[:, of]
  drawn = np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
  return Resampled(rows, np.concatenate([np.ones((1, seeds)), drawn]) / seeds)


Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""measure(answers[n], truth[n], rows[draws, n]) -> [draws]"""


def rmse(answers: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """Root of the mean squared error, in the truth's unit."""
  return np.sqrt(rows @ np.square(answers - truth).astype(np.float64) / rows.sum(1))


def mae(answers: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """Mean absolute error, in the truth's unit."""
  return rows @ np.abs(answers - truth).astype(np.float64) / rows.sum(1)


def _counts(answers: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, ...]:
  """(draws, classes) each: hits, how often it is true, how often it is said."""
  classes = np.unique(np.concatenate([answers, truth]))
  said, true = (column[:, None] == classes[None] for column in (answers, truth))
  return tuple(rows @ part.astype(np.float64) for part in (said & true, true, said))


def _mean_over(values: np.ndarray, these: np.ndarray) -> np.ndarray:
  return np.where(these, values, 0.0).sum(1) / np.maximum(these.sum(1), 1)


def macro_f1(answers: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """Mean F1 over the classes that occur in a draw, among truths or answers, as scikit-learn's."""
  hits, true, said = _counts(answers, truth, rows)
  return _mean_over(2 * hits / np.maximum(true + said, 1e-12), true + said > 0)


def macro_recall(answers: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """Mean over the classes that are true in a draw of the share that was found."""
  hits, true, _ = _counts(answers, truth, rows)
  return _mean_over(hits / np.maximum(true, 1e-12), true > 0)


def accuracy(answers: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """Share of rows that are named rightly."""
  return rows @ (answers == truth).astype(np.float64) / rows.sum(1)


def average_precision(answers: np.ndarray, truth: np.ndarray, rows: np.ndarray) -> np.ndarray:
  """The area under precision and recall as a sum over distinct scores, as scikit-learn's; 0 without a positive."""
  order = np.argsort(-answers, kind="stable")
  ranked, hit, weight = answers[order], truth[order] > 0, rows[:, order].astype(np.float64)
  end = np.searchsorted(-ranked, -ranked, side="right") - 1  # where the run of equal scores ends
  found, seen = np.cumsum(weight * hit, axis=1), np.cumsum(weight, axis=1)
  precision = found[:, end] / np.maximum(seen[:, end], 1e-12)
  return (weight * hit * precision).sum(1) / np.maximum(found[:, -1], 1e-12)


def _yes(measure: Measure) -> Measure:
  return lambda answers, truth, rows: measure((answers > 0).astype(int), truth, rows)


_CLASSES: dict[str, Measure] = {"macro_f1": macro_f1, "accuracy": accuracy, "macro_recall": macro_recall}
MEASURES: Mapping[str, Mapping[str, Measure]] = {  # of a kind of target; the first is what it is judged by
  "number": {"rmse": rmse, "mae": mae},
  "class": _CLASSES,
  "rank": _CLASSES | {"mae": mae},
  "flag": {"auprc": average_precision, **{name: _yes(measure) for name, measure in _CLASSES.items()}},
}


def measured(kind: str, answers: np.ndarray, truth: np.ndarray, draws: Resampled) -> dict[str, np.ndarray]:
  """Metric -> (1 + draws,), of answers (seeds, n) for rows whose truth is known.

  Seeds are averaged as each draw takes them; one row of answers stands for all seeds.
  """
  found = {}
  for name, measure in MEASURES[kind].items():
    each = np.stack([measure(row, truth, draws.rows) for row in answers], axis=1)
    found[name] = (np.broadcast_to(each, (len(each), draws.seeds.shape[1])) * draws.seeds).sum(1)
  return found


def summary(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
  """Mean, low and high of (1 + draws,)."""
  tail = 50 * (1 - level)
  low, high = np.percentile(values[1:], [tail, 100 - tail])
  return float(values[0]), float(low), float(high)
