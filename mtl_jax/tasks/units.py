"""Episodes over units of a group: learn from the whole life of a few engines, be asked about others."""

import dataclasses
import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from mtl_jax.trust import leak_audit
from mtl_jax.types import Array, Batch, Episode, TaskFamily


class Lives(NamedTuple):
  """Rows of units, the units by group.

  Attributes:
    x: (groups, units, rows, d) features.
    y: (groups, units, rows, targets).
    mask: (groups, units, rows) bool, False where there is no row.
    unit: (groups, units) int, -1 where there is no unit; no unit stands twice.
    group: (groups,) int.
  """

  x: Array
  y: Array
  mask: Array
  unit: Array
  group: Array


def lay_out(x: np.ndarray, y: np.ndarray, unit: np.ndarray, group: np.ndarray, rows: int) -> Lives:
  """Lives from rows in the order of time.

  Args:
    x: (n, d); y: (n,) or (n, targets).
    unit, group: (n,) int; a unit belongs to one group.
    rows: kept of each unit, spread evenly over its life; the last one always.
  """
  groups = np.unique(group)
  units = [np.unique(unit[group == g]) for g in groups]
  shape = (len(groups), max(map(len, units)), rows)
  y = y.reshape(len(x), -1)
  kept_x, kept_y = (np.zeros((*shape, leaf.shape[1]), np.float32) for leaf in (x, y))
  mask, number = np.zeros(shape, bool), np.full(shape[:2], -1, np.int32)
  order = np.argsort(unit, kind="stable")
  for g, members in enumerate(units):
    first, last = (np.searchsorted(unit[order], members, side) for side in ("left", "right"))
    for u, name in enumerate(members):
      life = order[first[u] : last[u]]
      at = life[np.unique(np.linspace(len(life) - 1, 0, min(rows, len(life))).round().astype(int))]
      kept_x[g, u, : len(at)], kept_y[g, u, : len(at)], mask[g, u, : len(at)] = x[at], y[at], True
      number[g, u] = name
  return Lives(*(jnp.asarray(leaf) for leaf in (kept_x, kept_y, mask, number, groups.astype(np.int32))))


@dataclasses.dataclass(frozen=True)
class _Sampler:
  """The static half of a family; equal ones share a compiled program."""

  places: int
  rows: int
  queries: int

  def __call__(self, shots: Array, support: Lives, query: Lives | None, key: Array) -> Episode:
    group_key, shot_key, unit_key, row_key, query_key, asked_key = jax.random.split(key, 6)
    group = jax.random.randint(group_key, (), 0, support.group.shape[0])
    count = self.places + (self.queries if query is None else 0)
    units, real = _drawn(unit_key, support, group, count)
    labelled = jnp.arange(self.places) < jax.random.randint(shot_key, (), shots[0], shots[1] + 1)
    learn = _picked(row_key, support, group, units[: self.places], real[: self.places] & labelled, self.rows)
    if query is None:
      ask = _picked(asked_key, support, group, units[self.places :], real[self.places :], 1)
    else:
      asked, there = _drawn(query_key, query, group, self.queries)
      ask = _picked(asked_key, query, group, asked, there, 1)
    return Episode(learn, ask, support.group[group])


def _drawn(key: Array, lives: Lives, group: Array, count: int) -> tuple[Array, Array]:
  """Distinct units of a group, (count,), and whether there are so many."""
  order = jnp.where(lives.unit[group] >= 0, jax.random.uniform(key, lives.unit.shape[1:]), -1.0)
  value, units = jax.lax.top_k(order, count)
  return units, value >= 0


def _picked(key: Array, lives: Lives, group: Array, units: Array, real: Array, count: int) -> Batch:
  """Distinct rows of each unit, `count` of it."""
  mask = lives.mask[group, units]  # (units, rows)
  order = jnp.where(mask, jax.random.uniform(key, mask.shape), -1.0)
  value, rows = jax.lax.top_k(order, count)
  keep = ((value >= 0) & real[:, None]).reshape(-1)
  at = (group, units[:, None], rows)
  x, y = (leaf[at].reshape(keep.shape[0], -1) for leaf in (lives.x, lives.y))
  return Batch(jnp.where(keep[:, None], x, 0.0), jnp.where(keep[:, None], y, 0.0), keep)


