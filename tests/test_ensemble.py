"""Deep ensembles: what members say together, against SciPy's distributions and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.special import softmax
from scipy.stats import entropy, norm

from mtl_jax import ensemble, finetune
from mtl_jax.evaluate import score
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.meta import disagreement, mean_and_spread, mean_probability, one_normal
from mtl_jax.types import Batch, Episode

KEY = jax.random.key(0)


def test_classes_have_the_mean_of_the_members_probabilities():
  logits = np.random.default_rng(0).normal(size=(3, 4, 5)).astype(np.float32)
  expected = softmax(logits.astype(float), axis=2).mean(axis=0)
  found = mean_probability(jnp.asarray(logits))
  np.testing.assert_allclose(np.exp(found), expected, rtol=1e-5)  # logits that sum to one need no softmax
  label = jnp.arange(4)
  np.testing.assert_allclose(cross_entropy(found, label), -np.log(expected[label, label]), rtol=1e-5)


def test_members_disagree_by_the_entropy_of_their_mean_beyond_their_own():
  """The mean of KL(p_m || p) is H(p) - mean H(p_m): log 2 for two that are sure of different classes, 0 for equals."""
  logits = np.random.default_rng(2).normal(size=(3, 4, 5))
  p = softmax(logits, axis=2)
  expected = entropy(p.mean(axis=0), axis=1) - entropy(p, axis=2).mean(axis=0)
  np.testing.assert_allclose(disagreement(jnp.asarray(logits, jnp.float32)), expected, rtol=1e-4)
  sure = 60.0 * jnp.eye(2)
  np.testing.assert_allclose(disagreement(jnp.stack([sure, sure[::-1]])), np.log(2.0), rtol=1e-5)
  np.testing.assert_allclose(disagreement(jnp.stack([sure, sure])), 0.0, atol=1e-6)


def test_numbers_have_the_mean_and_variance_of_what_is_drawn_from_the_members_in_turn():
  """The law of total variance; without likelihoods of their own the members are points."""
  rng = np.random.default_rng(1)
  mean, deviation = rng.normal(size=(3, 2)), rng.uniform(0.5, 2.0, (3, 2))
  drawn = np.concatenate([rng.normal(m, d, (200_000, 2)) for m, d in zip(mean, deviation, strict=True)])
  said = jnp.asarray(np.stack([mean, 2.0 * np.log(deviation)], axis=2), jnp.float32)
  found = np.asarray(one_normal(said))
  np.testing.assert_allclose(found[:, 0], mean.mean(axis=0), rtol=1e-5)
  np.testing.assert_allclose(np.exp(0.5 * found[:, 1]), drawn.std(axis=0), rtol=0.01)
  points = np.asarray(mean_and_spread(said[..., :1]))
  np.testing.assert_allclose(points[:, 0], mean.mean(axis=0), rtol=1e-5)
  np.testing.assert_allclose(np.exp(points[:, 1]), mean.var(axis=0), rtol=1e-4)
  assert np.isfinite(mean_and_spread(jnp.ones((3, 2, 1)))).all()  # who agree on everything


def test_an_ensemble_is_its_members_and_says_how_far_they_are_apart():
  """Two linear models that do not learn from a support without labels: 2 x and 4 x, 3 x and a deviation of |x|."""
  several = ensemble(
    finetune(lambda w, x: x * w, squared_error, inner=optax.sgd(0.1), inner_steps=1, outer=optax.sgd(0.1)),
    2,
    mean_and_spread,
  )
  state = several.init(jnp.asarray([2.0, 4.0]))
  x = jnp.asarray([[1.0], [-3.0]])
  nothing = Batch(jnp.zeros((1, 1)), jnp.zeros((1, 1)), jnp.zeros(1, bool))
  found = several.predict(KEY, state, nothing, x)
  np.testing.assert_allclose(found, [[3.0, 0.0], [-9.0, 2.0 * np.log(3.0)]], atol=1e-5)
  asked = Episode(nothing, Batch(x, jnp.asarray([[4.0], [9.0]]), jnp.ones(2, bool)), ())
  scores = score(found, asked)  # off by one deviation of 1, and by six of 3
  expected = -norm.logpdf([4.0, 9.0], [3.0, -9.0], [1.0, 3.0]).mean()
  np.testing.assert_allclose([scores["mse"], scores["nll"], scores["coverage"]], [162.5, expected, 0.5], rtol=1e-5)
  alone = score(found, asked._replace(query=asked.query._replace(mask=jnp.asarray([True, False]))))
  np.testing.assert_allclose([alone["mse"], alone["coverage"]], [1.0, 1.0], rtol=1e-5)
