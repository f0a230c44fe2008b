"""Gradients of K tasks and their inner products, without the K x P Jacobian J.

G = J J' is made from blocks of `chunk` task gradients, the only ones held at a time:

- One source for all tasks: G e_k = J (J' e_k), one backward pass for g_k and one forward-mode pass that gives the
  derivatives of all K losses along g_k. Both share one forward pass over a block. About four forward passes a task,
  whatever K and the shapes of the leaves.
- Several sources: the block's gradients are held while those of the later tasks come by one at a time, since a
  forward-mode pass over all sources would cost as many passes as there are sources. K + K^2 / (2 chunk) gradients.

Compared before this was chosen, for eight layers of 256 x 256, 64 examples and K = 64 tasks on one source (P = 2.2 MB;
2 CPU cores, JAX 0.10.2), in MB of temporary memory and ms: all rows at once 139 (and as much of output), 236; rows by
vmap, contracted leaf by leaf, which XLA then does not free early, 327, 219; a backward pass for each leaf 277, 426, and
34, 491 if forced into turn; the first form of what is here, with one task at a time 3.8, 154, with eight 24, 91. A
block whose gradients are made one after another takes as long here and three times the memory (8 tasks: 18 MB, not 6);
for a convolutional network with two tasks it took half the time (16 ms, not 33).
"""

from collections.abc import Callable
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.multitask.sources import Source, in_turn, task_order, total
from mtl_jax.tree import AdaptMask, combine, partition
from mtl_jax.types import Array, PyTree

CHUNK = 8
"""Task gradients held at a time."""


def task_gradient_of(given: list[Source], params: PyTree, mask: AdaptMask | None = None) -> Callable[[Array], PyTree]:
  """The function k -> gradient of loss k in the leaves that `mask` chooses; zero for k outside 0..K-1."""
  chosen, rest = partition(params, mask)
  tasks = sum(len(source.tasks) for source in given)

  def of_source(source: Source) -> Callable[[Array], PyTree]:
    def gradient(k: Array) -> PyTree:
      def of_micro(micro):
        losses, pull = jax.vjp(lambda leaves: source.losses(combine(leaves, rest), micro), chosen)
        return pull((source.tasks == k).astype(losses.dtype))[0]

      return total(of_micro, source)

    return gradient

  if len(given) == 1:
    return of_source(given[0])
  owner = jnp.asarray(np.repeat(np.arange(len(given)), [len(source.tasks) for source in given])[task_order(given)])
  return lambda k: jax.lax.switch(owner[jnp.minimum(k, tasks - 1)], [of_source(source) for source in given], k)


def rows(gradient: Callable[[Array], PyTree], k: Array, side_by_side: int | None) -> PyTree:
  """Gradients of the tasks k[b]: leaves (b, ...). Only with one source can they go side by side."""
  return jax.lax.map(gradient, k, batch_size=side_by_side)


def wide(tree: PyTree) -> np.dtype:
  """The type that sums over the leaves are made in: float32 at least."""
  return reduce(np.promote_types, [leaf.dtype for leaf in jax.tree.leaves(tree)], np.dtype(np.float32))


def dots(a: PyTree, b: PyTree) -> Array:
  """(i, j): inner products of rows, leaves (i, ...) and (j, ...), in float32 at least."""
  kind = wide((a, b))

  def of_leaf(x: Array, y: Array) -> Array:
    x, y = (jnp.reshape(leaf, (leaf.shape[0], -1)) for leaf in (x, y))
    return jnp.matmul(x, y.T, precision="highest", preferred_element_type=kind)

  return reduce(jnp.add, map(of_leaf, jax.tree.leaves(a), jax.tree.leaves(b)))


