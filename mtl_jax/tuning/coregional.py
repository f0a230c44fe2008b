"""A multi-task Gaussian process: what plants have in common, and what is a plant's own.

K. Swersky, J. Snoek, R. P. Adams, "Multi-task Bayesian optimization", NeurIPS 2013, with one correlation between any
two plants (E. V. Bonilla et al., NeurIPS 2007, with B = c 11' + o I):

  cov(f_s(a), f_t(b)) = k_common(a, b) + [s = t] k_own(a, b)

The logs of past plants are conditioned on once; what they leave of the common part is the prior of a new plant.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax import linalg
from mtl_jax.meta import optimise
from mtl_jax.tuning.gp import Belief, Surrogate, log_marginal, matern, posterior
from mtl_jax.types import Array, Batch


class _Process(NamedTuple):
  """Logarithms of lengthscales (d,) and deviations ()."""

  common_lengthscale: Array
  own_lengthscale: Array
  common: Array
  own: Array
  noise: Array


def _common(p: _Process, a: Array, b: Array) -> Array:
  return jnp.exp(2 * p.common) * matern(a, b, jnp.exp(p.common_lengthscale))


def _own(p: _Process, a: Array, b: Array) -> Array:
  return jnp.exp(2 * p.own) * matern(a, b, jnp.exp(p.own_lengthscale))


def coregional_surrogate(logs: Batch, *, steps: int = 150, learning_rate: float = 0.05) -> Surrogate:
  """Of past plants x (plants, n, d), y and mask (plants, n), standardised; few of them, all are one process."""
  plants, n, d = logs.x.shape
  x, mask = logs.x.reshape(-1, d), logs.mask.reshape(-1)
  y = jnp.where(mask, logs.y.reshape(-1), 0.0)
  same = jnp.kron(jnp.eye(plants), jnp.ones((n, n)))

  def covariance(p: _Process) -> Array:
    return _common(p, x, x) + same * _own(p, x, x) + jnp.exp(2 * p.noise) * jnp.eye(len(x))

  optimiser = optax.adam(learning_rate)

  @jax.jit
  def fitted(start: _Process) -> _Process:
    def step(carry, _: None):
      p, state = carry
      gradient = jax.grad(lambda p: -log_marginal(covariance(p), y, mask) / len(x))(p)
      return optimise.step(optimiser, gradient, state, p), None

    return jax.lax.scan(step, optimise.start(optimiser, start), None, length=steps)[0][0]

  half, zero = jnp.full(d, jnp.log(0.5)), jnp.zeros(())
  p = fitted(_Process(half, half, zero, zero - 0.7, zero - 3.0))
  made = mask[:, None] & mask[None]
  factor = linalg.cholesky(jnp.where(made, covariance(p), 0.0) + jnp.diag(jnp.where(mask, 1e-4, 1.0)))
  weights = linalg.solve_cholesky(factor, y)

  def surrogate(trials: Batch, z: Array) -> Belief:
    def past(at: Array) -> tuple[Array, Array]:
      """Mean of the common part, and the whitened covariance with the logs."""
      cross = jnp.where(mask[None], _common(p, at, x), 0.0)
      return cross @ weights, linalg.solve_lower(factor, cross.T)

    (mean, seen), (asked, reach) = past(trials.x), past(z)
    between = _common(p, trials.x, trials.x) - seen.T @ seen + _own(p, trials.x, trials.x)
    cross = _common(p, z, trials.x) - reach.T @ seen + _own(p, z, trials.x)
    prior = jnp.exp(2 * p.common) - jnp.sum(jnp.square(reach), 0) + jnp.exp(2 * p.own)
    noisy = between + (jnp.exp(2 * p.noise) + 1e-4) * jnp.eye(len(mean))
    more, variance, _ = posterior(noisy, trials.y - mean, trials.mask, cross, prior)
    return Belief((asked + more)[None], variance[None], jnp.ones(1))

  return surrogate
