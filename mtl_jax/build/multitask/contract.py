"""What a multi-task config is built into: labelled rows of every source, and what each task asks of them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

from mtl_jax.data import DataError
from mtl_jax.trust import leak_audit
from mtl_jax.types import Batch


class Part(NamedTuple):
  """Training, validation or test rows, as NumPy arrays.

  Attributes:
    data: {source: Batch(x[n, ...], {task: y[n]}, {task: mask[n]})}. x is float32 and already scaled by what training
      rows say: (n, d) of a table, (n, time, channels) of a window, (n, height, width, channels) of an image. y is int32
      for classes and ranks, float32 for numbers, in physical units and unscaled; 0 where mask is False.
    unit: {source: (n,)} the physical unit of each row; intervals resample units, and no unit is in two parts.
    features: {source: (n, d)} what trees and linear models read, where it is not x itself.
  """

  data: dict[str, Batch]
  unit: dict[str, np.ndarray]
  features: Mapping[str, np.ndarray] = MappingProxyType({})


class Target(NamedTuple):
  """What a task asks.

  Attributes:
    kind: "number": squared error of the target standardised on training rows, judged by RMSE in `unit`.
      "class": cross-entropy, judged by macro-F1. "rank": classes in order, proportional odds, judged by macro-F1.
      "flag": a rare yes (1) or no (0), cross-entropy, judged by average precision.
    classes: names of the classes or ranks; ("no", "yes") or the like of a flag; () of a number.
    unit: physical unit of a number.
  """

  kind: Literal["number", "class", "rank", "flag"]
  classes: tuple[str, ...] = ()
  unit: str = ""


class Problem(NamedTuple):
  """One multi-task job.

  Attributes:
    train, validation, test: rows of the same sources and tasks. Validation picks learning rates and steps.
    targets: {source: {task: Target}}; a task's name occurs once in all of it.
  """

  train: Part
  validation: Part
  test: Part
  targets: Mapping[str, Mapping[str, Target]]


def audited(problem: Problem) -> Problem:
  """The problem itself.

  Raises:
    LeakError: a source has a unit on two sides.
    DataError: a task has no label, or labels of one class only, on one side: it can be neither tuned nor scored.
  """
  parts = {"training": problem.train, "validation": problem.validation, "test": problem.test}
  for source in problem.targets:
    unit = np.concatenate([part.unit[source] for part in parts.values()])
    side = np.repeat(list(parts), [len(part.unit[source]) for part in parts.values()])
    leak_audit({f"unit of {source}": unit}, {name: side == name for name in parts})
    for task, target in problem.targets[source].items():
      for name, part in parts.items():
        known = part.data[source].y[task][part.data[source].mask[task]]
        if len(np.unique(known)) < (1 if target.kind == "number" else 2):
          labels = f"only {known[0]} among its labels" if len(known) else "no label"
          raise DataError(f"{source}: the {name} rows have {labels} of {task!r}: deal the units out otherwise")
  return problem


def split(
  side: np.ndarray, x: np.ndarray, y: Mapping[str, np.ndarray], unit: np.ndarray, scale: bool = True
) -> dict[str, tuple[Batch, np.ndarray]]:
  """Rows of one source, dealt to the sides and scaled by the training rows: {side: (Batch, unit)}.

  Args:
    side: (n,) "training", "validation" or "test"; other rows are left out.
    y: {task: (n,)}; a missing label is NaN, or negative where the labels are integers.
    scale: standardise x (n, d) column by column; a missing value becomes the training rows' mean.
  """
  x = np.asarray(x, np.float64)
  if scale:
    known = x[side == "training"]
    mean, deviation = np.nanmean(known, axis=0), np.nanstd(known, axis=0)
    constant = deviation <= 1e-9 * np.maximum(1.0, np.abs(mean))  # to rounding: that of a thousand 0.1 is not 0
    x = np.nan_to_num((x - mean) / np.where(constant, 1.0, deviation))
  parts = {}
  for name in ("training", "validation", "test"):
    here = side == name
    labels, masks = {}, {}
    for task, column in y.items():
      column = column[here]
      whole = np.issubdtype(column.dtype, np.integer)
      masks[task] = column >= 0 if whole else np.isfinite(column)
      labels[task] = np.where(masks[task], column, 0).astype(np.int32 if whole else np.float32)
    parts[name] = Batch(x[here].astype(np.float32), labels, masks), unit[here]
  return parts
