"""Factorisations and solves that JAX has too, but for a batch on a CPU."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.linalg import cho_solve, solve_triangular

from mtl_jax import linalg
from mtl_jax.meta.r2d2 import fit_ridge
from mtl_jax.tasks import fleet

N = 5
X = np.random.default_rng(0).normal(size=(3, N, N))


def ours(x):
  factor = linalg.cholesky(x @ x.T + jnp.eye(N))
  return jnp.sin(linalg.solve_cholesky(factor, x) @ x[0]) + linalg.solve_lower(factor, x[1])


def jaxs(x):
  factor = jnp.linalg.cholesky(x @ x.T + jnp.eye(N))
  return jnp.sin(cho_solve((factor, True), x) @ x[0]) + solve_triangular(factor, x[1], lower=True)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("order", [lambda f: f, jax.jacrev, lambda f: jax.jacfwd(jax.jacrev(f))], ids=["0", "1", "2"])
def test_values_and_derivatives_of_a_batch_are_jaxs(order):
  np.testing.assert_allclose(jax.vmap(order(ours))(X), jax.vmap(order(jaxs))(X), rtol=1e-9, atol=1e-11)
  twice = jax.vmap(jax.vmap(order(ours)))(X[None])
  np.testing.assert_allclose(twice[0], jax.vmap(order(jaxs))(X), rtol=1e-9, atol=1e-11)


def ridge(x):
  return fit_ridge(x, x[:, :1], jnp.ones(N, bool), jnp.asarray(1.0)).weights


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="a GPU takes batches as they are")
@pytest.mark.parametrize(
  "f",
  [
    ours,
    jax.jacrev(ours),
    jax.jacrev(ridge),
    *(linalg.one_at_a_time(f) for f in (jnp.linalg.eigh, jnp.linalg.svd, lambda x: jnp.linalg.solve(x, x[0]))),
  ],
)
def test_no_call_of_lapack_has_a_batch_whose_parts_could_wait_for_one_another(f):
  """Two devices that waited so stood still for ever; which calls do is seen in the program."""
  text = jax.jit(jax.vmap(f)).lower(jnp.asarray(X, jnp.float32)).as_text()
  calls = [line for line in text.splitlines() if "custom_call @lapack" in line]
  assert calls
  for line in calls:
    shapes = re.findall(r"tensor<((?:\d+x)*)f32>", line)
    assert shapes and all(shape.count("x") <= 2 for shape in shapes), line


@pytest.mark.skipif(jax.__version_info__ < (0, 11) or jax.default_backend() != "cpu", reason="its FFT waits for nobody")
def test_a_machine_transforms_one_signal_at_a_time():
  machines = jax.jit(jax.vmap(fleet.family(shots=1, queries=1, samples=64).sample))
  text = machines.lower(jax.random.split(jax.random.key(0), 2)).as_text()
  shapes = re.findall(r"stablehlo.fft .*?\(tensor<((?:\d+x)*)", text)
  assert shapes and all(shape.count("x") == 1 for shape in shapes)
