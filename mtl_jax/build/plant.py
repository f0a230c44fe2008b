"""Few-shot faults of a chemical plant, from windows of its 52 variables."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import History, Ladder
from mtl_jax.build.contract import Fold, HeldOut, asked
from mtl_jax.data import tep
from mtl_jax.tasks.pool import Pool, few_shot, lay_out
from mtl_jax.tasks.series import summary, windows
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.trust import leak_audit

FAULTS = tuple(fault for fault in range(1, 22) if fault not in (3, 9, 15))
"""Of the Tennessee Eastman process; 3, 9 and 15 are almost invisible and stand apart."""
HIDDEN_FAULTS = (3, 9, 15)
FEATURES = 4 * 52
_OVERLAP = 4  # windows that a row of a run is in, when a network learns
_MADE = 60  # windows of each made-up fault on each side


class _Cut(NamedTuple):
  """Windows of several runs."""

  x: np.ndarray  # (n, samples, sensors) in deviations of normal operation
  label: np.ndarray  # (n,)
  recording: np.ndarray  # (n,) the run

  @property
  def features(self) -> np.ndarray:
    """(n, FEATURES)"""
    return summary(self.x, np.stack([np.zeros(self.x.shape[2]), np.ones(self.x.shape[2])]))


class _Plant(NamedTuple):
  """All runs: (rows, sensors) in deviations of normal operation, and what is active at a row."""

  x: np.ndarray
  unit: np.ndarray
  fault: np.ndarray
  length: int  # samples of a window

  def cut(self, faults: Sequence[int], suffix: str, stride: int | None = None) -> _Cut:
    """Windows while the fault is active; `suffix` is "" for training runs, "_te" for test runs."""
    made = [
      windows(self.x[(self.unit == f"d{fault:02d}{suffix}") & (self.fault == fault)], self.length, stride)
      for fault in faults
    ]
    label = np.repeat(np.arange(len(faults)), [len(one) for one in made])
    return _Cut(np.concatenate(made), label, np.asarray(faults)[label] + (100 if suffix else 0))

  def normal_starts(self, faults: Sequence[int]) -> np.ndarray:
    """Windows of the first hours of the faults' test runs, in which nothing is wrong yet."""
    runs = [self.x[(self.unit == f"d{fault:02d}_te") & (self.fault == 0)] for fault in faults]
    return np.concatenate([windows(run, self.length) for run in runs])


def _plant(length: int) -> _Plant:
  table = tep.load()
  x, unit = table.matrix(table.columns), table.groups["unit"]
  normal = x[unit == "d00"]
  return _Plant((x - normal.mean(0)) / normal.std(0), unit, table.labels["fault"], length)


