"""A training process for the tests to kill: linear regression tasks, Adam, a running key in the state.

python resume_worker.py FOLDER STEPS {new,resume}: trains with fit, writes final.npz and history.npz there.
python resume_worker.py FOLDER save: saves states full of their own step number until killed.
"""

import sys
import time
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial

from mtl_jax.checkpoint import Checkpoints
from mtl_jax.fit import Interrupted, fit
from mtl_jax.recorder import Recorder
from mtl_jax.types import Algorithm, Batch, Episode, TaskFamily

CENTRE = (1.0, -2.0, 0.5)


class State(NamedTuple):
  params: Any
  optimiser: optax.OptState
  key: jax.Array  # () typed: what a state may hold beside numbers


def _loss(params, task: Episode):
  """A MAML step of one inner gradient on the support set, then the query's squared error."""

  def squared(params, batch):
    return jnp.mean(jnp.square(batch.x @ params["w"] + params["b"] - batch.y))

  fast = jax.tree.map(lambda p, g: p - 0.1 * g, params, jax.grad(squared)(params, task.support))
  return squared(fast, task.query)


def regression(learning_rate: float = 1e-2, loss=_loss) -> Algorithm:
  outer = optax.adam(learning_rate)

  def init(params):
    return State(params, outer.init(params), jax.random.key(7))

  def update(key, state, data):
    def mean_loss(params):
      return jnp.mean(jax.vmap(loss, (None, 0))(params, data))

    value, gradient = jax.value_and_grad(mean_loss)(state.params)
    noise = 1e-3 * jax.random.normal(key, state.params["w"].shape)
    with jax.numpy_dtype_promotion("standard"):  # Optax's Adam computes float ** int32
      steps, optimiser = outer.update(gradient, state.optimiser, state.params)
    params: Any = optax.apply_updates(state.params, steps)
    params = {"w": params["w"] + noise, "b": params["b"]}
    return State(params, optimiser, jax.random.fold_in(state.key, 1)), {"loss": value, "w": params["w"]}

  return Algorithm(init, update, lambda key, state, support, x: x @ state.params["w"])


def _sample(centre, key):
  slope_key, x_key = jax.random.split(key)
  slope = centre + jax.random.normal(slope_key, centre.shape)
  x = jax.random.normal(x_key, (2, 5, *centre.shape))
  y = x @ slope
  full = jnp.ones(5, bool)
  return Episode(Batch(x[0], y[0], full), Batch(x[1], y[1], full), slope)


def lines() -> TaskFamily:
  return TaskFamily(Partial(_sample, jnp.array(CENTRE)))


def first_params():
  return {"w": jnp.zeros(3), "b": jnp.zeros(())}


def _slow_validation(state):
  time.sleep(0.03)  # leaves the test time to find the process in the middle
  return {"score": -float(jnp.square(state.params["w"] - jnp.array(CENTRE)).sum())}


def train(folder: Path, steps: int, resume: bool) -> None:
  algorithm = regression()
  run = partial(fit, jax.random.key(0), algorithm, algorithm.init(first_params()), lines())
  try:
    state, history = run(
      steps=steps,
      tasks_per_step=4,
      chunk_steps=20,
      checkpoints=Checkpoints(folder / "checkpoints"),
      recorder=Recorder(folder / "metrics.jsonl"),
      validate=_slow_validation,
      resume=resume,
    )
  except Interrupted as stop:
    sys.exit(f"clean exit: {stop}")
  state = state._replace(key=jax.random.key_data(state.key))
  paths = jax.tree_util.tree_leaves_with_path(state)
  leaves: dict[str, Any] = {jax.tree_util.keystr(path): leaf for path, leaf in paths}
  np.savez(folder / "final.npz", **leaves)
  columns: dict[str, Any] = dict(history)
  np.savez(folder / "history.npz", **columns)


def numbered(step: int):
  return {f"layer{i}": np.full((64, 1024), step, np.float32) for i in range(8)}


def save_until_killed(folder: Path) -> None:
  checkpoints = Checkpoints(folder, keep=2)
  step = checkpoints.latest(numbered(0))[0] if checkpoints.steps() else 0
  while True:
    step += 1
    checkpoints.save(step, numbered(step), score=-float(step))


if __name__ == "__main__":
  jax.config.update("jax_numpy_dtype_promotion", "strict")
  jax.config.update("jax_numpy_rank_promotion", "raise")
  if sys.argv[2] == "save":
    save_until_killed(Path(sys.argv[1]))
  else:
    train(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "resume")
