"""RGPE: Gaussian processes of past plants, weighted by how well they rank this plant's trials.

M. Feurer, B. Letham, E. Bakshy, "Scalable meta-learning for Bayesian optimization using ranking-weighted Gaussian
process ensembles", AutoML workshop at ICML 2018: draws of every process at the trials are compared with what was
measured, pair by pair; a process's weight is the share of draws in which none ranks fewer pairs wrongly, and one that
is worse than nearly all of this plant's own leave-one-out draws gets none. The ensemble's mean and variance are
sum w mean and sum w^2 variance.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax import linalg
from mtl_jax.tuning.gp import Belief, Surrogate, matern, posterior
from mtl_jax.types import Array, Batch

HYPOTHESES = 64
DRAWS = 64


class Process(NamedTuple):
  """Hyper-parameters: lengthscale (d,), signal and noise (), variances."""

  lengthscale: Array
  signal: Array
  noise: Array


def drawn(key: Array, dimensions: int) -> Process:
  """Leading axis of hypotheses; the prior of `gp.gp_surrogate`."""
  keys = jax.random.split(key, 3)
  low, high = jnp.log(0.1), jnp.log(3.0)
  scales = jnp.exp(jax.random.uniform(keys[0], (HYPOTHESES, dimensions), minval=low, maxval=high))
  noise = jnp.exp(jax.random.uniform(keys[1], (HYPOTHESES,), minval=jnp.log(0.01), maxval=jnp.log(0.3)))
  return Process(scales, jnp.exp(jax.random.normal(keys[2], (HYPOTHESES,))), jnp.square(noise))


def _kernel(process: Process, a: Array, b: Array) -> Array:
  return process.signal * matern(a, b, process.lengthscale)


def likeliest(hypotheses: Process, trials: Batch) -> Process:
  """Of the hypotheses the one under which the trials are likeliest."""

  def of(process: Process) -> Array:
    covariance = _kernel(process, trials.x, trials.x) + process.noise * jnp.eye(len(trials.x))
    nowhere = jnp.zeros((0, len(trials.x)))
    return posterior(covariance, trials.y, trials.mask, nowhere, jnp.zeros(0))[2]

  at = jnp.argmax(jax.vmap(of)(hypotheses))
  return jax.tree.map(lambda leaf: leaf[at], hypotheses)


def _posterior(process: Process, trials: Batch, z: Array) -> tuple[Array, Array]:
  covariance = _kernel(process, trials.x, trials.x) + process.noise * jnp.eye(len(trials.x))
  prior = jnp.full(len(z), process.signal)
  return posterior(covariance, trials.y, trials.mask, _kernel(process, z, trials.x), prior)[:2]


def _misranked(draws: Array, trials: Batch) -> Array:
  """(draws,): pairs of trials that a draw (draws, n) orders otherwise than they were measured."""
  pairs = trials.mask[:, None] & trials.mask[None]
  wrong = (draws[:, :, None] < draws[:, None]) ^ (trials.y[:, None] < trials.y[None])[None]
  return jnp.sum(wrong & pairs[None], axis=(1, 2))


def _left_out(process: Process, trials: Batch) -> tuple[Array, Array]:
  """Mean and deviation of each trial given the others (Rasmussen and Williams 2006, equations 5.10 to 5.12)."""
  made = trials.mask[:, None] & trials.mask[None]
  covariance = _kernel(process, trials.x, trials.x) + process.noise * jnp.eye(len(trials.x))
  factor = linalg.cholesky(jnp.where(made, covariance, jnp.eye(len(trials.x))) + 1e-5 * jnp.eye(len(trials.x)))
  inverse = linalg.solve_cholesky(factor, jnp.eye(len(trials.x)))
  y = jnp.where(trials.mask, trials.y, 0.0)
  return y - inverse @ y / jnp.diagonal(inverse), 1.0 / jnp.sqrt(jnp.diagonal(inverse))


def rgpe_surrogate(key: Array, logs: Batch) -> Surrogate:
  """Of past plants x (plants, n, d), y and mask (plants, n), standardised; each plant's is standardised once more."""
  keys = jax.random.split(key, 2)
  hypotheses = drawn(keys[0], logs.x.shape[-1])
  count = jnp.sum(logs.mask, axis=1, keepdims=True).astype(logs.y.dtype)
  mean = jnp.sum(jnp.where(logs.mask, logs.y, 0.0), axis=1, keepdims=True) / count
  squares = jnp.sum(jnp.where(logs.mask, jnp.square(logs.y - mean), 0.0), axis=1, keepdims=True)
  past = logs._replace(y=(logs.y - mean) / jnp.sqrt(squares / count))
  processes = jax.jit(jax.vmap(likeliest, in_axes=(None, 0)))(hypotheses, past)

  def surrogate(trials: Batch, z: Array) -> Belief:
    made = jnp.maximum(jnp.sum(trials.mask.astype(z.dtype)), 1.0)
    y = jnp.where(trials.mask, trials.y, 0.0)
    middle = jnp.sum(y) / made
    spread = jnp.sqrt(jnp.sum(jnp.where(trials.mask, jnp.square(y - middle), 0.0)) / made)
    spread = jnp.where(spread > 1e-3, spread, 1.0)
    own = trials._replace(y=jnp.where(trials.mask, (y - middle) / spread, 0.0))
    process = likeliest(hypotheses, own)
    means, variances = jax.vmap(_posterior, in_axes=(0, 0, None))(processes, past, jnp.vstack([z, trials.x]))
    mean, variance = _posterior(process, own, z)
    noise = jax.random.normal(keys[1], (len(past.x) + 1, DRAWS, len(trials.x)))
    at, out = means[:, len(z) :], jnp.sqrt(variances[:, len(z) :])
    loss = jax.vmap(lambda m, s, e: _misranked(m[None] + s[None] * e, own))(at, out, noise[1:])
    left, deviation = _left_out(process, own)
    own_loss = _misranked(left[None] + deviation[None] * noise[0], own)
    dilutes = jnp.median(loss, axis=1) > jnp.percentile(own_loss, 95)
    loss = jnp.where(dilutes[:, None], jnp.iinfo(loss.dtype).max, loss)
    every = jnp.concatenate([loss, own_loss[None]])
    least = (every == jnp.min(every, axis=0)[None]).astype(z.dtype)
    weight = jnp.mean(least / jnp.sum(least, axis=0)[None], axis=1)
    joined = weight[:-1] @ means[:, : len(z)] + weight[-1] * mean
    doubt = jnp.square(weight[:-1]) @ variances[:, : len(z)] + jnp.square(weight[-1]) * variance
    return Belief((middle + spread * joined)[None], (jnp.square(spread) * doubt)[None], jnp.ones(1))

  return surrogate
