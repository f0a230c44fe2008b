"""Few-shot inspection of surfaces: classes and a material never trained on."""

import itertools
import warnings
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import ALPHA, History, Ladder, Rung
from mtl_jax.build.contract import Fold, HeldOut, asked
from mtl_jax.data import deeppcb, magnetic_tile, neu_surface
from mtl_jax.data.table import Table
from mtl_jax.tasks import texture
from mtl_jax.tasks.pool import Pool, few_shot, lay_out
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.trust import leak_audit

KINDS = 6  # of defects in each set
CLASSES = 2 * KINDS  # that there are to learn from
SETS = {"NEU steel strip": neu_surface.load, "magnetic tile": magnetic_tile.load, "DeepPCB": deeppcb.load}
TURNS = {
  "as it is": lambda x: x,
  "turned": lambda x: np.rot90(x, 1, (1, 2)),
  "negative": lambda x: 1 - x,
  "turned negative": lambda x: 1 - np.rot90(x, 1, (1, 2)),
}
"""What makes further tasks out of a training set, (n, side, side) -> (n, side, side)."""
RULE_WEIGHT = 20.0  # of a number from the template beside one of the texture, which scatters by 1 within a class
_GROUPS = 100_000  # more than a set has: a recording is a group in one of the splits
_MOST = 64  # pictures of a class on a side of a task; there are as many of one in every fold, which compiles once
_TURNED = 160  # pictures of a class that are turned
_STRAW = ("random forest", "boosted trees", "nearest centroid, scaled on the support")


def columns(tasks: c.Surface) -> np.ndarray:
  """Where the features that `tasks` names stand."""
  group = np.repeat(list(texture.SIZES), list(texture.SIZES.values()))
  return np.flatnonzero(np.isin(group, tasks.features or list(texture.SIZES)))


class _Pictures(NamedTuple):
  """A set of pictures.

  Attributes:
    image: (n, side, side) float32, 0 to 1.
    label, group: (n,) int; a group is what a label and a question must not share.
    features: (n, FEATURES); rule: (n, 5), zeros where there is no template.
    one_of_group: whether the pictures of one group and class are near-duplicates, of which a task has one.
  """

  image: np.ndarray
  label: np.ndarray
  group: np.ndarray
  features: np.ndarray
  rule: np.ndarray
  one_of_group: bool


@lru_cache(maxsize=len(SETS))
def _pictures(name: str) -> _Pictures:
  table: Table = SETS[name]()
  label, group = (np.unique(ids, return_inverse=True)[1] for ids in (table.labels["defect"], table.groups["unit"]))
  image = table.columns["image"].astype(np.float32)
  rule = np.zeros((len(image), len(texture.RULE)), np.float32)
  if "template" in table.columns:
    pairs = zip(table.columns["image"], table.columns["template"], strict=True)
    rule = np.stack([texture.beside_template(*pair) for pair in pairs])
  else:
    image = image / 255
  return _Pictures(image, label, group, texture.described(image), rule, name == "magnetic tile")


class Sides(NamedTuple):
  """Rows of a set and the split, "unit", that they are in, on the side of labels or of questions."""

  row: np.ndarray
  unit: np.ndarray


def split(
  label: np.ndarray, group: np.ndarray, splits: int, one_of_group: bool, rng: np.random.Generator
) -> list[Sides]:
  """Groups dealt out to labels and to questions, anew for each split and evenly over the classes.

  Args:
    one_of_group: keeps one picture of a class of each group, drawn anew.
  """
  rows, units = ([], []), ([], [])
  first = np.full(group.max() + 1, KINDS)
  np.minimum.at(first, group, label)
  for unit in range(splits):
    order = np.lexsort((rng.random(len(first)), first))
    side = np.empty(len(first), int)
    side[order] = (np.arange(len(first)) + rng.integers(2)) % 2
    drawn = rng.permutation(len(label))
    if one_of_group:
      drawn = drawn[np.unique(group[drawn] * KINDS + label[drawn], return_index=True)[1]]
      drawn = rng.permutation(drawn)
    for s in range(2):
      here = drawn[side[group[drawn]] == s]
      here = np.concatenate([here[label[here] == kind][:_MOST] for kind in range(KINDS)])
      rows[s].append(here)
      units[s].append(np.full(len(here), unit))
  return [Sides(np.concatenate(r), np.concatenate(u)) for r, u in zip(rows, units, strict=True)]


