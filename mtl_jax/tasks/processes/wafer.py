"""Run-to-run control of a wafer process that drifts, with the EWMA controller as the plant's baseline.

  y_t = alpha + beta u_{t-1} + delta t + N_t,   N_t = N_{t-1} + e_t - theta e_{t-1},   e_t ~ N(0, sigma^2)
  a_t = lambda (y_t - b u_{t-1}) + (1 - lambda) a_{t-1},   u_t = (target - a_t) / b

A. Ingolfsson, E. Sachs, "Stability and sensitivity of an EWMA controller", J. Quality Technology 25 (1993) 271-287.
With xi = beta / b and the error z_t = y_t - target, a_t = a_{t-1} + lambda z_t and therefore

  z_{t+1} = (1 - lambda xi) z_t + delta + e_{t+1} - theta e_t

stable exactly for 0 < lambda xi < 2, with the mean delta / (lambda xi) and the variance
sigma^2 (1 + theta^2 - 2 theta phi) / (1 - phi^2), phi = 1 - lambda xi; for white noise, theta = 1, 2 sigma^2 /
(2 - lambda xi).

Here a plant is a tool that polishes: u is a time in s, y a thickness in nm. Numbers are made up.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.tasks.processes.plant import Outcome, Plant, Setting
from mtl_jax.types import Array, Environment

TARGET = 500.0  # nm
ASSUMED = -10.0  # b, nm/s: what the recipe's author believes of every tool
RUNS = 100  # of an episode
_LIMIT = 30.0  # nm
_NOMINAL = (1100.0, ASSUMED, 0.0, 0.5, 4.0)


class Task(NamedTuple):
  """One tool; all ()."""

  intercept: Array  # alpha, nm
  gain: Array  # beta, nm/s
  drift: Array  # delta, nm a run
  smoothing: Array  # theta
  noise: Array  # sigma, nm


class State(NamedTuple):
  """A tool between two runs; all ()."""

  run: Array  # int, t
  disturbance: Array  # N_t
  shock: Array  # e_t


def value(u: Array, task: Task) -> Outcome:
  """u = (time in s,) -> minus the squared error of the first run's mean, nm^2."""
  error = task.intercept + task.gain * u[0] + task.drift - TARGET
  return Outcome(-error * error, jnp.stack([jnp.abs(error) - _LIMIT]))


def sample_task(key: Array) -> Task:
  """Gains within 0.6 to 1.6 of the assumed one, intercepts within 100 nm, drift up to 1 nm a run either way."""
  a, b, c, d, e = jax.random.uniform(key, (5,))
  return Task(1000.0 + 200.0 * a, ASSUMED * (0.6 + b), 2.0 * c - 1.0, d, 2.0 + 4.0 * e)


plant = Plant(
  (Setting("time", "s", 30.0, 90.0, 60.0),),
  "minus the squared error",
  "nm^2",
  ("error beyond 30 nm",),
  lambda: Task(*(jnp.asarray(of) for of in _NOMINAL)),
  sample_task,
  value,
)


def within_reach(tools: Task, runs: int, most: int) -> Task:
  """The first of the tools, leaves (n,), whose target lies within the range of the setting from the first run to the
  last; at most `most`."""
  low, high = plant.settings[0].low, plant.settings[0].high
  ends = tools.intercept[:, None] + tools.drift[:, None] * jnp.asarray([[0.0, float(runs)]]) - TARGET
  best = -ends / tools.gain[:, None]
  within = np.flatnonzero(np.asarray(jnp.all((best > low) & (best < high), axis=1)))[:most]
  return jax.tree.map(lambda leaf: leaf[within], tools)


def reset(key: Array, task: Task) -> tuple[State, Array]:
  """Before the first run; what is observed is the error of a run, and there is none yet: 0."""
  del key
  zero = jnp.zeros_like(task.noise)
  return State(jnp.asarray(0), zero, zero), zero


def step(key: Array, state: State, action: Array, task: Task) -> tuple[State, Array, Array, Array]:
  """One run with the setting `action` in s, () -> state, error in nm, minus its square, whether that was the last."""
  shock = task.noise * jax.random.normal(key, (), task.noise.dtype)
  run, disturbance = state.run + 1, state.disturbance + shock - task.smoothing * state.shock
  drift = task.drift * run.astype(task.drift.dtype)
  error = task.intercept + task.gain * action + drift + disturbance - TARGET
  return State(run, disturbance, shock), error, -error * error, run >= RUNS


tool = Environment(sample_task, reset, step)
"""The runs of a tool, one after the other."""


def ewma(weight: Array, error: Array, intercept: Array) -> tuple[Array, Array]:
  """The controller after a run: lambda, the run's error, a_{t-1} -> a_t and the next setting u_t."""
  # y - b u_{t-1} = error + target - b u_{t-1} = error + a_{t-1}
  intercept = intercept + weight * error
  return intercept, (TARGET - intercept) / ASSUMED


def asymptotic_variance(weight: Array, task: Task) -> Array:
  """() of the error under `ewma`, nm^2; infinite where it is not stable."""
  pull = weight * task.gain / ASSUMED
  kept = 1.0 - pull
  stable = (pull > 0) & (pull < 2)
  spread = 1.0 + task.smoothing**2 - 2.0 * task.smoothing * kept
  return jnp.where(stable, task.noise**2 * spread / jnp.where(stable, 1.0 - kept * kept, 1.0), jnp.inf)
