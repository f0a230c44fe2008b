"""A Gaussian process whose mean and covariance were learned from the trials of other plants.

Z. Wang, G. E. Dahl, K. Swersky et al., "Pre-trained Gaussian processes for Bayesian optimization" (HyperBO), JMLR 25
(2024): mean and kernel maximise the marginal likelihood of the logs of other tasks, after which every posterior is in
closed form. Here the response is a polynomial with random coefficients (P. A. V. B. Swamy, Econometrica 38 (1970)),
whose mean and covariance are learned, and a Matern process for what it leaves; a family whose plants have nothing in
common is left with the process alone.

Given a network, the process acts on what that makes of a set-point and nothing but a level is left of the polynomial,
the deep kernel of M. Wistuba, J. Grabocka, "Few-shot Bayesian optimization with deep kernel surrogates", ICLR 2021,
whose weights are learned with the rest. They fit it once more to the trials of the new task; here it stays as learned.
"""

from collections.abc import Sequence
from functools import partial
from itertools import combinations_with_replacement
from math import comb
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtl_jax import linalg
from mtl_jax.meta import optimise
from mtl_jax.models import MLP
from mtl_jax.tuning.gp import Belief, Surrogate, drawn_matern, log_marginal, matern, posterior
from mtl_jax.types import Array, Batch, PyTree

_solve = linalg.one_at_a_time(jnp.linalg.solve)

_NETWORK = MLP((32, 32, 8))


class Family(NamedTuple):
  """What is known of one response of a kind of plant, standardised.

  Attributes:
    mean: (p,) of the coefficients; root: (p, p), root root' is their covariance
    log_lengthscale: (d,), or (8,) of what the network gives; log_signal, log_noise: (), deviations, of the process and
      of a trial
    log_walk, log_slope: (), deviations of what a plant's level does from one trial to the next: a random walk, and a
      steady drift
    network: of a deep kernel; None: the process acts on the set-points
  """

  mean: Array
  root: Array
  log_lengthscale: Array
  log_signal: Array
  log_noise: Array
  log_walk: Array
  log_slope: Array
  network: PyTree = None


def terms(z: Array) -> Array:
  """(n, p): products of Legendre polynomials up to a total `degree_for` d, of set-points (n, d) in the unit box, in the
  order of their total degree."""
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


def _seen(network: PyTree, z: Array, p: int) -> tuple[Array, Array]:
  """What the p coefficients belong to, and what the process acts on, of set-points (n, d)."""
  if network is None:
    return terms(z)[:, :p], z
  return jnp.ones((len(z), 1)), jnp.asarray(_NETWORK.apply(network, z))


def _kernel(family: Family, a: tuple[Array, Array], b: tuple[Array, Array]) -> Array:
  """Of the plant as it was at the start; what is `_seen` of both."""
  left, right = a[0] @ family.root, b[0] @ family.root
  return left @ right.T + jnp.exp(2 * family.log_signal) * matern(a[1], b[1], jnp.exp(family.log_lengthscale))


def _drift(family: Family, when: Array, then: Array) -> Array:
  """(n, m) covariance of a plant's level, less that at the start, after `when` (n,) trials and after `then` (m,)."""
  walk = jnp.exp(2 * family.log_walk) * jnp.minimum(when[:, None], then[None])
  return walk + jnp.exp(2 * family.log_slope) * when[:, None] * then[None]


def log_likelihood(family: Family, logs: Batch) -> Array:
  """() of a family: log marginal likelihood of plants' logs, as `fit_family` takes them, for each trial."""
  when = jnp.arange(logs.x.shape[1], dtype=logs.x.dtype)

  def of(z: Array, y: Array, mask: Array) -> Array:
    seen, noise = _seen(family.network, z, len(family.mean)), jnp.exp(2 * family.log_noise) * jnp.eye(len(y))
    covariance = _kernel(family, seen, seen) + _drift(family, when, when) + noise
    return log_marginal(covariance, y - seen[0] @ family.mean, mask)

  return jnp.sum(jax.vmap(of)(*logs)) / jnp.sum(logs.mask.astype(logs.x.dtype))


