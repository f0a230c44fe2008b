"""The state of equipment: four components of a hydraulic rig, and the life that is left to a turbofan engine."""

import numpy as np
import pandas as pd

from mtl_jax.build.multitask.contract import Target, split
from mtl_jax.build.multitask.sides import Source, dealt
from mtl_jax.build.rig import SENSORS
from mtl_jax.data import cmapss, hydraulic
from mtl_jax.tasks import turbofan
from mtl_jax.trust import splits

COMPONENTS = {"cooler": "%", "valve": "%", "pump": "", "accumulator": "bar"}
CYCLES = 10  # of a combination; some have up to 230, and would be most of a score
INSPECTED = 0.5  # share of the combinations learned from in which a component was looked at
STRIDE = 4  # cycles between an engine's rows that are learned from; neighbours are near copies


def rig() -> Source:
  """Four components of a rig, each with states in order, in combinations of states never seen; a unit is a combination.

  A component is inspected only now and then: each was in a half, drawn for it alone, of the combinations that are
  learned from. It is a half of the combinations and not of the cycles, since the cycles of a combination are near
  copies, of which one label tells all the others. The first ten count. Nothing is hidden in validation and test.

  Read are the efficiency of the rig (SE) and its steps, and the mean and deviation of each sensor in a cycle.
  """
  table = hydraulic.load()
  place = pd.Series(table.groups["unit"]).groupby(table.groups["unit"]).cumcount().to_numpy()
  table = table.take(place < CYCLES)
  unit = table.groups["unit"]
  side = dealt(unit, table.labels["valve"])
  combinations, rng, y, targets = np.unique(unit[side == "training"]), np.random.default_rng(0), {}, {}
  for component, measure in COMPONENTS.items():
    states, label = np.unique(table.labels[component], return_inverse=True)
    hidden = rng.permutation(combinations)[round(INSPECTED * len(combinations)) :]
    y[component] = np.where(np.isin(unit, hidden), -1, label)
    targets[component] = Target("rank", tuple(f"{state} {measure}".strip() for state in states))
  moments = table.matrix(f"{sensor}_{moment}" for sensor in SENSORS for moment in ("mean", "sd"))
  course = table.columns["SE"][:, 9::2]  # while the rig works; a value stands for two seconds
  x = np.concatenate([course, np.diff(course, axis=1), moments], axis=1)
  return Source(split(side, x, y, unit), targets)


def engine() -> Source:
  """Cycles that are left, at most 125, to engines of C-MAPSS FD001, from the course of their sensors.

  A fifth of the published training engines validates; of the published test engines the last cycle is asked about, as
  is usual, and capped like all others. Scales are those of all rows of the engines that are learned from, of which
  every fourth is kept.
  """
  table = cmapss.load()
  table = table.take(table.groups["subset"] == "FD001")
  unit, published = table.groups["unit"], table.groups["split"]
  flown, step = turbofan.flights(table), turbofan.features(turbofan.REGIMES["FD001"])
  known = np.flatnonzero(published == "train")
  side = np.full(len(unit), "", "<U10")
  for name, rows in splits.split(unit[known], {"training": 0.8, "validation": 0.2}, 0).items():
    side[known[rows]] = name
  learn = table.take(side == "training")
  x = np.asarray(step.apply(step.fit(turbofan.flights(learn)), flown).x)
  side[table.groups["time"] % STRIDE != 0] = ""
  last = turbofan.last_cycles(table)
  side[last[published[last] == "test"]] = "test"
  y = {"remaining life": turbofan.capped(table.labels["rul"])}
  return Source(split(side, x, y, unit), {"remaining life": Target("number", unit="cycles")})
