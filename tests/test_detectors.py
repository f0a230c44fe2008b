"""Charts of one number: run lengths that are printed in textbooks, river's test, and sums over all times of change."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from mtl_jax.online import alarms, bayesian, cusum, delays, ewma, page_hinkley, threshold_for

PATHS, LONG = 1500, 2500


def run_length(detector, threshold, shift) -> tuple[float, float]:
  """Mean number of values to the first alarm and its standard error, by simulation."""
  values = jax.random.normal(jax.random.key(0), (PATHS, LONG)) + shift
  raised = jax.jit(jax.vmap(lambda path: alarms(detector, threshold, path)))(values)
  found = delays(np.asarray(raised), 0)
  assert not np.isnan(found).any()
  return found.mean(), found.std() / PATHS**0.5


@pytest.mark.parametrize(
  ("detector", "threshold", "published"),
  [
    # D. C. Montgomery, "Introduction to statistical quality control": tabular CUSUM, k = 1/2, h = 4.
    (cusum(0.5), 4.0, {0.0: 168.0, 0.5: 26.6, 1.0: 8.38, 2.0: 3.34}),
    (cusum(0.5), 5.0, {1.0: 10.4, 2.0: 4.01}),
  ],
)
def test_cumulative_sums_have_the_run_lengths_of_the_textbook(detector, threshold, published):
  for shift, expected in published.items():
    mean, error = run_length(detector, threshold, shift)
    assert abs(mean - expected) < 4 * error + 0.005 * expected, (shift, mean)


def test_the_first_limit_of_the_weighted_mean_is_that_of_a_single_value():
  """At the first value z_1 = weight * x of deviation weight: an alarm where |x| exceeds the limit."""
  x = jax.random.normal(jax.random.key(1), (4000, 1))
  raised = jax.vmap(lambda path: alarms(ewma(0.1), 2.0, path))(x)
  assert np.array_equal(np.asarray(raised), np.abs(np.asarray(x)) > 2.0)
  # Later ones too have unit variance while nothing is wrong.
  detector = ewma(0.1)
  paths = jax.random.normal(jax.random.key(2), (4000, 30))
  found = np.asarray(jax.vmap(lambda path: jax.lax.scan(detector.update, detector.start, path)[1])(paths))
  assert abs(found[:, -1].var() + found[:, -1].mean() ** 2 - 1.0) < 4 * (2 / 4000) ** 0.5


def test_page_hinkley_alarms_where_that_of_river_does():
  drift = pytest.importorskip("river.drift")
  rng = np.random.default_rng(0)
  values = np.concatenate([rng.normal(size=60), rng.normal(size=60) - 1.5, rng.normal(size=60) + 3.0])
  ours = np.asarray(alarms(page_hinkley(0.2), 8.0, jnp.asarray(values, jnp.float32)))
  theirs = drift.PageHinkley(min_instances=1, delta=0.2, threshold=8.0, alpha=1.0, mode="both")
  found = []
  for value in values:
    theirs.update(value)
    found.append(theirs.drift_detected)
  assert ours.sum() >= 2
  assert ours.tolist() == found


def test_the_odds_of_a_change_are_the_sum_over_all_times_of_change(float64):
  """p(values | change before value c) has covariance I, plus deviation^2 among the values from c on."""
  hazard, deviation = 0.02, 1.5
  values = np.random.default_rng(0).normal(size=12) + np.repeat([0.0, 2.0], 6)
  detector = bayesian(hazard, deviation, runs=12)
  found = jax.lax.scan(detector.update, detector.start, jnp.asarray(values))[1]
  for n in range(1, 13):
    changed = 0.0
    for c in range(n):
      there = (np.arange(n) >= c).astype(float)
      density = multivariate_normal.pdf(values[:n], np.zeros(n), np.eye(n) + deviation**2 * np.outer(there, there))
      changed += hazard * (1 - hazard) ** c * density
    never = (1 - hazard) ** n * np.prod(norm.pdf(values[:n]))
    np.testing.assert_allclose(found[n - 1], np.log(changed / never), rtol=1e-9, atol=1e-9)


def test_times_of_change_beyond_those_kept_are_lumped_together():
  """What is lost by it is small, and no weight is: with a prior of no width all times of change say the same."""
  values = jnp.asarray(np.random.default_rng(1).normal(size=60) + np.repeat([0.0, 1.0], 30), jnp.float32)

  def odds(runs, deviation):
    detector = bayesian(0.01, deviation, runs)
    return np.asarray(jax.lax.scan(detector.update, detector.start, values)[1])

  np.testing.assert_allclose(odds(5, 1e-3), odds(60, 1e-3), atol=1e-3)
  assert abs(odds(20, 1.0)[-1] - odds(60, 1.0)[-1]) < 1.0


def test_a_threshold_gives_the_rate_of_false_alarms_that_it_was_set_for():
  calm = jax.random.normal(jax.random.key(3), (2, 60, 1000))
  for detector in (cusum(0.5), ewma(0.2), bayesian(0.01, 1.0, 30)):
    threshold = threshold_for(detector, calm[0], every=100.0)
    raised = jax.vmap(lambda path, d=detector, t=threshold: alarms(d, t, path))(calm[1])
    count = int(raised.sum())  # 600 expected; more regular than a Poisson process
    assert abs(count - 600) < 4 * (2 * 600) ** 0.5, count


def test_too_few_values_for_a_rate_and_too_many_alarms_are_refused():
  calm = jax.random.normal(jax.random.key(4), (2, 50))
  with pytest.raises(ValueError, match="one alarm in 20 values cannot be set on 100"):
    threshold_for(cusum(0.5), calm, every=20.0)
  with pytest.raises(ValueError, match=r"at a threshold of 0\.1"):
    threshold_for(cusum(0.5), calm, every=5.0, high=0.1)


def test_a_delay_counts_the_value_that_raises_the_alarm_and_not_what_came_before():
  raised = np.zeros((3, 10), bool)
  raised[0, [1, 4, 6]] = True
  raised[1, 2] = True
  raised[2, 9] = True
  assert np.array_equal(delays(raised, 4), [1.0, np.nan, 6.0], equal_nan=True)
