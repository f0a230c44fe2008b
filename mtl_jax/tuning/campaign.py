"""A campaign of trials on one plant, as one scan: vmap it over plants, noise and seeds."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.tasks.processes import Plant, box, from_unit, nominal
from mtl_jax.tuning.acquisition import Acquisition
from mtl_jax.tuning.gp import Surrogate
from mtl_jax.tuning.proposal import Cost, Rules, propose
from mtl_jax.tuning.scale import Scale
from mtl_jax.types import Array, Batch, PyTree

Responses = Callable[[Array, Array], Array]
"""responses(z (d,) in the unit box, trials made before ()) -> (1 + c,): the response and the limits, without noise."""


class Campaign(NamedTuple):
  """Of each trial, in the order of time; n trials, and responses in the plant's units.

  Attributes:
    tried: (n, d) where, in the unit box; y: (n, 1 + c) what was measured; gave: (n, 1 + c) without noise
    advised: (n + 1, d) before the first trial and after each; would_give: (n + 1, 1 + c) then, without noise
  """

  tried: Array
  y: Array
  gave: Array
  advised: Array
  would_give: Array


def responses_of(plant: Plant, task: PyTree, drift: PyTree | None = None) -> Responses:
  """Of a simulated plant; `drift`, like `task`, is added to it after every trial."""

  def responses(z: Array, made: Array) -> Array:
    now = task if drift is None else jax.tree.map(lambda a, b: a + made.astype(jnp.float32) * b, task, drift)
    outcome = plant.value(from_unit(plant, z), now)
    return jnp.concatenate([outcome.value[None], outcome.constraints])

  return responses


def drifting(key: Array, task: PyTree, share: float) -> PyTree:
  """What is added to each of a plant's numbers after every trial: `share` of it, or as much less, by chance."""
  leaves, structure = jax.tree.flatten(task)
  keys = jax.random.split(key, len(leaves))
  signs = [jax.random.rademacher(key, leaf.shape, leaf.dtype) for key, leaf in zip(keys, leaves, strict=True)]
  return structure.unflatten([share * leaf * sign for leaf, sign in zip(leaves, signs, strict=True)])


def logs(key: Array, plant: Plant, plants: int, trials: int, noise: float, drift: float = 0.0) -> tuple[Batch, Array]:
  """Trials of other plants at set-points drawn uniformly; `drift` is the share of `drifting`.

  Returns:
    x (plants, trials, d) set-points in the unit box, y (plants, trials, 1 + c) what was measured, in the plant's
    units; (1 + c,) the noise's deviations, `noise` times those of the responses.
  """

  def of(key: Array) -> tuple[Array, Array, Array]:
    task_key, place_key, noise_key, drift_key = jax.random.split(key, 4)
    task = plant.sample_task(task_key)
    responses = responses_of(plant, task, drifting(drift_key, task, drift) if drift else None)
    z = jax.random.uniform(place_key, (trials, len(plant.settings)))
    values = jax.vmap(responses)(z, jnp.arange(trials))
    return z, values, jax.random.normal(noise_key, values.shape)

  z, values, errors = jax.vmap(of)(jax.random.split(key, plants))
  deviation = noise * jnp.std(values, axis=(0, 1))
  y = values + deviation[None, None] * errors
  return Batch(z, y, jnp.ones(y.shape, bool)), deviation


def sobol(count: int, first: np.ndarray | Array) -> Array:
  """(count, d) in the unit box: `first` (d,), where a plant begins, and then Sobol points."""
  from scipy.stats import qmc  # takes as long to import as JAX, and an answer of `advise` has its points already

  points = qmc.Sobol(len(first), scramble=False).random_base2(int(np.ceil(np.log2(count))))[: count - 1]
  return jnp.asarray(np.vstack([np.asarray(first), points]), jnp.float32)


def candidates(plant: Plant, count: int) -> Array:
  """(count, d) in the unit box: the nominal set-point and then Sobol points."""
  low, high = (np.asarray(side) for side in box(plant))
  return sobol(count, (np.asarray(nominal(plant)) - low) / (high - low))


def campaign(
  key: Array,
  responses: Responses,
  surrogates: Sequence[Surrogate],
  acquisition: Acquisition,
  scale: Scale,
  z: Array,
  rules: Rules = Rules(),  # noqa: B008
  *,
  trials: int,
  noise: Array,
  opening: int = 0,
  batch: int = 1,
  advise_tried: bool = False,
  repeats: bool = False,
  cost: Cost | None = None,
) -> Campaign:
  """Trials one after another, each as `propose` has it after those before.

  Args:
    noise: (1 + c,) deviations of a trial, in the plant's units.
    opening: trials at the first of the candidates z (q, d), before the acquisition chooses.
    batch: trials that are made before their responses are known.
    advise_tried, repeats, cost: as in `propose`.
  """
  errors = noise[None] * jax.random.normal(key, (trials, len(noise)))
  places = jnp.arange(trials)

  def proposed(x: Array, y: Array, made: Array):
    mask = jnp.broadcast_to((places < made - made % batch)[:, None], y.shape)
    how = {"advise_tried": advise_tried, "believer": batch > 1, "repeats": repeats, "cost": cost}
    return propose(surrogates, acquisition, scale, Batch(x, y, mask), made, z, rules, **how)

  def step(carry: tuple[Array, Array], made: Array):
    x, y = carry
    proposal = proposed(x, y, made)
    where = jnp.where(made < opening, z[jnp.minimum(made, len(z) - 1)], proposal.tried)
    gave, would_give = responses(where, made), responses(proposal.advised, made)
    carry = x.at[made].set(where), y.at[made].set(gave + errors[made])
    return carry, (gave, proposal.advised, would_give)

  start = jnp.tile(z[:1], (trials, 1)), jnp.zeros(errors.shape)
  (x, y), (gave, advised, would_give) = jax.lax.scan(step, start, places)
  last, after = proposed(x, y, jnp.asarray(trials)).advised, jnp.asarray(trials)
  advised, would_give = jnp.vstack([advised, last[None]]), jnp.vstack([would_give, responses(last, after)[None]])
  return Campaign(x, y, gave, advised, would_give)
