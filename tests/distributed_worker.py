"""Training on the devices that the arguments name, in one process of perhaps several.

python distributed_worker.py FOLDER [FLAGS OF THE SCRIPTS]: trains a multi-task model and prototypes, and writes
found.npz; where the mesh has an axis model, saves, restores and reads what is split over two processes; then trains
MAML, slowly and with checkpoints, so that a test can end it in the middle.
"""

import importlib.util
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import jax
import numpy as np
import optax
import tyro
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jax.tree_util import Partial

from mtl_jax import evaluate, fit, job, joint, layout, multitask
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.config import Devices
from mtl_jax.losses import cross_entropy
from mtl_jax.recorder import Recorder
from mtl_jax.tasks.stream import batches, streamed
from mtl_jax.types import Algorithm, Batch, Episode, TaskFamily

STEPS, CHUNK, TASKS, OUTER = 15, 3, 12, optax.adam(0.01)


def rows(key: jax.Array) -> dict[str, Batch]:
  """Examples that two tasks share."""
  x_key, y_key = jax.random.split(key)
  y = jax.random.randint(y_key, (2, 6), 0, 3)
  return {"rows": Batch(jax.random.normal(x_key, (6, 3)), {"a": y[0], "b": y[1]}, dict.fromkeys("ab", y[0] >= 0))}


def multi_task() -> tuple[Algorithm, Any]:
  from test_algorithms import KEY, apply, params

  def both(params, x):
    return {task: apply({"body": params["body"], "head": params["head"][task]}, x["rows"]) for task in "ab"}

  first = params(KEY)
  algorithm = joint(both, dict.fromkeys("ab", cross_entropy), outer=OUTER, aggregator=multitask.pcgrad())
  return algorithm, algorithm.init(first | {"head": {"a": first["head"], "b": -first["head"]}})


def two_jobs(folder: Path) -> dict[str, np.ndarray]:
  """What joint training and prototypes end with, and the scores of the latter, which are resumed on the way."""
  from sharded_worker import ragged  # not above: importing them makes keys, before there is a mesh
  from test_algorithms import ALGORITHMS, KEY, params

  algorithm, first = multi_task()
  found: Any = fit(KEY, algorithm, first, TaskFamily(rows), steps=2, tasks_per_step=8, chunk_steps=2)
  algorithm = ALGORITHMS["protonet"](outer=OUTER, chunk=1)
  family = TaskFamily(Partial(ragged))
  for steps in (4, 6):
    state, history = fit(
      KEY, algorithm, algorithm.init(params(KEY)), family, steps=steps, tasks_per_step=TASKS, chunk_steps=2,
      checkpoints=Checkpoints(folder), resume=True,
    )  # fmt: skip
  scores = evaluate(KEY, algorithm, state, family, episodes=13)
  return {str(i): whole(leaf) for i, leaf in enumerate(jax.tree.leaves((found, state, history, scores)))}


def whole(leaf: Any) -> np.ndarray:
  apart = isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
  return np.asarray(multihost_utils.process_allgather(leaf, tiled=True) if apart else leaf)


def wide(seed: int = 0) -> dict[str, Any]:
  """A matrix that cannot be compressed, keys, and what has no elements."""
  matrix = np.random.default_rng(seed).normal(size=(256, 512)).astype(np.float32)
  return {"dense_0": matrix, "keys": jax.random.split(jax.random.key(seed), 2), "none": np.zeros((0, 4), np.float32)}


def by_tasks() -> Mesh:
  """A mesh whose axis tasks lies over two processes."""
  return jax.make_mesh((2, 2, 2), ("tasks", "data", "model"), axis_types=(AxisType.Auto,) * 3)


