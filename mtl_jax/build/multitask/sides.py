"""One source of a multi-task problem, its units dealt to the sides; and several of them as one problem."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mtl_jax.build.multitask.contract import Part, Problem, Target, audited
from mtl_jax.trust.splits import group_folds
from mtl_jax.types import Batch

SIDES = ("training", "validation", "test")


class Source(NamedTuple):
  """A source by itself.

  Attributes:
    parts: {side: (Batch, unit)}, as `contract.split` gives them.
    targets: {task: Target}.
    features: {side: (n, d)}, see `Part.features`; None where x serves.
  """

  parts: dict[str, tuple[Batch, np.ndarray]]
  targets: dict[str, Target]
  features: dict[str, np.ndarray] | None = None


def dealt(unit: np.ndarray, y: np.ndarray, folds: int = 5, classes: bool = True) -> np.ndarray:
  """(n,) the side of each row: one fold of whole units is tested, the next validates, the others are learned from.

  Args:
    y: (n,) labels; where `classes`, each fold has as even a share of them as the units allow.
  """
  side = np.full(len(unit), "training", "<U10")
  for name, (_, rows) in zip(("test", "validation"), group_folds(unit, y, folds, 0, classes), strict=False):
    side[rows] = name
  return side


def scaled(values: np.ndarray, learn: np.ndarray, axis: int | tuple[int, ...] = 0) -> np.ndarray:
  """(n, ...) float32, with mean 0 and deviation 1 over `axis` in the rows of `learn` (n,) bool; constants become 0."""
  values = np.asarray(values, np.float64)
  mean, deviation = (f(values[learn], axis=axis, keepdims=True) for f in (np.mean, np.std))
  return ((values - mean) / np.where(deviation > 1e-9, deviation, 1.0)).astype(np.float32)


def by_side(rows: np.ndarray, side: np.ndarray) -> dict[str, np.ndarray]:
  """{side: rows of it}, in the order of `contract.split`."""
  return {name: rows[side == name] for name in SIDES}


def joined(sources: Mapping[str, Source]) -> Problem:
  """Several sources as one problem. Raises: LeakError if a source has a unit on two sides."""

  def part(side: str) -> Part:
    return Part(
      {name: source.parts[side][0] for name, source in sources.items()},
      {name: source.parts[side][1] for name, source in sources.items()},
      {name: source.features[side] for name, source in sources.items() if source.features},
    )

  train, validation, test = map(part, SIDES)
  return audited(Problem(train, validation, test, {name: source.targets for name, source in sources.items()}))
