"""Draws of a response, deep kernels and networks as surrogates: against dense algebra and on plants made up here."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_legendre, softmax
from scipy.stats import multivariate_normal

from mtl_jax import tuning
from mtl_jax.tasks.processes import PLANTS, Outcome
from mtl_jax.tuning import comparison
from mtl_jax.tuning.family import degree_for
from mtl_jax.tuning.gp import drawn_matern
from mtl_jax.tuning.network import episode
from mtl_jax.types import Batch

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)
MASK = np.arange(5) < 4
X, ASKED = RNG.random((5, 1)), np.linspace(0.05, 0.95, 4)[:, None]
Y = np.sin(3 * X[:, 0])
TRIALS = Batch(jnp.asarray(X, jnp.float32), jnp.asarray(Y, jnp.float32), jnp.asarray(MASK))
DRAWS = 10_000
NO_NOISE = jnp.asarray(0.0)


def matern(a, b, lengthscale):
  r = np.sqrt(5 * np.sum(((a[:, None] - b[None]) / lengthscale) ** 2, -1))
  return (1 + r + r**2 / 3) * np.exp(-r)


def conditioned(k, mean, noise):
  """Mean and covariance at ASKED given the trials that were made, from k (9, 9) and mean (9,) of trials and ASKED."""
  made, asked = np.flatnonzero(MASK), np.arange(5, 9)
  gain = np.linalg.solve(k[np.ix_(made, made)] + noise**2 * np.eye(len(made)), k[np.ix_(made, asked)]).T
  return mean[asked] + gain @ (Y[made] - mean[made]), k[np.ix_(asked, asked)] - gain @ k[np.ix_(made, asked)]


def agree(draws, mean, covariance):
  deviation = np.sqrt(np.diag(covariance))
  assert np.max(np.abs(draws.mean(0) - mean) / deviation) < 4 / np.sqrt(DRAWS)
  off = (np.cov(draws.T) - covariance) / (deviation[:, None] * deviation[None])
  assert np.max(np.abs(off)) < 5 * np.sqrt(2 / DRAWS)


def test_draws_of_the_family_have_its_posteriors_mean_and_covariance():
  """Polynomial, process, random walk and slope; the posterior is written out as one dense process of place and time."""
  p = degree_for(1) + 1
  root, mean = (np.eye(p) + np.tril(RNG.normal(size=(p, p)), -1) / 4) / 3, RNG.normal(size=p)
  numbers = (mean, root, np.log([0.4]), np.log(0.5), np.log(0.3), np.log(0.2), np.log(0.1))
  family = tuning.Family(*(jnp.asarray(each, jnp.float32) for each in numbers))
  asked = jnp.asarray(ASKED, jnp.float32)
  found = jax.jit(jax.vmap(lambda key: tuning.family_surrogate(family, key)(TRIALS, asked).draw))
  draws = np.asarray(found(jax.random.split(KEY, DRAWS)), float)
  places, when = np.concatenate([X, ASKED]), np.asarray([0, 1, 2, 3, 4, 4, 4, 4, 4.0])
  phi = np.stack([eval_legendre(k, 2 * places[:, 0] - 1) for k in range(p)], axis=1)
  k = phi @ root @ root.T @ phi.T + 0.5**2 * matern(places, places, 0.4)
  k += 0.2**2 * np.minimum(when[:, None], when) + 0.1**2 * when[:, None] * when
  agree(draws, *conditioned(k, phi @ mean, 0.3))


def test_draws_of_the_plain_process_are_those_of_its_mixture():
  """Of three hypotheses, weighted by their marginal likelihoods: the law of total covariance."""
  given, asked = jax.random.key(1), jnp.asarray(ASKED, jnp.float32)
  found = jax.jit(jax.vmap(lambda key: tuning.gp_surrogate(given, 1, 3, draw=key)(TRIALS, asked).draw))
  draws = np.asarray(found(jax.random.split(KEY, DRAWS)), float)
  keys = jax.random.split(given, 3)
  scales = np.exp(jax.random.uniform(keys[0], (3, 1), minval=jnp.log(0.1), maxval=jnp.log(3.0)))
  noises = np.exp(jax.random.uniform(keys[1], (3,), minval=jnp.log(0.01), maxval=jnp.log(0.3)))
  signals = np.exp(jax.random.normal(keys[2], (3,)))
  places, each, logarithm = np.concatenate([X, ASKED]), [], []
  for scale, noise, signal in zip(scales, noises, signals, strict=True):
    k = signal * matern(places, places, scale)
    each.append(conditioned(k, np.zeros(9), noise))
    logarithm.append(multivariate_normal(np.zeros(4), k[:4, :4] + noise**2 * np.eye(4)).logpdf(Y[:4]))
  weight = softmax(logarithm)
  assert np.sort(weight)[1] > 0.3
  mean = sum(w * m for w, (m, _) in zip(weight, each, strict=True))
  agree(draws, mean, sum(w * (c + np.outer(m - mean, m - mean)) for w, (m, c) in zip(weight, each, strict=True)))


def test_a_draw_at_a_thousand_candidates_is_finite_and_another_one_after_every_trial():
  z = tuning.sobol(1024, np.full(2, 0.5))
  draw = jax.jit(drawn_matern)
  for lengthscale in (0.1, 3.0):
    assert bool(jnp.all(jnp.isfinite(draw(KEY, z, jnp.full(2, lengthscale)))))
  surrogate = jax.jit(tuning.gp_surrogate(KEY, 1, 1, draw=KEY))
  one, two = (surrogate(TRIALS._replace(mask=jnp.arange(5) < n), TRIALS.x[4:]).draw for n in (0, 1))
  assert float(one[0]) != float(two[0])


def test_thompson_weighs_what_a_draw_gains_by_the_limits_and_needs_a_draw():
  belief = tuning.Belief(jnp.zeros((1, 3)), jnp.ones((1, 3)), jnp.ones(1), jnp.asarray([2.0, 1.5, -1.0]))
  found = tuning.thompson(belief, jnp.asarray(0.5), jnp.asarray([0.5, 1.0, 0.1]))
  np.testing.assert_allclose(found, [0.75, 1.0, -1.5])
  with pytest.raises(ValueError, match="key"):
    tuning.thompson(belief._replace(draw=None), jnp.asarray(0.5), jnp.ones(3))


def waves(plants, n, key):
  """Responses a sin(8 s) + b cos(8 s) with s = z_1 + z_2, which no process that acts on z alone knows."""
  rng = np.random.default_rng(key)
  z, (a, b) = rng.random((plants, n, 2)), rng.normal(size=(2, plants, 1))
  y = a * np.sin(8 * z.sum(-1)) + b * np.cos(8 * z.sum(-1)) + 0.05 * rng.normal(size=(plants, n))
  return Batch(jnp.asarray(z, jnp.float32), jnp.asarray(y, jnp.float32), jnp.ones(y.shape, bool))


@pytest.fixture(scope="module")
def deep():
  return tuning.fit_family(waves(24, 24, 0), steps=200, network_key=KEY)


def test_a_deep_kernels_posterior_is_the_process_on_what_the_network_gives(deep):
  log = jax.tree.map(lambda leaf: leaf[0], waves(1, 9, 1))
  trials = Batch(log.x[:5], jnp.asarray(Y, jnp.float32), jnp.asarray(MASK))
  belief = jax.jit(tuning.family_surrogate(deep))(trials, log.x[5:])
  layers, seen = deep.network["params"], np.asarray(log.x, float)
  for name in ("dense_0", "dense_1", "head"):
    seen = seen @ np.asarray(layers[name]["kernel"], float) + np.asarray(layers[name]["bias"])
    seen = seen if name == "head" else np.maximum(seen, 0)
  numbers = jax.tree.map(lambda leaf: np.asarray(leaf, float), deep._replace(network=None))
  k = np.exp(2 * numbers.log_signal) * matern(seen, seen, np.exp(numbers.log_lengthscale)) + numbers.root[0, 0] ** 2
  when = np.asarray([0, 1, 2, 3, 4, 4, 4, 4, 4.0])
  k += np.exp(2 * numbers.log_walk) * np.minimum(when[:, None], when)
  k += np.exp(2 * numbers.log_slope) * np.outer(when, when)
  mean, covariance = conditioned(k, np.full(9, numbers.mean[0]), np.sqrt(np.exp(2 * numbers.log_noise) + 1e-5))
  np.testing.assert_allclose(belief.mean[0], mean, rtol=2e-3, atol=2e-3)
  np.testing.assert_allclose(belief.variance[0], np.diag(covariance), rtol=2e-2, atol=1e-4)


def test_a_deep_kernel_finds_what_plants_have_in_common_where_set_points_are_far_apart(deep):
  """From six trials a new plant is known elsewhere; as the network starts, hardly anything is."""
  logs = waves(20, 40, 2)
  plain = tuning.fit_family(waves(24, 24, 0), steps=0, network_key=KEY)

  def left(family):
    def of(log):
      trials, rest = (jax.tree.map(lambda leaf, s=s: leaf[s], log) for s in (slice(6), slice(6, None)))
      return jnp.mean(jnp.square(tuning.family_surrogate(family)(trials, rest.x).mean[0] - rest.y))

    return float(jnp.mean(jax.jit(jax.vmap(of))(logs)))

  assert left(deep) < 0.35 * left(plain)


def lines(plants, n):
  """Plants y = a (z - 0.5) with a noise of 0.1; a is normal."""
  z = RNG.random((plants, n, 1))
  y = 2 * RNG.normal(size=(plants, 1)) * (z[..., 0] - 0.5) + 0.1 * RNG.normal(size=(plants, n))
  return Batch(jnp.asarray(z, jnp.float32), jnp.asarray(y, jnp.float32), jnp.ones(y.shape, bool))


def test_an_episode_asks_what_it_does_not_tell_and_only_what_was_measured():
  logs = Batch(jnp.arange(24.0).reshape(2, 12, 1), jnp.arange(24.0).reshape(2, 12), jnp.arange(24).reshape(2, 12) != 5)
  made = jax.jit(jax.vmap(lambda key: episode(key, logs, 4)))(jax.random.split(KEY, 200))
  known, asked = np.asarray(made.support.y), np.asarray(made.query.y)
  every = np.sort(np.concatenate([known, asked], axis=1), axis=1)
  assert set(map(tuple, every.tolist())) == {tuple(range(12)), tuple(range(12, 24))}
  np.testing.assert_array_equal(made.support.x[..., 0], known)
  assert not np.any(np.asarray(made.support.mask)[known == 5]) and not np.any(np.asarray(made.query.mask)[asked == 5])
  assert set(np.asarray(made.support.mask).sum(1).tolist()) == {0, 1, 2, 3, 4}


def test_a_transformer_learns_from_other_plants_what_a_few_trials_say():
  """Two trials tell the slope: the error falls far below the prior's, and the belief narrows with it."""
  network = tuning.transformer(300)
  surrogate = jax.jit(tuning.network_surrogate(network, tuning.train_network(KEY, network, lines(64, 12), 4), NO_NOISE))
  asked, slopes = jnp.asarray([[0.1], [0.9]]), np.asarray([-2.0, -1.0, 1.0, 2.0])
  x = jnp.asarray([[0.05], [0.95], [0.5], [0.5]])
  errors, widths = [], []
  for count in (0, 2):
    for slope in slopes:
      y = jnp.asarray(slope * (np.asarray(x)[:, 0] - 0.5), jnp.float32)
      belief = surrogate(Batch(x, y, jnp.arange(4) < count), asked)
      errors.append(np.asarray(belief.mean[0]) - slope * np.asarray([-0.4, 0.4]))
      widths.append(float(jnp.mean(belief.variance)))
  assert np.square(errors[4:]).mean() < 0.25 * np.square(errors[:4]).mean()
  assert np.mean(widths[4:]) < 0.5 * np.mean(widths[:4])


