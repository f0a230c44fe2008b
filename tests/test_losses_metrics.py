"""Losses and metrics against scikit-learn, on usual and on degenerate predictions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sklearn.metrics
from scipy.stats import norm

from mtl_jax import metrics
from mtl_jax.evaluate import score
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.tasks import shifts, turbofan
from mtl_jax.types import Batch, Episode

CLASSES = 4
classification = jax.jit(metrics.classification)
everything = np.ones(12, bool)


def one_hot(labels) -> np.ndarray:
  return np.eye(CLASSES, dtype=np.float32)[np.asarray(labels)]


rng = np.random.default_rng(0)
PREDICTIONS = {
  **{f"random {i}": (rng.integers(0, CLASSES, 12), rng.integers(0, CLASSES, 12)) for i in range(4)},
  "all right": (np.arange(12) % 4, np.arange(12) % 4),
  "all wrong": (np.arange(12) % 4, (np.arange(12) + 1) % 4),
  "always the same": (np.arange(12) % 4, np.full(12, 2)),
  "one class": (np.full(12, 1), np.full(12, 1)),
  "one class, never met": (np.full(12, 1), np.full(12, 3)),
  "a class absent from both": (np.arange(12) % 3, np.arange(12) // 4),
}


@pytest.mark.parametrize(("true", "predicted"), PREDICTIONS.values(), ids=PREDICTIONS)
@pytest.mark.parametrize("kept", [12, 7, 1])
def test_accuracy_recall_f1_and_confusion_are_those_of_scikit_learn_on_what_is_not_masked(true, predicted, kept):
  mask = np.random.default_rng(kept).permutation(12) < kept
  found = classification(one_hot(predicted), true, mask)
  y, p = true[mask], predicted[mask]
  average = {"average": "macro", "zero_division": 0.0}
  expected = {
    "accuracy": sklearn.metrics.accuracy_score(y, p),
    "macro_recall": sklearn.metrics.recall_score(y, p, labels=np.unique(y), **average),
    "macro_f1": sklearn.metrics.f1_score(y, p, **average),
    "confusion": sklearn.metrics.confusion_matrix(y, p, labels=range(CLASSES)),
  }
  assert found.keys() == expected.keys()
  for name, value in expected.items():
    np.testing.assert_allclose(found[name], value, rtol=1e-6, err_msg=name)


def test_metrics_of_no_example_are_zero():
  nothing = np.zeros(12, bool)
  found = classification(one_hot(np.arange(12) % 4), np.arange(12) % 4, nothing)
  assert all(np.all(np.asarray(value) == 0) for value in found.values())
  assert float(metrics.regression(jnp.ones((12, 1)), jnp.zeros((12, 1)), jnp.asarray(nothing))["mse"]) == 0


@pytest.mark.parametrize("wrong", [-1, CLASSES])
def test_a_label_outside_the_range_gives_nan_unless_it_is_masked(wrong):
  true, mask = np.arange(12) % 4, np.arange(12) != 5
  spoilt = np.where(mask, true, wrong)
  logits = np.random.default_rng(0).normal(size=(12, CLASSES)).astype(np.float32)
  masked, open_ = classification(logits, spoilt, mask), classification(logits, spoilt, everything)
  for name, value in classification(logits, true, mask).items():
    np.testing.assert_array_equal(masked[name], value)
    assert np.isnan(open_[name]).all()
  loss = np.asarray(cross_entropy(jnp.asarray(logits), jnp.asarray(spoilt)))
  assert np.isnan(loss).tolist() == (~mask).tolist()


def test_cross_entropy_is_scikit_learns_log_loss_and_its_gradient_that_of_softmax():
  logits, y = np.random.default_rng(0).normal(size=(12, CLASSES)).astype(np.float32) * 3, np.arange(12) % 4
  softmax = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
  each = cross_entropy(jnp.asarray(logits), jnp.asarray(y))
  assert each.shape == (12,)
  assert float(each.mean()) == pytest.approx(sklearn.metrics.log_loss(y, softmax), rel=1e-5)
  gradient = jax.grad(lambda z: jnp.sum(cross_entropy(z, jnp.asarray(y))))(jnp.asarray(logits))
  np.testing.assert_allclose(gradient, softmax - one_hot(y), atol=1e-6)


def test_cross_entropy_of_large_logits_is_finite():
  logits = jnp.asarray([[1e4, -1e4], [1e4, -1e4]])
  np.testing.assert_allclose(cross_entropy(logits, jnp.asarray([0, 1])), [0.0, 2e4])


@pytest.mark.parametrize("shape", [(12,), (12, 1), (12, 3, 2)])
def test_squared_error_is_scikit_learns_with_masked_examples_left_out(shape):
  a, b = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
  mask = np.arange(12) < 9
  flat = [leaf.reshape(12, -1) for leaf in (a, b)]
  each = squared_error(jnp.asarray(a), jnp.asarray(b))
  assert each.shape == (12,)
  assert float(each.mean()) == pytest.approx(sklearn.metrics.mean_squared_error(*flat), rel=1e-5)
  hidden = np.where(mask.reshape(-1, *(1,) * (len(shape) - 1)), b, np.nan)
  found = metrics.regression(jnp.asarray(a), jnp.asarray(hidden), jnp.asarray(mask))["mse"]
  expected = sklearn.metrics.mean_squared_error(*(leaf[mask] for leaf in flat))
  assert float(found) == pytest.approx(expected, rel=1e-5)


JUDGES = {"as it is": (1.0, score), "turbofan": (turbofan.CAP, turbofan.judged), "shifts": (shifts.STEP, shifts.judged)}


@pytest.mark.parametrize("name", JUDGES)
def test_a_number_with_its_variance_is_judged_by_its_density_in_the_unit_of_the_errors(name):
  """SciPy's, of the target and its distribution in that unit; 1.64 deviations are inside the central 90 %, 1.65 not."""
  (unit, judge), rng = JUDGES[name], np.random.default_rng(2)
  mean, deviation, off = rng.uniform(0.2, 0.8, 4), rng.uniform(0.1, 0.5, 4), np.asarray([0.3, -1.64, 1.65, np.nan])
  y = mean + off * deviation
  prediction = jnp.asarray(np.stack([mean, 2.0 * np.log(deviation)], axis=1), jnp.float32)
  targets = jnp.asarray(np.stack([y, y] if name == "turbofan" else [y], axis=1), jnp.float32)
  side = Batch(jnp.zeros((4, 1)), targets, jnp.asarray([True, True, True, False]))
  found, known = judge(prediction, Episode(side, side, ())), slice(3)
  expected = -norm.logpdf(unit * y[known], unit * mean[known], unit * deviation[known]).mean()
  np.testing.assert_allclose([found.pop("nll"), found.pop("coverage")], [expected, 2 / 3], rtol=1e-5)
  alone = judge(prediction[:, :1], Episode(side, side, ()))
  assert found.keys() == alone.keys()  # nothing of that is said of a number alone
  np.testing.assert_array_equal(found["mse"], alone["mse"])


def test_squared_error_refuses_shapes_that_would_broadcast_and_takes_no_example_at_all():
  with jax.numpy_rank_promotion("allow"), pytest.raises(ValueError, match=r"\(12, 1\).*\(12,\)"):
    squared_error(jnp.ones((12, 1)), jnp.ones(12))
  assert squared_error(jnp.ones((0, 3)), jnp.ones((0, 3))).shape == (0,)


def test_metrics_of_many_episodes_are_a_vmap():
  rng = np.random.default_rng(1)
  logits, y, mask = rng.normal(size=(5, 12, CLASSES)), rng.integers(0, CLASSES, (5, 12)), rng.random((5, 12)) < 0.7
  together = jax.vmap(metrics.classification)(jnp.asarray(logits), jnp.asarray(y), jnp.asarray(mask))
  for i in range(5):
    each = classification(logits[i], y[i], mask[i])
    for name, value in each.items():
      np.testing.assert_allclose(together[name][i], value, rtol=1e-6)
