"""Few-shot episodes from recorded windows that live on the device."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from mtl_jax.trust import leak_audit
from mtl_jax.types import Array, Batch, Episode, PyTree, TaskFamily


class Pool(NamedTuple):
  """Windows by unit and class; `few_shot` draws episodes from it.

  Attributes:
    x: leaves (units, classes, windows, ...).
    mask: (units, classes, windows) bool, False where there is no usable window.
    recording: (units, classes, windows) int, which recording a window was cut from.
    unit: (units,) or (units, several) int, which physical unit or units.
  """

  x: PyTree
  mask: Array
  recording: Array
  unit: Array


@jax.jit
def usable(x: PyTree) -> Array:
  """(units, classes, windows): True where every number of the window is finite."""
  finite = [jnp.isfinite(leaf).reshape(*leaf.shape[:3], -1).all(-1) for leaf in jax.tree.leaves(x)]
  return jnp.stack(finite).all(0)


def lay_out(x: PyTree, label: np.ndarray, unit: np.ndarray, recording: np.ndarray, classes: int) -> Pool:
  """A pool from rows in any order.

  Args:
    x: leaves (rows, ...).
    label: (rows,) int, 0 to classes - 1.
    unit, recording: (rows,) int; a recording belongs to one unit.
    classes: how many; a class that a unit does not have is masked there.

  Returns: leaves (units, classes, windows, ...), padded with zeros and masked; units in
    ascending order.
  """
  ids, row = np.unique(unit, return_inverse=True)
  order = np.lexsort((label, row))
  cell = row[order] * classes + label[order]
  first = np.searchsorted(cell, cell)  # where the row's cell begins
  slot = np.arange(len(cell)) - first
  place = (row[order], label[order], slot)
  shape = (len(ids), classes, int(slot.max()) + 1)

  def laid(leaf: np.ndarray, empty: float) -> Array:
    out = np.full((*shape, *leaf.shape[1:]), empty, leaf.dtype)
    out[place] = leaf[order]
    return jnp.asarray(out)

  mask = laid(np.ones(len(label), bool), False)
  return Pool(
    jax.tree.map(lambda leaf: laid(np.asarray(leaf), 0), x),
    mask,
    laid(recording.astype(np.int32), -1),
    jnp.asarray(ids.astype(np.int32)),
  )


def _draw(count: int, key: Array, mask: Array) -> tuple[Array, Array]:
  """Indices (classes, count) of distinct windows, usable ones first, and whether each is usable."""
  order = jnp.where(mask, jax.random.uniform(key, mask.shape), -1.0)
  value, index = jax.lax.top_k(order, count)
  return index, value >= 0.0


def _batch(x: PyTree, unit: Array, row: Array, index: Array, mask: Array) -> Batch:
  ways, count = index.shape

  def take(leaf: Array) -> Array:
    # One gather: leaf[unit] first would copy a whole unit per task under vmap.
    chosen = leaf[unit, row[:, None], index].reshape(ways * count, *leaf.shape[3:])
    keep = mask.reshape(-1, *(1,) * (chosen.ndim - 1))
    return jnp.where(keep, chosen, jnp.zeros((), chosen.dtype))

  return Batch(jax.tree.map(take, x), jnp.repeat(jnp.arange(ways), count), mask.reshape(-1))


@dataclasses.dataclass(frozen=True)
class _Sampler:
  """The static half of a family; equal ones share a compiled program."""

  places: int
  queries: int
  ways: int | None

  def _classes(self, key: Array, mask: Array) -> Array:
    """The classes of the episode: all of them, or `ways` usable ones in random order."""
    if self.ways is None:
      return jnp.arange(mask.shape[0])
    order = jnp.where(jnp.any(mask, axis=1), jax.random.uniform(key, mask.shape[:1]), -1.0)
    return jax.lax.top_k(order, self.ways)[1]

  def __call__(self, shots: Array, support: Pool, query: Pool | None, key: Array) -> Episode:
    unit_key, shot_key, support_key, query_key = jax.random.split(key, 4)
    unit = jax.random.randint(unit_key, (), 0, support.unit.shape[0])
    row = self._classes(jax.random.fold_in(key, 1), support.mask[unit])
    labelled = jnp.arange(self.places) < jax.random.randint(shot_key, (), shots[0], shots[1] + 1)
    if query is None:  # every window is its own recording: one draw without replacement serves both
      asked_x = support.x
      index, real = _draw(self.places + self.queries, support_key, support.mask[unit, row])
      index, asked = index[:, : self.places], index[:, self.places :]
      real, asked_real = real[:, : self.places], real[:, self.places :]
    else:
      asked_x = query.x
      index, real = _draw(self.places, support_key, support.mask[unit, row])
      asked, asked_real = _draw(self.queries, query_key, query.mask[unit, row])
    return Episode(
      _batch(support.x, unit, row, index, real & labelled[None, :]),
      _batch(asked_x, unit, row, asked, asked_real),
      support.unit[unit],
    )


def few_shot(
  support: Pool,
  query: Pool | None = None,
  *,
  shots: int | tuple[int, int],
  queries: int,
  places: int | None = None,
  ways: int | None = None,
) -> TaskFamily:
  """A family whose tasks are the pool's units; labels are class indices.

  Args:
    support: windows that labels may be spent on.
    query: windows that are asked; None draws them from `support`, disjoint by window,
      which is fair only where every window is its own recording (checked).
    shots: labelled windows per class, or a range (low, high) drawn anew per task; what
      is not drawn is masked.
    queries: asked windows per class.
    places: room for labelled windows per class, of which those beyond `shots` are masked.
      Families that differ in `shots` alone share a compiled program, the labelled windows of
      the smaller are among those of the larger, and the questions are the same. None: as many
      as `shots` needs.
    ways: classes in an episode, drawn anew and numbered 0..ways - 1 in the order drawn (O. Vinyals
      et al., "Matching networks for one shot learning", NeurIPS 2016); None: all, under their
      own numbers.

  A window with a NaN or an infinity is never drawn; where a class has too few windows
  the rest of its places are masked (zeros, mask False). A class that a unit has no usable
  support window of is not asked there either.

  Raises:
    LeakError: a recording stands on both sides.
    ValueError: no usable window at all on a side, fewer places than `shots` and
      `queries` need, fewer classes than `ways`, or two sides with other units or classes.
  """
  low, high = (shots, shots) if isinstance(shots, int) else shots
  places = high if places is None else places
  if not 0 <= low <= high <= places or high < 1 or queries < 1:
    raise ValueError(
      f"shots={shots}, queries={queries}, places={places}: need 0 <= low <= high <= places, high >= 1, queries >= 1"
    )
  classes = support.mask.shape[1]
  if ways is not None and not 2 <= ways <= classes:
    raise ValueError(f"ways={ways}: must lie between 2 and the {classes} classes of the pool")
  support = support._replace(mask=support.mask & usable(support.x))
  if query is not None:
    if not np.array_equal(support.unit, query.unit) or support.mask.shape[:2] != query.mask.shape[:2]:
      raise ValueError(
        f"row i of support and query must be the same unit with the same classes, not units "
        f"{np.asarray(support.unit).tolist()} and {np.asarray(query.unit).tolist()} with "
        f"{support.mask.shape[1]} and {query.mask.shape[1]} classes"
      )
    learnable = jnp.any(support.mask, axis=2, keepdims=True)
    query = query._replace(mask=query.mask & usable(query.x) & learnable)
  sides = {"support": support, "query": query} if query is not None else {"pool": support}
  for name, pool in sides.items():
    if not bool(jnp.any(pool.mask)):
      raise ValueError(f"the {name} has no usable window: every one has a NaN, an infinity or is absent")
    need = {"support": places, "query": queries, "pool": places + queries}[name]
    if pool.mask.shape[2] < need:
      raise ValueError(
        f"the {name} has {pool.mask.shape[2]} windows per class; "
        f"{places} places for labels and queries={queries} need {need}"
      )
  mask, recording = np.asarray(support.mask), np.asarray(support.recording)
  if query is not None:
    asked = np.asarray(query.recording)[np.asarray(query.mask)]
    leak_audit("recording", {"support": recording[mask], "query": asked})
  elif len(np.unique(recording[mask])) < mask.sum():
    raise ValueError("support and query come from one pool, yet several windows share a recording: pass two pools")
  return TaskFamily(Partial(_Sampler(places, queries, ways), jnp.asarray([low, high]), support, query))


def _check_side(side: str, batch: Batch, classes: int) -> None:
  y, mask = np.asarray(batch.y), np.asarray(batch.mask)
  leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(batch.x)]
  lengths = {len(leaf) for leaf in (*leaves, y, mask)}
  if len(lengths) != 1:
    raise ValueError(f"{side}: x, y and mask must have one length, not {sorted(lengths)}")
  if mask.dtype != bool:
    raise ValueError(f"{side}: mask must be bool, not {mask.dtype}")
  if not np.issubdtype(y.dtype, np.integer):
    raise ValueError(f"{side}: labels must be integers, not {y.dtype}")
  finite = np.stack([np.isfinite(leaf).reshape(len(leaf), -1).all(-1) for leaf in leaves]).all(0)
  for rule, bad in {
    "has a NaN or an infinity": ~finite,
    f"has a label outside 0..{classes - 1}": (y < 0) | (y >= classes),
  }.items():
    where = np.flatnonzero(bad & mask)
    if where.size:
      raise ValueError(
        f"{side} example {where[0]} {rule} (label {y[where[0]]}; {where.size} such in all): "
        "repair it, or set its mask to False"
      )


def check_episode(episode: Episode, classes: int) -> None:
  """Checks an episode that somebody put together by hand; runs on the host, outside jit.

  Args:
    episode: one task, x leaves (n, ...), y (n,) int, mask (n,) bool; masked examples may
      hold anything.
    classes: labels are 0..classes-1.

  Raises:
    ValueError: names the side, the first bad example and the rule: unequal lengths, a mask
      or labels of the wrong type, a NaN or an infinity, a label out of range, or a class
      that is asked and has no labelled example.
  """
  _check_side("support", episode.support, classes)
  _check_side("query", episode.query, classes)
  known = np.unique(np.asarray(episode.support.y)[np.asarray(episode.support.mask)])
  asked = np.asarray(episode.query.mask) & ~np.isin(np.asarray(episode.query.y), known)
  if asked.any():
    first = np.flatnonzero(asked)[0]
    raise ValueError(
      f"query example {first} asks for class {np.asarray(episode.query.y)[first]}, which has no example in "
      "the support: label one, or mask the question"
    )
