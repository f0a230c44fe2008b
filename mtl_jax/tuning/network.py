"""Networks as surrogates: any `Algorithm` that answers with a mean and a log variance, trained on logs of other plants.

With `in_context` that is S. Müller, M. Feurer, N. Hollmann, F. Hutter, "PFNs4BO: In-context learning for Bayesian
optimization", ICML 2023: a transformer that reads the trials and answers in one pass. Theirs learns from draws of a
hand-made prior and answers with a histogram; here the prior is the logs, and the answer is normal. With `maml` a
network takes a few gradient steps on the trials, and several of them with starts of their own are an ensemble (B.
Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using deep ensembles",
NeurIPS 2017). Both are trained by the negative log-likelihood of trials that they have not been shown.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.losses import gaussian
from mtl_jax.meta import in_context, maml
from mtl_jax.models import MLP, InContext
from mtl_jax.tuning.gp import Belief, Surrogate
from mtl_jax.types import Algorithm, Array, Batch, Episode, PyTree

_LEAST = 1e-4  # variance of a response: a hundredth of its deviation over plants


class Network(NamedTuple):
  """What is trained, and for how long; `members` of it with starts of their own.

  Attributes:
    algorithm: its predictions are (n, 2), a mean and a log variance.
    start: start(key, x[n, d]) -> params
  """

  algorithm: Algorithm
  start: Callable[[Array, Array], PyTree]
  members: int
  steps: int


def _outer(steps: int) -> optax.GradientTransformation:
  return optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(3e-3, steps)))


def transformer(steps: int = 600) -> Network:
  model: Any = InContext(2, width=32, layers=2, heads=4)

  def start(key: Array, x: Array) -> PyTree:
    none = jnp.zeros(len(x))
    return model.init(key, Batch(x, none, none > 0), x)

  return Network(in_context(model.apply, gaussian, outer=_outer(steps)), start, 1, steps)


def adapted(steps: int = 300, members: int = 3) -> Network:
  """Five steps on the trials, with a rate learned for every layer."""
  model: Any = MLP((64, 64, 2))
  inner = {"inner": optax.sgd(0.05), "inner_steps": 5, "clip": 10.0, "learned_rates": "leaf"}
  return Network(maml(model.apply, gaussian, outer=_outer(steps), **inner), model.init, members, steps)


def episode(key: Array, logs: Batch, trials: int) -> Episode:
  """Of one plant, drawn: 0 to `trials` trials are known, and those of its others that have an outcome are asked.

  Args:
    logs: x (plants, n, d), y and mask (plants, n), with n > trials.
  """
  keys = jax.random.split(key, 3)
  plant = jax.random.randint(keys[0], (), 0, len(logs.x))
  log = jax.tree.map(lambda leaf: leaf[plant][jax.random.permutation(keys[1], leaf.shape[1])], logs)
  known, asked = (
    jax.tree.map(lambda leaf, side=side: leaf[side], log) for side in (slice(trials), slice(trials, None))
  )
  shown = jnp.arange(trials) < jax.random.randint(keys[2], (), 0, trials + 1)
  return Episode(known._replace(mask=known.mask & shown), asked, plant)


@partial(jax.jit, static_argnames=("algorithm", "trials", "steps", "plants"))
def fit_network(
  key: Array, algorithm: Algorithm, params: PyTree, logs: Batch, *, trials: int, steps: int, plants: int = 32
) -> tuple[PyTree, Array]:
  """The state after `steps` updates with `plants` episodes each, and (steps,) the loss, nats.

  Args:
    logs: of other plants, x (plants, n, d), y and mask (plants, n), standardised.
    trials: the most that will be known of a plant.
  """

  def step(state: PyTree, key: Array) -> tuple[PyTree, Array]:
    draw_key, update_key = jax.random.split(key)
    episodes = jax.vmap(lambda key: episode(key, logs, trials))(jax.random.split(draw_key, plants))
    state, metrics = algorithm.update(update_key, state, episodes)
    return state, metrics["loss"]

  return jax.lax.scan(step, algorithm.init(params), jax.random.split(key, steps))


def train_network(key: Array, network: Network, logs: Batch, trials: int) -> PyTree:
  """States of all members, stacked, each trained by `fit_network`."""

  def fitted(key: Array) -> PyTree:
    start_key, fit_key = jax.random.split(key)
    params = network.start(start_key, logs.x[0])
    return fit_network(fit_key, network.algorithm, params, logs, trials=trials, steps=network.steps)[0]

  return jax.lax.map(fitted, jax.random.split(key, network.members))


def network_surrogate(network: Network, states: PyTree, noise: Array) -> Surrogate:
  """Every member is a hypothesis, all of one weight.

  Args:
    states: of `train_network`.
    noise: () deviation of a trial, standardised; the networks' variance is a trial's, and Belief's the response's.
  """

  def surrogate(trials: Batch, z: Array) -> Belief:
    answers = jax.vmap(lambda state: network.algorithm.predict(jax.random.key(0), state, trials, z))(states)
    variance = jnp.maximum(jnp.exp(answers[..., 1]) - jnp.square(noise), _LEAST)
    return Belief(answers[..., 0], variance, jnp.full(len(answers), 1.0 / len(answers)))

  return surrogate
