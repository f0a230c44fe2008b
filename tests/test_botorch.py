"""Against BoTorch, the outside comparison: the same posterior, the same improvement; skipped without it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import tuning

torch = pytest.importorskip("torch")
botorch = pytest.importorskip("botorch")


@pytest.mark.filterwarnings("ignore")
def test_posterior_and_constrained_improvement_are_botorchs():
  from botorch.acquisition.analytic import ConstrainedExpectedImprovement
  from botorch.models import ModelListGP, SingleTaskGP
  from gpytorch.kernels import MaternKernel, ScaleKernel
  from gpytorch.means import ZeroMean

  rng = np.random.default_rng(0)
  x, asked, lengthscale, signal, noise = rng.random((9, 2)), rng.random((20, 2)), np.array([0.3, 0.7]), 1.7, 0.2
  y, limit = rng.normal(size=(2, 9))
  models = []
  for each in (y, limit):
    kernel = ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=2))
    kernel.outputscale, kernel.base_kernel.lengthscale = signal, torch.tensor(lengthscale)
    of = torch.tensor(x), torch.tensor(each)[:, None], torch.full((9, 1), noise**2 + 1e-5, dtype=torch.float64)
    models.append(SingleTaskGP(*of, covar_module=kernel.double(), mean_module=ZeroMean(), outcome_transform=None))
  theirs = models[0].posterior(torch.tensor(asked))
  best = float(y.max())
  worth = ConstrainedExpectedImprovement(ModelListGP(*models), best, 0, {1: [None, 0.0]})(torch.tensor(asked)[:, None])
  with jax.enable_x64(True):
    z, at, scale = (jnp.asarray(each) for each in (x, asked, lengthscale))
    covariance = signal * tuning.matern(z, z, scale) + noise**2 * jnp.eye(9)
    cross, prior = signal * tuning.matern(at, z, scale), jnp.full(20, signal)
    one, plain = jnp.ones(1), tuning.Scale(*(jnp.full(1, each) for each in (0.0, 1.0, 1.0, 0.0, 1.0)))
    beliefs = []
    for each in (y, limit):
      mean, variance, _ = tuning.posterior(covariance, jnp.asarray(each), jnp.ones(9, bool), cross, prior)
      beliefs.append(tuning.Belief(mean[None], variance[None], one))
    ours = tuning.expected_improvement(beliefs[0], jnp.asarray(best), tuning.probability_kept(beliefs[1:], plain))
  np.testing.assert_allclose(beliefs[0].mean[0], theirs.mean[:, 0].detach(), rtol=1e-6, atol=1e-8)
  np.testing.assert_allclose(beliefs[0].variance[0], theirs.variance[:, 0].detach(), rtol=1e-6)
  np.testing.assert_allclose(ours, worth.detach(), rtol=1e-4, atol=1e-8)
