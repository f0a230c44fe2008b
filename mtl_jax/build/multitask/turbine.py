"""CO, NOx and the energy yield of a gas turbine, in years that were not learned from."""

import numpy as np

from mtl_jax.build.multitask.contract import Problem, Target, split
from mtl_jax.build.multitask.sides import Source, joined
from mtl_jax.data import gas_turbine

INPUTS = ("AT", "AP", "AH", "AFDP", "GTEP", "TIT", "TAT", "CDP")
BLOCK = 168  # rows that stand and fall together: about a week
_SIDES = {"train": "training", "validation": "validation", "test": "test"}


def turbine() -> Problem:
  """The publisher's split: 2011 and 2012, validated on 2013, tested on 2014 and 2015.

  The yield TEY is a target here, so it is not an input. There is one turbine: a unit is a week of it, which is what the
  intervals speak of.
  """
  table = gas_turbine.load()
  side = np.vectorize(_SIDES.__getitem__)(table.groups["split"])
  week = np.char.add(table.groups["unit"].astype(str), np.char.add("-", (table.groups["time"] // BLOCK).astype(str)))
  y = {"CO": table.labels["CO"], "NOx": table.labels["NOX"], "yield": table.columns["TEY"]}
  parts = split(side, table.matrix(INPUTS), y, week)
  units = {"CO": "mg/m3", "NOx": "mg/m3", "yield": "MWh"}
  return joined({"turbine": Source(parts, {task: Target("number", unit=unit) for task, unit in units.items()})})
