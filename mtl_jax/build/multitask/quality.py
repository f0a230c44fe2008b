"""The quality of a product from its process, and the fault of a steel plate from its surface."""

import numpy as np

from mtl_jax.build.multitask.contract import Target, split
from mtl_jax.build.multitask.sides import Source, dealt
from mtl_jax.data import injection_molding, steel_plates

LENSES = ("waste", "acceptable", "target", "inefficient")


def _alike(x: np.ndarray) -> np.ndarray:
  """(n,) the unit of a row without one: rows of the same numbers."""
  return np.unique(x, axis=0, return_inverse=True)[1].reshape(-1)


def moulding() -> Source:
  """The uniformity of a moulded lens, in four ranks, from the machine; days of production are not recorded."""
  table = injection_molding.load()
  x, label = table.matrix(table.columns), table.labels["quality"] - 1
  unit = _alike(x)
  return Source(split(dealt(unit, label), x, {"lens quality": label}, unit), {"lens quality": Target("rank", LENSES)})


def plate() -> Source:
  """The fault of a steel plate; several defects may be of one plate, and nothing tells."""
  table = steel_plates.load()
  names, label = np.unique(table.labels["fault"], return_inverse=True)
  x = table.matrix(table.columns)
  unit = _alike(x)
  side = dealt(unit, label)
  x = np.where((x[side == "training"] > 10).any(0), np.log1p(x), x)  # areas span four decades
  return Source(split(side, x, {"plate fault": label}, unit), {"plate fault": Target("class", tuple(names.tolist()))})
