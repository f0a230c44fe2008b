"""The shape of a finding and what the checks share."""

from typing import Literal, NamedTuple

import numpy as np
from sklearn.metrics import f1_score, r2_score
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from mtl_jax.trust.prepared import Prepared
from mtl_jax.trust.scores import predictions
from mtl_jax.trust.splits import random_folds

FITTED = 5_000  # rows that a check fits small trees on, at most


class Finding(NamedTuple):
  """One thing that the audit found.

  Attributes:
    kind: a short name, the same for every table: "label column", "near-duplicate rows".
    severity: "leak" where it makes a score worthless, "warning" where it may, "note" otherwise.
    columns: the columns concerned.
    rows: the first few rows concerned, counted from 1 without the header.
    text: what it means and what to do.
  """

  kind: str
  severity: Literal["leak", "warning", "note"]
  columns: tuple[str, ...]
  rows: tuple[int, ...]
  text: str


def listed(names: list[str], most: int = 6) -> str:
  return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def first_rows(table: Prepared, where: np.ndarray, most: int = 5) -> tuple[int, ...]:
  return tuple(int(i) + 1 for i in table.number[where[:most]])


def sample(table: Prepared, most: int, seed: int) -> Prepared:
  if table.rows <= most:
    return table
  return table.take(np.sort(np.random.default_rng(seed).choice(table.rows, most, replace=False)))


def filled(values: np.ndarray) -> np.ndarray:
  """A missing number becomes one below all others: that it is missing may be what gives the label away."""
  known = np.isfinite(values)
  return np.where(known, values, values[known].min() - 1.0 if known.any() else 0.0)


def _points(y: np.ndarray, predicted: np.ndarray, classes: int) -> float:
  return float(f1_score(y, predicted, average="macro", zero_division=0.0) if classes else r2_score(y, predicted))


def of_nothing(table: Prepared) -> float:
  """What a constant answer scores."""
  if not table.classes:
    return 0.0
  return _points(table.y, np.full(table.rows, np.bincount(table.y).argmax()), len(table.classes))


def alone(table: Prepared, values: np.ndarray, seed: int) -> float:
  """Macro-F1 or R2 of a small tree on one column, on random rows that it has not seen."""
  leaves = max(8, 2 * len(table.classes))
  tree = (DecisionTreeClassifier if table.classes else DecisionTreeRegressor)(max_leaf_nodes=leaves, min_samples_leaf=2)
  folds = random_folds(table.y, 3, seed, bool(table.classes))
  return _points(table.y, predictions(tree, values[:, None], table.y, folds, seed), len(table.classes))
