"""Conditional neural processes: the mean of encoded examples, by hand, and its gradient against finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtl_jax import cnp
from mtl_jax.losses import squared_error
from mtl_jax.meta.cnp import aggregate
from mtl_jax.types import Batch, Episode

KEY = jax.random.key(0)


def encode(params, x, y):
  return jnp.tanh(jnp.concatenate([x, y], axis=1) @ params["h"])


def decode(params, x, r):
  return jnp.tanh(x @ params["g"] + r[None]) @ params["out"]


def params_of(rng):
  return {name: jnp.asarray(rng.normal(size=size)) for name, size in {"h": (3, 4), "g": (2, 4), "out": (4, 1)}.items()}


def batch_of(rng, count, mask=None):
  kept = jnp.ones(count, bool) if mask is None else jnp.asarray(mask)
  return Batch(jnp.asarray(rng.normal(size=(count, 2))), jnp.asarray(rng.normal(size=(count, 1))), kept)


@pytest.fixture
def double():
  with jax.enable_x64(True):
    yield


@pytest.mark.parametrize("seed", range(3))
def test_the_prediction_is_that_of_the_equations_worked_out_in_numpy(seed, double):
  rng = np.random.default_rng(seed)
  params, support, x = params_of(rng), batch_of(rng, 6, rng.random(6) < 0.6), jnp.asarray(rng.normal(size=(5, 2)))
  algorithm = cnp(encode, decode, squared_error, outer=optax.sgd(0.1))
  found = algorithm.predict(KEY, algorithm.init(params), support, x)
  h, g, out = (np.asarray(params[name]) for name in ("h", "g", "out"))
  kept = np.asarray(support.mask)
  pairs = np.concatenate([support.x, support.y], axis=1)[kept]
  r = np.tanh(pairs @ h).sum(0) / max(kept.sum(), 1)
  np.testing.assert_allclose(found, np.tanh(np.asarray(x) @ g + r) @ out, rtol=1e-12)


def test_the_aggregate_is_the_mean_of_what_the_mask_keeps_and_zero_where_it_keeps_nothing():
  """Of (1, 2), (3, 6) and (100, nan) the first two are kept: (2, 4)."""
  encoded = jnp.asarray([[1.0, 2.0], [3.0, 6.0], [100.0, jnp.nan]])
  np.testing.assert_array_equal(aggregate(encoded, jnp.asarray([True, True, False])), [2.0, 4.0])
  np.testing.assert_array_equal(aggregate(encoded, jnp.zeros(3, bool)), [0.0, 0.0])


def test_the_order_of_the_examples_does_not_matter(double):
  rng = np.random.default_rng(0)
  params, support, x = params_of(rng), batch_of(rng, 7, np.arange(7) < 5), jnp.asarray(rng.normal(size=(4, 2)))
  algorithm = cnp(encode, decode, squared_error, outer=optax.sgd(0.1))
  state = algorithm.init(params)
  first = algorithm.predict(KEY, state, support, x)
  for seed in range(5):
    order = np.random.default_rng(seed).permutation(7)
    shuffled = jax.tree.map(lambda leaf, order=order: leaf[order], support)
    np.testing.assert_allclose(algorithm.predict(KEY, state, shuffled, x), first, rtol=1e-12)


def test_twice_the_same_examples_are_the_same_task_and_one_more_example_is_another(double):
  """A mean forgets how many there were; only an encoder that reads it, as from times, can know."""
  rng = np.random.default_rng(0)
  params, support, x = params_of(rng), batch_of(rng, 3), jnp.asarray(rng.normal(size=(4, 2)))
  algorithm = cnp(encode, decode, squared_error, outer=optax.sgd(0.1))
  state = algorithm.init(params)
  first = algorithm.predict(KEY, state, support, x)
  twice = jax.tree.map(lambda leaf: jnp.concatenate([leaf, leaf]), support)
  np.testing.assert_allclose(algorithm.predict(KEY, state, twice, x), first, rtol=1e-12)
  less = support._replace(mask=support.mask.at[0].set(False))
  assert np.abs(algorithm.predict(KEY, state, less, x) - first).max() > 1e-3


@pytest.mark.parametrize("hidden", [np.nan, np.inf, 1e30])
def test_what_is_masked_reaches_neither_the_forecast_nor_the_gradient(hidden):
  rng = np.random.default_rng(0)
  params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), params_of(rng))
  algorithm = cnp(encode, decode, squared_error, outer=optax.sgd(0.1))

  def step(value):
    def spoilt(batch):
      keep = batch.mask[:, None]
      return Batch(*(jnp.where(keep, leaf.astype(jnp.float32), value) for leaf in batch[:2]), batch.mask)

    r = np.random.default_rng(1)
    episode = Episode(spoilt(batch_of(r, 5, np.arange(5) < 3)), spoilt(batch_of(r, 4, np.arange(4) < 3)), jnp.zeros(()))
    return algorithm.update(KEY, algorithm.init(params), jax.tree.map(lambda leaf: leaf[None], episode))

  jax.tree.map(np.testing.assert_array_equal, step(hidden), step(0.0))


def test_without_a_labelled_example_the_answer_is_the_decoder_at_zero():
  rng = np.random.default_rng(0)
  params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), params_of(rng))
  support = Batch(jnp.full((3, 2), jnp.nan), jnp.full((3, 1), jnp.nan), jnp.zeros(3, bool))
  x = jnp.asarray(rng.normal(size=(4, 2)), jnp.float32)
  algorithm = cnp(encode, decode, squared_error, outer=optax.sgd(0.1))
  found = algorithm.predict(KEY, algorithm.init(params), support, x)
  np.testing.assert_array_equal(found, decode(params, x, jnp.zeros(4)))
  assert np.isfinite(found).all()


def test_a_step_of_gradient_descent_is_the_one_that_finite_differences_give(double):
  rng = np.random.default_rng(0)
  params, tasks = params_of(rng), 3
  data = [
    Episode(batch_of(rng, 5, rng.random(5) < 0.7), batch_of(rng, 4, np.arange(4) < 3), jnp.zeros(()))
    for _ in range(tasks)
  ]
  stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *data)
  algorithm = cnp(encode, decode, squared_error, outer=optax.sgd(1.0))
  state, metrics = algorithm.update(KEY, algorithm.init(params), stacked)

  def loss(flat):
    p = unravel(flat)
    total = 0.0
    for support, query, _ in data:
      r = aggregate(encode(p, support.x, support.y), support.mask)
      error = np.square(np.asarray(decode(p, query.x, r) - query.y))[:, 0]
      total += error[np.asarray(query.mask)].mean() / tasks
    return total

  flat, unravel = jax.flatten_util.ravel_pytree(params)
  steps = 1e-6 * np.eye(len(flat))
  expected = np.array([(loss(flat + d) - loss(flat - d)) / 2e-6 for d in steps])
  np.testing.assert_allclose(flat - jax.flatten_util.ravel_pytree(state.params)[0], expected, rtol=1e-6, atol=1e-9)
  assert float(metrics["loss"][()]) == pytest.approx(loss(flat), rel=1e-12)
  assert float(metrics["gradient_norm"]) == pytest.approx(np.linalg.norm(expected), rel=1e-6)
