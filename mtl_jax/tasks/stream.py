"""Episodes from rows on disk: the same as `in_order` draws from memory, under the same keys.

`streamed` is a family like any other, for `fit` and `evaluate`: a program that draws from it asks the host
for the rows. An episode is a function of its key alone, so a resumed `fit` ends with the bits of one that
was never stopped. On a mesh every device asks its own host for the tasks that lie on it, so that of several
processes none reads the rows of another's tasks. Two exceptions: where the axes data or model lie over processes,
all that share a task read it; and where a step's tasks are not shared out (on a CPU, fewer than 64 below 4 KiB),
the first process reads them all and sends them.
`batches` reads ahead in threads, for a training loop of one's own, each process its share; its iterator can be
saved and set.
"""

import dataclasses
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jax.tree_util import Partial

from mtl_jax.layout import TASKS
from mtl_jax.tasks.rows import Place, Sampler, settings
from mtl_jax.types import Array, Batch, Episode, TaskFamily

if TYPE_CHECKING:
  import grain


class Reader(Protocol):
  """rows(unit's place, first row, count) -> x (count, d), y, mask (count,); zero where masked"""

  def __call__(self, place: int, first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]: ...


class Source(Protocol):
  """What is read of rows on disk; `mtl_jax.data.stream.Stored` has it."""

  @property
  def rows(self) -> Reader: ...
  @property
  def length(self) -> np.ndarray: ...  # (units,)
  @property
  def unit(self) -> np.ndarray: ...  # (units,) int32
  @property
  def classes(self) -> bool: ...
  @property
  def width(self) -> int: ...


@dataclasses.dataclass(frozen=True)
class _Streamed:
  """The static half of a family; equal ones share a compiled program."""

  sampler: Sampler
  rows: Reader
  classes: bool
  width: int

  def side(self, count: int, unit: Any, first: Any) -> Batch:
    """Host: leaves (..., count, ...) for units and first rows (...)."""
    units, firsts = np.asarray(unit), np.asarray(first)
    parts = [self.rows(int(u), int(f), count) for u, f in zip(units.ravel(), firsts.ravel(), strict=True)]
    joined = [np.stack(leaves).reshape(*units.shape, *leaves[0].shape) for leaves in zip(*parts, strict=True)]
    x, y, mask = joined
    return Batch(x, y, mask)  # pyright: ignore[reportArgumentType]  NumPy, until the program has it

  def shape(self, count: int) -> Batch:
    y = jax.ShapeDtypeStruct((count,), jnp.int32) if self.classes else jax.ShapeDtypeStruct((count, 1), jnp.float32)
    x = jax.ShapeDtypeStruct((count, self.width), jnp.float32)
    return Batch(x, y, jax.ShapeDtypeStruct((count,), bool))  # pyright: ignore[reportArgumentType]

  def starts(self, place: Place) -> tuple[tuple[int, Array], tuple[int, Array]]:
    """(count, first row) of the support and of the query."""
    places = self.sampler.places
    return (places, place.first), (self.sampler.queries, place.first + places + place.gap)

  def __call__(self, numbers: Array, length: Array, unit: Array, key: Array) -> Episode:
    place = self.sampler.place(numbers, length, key)

    def ask(unit: Any, first: Any, then: Any) -> tuple[Batch, Batch]:
      return self.side(self.sampler.places, unit, first), self.side(self.sampler.queries, unit, then)

    (places, first), (queries, then) = self.starts(place)
    shapes = (self.shape(places), self.shape(queries))
    asked = partial(jax.pure_callback, ask, shapes, vmap_method="broadcast_all")
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.manual_axes and mesh.auto_axes:  # JAX wants all axes or none: devices that share a task all ask for it
      spec, axes = PartitionSpec(), set(mesh.auto_axes)
      asked = jax.shard_map(asked, in_specs=spec, out_specs=spec, axis_names=axes, check_vma=False)
    support, query = asked(place.unit, first, then)
    return Episode(_labelled(support, place.labelled), query, unit[place.unit])


