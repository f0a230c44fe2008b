"""Scores against scikit-learn and plain loops; intervals against closed forms and SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from mtl_jax.evaluate import (
  _evaluate,
  _resampled,
  episode_keys,
  episodes_of,
  evaluate,
  interval,
  score,
  score_labels,
  score_values,
)
from mtl_jax.tasks.pool import Pool, few_shot
from mtl_jax.tasks.sinusoid import sinusoid
from mtl_jax.types import Algorithm, Batch, Episode, TaskFamily

CLASSES, KEY = 3, jax.random.key(4)


def nothing(*_):
  raise AssertionError("evaluation neither starts nor trains")


def centroids(key, state, support, x):
  """Nearest class mean of the support, with noise of its own for each episode."""
  belongs = jax.nn.one_hot(support.y, CLASSES) * support.mask[:, None].astype(jnp.float32)
  mean = belongs.T @ support.x / jnp.maximum(belongs.sum(0), 1.0)[:, None]
  distance = jnp.square(x[:, None] - mean[None]).sum(-1)
  return -distance + state * jax.random.normal(key, distance.shape)


def constant(key, state, support, x):
  return jnp.full((x.shape[0], 1), state)


SINES = sinusoid()
NEAREST, CONSTANT = Algorithm(nothing, nothing, centroids), Algorithm(nothing, nothing, constant)


@pytest.fixture(scope="module")
def pool() -> Pool:
  """Four units with blobs that overlap."""
  rng = np.random.default_rng(0)
  shape = (4, CLASSES, 12)
  x = rng.normal(size=(*shape, 2)) + 1.2 * np.eye(CLASSES, 2)[None, :, None]
  return Pool(
    jnp.asarray(x, jnp.float32), jnp.ones(shape, bool), jnp.arange(np.prod(shape)).reshape(shape), jnp.arange(4)
  )


def family(pool: Pool, shots: int | tuple[int, int]) -> TaskFamily:
  return few_shot(pool, shots=shots, queries=6, places=3)  # all of them share one compiled program


def test_scores_are_those_of_a_loop_over_episodes(pool):
  tasks = family(pool, (1, 3))
  scores = evaluate(KEY, NEAREST, jnp.float32(0.3), tasks, episodes=30)
  assert {name: value.shape for name, value in scores.items()} == {
    "accuracy": (30,),
    "macro_recall": (30,),
    "macro_f1": (30,),
    "confusion": (30, CLASSES, CLASSES),
  }
  sample, predict = jax.jit(tasks.sample), jax.jit(centroids)
  for i, (sample_key, predict_key) in enumerate(episode_keys(KEY, 30)):
    episode = sample(sample_key)
    said = predict(predict_key, jnp.float32(0.3), episode.support, episode.query.x).argmax(-1)
    truth = (np.asarray(episode.query.y), np.asarray(said))
    assert scores["accuracy"][i] == pytest.approx(sklearn.metrics.accuracy_score(*truth))
    assert scores["macro_recall"][i] == pytest.approx(sklearn.metrics.recall_score(*truth, average="macro"))
    assert scores["macro_f1"][i] == pytest.approx(sklearn.metrics.f1_score(*truth, average="macro"))
    np.testing.assert_array_equal(
      scores["confusion"][i], sklearn.metrics.confusion_matrix(*truth, labels=range(CLASSES))
    )
  assert len(np.unique(scores["accuracy"])) > 3


@pytest.mark.parametrize("chunk", [7, 100])
def test_the_number_of_episodes_at_once_changes_no_score(pool, chunk):
  tasks = family(pool, 2)
  usual = evaluate(KEY, NEAREST, jnp.float32(0.3), tasks, episodes=30)
  other = evaluate(KEY, NEAREST, jnp.float32(0.3), tasks, episodes=30, chunk=chunk)
  np.testing.assert_array_equal(usual["confusion"], other["confusion"])


def test_one_key_gives_every_algorithm_the_same_episodes():
  """mean (c - y)^2 at c = 0, 1, 2 is a parabola in c of second difference 2, if the y are the same."""
  errors = [evaluate(KEY, CONSTANT, jnp.float32(c), SINES, episodes=40)["mse"] for c in (0.0, 1.0, 2.0)]
  np.testing.assert_allclose(errors[0] - 2 * errors[1] + errors[2], 2.0, rtol=1e-4)
  other = evaluate(jax.random.key(5), CONSTANT, jnp.float32(0.0), SINES, episodes=40)["mse"]
  assert not np.isclose(other, errors[0], rtol=1e-3).any()


def test_drawn_episodes_are_those_that_are_evaluated(pool):
  """Rungs of the ladder answer `episodes_of`; that they meet the same questions makes gains paired."""
  tasks = family(pool, 2)
  inside = evaluate(KEY, NEAREST, jnp.float32(0.0), tasks, episodes=30)
  drawn = episodes_of(KEY, tasks, 30)
  keys = jax.random.split(jax.random.key(0), 30)
  logits = np.asarray(
    jax.jit(jax.vmap(centroids, (0, None, 0, 0)))(keys, jnp.float32(0.0), drawn.support, drawn.query.x)
  )
  for outside in (score_values(logits, drawn), score_labels(logits.argmax(-1), drawn, CLASSES)):
    jax.tree.map(np.testing.assert_array_equal, outside, inside)


def test_values_from_outside_are_scored_as_a_regression_where_targets_are_numbers():
  drawn = episodes_of(KEY, SINES, 40)
  outside = score_values(np.ones((40, 10, 1)), drawn)["mse"]
  np.testing.assert_allclose(outside, np.square(np.asarray(drawn.query.y) - 1.0).mean(axis=(1, 2)), rtol=1e-5)
  inside = evaluate(KEY, CONSTANT, jnp.float32(1.0), SINES, episodes=40)["mse"]
  np.testing.assert_allclose(outside, inside, rtol=1e-5)


def test_another_number_of_labels_does_not_compile_again(pool):
  evaluate(KEY, NEAREST, jnp.float32(0.0), family(pool, 1), episodes=30)
  before = _evaluate._cache_size()
  for shots in (2, 3, (0, 2)):
    tasks = family(pool, shots)
    evaluate(KEY, NEAREST, jnp.float32(1.0), tasks, episodes=30)
  assert _evaluate._cache_size() == before


def _episode(support_y: list[int], known: list[bool]) -> Episode:
  support = Batch(jnp.zeros((3, 1)), jnp.asarray(support_y), jnp.asarray(known))
  return Episode(support, Batch(jnp.zeros((4, 1)), jnp.asarray([0, 1, 2, 2]), jnp.asarray([True] * 3 + [False])), ())


def test_a_class_without_a_labelled_example_is_never_the_answer():
  logits = jnp.tile(jnp.asarray([[0.0, 1.0, 9.0]]), (4, 1))
  confusion = score(logits, _episode([0, 1, 2], [True, True, False]))["confusion"]
  np.testing.assert_array_equal(confusion, [[0, 1, 0], [0, 1, 0], [0, 1, 0]])
  confusion = score(logits, _episode([0, 1, 2], [True, True, True]))["confusion"]
  np.testing.assert_array_equal(confusion, [[0, 0, 1], [0, 0, 1], [0, 0, 1]])


def test_what_is_masked_in_the_query_is_not_scored():
  logits = jnp.eye(3)[jnp.asarray([0, 1, 0, 2])]
  scores = score(logits, _episode([0, 1, 2], [True] * 3))
  assert float(scores["accuracy"]) == pytest.approx(2 / 3)


def test_a_number_that_is_masked_in_the_query_is_not_scored():
  ones, mask = jnp.ones((3, 1)), jnp.asarray([True, True, False])
  episode = Episode(Batch(ones, ones, mask), Batch(ones, jnp.asarray([[1.0], [3.0], [1e6]]), mask), ())
  assert float(score(ones, episode)["mse"]) == pytest.approx((0.0 + 4.0) / 2)


# Intervals. Of 2000 draws from a normal distribution the 2.5 % point has a standard error of
# sqrt(0.025 * 0.975 / 2000) / 0.0584 = 0.06 deviations; four of them are the tolerance.
WITHIN = 4 * 0.06


def test_an_interval_of_independent_episodes_is_the_textbook_one():
  scores = np.random.default_rng(1).normal(0.7, 0.2, 600)
  mean, low, high = interval(scores)
  error = scores.std() / 600**0.5
  assert mean == pytest.approx(scores.mean())
  assert (low - mean) / error == pytest.approx(-1.96, abs=WITHIN)
  assert (high - mean) / error == pytest.approx(1.96, abs=WITHIN)


def test_an_interval_of_skewed_scores_is_scipys():
  scores = np.random.default_rng(2).exponential(size=40)
  _, low, high = interval(scores)
  theirs = scipy.stats.bootstrap(
    (scores,), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(0)
  ).confidence_interval
  error = scores.std() / 40**0.5
  assert (low - theirs.low) / error == pytest.approx(0.0, abs=WITHIN)
  # The tail is longer above: its density at the 97.5 % point is about half as high.
  assert (high - theirs.high) / error == pytest.approx(0.0, abs=2 * WITHIN)


def test_the_level_sets_the_width():
  scores = np.random.default_rng(3).normal(size=500)
  _, low, high = interval(scores, level=0.5)
  error = scores.std() / 500**0.5
  assert (high - low) / (2 * error) == pytest.approx(0.6745, abs=WITHIN / 2)


def _width(scores, unit=None) -> float:
  _, low, high = interval(scores, unit)
  return high - low


def test_repeating_each_unit_adds_no_certainty_unless_it_is_hidden():
  scores = np.random.default_rng(4).normal(size=200)
  once = _width(scores)
  twice = np.repeat(scores, 2)
  assert _width(twice, np.repeat(np.arange(200), 2)) / once == pytest.approx(1.0, abs=0.12)
  assert _width(twice) / once == pytest.approx(0.5**0.5, abs=0.09)


def test_units_may_be_named_by_several_numbers_in_any_order():
  rng = np.random.default_rng(5)
  effect, unit = rng.normal(size=64), rng.permutation(np.repeat(np.arange(64), 5))
  pairs = np.stack([unit // 8, unit % 8], axis=1)
  scores = effect[unit]
  assert _width(scores, pairs) == pytest.approx(_width(scores, unit))
  assert _width(scores, unit) / (2 * 1.96 * effect.std() / 64**0.5) == pytest.approx(1.0, abs=0.12)


def test_a_unit_counts_by_its_episodes():
  """Where units differ in size, the mean is that of episodes: 40 units at 0, 40 with thrice as many at 1."""
  size = np.where(np.arange(80) < 40, 1, 3)
  unit = np.repeat(np.arange(80), size)
  mean, low, high = interval((unit >= 40).astype(float), unit)
  assert mean == 0.75
  # Ratio estimator: deviation sqrt(sum (n_i (y_i - 0.75))^2) / sum n_i = sqrt(40 * 0.75^2 + 40 * 0.75^2) / 160.
  assert (high - low) / (2 * 1.96 * 0.75 * 80**0.5 / 160) == pytest.approx(1.0, abs=0.12)


def test_with_few_units_episodes_are_resampled():
  scores = np.random.default_rng(6).normal(size=580)
  for units, same in ((29, True), (58, False)):
    unit = np.arange(580) % units
    assert (_width(scores, unit) == _width(scores)) is same


def test_seeds_and_episodes_both_widen_the_interval():
  """s_ij = a_i + b_j: the variance of the resampled mean is var(a) / seeds + var(b) / episodes."""
  rng = np.random.default_rng(7)
  a, b = rng.normal(size=30), 4 * rng.normal(size=300)
  expected = 2 * 1.96 * (a.var() / 30 + b.var() / 300) ** 0.5
  assert _width(a[:, None] + b[None, :]) / expected == pytest.approx(1.0, abs=0.12)
  assert _width(np.tile(b, (30, 1))) / _width(b) == pytest.approx(1.0, abs=0.12)


def test_an_interval_is_the_same_each_time():
  scores = np.random.default_rng(8).normal(size=(5, 100))
  first = interval(scores)
  _resampled.cache_clear()
  assert interval(scores) == first
