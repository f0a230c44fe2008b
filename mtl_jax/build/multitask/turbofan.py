"""Remaining life, health state and flight condition of turbofan engines, from sensors and without the settings.

FD002 and FD004 of C-MAPSS: 509 engines run to failure and 507 test engines, in six flight conditions. FD001 and FD003
fly in one, which leaves nothing to tell apart. One source, as nobody knows which of the two faults an engine has.

What scikit-learn reaches on validation engines, 2026-11-26, 2 CPU cores: RMSE of `life` 42.5 cycles (mean), 16.5
(ridge), 10.4 (HistGradientBoosting); macro-F1 of `health` 0.20 (largest class), 0.85 (logistic), 0.88 (boosting), of
`condition` 0.07, 1.00, 1.00.
"""

import numpy as np

from mtl_jax.build.multitask.contract import Problem, Target, split
from mtl_jax.build.multitask.sides import Source, joined
from mtl_jax.clean import Rows
from mtl_jax.data import Table, cmapss
from mtl_jax.tasks import turbofan as engines
from mtl_jax.trust.splits import split as drawn

SUBSETS = ("FD002", "FD004")
STRIDE = 5  # cycles between rows that are kept; neighbours in a life are near copies
INSPECTED = 20  # cycles between inspections, a multiple of STRIDE
NEAR_FAILURE = 50  # cycles
STATES = ("near failure", "degrading", "healthy")
CONDITIONS = ("sea level", "10 kft", "20 kft", "25 kft", "35 kft", "42 kft")
CHECKED = 0.2  # share of the engines run to failure that are validated on


def _flown(table: Table) -> Rows:
  """Flights whose conditions are to be found from the sensors: these stand where `engines.features` reads settings."""
  rows = engines.flights(table)
  return rows._replace(settings=rows.x)


def turbofan() -> Problem:
  """Learned from four fifths of the engines run to failure, validated on the rest, asked about the test engines.

  Inputs are the 14 sensors as they are, the same and their rolling statistics standardised within the flight condition
  (`tasks.turbofan`), and the cycles flown. The settings are left out, as the condition is a function of them; the
  standardisation finds the six conditions from the sensors of training rows instead. Raw sensors tell the condition
  nearly as well, so it is an easy task among harder ones; without them it would be hidden, and a guess.

  life: cycles left, at most 125, on the test as well. health: near failure up to 50 cycles before the end, degrading up
  to 125, healthy before. It is known where an engine is inspected, each 20 cycles; of test engines, whose lives the
  publisher states, at every row. A row in five is kept, and the last of each engine, where published scores of the
  remaining life are taken. A unit is an engine.
  """
  table = cmapss.load()
  table = table.take(np.isin(table.groups["subset"], SUBSETS))
  unit, time, rul = table.groups["unit"], table.groups["time"], table.labels["rul"]
  failed = table.groups["split"] == "train"
  checked = np.zeros(len(unit), bool)
  of_failed = drawn(unit[failed], {"training": 1 - CHECKED, "validation": CHECKED}, seed=0)
  checked[np.flatnonzero(failed)[of_failed["validation"]]] = True
  side = np.where(checked, "validation", np.where(failed, "training", "test"))
  kept = time % STRIDE == 0
  kept[engines.last_cycles(table)] = True

  step = engines.features(len(CONDITIONS))
  flown, state = _flown(table), step.fit(_flown(table.take(kept & (side == "training"))))
  x = np.concatenate([flown.x, step.apply(state, flown).x], axis=1)
  health = np.where(rul > engines.CAP, 2, np.where(rul > NEAR_FAILURE, 1, 0))
  health = np.where((side == "test") | (time % INSPECTED == 0), health, -1)
  y = {"life": engines.capped(rul), "health": health, "condition": table.groups["condition"]}
  parts = split(side[kept], x[kept], {task: column[kept] for task, column in y.items()}, unit[kept])
  targets = {
    "life": Target("number", unit="cycles"),
    "health": Target("rank", STATES),
    "condition": Target("class", CONDITIONS),
  }
  return joined({"engines": Source(parts, targets)})