def few_units(
  support: Lives,
  query: Lives | None = None,
  *,
  shots: int | tuple[int, int],
  rows: int,
  queries: int,
  places: int | None = None,
) -> TaskFamily:
  """A family whose tasks are groups; a label is the whole life of a unit.

  Args:
    support: units that may be learned from.
    query: units that are asked about, in the order of `support.group`; None asks about
      further units of `support`.
    shots: units in the support set, or a range drawn anew per task.
    rows: rows of each of them, drawn without replacement.
    queries: asked units, one random row of each.
    places: room for units, of which those beyond `shots` are masked.

  Raises:
    LeakError: a unit stands on both sides.
    ValueError: too few units or rows, or sides with other groups.
  """
  low, high = (shots, shots) if isinstance(shots, int) else shots
  places = high if places is None else places
  if not 1 <= low <= high <= places or queries < 1 or not 1 <= rows <= support.mask.shape[2]:
    raise ValueError(
      f"shots={shots}, places={places}, queries={queries}, rows={rows}: need 1 <= low <= high <= places, queries >= 1, "
      f"1 <= rows <= {support.mask.shape[2]}"
    )
  sides = {"support": (support, places + (queries if query is None else 0))}
  if query is not None:
    sides["query"] = (query, queries)
    if not np.array_equal(support.group, query.group):
      raise ValueError(
        f"support and query must have the same groups, not {np.asarray(support.group).tolist()} and "
        f"{np.asarray(query.group).tolist()}"
      )
    there, asked = np.asarray(support.unit), np.asarray(query.unit)
    leak_audit("unit", {"support": there[there >= 0], "query": asked[asked >= 0]})
  for name, (lives, need) in sides.items():
    fewest = int(jnp.sum(lives.unit >= 0, axis=1).min())
    if fewest < need:
      raise ValueError(f"a group of the {name} has {fewest} units; places={places} and queries={queries} need {need}")
  return TaskFamily(Partial(_Sampler(places, rows, queries), jnp.asarray([low, high]), support, query))


@functools.partial(jax.jit, static_argnames=("rows", "places"))
def _supports(key: Array, support: Lives, group: Array, shots: Array, rows: int, places: int) -> Batch:
  def one(key: Array, group: Array) -> Batch:
    unit_key, row_key = jax.random.split(key)
    units, real = _drawn(unit_key, support, group, places)
    return _picked(row_key, support, group, units, real & (jnp.arange(places) < shots), rows)

  return jax.vmap(one)(jax.random.split(key, len(group)), group)


def every_unit(
  key: Array, support: Lives, query: Lives, *, shots: int, rows: int, places: int, together: int = 1
) -> Episode:
  """Asks about each unit of `query` once, at its last row; the labelled units are drawn for every `together` of them.

  Args:
    support, query: as in `few_units`, of one group.
    shots: units in each support set; of the same key the smaller number is a part of the larger.
    rows, places: as in `few_units`.
    together: units that share a support set, in an order drawn from the key.

  Returns: leaves (units / together, ...), the places of an episode that are asked about on the next axis.

  Raises: as `few_units`; ValueError if shots is not 0 to places, there are several groups, or `together` does not
    divide the number of units.
  """
  units = np.flatnonzero(np.asarray(query.unit).reshape(-1) >= 0)
  if not 0 <= shots <= places or len(query.group) != 1 or together < 1 or len(units) % together:
    raise ValueError(
      f"shots={shots}, places={places}, {len(query.group)} groups, together={together} of {len(units)} units: need "
      "0 <= shots <= places, one group, and units that can be divided"
    )
  few_units(support, query, shots=max(shots, 1), rows=rows, queries=1, places=places)
  order_key, key = jax.random.split(key)
  unit = jax.random.permutation(order_key, jnp.asarray(units)).reshape(-1, together)
  last = jnp.sum(query.mask[0, unit], axis=-1) - 1
  x, y = (leaf[0, unit, last] for leaf in (query.x, query.y))
  learn = _supports(key, support, jnp.zeros(len(unit), int), jnp.asarray(shots), rows, places)
  task = query.unit[0, unit]
  return Episode(learn, Batch(x, y, jnp.ones(unit.shape, bool)), task[:, 0] if together == 1 else task)
