"""Set-points from few trials: against scikit-learn and closed forms, and campaigns on simulated plants."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_legendre
from scipy.stats import multivariate_normal, norm, skew, yeojohnson
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from test_commands import script

from mtl_jax import tuning
from mtl_jax.tasks.processes import PLANTS, from_unit, wafer
from mtl_jax.tuning import comparison, tools
from mtl_jax.tuning.family import degree_for, likeliest_degree, log_likelihood, terms
from mtl_jax.tuning.plant_controls import ewma_errors, modifier_adaptation, run_to_run
from mtl_jax.types import Batch

RNG = np.random.default_rng(0)
Z, Y, ASKED = RNG.random((9, 2)), RNG.normal(size=9), RNG.random((20, 2))
LENGTHSCALE, SIGNAL, NOISE = np.array([0.3, 0.7]), 1.7, 0.2
MASK = np.arange(9) < 6
KEY = jax.random.key(0)


def test_posterior_and_marginal_likelihood_are_scikit_learns_of_the_trials_made():
  kernel = ConstantKernel(SIGNAL) * Matern(LENGTHSCALE, nu=2.5) + WhiteKernel(NOISE**2)
  theirs = GaussianProcessRegressor(kernel, optimizer=None, alpha=1e-5).fit(Z[MASK], Y[MASK])
  mean, deviation = theirs.predict(ASKED, return_std=True)
  with jax.enable_x64(True):
    covariance = SIGNAL * tuning.matern(*map(jnp.asarray, (Z, Z, LENGTHSCALE))) + NOISE**2 * jnp.eye(9)
    cross = SIGNAL * tuning.matern(*map(jnp.asarray, (ASKED, Z, LENGTHSCALE)))
    ours = tuning.posterior(covariance, jnp.asarray(Y), jnp.asarray(MASK), cross, jnp.full(20, SIGNAL))
    likelihood = tuning.log_marginal(covariance, jnp.asarray(Y), jnp.asarray(MASK))
  np.testing.assert_allclose(ours[0], mean, rtol=1e-9)
  np.testing.assert_allclose(ours[1], deviation**2 - NOISE**2, rtol=1e-7)
  np.testing.assert_allclose(likelihood, theirs.log_marginal_likelihood_value_, rtol=1e-10)
  np.testing.assert_allclose(ours[2], likelihood, rtol=1e-10)


def test_terms_are_products_of_legendre_polynomials():
  found = np.asarray(terms(jnp.asarray(Z[:, :1], jnp.float32)))
  expected = np.stack([eval_legendre(k, 2 * Z[:, 0] - 1) for k in range(7)], axis=1)
  np.testing.assert_allclose(found, expected, atol=1e-5)
  assert [degree_for(d) for d in (1, 2, 3, 4, 6)] == [6, 6, 4, 3, 2]
  assert np.linalg.matrix_rank(terms(jnp.asarray(RNG.random((200, 3)), jnp.float32))) == 35


def test_the_family_s_posterior_is_bayesian_linear_regression_where_no_process_is_left():
  every = terms(jnp.zeros((1, 2))).shape[1]
  roots, means = np.eye(every) + np.tril(RNG.normal(size=(every, every))) / 10, RNG.normal(size=every)
  for p in (every, 3):  # and of lines
    root, mean = roots[:p, :p], means[:p]
    with jax.enable_x64(True):
      family = tuning.Family(*map(jnp.asarray, (mean, root, np.zeros(2), -20.0, np.log(NOISE), -20.0, -20.0)))
      data = Batch(jnp.asarray(Z), jnp.asarray(Y), jnp.asarray(MASK))
      belief = jax.jit(tuning.family_surrogate(family))(data, jnp.asarray(ASKED))
      phi, asked = np.asarray(terms(data.x)[MASK, :p]), np.asarray(terms(jnp.asarray(ASKED))[:, :p])
    noise = NOISE**2 + 1e-5
    precision = np.linalg.inv(root @ root.T) + phi.T @ phi / noise
    weights = mean + np.linalg.solve(precision, phi.T @ (Y[MASK] - phi @ mean) / noise)
    variance = np.sum(asked * np.linalg.solve(precision, asked.T).T, 1)
    np.testing.assert_allclose(belief.mean[0], asked @ weights, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(belief.variance[0], variance, rtol=1e-4)


def test_expected_improvement_by_integration():
  mean, variance, weight = RNG.normal(size=(2, 3)), RNG.random((2, 3)), np.array([0.3, 0.7])
  grid = np.linspace(-12, 12, 200_001)
  densities = norm.pdf(grid, mean[..., None], np.sqrt(variance)[..., None])
  expected = weight @ np.trapezoid(np.maximum(grid - 0.4, 0.0) * densities, grid, axis=-1)
  belief = tuning.Belief(*(jnp.asarray(a, jnp.float32) for a in (mean, variance, weight)))
  np.testing.assert_allclose(tuning.expected_improvement(belief, jnp.asarray(0.4), jnp.ones(3)), expected, rtol=1e-4)
  np.testing.assert_allclose(
    tuning.upper_bound(2.0)(belief, jnp.zeros(()), jnp.ones(3)), weight @ (mean + 2 * np.sqrt(variance)), rtol=1e-5
  )


def learned(name: str):
  plant = PLANTS[name]
  logs, noise = tuning.logs(jax.random.key(0), plant, 40, 40, 0.05)
  scale = tuning.scale_of(np.asarray(logs.y).reshape(-1, logs.y.shape[-1]))
  shaped = tuning.standardise(scale, logs.y)
  families = [
    tuning.fit_family(Batch(logs.x, shaped[..., j], logs.mask[..., j]), steps=100) for j in range(shaped.shape[-1])
  ]
  return plant, tuple(map(tuning.family_surrogate, families)), scale, noise


@pytest.fixture(scope="module")
def branin():
  return learned("branin")


def test_what_the_logs_were_drawn_from_is_found():
  """Cubics with random coefficients and a known noise: mean, covariance and noise, in the unit of the response."""
  z = RNG.random((80, 20, 1))
  coefficients = [3.0, -1.0, 0.5, 0.0] + RNG.normal(size=(80, 4)) * [1.0, 0.7, 0.4, 0.2]
  y = np.einsum("pk,pnk->pn", coefficients, np.stack([eval_legendre(k, 2 * z[..., 0] - 1) for k in range(4)], -1))
  noisy = y + 0.2 * RNG.normal(size=y.shape)
  offset, unit = noisy.mean(), noisy.std()
  given = (jnp.asarray(each, jnp.float32) for each in (z, (noisy - offset) / unit))
  family = tuning.fit_family(Batch(*given, jnp.ones(y.shape, bool)), steps=200)
  assert float(jnp.exp(family.log_noise)) * unit == pytest.approx(0.2, rel=0.1)
  found = np.asarray(family.mean)[:4] * unit + [offset, 0, 0, 0]
  np.testing.assert_allclose(found, coefficients.mean(0), atol=0.05)
  spread = np.sqrt(np.diag(np.asarray(family.root @ family.root.T)))[:4] * unit
  np.testing.assert_allclose(spread, coefficients.std(0), rtol=0.25)


def test_the_likelihood_of_logs_is_scipys_of_lines_that_wander_and_drift():
  """y_t = a + b (2 z_t - 1) + random walk + slope t + noise; nothing is left of the process."""
  rng = np.random.default_rng(1)
  root, mean, noise, walk, slope = np.array([[1.0, 0.0], [0.4, 0.7]]), np.array([0.5, -1.0]), 0.2, 0.3, 0.1
  x, y = rng.random((2, 9, 1)), rng.normal(size=(2, 9))
  when, phi = np.arange(9.0), np.stack([np.ones((2, 9)), 2 * x[..., 0] - 1], -1)
  expected = 0.0
  for plant, made in ((0, MASK), (1, np.ones(9, bool))):
    f = phi[plant][made] @ root
    covariance = f @ f.T + slope**2 * np.outer(when, when)[made][:, made] + (noise**2 + 1e-5) * np.eye(made.sum())
    covariance += walk**2 * np.minimum(when[:, None], when)[made][:, made]
    expected += multivariate_normal.logpdf(y[plant][made], phi[plant][made] @ mean, covariance)
  with jax.enable_x64(True):
    numbers = mean, root, np.zeros(1), -20.0, *np.log([noise, walk, slope])
    logs = Batch(jnp.asarray(x), jnp.asarray(y), jnp.asarray([MASK, np.ones(9, bool)]))
    found = jax.jit(log_likelihood)(tuning.Family(*map(jnp.asarray, numbers)), logs)
  np.testing.assert_allclose(found, expected / 15, rtol=1e-6)


def test_the_degree_is_the_likeliest_on_plants_that_were_left_out(monkeypatch):
  """Lines with a noise of 0.1; what "fitted" means is given: lines, or the same with a bend that plants do not have."""
  rng = np.random.default_rng(1)
  z, coefficients = rng.random((8, 6, 1)), rng.normal(size=(8, 2))
  y = np.einsum("pk,pnk->pn", coefficients, np.concatenate([np.ones((8, 6, 1)), 2 * z - 1], -1))
  given = (jnp.asarray(each, jnp.float32) for each in (z, y + 0.1 * rng.normal(size=y.shape)))
  logs, seen = Batch(*given, jnp.ones(y.shape, bool)), []
  start = tuning.fit_family(logs, degree=1, steps=0)
  np.testing.assert_allclose(start.mean, coefficients.mean(0), atol=0.1)

  def fitted(logs, *, degree):
    seen.append(len(logs.x))
    low = (jnp.asarray(each) for each in (-9.0, np.log(0.1), -9.0, -9.0))
    return tuning.Family(jnp.zeros(degree + 1), jnp.eye(degree + 1), jnp.zeros(1), *low)

  monkeypatch.setattr("mtl_jax.tuning.family.fit_family", fitted)
  family, degree = likeliest_degree(logs, (2, 1))
  assert degree == 1 and len(family.mean) == 2 and seen == [6, 6, 8]


def test_a_campaign_tries_nothing_twice_and_learns(branin):
  plant, surrogates, scale, noise = branin
  z = tuning.candidates(plant, 256)
  tasks = jax.vmap(plant.sample_task)(jax.random.split(jax.random.key(6), 12))
  values = jax.vmap(lambda task: jax.vmap(lambda u: plant.value(u, task).value)(from_unit(plant, z)))(tasks)

  def run(keys, tasks):
    acquisition, how = tuning.upper_bound(2.0), {"trials": 6, "noise": noise}
    return jax.vmap(
      lambda key, task: tuning.campaign(key, tuning.responses_of(plant, task), surrogates, acquisition, scale, z, **how)
    )(keys, tasks)

  made = jax.jit(run)(jax.random.split(jax.random.key(7), 12), tasks)
  assert all(len({tuple(z) for z in row}) == 6 for row in np.asarray(made.tried).tolist())
  regret = np.asarray(jnp.max(values, 1)[:, None] - made.would_give[..., 0]).mean(0)
  assert regret[6] < regret[0] / 3
  assert np.asarray(made.y - made.gave).std() == pytest.approx(float(noise[0]), rel=0.3)


def test_the_opening_what_may_be_advised_a_batch_and_drift(branin):
  """One trial at the first candidate, two that do not wait for it nor for each other, then three that know those."""
  plant, _, scale, _ = branin
  z, task = tuning.candidates(plant, 64), plant.sample_task(jax.random.key(8))
  drift = jax.tree.map(lambda leaf: 0.01 * jnp.ones_like(leaf), task)
  surrogate = tuning.gp_surrogate(jax.random.key(1), 2, 8)

  @jax.jit
  def run(key):
    how = {"trials": 6, "noise": jnp.full(1, 50.0), "batch": 3, "opening": 1, "advise_tried": True}
    responses = tuning.responses_of(plant, task, drift)
    return tuning.campaign(key, responses, (surrogate,), tuning.expected_improvement, scale, z, **how)

  one, other = run(jax.random.key(0)), run(jax.random.key(1))
  np.testing.assert_array_equal(one.tried[0], z[0])
  np.testing.assert_array_equal(one.tried[:3], other.tried[:3])
  assert np.any(np.asarray(one.tried[3:]) != np.asarray(other.tried[3:]))
  tried, advised = np.asarray(one.tried).tolist(), np.asarray(one.advised).tolist()
  assert advised[0] == tried[0]
  for n in range(1, 7):
    assert advised[n] in tried[:n]
  for n in range(6):
    now = jax.tree.map(lambda leaf, n=n: leaf + n * jnp.float32(0.01), task)
    np.testing.assert_allclose(one.gave[n, 0], plant.value(from_unit(plant, one.tried[n]), now).value, rtol=1e-4)


def fixed(mean, variance=1e-4):
  """A surrogate that believes the same whatever was tried; mean(z) -> (q,)."""
  return lambda trials, z: tuning.Belief(mean(z)[None], jnp.full((1, len(z)), variance), jnp.ones(1))


PLAIN = tuning.Scale(*(jnp.asarray([each, each], jnp.float32) for each in (0.0, 1.0, 1.0, 0.0, 1.0)))
LINE = jnp.linspace(0.0, 1.0, 101)[:, None]
PEAK = fixed(lambda z: -jnp.square(z[:, 0] - 0.8))


def proposed(surrogates, rules=tuning.Rules(), x=(), y=None, acquisition=tuning.upper_bound(0.0), **how):  # noqa: B008
  scale = jax.tree.map(lambda leaf: leaf[: len(surrogates)], PLAIN)
  data = np.zeros((4, 1), np.float32), np.zeros((4, len(surrogates)), np.float32), np.zeros((4, len(surrogates)), bool)
  data[0][: len(x), 0] = x
  if y is not None:
    data[1][: len(y)], data[2][: len(y)] = y, True
  rules = tuning.Rules(*(jnp.asarray(each, jnp.float32) for each in rules))
  made = jnp.asarray(len(x))
  z = LINE[30:].at[0].set(0.3)
  return tuning.propose(surrogates, acquisition, scale, Batch(*map(jnp.asarray, data)), made, z, rules, **how)


def test_a_trial_keeps_the_rate_the_trust_region_and_pays_for_moving():
  """The response is -(z - 0.8)^2, the plant runs at 0.3 before any trial."""
  assert float(proposed([PEAK]).tried[0]) == pytest.approx(0.8)
  assert float(proposed([PEAK], tuning.Rules(rate=0.1)).tried[0]) == pytest.approx(0.4)
  assert float(proposed([PEAK], tuning.Rules(rate=0.1), x=[0.3, 0.35]).tried[0]) == pytest.approx(0.45)
  # the best trial is at 0.5 and the last at 0.4: the region is around the best, the rate around the last and goes first
  assert float(proposed([PEAK], tuning.Rules(radius=0.2), x=[0.5, 0.4]).tried[0]) == pytest.approx(0.7)
  both = proposed([PEAK], tuning.Rules(radius=0.2, rate=0.1), x=[0.5, 0.4])
  assert float(both.tried[0]) == pytest.approx(0.5 - 0.01, abs=0.0101)  # 0.5 has been tried
  # -(z - 0.8)^2 - c (z - 0.3) is highest at 0.8 - c / 2
  assert float(proposed([PEAK], tuning.Rules(moving=0.4)).tried[0]) == pytest.approx(0.6, abs=0.005)


def test_a_trial_keeps_its_limits_as_surely_as_is_asked():
  """The limit z - 0.6 is believed with a deviation of 0.05: at a confidence p it is kept up to 0.6 + 0.05 z_(1 - p)."""
  limit = fixed(lambda z: z[:, 0] - 0.6, 0.05**2)
  for confidence in (0.5, 0.9, 0.99):
    found = proposed([PEAK, limit], tuning.Rules(confidence=confidence))
    border = 0.6 + 0.05 * norm.ppf(1 - confidence)
    assert border - 0.011 < float(found.tried[0]) <= border + 1e-6
    lasting = 0.6 + 0.05 * norm.ppf(0.05)
    assert lasting - 0.011 < float(found.advised[0]) <= lasting + 1e-6
    expected = norm.cdf((0.6 - np.asarray(found.options[:, 0])) / 0.05)
    np.testing.assert_allclose(found.kept, expected, atol=1e-5)
  hopeless = fixed(lambda z: z[:, 0], 0.05**2)  # kept below 0 alone: the likeliest is 0.3, where the plant runs
  assert float(proposed([PEAK, hopeless], tuning.Rules(confidence=0.9)).tried[0]) == pytest.approx(0.3)


def test_improvement_counts_as_far_as_the_limits_are_kept():
  belief = tuning.Belief(jnp.zeros((1, 2)), jnp.ones((1, 2)), jnp.ones(1))
  kept = jnp.asarray([1.0, 0.25])
  one, quarter = tuning.expected_improvement(belief, jnp.asarray(0.0), kept)
  assert float(one) == pytest.approx(norm.pdf(0), rel=1e-5) and float(quarter) == pytest.approx(norm.pdf(0) / 4)


def test_a_set_point_is_tried_again_only_where_that_is_allowed():
  assert abs(float(proposed([PEAK], x=[0.8]).tried[0]) - 0.8) == pytest.approx(0.01, abs=1e-4)
  assert float(proposed([PEAK], x=[0.8], repeats=True).tried[0]) == pytest.approx(0.8)


def test_what_was_tried_outside_of_the_box_is_where_the_next_one_moves_from_and_is_not_advised():
  """The response is z: the trial at 1.1 is the best and is out of reach; a step of 0.2 leads back to 0.9 or above."""
  rising = fixed(lambda z: z[:, 0])
  for how in ({}, {"advise_tried": True}):
    found = proposed([rising], tuning.Rules(rate=0.2), x=[0.4, 1.1], **how)
    assert float(found.tried[0]) == 1.0 and float(found.advised[0]) == pytest.approx(0.4 if how else 1.0)
  falling = fixed(lambda z: -z[:, 0])
  assert float(proposed([falling], tuning.Rules(rate=0.2), x=[0.95, 1.1]).tried[0]) == pytest.approx(0.9)
  assert float(proposed([falling], tuning.Rules(rate=0.05), x=[0.95, 1.2]).tried[0]) == 1.0


def test_the_gain_that_a_trial_is_chosen_for_is_the_one_for_its_cost():
  """A gain that is all but sure is max(f - f(0.3), 0) where 0.3 was tried. For f = sqrt(z) and a cost of 1 + k z, the
  slope of (sqrt(z) - a) / (1 + k z), a = sqrt(0.3), is 0 where k z - 2 a k sqrt(z) = 1: sqrt(z) = a + sqrt(a^2 + 1/k).
  """
  root = fixed(lambda z: jnp.sqrt(z[:, 0]), 1e-8)
  how = {"x": [0.3], "acquisition": tuning.expected_improvement}
  assert float(proposed([root], **how).tried[0]) == pytest.approx(1.0)
  assert float(proposed([root], cost=lambda z: jnp.full(len(z), 7.0), **how).tried[0]) == pytest.approx(1.0)
  a = 0.3**0.5
  for k in (10.0, 5.0):
    expected = min((a + (a**2 + 1 / k) ** 0.5) ** 2, 1.0)
    found = proposed([root], cost=lambda z, k=k: 1 + k * z[:, 0], **how)
    assert float(found.tried[0]) == pytest.approx(expected, abs=0.0051)
  with pytest.raises(ValueError, match="expected_improvement"):
    proposed([root], cost=lambda z: 1 + z[:, 0])


@pytest.mark.parametrize("acquisition", [tuning.expected_improvement, tuning.thompson])
def test_where_no_trial_kept_the_limits_the_likeliest_to_keep_them_is_tried_and_that_for_the_money(acquisition):
  """The response says 0.8, the limit is likeliest kept at 0.6, where the probability is Phi(0.5), and broken at 0.3.

  Where trials beyond 0.555 cost twice as much it is tried at the last candidate before, 0.55.
  """
  peak = lambda trials, z: PEAK(trials, z)._replace(draw=PEAK(trials, z).mean[0])  # noqa: E731
  limit = fixed(lambda z: jnp.abs(z[:, 0] - 0.6) - 0.1, 0.2**2)
  how = {"x": [0.3], "acquisition": acquisition}
  assert float(proposed([peak, limit], **how).tried[0]) == pytest.approx(0.6)
  if acquisition is tuning.expected_improvement:
    found = proposed([peak, limit], cost=lambda z: jnp.where(z[:, 0] < 0.555, 1.0, 2.0), **how)
    assert float(found.tried[0]) == pytest.approx(0.55)
  # where everything tried is out of reach, what improves on the best that is expected is tried, as before any trial
  assert float(proposed([peak], x=[1.5], acquisition=acquisition).tried[0]) == pytest.approx(0.8)


def test_a_trial_that_is_running_is_not_asked_for_again():
  """With one plain process and no measurement but one, the believer moves away from what is running."""
  plain = tuning.gp_surrogate(jax.random.key(0), 1, 16)
  how = {"x": [0.3, 0.9], "y": np.asarray([[0.0]])}

  def width(**more):
    found = proposed([plain], **how, **more)
    at = int(np.argmin(np.abs(np.asarray(found.options[:, 0]) - 0.9)))
    return float(found.beliefs[0].weight @ found.beliefs[0].variance[:, at])

  assert width(believer=True) < 0.1 * width()


def test_a_process_of_one_hypothesis_is_dense_algebra():
  x = np.asarray(Z, np.float32)
  key = jax.random.key(3)
  belief = jax.jit(tuning.gp_surrogate(key, 2, 1))(
    Batch(jnp.asarray(x), jnp.asarray(Y, jnp.float32), jnp.asarray(MASK)), jnp.asarray(ASKED, jnp.float32)
  )
  keys = jax.random.split(key, 3)
  lengthscale = jnp.exp(jax.random.uniform(keys[0], (1, 2), minval=jnp.log(0.1), maxval=jnp.log(3.0)))[0]
  noise = float(jnp.exp(jax.random.uniform(keys[1], (1,), minval=jnp.log(0.01), maxval=jnp.log(0.3)))[0])
  signal = float(jnp.exp(jax.random.normal(keys[2], (1,)))[0])
  asked = jnp.asarray(ASKED, jnp.float32)
  k = signal * np.asarray(tuning.matern(jnp.asarray(x[:6]), jnp.asarray(x[:6]), lengthscale), float)
  k = k + (noise**2 + 1e-5) * np.eye(6)
  cross = signal * np.asarray(tuning.matern(asked, jnp.asarray(x[:6]), lengthscale), float)
  np.testing.assert_allclose(belief.mean[0], cross @ np.linalg.solve(k, Y[:6]), rtol=2e-3, atol=2e-3)


def test_the_bound_on_violations_holds_on_the_next_plant():
  """Plants whose share is theta x (1 - confidence), theta exponential: the mean of the next at what is chosen."""
  rng, confidences = np.random.default_rng(1), np.asarray([0.0, 0.5, 0.8, 0.9, 0.99])
  theta = np.minimum(rng.exponential(0.5, (2_000, 21)), 1.0)
  shares = theta[:, None, :] * (1 - confidences)[:, None]
  nexts, bounds = [], []
  for each in shares:
    found = tuning.bound_of(each[:, :20], confidences, 0.1)
    nexts.append(each[list(confidences).index(found.confidence), 20])
    bounds.append(found.bound)
  assert np.mean(nexts) <= 0.1 and np.mean(nexts) > 0.02 and max(bounds) <= 0.1
  assert found.plants == 20
  risky = tuning.bound_of(np.full((5, 20), 0.5), confidences, 0.1)  # nothing keeps it: the surest, and what is true
  assert risky.confidence == 0.99 and risky.bound == pytest.approx(11 / 21)


def test_a_campaign_on_a_log_finds_only_what_the_log_has():
  log = Batch(LINE[None, 40:60], jnp.stack([LINE[40:60, 0], LINE[40:60, 0] - 0.55], -1)[None], jnp.ones((1, 20), bool))
  log = log._replace(mask=log.mask.at[0, 18:].set(False))
  rising, limit = fixed(lambda z: z[:, 0]), fixed(lambda z: z[:, 0] - 0.545, 1e-6)
  made = tuning.replay(log, (rising, limit), tuning.upper_bound(0.0), PLAIN, tuning.Rules(confidence=0.9), 3)
  np.testing.assert_allclose(made.tried[0, :, 0], [0.54, 0.53, 0.52], atol=1e-6)
  np.testing.assert_allclose(made.gave[0, :, 1], made.tried[0, :, 0] - 0.55, atol=1e-6)
  assert not bool(jnp.any(tuning.broken(made.gave)))
  loose = tuning.replay(
    log, (rising, fixed(lambda z: z[:, 0] - 1, 1e-6)), tuning.upper_bound(0.0), PLAIN, tuning.Rules(), 3
  )
  assert np.asarray(tuning.broken(loose.gave)).mean() == 2 / 3  # 0.57, 0.56 and 0.55, which is at the limit


@pytest.mark.parametrize("power", [0.0, 0.3, 1.0, 1.7, 2.0])
def test_the_scale_is_yeo_and_johnsons_and_has_an_inverse(power):
  y = RNG.normal(size=200) * 3 + 1
  scale = tuning.Scale(*(jnp.asarray(each, jnp.float32) for each in (1.0, 2.0, power, 0.5, 3.0)))
  given = jnp.asarray(y, jnp.float32)
  expected = (yeojohnson((y - 1.0) / 2.0, np.clip(power, 1e-3, 2 - 1e-3)) - 0.5) / 3.0
  np.testing.assert_allclose(tuning.standardise(scale, given), expected, rtol=1e-4, atol=1e-5)
  np.testing.assert_allclose(tuning.restore(scale, tuning.standardise(scale, given)), y, rtol=1e-3, atol=1e-3)


def test_costs_with_a_long_tail_become_near_to_normal():
  y = -np.exp(RNG.normal(size=(2000, 1)))
  scale = tuning.scale_of(np.vstack([y, [[np.nan]]]))
  t = np.asarray(tuning.standardise(scale, jnp.asarray(y, jnp.float32)))
  assert abs(skew(y[:, 0])) > 3 * abs(skew(t[:, 0]))
  assert t.mean() == pytest.approx(0, abs=1e-3) and t.std() == pytest.approx(1, abs=1e-3)


def past(y):
  """Two plants' logs at the same places: y (2, 4)."""
  x = np.linspace(0.1, 0.9, 4)[None, :, None] * np.ones((2, 1, 1))
  return Batch(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32), jnp.ones((2, 4), bool))


