"""Training on the devices that the arguments name, in one process of perhaps several.

python distributed_worker.py FOLDER [FLAGS OF THE SCRIPTS]: trains a multi-task model and prototypes, and writes
found.npz; then MAML, slowly and with checkpoints, so that a test can end it in the middle.
"""

import sys
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import tyro
from jax.tree_util import Partial

from mtl_jax import evaluate, fit, job, joint, layout, multitask
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.config import Devices
from mtl_jax.losses import cross_entropy
from mtl_jax.recorder import Recorder
from mtl_jax.types import Algorithm, Batch, TaskFamily

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


def two_jobs() -> dict[str, np.ndarray]:
  """What joint training and prototypes end with, and the scores of the latter."""
  from sharded_worker import ragged  # not above: importing them makes keys, before there is a mesh
  from test_algorithms import ALGORITHMS, KEY, params

  algorithm, first = multi_task()
  found: Any = fit(KEY, algorithm, first, TaskFamily(rows), steps=2, tasks_per_step=8, chunk_steps=2)
  algorithm = ALGORITHMS["protonet"](outer=OUTER, chunk=1)
  family = TaskFamily(Partial(ragged))
  state, history = fit(
    KEY, algorithm, algorithm.init(params(KEY)), family, steps=4, tasks_per_step=TASKS, chunk_steps=2
  )
  scores = evaluate(KEY, algorithm, state, family, episodes=13)
  every = layout.whole((found, state, history, scores))
  return {str(i): np.asarray(leaf) for i, leaf in enumerate(jax.tree.leaves(every))}


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
    found = two_jobs() | {"devices": np.asarray(jax.device_count())}
    found |= {"compiled": np.asarray(sys.modules["mtl_jax.fit"]._chunk._cache_size())}
    if job.first():
      np.savez(folder / "found.npz", **found)
    maml_job(folder / "maml", pause=0.5)


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
