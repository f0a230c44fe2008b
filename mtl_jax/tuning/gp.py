"""Gaussian processes on few, masked trials: the plain one, and what every surrogate of a response answers.

C. E. Rasmussen, C. K. I. Williams, "Gaussian processes for machine learning", MIT Press 2006: equations 2.25 and 2.26
(posterior), 2.30 (marginal likelihood), algorithm 2.1.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax import linalg
from mtl_jax.types import Array, Batch


class Belief(NamedTuple):
  """Normal beliefs about the response at q set-points, one for each of h hypotheses.

  Attributes:
    mean, variance: (h, q), of the response without a trial's noise
    weight: (h,), sums to one
    draw: (q,) one joint draw of the response from the mixture, of surrogates that were given a key, for `thompson`
  """

  mean: Array
  variance: Array
  weight: Array
  draw: Array | None = None


Surrogate = Callable[[Batch, Array], Belief]
"""surrogate(trials, z) -> Belief; trials.x (n, d) in the unit box, trials.y (n,), trials.mask (n,), z (q, d)."""

_JITTER = 1e-5
_DRAW_JITTER = 1e-5  # of a correlation at many places; what it adds is drawn independently at each


def matern(a: Array, b: Array, lengthscale: Array) -> Array:
  """(n, m): Matern 5/2 of variance 1 (equation 4.17); a (n, d), b (m, d), lengthscale (d,)."""
  left, right = a / lengthscale[None], b / lengthscale[None]
  squared = jnp.sum(jnp.square(left[:, None] - right[None]), -1)
  r = jnp.sqrt(5.0 * jnp.maximum(squared, 1e-12))
  return (1.0 + r + jnp.square(r) / 3.0) * jnp.exp(-r)


def drawn_matern(key: Array, places: Array, lengthscale: Array) -> Array:
  """(n,): one draw of a process of covariance `matern` at places (n, d), up to about a thousand."""
  correlation = matern(places, places, lengthscale) + _DRAW_JITTER * jnp.eye(len(places))
  return linalg.cholesky(correlation) @ jax.random.normal(key, (len(places),))


def _of_the_made(covariance: Array, mask: Array) -> Array:
  """Covariance of the trials that were made; the others are independent of everything, with a variance of 1."""
  made = mask[:, None] & mask[None]
  return jnp.where(made, covariance, 0.0) + jnp.diag(jnp.where(mask, _JITTER, 1.0))


def log_marginal(covariance: Array, error: Array, mask: Array) -> Array:
  """() logarithm of the density of the trials; covariance (n, n) with noise, error (n,) = y - prior mean."""
  factor, left = linalg.cholesky(_of_the_made(covariance, mask)), jnp.where(mask, error, 0.0)
  count = jnp.sum(mask.astype(left.dtype))
  spread = jnp.sum(jnp.log(jnp.diagonal(factor)))
  return -0.5 * left @ linalg.solve_cholesky(factor, left) - spread - 0.5 * count * jnp.log(2.0 * jnp.pi)


def _eliminated(covariance: Array, right: Array) -> tuple[Array, Array]:
  """(n,) the pivots of the Cholesky factor L of covariance (n, n), and (n, m) L^-1 right, column by column.

  Plain arithmetic and not LAPACK: of a few trials it is as quick, and on a CPU two batched calls of LAPACK that are in
  flight at a time, as of a response and its limits, wait for each other's threads for ever (jaxlib 0.10, two cores).
  """
  n = len(covariance)

  def step(carry: tuple[Array, Array], k: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    left, right = carry
    pivot = jnp.sqrt(left[k, k])
    column = jnp.where(jnp.arange(n) > k, left[:, k] / pivot, 0.0)
    solved = right[k] / pivot
    return (left - column[:, None] * column[None], right - column[:, None] * solved[None]), (pivot, solved)

  return jax.lax.scan(step, (covariance, right), jnp.arange(n))[1]


def posterior(covariance: Array, error: Array, mask: Array, cross: Array, prior: Array) -> tuple[Array, Array, Array]:
  """(q,), (q,), (): what the trials add to the prior mean, the variance they leave, and their `log_marginal`.

  Args:
    covariance: (n, n) of the trials, with noise; error: (n,) y - prior mean; mask: (n,).
    cross: (q, n) covariance of the response with that of the trials; prior: (q,) variance before.
  """
  left, cross = jnp.where(mask, error, 0.0), jnp.where(mask[None], cross, 0.0)
  pivots, solved = _eliminated(_of_the_made(covariance, mask), jnp.concatenate([left[:, None], cross.T], axis=1))
  whitened, seen = solved[:, 0], solved[:, 1:]
  count = jnp.sum(mask.astype(left.dtype))
  density = -0.5 * whitened @ whitened - jnp.sum(jnp.log(pivots)) - 0.5 * count * jnp.log(2.0 * jnp.pi)
  return whitened @ seen, jnp.maximum(prior - jnp.sum(jnp.square(seen), 0), 1e-10), density


def gp_surrogate(
  key: Array,
  dimensions: int,
  hypotheses: int = 64,
  lengthscale: tuple[float, float] = (0.1, 3.0),
  draw: Array | None = None,
) -> Surrogate:
  """One plant's trials and nothing else; y standardised by what is known of the kind of plant.

  Hyper-parameters are not picked but averaged over, as J. Snoek, H. Larochelle, R. P. Adams ("Practical Bayesian
  optimization of machine learning algorithms", NeurIPS 2012, section 3.2) do, here over draws from the prior, each
  weighted by the marginal likelihood: lengthscales and the noise's deviation (0.01 to 0.3) are log-uniform, the
  variance of the response log-normal around 1.

  Args:
    draw: key of `Belief.draw`, which is another one after every trial: a hypothesis is drawn by its weight, a response
      from its prior, and that is conditioned on the trials (Matheron's rule: J. T. Wilson et al., "Efficiently sampling
      functions from Gaussian process posteriors", ICML 2020).
  """
  keys = jax.random.split(key, 3)
  low, high = jnp.log(lengthscale[0]), jnp.log(lengthscale[1])
  scales = jnp.exp(jax.random.uniform(keys[0], (hypotheses, dimensions), minval=low, maxval=high))
  noise = jnp.exp(jax.random.uniform(keys[1], (hypotheses,), minval=jnp.log(0.01), maxval=jnp.log(0.3)))
  signal = jnp.exp(jax.random.normal(keys[2], (hypotheses,)))

  def surrogate(trials: Batch, z: Array) -> Belief:
    def of(y: Array, lengthscale: Array, noise: Array, signal: Array) -> tuple[Array, Array, Array]:
      covariance = signal * matern(trials.x, trials.x, lengthscale)
      covariance = covariance + jnp.square(noise) * jnp.eye(len(trials.x))
      cross = signal * matern(z, trials.x, lengthscale)
      return posterior(covariance, y, trials.mask, cross, jnp.full(len(z), signal))

    mean, variance, likelihood = jax.vmap(of, (None, 0, 0, 0))(trials.y, scales, noise, signal)
    belief = Belief(mean, variance, jax.nn.softmax(likelihood))
    if draw is None:
      return belief
    keys = jax.random.split(jax.random.fold_in(draw, jnp.sum(trials.mask)), 3)
    h = jax.random.categorical(keys[0], likelihood)
    before = jnp.sqrt(signal[h]) * drawn_matern(keys[1], jnp.vstack([z, trials.x]), scales[h])
    would_give = before[len(z) :] + noise[h] * jax.random.normal(keys[2], trials.y.shape)
    more, _, _ = of(trials.y - would_give, scales[h], noise[h], signal[h])
    return belief._replace(draw=before[: len(z)] + more)

  return surrogate