def _from_normal(history: History, normal: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
  """Features less normal operation, whitened by the scatter within the classes of `history`; (n, d) float32."""
  view = baselines.whitened(history)
  centre = view(normal).mean(0)
  return lambda features: view(features) - centre


def _with_made_up(x: np.ndarray, cut: _Cut, faults: int, seed: int) -> Pool:
  """A pool to learn from: windows of each label, and faults made up of two that come together.

  Two whitened windows, less normal operation, are added and divided by sqrt(2), so that their noise stays white.
  More tasks out of few: H. Yao, L. Zhang, C. Finn, "Meta-learning with fewer tasks through task interpolation",
  ICLR 2022, who mix inputs and not faults.

  Args:
    x: (n, d) of the windows of `cut`.
    faults: labels 0 to faults - 1 are faults.
  """
  rng = np.random.default_rng(seed)
  made, label, recording = [x], [cut.label], [cut.recording]
  first = int(cut.label.max()) + 1
  for number, (a, b) in enumerate(itertools.combinations(range(faults), 2)):
    one, other = (rng.choice(np.flatnonzero(cut.label == fault), _MADE) for fault in (a, b))
    made.append((x[one] + x[other]) / np.sqrt(np.float32(2.0)))
    label.append(np.full(_MADE, first + number))
    recording.append(np.full(_MADE, 1000 + cut.recording.min() * 100 + number))
  labels = np.concatenate(label)
  return lay_out(np.concatenate(made), labels, np.zeros_like(labels), np.concatenate(recording), int(labels.max()) + 1)


def _pools(view: Callable[[np.ndarray], np.ndarray], sides: Sequence[_Cut]) -> list[Pool]:
  """Pools of one unit; the windows are numbered through all sides."""
  features = [cut.features for cut in sides]
  rows = baselines.numbered(np.concatenate(features))
  parts = np.split(rows, np.cumsum([len(one) for one in features])[:-1])
  return [
    lay_out(
      Viewed(jnp.asarray(view(own)), jnp.asarray(part)),
      cut.label,
      np.zeros_like(cut.label),
      cut.recording,
      int(cut.label.max()) + 1,
    )
    for cut, own, part in zip(sides, features, parts, strict=True)
  ]


def _ladder(
  history: History, view: Callable[[np.ndarray], np.ndarray], train: np.ndarray, sides: Sequence[_Cut]
) -> Ladder:
  simple = baselines.classification_ladder(history, same_labels=False)
  # A fault pushes the plant away from normal operation, now more and now less: what counts is where to.
  directed = baselines.by_angle("nearest centroid, whitened, by angle from normal", view)
  simple = simple._replace(rungs=(*simple.rungs, directed))
  return baselines.with_rocket(simple, baselines.minirocket(train, np.concatenate([cut.x for cut in sides])))


def _names(count: int) -> tuple[str, ...]:
  return tuple(f"class {i + 1} of {count}" for i in range(count))


def _learned(config: c.Config, tasks: c.TennesseeEastman, plant: _Plant, train: Sequence[int], test: Sequence[int]):
  """The families that learn from the runs of `train` and of normal operation, and the test on `test`.

  Normal operation is one more class to learn from. Questions of training come from test runs, as in the test.
  """
  leak_audit("fault", {"training": train, "test": test})
  learn = [plant.cut((*train, 0), suffix, plant.length // _OVERLAP) for suffix in ("", "_te")]
  asked_about = [plant.cut(test, suffix) for suffix in ("", "_te")]
  leak_audit(
    "run",
    {
      side: np.concatenate([cut.recording for cut in cuts])
      for side, cuts in (("training", learn), ("test", asked_about))
    },
  )
  # Windows that do not overlap, so that scatter and shrinkage count what is independent.
  known = [plant.cut((*train, 0), suffix) for suffix in ("", "_te")]
  starts = plant.normal_starts(train)
  nothing = len(train)  # the label of normal operation
  x = np.concatenate([*(cut.x for cut in known), starts])
  y = np.concatenate([*(cut.label for cut in known), np.full(len(starts), nothing)])
  features = _Cut(x, y, y).features
  past = History(features, y, np.zeros_like(y))
  view = _from_normal(past, features[y == nothing])
  seen = [view(cut.features) for cut in learn]
  pools = [
    lay_out(own, cut.label, np.zeros_like(cut.label), cut.recording, nothing + 1)
    for own, cut in zip(seen, learn, strict=True)
  ]
  many = [_with_made_up(own, cut, nothing, seed) for seed, (own, cut) in enumerate(zip(seen, learn, strict=True))]
  hs, hq = _pools(view, asked_about)
  ways = min(tasks.ways, len(test))
  ladder = _ladder(past, view, x, asked_about)
  held = HeldOut(
    asked(config, hs, hq, tasks.queries, ways),
    _names(ways),
    lambda: ladder,
    same_labels=False,
  )
  family = few_shot(*many, shots=tasks.shots, queries=tasks.queries, ways=tasks.ways)
  return family, few_shot(*pools, shots=tasks.shots, queries=tasks.queries), held


def _partitions(kept_out: str) -> list[tuple[str, Sequence[int], Sequence[int]]]:
  """Faults asked about by name, learned from and asked: half and half, or three at a time of the half looked at."""
  odd, even = FAULTS[::2], FAULTS[1::2]
  if not kept_out:
    return [("even", odd, even), ("odd", even, odd)]
  known = even if kept_out == "odd" else odd
  return [(f"third-{i}", [fault for fault in known if fault not in known[i::3]], known[i::3]) for i in range(3)]


def tennessee_eastman(config: c.Config, tasks: c.TennesseeEastman) -> list[Fold]:
  """Faults never trained on, labels from the training run and questions from the test run.

  new: half of the faults are learned from and the other half asked about, then the other way round.
  all: all of them at once, where nothing but normal operation is left to learn from.
  """
  plant, folds = _plant(tasks.window), []
  if tasks.faults == "new":
    for name, train, test in _partitions(tasks.kept_out):
      family, pooled, held = _learned(config, tasks, plant, train, test)
      job = f"{len(held.labels)} of {'three' if tasks.kept_out else 'nine'} faults never trained on"
      folds.append(Fold(name, family, None, {job: held}, pooled=pooled))
    return folds
  for job, faults in (("all 18 faults at once", FAULTS), ("the hidden faults 3, 9 and 15", HIDDEN_FAULTS)):
    sides = [plant.cut(faults, suffix) for suffix in ("", "_te")]
    normal = plant.cut((0,), "", plant.length // _OVERLAP)
    past = History(normal.features, normal.label, normal.label)
    view = _from_normal(past, normal.features)
    support, query = _pools(view, sides)
    named = tuple(f"fault {fault}" for fault in faults)
    ladder = _ladder(past, view, normal.x, sides)
    family = asked(config, support, query, tasks.queries)
    held = HeldOut(family, named, lambda ladder=ladder: ladder, same_labels=False)
    folds.append(Fold(job, None, None, {job: held}))
  return folds
