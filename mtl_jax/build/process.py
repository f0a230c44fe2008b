"""Few-shot jobs on windows of several sensors: a chemical plant and a hydraulic rig."""

import jax.numpy as jnp
import numpy as np

from mtl_jax import config as c
from mtl_jax.baselines import History, Ladder, classification_ladder
from mtl_jax.build.contract import Fold, HeldOut, asked, history, standardised
from mtl_jax.data import hydraulic, tep
from mtl_jax.tasks.pool import Pool, few_shot, lay_out
from mtl_jax.tasks.series import summary, windows
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.trust import leak_audit

FAULTS = tuple(fault for fault in range(1, 22) if fault not in (3, 9, 15))
"""Of the Tennessee Eastman process; 3, 9 and 15 are almost invisible and stand apart."""
HIDDEN_FAULTS = (3, 9, 15)
PLANT_FEATURES, RIG_FEATURES = 4 * 52, 60 * 8


def _viewed(features: np.ndarray) -> Viewed:
  x = jnp.asarray(features)
  return Viewed(x, x)


def _plant(faults: tuple[int, ...], length: int) -> tuple[Pool, Pool]:
  """Windows of the training and of the test run of each fault, while the fault is active; one unit."""
  table = tep.load()
  x, unit = table.matrix(table.columns), table.groups["unit"]
  normal = x[unit == "d00"]
  scale = np.stack([normal.mean(0), normal.std(0)])

  def side(suffix: str, first: int) -> Pool:
    cut = [windows(x[(unit == f"d{f:02d}{suffix}") & (table.labels["fault"] == f)], length) for f in faults]
    label = np.repeat(np.arange(len(faults)), [len(one) for one in cut])
    return lay_out(
      _viewed(summary(np.concatenate(cut), scale)), label, np.zeros_like(label), first + label, len(faults)
    )

  return side("", 0), side("_te", 100)


def _other_labels(labels: int) -> tuple[str, ...]:
  return tuple(f"class {i + 1} of {labels}" for i in range(labels))


def tennessee_eastman(config: c.Config, tasks: c.TennesseeEastman) -> list[Fold]:
  """Faults never trained on, labels from the training run and questions from the test run.

  Half of the faults are learned from and the other half asked about, then the other way
  round; and all of them at once, where nothing is left to learn from.
  """
  halves, folds = (FAULTS[::2], FAULTS[1::2]), []
  for name, train, test in (("odd", *halves), ("even", *halves[::-1])):
    leak_audit("fault", {"training": train, "test": test})
    train_pools, test_pools = _plant(train, tasks.window), _plant(test, tasks.window)
    ladder = classification_ladder(history(list(train_pools)), same_labels=False)
    ts, tq, hs, hq = standardised(config.model, list(train_pools), [*train_pools, *test_pools])
    labels = _other_labels(tasks.ways)
    held = HeldOut(asked(config, hs, hq, tasks.queries, tasks.ways), labels, ladder, same_labels=False)
    folds.append(
      Fold(
        name,
        few_shot(ts, tq, shots=tasks.shots, queries=tasks.queries, ways=tasks.ways),
        None,
        {f"{tasks.ways} of nine faults never trained on": held},
        pooled=few_shot(ts, tq, shots=tasks.shots, queries=tasks.queries),
      )
    )
  for job, faults in (("all 18 faults at once", FAULTS), ("the hidden faults 3, 9 and 15", HIDDEN_FAULTS)):
    pools = _plant(faults, tasks.window)
    hs, hq = standardised(config.model, [pools[0]], list(pools))
    named = tuple(f"fault {fault}" for fault in faults)
    held = HeldOut(asked(config, hs, hq, tasks.queries), named, _ladder_of_normal(tasks.window), same_labels=False)
    folds.append(Fold(job, None, None, {job: held}))
  return folds


def _ladder_of_normal(length: int) -> Ladder:
  """A ladder that has seen normal operation only: windows of d00 and of the first 8 h of its test run."""
  table = tep.load()
  x, unit = table.matrix(table.columns), table.groups["unit"]
  normal = x[unit == "d00"]
  rows = summary(windows(normal, length, length // 4), np.stack([normal.mean(0), normal.std(0)]))
  one = np.zeros(len(rows), int)
  return classification_ladder(History(rows, one, one), same_labels=False)


def hydraulic_rig(config: c.Config, tasks: c.Hydraulic) -> list[Fold]:
  """The state of one component at a cooler level never trained on, each level left out once.

  A unit is a cooler level and a pump leakage. Labels and questions come from stretches with
  other states of the remaining components.
  """
  table = hydraulic.load()
  sensors = np.stack([table.columns[name] for name in ("TS1", "TS2", "TS3", "TS4", "VS1", "CE", "CP", "SE")], axis=-1)
  state = table.labels[tasks.target].astype(int)
  states, label = np.unique(state, return_inverse=True)
  cooler, pump = (table.labels[name].astype(int) for name in ("cooler", "pump"))
  recording = table.groups["recording"].astype(int)
  unit = 10 * cooler + pump
  turn = np.zeros(len(label), int)  # the stretches of a unit's class go to support and query in turn
  for one in np.unique(unit):
    for k in range(len(states)):
      rows = (unit == one) & (label == k)
      turn[rows] = np.unique(recording[rows], return_inverse=True)[1] % 2

  # The cooler moves levels and hardly shapes: what is read is each sensor's course over the cycle less its mean.
  course = (sensors - sensors.mean(1, keepdims=True)).reshape(len(label), -1).astype(np.float32)

  def sides(some: np.ndarray) -> list[Pool]:
    return [
      lay_out(_viewed(course[rows]), label[rows], unit[rows], recording[rows], len(states))
      for rows in (some & (turn == 0), some & (turn == 1))
    ]

  folds = []
  for left_out in np.unique(cooler):
    known = cooler != left_out
    train, held = sides(known), sides(~known)
    leak_audit("unit", {"training": train[0].unit, "test": held[0].unit})
    ladder = classification_ladder(history(train))
    ts, tq, hs, hq = standardised(config.model, train, [*train, *held])
    named = tuple(f"{tasks.target} {s}" for s in states)
    test = HeldOut(asked(config, hs, hq, tasks.queries), named, ladder)
    family = few_shot(ts, tq, shots=tasks.shots, queries=tasks.queries)
    folds.append(Fold(f"cooler-{left_out}", family, None, {f"{tasks.target} at a cooler level never seen": test}))
  return folds