def test_adapted_networks_go_towards_the_trials_and_their_variance_is_without_a_trials_noise():
  network, x = tuning.adapted(members=2), jnp.asarray([[0.2], [0.8]])
  states = jax.vmap(lambda key: network.algorithm.init(network.start(key, x)))(jax.random.split(KEY, 2))
  of = jax.jit(lambda trials, noise: tuning.network_surrogate(network, states, noise)(trials, x))
  trials = Batch(x, jnp.asarray([-1.0, 1.0]), jnp.ones(2, bool))
  before, after = of(trials._replace(mask=jnp.zeros(2, bool)), NO_NOISE), of(trials, NO_NOISE)
  assert before.mean.shape == (2, 2) and np.any(np.abs(np.asarray(before.mean[0] - before.mean[1])) > 1e-3)
  np.testing.assert_array_equal(before.weight, [0.5, 0.5])
  errors = [np.square(np.asarray(each.mean - trials.y[None])).mean(1) for each in (before, after)]
  assert np.all(errors[1] < 0.9 * errors[0])
  noisy = of(trials, jnp.asarray(0.3))
  np.testing.assert_allclose(noisy.variance, np.maximum(np.asarray(after.variance) - 0.09, 1e-4), rtol=1e-5)


def test_logs_of_plants_that_drift():
  """A plant whose response is the sum of its three numbers, all 1: after t trials 3 + 0.1 t (-3, -1, 1 or 3)."""
  sum_of = lambda u, task: Outcome(jnp.sum(task), jnp.zeros(0))  # noqa: E731
  still = PLANTS["branin"]._replace(sample_task=lambda key: jnp.ones(3), value=sum_of)
  y = np.asarray(jax.jit(lambda key: tuning.logs(key, still, 40, 5, 0.0, drift=0.1)[0].y)(KEY))[..., 0]
  slope = (y[:, 1] - 3) / 0.1
  assert set(np.round(slope).astype(int).tolist()) == {-3, -1, 1, 3}
  np.testing.assert_allclose(y, 3 + 0.1 * slope[:, None] * np.arange(5), rtol=1e-5)


def test_regret_is_from_the_best_of_the_same_time_that_keeps_the_limits():
  """Response (1 + made) z under the limit z <= 0.5: after n trials the best is (1 + n) / 2, the typical its half."""
  responses = lambda z, made: jnp.stack([(1.0 + made) * z[0], z[0] - 0.5])  # noqa: E731
  z = jnp.linspace(0.0, 1.0, 9)[:, None]
  of = jax.jit(lambda made: comparison.reference(responses, z, made))(jnp.arange(3.0))
  np.testing.assert_allclose(of.best, [0.5, 1.0, 1.5])
  np.testing.assert_allclose(of.typical, [0.25, 0.5, 0.75])
  would_give = jax.vmap(responses)(jnp.asarray([[0.25], [0.5], [1.0]]), jnp.arange(3.0))
  made = tuning.Campaign(z, would_give, would_give, z, would_give)
  np.testing.assert_allclose(comparison.regret(made, of), [0.25, 0.0, 0.75])
