"""The losses of heads against SciPy's distributions, in value and gradient, and at extremes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from scipy.spatial.distance import cdist
from scipy.special import expit, huber

from mtl_jax import losses

RNG = np.random.default_rng(0)
N = 40
CENTRE = np.array([0.5, -1.0, 2.0])
PREDICTION = RNG.normal(size=(N, 2)) * 1.5
TIMES = np.stack([RNG.weibull(1.5, N) * 30 + 0.1, RNG.random(N) < 0.6], axis=1)


def _negative_binomial(p, y):
  r = np.exp(-p[:, 1])
  return -scipy.stats.nbinom.logpmf(y, r, r / (r + np.exp(p[:, 0])))


def _zero_inflated(p, y):
  structural = expit(p[:, 1])
  return -np.log(structural * (y == 0) + (1 - structural) * scipy.stats.poisson.pmf(y, np.exp(p[:, 0])))


def _weibull(p, y):
  life = scipy.stats.weibull_min(np.exp(p[:, 0]), scale=np.exp(p[:, 1]))
  return -np.where(y[:, 1] == 1, life.logpdf(y[:, 0]), life.logsf(y[:, 0]))


def _ordinal(p, y):
  """The probability between neighbouring thresholds, from the logistic distribution of the latent scale."""
  gaps = np.log1p(np.exp(p[:, 2:]))
  inner = np.cumsum(np.concatenate([p[:, 1:2], gaps], axis=1), axis=1)
  edges = np.pad(inner, ((0, 0), (1, 0)), constant_values=-np.inf)
  edges = np.pad(edges, ((0, 0), (0, 1)), constant_values=np.inf)
  cdf = scipy.stats.logistic.cdf(edges, loc=p[:, :1])
  return -np.log(np.diff(cdf, axis=1)[np.arange(len(y)), y])


CASES = {
  "huber": (
    partial(losses.huber, delta=0.7),
    lambda p, y: huber(0.7, p - y).mean(1),
    PREDICTION,
    RNG.normal(size=(N, 2)),
  ),
  "gaussian": (
    losses.gaussian,
    lambda p, y: -scipy.stats.norm.logpdf(y, p[:, 0], np.exp(p[:, 1] / 2)),
    PREDICTION,
    RNG.normal(size=N) * 3,
  ),
  "poisson": (
    losses.poisson,
    lambda p, y: -scipy.stats.poisson.logpmf(y, np.exp(p))[:, 0],
    PREDICTION[:, :1],
    RNG.poisson(2.0, (N, 1)) * 1.0,
  ),
  "negative_binomial": (losses.negative_binomial, _negative_binomial, PREDICTION, RNG.poisson(3.0, N) * 1.0),
  "zero_inflated_poisson": (losses.zero_inflated_poisson, _zero_inflated, PREDICTION, RNG.poisson(1.0, N) * 1.0),
  "weibull": (losses.weibull, _weibull, PREDICTION * 0.3 + np.array([0.3, 3.0]), TIMES),
  "ordinal": (losses.ordinal, _ordinal, RNG.normal(size=(N, 5)), RNG.integers(0, 5, N)),
  "svdd": (
    lambda p, y: losses.svdd(p, y, jnp.asarray(CENTRE, p.dtype)),
    lambda p, y: np.where(y == 1, 0.0, cdist(p, CENTRE[None], "sqeuclidean")[:, 0]),
    RNG.normal(size=(N, 3)),
    (RNG.random(N) < 0.3) * 1.0,
  ),
}


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_are_those_of_scipy(name):
  """The gradient is compared with central differences of SciPy's value."""
  loss, reference, p, y = CASES[name]
  with jax.enable_x64(True):
    value, gradient = jax.jit(
      lambda p: (loss(p, jnp.asarray(y)), jax.grad(lambda p: loss(p, jnp.asarray(y)).sum())(p))
    )(jnp.asarray(p))
  assert value.shape == (N,) and value.dtype == np.float64
  np.testing.assert_allclose(value, reference(p, y), rtol=1e-10, atol=1e-10)
  step = 1e-5
  for column in range(p.shape[1]):
    move = step * np.eye(p.shape[1])[column]
    difference = (reference(p + move, y) - reference(p - move, y)) / (2 * step)
    np.testing.assert_allclose(gradient[:, column], difference, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", CASES)
def test_many_tasks_are_a_vmap_and_nothing_is_promoted(name):
  loss, _, p, y = CASES[name]
  p, y = jnp.asarray(p, jnp.float32), jnp.asarray(y, jnp.int32 if name == "ordinal" else jnp.float32)
  together = jax.jit(jax.vmap(loss))(jnp.stack([p, -p]), jnp.stack([y, y]))
  assert together.dtype == jnp.float32
  np.testing.assert_allclose(together[1], jax.jit(loss)(-p, y), rtol=1e-5, atol=1e-6)


COUNTS = ("poisson", "negative_binomial", "zero_inflated_poisson")
EXTREMES = {
  "huber": ([[1e30], [-1e30], [0.0]], [[0.0], [0.0], [0.0]]),
  "gaussian": ([[0.0, 80.0], [0.0, -80.0], [1e5, -10.0], [3.0, -170.0]], [5.0, 1.0, -1e5, 3.0]),
  "poisson": ([[80.0], [-80.0], [-80.0], [13.8]], [[0.0], [0.0], [1e6], [1e6]]),
  "negative_binomial": (
    [[13.0, -15.0], [13.0, 60.0], [-60.0, 2.0], [2.0, -60.0], [-60.0, -60.0], [80.0, 5.0], [80.0, 80.0], [13.8, -20.0]]
    + [[2.0, 95.0], [2.0, 95.0]],
    [1e6, 1e6, 3.0, 5.0, 0.0, 0.0, 2.0, 1e6, 0.0, 3.0],
  ),
  "zero_inflated_poisson": (
    [[80.0, 90.0], [80.0, -90.0], [-80.0, -90.0], [13.8, 90.0], [95.0, 0.0]],
    [0.0, 0.0, 0.0, 1e6, 0.0],
  ),
  "weibull": ([[2.0, -8.0], [3.0, 80.0], [-9.0, -80.0], [-60.0, 60.0]], [[1.0, 1], [1e6, 0], [1e-6, 1], [3.0, 1]]),
  "ordinal": ([[90.0, -90.0, -90.0], [1e4, -1e4, 1e3], [-1e4, 1e4, -1e4], [0.0, 0.0, -1e4]], [0, 0, 2, 1]),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes_are_finite_in_float32_and_what_float64_says(name):
  loss = getattr(losses, name)
  p, y = (np.asarray(part) for part in EXTREMES[name])

  def both(p, y):
    return loss(p, y), jax.grad(lambda p: jnp.sum(loss(p, y)))(p)

  whole = name == "ordinal"
  value, gradient = jax.jit(both)(jnp.asarray(p, jnp.float32), jnp.asarray(y, jnp.int32 if whole else jnp.float32))
  assert np.isfinite(value).all() and np.isfinite(gradient).all()
  with jax.enable_x64(True):
    expected, slope = jax.jit(both)(jnp.asarray(p), jnp.asarray(y))
  value, gradient, expected, slope = (np.asarray(part, np.float64) for part in (value, gradient, expected, slope))
  # A count of a million has a log-likelihood that is the difference of terms of 1.3e7.
  size = np.max(np.abs(y.reshape(len(y), -1)), axis=1) if name in COUNTS else np.zeros(len(y))
  assert (np.abs(value - expected) <= 1e-3 + 2e-4 * np.abs(expected) + 5e-6 * size).all()
  assert (np.abs(gradient - slope) <= 1e-3 + 1e-3 * np.abs(slope) + 1e-6 * size[:, None]).all()


def test_a_negative_binomial_without_dispersion_is_poisson_and_a_poisson_without_structural_zeros_too():
  rate, y = jnp.asarray([-1.0, 0.5, 3.0, 2.0]), jnp.asarray([0.0, 1.0, 25.0, 0.0])
  expected = losses.poisson(rate, y)
  nothing = jnp.full(4, -40.0)
  two = jnp.stack([rate, nothing], axis=1)
  np.testing.assert_allclose(jax.jit(losses.negative_binomial)(two, y), expected, rtol=1e-4)
  np.testing.assert_allclose(jax.jit(losses.zero_inflated_poisson)(two, y), expected, rtol=1e-5)


def test_two_ordered_classes_are_a_binary_choice_and_many_sum_to_one():
  p = jnp.asarray(RNG.normal(size=(6, 2)), jnp.float32)
  y = jnp.asarray([0, 1, 0, 1, 1, 0])
  odds, either = p[:, :1] - p[:, 1:], y[:, None].astype(jnp.float32)
  np.testing.assert_allclose(jax.jit(losses.ordinal)(p, y), losses.binary_cross_entropy(odds, either), rtol=1e-5)
  wide = jnp.asarray(RNG.normal(size=(50, 7)) * 5, jnp.float32)
  np.testing.assert_allclose(jnp.exp(jax.jit(losses.ordinal_log_probabilities)(wide)).sum(1), 1.0, rtol=1e-5)


def test_odds_of_being_above_are_proportional():
  """log P(y > j) / P(y <= j) = eta - theta_j, so that a step of eta moves all of them by the same."""
  thresholds = jnp.asarray([-1.0, 0.3, 2.0])
  p = jnp.stack([jnp.concatenate([jnp.asarray([eta]), thresholds]) for eta in (0.0, 1.7)])
  cumulative = np.cumsum(np.exp(np.asarray(losses.ordinal_log_probabilities(p), np.float64)), axis=1)[:, :-1]
  odds = np.log((1 - cumulative) / cumulative)
  np.testing.assert_allclose(odds[1] - odds[0], 1.7, rtol=1e-5)
  np.testing.assert_allclose(-odds[0], -1.0 + np.cumsum([0, *np.log1p(np.exp([0.3, 2.0]))]), rtol=1e-5)


@pytest.mark.parametrize(
  ("name", "wrong"),
  [
    ("poisson", -1.0),
    ("negative_binomial", -1.0),
    ("zero_inflated_poisson", -2.0),
    ("poisson", np.nan),
    ("negative_binomial", np.nan),
    ("zero_inflated_poisson", np.nan),
    ("weibull", np.nan),
    ("weibull", 0.0),
    ("weibull", -3.0),
    ("ordinal", -1),
    ("ordinal", 5),
  ],
)
def test_a_target_that_cannot_be_gives_nan_and_no_gradient_where_it_is_masked(name, wrong):
  loss, _, p, y = CASES[name]
  y = np.array(y)
  y[3] = wrong
  p, y, mask = (
    jnp.asarray(p, jnp.float32),
    jnp.asarray(y, jnp.int32 if name == "ordinal" else jnp.float32),
    np.ones(N, bool),
  )
  mask[3] = False
  assert np.isnan(jax.jit(loss)(p, y)).tolist() == (~mask).tolist()
  gradient = jax.jit(jax.grad(lambda p: jnp.sum(jnp.where(mask, loss(p, y), 0.0))))(p)
  assert np.isfinite(gradient).all() and not np.any(gradient[3])


@pytest.mark.parametrize("name", CASES)
def test_shapes_that_do_not_fit_are_refused(name):
  loss, _, p, y = CASES[name]
  with jax.numpy_rank_promotion("allow"), pytest.raises(ValueError, match=rf"\({N}"):
    loss(jnp.asarray(p), jnp.asarray(y)[..., None])
  with jax.numpy_rank_promotion("allow"), pytest.raises(ValueError, match=rf"\({N}"):
    loss(jnp.asarray(p)[:, 0], jnp.asarray(y))


def test_one_class_of_a_scale_is_refused():
  with pytest.raises(ValueError, match="at least two"):
    losses.ordinal(jnp.ones((3, 1)), jnp.zeros(3, jnp.int32))
