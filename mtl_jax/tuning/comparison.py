"""The ways to tune a simulated plant that `scripts/tune.py` compares."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.meta.task_map import one_by_one
from mtl_jax.tasks.processes import Plant
from mtl_jax.tuning.acquisition import expected_improvement, thompson, upper_bound
from mtl_jax.tuning.campaign import Campaign, Responses, campaign, responses_of
from mtl_jax.tuning.coregional import coregional_surrogate
from mtl_jax.tuning.family import Family, family_surrogate, fit_family
from mtl_jax.tuning.gp import Surrogate, gp_surrogate
from mtl_jax.tuning.network import Network, adapted, network_surrogate, train_network, transformer
from mtl_jax.tuning.plant_controls import modifier_adaptation
from mtl_jax.tuning.proposal import Rules
from mtl_jax.tuning.rgpe import rgpe_surrogate
from mtl_jax.tuning.safety import CONFIDENCES, Bound, bound_of, broken
from mtl_jax.tuning.scale import Scale, scale_of, standardise
from mtl_jax.types import Array, Batch, PyTree

Method = Callable[[Array, Responses], Campaign]
PAST = 20  # past plants of those methods whose cost grows with them
TIMES = 32  # trials of each


class Known(NamedTuple):
  """What was learned from logs: x (plants, n, d), y (plants, n, 1 + c) standardised by `scale`."""

  logs: Batch
  scale: Scale
  families: tuple[Family, ...]


class Reference(NamedTuple):
  """Of plants, after m = 1 or n + 1 trials: best (plants, m) of the set-points that keep the limits, and typical
  (plants, m), their mean."""

  best: Array
  typical: Array


def known(logs: Batch) -> Known:
  """Of logs in physical units."""
  outcomes = logs.y.shape[-1]
  scale = scale_of(np.asarray(logs.y).reshape(-1, outcomes))
  shaped = logs._replace(y=standardise(scale, logs.y))
  families = tuple(fit_family(_outcome(shaped, j)) for j in range(outcomes))
  return Known(shaped, scale, families)


def _outcome(logs: Batch, j: int) -> Batch:
  return Batch(logs.x, logs.y[..., j], logs.mask[..., j])


def reference(responses: Responses, z: Array, made: Array) -> Reference:
  """Of one plant after `made` (m,) trials, over z (q, d)."""

  def of(made: Array) -> Reference:
    gave = jax.lax.map(lambda at: responses(at, made), z, batch_size=1024)
    good = ~broken(gave)
    typical = jnp.sum(jnp.where(good, gave[:, 0], 0.0)) / jnp.maximum(jnp.sum(good.astype(gave.dtype)), 1.0)
    return Reference(jnp.max(jnp.where(good, gave[:, 0], -jnp.inf)), typical)

  return jax.lax.map(of, made)


def regret(made: Campaign, of: Reference) -> Array:
  """(..., n + 1) what the best gives more than the advised set-point; one that breaks a limit counts as typical."""
  return of.best - jnp.where(broken(made.would_give), of.typical, made.would_give[..., 0])


def recipes(logs: Batch, given: Known) -> Array:
  """(plants, d) the best trial of each past plant that kept the limits, as it was measured."""
  good = ~broken(logs.y) & jnp.all(logs.mask, axis=-1)
  at = jnp.argmax(jnp.where(good, given.logs.y[..., 0], -jnp.inf), axis=1)
  return jnp.take_along_axis(logs.x, at[:, None, None], axis=1)[:, 0]


def safe_confidence(
  key: Array,
  plant: Plant,
  given: Known,
  z: Array,
  noise: Array,
  trials: int,
  risk: float,
  plants: int = 64,
  batch: int = 1,
) -> Bound:
  """For the family's surrogate, from campaigns on simulated plants that nothing was learned from."""
  task_key, noise_key = jax.random.split(key)
  tasks = jax.vmap(plant.sample_task)(jax.random.split(task_key, plants))
  surrogates = tuple(map(family_surrogate, given.families))

  @jax.jit
  def share(confidence: Array) -> Array:
    def one(of: tuple[Array, PyTree]) -> Array:
      rules, responses = Rules(confidence=confidence), responses_of(plant, of[1])
      how = {"trials": trials, "noise": noise, "batch": batch}
      made = campaign(of[0], responses, surrogates, upper_bound(2.0), given.scale, z, rules, **how)
      return jnp.mean(broken(made.gave).astype(jnp.float32))

    return one_by_one(one, (jax.random.split(noise_key, plants), tasks))

  return bound_of(np.asarray([share(jnp.asarray(c)) for c in CONFIDENCES]), CONFIDENCES, risk)


