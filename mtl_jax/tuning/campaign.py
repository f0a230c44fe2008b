"""A campaign of trials on one plant, as one scan: vmap it over plants, noise and seeds."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import qmc

from mtl_jax.tasks.processes import Plant, box, from_unit, nominal
from mtl_jax.tuning.acquisition import Acquisition
from mtl_jax.tuning.gp import Surrogate
from mtl_jax.types import Array, Batch, PyTree


class Campaign(NamedTuple):
  """Of each trial.

  Attributes:
    tried: (n,) which candidate; y: (n,) what was measured, in the plant's unit
    advised: (n + 1,) which candidate is advised before the first trial and after each
  """

  tried: Array
  y: Array
  advised: Array


def logs(key: Array, plant: Plant, plants: int, trials: int, noise: float) -> tuple[Array, Array, Array]:
  """Trials of other plants at set-points drawn uniformly.

  Returns:
    (plants, trials, d) set-points in the unit box; (plants, trials) what was measured, in the plant's unit; () the
    noise's deviation, `noise` times that of the response.
  """

  def of(key: Array) -> tuple[Array, Array, Array]:
    task_key, place_key, noise_key = jax.random.split(key, 3)
    task = plant.sample_task(task_key)
    z = jax.random.uniform(place_key, (trials, len(plant.settings)))
    values = jax.vmap(lambda u: plant.value(u, task).value)(from_unit(plant, z))
    return z, values, jax.random.normal(noise_key, (trials,))

  z, values, errors = jax.vmap(of)(jax.random.split(key, plants))
  deviation = noise * jnp.std(values)
  return z, values + deviation * errors, deviation


def candidates(plant: Plant, count: int) -> Array:
  """(count, d) in the unit box: the nominal set-point, where a plant begins, and then Sobol points."""
  low, high = (np.asarray(side) for side in box(plant))
  points = qmc.Sobol(len(low), scramble=False).random_base2(int(np.ceil(np.log2(count))))[: count - 1]
  return jnp.asarray(np.vstack([(np.asarray(nominal(plant)) - low) / (high - low), points]), jnp.float32)


def campaign(
  key: Array,
  plant: Plant,
  task: PyTree,
  surrogate: Surrogate,
  acquisition: Acquisition,
  z: Array,
  scale: Array,
  *,
  trials: int,
  noise: Array | float,
  opening: int = 0,
  advise_tried: bool = False,
) -> Campaign:
  """Trials one after another, each where the acquisition is highest after those before; no candidate is tried twice.

  Args:
    z: (q, d) candidates in the unit box.
    scale: (2,) what the surrogate's responses are standardised by.
    noise: deviation of a trial, in the plant's unit.
    opening: trials at the first candidates, before the acquisition chooses.
    advise_tried: advise only what was tried, or the nominal set-point; otherwise any candidate.
  """
  values = jax.vmap(lambda u: plant.value(u, task).value)(from_unit(plant, z))
  measured = values + noise * jax.random.normal(key, values.shape)

  def belief_of(tried: Array, made: Array):
    """What is believed of the candidates, which were tried, and which is advised."""
    mask = jnp.arange(trials) < made
    y = (measured[tried] - scale[0]) / scale[1]
    belief = surrogate(Batch(z[tried], jnp.where(mask, y, 0.0), mask), z)
    expected, seen = belief.weight @ belief.mean, jnp.zeros(len(z), bool).at[tried].max(mask)
    allowed = jnp.where(jnp.any(seen), seen, jnp.arange(len(z)) == 0) if advise_tried else jnp.ones(len(z), bool)
    return belief, seen, jnp.argmax(jnp.where(allowed, expected, -jnp.inf))

  def step(tried: Array, made: Array) -> tuple[Array, Array]:
    belief, seen, advised = belief_of(tried, made)
    expected = belief.weight @ belief.mean
    best = jnp.max(jnp.where(seen | (made == 0), expected, -jnp.inf))
    worth = jnp.where(seen, -jnp.inf, acquisition(belief, best))
    return tried.at[made].set(jnp.where(made < opening, made, jnp.argmax(worth))), advised

  tried, advised = jax.lax.scan(step, jnp.zeros(trials, int), jnp.arange(trials))
  return Campaign(tried, measured[tried], jnp.append(advised, belief_of(tried, jnp.asarray(trials))[2]))