def test_a_multi_task_process_is_the_joint_process_of_all_plants():
  """With the hyper-parameters that it starts from: one dense process of both past plants' and this plant's trials."""
  logs = past(RNG.normal(size=(2, 4)))
  x, y, asked = RNG.random((3, 1)), RNG.normal(size=3), RNG.random((5, 1))
  data = Batch(*(jnp.asarray(each, jnp.float32) for each in (x, y)), jnp.ones(3, bool))
  belief = jax.jit(tuning.coregional_surrogate(logs, steps=0))(data, jnp.asarray(asked, jnp.float32))
  places = np.concatenate([np.asarray(logs.x, float).reshape(-1, 1), x, asked])
  owner = np.repeat([0, 1, 2], [4, 4, 8])
  same = owner[:, None] == owner
  r = np.sqrt(5) * np.abs(places - places.T) / 0.5
  k = (1 + r + r**2 / 3) * np.exp(-r) * (1 + np.exp(-1.4) * same)
  noisy = k[:11, :11] + (np.exp(-6) + 1e-4) * np.eye(11)
  targets = np.concatenate([np.asarray(logs.y, float).ravel(), y])
  np.testing.assert_allclose(belief.mean[0], k[11:, :11] @ np.linalg.solve(noisy, targets), rtol=2e-2, atol=2e-3)
  left = np.diag(k[11:, 11:] - k[11:, :11] @ np.linalg.solve(noisy, k[:11, 11:]))
  np.testing.assert_allclose(belief.variance[0], left, rtol=2e-2, atol=2e-3)