def whitened(features: np.ndarray, label: np.ndarray, shrinkage: float) -> Callable[[np.ndarray], np.ndarray]:
  """A map (n, d) -> (n, d) float32 that makes the scatter within a class of these the identity, or near.

  Every class weighs alike, however many pictures it has; the scatter is shrunk by `shrinkage` towards a sphere,
  because what scatters on one material says only so much about another.
  """
  mean, deviation = features.mean(0), features.std(0) + 1e-6
  z = (features - mean) / deviation
  _, label, count = np.unique(label, return_inverse=True, return_counts=True)
  centre = np.stack([np.bincount(label, weights=column) for column in z.T], axis=1) / count[:, None]
  off = z - centre[label]
  within = (off / (len(count) * count[label][:, None])).T @ off
  within = (1 - shrinkage) * within + shrinkage * np.trace(within) / len(within) * np.eye(len(within))
  values, vectors = np.linalg.eigh(within)
  to = vectors / np.sqrt(values)
  return lambda other: ((other - mean) / deviation @ to).astype(np.float32)


_View = Callable[[np.ndarray], np.ndarray]


class _Rows(NamedTuple):
  """Pictures of a side of several tasks; `kind`: class of the pool."""

  features: np.ndarray
  rule: np.ndarray
  kind: np.ndarray
  unit: np.ndarray
  recording: np.ndarray


def _joined(parts: list[_Rows]) -> _Rows:
  return _Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _pool(rows: _Rows, view: _View, ruled: bool, classes: int = KINDS) -> Pool:
  """Pictures by unit and class; where `ruled` the ladder sees what the template says and no texture."""
  rule = RULE_WEIGHT * rows.rule if ruled else np.zeros_like(rows.rule)
  seen = np.concatenate([view(rows.features), rule], axis=1)
  x = Viewed(jnp.asarray(seen), jnp.asarray(rows.rule if ruled else rows.features))
  return lay_out(x, rows.kind, rows.unit, rows.recording, classes)


def _sides(p: _Pictures, splits: int, first: int, rng: np.random.Generator) -> list[_Rows]:
  """Labels and questions of the tasks `first` to `first` + `splits` - 1."""
  return [
    _Rows(p.features[row], p.rule[row], p.label[row], first + unit, p.group[row] + _GROUPS * (first + unit))
    for row, unit in split(p.label, p.group, splits, p.one_of_group, rng)
  ]


@lru_cache(maxsize=len(SETS) * len(TURNS))  # each set is learned from in two folds
def _turned(name: str, turn: str) -> _Pictures:
  """Some pictures of each class, turned."""
  p = _pictures(name)
  drawn = np.random.default_rng(list(TURNS).index(turn)).permutation(len(p.label))
  keep = np.concatenate([drawn[p.label[drawn] == kind][:_TURNED] for kind in range(KINDS)])
  group, image = np.unique(p.group[keep], return_inverse=True)[1], TURNS[turn](p.image[keep])
  return _Pictures(image, p.label[keep], group, texture.described(image), p.rule[keep], p.one_of_group)


def _ladder(history: History, view: _View) -> Ladder:
  """With two rungs on what the network reads, in which all classes weigh alike, whereas most of `history` is DeepPCB.

  Without the trees that a bootstrap or boosting keeps from splitting a handful of labels.
  """
  from sklearn.linear_model import RidgeClassifier
  from sklearn.neighbors import NearestCentroid

  ladder = baselines.classification_ladder(history, same_labels=False)

  def seen(name: str, make: Callable[[], Any]) -> Rung:
    return Rung(f"{name}, on the network's view", lambda x, y, q, seed: make().fit(view(x), y).predict(view(q)))

  more = (seen("nearest centroid", NearestCentroid), seen("ridge", lambda: RidgeClassifier(ALPHA)))
  return ladder._replace(rungs=(*(rung for rung in ladder.rungs if rung.name not in _STRAW), *more))


