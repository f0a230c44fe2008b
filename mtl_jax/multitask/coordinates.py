"""Aggregators that look at every coordinate of the K gradients, and not at their inner products.

They need the rows of all tasks, but of one leaf at a time: leaves go together as far as K rows of them take no more
than `chunk` whole gradients, or than K rows of the largest leaf, and each such group has its own backward passes. Time
grows with the number of groups, so that a network of many equal layers and many tasks pays for each of them.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.multitask.gram import dots, rows, task_gradient_of, wide
from mtl_jax.multitask.sources import Source, in_turn
from mtl_jax.tree import AdaptMask, partition
from mtl_jax.types import Array, PyTree


class CoordinateAggregator(NamedTuple):
  """How K task gradients become one, coordinate by coordinate.

  Attributes:
    combine: combine(key, rows[K, ...], active[K]) -> [...], of one leaf; rows of inactive tasks are zero.
  """

  combine: Callable[[Array, Array, Array], Array]


def graddrop(leak: Array | None = None) -> CoordinateAggregator:
  """GradDrop: in each coordinate only gradients of one sign pass, drawn by how pure that sign is.

  With P = (1 + sum_k g_k / sum_k |g_k|) / 2 and U ~ U[0, 1], positive gradients pass where P > U and negative ones
  where P < U; the result is sum_k (l_k + (1 - l_k) passes_k) g_k. Z. Chen et al., "Just pick a sign: optimizing deep
  multitask models with gradient sign dropout", NeurIPS 2020, equations 1 and 2 with f the identity. The paper works on
  the activations of a layer, summed over the batch; here, as in TorchJD, it works on the parameters.

  Args:
    leak: (K,) l_k in [0, 1], the share of each task's gradient that always passes; None: 0.
  """

  def combine(key: Array, rows: Array, active: Array) -> Array:
    del active  # zero rows change neither the purity nor the sum
    size = jnp.sum(jnp.abs(rows), axis=0)
    purity = (1 + jnp.sum(rows, axis=0) / jnp.where(size > 0, size, 1.0)) / 2
    drawn = jax.random.uniform(key, purity.shape, purity.dtype)
    positive, negative = (purity > drawn)[None], (purity < drawn)[None]
    passes = jnp.where(rows > 0, positive, negative).astype(rows.dtype)
    if leak is not None:
      always = jnp.reshape(jnp.asarray(leak, rows.dtype), (-1, *(1,) * (rows.ndim - 1)))
      passes = always + (1 - always) * passes
    return jnp.sum(passes * rows, axis=0)

  return CoordinateAggregator(combine)


def trimmed_mean(trim: int) -> CoordinateAggregator:
  """The mean in each coordinate without the `trim` largest and the `trim` smallest gradients.

  D. Yin, Y. Chen, K. Ramchandran, P. Bartlett, "Byzantine-robust distributed learning: towards optimal statistical
  rates", ICML 2018, definition 2. Where fewer than 2 trim + 1 tasks have labels, as many are left out on each side as
  leave one or two: the median.

  Raises: ValueError if `trim` is negative.
  """
  if trim < 0:
    raise ValueError(f"trimmed_mean: trim = {trim} is negative")

  def combine(key: Array, rows: Array, active: Array) -> Array:
    del key
    shape = (-1, *(1,) * (rows.ndim - 1))
    number = jnp.sum(active)
    left_out = jnp.minimum(trim, jnp.maximum(number - 1, 0) // 2)
    ranked = jnp.sort(jnp.where(jnp.reshape(active, shape), rows, jnp.inf), axis=0)  # the inactive come last
    rank = jnp.arange(rows.shape[0])
    kept = jnp.reshape((rank >= left_out) & (rank < number - left_out), shape)
    return jnp.sum(jnp.where(kept, ranked, 0.0), axis=0) / jnp.maximum(number - 2 * left_out, 1).astype(rows.dtype)

  return CoordinateAggregator(combine)


def streamed(
  aggregator: CoordinateAggregator,
  key: Array,
  given: list[Source],
  params: PyTree,
  weights: Array,
  active: Array,
  mask: AdaptMask | None,
  chunk: int,
) -> tuple[PyTree, Array]:
  """The combination of the gradients weights[k] g_k in the leaves that `mask` chooses, and the (K, K) inner products
  of the g_k; leaf by leaf."""
  chosen, _ = partition(params, mask)
  leaves, form = jax.tree.flatten(params, is_leaf=lambda leaf: leaf is None)
  reached = [i for i, leaf in enumerate(form.flatten_up_to(chosen)) if leaf is not None]
  tasks, one_source = weights.shape[0], len(given) == 1

  def of_group(group: list[int]) -> Callable:
    def step(so_far: tuple[dict[int, Array], Array]) -> tuple[dict[int, Array], Array]:
      combined, products = so_far
      in_group = jax.tree.unflatten(form, [i in group for i in range(len(leaves))])
      gradient = task_gradient_of(given, params, in_group)
      found = rows(gradient, jnp.arange(tasks), min(chunk, tasks) if one_source else None)
      for i, row in zip(group, jax.tree.leaves(found), strict=True):
        scaled = row * jnp.reshape(weights.astype(row.dtype), (-1, *(1,) * (row.ndim - 1)))
        combined = combined | {i: aggregator.combine(jax.random.fold_in(key, i), scaled, active)}
      return combined, products + dots(found, found).astype(products.dtype)

    return step

  start = {i: jnp.zeros_like(leaves[i]) for i in reached}, jnp.zeros((tasks, tasks), wide(chosen))
  combined, products = in_turn([of_group(group) for group in leaf_groups(leaves, reached, chunk / tasks)], start)
  return jax.tree.unflatten(form, [combined.get(i) for i in range(len(leaves))]), products


def leaf_groups(leaves: list[Array], reached: list[int], share: float) -> list[list[int]]:
  """Neighbouring leaves together, each group at most this share of all numbers or as large as the largest leaf."""
  sizes = [leaves[i].size for i in reached]
  limit = max(*sizes, share * sum(sizes))
  groups, size = [[]], 0
  for i in reached:
    if size + leaves[i].size > limit and groups[-1]:
      groups, size = groups + [[]], 0
    groups[-1].append(i)
    size += leaves[i].size
  return groups