def test_of_past_plants_the_one_that_ranks_this_plants_trials_leads():
  """One past plant rises as this one does, the other falls: beyond the trials the first is followed."""
  rising = np.linspace(-1.0, 1.0, 4)
  surrogate = tuning.rgpe_surrogate(jax.random.key(0), past(np.stack([rising, -rising])))
  data = Batch(jnp.asarray([[0.3], [0.4], [0.5]]), jnp.asarray([0.0, 0.5, 1.0]), jnp.ones(3, bool))
  mean = np.asarray(jax.jit(surrogate)(data, jnp.asarray([[0.1], [0.5], [0.9]])).mean[0])
  assert mean[0] < mean[1] < mean[2]


def test_modifier_adaptation_without_noise_climbs_to_the_best_of_a_plant_that_its_model_is_not():
  """The nominal model's set-point is 14 $/s short; what is left is the slopes' finite difference and the candidates."""
  plant = PLANTS["williams_otto"]
  z, task = tuning.candidates(plant, 1024), plant.sample_task(jax.random.key(3))
  responses = tuning.responses_of(plant, task)
  best = float(jnp.max(jax.vmap(lambda z: responses(z, jnp.asarray(0))[0])(z)))
  made = modifier_adaptation(KEY, responses, plant, z, trials=12, noise=jnp.zeros(1), step=0.02, filtered=1.0)
  regret = best - np.asarray(jax.vmap(lambda z: responses(z, jnp.asarray(0))[0])(made.advised))
  assert regret[0] > 10.0 and regret[-1] < 0.5


