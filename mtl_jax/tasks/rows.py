"""Episodes from a unit's rows in the order of time: learn from what was, ask about what comes."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from mtl_jax.types import Array, Batch, Episode, PyTree, TaskFamily


class Rows(NamedTuple):
  """Rows by unit, oldest first; `in_order` draws episodes from it.

  Attributes:
    x: leaves (units, rows, ...).
    y: (units, rows) int for classes, (units, rows, targets) float for a regression.
    mask: (units, rows) bool, False where a value is missing and where a unit has no more rows.
    unit: (units,) int, which physical unit.
  """

  x: PyTree
  y: Array
  mask: Array
  unit: Array


class Place(NamedTuple):
  """Where an episode lies; says nothing of what the rows hold, so that rows on disk are drawn alike."""

  unit: Array  # () place of the unit among the units
  first: Array  # () its first row that may be labelled
  labelled: Array  # (places,) bool
  gap: Array  # () rows between the last labelled and the first asked


@dataclasses.dataclass(frozen=True)
class Sampler:
  """The static half of a family; equal ones share a compiled program."""

  places: int
  queries: int

  def place(self, numbers: Array, length: Array, key: Array) -> Place:
    """Draws where an episode lies.

    Args:
      numbers: (4,) int: fewest and most shots, gap, start or -1.
      length: (units,) rows of each unit.
    """
    low, high, gap, start = numbers
    unit_key, shot_key, start_key = jax.random.split(key, 3)
    unit = jax.random.randint(unit_key, (), 0, length.shape[0])
    room = length[unit] - (self.places + gap + self.queries)
    drawn = jax.random.randint(start_key, (), 0, jnp.maximum(room, 0) + 1)
    shots = jax.random.randint(shot_key, (), low, high + 1)
    # The latest places are labelled, so that the questions follow on the labels, however few.
    labelled = jnp.arange(self.places) >= self.places - shots
    return Place(unit, jnp.where(start < 0, drawn, start), labelled, gap)

  def __call__(self, numbers: Array, length: Array, rows: Rows, key: Array) -> Episode:
    unit, first, labelled, gap = self.place(numbers, length, key)

    def take(start: Array, count: int, real: Array) -> Batch:
      index = start + jnp.arange(count)
      mask = rows.mask.at[unit, index].get(mode="fill", fill_value=False) & real

      def part(leaf: Array) -> Array:
        chosen = leaf.at[unit, index].get(mode="clip")
        return jnp.where(mask.reshape(-1, *(1,) * (chosen.ndim - 1)), chosen, jnp.zeros((), chosen.dtype))

      return Batch(jax.tree.map(part, rows.x), part(rows.y), mask)

    support = take(first, self.places, labelled)
    query = take(first + self.places + gap, self.queries, jnp.ones((self.queries,), bool))
    return Episode(support, query, rows.unit[unit])


def settings(
  shots: int | tuple[int, int], queries: int, places: int | None, gap: int, start: int | None
) -> tuple[Sampler, Array]:
  """The static and the dynamic half of what `in_order` was asked for; raises ValueError as it does."""
  low, high = (shots, shots) if isinstance(shots, int) else shots
  places = high if places is None else places
  if not 0 <= low <= high <= places or high < 1 or queries < 1 or gap < 0 or (start is not None and start < 0):
    raise ValueError(
      f"shots={shots}, queries={queries}, places={places}, gap={gap}, start={start}: need 0 <= low <= high <= places, "
      "high >= 1, queries >= 1, gap >= 0, start >= 0"
    )
  return Sampler(places, queries), jnp.asarray([low, high, gap, -1 if start is None else start])


def in_order(
  rows: Rows,
  *,
  shots: int | tuple[int, int],
  queries: int,
  places: int | None = None,
  gap: int = 0,
  start: int | None = None,
) -> TaskFamily:
  """A family whose tasks are units: some consecutive rows are labelled, the ones after them are asked.

  Row numbers count every row of a unit, also those with a missing value. From a start s,
  the places are rows s to s + places - 1, of which the latest `shots` are labelled, and
  the questions are the `queries` rows from s + places + gap on: no question is older than
  a label. Missing rows are masked (zeros, mask False).

  Args:
    shots: labelled rows, or a range (low, high) drawn anew per task; what is not drawn is masked.
    queries: asked rows.
    places: room for labelled rows. Families that differ in `shots`, `gap` or `start` alone share
      a compiled program; for other shots the questions are the same, and the labelled rows of
      the smaller number are among those of the larger. None: as many as `shots` needs.
    gap: rows left out between labels and questions, where labels come late or windows overlap.
    start: s; None draws it, uniform over those where the unit has room, or 0 where it has none.

  Returns: episodes whose task is the unit.

  Raises:
    ValueError: a number out of range, leaves of unlike shapes, a value that is not finite under the
      mask, or no unit with a row to be asked.
  """
  sampler, numbers = settings(shots, queries, places, gap, start)
  shape = rows.mask.shape
  leaves = [*jax.tree.leaves(rows.x), rows.y]
  if any(leaf.shape[:2] != shape for leaf in leaves) or rows.unit.shape != shape[:1]:
    raise ValueError(
      f"x, y, mask and unit must agree on units and rows, not have shapes {[leaf.shape for leaf in leaves[:-1]]}, "
      f"{rows.y.shape}, {shape}, {rows.unit.shape}"
    )
  finite = [jnp.isfinite(leaf).reshape(*shape, -1).all(-1) for leaf in leaves]
  if bool(jnp.any(rows.mask & ~jnp.stack(finite).all(0))):
    raise ValueError("a row has a NaN or an infinity and is not masked: set its mask to False")
  length = lengths(rows)
  first = sampler.places + gap + (start or 0)
  if not bool(jnp.any(length > first)):
    raise ValueError(
      f"no unit has a row to be asked: the longest has {int(jnp.max(length, initial=0))} rows, and {first} "
      "lie before the first question"
    )
  return TaskFamily(Partial(sampler, numbers, length, rows))


def lengths(rows: Rows) -> Array:
  """(units,) rows up to the last one that is not masked."""
  return jnp.max(jnp.where(rows.mask, jnp.arange(1, rows.mask.shape[1] + 1)[None, :], 0), axis=1, initial=0)


class Listed(Protocol):
  """What is read of a table; `mtl_jax.data.Table` has it."""

  @property
  def columns(self) -> Mapping[str, np.ndarray]: ...  # (rows, ...)
  @property
  def labels(self) -> Mapping[str, np.ndarray]: ...  # (rows, ...)
  @property
  def groups(self) -> Mapping[str, np.ndarray]: ...  # (rows,)


def rows_of(
  table: Listed, features: Sequence[str], target: str | Sequence[str], *, unit: str = "unit", time: str = "time"
) -> Rows:
  """The rows of a table by unit, oldest first.

  Args:
    features: columns, each (rows,); together they are x, (units, rows, features) float32.
    target: a label of integers, which become classes, or one or several of floats, which become
      (units, rows, targets) float32.
    unit, time: groups that name a unit and order its rows.

  Raises: as `laid_out`; KeyError if the table has no such name.
  """
  x = np.stack([np.asarray(table.columns[name], np.float32) for name in features], axis=1)
  names = [target] if isinstance(target, str) else list(target)
  labels = [np.asarray(table.labels[name]) for name in names]
  whole = len(labels) == 1 and np.issubdtype(labels[0].dtype, np.integer)
  y = labels[0] if whole else np.stack([np.asarray(label, np.float32) for label in labels], axis=1)
  return laid_out(table.groups[unit], table.groups[time], x, y)


def laid_out(unit: np.ndarray, time: np.ndarray, x: PyTree, y: np.ndarray) -> Rows:
  """Rows by unit, oldest first, from rows in any order.

  A row with a NaN or an infinity in x or y is masked and keeps its place. Units are in
  ascending order and padded to the longest, so that one unit much longer than the others costs
  their memory too.

  Args:
    unit: (rows,) integers, which become `Rows.unit`, or anything else that sorts, whose
      places in ascending order do.
    time: (rows,) numbers or dates.
    x: leaves (rows, ...).
    y: (rows,) int or (rows, targets) float.

  Raises: ValueError if lengths differ, there is no row, a time is missing or a unit has
    two rows of one time.
  """
  unit, time, y = np.asarray(unit), np.asarray(time), np.asarray(y)
  leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(x)]
  count = len(unit)
  if not count or any(len(a) != count for a in (time, y, *leaves)):
    raise ValueError(f"need rows, as many of each: unit {count}, time {len(time)}, y {len(y)}, x {[*map(len, leaves)]}")
  untimed = np.isnat(time) if time.dtype.kind in "mM" else time != time
  if untimed.any():
    row = int(untimed.argmax())
    raise ValueError(f"row {row + 1} (unit {unit[row]}) has no time; rows cannot be ordered without one")
  ids, member = np.unique(unit, return_inverse=True)
  order = np.lexsort((time, member))
  row, when = member[order], time[order]
  twice = (row[1:] == row[:-1]) & (when[1:] == when[:-1])
  if twice.any():
    at = int(twice.argmax())
    raise ValueError(
      f"unit {ids[row[at]]} has two rows at time {when[at]}: rows {order[at] + 1} and {order[at + 1] + 1} "
      f"({int(twice.sum())} such in all); keep one, or name a finer time"
    )
  slot = np.arange(count) - np.searchsorted(row, row)  # less the place where the unit begins
  shape = (len(ids), int(slot.max()) + 1)
  mask = np.zeros(shape, bool)
  finite = np.stack([np.isfinite(leaf).reshape(count, -1).all(1) for leaf in (*leaves, y)])
  mask[row, slot] = np.all(finite[:, order], axis=0)

  def laid(leaf: np.ndarray) -> Array:
    out = np.zeros((*shape, *leaf.shape[1:]), leaf.dtype)
    out[row, slot] = leaf[order]
    return jnp.asarray(out)

  def known(leaf: np.ndarray) -> np.ndarray:
    narrow = {"f": np.float32, "i": np.int32, "u": np.int32}.get(leaf.dtype.kind)
    return leaf if narrow is None or leaf.dtype.itemsize < 8 else leaf.astype(narrow)

  whole = np.issubdtype(ids.dtype, np.integer) and ids.min() >= -(2**31) and ids.max() < 2**31
  number = ids.astype(np.int32) if whole else np.arange(len(ids), dtype=np.int32)
  parts = [laid(known(leaf)) for leaf in leaves]
  return Rows(jax.tree.unflatten(jax.tree.structure(x), parts), laid(known(y)), jnp.asarray(mask), jnp.asarray(number))
