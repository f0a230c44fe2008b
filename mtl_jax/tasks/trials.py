"""Few-shot regression of a plant's response: a few noisy trials are known, set-points elsewhere are asked.

Inputs are set-points in the unit box, drawn uniformly. Targets are the response less the family's mean, over its
deviation, both taken over plants and set-points of the family's own draws: the same two numbers for every plant, so
that nothing of an episode's questions or labels is in them. Trials carry noise; what is asked is the response itself.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from mtl_jax.tasks.processes import Plant, from_unit
from mtl_jax.types import Array, Batch, Episode, PyTree, TaskFamily

_DRAWS = 2_048  # plants, with a set-point each, that mean and deviation are taken over


def scale(key: Array, plant: Plant) -> Array:
  """(2,): mean and deviation of the response over plants and set-points, in the plant's unit."""
  values = jax.jit(jax.vmap(lambda key: _drawn(plant, key, 1)[2][0]))(jax.random.split(key, _DRAWS))
  return jnp.stack([jnp.mean(values), jnp.std(values)])


def _drawn(plant: Plant, key: Array, count: int) -> tuple[PyTree, Array, Array]:
  """One plant at set-points drawn anew: the task, (count, d) in the unit box, (count,) in the plant's unit."""
  task_key, place_key = jax.random.split(key)
  task = plant.sample_task(task_key)
  z = jax.random.uniform(place_key, (count, len(plant.settings)))
  return task, z, jax.vmap(lambda u: plant.value(u, task).value)(from_unit(plant, z))


@dataclasses.dataclass(frozen=True)
class Sampler:
  """The static half of a family; equal ones share a compiled program."""

  plant: Plant
  places: int
  queries: int

  def __call__(self, numbers: Array, scale: Array, noise: Array, key: Array) -> Episode:
    plant_key, shot_key, noise_key = jax.random.split(key, 3)
    task, z, response = _drawn(self.plant, plant_key, self.places + self.queries)
    y = ((response - scale[0]) / scale[1])[:, None]
    known = jnp.arange(self.places) < jax.random.randint(shot_key, (), numbers[0], numbers[1] + 1)
    tried = y[: self.places] + noise * jax.random.normal(noise_key, (self.places, 1))
    x, tried = (jnp.where(known[:, None], leaf, 0.0) for leaf in (z[: self.places], tried))
    query = Batch(z[self.places :], y[self.places :], jnp.ones((self.queries,), bool))
    return Episode(Batch(x, tried, known), query, task)


def trials(
  plant: Plant, scale: Array, *, shots: int | tuple[int, int], queries: int, noise: float, places: int | None = None
) -> TaskFamily:
  """Episodes of one plant each; x (n, d), y (n, 1), the task is the plant's.

  Args:
    scale: (2,) what targets are standardised with; see `scale`.
    shots: noisy trials, or a range (low, high) drawn anew per plant; what is not drawn is masked.
    queries: set-points asked.
    noise: deviation of a trial's noise, in the family's deviations.
    places: room for trials. For other shots at the same places plants and questions are the same, and the trials of
      the smaller number are among those of the larger. None: as many as `shots` needs.

  Raises: ValueError for numbers out of range.
  """
  low, high = (shots, shots) if isinstance(shots, int) else shots
  places = high if places is None else places
  if not 1 <= low <= high <= places or queries < 1 or noise < 0:
    raise ValueError(
      f"shots={shots}, queries={queries}, noise={noise}, places={places}: need 1 <= low <= high <= places, "
      "queries >= 1, noise >= 0"
    )
  return TaskFamily(Partial(Sampler(plant, places, queries), jnp.asarray([low, high]), scale, jnp.asarray(noise)))
