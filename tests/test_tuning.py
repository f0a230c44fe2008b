"""Set-points from few trials: against scikit-learn and closed forms, and campaigns on simulated plants."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import eval_legendre
from scipy.stats import norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

from mtl_jax import tuning
from mtl_jax.tasks.processes import PLANTS, from_unit
from mtl_jax.tuning.family import degree_for, terms
from mtl_jax.types import Batch

RNG = np.random.default_rng(0)
Z, Y, ASKED = RNG.random((9, 2)), RNG.normal(size=9), RNG.random((20, 2))
LENGTHSCALE, SIGNAL, NOISE = np.array([0.3, 0.7]), 1.7, 0.2
MASK = np.arange(9) < 6


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


def test_terms_are_products_of_legendre_polynomials():
  found = np.asarray(terms(jnp.asarray(Z[:, :1], jnp.float32)))
  expected = np.stack([eval_legendre(k, 2 * Z[:, 0] - 1) for k in range(7)], axis=1)
  np.testing.assert_allclose(found, expected, atol=1e-5)
  assert [degree_for(d) for d in (1, 2, 3, 4, 6)] == [6, 6, 4, 3, 2]
  assert np.linalg.matrix_rank(terms(jnp.asarray(RNG.random((200, 3)), jnp.float32))) == 35


def test_the_family_s_posterior_is_bayesian_linear_regression_where_no_process_is_left():
  p = terms(jnp.zeros((1, 2))).shape[1]
  root, mean = np.eye(p) + np.tril(RNG.normal(size=(p, p))) / 10, RNG.normal(size=p)
  with jax.enable_x64(True):
    family = tuning.Family(*map(jnp.asarray, (mean, root, np.zeros(2), -20.0, np.log(NOISE), np.zeros(2))))
    data = Batch(jnp.asarray(Z), jnp.asarray(Y), jnp.asarray(MASK))
    belief = tuning.family_surrogate(family)(data, jnp.asarray(ASKED))
    phi, asked = np.asarray(terms(data.x)[MASK]), np.asarray(terms(jnp.asarray(ASKED)))
  noise = NOISE**2 + 1e-5
  precision = np.linalg.inv(root @ root.T) + phi.T @ phi / noise
  weights = mean + np.linalg.solve(precision, phi.T @ (Y[MASK] - phi @ mean) / noise)
  np.testing.assert_allclose(belief.mean[0], asked @ weights, rtol=1e-5, atol=1e-6)
  np.testing.assert_allclose(belief.variance[0], np.sum(asked * np.linalg.solve(precision, asked.T).T, 1), rtol=1e-4)


def test_expected_improvement_by_integration():
  mean, variance, weight = RNG.normal(size=(2, 3)), RNG.random((2, 3)), np.array([0.3, 0.7])
  grid = np.linspace(-12, 12, 200_001)
  densities = norm.pdf(grid, mean[..., None], np.sqrt(variance)[..., None])
  expected = weight @ np.trapezoid(np.maximum(grid - 0.4, 0.0) * densities, grid, axis=-1)
  belief = tuning.Belief(*(jnp.asarray(a, jnp.float32) for a in (mean, variance, weight)))
  np.testing.assert_allclose(tuning.expected_improvement(belief, jnp.asarray(0.4)), expected, rtol=1e-4)
  np.testing.assert_allclose(
    tuning.upper_bound(2.0)(belief, jnp.zeros(())), weight @ (mean + 2 * np.sqrt(variance)), rtol=1e-5
  )


def learned(name: str):
  plant = PLANTS[name]
  z, y, noise = tuning.logs(jax.random.key(0), plant, 40, 40, 0.05)
  return plant, tuning.fit_family(z, y, steps=100), noise


@pytest.fixture(scope="module")
def branin():
  return learned("branin")


def test_what_the_logs_were_drawn_from_is_found():
  """Cubics with random coefficients and a known noise: mean, covariance and noise, in the unit of the response."""
  z = RNG.random((80, 20, 1))
  coefficients = [3.0, -1.0, 0.5, 0.0] + RNG.normal(size=(80, 4)) * [1.0, 0.7, 0.4, 0.2]
  y = np.einsum("pk,pnk->pn", coefficients, np.stack([eval_legendre(k, 2 * z[..., 0] - 1) for k in range(4)], -1))
  noisy = jnp.asarray(y + 0.2 * RNG.normal(size=y.shape), jnp.float32)
  family = tuning.fit_family(jnp.asarray(z, jnp.float32), noisy, steps=200)
  offset, unit = (float(each) for each in family.scale)
  assert float(jnp.exp(family.log_noise)) * unit == pytest.approx(0.2, rel=0.1)
  found = np.asarray(family.mean)[:4] * unit + [offset, 0, 0, 0]
  np.testing.assert_allclose(found, coefficients.mean(0), atol=0.05)
  spread = np.sqrt(np.diag(np.asarray(family.root @ family.root.T)))[:4] * unit
  np.testing.assert_allclose(spread, coefficients.std(0), rtol=0.25)


def test_a_campaign_tries_nothing_twice_and_learns(branin):
  plant, family, noise = branin
  z = tuning.candidates(plant, 256)
  tasks = jax.vmap(plant.sample_task)(jax.random.split(jax.random.key(6), 12))
  values = jax.vmap(lambda task: jax.vmap(lambda u: plant.value(u, task).value)(from_unit(plant, z)))(tasks)

  def run(keys, tasks):
    return jax.vmap(
      lambda key, task: tuning.campaign(
        key,
        plant,
        task,
        tuning.family_surrogate(family),
        tuning.upper_bound(2.0),
        z,
        family.scale,
        trials=6,
        noise=noise,
      )
    )(keys, tasks)

  made = jax.jit(run)(jax.random.split(jax.random.key(7), 12), tasks)
  assert all(len(set(row)) == 6 for row in np.asarray(made.tried).tolist())
  regret = np.asarray(jnp.max(values, 1)[:, None] - jnp.take_along_axis(values, made.advised, 1)).mean(0)
  assert regret[6] < regret[0] / 3
  error = np.asarray(made.y - jnp.take_along_axis(values, made.tried, 1))
  assert error.std() == pytest.approx(float(noise), rel=0.3)


def test_the_opening_and_what_may_be_advised(branin):
  plant, family, _ = branin
  z, task = tuning.candidates(plant, 64), plant.sample_task(jax.random.key(8))
  surrogate = tuning.gp_surrogate(jax.random.key(1), 2, 8)

  @jax.jit
  def run(key, task, z, scale):
    how = {"trials": 5, "noise": 0.0, "opening": 3, "advise_tried": True}
    return tuning.campaign(key, plant, task, surrogate, tuning.expected_improvement, z, scale, **how)

  made = run(jax.random.key(0), task, z, family.scale)
  tried = np.asarray(made.tried)
  assert tried[:3].tolist() == [0, 1, 2] and made.advised[0] == 0
  for n in range(1, 6):
    assert int(made.advised[n]) in tried[:n]
