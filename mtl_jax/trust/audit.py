"""Is your 99 % real? A table's score on random rows beside the score on units, and times, never seen.

`audit` scores any scikit-learn estimator and a ladder of simple ones under each split that the
table allows, looks for what gives the label away (`findings`) and says how much of the score a random
split adds.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from mtl_jax.trust.findings import Finding, all_findings, rank
from mtl_jax.trust.prepared import Prepared, prepare
from mtl_jax.trust.scores import Drawn, Score, difference, ladder, score_all
from mtl_jax.trust.splits import Fold, group_folds, random_folds, time_folds

RANDOM = "random rows"
BY_TIME = "by time"
SHUFFLED = "random order"
"""as by time, with as few rows to learn from, but in another order"""
YOURS = "your estimator"


def leaky_beside(way: str) -> str:
  """The leaky split with as many rows to learn from as a fair one."""
  return SHUFFLED if way == BY_TIME else RANDOM


class Audit(NamedTuple):
  """What `audit` found.

  Attributes:
    task: what the label is.
    metric: what `gaps` and the findings are in: macro_f1 or r2.
    method: the estimator that the gaps are of: yours, else the best of the ladder on random rows.
    fair: the fair split, "by unit"; None if the table allows none.
    gaps: leaky score minus that of each fair split, `fair` first; its `split` is "random rows minus by unit".
    scores: every method, split and metric.
    findings: leaks first.
    rows, scored_rows: with a label, and those of them that were used for scores.
    groups: name -> how many there are.
    classes: names of the labels; () for a regression.
  """

  task: Literal["classification", "regression"]
  metric: Literal["macro_f1", "r2"]
  method: str
  fair: str | None
  gaps: tuple[Score, ...]
  scores: tuple[Score, ...]
  findings: tuple[Finding, ...]
  rows: int
  scored_rows: int
  groups: dict[str, int]
  classes: tuple[str, ...]

  def score(self, method: str, split: str, metric: str | None = None) -> Score:
    """One of `scores`; raises KeyError if there is none."""
    for score in self.scores:
      if (score.method, score.split, score.metric) == (method, split, metric or self.metric):
        return score
    raise KeyError((method, split, metric or self.metric))


def _clock(table: Prepared) -> np.ndarray | None:
  """(rows,) what orders the rows for a split by time; None without time.

  Where every run starts its clock anew it says nothing about which of two runs was first: then it
  is the share of the run's own rows that have passed.
  """
  if table.time is None or not table.groups:
    return table.time
  run = table.runs()
  start = np.full(run.max() + 1, np.inf)
  np.minimum.at(start, run, table.time)
  if len(start) == 1 or len(start) > table.rows / 2 or (start <= np.quantile(table.time, 0.05)).mean() < 0.9:
    return table.time
  order = np.lexsort((table.time, run))
  size = np.bincount(run)
  first = np.cumsum(size) - size
  share = np.empty(table.rows)
  share[order] = (np.arange(table.rows) - np.repeat(first, size)) / np.repeat(size, size)
  return np.round(share, 3)  # so that rows of one age stay together


def _ways(table: Prepared, folds: int) -> dict[str, Callable[[int], list[Fold]]]:
  """Name of each split that the table allows -> folds(seed); random rows first, then the fair one."""
  classes = bool(table.classes)

  def by(codes: np.ndarray) -> Callable[[int], list[Fold]]:
    most = min(folds, len(np.unique(codes)))
    return lambda seed: group_folds(codes, table.y, most, seed, classes)

  ways: dict[str, Callable[[int], list[Fold]]] = {RANDOM: lambda seed: random_folds(table.y, folds, seed, classes)}
  for name, codes in table.groups.items():
    if 2 <= len(np.unique(codes)) <= table.rows / 2:
      ways[f"by {name}"] = by(codes)
  clock = _clock(table)
  if clock is not None and len(np.unique(clock)) > folds:
    ways[BY_TIME] = lambda seed: time_folds(clock, folds)
    ways[SHUFFLED] = lambda seed: time_folds(np.random.default_rng(seed).permutation(clock), folds)
  return ways


def _flattered(gaps: Iterable[Score]) -> list[Finding]:
  """A leak for the fair split, a warning for each other one that random rows flatter."""
  found = []
  for i, gap in enumerate(gaps):
    if gap.low > 0.0 and gap.mean >= 0.01:
      metric, (leaky, way) = {"macro_f1": "macro-F1", "r2": "R2"}[gap.metric], gap.split.split(" minus ")
      seen = "what comes later" if way == BY_TIME else f"a {way.removeprefix('by ')} never seen"
      text = (
        f"{metric} of {gap.method} is {gap.mean:.3f} [{gap.low:.3f}, {gap.high:.3f}] higher with {leaky} than {way}: "
        f"on {seen} it loses that much. Quote the score {way}."
      )
      kind = "random rows flatter" if i == 0 else f"random rows flatter, {way}"
      found.append(Finding(kind, "warning" if i else "leak", (), (), text))
  return found


def audit(
  x: Any,
  y: Any,
  groups: Mapping[str, Any],
  estimator: Any = None,
  *,
  time: Any = None,
  regression: bool | None = None,
  folds: int = 5,
  repeats: int = 3,
  rows: int = 4_000,
  seed: int = 0,
  progress: Callable[[list], Iterable] = iter,
) -> Audit:
  """Scores a table leakily and fairly, beside simple methods, and names what gives the label away.

  Args:
    x: (rows, ...) data frame or array of what may be known before the label.
    y: (rows,) labels or values; rows without one are left out.
    groups: name -> (rows,) id, the fair one first: {"unit": ..., "recording": ...}. A "time" among
      them is taken as `time`.
    estimator: any scikit-learn estimator or pipeline; gets `x` as a data frame, and labels as codes. None takes the
      method of the ladder that is best on random rows.
    time: (rows,) number or date of each row.
    regression: None decides by the label.
    folds: of each cross-validation; fewer where there are fewer groups.
    repeats: cross-validations with other folds.
    rows: at most so many are used for scores and drawn at random; findings have caps of their own.
    seed: the same seed gives the same audit.
    progress: what the list of fits is wrapped in, such as rich.progress.track.

  Raises: ValueError if lengths differ, the label never changes or a group is missing everywhere.
  """
  groups = dict(groups)
  if "time" in groups:
    time = groups.pop("time") if time is None else time
  table = prepare(x, y, groups, time, regression)
  chosen = np.sort(np.random.default_rng(seed).permutation(table.rows)[:rows])
  part = table.take(chosen)
  if len(np.unique(part.y)) < 2:
    raise ValueError(f"the label is the same in all of {len(chosen)} rows drawn: raise rows")
  classes, metric = len(table.classes), "macro_f1" if table.classes else "r2"
  ways = _ways(part, folds)
  fair_ways = [way for way in ways if way not in (RANDOM, SHUFFLED)]
  fair = fair_ways[0] if fair_ways else None
  methods = {name: (model, part.matrix) for name, model in ladder(bool(classes)).items()}
  if estimator is not None:
    methods[YOURS] = (estimator, part.x)
  unit = fair.removeprefix("by ") if fair else ""
  cluster = part.groups.get(unit, np.arange(part.rows))
  _, cluster = np.unique(cluster, return_inverse=True)
  drawn = list(score_all(methods, ways, part.y, cluster, classes, repeats, seed, progress))

  def of(method: str, way: str) -> Drawn:
    return next(d for d in drawn if (d.score.method, d.score.split, d.score.metric) == (method, way, metric))

  best = max(methods, key=lambda method: of(method, RANDOM).score.mean)
  method = best if estimator is None else YOURS
  pairs = [(leaky_beside(way), way) for way in fair_ways]
  gaps = tuple(difference(of(method, leaky), of(method, way), f"{leaky} minus {way}") for leaky, way in pairs)
  found = all_findings(table, of(best, RANDOM).score.mean, seed)
  return Audit(
    task="classification" if classes else "regression",
    metric=metric,
    method=method,
    fair=fair,
    gaps=gaps,
    scores=tuple(d.score for d in drawn),
    findings=tuple(sorted([*_flattered(gaps), *found], key=rank)),
    rows=table.rows,
    scored_rows=part.rows,
    groups={name: len(ids) for name, ids in table.names.items()},
    classes=table.classes,
  )
