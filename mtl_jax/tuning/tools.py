"""The controllers of wafer tools that `scripts/run_to_run.py` compares."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.meta.task_map import one_by_one
from mtl_jax.tasks.processes import wafer
from mtl_jax.tuning.acquisition import expected_improvement, nearest
from mtl_jax.tuning.campaign import campaign, candidates
from mtl_jax.tuning.family import Family, family_surrogate, likeliest_degree
from mtl_jax.tuning.gp import Surrogate, gp_surrogate
from mtl_jax.tuning.plant_controls import ewma_errors, run_to_run
from mtl_jax.tuning.scale import Scale, scale_of, standardise
from mtl_jax.types import Array, Batch

WEIGHTS = np.linspace(0.05, 1.0, 20).astype(np.float32)  # of EWMA
DEGREES = 1, 2, 6  # of a tool's error in its setting


class Runs(NamedTuple):
  """Squared errors, nm^2; n-th of n = 0, 1, ... : after n runs.

  Attributes:
    made: (runs,) of the next run
    advised: (runs,) of the next run, were it at the set-point that is believed to be best: the same, except of a method
      that explores
  """

  made: Array
  advised: Array


Controller = Callable[[Array, wafer.Task], Runs]
"""controller(key of the shocks, one tool) -> Runs"""


def tool_logs(key: Array, tools: int, runs: int) -> Batch:
  """Of other tools at random settings: x (tools, runs, 1) in the unit box, y (tools, runs, 1) errors in nm."""

  def of(key: Array) -> tuple[Array, Array]:
    task_key, run_key, place_key = jax.random.split(key, 3)
    responses = run_to_run(run_key, wafer.sample_task(task_key), runs)
    z = jax.random.uniform(place_key, (runs, 1))
    return z, jax.vmap(responses)(z, jnp.arange(runs))

  x, y = jax.vmap(of)(jax.random.split(key, tools))
  return Batch(x, y, jnp.ones(y.shape, bool))


@partial(jax.jit, static_argnames="controller")
def control(controller: Controller, keys: Array, tools: wafer.Task) -> Runs:
  """Tools one after another: keys (tools,), leaves of the result (tools, runs)."""
  return one_by_one(lambda of: controller(*of), (keys, tools))


def best_weight(key: Array, tools: wafer.Task, runs: int) -> float:
  """The one of `WEIGHTS` with the least mean squared error over these tools."""
  keys = jax.random.split(key, len(tools.gain))
  of = jax.vmap(partial(ewma_errors, runs=runs), (0, 0, None))
  return float(WEIGHTS[np.argmin([jnp.mean(jnp.square(of(keys, tools, weight))) for weight in jnp.asarray(WEIGHTS)])])


def _error_scale(logs: Batch) -> Scale:
  """Without a power: errors are lines in the setting, and are to stay lines."""
  one = jnp.ones(1)
  return Scale(jnp.mean(logs.y, (0, 1)), jnp.std(logs.y, (0, 1)), one, 0 * one, one)


def tool_family(logs: Batch) -> tuple[Family, int]:
  """Of the error of tools, from `tool_logs`, and the degree of its polynomial, which is chosen on them."""
  shaped = standardise(_error_scale(logs), logs.y)[..., 0]
  return likeliest_degree(Batch(logs.x, shaped, logs.mask[..., 0]), DEGREES)


def controllers(
  key: Array, logs: Batch, family: Family, weight: float, *, runs: int, compared: int, places: int
) -> dict[str, Controller]:
  """By name; what they are is in `scripts/run_to_run.py`.

  Args:
    logs: as `tool_logs` has them, for scales.
    family: of `tool_family`; weight: of EWMA.
    runs: of each tool; the single-tool processes, which cost much, make `compared`.
    places: set-points to choose from.
  """
  z, line, single = candidates(wafer.plant, places), _error_scale(logs), gp_surrogate(key, 1)
  worth = scale_of(-np.square(np.asarray(logs.y)).reshape(-1, 1))
  still = jnp.zeros(1)  # a run's disturbance is in its response

  def least_error(surrogate: Surrogate, trials: int, repeats: bool) -> Controller:
    aim = nearest(standardise(line, jnp.zeros(1))[0])

    def controller(key: Array, task: wafer.Task) -> Runs:
      how = {"trials": trials, "noise": still, "repeats": repeats}
      made = campaign(key, run_to_run(key, task, trials), (surrogate,), aim, line, z, **how)
      squares = jnp.square(made.gave[:, 0])
      return Runs(squares, squares)

    return controller

  def improving(key: Array, task: wafer.Task) -> Runs:
    errors = run_to_run(key, task, compared)
    responses = lambda z, made: -jnp.square(errors(z, made))  # noqa: E731
    how = {"trials": compared, "noise": still, "opening": 1, "advise_tried": True}
    made = campaign(key, responses, (single,), expected_improvement, worth, z, **how)
    return Runs(-made.gave[:, 0], -made.would_give[:-1, 0])

  def ewma(weight_of: Callable[[wafer.Task], Array]) -> Controller:
    def controller(key: Array, task: wafer.Task) -> Runs:
      squares = jnp.square(ewma_errors(key, task, weight_of(task), runs))
      return Runs(squares, squares)

    return controller

  def perfect(key: Array, task: wafer.Task) -> Runs:
    del key
    squares = jnp.full(runs, jnp.square(task.noise))
    return Runs(squares, squares)

  def own(task: wafer.Task) -> Array:
    weights = jnp.asarray(WEIGHTS)
    return weights[jnp.argmin(jax.vmap(wafer.asymptotic_variance, (0, None))(weights, task))]

  return {
    "family": least_error(family_surrogate(family), runs, repeats=True),
    "EWMA": ewma(lambda task: jnp.asarray(weight, jnp.float32)),
    "EWMA, its own": ewma(own),
    "GP": least_error(single, compared, repeats=False),  # with repeats it stays where it happens to be
    "GP, EI": improving,
    "perfect": perfect,
  }
