"""The state of one component of a hydraulic rig, where the other components are as they never were before."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import Fixed, History, Rung
from mtl_jax.build.contract import Fold, HeldOut, asked
from mtl_jax.data import hydraulic
from mtl_jax.data.table import Table
from mtl_jax.tasks.pool import Pool, few_shot, lay_out
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.trust import leak_audit

SENSORS = ("TS1", "TS2", "TS3", "TS4", "VS1", "CE", "CP", "SE")
_ACTIVE = np.r_[0, 9:60]  # seconds in which SE is not 0
FEATURES = len(_ACTIVE) + len(_ACTIVE) - 2
_FOLDS = 4  # of combinations: each component but the cooler and the pump has four states


def efficiency(table: Table) -> np.ndarray:
  """(cycles, FEATURES): the rig's efficiency (SE, %) second by second while it works, and its steps (% per s).

  Temperatures and cooling tell the cooler's state and hardly another component's.
  """
  course = table.columns["SE"]
  return np.concatenate([course[:, _ACTIVE], np.diff(course[:, 9:], axis=1)], axis=1).astype(np.float32)


def _in_turn(cell: np.ndarray, part: np.ndarray) -> np.ndarray:
  """(n,) 0 or 1: the parts of a cell go to one side and the other in turn, in ascending order."""
  first = np.unique(np.stack([cell, part]), axis=1)
  begins = np.searchsorted(first[0], first[0])
  place = {
    (one, other): i for one, other, i in zip(*first.tolist(), (np.arange(len(begins)) - begins).tolist(), strict=True)
  }
  return np.asarray([place[pair] % 2 for pair in zip(cell.tolist(), part.tolist(), strict=True)])


def _held_out(unit: np.ndarray, label: np.ndarray, other: np.ndarray, seed: int) -> np.ndarray:
  """(n,) the fold in which a combination is asked about: in each fold one of the four states of the other component,
  drawn anew for each unit and label."""
  rng = np.random.default_rng(seed)
  cells, cell = np.unique(np.stack([unit, label]), axis=1, return_inverse=True)
  order = np.stack([rng.permutation(_FOLDS) for _ in range(cells.shape[1])])
  return order[cell.reshape(-1), other]


def hydraulic_rig(config: c.Config, tasks: c.Hydraulic) -> list[Fold]:
  """A task is a cooler level with a pump leakage, and the question which state the target component is in.

  cooler: each cooler level is left out once. Labels and questions of a task come from other states of the remaining
  component; a stretch of time would not do, as the rig comes back to the same combination.
  combination: one in four combinations of the target and the remaining component is left out, in four folds; labels
  of the same cooler level and pump leakage come from the combinations that are left.
  """
  from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
  from sklearn.neighbors import NearestCentroid
  from sklearn.pipeline import make_pipeline
  from sklearn.preprocessing import StandardScaler

  table = hydraulic.load()
  other_name = "accumulator" if tasks.target == "valve" else "valve"
  target, other, cooler, pump = (
    table.labels[name].astype(int) for name in (tasks.target, other_name, "cooler", "pump")
  )
  states, label = np.unique(target, return_inverse=True)
  other = np.unique(other, return_inverse=True)[1]
  recording, unit = table.groups["recording"].astype(int), 10 * cooler + pump
  combination = (unit * 4 + label) * 4 + other
  turn = _in_turn(unit * 4 + label, other if tasks.split == "cooler" else recording)
  features = efficiency(table)
  cycles = np.stack([table.columns[name] for name in SENSORS], axis=-1)
  named = tuple(f"{tasks.target} {state}" for state in states)

  def fold(name: str, job: str, train: np.ndarray, support: np.ndarray, query: np.ndarray) -> Fold:
    past = History(features[train], label[train], unit[train])
    inputs = baselines.whitened(past)(features)
    rows = baselines.numbered(features)
    mean, deviation = cycles[train].mean((0, 1)), cycles[train].std((0, 1))
    rocket = baselines.minirocket((cycles[train] - mean) / deviation, (cycles - mean) / deviation)

    def pools(sides: Sequence[np.ndarray]) -> list[Pool]:
      return [
        lay_out(Viewed(jnp.asarray(inputs[s]), jnp.asarray(rows[s])), label[s], unit[s], recording[s], len(states))
        for s in sides
      ]

    ts, tq, hs, hq = pools([train & (turn == 0), train & (turn == 1), support, query])
    simple = baselines.classification_ladder(past)
    lda = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto"))
    lda.fit(past.x, past.y)
    pooled = Fixed("pooled shrinkage LDA", lda.decision_function)

    def on_discriminants(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      return NearestCentroid().fit(lda.transform(x), y).predict(lda.transform(q))

    # Prototypes on the three directions that tell the states apart elsewhere: what `protonet` does, and linear.
    rung = Rung("nearest centroid on the pooled discriminants", on_discriminants)
    simple = simple._replace(rungs=(*simple.rungs, rung), fixed=(*simple.fixed, pooled))
    ladder = baselines.with_rocket(simple, rocket)
    held = HeldOut(asked(config, hs, hq, tasks.queries), named, lambda: ladder)
    return Fold(name, few_shot(ts, tq, shots=tasks.shots, queries=tasks.queries), None, {job: held})

  folds = []
  if tasks.split == "cooler":
    for left_out in np.unique(cooler):
      train = cooler != left_out
      leak_audit("unit", {"training": unit[train], "test": unit[~train]})
      sides = (~train & (turn == 0), ~train & (turn == 1))
      leak_audit(
        "combination", {side: combination[rows] for side, rows in zip(("labels", "questions"), sides, strict=True)}
      )
      folds.append(fold(f"cooler-{left_out}", f"{tasks.target} at a cooler level never seen", train, *sides))
    return folds
  which = _held_out(unit, label, other, config.seed)
  for i in range(_FOLDS):
    train = which != i
    leak_audit("combination", {"training": combination[train], "test": combination[~train]})
    folds.append(fold(f"combinations-{i + 1}", f"{tasks.target} in combinations never seen", train, train, ~train))
  return folds
