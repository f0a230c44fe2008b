"""ALPaCA: Bayesian linear regression on learned features, with a learned prior, one label at a time in closed form.

  K | past ~ MN(Lambda^-1 Q, Sigma, Lambda^-1),   Lambda_0 and Q_0 = Lambda_0 K_0 learned from other tasks
  Lambda <- Lambda + phi phi',   Q <- Q + phi y'
  y | x, past ~ N((Lambda^-1 Q)' phi(x), (1 + phi(x)' Lambda^-1 phi(x)) Sigma)

J. Harrison, A. Sharma, M. Pavone, "Meta-learning priors for efficient online Bayesian regression", WAFR 2018. Sigma is
diagonal here. The paper keeps Lambda^-1 by rank-one updates; a few dozen features are solved for in microseconds, and
Lambda stays exact over years in float32.

With `kept` < 1 old labels fade and the belief goes back to the prior where nothing new is learned, which is known as
stabilised forgetting: R. Kulhavy, M. B. Zarrop, "On a general concept of forgetting", Int. J. Control 58 (1993)
905-924,

  Lambda <- kept Lambda + (1 - kept) Lambda_0 + phi phi',   and Q alike.

Under a wide prior around zero that is recursive least squares with exponential forgetting, safe from wind-up.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtl_jax import linalg
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import hide_masked, task_gradient
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, Metrics, OnlineLearner, PyTree


class Prior(NamedTuple):
  """What is learned from other tasks."""

  net: PyTree  # of `apply`
  mean: Array  # (d, targets) K_0
  log_precision: Array  # (d,) of diagonal Lambda_0
  log_noise: Array  # (targets,) log of Sigma's diagonal


class Belief(NamedTuple):
  """About one task."""

  precision: Array  # (d, d) Lambda
  moment: Array  # (d, targets) Q


class Normal(NamedTuple):
  """A prediction that knows its uncertainty."""

  mean: Array  # (n, targets)
  variance: Array  # (n, targets)


def wide_prior(net: PyTree, width: int, precision: float, noise: np.ndarray) -> Prior:
  """Around zero.

  Args:
    width: features.
    precision: of each of them.
    noise: (targets,) variances.
  """
  log_precision = jnp.full(width, math.log(precision), jnp.float32)
  return Prior(net, jnp.zeros((width, len(noise))), log_precision, jnp.log(jnp.asarray(noise, jnp.float32)))


def rescaled(prediction: Any, shift: Any, scale: Any = 1.0) -> Any:
  """scale * prediction + shift, on the host, of a `Normal` or of numbers (rows, targets)."""
  if isinstance(prediction, Normal):
    return Normal(prediction.mean * scale + shift, prediction.variance * scale**2)
  return prediction * scale + shift


class AlpacaState(NamedTuple):
  """The state of `alpaca`."""

  prior: Prior
  belief: Belief


def believe(prior: Prior) -> Belief:
  """Before any label."""
  precision = jnp.exp(prior.log_precision)
  return Belief(jnp.diag(precision), precision[:, None] * prior.mean)


def learn(prior: Prior, belief: Belief, phi: Array, batch: Batch, kept: float = 1.0) -> Belief:
  """The belief after labels, oldest first.

  Args:
    phi: (n, d) features of `batch.x`; masked rows change nothing.
    batch: y (n, targets), mask (n,).
    kept: of the past, for every label.
  """
  count = jnp.cumsum(batch.mask)
  left = kept ** count[-1].astype(phi.dtype)
  weight = jnp.where(batch.mask, kept ** (count[-1] - count).astype(phi.dtype), 0.0)
  phi, y = (jnp.where(batch.mask[:, None], a, 0.0) for a in (phi, batch.y))
  seen, first = Belief((phi * weight[:, None]).T @ phi, (phi * weight[:, None]).T @ y), believe(prior)
  return jax.tree.map(lambda old, origin, new: left * old + (1.0 - left) * origin + new, belief, first, seen)


def predictive(prior: Prior, belief: Belief, phi: Array) -> Normal:
  """y at features phi (n, d)."""
  factor = linalg.cholesky(belief.precision)
  weights = linalg.solve_cholesky(factor, belief.moment)
  spread = jnp.sum(phi * linalg.solve_cholesky(factor, phi.T).T, axis=1)
  return Normal(phi @ weights, (1.0 + spread[:, None]) * jnp.exp(prior.log_noise)[None])


def surprise(prediction: Normal, y: Array) -> Array:
  """(n, targets) negative log density, nats."""
  squared = jnp.square(y - prediction.mean) / prediction.variance
  return 0.5 * (squared + jnp.log(prediction.variance) + math.log(2.0 * math.pi))


def alpaca(apply: Apply, *, kept: float = 1.0) -> OnlineLearner:
  """Bayesian regression on features.

  Args:
    apply: apply(net, x[n, ...]) -> phi[n, d].
    kept: of the past, for every label; 1 is ALPaCA.

  Returns:
    An OnlineLearner whose init takes a `Prior` and whose predictions are `Normal`.
  """

  def init(prior: Prior) -> AlpacaState:
    return AlpacaState(prior, believe(prior))

  def predict(key: Array, state: AlpacaState, x: PyTree) -> Normal:
    del key
    return predictive(state.prior, state.belief, apply(state.prior.net, x))

  def update(key: Array, state: AlpacaState, batch: Batch) -> tuple[AlpacaState, Metrics]:
    del key
    phi = apply(state.prior.net, batch.x)
    return AlpacaState(state.prior, learn(state.prior, state.belief, phi, batch, kept)), {}

  return OnlineLearner(init, predict, update)


class AlpacaPriorState(NamedTuple):
  """The state of `alpaca_prior`."""

  prior: Prior
  opt_state: optax.OptState


def alpaca_prior(
  apply: Apply, *, outer: optax.GradientTransformation, kept: float = 1.0, chunk: int | None = None
) -> Algorithm:
  """Learns the features and the prior from episodes of other tasks, or of earlier weeks: `fit` trains it.

  The loss is the surprise at the questions, given the labels. `state.prior` is then what `alpaca` and `moca`
  start with.

  Args:
    apply: apply(net, x[n, ...]) -> phi[n, d].
    outer: Optax optimiser.
    kept: as `alpaca` will have it; the labels of a support set are then oldest first.
    chunk: tasks at once; None: as many as are fast.
  """

  def answer(prior: Prior, support: Batch, x: PyTree) -> Normal:
    x_support, y, mask = hide_masked(support)
    belief = learn(prior, believe(prior), apply(prior.net, x_support), Batch(x_support, y, mask), kept)
    return predictive(prior, belief, apply(prior.net, x))

  def task_loss(prior: Prior, key: Array, episode: Episode) -> tuple[Array, Metrics]:
    del key
    x, y, mask = hide_masked(episode.query)
    values = jnp.sum(surprise(answer(prior, episode.support, x), y), axis=1)
    value = jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask), 1).astype(values.dtype)
    return value, {"loss": value}

  def init(prior: Prior) -> AlpacaPriorState:
    return AlpacaPriorState(*start(outer, prior))

  def update(key: Array, state: AlpacaPriorState, data: Episode) -> tuple[AlpacaPriorState, Metrics]:
    gradient, metrics = task_gradient(task_loss, state.prior, key, data, chunk)
    prior, opt_state = step(outer, gradient, state.opt_state, state.prior)
    return AlpacaPriorState(prior, opt_state), metrics

  def predict(key: Array, state: AlpacaPriorState, support: Batch, x: PyTree) -> Array:
    del key
    return answer(state.prior, support, x).mean

  return Algorithm(init, update, predict)
