"""What choosing the epoch on the test set is worth: the whole course of a training, scored on every side."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def by_epoch(
  model: Any, x: np.ndarray, y: np.ndarray, asked: Mapping[str, np.ndarray], epochs: int
) -> dict[str, np.ndarray]:
  """side -> (epochs, rows) predictions after each epoch.

  Args:
    model: a scikit-learn regressor with `partial_fit`, such as MLPRegressor; it is changed.
    x, y: (rows, d), (rows,) to learn from.
    asked: side -> (rows, d).
  """
  found: dict[str, list[np.ndarray]] = {side: [] for side in asked}
  for _ in range(epochs):
    model.partial_fit(x, y)
    for side, rows in asked.items():
      found[side].append(np.asarray(model.predict(rows)))
  return {side: np.stack(predicted) for side, predicted in found.items()}


def best_epoch(predicted: np.ndarray, y: np.ndarray) -> int:
  """The epoch with the least squared error; predicted (epochs, rows), y (rows,)."""
  return int(np.square(predicted - y).mean(1).argmin())
