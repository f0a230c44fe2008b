"""Plants that have nothing in common but how smooth they are: a family from which nothing can be transferred."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.tasks.processes.plant import Outcome, Plant, Setting
from mtl_jax.types import Array

WAVES, LENGTHSCALE = 256, 0.25  # of the random features; in the unit box


class Task(NamedTuple):
  """One response: waves (m, 2), phase (m,), height (m,)."""

  waves: Array
  phase: Array
  height: Array


def value(u: Array, task: Task) -> Outcome:
  """A draw of a Gaussian process with a squared-exponential kernel of variance 1, by random Fourier features
  (A. Rahimi, B. Recht, NeurIPS 2007)."""
  return Outcome(jnp.sum(task.height * jnp.cos(task.waves @ u + task.phase)), jnp.zeros(0))


def sample_task(key: Array) -> Task:
  keys = jax.random.split(key, 3)
  waves = jax.random.normal(keys[0], (WAVES, 2)) / LENGTHSCALE
  phase = jax.random.uniform(keys[1], (WAVES,), maxval=2 * jnp.pi)
  return Task(waves, phase, jax.random.normal(keys[2], (WAVES,)) * jnp.sqrt(2.0 / WAVES))


plant = Plant(
  settings=tuple(Setting(name, "1", 0.0, 1.0, 0.5) for name in ("first", "second")),
  response="response",
  unit="1",
  constraints=(),
  nominal=lambda: sample_task(jax.random.key(0)),
  sample_task=sample_task,
  value=value,
)