def _labelled(support: Batch, labelled: Any) -> Batch:
  """The support with what is not labelled masked and zero; NumPy arrays stay such."""
  mask = support.mask & labelled

  def kept(leaf: Any) -> Any:
    return leaf * mask.reshape(*mask.shape, *(1,) * (leaf.ndim - mask.ndim)).astype(leaf.dtype)

  return Batch(kept(support.x), kept(support.y), mask)


def streamed(
  source: Source,
  *,
  shots: int | tuple[int, int],
  queries: int,
  places: int | None = None,
  gap: int = 0,
  start: int | None = None,
) -> TaskFamily:
  """What `in_order` is for rows in memory, for rows on disk; see there for the arguments.

  Each call of a compiled program waits for the disk: row groups much larger than an episode cost the time of
  reading them whole.

  Raises: ValueError for a number out of range, or no unit with a row to be asked.
  """
  sampler, numbers = settings(shots, queries, places, gap, start)
  first = sampler.places + gap + (start or 0)
  if not (source.length > first).any():
    raise ValueError(
      f"no unit has a row to be asked: the longest has {source.length.max(initial=0)} rows, and {first} lie before "
      "the first question"
    )
  half = _Streamed(sampler, source.rows, source.classes, source.width)
  return TaskFamily(Partial(half, numbers, jnp.asarray(source.length), jnp.asarray(source.unit)))


@partial(jax.jit, static_argnames=("sampler", "tasks"))
def _places(sampler: Sampler, tasks: int, numbers: Array, length: Array, key: Array, step: Array) -> Place:
  """Where the tasks of a step of `fit` lie, (tasks,) each."""
  sample_key, _ = jax.random.split(jax.random.fold_in(key, step))
  return jax.vmap(lambda k: sampler.place(numbers, length, k))(jax.random.split(sample_key, tasks))


def _share(tasks: int) -> np.ndarray:
  """Which of a step's tasks lie on devices of this process, ascending: on the ambient mesh, all without one."""
  mesh, every = jax.sharding.get_mesh(), np.arange(tasks)
  if mesh.empty:
    return every
  sharding = NamedSharding(mesh, PartitionSpec(TASKS if TASKS in mesh.axis_names else None))
  parts = sharding.addressable_devices_indices_map(every.shape).values()
  return np.unique(np.concatenate([every[part] for part in parts]))


def batches(
  key: Array, family: TaskFamily, *, steps: int, tasks_per_step: int, threads: int = 4, ahead: int = 8
) -> "grain.IterDataset":
  """The batches of tasks that `fit` draws under `key`, read ahead in threads.

  Args:
    key: as given to `fit`, on a device of this process alone: element i is the data of its step i.
    family: of `streamed`.
    threads, ahead: how many batches are read at once, and are kept ready.

  Returns: a Grain dataset of episodes of NumPy arrays, tasks on the leading axis. Its iterators have
    `get_state` and `set_state`; one that was set goes on as the one that was asked. Under a mesh (`jax.set_mesh`) over
    several processes each gets, and reads, only the tasks of its own devices, in the order of the axis `tasks`:
    `jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec("tasks")), leaf)` has those of all.

  Raises: ValueError for a family whose rows are in memory, or tasks that the devices of the axis cannot share evenly.

  Needs grain: pip install 'mtl-jax[stream]'.
  """
  import grain

  if not isinstance(family.sample, Partial) or not isinstance(family.sample.func, _Streamed):
    raise ValueError("the family's rows are in memory, which need not be read ahead; batches takes one of `streamed`")
  streamed, (numbers, length, units) = family.sample.func, family.sample.args
  unit, mine = np.asarray(units), _share(tasks_per_step)  # not in the threads, which know no mesh

  def batch(step: int) -> Episode:
    drawn = _places(streamed.sampler, tasks_per_step, numbers, length, key, jnp.asarray(step))
    place = jax.tree.map(lambda leaf: np.asarray(leaf)[mine], drawn)
    (places, first), (queries, then) = streamed.starts(place)
    support = streamed.side(places, place.unit, first)
    return Episode(_labelled(support, place.labelled), streamed.side(queries, place.unit, then), unit[place.unit])

  options = grain.ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
  return grain.MapDataset.range(steps).map(batch).to_iter_dataset(options)