def test_modifier_adaptation_learns_where_a_limit_of_the_plant_lies_that_the_model_has_elsewhere():
  """What the model advises breaks a limit; one iteration without noise later the advice is the best that keeps all."""
  plant = PLANTS["milling"]
  z, task = tuning.candidates(plant, 1024), plant.sample_task(jax.random.key(3))
  responses = tuning.responses_of(plant, task)
  gives = np.asarray(jax.vmap(lambda z: responses(z, jnp.asarray(0)))(z))
  best = gives[(gives[:, 1:] <= 0).all(1), 0].max()
  iteration = 1 + len(plant.settings)
  noise = jnp.zeros(1 + len(plant.constraints))
  made = modifier_adaptation(KEY, responses, plant, z, trials=iteration, noise=noise, step=0.02, filtered=1.0)
  before, after = np.asarray(made.would_give)[[0, -1]]
  assert (before[1:] > 0).any() and (after[1:] <= 0).all()
  assert before[0] < best - 0.5 and after[0] == pytest.approx(best, rel=0.01)


def test_runs_of_a_wafer_tool_have_its_drift_its_disturbance_and_the_error_of_ewma_in_closed_form():
  """z_{t+1} = (1 - lambda xi) z_t + delta without noise; differences of N_t have variance sigma^2 (1 + theta^2)."""
  gain, drift, weight = -12.0, 0.7, 0.4
  calm = wafer.Task(*map(jnp.asarray, (1080.0, gain, drift, 0.5, 0.0)))
  errors = np.asarray(ewma_errors(KEY, calm, jnp.asarray(weight), 20))
  kept = 1.0 - weight * gain / wafer.ASSUMED
  np.testing.assert_allclose(errors[1:], kept * errors[:-1] + drift, atol=2e-3)
  np.testing.assert_allclose(errors[0], 1080.0 + gain * 60.0 + drift - wafer.TARGET, atol=2e-3)
  tool, middle = run_to_run(KEY, calm, 20), jnp.full(1, 0.5)  # 60 s
  same = [float(tool(middle, jnp.asarray(t))[0]) for t in range(3)]
  np.testing.assert_allclose(same, errors[0] + drift * np.arange(3), atol=2e-3)
  noisy = run_to_run(KEY, calm._replace(noise=jnp.asarray(2.0), drift=jnp.asarray(0.0)), 20_000)
  runs = np.asarray(jax.vmap(lambda t: noisy(middle, t)[0])(jnp.arange(20_000)))
  steps = np.diff(runs)
  assert abs(np.var(steps) - 4.0 * (1 + 0.5**2)) < 0.25
  assert abs(np.mean(steps[1:] * steps[:-1]) + 4.0 * 0.5) < 0.25  # of neighbours: -theta sigma^2