def moved(folder: Path, mesh: Mesh) -> None:
  """Saves what is split over processes and restores it onto a mesh on which each of them has all, in two halves."""
  other = by_tasks()
  Checkpoints(folder).save(1, layout.placed(wide(), mesh))
  like, expected = layout.placed(wide(seed=1), other), wide()
  put = jax.device_put

  def part(x: Any, *args: Any, **options: Any) -> Any:
    assert np.size(x) < expected["dense_0"].size
    return put(x, *args, **options)

  with mock.patch.object(jax, "device_put", part):
    _, state = Checkpoints(folder).latest(like)
  for name, leaf in state.items():
    assert leaf.sharding == like[name].sharding, name
  assert {shard.data.shape for shard in state["dense_0"].addressable_shards} == {(256, 256)}
  for shard in state["dense_0"].addressable_shards:
    np.testing.assert_array_equal(shard.data, expected["dense_0"][shard.index])
  np.testing.assert_array_equal(jax.random.key_data(state["keys"]), jax.random.key_data(expected["keys"]))


def by_share() -> None:
  """Where the axis tasks lies over the processes each of them reads the rows of its own tasks and no others."""
  key = jax.random.key(0)  # not that of the other jobs, which lies on the mesh they began on
  read: set[int] = set()

  def rows(place: int, first: int, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    read.add(place)
    return np.full((count, 600), place, np.float32), np.zeros((count, 1), np.float32), np.ones(count, bool)

  def update(key: jax.Array, state: jax.Array, data: Episode) -> tuple[jax.Array, dict[str, jax.Array]]:
    return data.support.x.mean((1, 2)), {"loss": state.sum()}

  units = np.arange(500, dtype=np.int32)
  source: Any = SimpleNamespace(rows=rows, length=units * 0 + 9, unit=units, classes=False, width=600)
  family = streamed(source, shots=1, queries=1)
  sample_key, _ = jax.random.split(jax.random.fold_in(key, 0))
  drawn = np.asarray(jax.vmap(family.sample)(jax.random.split(sample_key, 4)).task)
  mine = set(drawn[:2] if job.first() else drawn[2:])
  mesh = by_tasks()
  with jax.set_mesh(mesh):
    read.clear()
    algorithm = Algorithm(lambda params: params, update, lambda *_: None)
    state, _ = fit(key, algorithm, jax.numpy.zeros(4), family, steps=1, tasks_per_step=4, chunk_steps=1)
    np.testing.assert_array_equal(whole(state), drawn)
    assert read == mine, (read, drawn)
    if importlib.util.find_spec("grain") is None:
      return
    read.clear()
    (batch,) = batches(key, family, steps=1, tasks_per_step=4)
    assert read == mine == set(batch.task), (read, batch.task, drawn)
    together = jax.make_array_from_process_local_data(NamedSharding(mesh, PartitionSpec("tasks")), batch.task)
    np.testing.assert_array_equal(whole(together), drawn)


def maml_job(folder: Path, pause: float = 0.0, resume: bool = False) -> Any:
  """The last state of MAML, whose checkpoints and rows are in the folder."""
  from sharded_worker import ragged
  from test_algorithms import ALGORITHMS, KEY, params

  def slow(state: Any) -> dict[str, float]:
    time.sleep(pause)
    return {"score": 0.0}

  algorithm, recorder = ALGORITHMS["maml"](outer=OUTER, chunk=1), Recorder(folder / "metrics.jsonl")
  return fit(
    KEY, algorithm, algorithm.init(params(KEY)), TaskFamily(Partial(ragged)), steps=STEPS, tasks_per_step=TASKS,
    chunk_steps=CHUNK, checkpoints=Checkpoints(folder, keep=9), recorder=recorder, validate=slow, resume=resume,
  )[0]  # fmt: skip


def main(argv: list[str]) -> None:
  folder = Path(argv[0])
  mesh = job.started(tyro.cli(Devices, args=argv[1:]))
  with job.on(mesh):
    found = two_jobs(folder / "prototypes") | {"devices": np.asarray(jax.device_count())}
    found |= {"compiled": np.asarray(sys.modules["mtl_jax.fit"]._chunk._cache_size())}
    if job.first():
      np.savez(folder / "found.npz", **found)
  if mesh is not None and "model" in mesh.shape:
    moved(folder / "wide", mesh)
    by_share()
  with job.on(mesh):
    maml_job(folder / "maml", pause=0.5)


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
