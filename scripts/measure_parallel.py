"""What a step needs of each device and of the network between them, from one device to 1,024, and how time scales.

python scripts/measure_parallel.py                       # compiles only; a minute
python scripts/measure_parallel.py --time 1 2            # and takes the time of so many devices, made of CPU cores

Numbers are of the compiled program, of one device: what comes in, what it holds in passing, and the results of all
exchanges (all-reduce, all-gather, reduce-scatter, all-to-all, permute). MAML has 1,024 tasks for each device (64
numbers, MLP 64-128-128-8, 25 support and 75 query, 5 steps of second order) on the axis tasks: a million on 1,024. The
trunk has 8 tasks on 4,096 rows of 512 numbers for each part of the axis data, four layers of 2,048 and Adam, its
matrices split over up to 8 devices of the axis model. CPU devices are made for it; nothing of that size is run.

Compiled 2026-11-27, JAX 0.10.2, MB of one device and step:

  devices    MAML: in   passing   exchanged    trunk: in   passing   exchanged
        1        27.0       8.3         0.0        172.4     327.5         0.0
        8        27.0       8.3         0.1         29.1     199.3       201.6
       64        27.0       8.3         0.1         29.1     203.4       242.0
    1,024        27.0       8.3         0.1         29.1     195.0       208.5

Time, `--time 1 2` on two quiet CPU cores with 128 tasks for each: 121 ms on one device and 121 ms on two.

So the memory of a device is flat in the number of tasks and rows, and what MAML exchanges is its gradient, once, also
for a million tasks. The trunk exchanges activations, 34 MB for each layer that is split by rows and for its gradient:
splitting a model pays where its parameters do not fit one device, and seldom before.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from rich.progress import track
from rich.table import Table

from mtl_jax import joint, layout, losses, maml, models
from mtl_jax.config import ConfigError
from mtl_jax.job import console, exit_with_message
from mtl_jax.types import Algorithm, Batch, Episode, PyTree

TASKS, ROWS, WIDTH, MOST_SPLIT = 1024, 4096, 2048, 8
EXCHANGES = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
SIZES = {"f32": 4, "s32": 4, "u32": 4, "pred": 1, "bf16": 2}


@dataclass(frozen=True)
class Command:
  """What a step needs of each device and of the network between them."""

  devices: tuple[int, ...] = (1, 8, 64, 1024)
  time: tuple[int, ...] = ()
  """take the time of these numbers of devices; the tasks of each stay 128"""
  worker: bool = False
  """print one row as JSON, of the devices that there are"""


def exchanged(program: str) -> int:
  """Bytes that the exchanges of a compiled program give one device, loops counted once."""
  found = 0
  for line in re.findall(rf"= (.*?) (?:{EXCHANGES})(?:-start)?\(", program):
    for kind, shape in re.findall(r"(\w+)\[([\d,]*)\]", line):
      found += SIZES[kind] * int(np.prod([int(n) for n in shape.split(",") if n]))
  return found


def few_shot(tasks: int) -> tuple[Algorithm, Callable[[], PyTree], Episode]:
  net = models.MLP((128, 128, 8))

  def apply(params: PyTree, x: PyTree) -> jax.Array:
    return jnp.asarray(net.apply(params, x))

  algorithm = maml(apply, losses.cross_entropy, inner=optax.sgd(0.1), inner_steps=5, outer=optax.adam(1e-3))

  def side(count: int) -> Batch:
    x = jax.ShapeDtypeStruct((tasks, count, 64), jnp.float32)
    return Batch(x, jax.ShapeDtypeStruct((tasks, count), jnp.int32), jax.ShapeDtypeStruct((tasks, count), bool))

  data = Episode(side(25), side(75), jax.ShapeDtypeStruct((tasks,), jnp.int32))
  return algorithm, lambda: algorithm.init(net.init(jax.random.key(0), jnp.zeros((1, 64)))), data


def trunk(rows: int) -> tuple[Algorithm, Callable[[], PyTree], dict[str, Batch]]:
  net = models.MLP((WIDTH,) * 4 + (8,))
  names = [f"task_{i}" for i in range(8)]

  def apply(params: PyTree, x: dict[str, Any]) -> dict[str, Any]:
    found = jnp.asarray(net.apply(params, x["rows"]))
    return {name: found[:, i : i + 1] for i, name in enumerate(names)}

  algorithm = joint(apply, dict.fromkeys(names, losses.squared_error), outer=optax.adam(1e-3))
  y = dict.fromkeys(names, jax.ShapeDtypeStruct((1, rows, 1), jnp.float32))
  mask = dict.fromkeys(names, jax.ShapeDtypeStruct((1, rows), bool))
  data = {"rows": Batch(jax.ShapeDtypeStruct((1, rows, 512), jnp.float32), y, mask)}
  return algorithm, lambda: algorithm.init(net.init(jax.random.key(0), jnp.zeros((1, 512)))), data


def compiled(mesh: Mesh, algorithm: Algorithm, first: Callable[[], PyTree], data: PyTree, spec: PartitionSpec) -> Any:
  """The step of an algorithm on the mesh, from shapes alone."""

  def place(leaf: jax.ShapeDtypeStruct, spec: PartitionSpec) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=NamedSharding(mesh, spec))

  shapes = jax.eval_shape(first)
  specs = layout.split(shapes, layout.size(mesh, layout.MODEL))
  state = jax.tree.map(place, shapes, specs)
  key = jax.eval_shape(lambda: jax.random.key(0))

  def step(key: jax.Array, state: PyTree, data: PyTree) -> tuple[PyTree, PyTree]:
    state, metrics = algorithm.update(key, state, layout.by_examples(data))
    return jax.tree.map(jax.lax.with_sharding_constraint, state, specs), metrics

  with jax.set_mesh(mesh):
    return (
      jax.jit(step, donate_argnums=1).lower(key, state, jax.tree.map(lambda leaf: place(leaf, spec), data)).compile()
    )


def row() -> dict[str, float]:
  """Of the devices of this process."""
  count, found = jax.device_count(), {}
  split = min(count, MOST_SPLIT)
  jobs = {
    "MAML": ({"tasks": count}, few_shot(TASKS * count), PartitionSpec("tasks")),
    "trunk": ({"data": count // split, "model": split}, trunk(ROWS * count // split), PartitionSpec(None, "data")),
  }
  for name, (axes, (algorithm, first, data), spec) in jobs.items():
    mesh = jax.make_mesh(tuple(axes.values()), tuple(axes), axis_types=(AxisType.Auto,) * len(axes))
    program = compiled(mesh, algorithm, first, data, spec)
    memory = program.memory_analysis()
    found |= {
      f"{name}, in": memory.argument_size_in_bytes,
      f"{name}, passing": memory.temp_size_in_bytes,
      f"{name}, exchanged": exchanged(program.as_text()),
    }
  return found


def timed(tasks: int, rounds: int = 20) -> float:
  """Median milliseconds of MAML with so many tasks for each device."""
  count = jax.device_count()
  algorithm, first, shapes = few_shot(tasks * count)
  mesh = jax.make_mesh((count,), ("tasks",), axis_types=(AxisType.Auto,))

  def fill(leaf: jax.ShapeDtypeStruct) -> Any:
    draw = np.random.default_rng(0)
    value = draw.normal(size=leaf.shape) if leaf.dtype == jnp.float32 else draw.integers(0, 2, leaf.shape)
    return jax.device_put(value.astype(leaf.dtype), NamedSharding(mesh, PartitionSpec("tasks")))

  with jax.set_mesh(mesh):
    state, data, update = layout.placed(first(), mesh), jax.tree.map(fill, shapes), jax.jit(algorithm.update)
    took = []
    for i in range(rounds):
      began = time.perf_counter()
      jax.block_until_ready(update(jax.random.key(i), state, data))
      took.append(time.perf_counter() - began)
  return 1e3 * float(np.median(took[2:]))


def of(devices: int, *flags: str) -> dict[str, float]:
  """What a process with so many CPU devices prints."""
  environment = os.environ | {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": str(devices)}
  command = [sys.executable, __file__, "--worker", *flags]
  ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
  if ended.returncode:
    raise RuntimeError(f"{devices} devices: {ended.stderr[-2000:]}")
  return json.loads(ended.stdout.splitlines()[-1])


def main(argv: list[str]) -> None:
  command = tyro.cli(Command, args=argv, description=__doc__)
  if command.worker:
    print(json.dumps({"ms": timed(128)} if command.time else row()))
    return
  for count in (*command.devices, *command.time):
    if count < 1 or (count > MOST_SPLIT and count % MOST_SPLIT):
      raise ConfigError(f"--devices {count}: 1 or more, and beyond {MOST_SPLIT} a multiple of it")
  rows = {count: of(count) for count in track(command.devices, "compiling", console=console)}
  table = Table("devices", *next(iter(rows.values())), title="MB of one device and step")
  for count, found in rows.items():
    table.add_row(f"{count:,}", *(f"{value / 1e6:,.1f}" for value in found.values()))
  console.print(table)
  for count in command.time:
    ms = of(count, "--time", str(count))["ms"]
    console.print(f"{count} devices, {128 * count} tasks: {ms:.0f} ms, {128 * count / ms:.1f} tasks/ms")


if __name__ == "__main__":
  exit_with_message(main, sys.argv[1:])
