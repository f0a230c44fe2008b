"""Remaining life of C-MAPSS engines: the four subsets as published, and a subset never trained on."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import History
from mtl_jax.build.contract import Fold, HeldOut
from mtl_jax.clean import Rows
from mtl_jax.data import cmapss
from mtl_jax.tasks import turbofan
from mtl_jax.tasks.units import Lives, every_unit, few_units, lay_out
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.trust import leak_audit
from mtl_jax.types import Array, Batch, Episode, TaskFamily

FEATURES = len(turbofan.feature_names())
_KEPT = 64  # rows of an engine's life that are laid out
_POOLED = 30_000  # rows that pooled trees are fitted on; neighbours in a life are near copies
_CHECKED = 0.2  # share of each subset's training engines that picks the state of a network


class _Engines(NamedTuple):
  """The table, an entry a row."""

  flown: Rows
  life: np.ndarray  # (n, 2) remaining life over the cap, capped and as it is
  engine: np.ndarray  # (n,) int
  subset: np.ndarray  # (n,) str
  train: np.ndarray  # (n,) bool, of an engine that was run to failure
  last: np.ndarray  # (n,) bool, the last cycle of its engine


def _read() -> _Engines:
  table = cmapss.load()
  rul, last = table.labels["rul"], np.zeros(len(table.labels["rul"]), bool)
  last[turbofan.last_cycles(table)] = True
  life = np.stack([turbofan.capped(rul), rul], axis=1) / turbofan.CAP
  engine = np.unique(table.groups["unit"], return_inverse=True)[1]
  train = table.groups["split"] == "train"
  return _Engines(turbofan.flights(table), life, engine, table.groups["subset"], train, last)


def _features(flown: Rows, known: np.ndarray, wanted: np.ndarray, regimes: int) -> np.ndarray:
  """(n, FEATURES) float32, with numbers in the rows `wanted` only; conditions and scales are those of `known`."""
  step, x = turbofan.features(regimes), np.full((len(known), FEATURES), np.nan, np.float32)
  x[wanted] = step.apply(step.fit(_take(flown, known)), _take(flown, wanted)).x
  return (x - x[known].mean(0)) / (x[known].std(0) + 1e-9)


def _take(flown: Rows, some: np.ndarray) -> Rows:
  assert flown.unit is not None and flown.time is not None and flown.settings is not None  # flights have them
  return Rows(flown.x[some], flown.unit[some], flown.time[some], flown.settings[some])


def _checked(engine: np.ndarray, group: np.ndarray, among: np.ndarray) -> np.ndarray:
  """(n,) bool: the rows of the training engines, some of each group, that a network does not learn from."""
  rng, some = np.random.default_rng(0), []
  for one in np.unique(group[among]):
    units = rng.permutation(np.unique(engine[among & (group == one)]))
    some.append(units[: max(2, round(_CHECKED * len(units)))])
  return among & np.isin(engine, np.concatenate(some))


def few_engines(config: c.Config, tasks: c.FewEngines) -> list[Fold]:
  """Each subset left out once: learn on the engines of the other three, be asked at the last cycle of its test engines.

  Flight conditions, scales, networks and pooled trees are fitted on the training engines of the other three, of which
  some are kept back to pick the state of a network. Each test engine is asked about once; a draw of labelled engines
  answers for a few of them.
  """
  flown, life, engine, subset, train, last = _read()
  group = np.searchsorted(turbofan.SUBSETS, subset)
  places = max(config.evaluation.shots)
  folds = []
  for left_out in tasks.subsets:
    here = subset == left_out
    known = train & ~here
    checked = _checked(engine, group, known)
    learn = known & ~checked
    x = _features(flown, learn, train | here, max(turbofan.REGIMES.values()))

    def lives(rows: np.ndarray, kept: int = _KEPT, targets: int = 1, x: np.ndarray = x) -> Lives:
      return lay_out(x[rows], life[rows, :targets], engine[rows], group[rows], kept)

    own, asked = lives(train & here), lives(~train & here & last, 1, 2)
    leak_audit(
      {"unit": engine}, {"training": learn, "validation": checked, "support": train & here, "test": ~train & here}
    )

    def family(k: int, own: Lives = own, asked: Lives = asked) -> TaskFamily:
      return few_units(own, asked, shots=k, rows=tasks.rows, queries=1, places=places)

    def every(k: int, own: Lives = own, asked: Lives = asked) -> Episode:
      key, count = jax.random.key(config.seed), asked.unit.shape[1]
      together = max(n for n in range(1, min(tasks.together, count) + 1) if count % n == 0)
      return every_unit(key, own, asked, shots=k, rows=tasks.rows, places=places, together=together)

    some = np.random.default_rng(0).permutation(np.flatnonzero(known))[:_POOLED]
    ladder = partial(baselines.few_lives_ladder, History(x[some], life[some, 0], engine[some]))
    test = HeldOut(family, (), ladder, unit="cycles", judge=turbofan.judged, every=every, per="engines run to failure")
    fewest = int(np.sum(np.asarray(lives(checked).unit) >= 0, axis=1).min())
    shots = min(5, tasks.shots[1], fewest - 1)
    check = few_units(lives(checked), shots=shots, rows=tasks.rows, queries=min(tasks.queries, fewest - shots))
    learned = few_units(lives(learn), shots=tasks.shots, rows=tasks.rows, queries=tasks.queries)
    folds.append(Fold(left_out, learned, check, {f"{left_out}, learned from the other three": test}))
  return folds


def remaining_life(config: c.Config, tasks: c.RemainingLife) -> list[Fold]:
  """Each subset as published: learn from its training engines, be asked at the last cycle of each of its test engines.

  On the subsets of several flight conditions the ladder has boosted trees twice, on features standardised within
  their condition and on features standardised over all of them.
  """
  flown, life, engine, subset, train, last = _read()
  folds = []
  for name in tasks.subsets:
    here = subset == name
    known, asked = train & here, ~train & here & last
    checked = _checked(engine, subset, known)
    learn, regimes = known & ~checked, turbofan.REGIMES[name]
    leak_audit({"unit": engine}, {"training": learn, "validation": checked, "test": asked})
    views = [_features(flown, learn, here, count)[here] for count in sorted({regimes, 1}, reverse=True)]
    x = np.concatenate(views, axis=1)
    row = np.cumsum(here) - 1  # place in x of a row of the table

    def family(some: np.ndarray, engines: int, x: np.ndarray = x, row: np.ndarray = row) -> TaskFamily:
      lives = lay_out(x[row[some], :FEATURES], life[some, 0], engine[some], np.zeros(int(some.sum()), int), 2 * _KEPT)
      return few_units(lives, shots=engines, rows=tasks.rows, queries=1)

    plain = "boosted trees, not standardised within flight conditions" if len(views) > 1 else ""
    ladder = partial(baselines.life_ladder, History(x[row[known]], life[known, 0], engine[known]), FEATURES, plain)
    every = _without_labels(x[row[asked]], life[asked], engine[asked])
    test = HeldOut(
      lambda k, every=every: _one_of(every),
      (),
      ladder,
      unit="cycles",
      judge=turbofan.judged,
      every=lambda k, every=every: every,
      per="labels of the test engine",
    )
    engines = min(tasks.engines, len(np.unique(engine[checked])) - 1)
    folds.append(Fold(name, family(learn, tasks.engines), family(checked, engines), {name: test}))
  return folds


def _without_labels(x: np.ndarray, y: np.ndarray, unit: np.ndarray) -> Episode:
  """An episode for each row: nothing is labelled, the row is asked about; leaves (n, 1, ...)."""
  asked = jnp.asarray(x)[:, None]
  seen = Viewed(asked[..., :FEATURES], asked)
  life, there = jnp.asarray(y, jnp.float32)[:, None], jnp.ones((len(x), 1), bool)
  return Episode(
    Batch(jax.tree.map(jnp.zeros_like, seen), jnp.zeros_like(life[..., :1]), ~there),
    Batch(seen, life, there),
    jnp.asarray(unit, jnp.int32),
  )


def _pick(every: Episode, key: Array) -> Episode:
  at = jax.random.randint(key, (), 0, every.task.shape[0])
  return jax.tree.map(lambda leaf: leaf[at], every)


def _one_of(every: Episode) -> TaskFamily:
  """Draws one of the episodes."""
  return TaskFamily(Partial(_pick, every))
