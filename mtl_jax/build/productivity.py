"""Productivity of a sewing or finishing team never seen before, from a few of its past days."""

from collections.abc import Callable
from functools import partial

import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import History
from mtl_jax.build.contract import Fold, HeldOut
from mtl_jax.data import garment_productivity
from mtl_jax.tasks import shifts
from mtl_jax.tasks.rows import Rows, in_order, laid_out
from mtl_jax.trust import leak_audit

FEATURES = len(shifts.FEATURES)


def team_productivity(config: c.Config, tasks: c.Productivity) -> list[Fold]:
  """Groups of teams rotated: one tested, the next one picks the state of a network, the others are learned from.

  A team's sewing and finishing stand on the same side. Others are known up to the day before `tasks.cut`, and all
  questions are about days from then on. Scales are fitted on the days of the teams that are learned from.
  """
  table = garment_productivity.load()
  features, beyond = shifts.features(table), shifts.beyond_plan(table)
  team, time = table.groups["team"].astype(int), np.asarray(table.groups["time"], "datetime64[D]")
  unit = 100 * (table.groups["department"] == "sewing") + team
  early, places = time < np.datetime64(tasks.cut), max(config.evaluation.shots)
  group = np.random.default_rng(0).permutation(np.unique(team))
  folds = []
  for i in range(tasks.folds):
    tested, checked = (np.isin(team, group[j % tasks.folds :: tasks.folds]) for j in (i, i + 1))
    learn, check = ~tested & ~checked & early, checked & early
    leak_audit({"team": team}, {"training": ~tested & ~checked, "validation": checked, "test": tested})
    mean, deviation = features[learn].mean(0), features[learn].std(0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    x = ((features - mean) / deviation).astype(np.float32)

    def rows(some: np.ndarray, x: np.ndarray = x) -> Rows:
      return laid_out(unit[some], time[some], x[some], beyond[some, None].astype(np.float32))

    recent = tested & (_back_from(unit, time, early) < places)
    known = learn | check
    held = rows(recent)
    test = HeldOut(
      lambda k, held=held: in_order(held, shots=k, queries=tasks.queries, places=places),
      (),
      partial(baselines.plan_ladder, History(x[known], beyond[known], unit[known]), _planned(mean, deviation)),
      unit="of the work allotted",
      judge=shifts.judged,
      per="past days",
    )
    folds.append(
      Fold(
        f"teams-{i + 1}",
        in_order(rows(learn), shots=tasks.shots, queries=tasks.queries),
        in_order(rows(check), shots=max(1, sum(tasks.shots) // 2), queries=tasks.queries),
        {"teams never seen": test},
        judge=shifts.judged,
      )
    )
  return folds


def _planned(mean: np.ndarray, deviation: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
  """The plan out of standardised features, in the unit of the target."""
  at = shifts.FEATURES.index("plan")
  return lambda x: (x[:, at] * deviation[at] + mean[at]) / shifts.STEP


def _back_from(unit: np.ndarray, time: np.ndarray, early: np.ndarray) -> np.ndarray:
  """(n,) how many rows of the unit lie between a row and the first that is not early; -1 for what is not early."""
  rank = np.full(len(unit), -1)
  for one in np.unique(unit):
    at = np.flatnonzero((unit == one) & early)
    rank[at[np.argsort(time[at])[::-1]]] = np.arange(len(at))
  return rank