def test_the_command_prints_and_keeps_the_paired_comparison_at_every_count(tmp_path, capsys, monkeypatch):
  monkeypatch.setenv("COLUMNS", "80")

  def method(key, responses):
    z, noise = jax.random.uniform(key, (16, 3)), jnp.zeros(1)
    scale = jax.tree.map(lambda leaf: leaf[:1], PLAIN)
    return tuning.campaign(key, responses, (PEAK,), tuning.upper_bound(0.0), scale, z, trials=7, noise=noise)

  monkeypatch.setattr(comparison, "known", lambda logs: None)
  monkeypatch.setattr(comparison, "methods", lambda *given: dict.fromkeys(["family, UCB", "GP, Sobol"], lambda: method))
  small = ["--plants", "3", "--seeds", "1", "--known", "2", "--logged", "2", "--trials", "7", "--candidates", "8"]
  script("tune").main(["hartmann3", *small, "--out", str(tmp_path)])
  said = next(each for each in capsys.readouterr().out.splitlines() if "is ahead of GP, Sobol by" in each)
  assert [part.split(":")[0] for part in said.partition(" by ")[2].split("; ")] == list("01234567")
  assert len(json.loads((tmp_path / "hartmann3.json").read_text())["ahead"]["GP, Sobol"]) == 8