def methods(
  key: Array,
  plant: Plant,
  logs: Batch,
  given: Known,
  z: Array,
  noise: Array,
  trials: int,
  confidence: float,
  batch: int = 1,
) -> dict[str, Callable[[], Method]]:
  """Name -> what learns from the logs and gives a campaign; `confidence` is the family's, in trials the others ask for
  0.5; all advise at 0.95.

  Args:
    logs: in physical units; z: (q, d) candidates.
    batch: as in `campaign`.
  """
  keys = jax.random.split(key, 7)
  outcomes, d = noise.shape[0], z.shape[1]
  past = jax.tree.map(lambda leaf: leaf[:PAST, :TIMES], given.logs)
  each = range(outcomes)
  family = tuple(map(family_surrogate, given.families))
  single = (gp_surrogate(keys[0], d),) * outcomes
  tried = recipes(logs, given)
  own = jnp.vstack([z[:1], jax.random.permutation(keys[1], tried)])
  random = jnp.vstack([z[:1], jax.random.uniform(keys[2], z[1:].shape)])

  def of(surrogates, acquisition, at: Array = z, rules: Rules = Rules(), draws=None, **how) -> Method:  # noqa: B008
    """draws(key) -> the surrogate of the response where it needs a key of this campaign's own."""
    how = {"trials": trials, "noise": noise, "batch": batch} | how

    def method(key: Array, responses: Responses) -> Campaign:
      first = surrogates[:1] if draws is None else (draws(jax.random.fold_in(key, 1)),)
      return campaign(key, responses, (*first, *surrogates[1:]), acquisition, given.scale, at, rules, **how)

    return method

  def rgpe() -> tuple[Surrogate, ...]:
    return tuple(rgpe_surrogate(keys[3], _outcome(past, j)) for j in each)

  def coregional() -> tuple[Surrogate, ...]:
    return tuple(coregional_surrogate(jax.tree.map(lambda leaf: leaf[:10], _outcome(past, j))) for j in each)

  def deep() -> tuple[Surrogate, ...]:
    return tuple(family_surrogate(fit_family(_outcome(given.logs, j), network_key=keys[4])) for j in each)

  def learned(key: Array, network: Network) -> tuple[Surrogate, ...]:
    def of_outcome(j: int, key: Array) -> Surrogate:
      states = train_network(key, network, _outcome(given.logs, j), trials)
      return network_surrogate(network, states, jnp.exp(given.families[j].log_noise))

    return tuple(of_outcome(j, key) for j, key in enumerate(jax.random.split(key, outcomes)))

  sure, tried_only = Rules(confidence=confidence), {"advise_tried": True, "opening": 1}
  chosen = {
    "family, UCB": lambda: of(family, upper_bound(2.0), rules=sure),
    "family, EI": lambda: of(family, expected_improvement, rules=sure),
    "family, Thompson": lambda: of(family, thompson, rules=sure, draws=partial(family_surrogate, given.families[0])),
    "deep kernel, EI": lambda: of(deep(), expected_improvement),
    "transformer, EI": lambda: of(learned(keys[5], transformer()), expected_improvement),
    "MAML, EI": lambda: of(learned(keys[6], adapted()), expected_improvement),
    "RGPE, EI": lambda: of(rgpe(), expected_improvement, **tried_only),
    "multi-task GP, EI": lambda: of(coregional(), expected_improvement),
    "GP, EI": lambda: of(single, expected_improvement, **tried_only),
    "GP, Thompson": lambda: of(single, thompson, draws=lambda key: gp_surrogate(keys[0], d, draw=key), **tried_only),
    "GP, Sobol": lambda: of(single, expected_improvement, advise_tried=True, opening=trials),
    "GP, random": lambda: of(single, expected_improvement, at=random, advise_tried=True, opening=trials),
    "recipes of others": lambda: of(single, expected_improvement, at=own, advise_tried=True, opening=trials),
  }
  if batch == 1:
    chosen["modifier adaptation"] = lambda: (
      lambda key, responses: modifier_adaptation(key, responses, plant, z, trials=trials, noise=noise)
    )
  return chosen
