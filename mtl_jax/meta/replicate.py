"""Several seeds of one algorithm as one algorithm."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtl_jax.types import Algorithm, Array, Batch, Episode, Metrics, PyTree


def replicate(algorithm: Algorithm, seeds: int) -> Algorithm:
  """An algorithm whose state holds `seeds` independent states on a leading axis.

  - init takes parameters with a leading axis of `seeds`: jax.vmap(model.init, (0, None)).
  - update shares the tasks out: of tasks_per_step tasks each seed gets its own
    tasks_per_step / seeds (which must divide). Metrics get a leading axis of `seeds`.
  - predict returns one prediction per seed, (seeds, n, ...).

  Seeds run in one program: side by side, with the memory of all, but on a CPU one after the other, which is as fast
  there and needs the memory of one.
  """

  def each(f: Callable[[PyTree], PyTree], inputs: PyTree) -> PyTree:
    return jax.lax.map(f, inputs) if jax.default_backend() == "cpu" else jax.vmap(f)(inputs)

  def init(params: PyTree) -> PyTree:
    return jax.vmap(algorithm.init)(params)

  def update(key: Array, state: PyTree, data: Episode) -> tuple[PyTree, Metrics]:
    tasks = jax.tree.leaves(data)[0].shape[0]
    if tasks % seeds:
      raise ValueError(f"{tasks} tasks per step cannot be shared out evenly to {seeds} seeds")
    shared = jax.tree.map(lambda leaf: jnp.reshape(leaf, (seeds, tasks // seeds, *leaf.shape[1:])), data)
    return each(lambda a: algorithm.update(a[0], a[1], a[2]), (jax.random.split(key, seeds), state, shared))

  def predict(key: Array, state: PyTree, support: Batch, x: PyTree) -> Array:
    return each(lambda a: algorithm.predict(a[0], a[1], support, x), (jax.random.split(key, seeds), state))

  return Algorithm(init, update, predict)
