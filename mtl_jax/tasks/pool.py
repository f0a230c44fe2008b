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
    unit: (units,) int, which physical unit.
  """

  x: PyTree
  mask: Array
  recording: Array
  unit: Array


def usable(x: PyTree) -> Array:
  """(units, classes, windows): True where every number of the window is finite."""
  finite = [jnp.isfinite(leaf).reshape(*leaf.shape[:3], -1).all(-1) for leaf in jax.tree.leaves(x)]
  return jnp.stack(finite).all(0)


def _draw(count: int, key: Array, mask: Array) -> tuple[Array, Array]:
  """Indices (classes, count) of distinct windows, usable ones first, and whether each is usable."""
  order = jnp.where(mask, jax.random.uniform(key, mask.shape), -1.0)
  value, index = jax.lax.top_k(order, count)
  return index, value >= 0.0


def _batch(x: PyTree, index: Array, mask: Array) -> Batch:
  classes, count = index.shape
  row = jnp.arange(classes)[:, None]

  def take(leaf: Array) -> Array:
    chosen = leaf[row, index].reshape(classes * count, *leaf.shape[2:])
    keep = mask.reshape(-1, *(1,) * (chosen.ndim - 1))
    return jnp.where(keep, chosen, jnp.zeros((), chosen.dtype))

  return Batch(jax.tree.map(take, x), jnp.repeat(jnp.arange(classes), count), mask.reshape(-1))


@dataclasses.dataclass(frozen=True)
class _Sampler:
  """The static half of a family; equal ones share a compiled program."""

  low: int
  high: int
  queries: int

  def __call__(self, support: Pool, query: Pool | None, key: Array) -> Episode:
    unit_key, shot_key, support_key, query_key = jax.random.split(key, 4)
    unit = jax.random.randint(unit_key, (), 0, support.unit.shape[0])
    here = jax.tree.map(lambda leaf: leaf[unit], support)
    labelled = jnp.arange(self.high) < jax.random.randint(shot_key, (), self.low, self.high + 1)
    if query is None:  # every window is its own recording: one draw without replacement serves both
      there = here
      index, real = _draw(self.high + self.queries, support_key, here.mask)
      index, asked = index[:, : self.high], index[:, self.high :]
      real, asked_real = real[:, : self.high], real[:, self.high :]
    else:
      there = jax.tree.map(lambda leaf: leaf[unit], query)
      index, real = _draw(self.high, support_key, here.mask)
      asked, asked_real = _draw(self.queries, query_key, there.mask)
    return Episode(
      _batch(here.x, index, real & labelled[None, :]),
      _batch(there.x, asked, asked_real),
      support.unit[unit],
    )


def few_shot(
  support: Pool, query: Pool | None = None, *, shots: int | tuple[int, int], queries: int
) -> TaskFamily:
  """A family whose tasks are the pool's units; labels are class indices.

  Args:
    support: windows that labels may be spent on.
    query: windows that are asked; None draws them from `support`, disjoint by window,
      which is fair only where every window is its own recording (checked).
    shots: labelled windows per class, or a range (low, high) drawn anew per task; what
      is not drawn is masked.
    queries: asked windows per class.

  A window with a NaN or an infinity is never drawn; where a class has too few windows
  the rest of its places are masked (zeros, mask False).

  Raises:
    LeakError: a recording stands on both sides.
    ValueError: no usable window at all on a side, or fewer places than `shots` and
      `queries` need.
  """
  low, high = (shots, shots) if isinstance(shots, int) else shots
  if not 0 <= low <= high or high < 1 or queries < 1:
    raise ValueError(f"shots={shots}, queries={queries}: need 0 <= low <= high, high >= 1, queries >= 1")
  sides = {"support": support, "query": query} if query is not None else {"pool": support}
  for name, pool in sides.items():
    if not bool(jnp.any(pool.mask)):
      raise ValueError(f"the {name} has no usable window: every one has a NaN, an infinity or is absent")
    need = {"support": high, "query": queries, "pool": high + queries}[name]
    if pool.mask.shape[2] < need:
      raise ValueError(f"the {name} has {pool.mask.shape[2]} windows per class; shots={shots} and queries={queries} need {need}")
  mask, recording = np.asarray(support.mask), np.asarray(support.recording)
  if query is not None:
    leak_audit("recording", {"support": recording[mask], "query": np.asarray(query.recording)[np.asarray(query.mask)]})
  elif len(np.unique(recording[mask])) < mask.sum():
    raise ValueError("support and query come from one pool, yet several windows share a recording: pass two pools")
  return TaskFamily(Partial(_Sampler(low, high, queries), support, query))
