"""One meta-gradient by several ways over the tasks, in a process of its own with eight devices and float64.

python sharded_worker.py: prints, as JSON, algorithm -> way -> the largest difference to a loop over single tasks, as a
share of the largest number there, and "reduced", whether the program on eight devices adds up across them; for others
"uneven", that between one device and eight when they cannot share the tasks evenly; and "shards", what a device has of
arrays on a mesh of three axes.
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
from mtl_jax.types import Algorithm, Array, Batch, Episode, PyTree

NAMES = ("imaml", "cavia", "lora", "anp", "in context")
SHARED = ("maml++", "r2d2", "finetune", "reptile, replicated")
MESH = jax.make_mesh((8,), ("tasks",), axis_types=(AxisType.Auto,)) if jax.device_count() == 8 else None
DEVICES, TASKS, SUPPORT, QUERY = 8, 16, 6, 5


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


def rematerialised(factory: partial) -> Callable[..., Algorithm]:
  """The same with a network that is computed again on the way back."""
  again = {name: jax.checkpoint(f) for name, f in factory.keywords.items() if name in ("apply", "loss")}
  return partial(factory.func, *map(jax.checkpoint, factory.args), **factory.keywords | again)


def compiled(factory: Callable[..., Algorithm], state: PyTree, data: Episode, **options: int):
  """A program of data: minus the meta-gradient, and the loss."""
  algorithm = factory(outer=optax.sgd(1.0), **options)

  def step(data: Episode) -> tuple[PyTree, Array]:
    after, metrics = algorithm.update(KEY, state, data)
    return jax.tree.map(jnp.subtract, after.params, state.params), metrics["loss"]

  return jax.jit(step).lower(data).compile()


def found(name: str) -> dict[str, float | bool]:
  factory, (first, data) = ALGORITHMS[name], given()
  assert isinstance(factory, partial)
  state = factory(outer=optax.sgd(1.0)).init(first)
  each = [jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], data) for i in range(TASKS)]
  alone = compiled(factory, state, each[0])
  with jax.set_mesh(MESH):
    shared = compiled(factory, state, data, chunk=1)
    together = shared(data)
  ways = {
    "loop": jax.tree.map(lambda *values: np.mean(values, axis=0), *map(alone, each)),
    "chunked and rematerialised": compiled(rematerialised(factory), state, data, chunk=3)(data),
    "on a mesh": together,
  }
  loop, *others = (np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(way)]) for way in ways.values())
  largest = np.abs(loop[:-1]).max()
  assert largest > 1e-2  # a gradient of zero would agree with anything
  apart = [float(np.abs(other - loop).max() / largest) for other in others]
  return dict(zip([*ways][1:], apart, strict=True)) | {"reduced": "all-reduce" in shared.as_text()}


def uneven(name: str) -> dict[str, float]:
  """A whole step of an algorithm with thirteen tasks; two seeds of it take six each."""
  seeds = SEEDS if "replicated" in name else None
  first, data = jax.tree.map(lambda leaf: leaf.astype(np.float32) if leaf.dtype == float else leaf, given())
  tasks = 13 if seeds is None else 12
  data = jax.tree.map(lambda leaf: leaf[:tasks], data)
  algorithm = ALGORITHMS[name](outer=optax.sgd(1.0), chunk=1)
  if seeds is not None:
    first = jax.tree.map(lambda leaf: np.stack([leaf] * seeds), first)
  update = jax.jit(lambda data: algorithm.update(KEY, algorithm.init(first), data))
  one = update(data)
  with jax.set_mesh(MESH):
    several = jax.jit(lambda data: algorithm.update(KEY, algorithm.init(first), data))(data)
  apart = jax.tree.map(lambda a, b: np.abs(a - np.asarray(b)).max() / (np.abs(a).max() + 1e-9), one, several)
  return {"uneven": float(max(jax.tree.leaves(apart)))}


def shards() -> dict[str, list[int]]:
  """What one of eight devices has of a state and of tasks on a mesh of three axes."""
  mesh = jax.make_mesh((2, 2, 2), ("tasks", "data", "model"), axis_types=(AxisType.Auto,) * 3)
  kernels = {"dense_0": jnp.zeros((16, 16)), "dense_1": jnp.zeros((16, 16)), "wide": jnp.zeros((4, 10))}
  others = {"narrow": jnp.zeros((10, 4)), "odd": jnp.zeros((3, 5)), "bias": jnp.zeros(16), "key": KEY}
  with jax.set_mesh(mesh):
    state = layout.placed(kernels | others, mesh)
    tasks = jax.jit(layout.by_examples)({"x": jnp.zeros((4, 6, 3)), "five": jnp.zeros((4, 5)), "task": jnp.zeros(4)})
  return {name: leaf.sharding.shard_shape(leaf.shape) for name, leaf in (state | tasks).items()}


if __name__ == "__main__":
  assert len(jax.devices()) == DEVICES and jnp.zeros(()).dtype == jnp.float64
  single = {name: found(name) for name in NAMES}
  with jax.enable_x64(False):
    several = {name: uneven(name) for name in SHARED}
  print(json.dumps(single | several | {"shards": shards()}))
