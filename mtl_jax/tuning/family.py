"""A Gaussian process whose mean and covariance were learned from the trials of other plants.

Z. Wang, G. E. Dahl, K. Swersky et al., "Pre-trained Gaussian processes for Bayesian optimization" (HyperBO), JMLR 25
(2024): mean and kernel maximise the marginal likelihood of the logs of other tasks, after which every posterior is in
closed form. Here the response is a polynomial with random coefficients (P. A. V. B. Swamy, Econometrica 38 (1970)),
whose mean and covariance are learned, and a Matern process for what it leaves; a family whose plants have nothing in
common is left with the process alone.
"""

from functools import partial
from itertools import combinations_with_replacement
from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtl_jax.meta import optimise
from mtl_jax.tuning.gp import Belief, Surrogate, log_marginal, matern, posterior
from mtl_jax.types import Array, Batch


class Family(NamedTuple):
  """What is known of one response of a kind of plant, standardised.

  Attributes:
    mean: (p,) of the coefficients; root: (p, p), root root' is their covariance
    log_lengthscale: (d,), log_signal, log_noise: (), deviations, of the process and of a trial
    log_walk, log_slope: (), deviations of what a plant's level does from one trial to the next: a random walk, and a
      steady drift
  """

  mean: Array
  root: Array
  log_lengthscale: Array
  log_signal: Array
  log_noise: Array
  log_walk: Array
  log_slope: Array


def terms(z: Array) -> Array:
  """(n, p): products of Legendre polynomials up to a total `degree_for` d, of set-points (n, d) in the unit box."""
  t, degree = 2.0 * z - 1.0, degree_for(z.shape[1])
  single = [jnp.ones_like(t), t]
  for k in range(1, degree):
    single.append(((2 * k + 1) * t * single[k] - k * single[k - 1]) / (k + 1))
  d = z.shape[1]
  chosen = [each for total in range(degree + 1) for each in combinations_with_replacement(range(d), total)]
  powers = np.stack([np.bincount(np.asarray(each, int), minlength=d) for each in chosen])
  return jnp.prod(jnp.stack(single)[powers, :, np.arange(d)], axis=1).T


def degree_for(dimensions: int) -> int:
  """The highest total degree, of at most 6, with at most 40 terms."""
  return max(n for n in range(1, 7) if comb(dimensions + n, n) <= 40)


def _kernel(family: Family, phi_a: Array, phi_b: Array, a: Array, b: Array) -> Array:
  """Of the plant as it was at the start."""
  left, right = phi_a @ family.root, phi_b @ family.root
  return left @ right.T + jnp.exp(2 * family.log_signal) * matern(a, b, jnp.exp(family.log_lengthscale))


def _drift(family: Family, when: Array, then: Array) -> Array:
  """(n, m) covariance of a plant's level, less that at the start, after `when` (n,) trials and after `then` (m,)."""
  walk = jnp.exp(2 * family.log_walk) * jnp.minimum(when[:, None], then[None])
  return walk + jnp.exp(2 * family.log_slope) * when[:, None] * then[None]


@partial(jax.jit, static_argnames=("steps", "learning_rate"))
def fit_family(logs: Batch, *, steps: int = 400, learning_rate: float = 0.02) -> Family:
  """Mean and covariance of a family from the logs of other plants.

  Args:
    logs: x (plants, n, d) set-points in the unit box; y (plants, n) standardised; mask (plants, n); in the order of
      time, from which it is learned how plants drift.

  The start is least squares for each plant, the objective the mean of the plants' log marginal likelihoods.
  """
  phi = jax.vmap(terms)(logs.x)
  made = logs.mask.astype(phi.dtype)
  targets = jnp.where(logs.mask, logs.y, 0.0)
  p, d = phi.shape[-1], logs.x.shape[-1]
  ridge = 1e-2 * jnp.eye(p)
  fits = jax.vmap(lambda f, t, m: jnp.linalg.solve((m[:, None] * f).T @ f + ridge, f.T @ t))(phi, targets, made)
  spread = jnp.cov(fits.T) + 1e-4 * jnp.eye(p)
  zero = jnp.zeros(())
  start = Family(
    *(jnp.mean(fits, 0), jnp.linalg.cholesky(spread), jnp.full(d, jnp.log(0.5))),
    *(zero + jnp.log(0.1), zero - 3.0, zero - 4.0, zero - 5.0),
  )
  when = jnp.arange(logs.x.shape[1], dtype=phi.dtype)

  def loss(family: Family) -> Array:
    def of(z: Array, phi: Array, y: Array, mask: Array) -> Array:
      noise = jnp.exp(2 * family.log_noise) * jnp.eye(len(y))
      covariance = _kernel(family, phi, phi, z, z) + _drift(family, when, when) + noise
      return log_marginal(covariance, y - phi @ family.mean, mask)

    return -jnp.sum(jax.vmap(of)(logs.x, phi, targets, logs.mask)) / jnp.sum(made)

  optimiser = optax.adam(learning_rate)

  def step(carry: tuple[Family, optax.OptState], _: None) -> tuple[tuple[Family, optax.OptState], Array]:
    family, state = carry
    value, gradient = jax.value_and_grad(loss)(family)
    return optimise.step(optimiser, gradient, state, family), value

  (family, _), _ = jax.lax.scan(step, optimise.start(optimiser, start), None, length=steps)
  return family


def family_surrogate(family: Family) -> Surrogate:
  """The posterior of a new plant at the next trial, standardised as the logs were."""

  def surrogate(trials: Batch, z: Array) -> Belief:
    phi, asked = terms(trials.x), terms(z)
    when = jnp.arange(len(phi), dtype=phi.dtype)
    following = jnp.max(jnp.where(trials.mask, when + 1.0, 0.0), keepdims=True)
    covariance = _kernel(family, phi, phi, trials.x, trials.x) + _drift(family, when, when)
    covariance = covariance + jnp.exp(2 * family.log_noise) * jnp.eye(len(phi))
    cross = _kernel(family, asked, phi, z, trials.x) + _drift(family, following, when)
    prior = jnp.sum(jnp.square(asked @ family.root), 1) + jnp.exp(2 * family.log_signal)
    prior = prior + _drift(family, following, following)[0]
    more, variance, _ = posterior(covariance, trials.y - phi @ family.mean, trials.mask, cross, prior)
    return Belief((asked @ family.mean + more)[None], variance[None], jnp.ones(1))

  return surrogate