def gram(given: list[Source], params: PyTree, mask: AdaptMask | None = None, chunk: int = CHUNK) -> Array:
  """(K, K): inner products of the tasks' gradients in the leaves that `mask` chooses."""
  gradient = task_gradient_of(given, params, mask)
  tasks = sum(len(source.tasks) for source in given)
  blocks = -(-tasks // chunk)
  size = -(-tasks // blocks)
  one_source = len(given) == 1

  def block(k: Array) -> Array:
    held = rows(gradient, k, size if one_source else None)
    inner = dots(held, held)
    if blocks == 1:
      return inner
    others = along(given[0], params, mask, held) if one_source else later(k, held)
    # The block's own products once more, this way, so that |g|^2 is never negative.
    return others.at[:, k].set(inner.astype(others.dtype), mode="drop")

  def later(k: Array, held: PyTree) -> Array:
    """(size, K): zero for tasks before the block."""

    def product(j: Array) -> Array:
      return dots(held, jax.tree.map(lambda leaf: leaf[None], gradient(j)))[:, 0]

    zero = jnp.zeros_like(jax.eval_shape(product, k[0]))
    return jax.lax.map(lambda j: jax.lax.cond(j > k[-1], product, lambda _: zero, j), jnp.arange(tasks)).T

  found = jax.lax.map(block, jnp.reshape(jnp.arange(blocks * size), (blocks, size)))
  found = jnp.reshape(found, (blocks * size, -1))[:tasks, :tasks]
  if one_source:
    return (found + found.T) / 2
  of_block = np.arange(tasks) // size
  return jnp.where(of_block[:, None] <= of_block[None], found, found.T)


def along(source: Source, params: PyTree, mask: AdaptMask | None, directions: PyTree) -> Array:
  """(b, s): derivatives of a source's losses along directions, leaves (b, ...)."""
  chosen, rest = partition(params, mask)

  def derivatives(direction: PyTree) -> Array:
    def of_micro(micro):
      return jax.jvp(lambda leaves: source.losses(combine(leaves, rest), micro), (chosen,), (direction,))[1]

    return total(of_micro, source)

  return jax.vmap(derivatives)(directions)


def representation_gram(given: list[Source], params: PyTree) -> Array:
  """(K, K): inner products of the losses' gradients in the shared representation of all examples.

  Examples are different rows of it, so that micro-batches add up, and tasks of different sources are orthogonal.
  """
  tasks = sum(len(source.tasks) for source in given)

  def of_source(source: Source) -> Callable[[Array], Array]:
    def products(micro) -> Array:
      z = source.represent(params, micro)
      losses, pull = jax.vjp(lambda z: source.score(params, z, micro), z)
      z_rows = jax.vmap(pull)(jnp.eye(len(source.tasks), dtype=losses.dtype))
      return dots(z_rows, z_rows)

    return lambda found: found.at[np.ix_(source.tasks, source.tasks)].set(total(products, source).astype(zero.dtype))

  z = [jax.eval_shape(lambda s=s: total(lambda micro: s.represent(params, micro), s)) for s in given]
  zero = jnp.zeros((tasks, tasks), wide(z))
  return in_turn([of_source(source) for source in given], zero)


def weighted_gradient(
  given: list[Source], params: PyTree, weights: Array, outside: Array, mask: AdaptMask | None, representation: bool
) -> PyTree:
  """The gradient sum_k weights[k] g_k where the level reaches, and sum_k outside[k] g_k elsewhere; one backward pass.

  Args:
    mask: the level is these leaves;
    representation: or it is the shared representation, and elsewhere is what heads read by themselves.
  """

  def of_source(source: Source) -> Callable[[PyTree], PyTree]:
    def of_micro(micro) -> PyTree:
      def cotangents(losses: Array) -> tuple[Array, Array]:
        return weights[source.tasks].astype(losses.dtype), outside[source.tasks].astype(losses.dtype)

      if representation:
        z, pull_z = jax.vjp(lambda p: source.represent(p, micro), params)
        losses, pull = jax.vjp(lambda z, p: source.score(p, z, micro), z, params)
        inside, beyond = cotangents(losses)
        return jax.tree.map(jnp.add, pull_z(pull(inside)[0])[0], pull(beyond)[1])
      losses, pull = jax.vjp(lambda c, r: source.losses(combine(c, r), micro), *partition(params, mask))
      inside, beyond = cotangents(losses)
      return combine(pull(inside)[0], pull(beyond)[1])

    return lambda found: jax.tree.map(jnp.add, found, total(of_micro, source))

  return in_turn([of_source(source) for source in given], jax.tree.map(jnp.zeros_like, params))
