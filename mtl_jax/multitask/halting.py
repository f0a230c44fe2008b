"""Replicas trained side by side, of which one may diverge without taking the others along."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.types import Algorithm, Array, Metrics, PyTree


class HaltingState(NamedTuple):
  """The state of `halting`.

  Attributes:
    replicas: their states, leaves (replicas, ...); always finite.
    steps: updates that each has made; of one that has diverged, before it did.
    diverged: which have diverged.
  """

  replicas: PyTree
  steps: Array  # (replicas,) int32
  diverged: Array  # (replicas,) bool


def halting(algorithm: Algorithm) -> Algorithm:
  """`replicate(...)`, where a replica stands still from its first update on that is not finite.

  It keeps the state before that update; `fit` then meets finite numbers only, and trains the others to the end.
  Metrics of those that have diverged are the mean of the others, 0 where there is none, so that means over replicas are
  of what still learns; `diverged` (replicas,) says which. predict answers for all, with the states that they keep.
  """

  def init(params: PyTree) -> HaltingState:
    return begun(algorithm.init(params))

  def update(key: Array, state: HaltingState, data: PyTree) -> tuple[HaltingState, Metrics]:
    after, metrics = algorithm.update(key, state.replicas, data)
    diverged = state.diverged | ~_finite((after, metrics))
    kept = jax.tree.map(lambda old, new: jnp.where(_along(diverged, new), old, new), state.replicas, after)
    count = jnp.maximum(jnp.sum(~diverged), 1)

    def of_the_others(metric: Array) -> Array:
      learning = jnp.where(_along(diverged, metric), 0.0, metric)
      return jnp.where(_along(diverged, metric), jnp.sum(learning / count.astype(metric.dtype), axis=0)[None], metric)

    found = {name: of_the_others(metric) for name, metric in metrics.items()}
    steps = state.steps + (~diverged).astype(jnp.int32)
    return HaltingState(kept, steps, diverged), found | {"diverged": diverged.astype(jnp.float32)}

  def predict(key: Array, state: HaltingState, support: PyTree, x: PyTree) -> PyTree:
    return algorithm.predict(key, state.replicas, support, x)

  return Algorithm(init, update, predict)


def begun(replicas: PyTree) -> HaltingState:
  """States of replicas, leaves (replicas, ...), before their first update."""
  count = jax.tree.leaves(replicas)[0].shape[0]
  return HaltingState(replicas, jnp.zeros(count, jnp.int32), jnp.zeros(count, bool))


def _along(flags: Array, leaf: Array) -> Array:
  return jnp.reshape(flags, (-1, *(1,) * (leaf.ndim - 1)))


def _finite(tree: PyTree) -> Array:
  """(replicas,): whether every number of a replica is finite."""
  each = [
    jnp.isfinite(leaf).reshape(leaf.shape[0], -1).all(axis=1)
    for leaf in jax.tree.leaves(tree)
    if jnp.issubdtype(leaf.dtype, jnp.inexact)
  ]
  return jnp.stack(each).all(axis=0)
