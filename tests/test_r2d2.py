"""Ridge regression in closed form, against its optimality condition, scikit-learn and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.test_util import check_grads
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import DotProduct
from sklearn.linear_model import Ridge

from mtl_jax import r2d2
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.meta import fit_ridge
from mtl_jax.types import Batch, Episode

KEY = jax.random.key(0)
SHAPES = [(6, 15), (15, 6), (8, 8)]  # fewer examples than features, more, as many
shapes = pytest.mark.parametrize("shape", SHAPES)


def problem(shape: tuple[int, int], outputs: int = 3):
  rng = np.random.default_rng(shape[0])
  return rng.normal(size=shape) + 2.0, rng.normal(size=(shape[0], outputs)) - 1.0, rng.random(shape[0]) < 0.7


def everything(shape):
  return jnp.ones(shape[0], bool)


@pytest.fixture
def double():
  with jax.enable_x64():
    yield


@shapes
@pytest.mark.usefixtures("double")
def test_the_regularised_loss_has_no_gradient_at_the_solution(shape):
  x, y, mask = (jnp.asarray(a) for a in problem(shape))
  penalty = jnp.asarray(0.7)
  ridge = fit_ridge(x, y, mask, penalty)

  def loss(weights, bias):
    error = jnp.where(mask[:, None], x @ weights + bias[None] - y, 0.0)
    return jnp.sum(jnp.square(error)) + penalty * jnp.sum(jnp.square(weights))

  gradients = jax.grad(loss, (0, 1))(ridge.weights, ridge.y_mean - ridge.x_mean @ ridge.weights)
  for gradient in gradients:
    np.testing.assert_allclose(gradient, 0.0, atol=1e-10)


@pytest.mark.usefixtures("double")
def test_woodbury_gives_what_the_larger_system_gives():
  """Zero features, or masked examples, change which of the two systems is solved and not the solution."""
  x, y, _ = problem((6, 15))
  narrow = fit_ridge(jnp.asarray(x), jnp.asarray(y), everything(x.shape), jnp.asarray(0.3))
  more = (jnp.asarray(np.pad(a, ((0, 20), (0, 0)))) for a in (x, y))
  tall = fit_ridge(*more, jnp.arange(26) < 6, jnp.asarray(0.3))
  for found, expected in zip(tall, narrow, strict=True):
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


@shapes
@pytest.mark.parametrize("penalty", [1e-2, 10.0])
@pytest.mark.usefixtures("double")
def test_predictions_are_scikit_learns_on_what_is_not_masked(shape, penalty):
  x, y, mask = problem(shape)
  asked = np.random.default_rng(1).normal(size=(5, shape[1]))
  ridge = fit_ridge(*(jnp.asarray(a) for a in (x, y, mask)), jnp.asarray(penalty))
  np.testing.assert_allclose(ridge(jnp.asarray(asked)), Ridge(penalty).fit(x[mask], y[mask]).predict(asked), rtol=1e-8)


@shapes
def test_the_gradient_through_the_solution_is_the_one_of_finite_differences(shape):
  with jax.enable_x64():
    x, y, mask = problem(shape)
    asked = jnp.asarray(np.random.default_rng(1).normal(size=(4, shape[1])))

    def through(x, penalty):
      return jnp.sum(jnp.sin(fit_ridge(x, jnp.asarray(y), jnp.asarray(mask), penalty)(asked)))

    check_grads(through, (jnp.asarray(x), jnp.asarray(0.5)), 1, ["rev"], atol=1e-6, rtol=1e-6)


def episode(classes: int, absent: int | None = None, n: int = 12) -> Episode:
  rng = np.random.default_rng(0)
  y = np.arange(n) % classes
  x = rng.normal(size=(classes, 4))[y] * 3 + rng.normal(size=(n, 4))
  batch = Batch(jnp.asarray(x, jnp.float32), jnp.asarray(y), jnp.asarray(y != absent))
  return Episode(batch, batch._replace(mask=jnp.ones(n, bool)), jnp.asarray(0))


def test_an_identity_embedding_predicts_as_a_ridge_on_targets_of_plus_and_minus_one():
  data = episode(3)
  algorithm = r2d2(lambda params, x: x, cross_entropy, classes=3, outer=optax.sgd(0.1), penalty=2.0, alpha=1.5)
  logits = algorithm.predict(KEY, algorithm.init({}), data.support, data.query.x)
  x, y = np.asarray(data.support.x), np.asarray(data.support.y)
  expected = Ridge(2.0).fit(x, 2.0 * np.eye(3)[y] - 1.0).predict(x)
  np.testing.assert_allclose(logits, 1.5 * expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("common", [None, (4, 4)])
def test_a_class_without_a_support_example_is_never_predicted_and_does_not_count(common):
  data = episode(4, absent=2)
  algorithm = r2d2(lambda params, x: x, cross_entropy, classes=4, outer=optax.sgd(0.1), common=common)
  state = algorithm.init({})
  assert 2 not in np.argmax(algorithm.predict(KEY, state, data.support, data.query.x), axis=1)
  unasked = data._replace(query=data.query._replace(mask=data.query.y != 2))
  losses = [
    float(algorithm.update(KEY, state, jax.tree.map(lambda leaf: leaf[None], one))[1]["loss"])
    for one in (data, unasked)
  ]
  assert losses[0] == losses[1]


def learned(algorithm, data, steps: int):
  state, update = algorithm.init({}), jax.jit(algorithm.update)
  for _ in range(steps):
    state, _ = update(KEY, state, jax.tree.map(lambda leaf: leaf[None], data))
  return state


def test_a_strong_penalty_leaves_the_common_weights_and_of_classes_an_intercept():
  data = episode(3)
  algorithm = r2d2(lambda params, x: x, cross_entropy, classes=3, outer=optax.adam(0.1), penalty=1e6, common=(4, 3))
  state = learned(algorithm, data, 20)
  common = np.asarray(state.solver.common)
  assert np.abs(common).max() > 0.1
  x, y = np.asarray(data.support.x), 2.0 * np.eye(3)[np.asarray(data.support.y)] - 1.0
  expected = np.asarray(state.solver.alpha) * ((x - x.mean(0)) @ common + y.mean(0))
  np.testing.assert_allclose(algorithm.predict(KEY, state, data.support, data.query.x), expected, atol=0.02)


@shapes
def test_around_a_common_ridge_is_the_mean_of_a_gaussian_process_with_that_prior(shape):
  """Weights and intercept normal around W_0 with deviation 1: k(x, x') = 1 + x'x, noise of variance lambda."""
  x, y, mask = (a.astype(np.float32) for a in problem(shape, outputs=1))
  support = Batch(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask, bool))
  algorithm = r2d2(
    lambda params, x: x, squared_error, classes=None, outer=optax.adam(0.1), penalty=0.5, common=(shape[1], 1)
  )
  state = learned(algorithm, Episode(support, support, jnp.asarray(0)), 3)
  assert np.abs(state.solver.common).min() > 1e-3  # the intercept, which is the last row, too
  (*weights, intercept), penalty = np.asarray(state.solver.common, float), float(jnp.exp(state.solver.log_penalty))
  asked = np.random.default_rng(1).normal(size=(5, shape[1])).astype(np.float32)
  process = GaussianProcessRegressor(DotProduct(1.0), alpha=penalty, optimizer=None)
  left = process.fit(x[mask > 0], (y - x @ np.asarray(weights) - intercept)[mask > 0])
  mean = asked @ np.asarray(weights) + intercept + left.predict(asked)[:, None]
  found = algorithm.predict(KEY, state, support, jnp.asarray(asked))
  np.testing.assert_allclose(found, float(state.solver.alpha) * mean, rtol=2e-4, atol=2e-4)


def test_a_regression_learns_which_penalty_its_tasks_need():
  """Targets are noise around a constant: the more penalty the better, and lambda grows."""

  def sample(key):
    x_key, y_key = jax.random.split(key)
    x, y = jax.random.normal(x_key, (20, 5)), jax.random.normal(y_key, (20, 1))
    halves = (Batch(x[s], y[s], jnp.ones(10, bool)) for s in (slice(10), slice(10, None)))
    return Episode(*halves, jnp.asarray(0))

  algorithm = r2d2(lambda params, x: x, squared_error, classes=None, outer=optax.adam(0.1))
  state = algorithm.init({})
  data = jax.vmap(sample)(jax.random.split(KEY, 32))
  update = jax.jit(algorithm.update)
  for _ in range(20):
    state, metrics = update(KEY, state, data)
  assert float(metrics["penalty"]) > 3.0
  assert algorithm.predict(KEY, state, jax.tree.map(lambda leaf: leaf[0], data.support), data.query.x[0]).shape == (
    10,
    1,
  )