@partial(jax.jit, static_argnames=("degree", "steps", "learning_rate"))
def fit_family(
  logs: Batch,
  *,
  degree: int | None = None,
  steps: int = 400,
  learning_rate: float = 0.02,
  network_key: Array | None = None,
) -> Family:
  """Mean and covariance of a family from the logs of other plants.

  Args:
    degree: the polynomial's highest total degree, at most `degree_for` d, which None stands for.
    network_key: a deep kernel's weights start from it; None: there is none.
    logs: x (plants, n, d) set-points in the unit box; y (plants, n) standardised; mask (plants, n); in the order of
      time, from which it is learned how plants drift.

  The start is least squares for each plant, the objective the mean of the plants' log marginal likelihoods.
  """
  network = None if network_key is None else _NETWORK.init(network_key, logs.x[0])
  settings = logs.x.shape[-1]
  count = comb(settings + (degree_for(settings) if degree is None else degree), settings)
  phi, acts_on = jax.vmap(lambda z: _seen(network, z, count))(logs.x)
  made = logs.mask.astype(phi.dtype)
  targets = jnp.where(logs.mask, logs.y, 0.0)
  p, d = phi.shape[-1], acts_on.shape[-1]
  ridge = 1e-2 * jnp.eye(p)
  fits = jax.vmap(lambda f, t, m: _solve((m[:, None] * f).T @ f + ridge, f.T @ t))(phi, targets, made)
  spread = jnp.cov(fits.T).reshape(p, p) + 1e-4 * jnp.eye(p)
  zero = jnp.zeros(())
  start = Family(
    *(jnp.mean(fits, 0), linalg.cholesky(spread), jnp.full(d, jnp.log(0.5))),
    *(zero + jnp.log(0.1 if network is None else 1.0), zero - 3.0, zero - 4.0, zero - 5.0, network),
  )
  logs = logs._replace(y=targets)

  def loss(family: Family) -> Array:
    return -log_likelihood(family, logs)

  optimiser = optax.adam(learning_rate)

  def step(carry: tuple[Family, optax.OptState], _: None) -> tuple[tuple[Family, optax.OptState], Array]:
    family, state = carry
    value, gradient = jax.value_and_grad(loss)(family)
    return optimise.step(optimiser, gradient, state, family), value

  (family, _), _ = jax.lax.scan(step, optimise.start(optimiser, start), None, length=steps)
  return family


def likeliest_degree(logs: Batch, degrees: Sequence[int]) -> tuple[Family, int]:
  """The family of that degree under which every fourth plant is likeliest, which it was not fitted to; fitted to all.

  A polynomial that is more bent than plants are costs little likelihood where there are many trials and much where
  there are few; what it takes for a bend it does not take for drift.

  Args:
    logs: as in `fit_family`, of at least four plants.
    degrees: at most `degree_for` d each.

  Raises: ValueError for fewer plants or a higher degree.
  """
  highest = degree_for(logs.x.shape[-1])
  if len(logs.x) < 4 or max(degrees) > highest:
    raise ValueError(f"need four plants or more and degrees up to {highest}, not {len(logs.x)} and {tuple(degrees)}")
  left_out = np.arange(len(logs.x)) % 4 == 3
  fitted, judged = (jax.tree.map(lambda leaf, of=of: leaf[of], logs) for of in (~left_out, left_out))
  found = [float(log_likelihood(fit_family(fitted, degree=degree), judged)) for degree in degrees]
  chosen = degrees[int(np.argmax(found))]
  return fit_family(logs, degree=chosen), chosen


def family_surrogate(family: Family, draw: Array | None = None) -> Surrogate:
  """The posterior of a new plant at the next trial, standardised as the logs were; `draw` as in `gp.gp_surrogate`."""
  return lambda trials, z: _conditioned(family, draw, trials, z)


@jax.jit  # within another: of several outcomes and places of one shape it is traced once
def _conditioned(family: Family, draw: Array | None, trials: Batch, z: Array) -> Belief:
  p = len(family.mean)
  seen, asked = _seen(family.network, trials.x, p), _seen(family.network, z, p)
  when = jnp.arange(len(trials.x), dtype=z.dtype)
  following = jnp.max(jnp.where(trials.mask, when + 1.0, 0.0), keepdims=True)
  covariance = _kernel(family, seen, seen) + _drift(family, when, when)
  covariance = covariance + jnp.exp(2 * family.log_noise) * jnp.eye(len(when))
  cross = _kernel(family, asked, seen) + _drift(family, following, when)
  prior = jnp.sum(jnp.square(asked[0] @ family.root), 1) + jnp.exp(2 * family.log_signal)
  prior = prior + _drift(family, following, following)[0]
  more, variance, _ = posterior(covariance, trials.y - seen[0] @ family.mean, trials.mask, cross, prior)
  belief = Belief((asked[0] @ family.mean + more)[None], variance[None], jnp.ones(1))
  if draw is None:
    return belief
  key = jax.random.fold_in(draw, jnp.sum(trials.mask))
  before, would_give = _drawn(key, family, asked, seen, following[0])
  more, _, _ = posterior(covariance, trials.y - would_give, trials.mask, cross, prior)
  return belief._replace(draw=before + more)


def _drawn(
  key: Array, family: Family, asked: tuple[Array, Array], seen: tuple[Array, Array], following: Array
) -> tuple[Array, Array]:
  """From the prior: responses (q,) after `following` () trials, and what trials (n,) of the same plant measured."""
  keys, (q, n) = jax.random.split(key, 5), (len(asked[0]), len(seen[0]))
  coefficients = family.mean + family.root @ jax.random.normal(keys[0], family.mean.shape)
  places = jnp.vstack([asked[1], seen[1]])
  still = jnp.exp(family.log_signal) * drawn_matern(keys[1], places, jnp.exp(family.log_lengthscale))
  still = still + jnp.vstack([asked[0], seen[0]]) @ coefficients
  walk = jnp.exp(family.log_walk) * jnp.cumsum(jax.random.normal(keys[2], (n,)))
  slope = jnp.exp(family.log_slope) * jax.random.normal(keys[3])
  level = jnp.concatenate([jnp.zeros(1), walk]) + slope * jnp.arange(n + 1, dtype=walk.dtype)
  noise = jnp.exp(family.log_noise) * jax.random.normal(keys[4], (n,))
  return still[:q] + level[following.astype(int)], still[q:] + level[:n] + noise
