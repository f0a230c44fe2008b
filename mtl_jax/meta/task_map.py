"""Many tasks at once: vmap within a chunk, a scan over chunks, sums instead of stacks.

The gradient is taken inside the scan and added up, not through the scan, so that memory
is that of one chunk whatever the number of tasks.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtl_jax.types import Apply, Array, Batch, BatchLoss, Episode, ExampleLoss, Metrics, PyTree

_MANY, _FEW = 64, 8
_TINY = 4096  # bytes


def chunk_for(data: PyTree) -> int:
  """How many tasks at once are fast, of `data` with tasks on the leading axis.

  On a CPU 8, whose gradients stay in its cache: five steps of MAML on 128 tasks of 100 examples of 64 numbers take
  0.66 of the time that chunks of 64 take (2 CPU cores, JAX 0.10.2, 2026-11-26). Tasks below 4 KiB, such as sine waves,
  are all overhead, and an accelerator wants work: 64. Tasks of 400 KiB one by one took 0.83 of the time of a step on
  vibration windows (scripts/benchmark.py, W3), and twice the time in the main job (2 CPU cores, 2026-11-27).
  """
  leaves = jax.tree.leaves(data)
  of_a_task = sum(leaf.size * leaf.dtype.itemsize for leaf in leaves) / leaves[0].shape[0]
  return _FEW if jax.default_backend() == "cpu" and of_a_task >= _TINY else _MANY


def task_mean(
  f: Callable[[Array, Episode, Array], PyTree], key: Array, data: Episode, chunk: int | None = None
) -> PyTree:
  """Mean over tasks, chunk by chunk.

  Args:
    f: f(keys[c], episodes[c], weights[c]) -> the weighted sum over those c tasks, any pytree.
    key: split into one key per task, the same whatever the chunk.
    data: episodes with tasks on the leading axis.
    chunk: tasks at once; the memory needed is that of one chunk. None: `chunk_for` says.
  """
  tasks = jax.tree.leaves(data)[0].shape[0]
  chunk = chunk or chunk_for(data)
  chunks = -(-tasks // chunk)
  size = -(-tasks // chunks)
  # The last chunk is filled up with tasks that come again at weight 0: one program for all chunks.
  order = jnp.arange(chunks * size)
  weight = jnp.where(order < tasks, 1.0 / tasks, 0.0)
  inputs = (jax.random.split(key, tasks), data)
  if chunks == 1:
    return f(*inputs, weight)
  if chunks * size != tasks:
    inputs = jax.tree.map(lambda leaf: leaf[order % tasks], inputs)
  stacked = jax.tree.map(lambda leaf: leaf.reshape(chunks, size, *leaf.shape[1:]), (*inputs, weight))
  first = jax.tree.map(lambda leaf: leaf[0], stacked)
  zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), jax.eval_shape(f, *first))

  def add(total, chunk_inputs):
    return jax.tree.map(jnp.add, total, f(*chunk_inputs)), None

  return jax.lax.scan(add, zero, stacked)[0]


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

  def gradient(keys, episodes, weights):
    (_, metrics), grads = jax.value_and_grad(summed, has_aux=True)(params, keys, episodes, weights)
    return grads, metrics

  return task_mean(gradient, key, data, chunk)


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