def _rule_ladder() -> Ladder:
  """Rungs that read the five numbers from the template as they are: a rule has its own units."""
  from sklearn.ensemble import ExtraTreesClassifier
  from sklearn.linear_model import LogisticRegression, RidgeClassifier
  from sklearn.neighbors import NearestCentroid

  def rung(name: str, make: Callable[[int], Any]) -> Rung:
    def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="self.within_class_std_dev_")  # a rule says the same of each example
        return make(seed).fit(x, y).predict(q)

    return Rung(f"{name}, own rule", predict)

  rungs = (
    rung("nearest centroid", lambda seed: NearestCentroid()),
    rung("ridge", lambda seed: RidgeClassifier(1.0)),
    rung("logistic regression", lambda seed: LogisticRegression(max_iter=300)),
    rung("extra trees", lambda seed: ExtraTreesClassifier(50, random_state=seed)),
  )
  return Ladder(rungs, ())


def surface_inspection(config: c.Config, tasks: c.Surface) -> list[Fold]:
  """Each set left out once: learn on the classes of the other two, be asked about all six of the third.

  A task is 5 of the 6 classes under one split of the groups into labels and questions. A group is a picture of NEU
  (nothing tells which were cut from one strip), a set of near-duplicates of the magnetic tiles, of which a task has
  one picture, and a board of DeepPCB. Training tasks are the two other sets, each in the four forms of `TURNS`.
  """
  folds, reads = [], columns(tasks)

  def read(p: _Pictures) -> _Pictures:
    return p._replace(features=p.features[:, reads])

  sets = [name for name in SETS if name != tasks.kept_out]
  for left_out in sets:
    known = [name for name in sets if name != left_out]
    leak_audit("set", {"training": known, "test": [left_out]})
    rng = np.random.default_rng(0)
    pictures = [read(_pictures(name)) for name in known]
    features = np.concatenate([p.features for p in pictures])
    origin = np.repeat(np.arange(len(known)), [len(p.label) for p in pictures])
    label = np.concatenate([p.label for p in pictures])
    view = whitened(features, label + KINDS * origin, tasks.shrinkage)
    ladder = partial(_ladder, History(features, label, origin), view)

    learn: tuple[list[_Rows], list[_Rows]] = ([], [])
    for i, (name, turn) in enumerate(itertools.product(known, TURNS)):
      for to, rows in zip(learn, _sides(read(_turned(name, turn)), 1, i, rng), strict=True):
        to.append(rows)
    train = [_pool(_joined(parts), view, False) for parts in learn]
    straight = [_joined(parts[:: len(TURNS)]) for parts in learn]
    every = [
      _pool(
        rows._replace(kind=rows.kind + KINDS * (rows.unit > 0), unit=np.zeros_like(rows.unit)), view, False, CLASSES
      )
      for rows in straight
    ]

    sides = _sides(read(_pictures(left_out)), tasks.splits, 0, np.random.default_rng(1))

    def test(rungs: Callable[[], Ladder], ruled: bool, sides: list[_Rows] = sides, view: _View = view) -> HeldOut:
      support, query = (_pool(rows, view, ruled) for rows in sides)
      names = tuple(f"class {i + 1} of {tasks.ways}" for i in range(tasks.ways))
      return HeldOut(asked(config, support, query, tasks.queries, tasks.ways), names, rungs, same_labels=False)

    tests = {left_out: test(ladder, False)}
    if sides[0].rule.any():
      tests[f"{left_out} beside its template"] = test(_rule_ladder, True)
    folds.append(
      Fold(
        left_out.replace(" ", "-"),
        few_shot(*train, shots=tasks.shots, queries=tasks.queries, ways=tasks.ways),
        None,
        tests,
        pooled=few_shot(*every, shots=tasks.shots, queries=tasks.queries),
      )
    )
  return folds