CALM = wafer.Task(*map(jnp.asarray, (1080.0, -12.5, 0.0, 0.5, 0.0)))  # no drift and no shocks; best at 46.4 s


def test_tools_within_reach_are_those_whose_best_setting_stays_in_the_box():
  """(500 - intercept - drift t) / gain at t = 0 and 30, between 30 and 90 s: 60; 100; 89 to 92; 60."""
  of = wafer.Task(
    *(jnp.asarray(each) for each in ([1100.0, 1100, 1390, 1100], [-10.0, -6, -10, -10], [0.0, 0, 1, 1])),
    jnp.zeros(4),
    jnp.arange(4.0),
  )
  np.testing.assert_array_equal(wafer.within_reach(of, 30, 9).noise, [0.0, 3.0])
  np.testing.assert_array_equal(wafer.within_reach(of, 30, 1).noise, [0.0])


def test_the_weight_of_ewma_is_the_deadbeat_one_where_there_are_no_shocks():
  """z_{t+1} = (1 - lambda 1.25) z_t is zero at once for lambda = 0.8."""
  assert tools.best_weight(KEY, jax.tree.map(lambda leaf: leaf[None], CALM), 10) == pytest.approx(0.8)


def test_a_family_of_lines_keeps_a_calm_tool_on_target_and_improvement_advises_what_was_tried():
  """The places are 60 s / 256 apart, 2.9 nm: on target is within half of that."""
  logs = jax.jit(tools.tool_logs, static_argnums=(1, 2))(KEY, 20, 10)
  family = tuning.Family(
    jnp.asarray([0.0, -1.0]), jnp.eye(2), jnp.zeros(1), *map(jnp.asarray, (-9.0, -5.0, -9.0, -9.0))
  )
  chosen = tools.controllers(KEY, logs, family, 0.8, runs=12, compared=6, places=256)
  ran = {name: jax.jit(chosen[name])(KEY, CALM) for name in ("family", "EWMA", "GP, EI", "perfect")}
  start = (1080 - 12.5 * 60 - 500) ** 2
  for name in ("EWMA", "GP, EI"):
    assert float(ran[name].made[0]) == pytest.approx(start, rel=1e-4)
  assert np.all(np.asarray(ran["family"].made)[3:] < 1.5**2) and np.all(np.asarray(ran["EWMA"].made)[1:] < 1e-3)
  assert not np.any(ran["perfect"].made)
  exploring = ran["GP, EI"]
  for n in range(1, 6):
    assert np.min(np.abs(np.asarray(exploring.made)[:n] - float(exploring.advised[n]))) < 1e-2
  assert np.sum(np.asarray(exploring.made - exploring.advised) > 1.0) > 0
