"""Many tasks at once: vmap within a chunk, a scan over chunks, sums instead of stacks.

The gradient is taken inside the scan and added up, not through the scan, so that memory
is that of one chunk whatever the number of tasks.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec

from mtl_jax.layout import TASKS
from mtl_jax.types import Apply, Array, Batch, BatchLoss, Episode, ExampleLoss, Metrics, PyTree

_MANY, _FEW = 64, 8
_TINY, _LARGE = 2**12, 7 * 2**15  # bytes


def task_shards() -> int:
  """How many devices share tasks: the axis `tasks` of the ambient mesh (`jax.set_mesh`); 1 where there is none.

  Raises: ValueError if the axis is of the type Explicit.
  """
  mesh = jax.sharding.get_abstract_mesh()
  if TASKS in mesh.explicit_axes:
    raise ValueError('the mesh\'s axis "tasks" is Explicit: make it with axis_types=(jax.sharding.AxisType.Auto,)')
  return mesh.shape[TASKS] if TASKS in mesh.auto_axes else 1


def shards_for(data: PyTree) -> int:
  """Over how many devices a step shares `data` out, arrays or their shapes with tasks on the leading axis.

  On a CPU fewer than 64 tasks below 4 KiB stay together: on two cores 25 sine waves take 1.2 to 1.5 times the time of
  one, 64 take 0.6 to 1.0 and 512 take 0.5 (JAX 0.10.2, 2026-11-27).
  """
  tasks = jax.tree.leaves(data)[0].shape[0]
  few = jax.default_backend() == "cpu" and tasks < _MANY and _bytes_of_a_task(data) < _TINY
  return 1 if few else task_shards()


def _bytes_of_a_task(data: PyTree) -> float:
  leaves = jax.tree.leaves(data)
  return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves) / leaves[0].shape[0]


def on_shards(f: Callable[[PyTree, PyTree], PyTree], shared: PyTree, tasks: PyTree, shards: int) -> PyTree:
  """f(shared, tasks), where f maps over the leading axis of `tasks`: each of `shards` devices has its share of it."""
  if shards == 1:
    return f(shared, tasks)
  count = jax.tree.leaves(tasks)[0].shape[0]
  padded = -(-count // shards) * shards
  if padded != count:
    tasks = jax.tree.map(lambda leaf: leaf[jnp.arange(padded) % count], tasks)
  specs, each = (PartitionSpec(), PartitionSpec(TASKS)), PartitionSpec(TASKS)
  found = jax.shard_map(f, in_specs=specs, out_specs=each, axis_names={TASKS}, check_vma=False)(shared, tasks)
  return found if padded == count else jax.tree.map(lambda leaf: leaf[:count], found)


def one_by_one(f: Callable[[PyTree], PyTree], tasks: PyTree) -> PyTree:
  """`jax.lax.map`, over the leading axis of `tasks`, of which each device of the ambient mesh has its share.

  The cores of a CPU share single tasks too, but with more to wait for: campaigns of the family's upper bound on 16
  reactors (scripts/tune.py) take 0.87 of the processor time on two devices, and 0.82 of the time, to the bit the same
  (medians, 2 CPU cores at a load of 15, JAX 0.10.2, 2026-11-28); not measured on quiet cores.
  """
  return on_shards(lambda _, share: jax.lax.map(f, share), (), tasks, task_shards())


def chunk_for(data: PyTree) -> int:
  """How many tasks at once are fast on one device, of `data` with tasks on the leading axis.

  On a CPU 8, whose gradients stay in its cache: five steps of MAML on 128 tasks of 100 examples of 64 numbers take
  0.66 of the time that chunks of 64 take (2 CPU cores, JAX 0.10.2, 2026-11-26). Tasks below 4 KiB, such as sine waves,
  are all overhead, and an accelerator wants work: 64. Tasks of 400 KiB one by one take 0.69 of the time of a step on
  vibration windows (scripts/benchmark.py, W3; 2 CPU cores, 2026-11-27), those of 245 KiB 0.80 of that of eight at once
  on images (W4, 45 MB and not 335 on each core; 2026-11-28), those of 192 KiB twice the time in the main job.
  """
  size = _bytes_of_a_task(data)
  if jax.default_backend() != "cpu" or size < _TINY:
    return _MANY
  return _FEW if size < _LARGE else 1


def task_mean(f: Callable[..., PyTree], key: Array, data: Episode, chunk: int | None = None, *shared: PyTree) -> PyTree:
  """Mean over tasks, chunk by chunk, and where the ambient mesh has an axis `tasks`, on all of its devices at once.

  Args:
    f: f(*shared, keys[c], episodes[c], weights[c]) -> the weighted sum over those c tasks, any pytree.
    key: split into one key per task, the same whatever the chunk and the mesh.
    data: episodes with tasks on the leading axis.
    chunk: tasks at once on each device; the memory needed is that of one chunk. None: what is fast, as `chunk_for` and
      `shards_for` say.
    shared: what all tasks read. On a mesh f may close over traced values, but not make others like them (zeros_like).
  """
  tasks, shards = jax.tree.leaves(data)[0].shape[0], task_shards() if chunk else shards_for(data)
  of_a_shard = -(-tasks // shards)
  chunks = -(-of_a_shard // (chunk or chunk_for(data)))
  size = -(-of_a_shard // chunks)
  # The last chunks are filled up with tasks that come again at weight 0: one program for all chunks.
  order = jnp.arange(shards * chunks * size)
  weight = jnp.where(order < tasks, 1.0 / tasks, 0.0)
  inputs = (jax.random.split(key, tasks), data)
  if shards * chunks * size != tasks:
    inputs = jax.tree.map(lambda leaf: leaf[order % tasks], inputs)

  def in_chunks(shared: tuple[PyTree, ...], *inputs: PyTree) -> PyTree:
    if chunks == 1:
      return f(*shared, *inputs)
    stacked = jax.tree.map(lambda leaf: leaf.reshape(chunks, size, *leaf.shape[1:]), inputs)
    first = jax.tree.map(lambda leaf: leaf[0], stacked)
    of_chunk = jax.jit(f)  # so that the shapes and the scan share one tracing, which is half of a small step's
    zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(of_chunk, *shared, *first))

    def add(total, chunk_inputs):
      return jax.tree.map(jnp.add, total, of_chunk(*shared, *chunk_inputs)), None

    return jax.lax.scan(add, zero, stacked)[0]

  if shards == 1:
    return in_chunks(shared, *inputs, weight)

  def of_shard(*args: PyTree) -> PyTree:
    return jax.lax.psum(in_chunks(*args), TASKS)

  specs = (PartitionSpec(), *[PartitionSpec(TASKS)] * 3)
  together = jax.shard_map(of_shard, in_specs=specs, out_specs=PartitionSpec(), axis_names={TASKS}, check_vma=False)
  return together(shared, *inputs, weight)


def weighted_sum(values: PyTree, weights: Array) -> PyTree:
  """Sum over the leading axis of every leaf, weighted."""
  return jax.tree.map(lambda leaf: jnp.tensordot(weights.astype(leaf.dtype), leaf, 1), values)


def task_gradient(
  loss: Callable[[PyTree, Array, Episode], tuple[Array, Metrics]],
  params: PyTree,
  key: Array,
  data: Episode,
  chunk: int | None = None,
) -> tuple[PyTree, Metrics]:
  """Gradient in `params` of the mean over tasks of loss(params, key, episode) -> (scalar, metrics).

  Returns the gradient and the metrics' means. Equal to rounding for every `chunk`.
  """

  def summed(params, keys, episodes, weights):
    values, metrics = jax.vmap(loss, (None, 0, 0))(params, keys, episodes)
    return weighted_sum(values, weights), weighted_sum(metrics, weights)

  def gradient(params, keys, episodes, weights):
    (_, metrics), grads = jax.value_and_grad(summed, has_aux=True)(params, keys, episodes, weights)
    return grads, metrics

  return task_mean(gradient, key, data, chunk, params)


def masked_loss(apply: Apply, loss: ExampleLoss) -> BatchLoss:
  """The mean loss over the examples that `batch.mask` keeps; aux is the prediction.

  What is masked is set to zero before the model sees it, so that a NaN there reaches
  neither the loss nor the gradient. No example at all gives loss 0 and gradient 0.
  """

  def batch_loss(params: PyTree, batch: Batch, key: Array) -> tuple[Array, Array]:
    del key
    x, y, mask = hide_masked(batch)
    prediction = apply(params, x)
    values = loss(prediction, y)
    count = jnp.maximum(jnp.sum(mask), 1).astype(values.dtype)
    return jnp.sum(jnp.where(mask, values, 0.0)) / count, prediction

  return batch_loss


def hide_masked(batch: Batch) -> Batch:
  """The batch with zeros where the mask is False."""

  def keep(leaf: Array) -> Array:
    return jnp.where(batch.mask.reshape(-1, *(1,) * (leaf.ndim - 1)), leaf, jnp.zeros((), leaf.dtype))

  return Batch(jax.tree.map(keep, batch.x), keep(batch.y), batch.mask)


def join(a: Batch, b: Batch) -> Batch:
  """All examples of two batches."""
  return jax.tree.map(lambda x, y: jnp.concatenate([x, y]), a, b)
