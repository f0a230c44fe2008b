"""Tasks from one's own table: a unit is a task, its rows in the order of time."""

import logging
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import History, Ladder, Rung
from mtl_jax.build.contract import Fold, HeldOut
from mtl_jax.data import Column, own
from mtl_jax.data.table import Table
from mtl_jax.tasks.rows import Rows, in_order, laid_out
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.trust import leak_audit

_log = logging.getLogger(__name__)

FEW = 20  # whole numbers with at most so many different values are taken as classes
MOST = 200  # classes


class Read(NamedTuple):
  """A table whose rows are complete, and what its target is."""

  table: Table
  y: np.ndarray  # (rows,) int, place in `classes`, or (rows,) float
  classes: tuple[str, ...]  # () for a regression


@lru_cache(maxsize=1)  # the width of the network is known when the table is read
def read(tasks: c.Own) -> Read:
  """The rows without a missing value, and the target as classes or numbers.

  Raises:
    DataError: as `mtl_jax.data.own.read`.
    ConfigError: a target that cannot be what `tasks.predict` says, or no complete row.
  """
  rules = {r.column: Column("?", _or(r.low, -np.inf), _or(r.high, np.inf), r.missing) for r in tasks.rules}
  table = own.read(
    tasks.path, unit=tasks.unit, time=tasks.time, features=tasks.features, target=tasks.target, rules=rules
  )
  target = table.labels[tasks.target]
  there = (target != "") if target.dtype.kind == "U" else ~np.isnan(target)
  there &= np.isfinite(table.matrix(tasks.features)).all(1)
  if not there.any():
    raise c.ConfigError(f"tasks.path={tasks.path!r}: no row has a value in each of its columns")
  table = table.take(there)
  target = table.labels[tasks.target]
  values = np.unique(target)
  whole = target.dtype.kind == "U" or bool((target == np.round(target)).all())
  auto = target.dtype.kind == "U" or (whole and len(values) <= FEW)
  classes = auto if tasks.predict == "auto" else tasks.predict == "classes"
  if classes and (len(values) > MOST or len(values) < 2 or not whole):
    what = "numbers with a fraction" if not whole else f"{len(values)} different value(s)"
    raise c.ConfigError(
      f"tasks.predict={tasks.predict!r}: column {tasks.target!r} holds {what}; classes are 2 to {MOST} different texts "
      "or whole numbers, and 'values' predicts numbers"
    )
  if not classes and target.dtype.kind == "U":
    raise c.ConfigError(f"tasks.predict='values': column {tasks.target!r} holds text; 'classes' predicts that")
  if not classes:
    return Read(table, target.astype(np.float64), ())
  names = values if values.dtype.kind == "U" else values.astype(np.int64)
  return Read(table, np.searchsorted(values, target), tuple(f"{tasks.target} {name}" for name in names.tolist()))


def _or(value: float | None, otherwise: float) -> float:
  return otherwise if value is None else value


def _split(tasks: c.Own, table: Table, need: int) -> dict[str, np.ndarray]:
  """Masks of rows: training, validation and test, disjoint by unit; units with fewer rows than `need` in none."""
  ids, member, count = np.unique(table.groups["unit"], return_inverse=True, return_counts=True)
  short, kept = ids[count < need], np.flatnonzero(count >= need)
  if len(short):
    shown = ", ".join(map(str, short[:5])) + (", ..." if len(short) > 5 else "")
    _log.warning("%d of %d units have fewer than %d rows and are left out: %s", len(short), len(ids), need, shown)
  sizes = [max(1, round(share * len(kept))) for share in (tasks.test, tasks.validation)]
  if len(kept) < sum(sizes) + 1:
    raise c.ConfigError(
      f"tasks.path={tasks.path!r}: {len(kept)} of {len(ids)} units have the {need} complete rows that labels, gap and "
      "queries need; training, validation and test take at least one each. Lower evaluation.shots, tasks.shots or "
      "tasks.queries, or bring more units"
    )
  order = np.random.default_rng(tasks.split_seed).permutation(kept)
  parts = np.split(order, np.cumsum(sizes))
  sides = {name: np.isin(member, part) for name, part in zip(("test", "validation", "training"), parts, strict=True)}
  leak_audit({"unit": table.groups["unit"]}, sides)
  return sides


def _of_one_class_too(rung: Rung) -> Rung:
  """Labels in the order of time may all be alike; then that label is all there is to answer."""

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    if (y == y[0]).all():
      return np.full(len(q), y[0])
    return rung.predict(x, y, q, seed)

  return Rung(rung.name, predict)


def _ladder(classes: bool, history: History) -> Ladder:
  if not classes:
    return baselines.regression_ladder(history)
  cells = np.unique(np.stack([history.group, history.y]), axis=1)
  if cells.shape[1] == len(history.y):  # no class twice in a unit: what scatters is a class over the units
    history = history._replace(group=np.zeros_like(history.group))
  ladder = baselines.classification_ladder(history)
  return ladder._replace(rungs=tuple(map(_of_one_class_too, ladder.rungs)))


def own_table(config: c.Config, tasks: c.Own) -> list[Fold]:
  """One fold: learn from some units, pick by others, be scored on units never seen.

  Features, and the target of a regression, are standardised by the rows of the training
  units; an error is therefore in deviations of those.
  """
  table, y, classes = read(tasks)
  if not classes and any(isinstance(a, c.ProtoNet) for a in (config.algorithm, *config.controls)):
    raise c.ConfigError(f"algorithm: prototypes need classes; column {tasks.target!r} is predicted as numbers")
  places = max(config.evaluation.shots)
  sides = _split(tasks, table, max(places, tasks.shots[1]) + tasks.gap + tasks.queries)
  unit, x = np.unique(table.groups["unit"], return_inverse=True)[1], table.matrix(tasks.features)
  learn = sides["training"]
  if classes and len(np.unique(y[learn])) < 2:
    raise c.ConfigError(f"tasks.split_seed={tasks.split_seed}: the training units have one class; try another")
  z = _standardised(x, x[learn])
  label = y if classes else _standardised(y[:, None], y[learn][:, None])

  def rows(side: str) -> Rows:
    here = sides[side]
    laid = laid_out(unit[here], table.groups["time"][here], z[here].astype(np.float32), label[here])
    return laid._replace(x=Viewed(laid.x, laid.x)) if classes else laid

  train, validation, test = (rows(side) for side in ("training", "validation", "test"))
  ladder = partial(
    _ladder, bool(classes), History(z[learn], label[learn] if classes else label[learn][:, 0], unit[learn])
  )
  common = {"queries": tasks.queries, "gap": tasks.gap}
  held = HeldOut(lambda k: in_order(test, shots=k, places=places, **common), classes, ladder)
  what = tasks.target if classes else f"{tasks.target}, in deviations of the training units"
  return [
    Fold(
      "own",
      in_order(train, shots=tasks.shots, **common),
      in_order(validation, shots=max(1, sum(tasks.shots) // 2), **common),
      {f"units never seen: {what}": held},
    )
  ]


def _standardised(values: np.ndarray, fitted_on: np.ndarray) -> np.ndarray:
  """(rows, d) less the mean of `fitted_on`, over its deviation; a column that never changes there is only shifted."""
  deviation = fitted_on.std(0)
  return (values - fitted_on.mean(0)) / np.where(deviation > 0, deviation, 1.0)
