"""A meta-update by two ways over the tasks, in a process of its own with eight devices and float64.

python sharded_worker.py: prints, as JSON, for each algorithm "apart", the largest difference between what the
parameters lose and the loss in a loop over single tasks and on eight devices, as a share of the largest number there,
and "reduced", whether the program on eight devices adds up across them; "shards", what a device has of arrays on a
mesh of three axes, and "tools" as `tools_apart` has it.
"""

import json
from collections.abc import Callable
from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import AxisType
from test_algorithms import ALGORITHMS, CLASSES, KEY, SEEDS, WIDTH, params

from mtl_jax import layout
from mtl_jax.tasks.processes import wafer
from mtl_jax.tuning import tools
from mtl_jax.tuning.plant_controls import ewma_errors
from mtl_jax.types import Algorithm, Array, Batch, Episode, PyTree

NAMES = tuple(name for name in ALGORITHMS if name != "reptile, serial")  # which has the order of its tasks matter
MESH = jax.make_mesh((8,), ("tasks",), axis_types=(AxisType.Auto,)) if jax.device_count() == 8 else None
DEVICES, TASKS, CHUNK, SUPPORT, QUERY, RUNS = 8, 19, 2, 6, 5, 4


def ragged(key: Array) -> Episode:
  """A task with 1 to SUPPORT labelled examples and 1 to QUERY questions."""

  def batch(key: Array, size: int) -> Batch:
    x_key, y_key, count_key = jax.random.split(key, 3)
    kept = jnp.arange(size) < jax.random.randint(count_key, (), 1, size + 1)
    return Batch(jax.random.normal(x_key, (size, WIDTH)), jax.random.randint(y_key, (size,), 0, CLASSES), kept)

  support_key, query_key = jax.random.split(key)
  return Episode(batch(support_key, SUPPORT), batch(query_key, QUERY), jnp.zeros(()))


@cache
def given() -> tuple[PyTree, Episode]:
  """The first parameters and all tasks, on the host: to slice them there compiles nothing."""
  made = jax.jit(lambda key: (params(key), jax.vmap(ragged)(jax.random.split(key, TASKS))))(KEY)
  return jax.tree.map(np.asarray, made)


def rematerialised(factory: Callable[..., Algorithm]) -> Callable[..., Algorithm]:
  """The same with a network that is computed again on the way back."""
  if not isinstance(factory, partial):
    return factory
  again = {name: jax.checkpoint(f) for name, f in factory.keywords.items() if name in ("apply", "loss")}
  return partial(factory.func, *map(jax.checkpoint, factory.args), **factory.keywords | again)


def found(name: str) -> dict[str, float | bool]:
  """Two seeds share the tasks out: one is left over, and a loop takes a task of each."""
  factory, (first, data) = ALGORITHMS[name], given()
  seeds = SEEDS if "replicated" in name else 1
  each = TASKS // seeds
  data = jax.tree.map(lambda leaf: leaf[: seeds * each], data)
  if seeds > 1:
    first = jax.tree.map(lambda leaf: np.stack([leaf] * seeds), first)
  state = factory(outer=optax.sgd(1.0)).init(first)

  def compiled(algorithm: Algorithm, data: Episode):
    def step(data: Episode) -> tuple[PyTree, Array]:
      after, metrics = algorithm.update(KEY, state, data)
      return jax.tree.map(jnp.subtract, after, state), metrics["loss"]

    return jax.jit(step).lower(data).compile()

  tasks = [jax.tree.map(lambda leaf, i=i: leaf[i::each], data) for i in range(each)]
  alone = compiled(factory(outer=optax.sgd(1.0)), tasks[0])
  loop = jax.tree.map(lambda *values: np.mean(values, axis=0), *map(alone, tasks))
  with jax.set_mesh(MESH):
    shared = compiled(rematerialised(factory)(outer=optax.sgd(1.0), chunk=CHUNK), data)
    together = shared(data)
  loop, together = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(way)]) for way in (loop, together))
  largest = np.abs(loop[:-seeds]).max()
  assert largest > 1e-2  # a gradient of zero would agree with anything
  return {"apart": float(np.abs(together - loop).max() / largest), "reduced": "all-reduce" in shared.as_text()}


def shards() -> dict[str, list[int]]:
  """What one of eight devices has of a state and of tasks on a mesh of three axes."""
  mesh = jax.make_mesh((2, 2, 2), ("tasks", "data", "model"), axis_types=(AxisType.Auto,) * 3)
  kernels = {"dense_0": jnp.zeros((16, 16)), "dense_1": jnp.zeros((16, 16)), "wide": jnp.zeros((4, 10))}
  others = {"narrow": jnp.zeros((10, 4)), "odd": jnp.zeros((3, 5)), "bias": jnp.zeros(16), "key": KEY}
  with jax.set_mesh(mesh):
    state = layout.placed(kernels | others, mesh)
    tasks = jax.jit(layout.by_examples)({"x": jnp.zeros((4, 6, 3)), "five": jnp.zeros((4, 5)), "task": jnp.zeros(4)})
  return {name: leaf.sharding.shard_shape(leaf.shape) for name, leaf in (state | tasks).items()}


def tools_apart() -> dict[str, list[int] | float]:
  """Runs on wafer tools: "shard", what a device has of them, and "apart", the largest difference to one device's."""

  def controller(key: Array, tool: wafer.Task) -> tools.Runs:
    made = ewma_errors(key, tool, jnp.asarray(0.5), RUNS)
    return tools.Runs(made, made)

  keys = jax.random.split(KEY, 2 * DEVICES)
  drawn = jax.vmap(wafer.sample_task)(keys)
  alone = tools.control(controller, keys, drawn).made
  with jax.set_mesh(MESH):
    shared = tools.control(controller, keys, drawn).made
  return {"shard": list(shared.sharding.shard_shape(shared.shape)), "apart": float(np.abs(shared / alone - 1.0).max())}


if __name__ == "__main__":
  assert len(jax.devices()) == DEVICES and jnp.zeros(()).dtype == jnp.float64
  print(json.dumps({name: found(name) for name in NAMES} | {"shards": shards(), "tools": tools_apart()}))
