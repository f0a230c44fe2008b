"""Scores of one test set by the answers for its rows, and their bootstrap over units and seeds.

`evaluate` scores many small episodes; here there is one test set, and a score such as macro-F1 is of all its rows.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from mtl_jax.evaluate import ENOUGH_UNITS

DRAWS = 1000


class Draws(NamedTuple):
  """How often each draw takes each group of rows; draw 0 is the sample itself.

  Attributes:
    counts: (1 + draws, groups)
    group: (n,) of each row
  """

  counts: np.ndarray
  group: np.ndarray

  def total(self, values: np.ndarray) -> np.ndarray:
    """(n,) or (n, s) -> (1 + draws,) or (1 + draws, s): sums over the rows that a draw takes."""
    each = values.astype(np.float64).reshape(len(values), -1)
    sums = [np.bincount(self.group, weights=column, minlength=self.counts.shape[1]) for column in each.T]
    return (self.counts @ np.stack(sums, axis=1)).reshape(-1, *values.shape[1:])

  def of(self, rows: np.ndarray) -> "Draws":
    """The same draws of some of the rows."""
    return self._replace(group=self.group[rows])


def once(n: int) -> Draws:
  """The sample alone."""
  return Draws(np.ones((1, 1)), np.zeros(n, int))


def resampled(unit: np.ndarray, draws: int = DRAWS, key: int = 0) -> Draws:
  """Draws of whole units.

  Args:
    unit: (n,); with fewer than 30 units rows are drawn instead, and an interval says nothing about other units.
    key: what makes the draws of one source differ from another's.
  """
  _, of = np.unique(unit, return_inverse=True)
  of = of.reshape(-1) if of.max() + 1 >= ENOUGH_UNITS else np.arange(len(unit))
  units = int(of.max()) + 1
  taken = np.random.default_rng([key, 1]).multinomial(units, np.full(units, 1 / units), size=draws)
  return Draws(np.concatenate([np.ones((1, units)), taken]), of)


def seed_shares(seeds: int, draws: int = DRAWS) -> np.ndarray:
  """(1 + draws, seeds): seeds drawn independently of units, as shares that add up to 1; draw 0 has all alike.

  Seeds and units are crossed: the pigeonhole bootstrap of `evaluate.interval`.
  """
  drawn = np.random.default_rng(0).multinomial(seeds, np.full(seeds, 1 / seeds), size=draws)
  return np.concatenate([np.ones((1, seeds)), drawn]) / seeds


Measure = Callable[[np.ndarray, np.ndarray, Draws], np.ndarray]
"""measure(answers[n], truth[n], draws) -> [1 + draws]"""


def rmse(answers: np.ndarray, truth: np.ndarray, draws: Draws) -> np.ndarray:
  """Root of the mean squared error, in the truth's unit."""
  return np.sqrt(_mean(np.square(answers - truth), draws))


def mae(answers: np.ndarray, truth: np.ndarray, draws: Draws) -> np.ndarray:
  """Mean absolute error, in the truth's unit."""
  return _mean(np.abs(answers - truth), draws)


def _mean(values: np.ndarray, draws: Draws) -> np.ndarray:
  # A draw of units none of which has a labelled row says nothing: 0, as of the other metrics.
  return draws.total(values) / np.maximum(draws.total(np.ones(len(values))), 1)


def _counts(answers: np.ndarray, truth: np.ndarray, draws: Draws) -> tuple[np.ndarray, ...]:
  """(1 + draws, classes) each: hits, how often it is true, how often it is said."""
  classes = np.unique(np.concatenate([answers, truth]))
  said, true = (column[:, None] == classes[None] for column in (answers, truth))
  return tuple(draws.total(part) for part in (said & true, true, said))


def _mean_over(values: np.ndarray, these: np.ndarray) -> np.ndarray:
  return np.where(these, values, 0.0).sum(1) / np.maximum(these.sum(1), 1)


def macro_f1(answers: np.ndarray, truth: np.ndarray, draws: Draws) -> np.ndarray:
  """Mean F1 over the classes that occur in a draw, among truths or answers, as scikit-learn's."""
  hits, true, said = _counts(answers, truth, draws)
  return _mean_over(2 * hits / np.maximum(true + said, 1), true + said > 0)


def macro_recall(answers: np.ndarray, truth: np.ndarray, draws: Draws) -> np.ndarray:
  """Mean over the classes that are true in a draw of the share that was found."""
  hits, true, _ = _counts(answers, truth, draws)
  return _mean_over(hits / np.maximum(true, 1), true > 0)


def accuracy(answers: np.ndarray, truth: np.ndarray, draws: Draws) -> np.ndarray:
  """Share of rows that are named rightly."""
  return _mean(answers == truth, draws)


def average_precision(answers: np.ndarray, truth: np.ndarray, draws: Draws) -> np.ndarray:
  """The area under precision and recall as a sum over distinct scores, as scikit-learn's; 0 without a positive."""
  order = np.argsort(-answers, kind="stable")
  ranked, hit, weight = answers[order], truth[order] > 0, draws.counts[:, draws.group[order]]
  end = np.searchsorted(-ranked, -ranked, side="right") - 1  # where the run of equal scores ends
  found, seen = np.cumsum(weight * hit, axis=1), np.cumsum(weight, axis=1)
  precision = found[:, end] / np.maximum(seen[:, end], 1)
  return (weight * hit * precision).sum(1) / np.maximum(found[:, -1], 1)


def _yes(measure: Measure) -> Measure:
  return lambda answers, truth, draws: measure((answers > 0).astype(int), truth, draws)


_CLASSES: dict[str, Measure] = {"macro_f1": macro_f1, "accuracy": accuracy, "macro_recall": macro_recall}
MEASURES: Mapping[str, Mapping[str, Measure]] = {  # of a kind of target; the first is what it is judged by
  "number": {"rmse": rmse, "mae": mae},
  "class": _CLASSES,
  "rank": _CLASSES | {"mae": mae},
  "flag": {"auprc": average_precision, **{name: _yes(measure) for name, measure in _CLASSES.items()}},
}


def measured(
  kind: str, answers: np.ndarray, truth: np.ndarray, draws: Draws, shares: np.ndarray
) -> dict[str, np.ndarray]:
  """Metric -> (1 + draws,), of answers (seeds, n) for rows whose truth is known.

  Seeds are averaged as each draw takes them, by `seed_shares`; one row of answers stands for all seeds.
  """
  found = {}
  for name, measure in MEASURES[kind].items():
    each = np.stack([measure(row, truth, draws) for row in answers], axis=1)
    found[name] = (np.broadcast_to(each, shares.shape) * shares).sum(1)
  return found


def summary(values: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
  """Mean, low and high of (1 + draws,)."""
  tail = 50 * (1 - level)
  low, high = np.percentile(values[1:], [tail, 100 - tail])
  return float(values[0]), float(low), float(high)
