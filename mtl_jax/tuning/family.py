"""A Gaussian process whose mean and covariance were learned from the trials of other plants.

Z. Wang, G. E. Dahl, K. Swersky et al., "Pre-trained Gaussian processes for Bayesian optimization" (HyperBO), JMLR 25
(2024): mean and kernel maximise the marginal likelihood of the logs of other tasks, after which every posterior is in
closed form. Here the response is a polynomial with random coefficients (P. A. V. B. Swamy, Econometrica 38 (1970)),
whose mean and covariance are learned, and a Matern process for what it leaves; a family whose plants have nothing in
common is left with the process alone.
"""

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
  """What is known of a kind of plant, for responses standardised by `scale`.

  Attributes:
    mean: (p,) of the coefficients; root: (p, p), root root' is their covariance
    log_lengthscale: (d,), log_signal, log_noise: (), deviations, of the process and of a trial
    scale: (2,) mean and deviation of the response over other plants, in its unit
  """

  mean: Array
  root: Array
  log_lengthscale: Array
  log_signal: Array
  log_noise: Array
  scale: Array


def terms(z: Array) -> Array:
  """(n, p): products of Legendre polynomials up to a total `degree_for` d, of set-points (n, d) in the unit box."""
  t, degree = 2.0 * z - 1.0, degree_for(z.shape[1])
  single = [jnp.ones_like(t), t]
  for k in range(1, degree):
    single.append(((2 * k + 1) * t * single[k] - k * single[k - 1]) / (k + 1))
  columns = []
  for total in range(degree + 1):
    for chosen in combinations_with_replacement(range(z.shape[1]), total):
      counts = np.bincount(np.asarray(chosen, int), minlength=z.shape[1])
      columns.append(jnp.prod(jnp.stack([single[n][:, j] for j, n in enumerate(counts)]), axis=0))
  return jnp.stack(columns, axis=1)


def degree_for(dimensions: int) -> int:
  """The highest total degree, of at most 6, with at most 40 terms."""
  return max(n for n in range(1, 7) if comb(dimensions + n, n) <= 40)


def _kernel(family: Family, phi_a: Array, phi_b: Array, a: Array, b: Array) -> Array:
  left, right = phi_a @ family.root, phi_b @ family.root
  return left @ right.T + jnp.exp(2 * family.log_signal) * matern(a, b, jnp.exp(family.log_lengthscale))


def fit_family(z: Array, y: Array, *, steps: int = 400, learning_rate: float = 0.02) -> Family:
  """Mean and covariance of a family from the logs of other plants.

  Args:
    z: (plants, n, d) set-points in the unit box; y: (plants, n) noisy responses, in their unit.

  The start is least squares for each plant, the objective the mean of the plants' log marginal likelihoods.
  """
  scale = jnp.stack([jnp.mean(y), jnp.std(y)])
  targets = (y - scale[0]) / scale[1]
  phi = jax.vmap(terms)(z)
  p, d = phi.shape[-1], z.shape[-1]
  ridge = 1e-2 * jnp.eye(p)
  fits = jax.vmap(lambda f, t: jnp.linalg.solve(f.T @ f + ridge, f.T @ t))(phi, targets)
  spread = jnp.cov(fits.T) + 1e-4 * jnp.eye(p)
  zero = jnp.zeros(())
  start = Family(
    jnp.mean(fits, 0), jnp.linalg.cholesky(spread), jnp.full(d, jnp.log(0.5)), zero + jnp.log(0.1), zero - 3.0, scale
  )

  def loss(family: Family) -> Array:
    def of(z: Array, phi: Array, y: Array) -> Array:
      noise = jnp.exp(2 * family.log_noise) * jnp.eye(len(y))
      return log_marginal(_kernel(family, phi, phi, z, z) + noise, y - phi @ family.mean, jnp.ones(len(y), bool))

    return -jnp.mean(jax.vmap(of)(z, phi, targets)) / y.shape[1]

  optimiser = optax.adam(learning_rate)

  def step(carry: tuple[Family, optax.OptState], _: None) -> tuple[tuple[Family, optax.OptState], Array]:
    family, state = carry
    value, gradient = jax.value_and_grad(loss)(family)
    return optimise.step(optimiser, gradient._replace(scale=jnp.zeros(2)), state, family), value

  (family, _), _ = jax.jit(lambda f: jax.lax.scan(step, optimise.start(optimiser, f), None, length=steps))(start)
  return family


def family_surrogate(family: Family) -> Surrogate:
  """The posterior of a new plant; trials and answers standardised by `family.scale`."""

  def surrogate(trials: Batch, z: Array) -> Belief:
    phi, asked = terms(trials.x), terms(z)
    covariance = _kernel(family, phi, phi, trials.x, trials.x) + jnp.exp(2 * family.log_noise) * jnp.eye(len(phi))
    cross = _kernel(family, asked, phi, z, trials.x)
    prior = jnp.sum(jnp.square(asked @ family.root), 1) + jnp.exp(2 * family.log_signal)
    more, variance = posterior(covariance, trials.y - phi @ family.mean, trials.mask, cross, prior)
    return Belief((asked @ family.mean + more)[None], variance[None], jnp.ones(1))

  return surrogate
