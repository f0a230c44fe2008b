"""Several seeds of one algorithm as one algorithm."""

import jax
import jax.numpy as jnp

from mtl_jax.types import Algorithm, Array, Batch, Episode, Metrics, PyTree


def replicate(algorithm: Algorithm, seeds: int) -> Algorithm:
  """An algorithm whose state holds `seeds` independent states on a leading axis.

  - init takes parameters with a leading axis of `seeds`: jax.vmap(model.init, (0, None)).
  - update shares the tasks out: of tasks_per_step tasks each seed gets its own
    tasks_per_step / seeds (which must divide). Metrics get a leading axis of `seeds`.
  - predict returns one prediction per seed, (seeds, n, ...).

  Seeds run one after the other inside one program, which on a CPU is as fast as side by
  side and needs the memory of one.
  """

  def init(params: PyTree) -> PyTree:
    return jax.vmap(algorithm.init)(params)

  def update(key: Array, state: PyTree, data: Episode) -> tuple[PyTree, Metrics]:
    tasks = jax.tree.leaves(data)[0].shape[0]
    if tasks % seeds:
      raise ValueError(f"{tasks} tasks per step cannot be shared out evenly to {seeds} seeds")
    shared = jax.tree.map(lambda leaf: jnp.reshape(leaf, (seeds, tasks // seeds, *leaf.shape[1:])), data)
    return jax.lax.map(lambda a: algorithm.update(a[0], a[1], a[2]), (jax.random.split(key, seeds), state, shared))

  def predict(key: Array, state: PyTree, support: Batch, x: PyTree) -> Array:
    return jax.lax.map(lambda a: algorithm.predict(a[0], a[1], support, x), (jax.random.split(key, seeds), state))

  return Algorithm(init, update, predict)
