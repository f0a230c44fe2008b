"""Labels for a budget: never more than it pays for, all of it in time, and where the learner is unsure."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax.online import Normal, alpaca, buying, persistence, replay, stream, wide_prior
from mtl_jax.types import OnlineLearner

KEY, ROWS = jax.random.key(0), 400
DRAW = np.random.default_rng(0)
X = DRAW.normal(size=(ROWS, 2)).astype(np.float32)
Y = X @ np.float32([[1.0], [-1.0]])
SURE = OnlineLearner(
  lambda params: params,
  lambda key, state, x: Normal(jnp.zeros((len(x), 1)), jnp.exp(x[:, :1])),
  lambda key, state, batch: (state + 1, {}),
)
"""Says how unsure it is in the first column, and counts its labels."""


def spent(cost: np.ndarray, matures: np.ndarray) -> float:
  return float(cost[np.isfinite(matures)].sum())


@pytest.mark.parametrize("share", [0.05, 0.25, 0.5])
def test_the_budget_lasts_to_the_end_and_buys_what_is_unsure(share):
  """Labels 20 rows late; what is bought has a greater variance than all but a few of the others."""
  made = stream(np.arange(ROWS), X, Y, delay=20.0, cost=0.1)
  found = buying(KEY, SURE, jnp.int32(0), made, budget=0.1 * share * ROWS, recent=64)
  bought = np.isfinite(found.matures)
  assert bought.sum() == share * ROWS == int(found.state)
  np.testing.assert_array_equal(found.matures[bought], made.matures[bought])
  for half in (slice(0, ROWS // 2), slice(ROWS // 2, ROWS)):
    assert abs(bought[half].mean() - share) < 0.5 * share
  high = X[:, 0] > np.quantile(X[:, 0], 1 - share)
  assert (bought & high).sum() >= 0.75 * bought.sum()


def test_with_money_for_all_it_is_a_replay_and_with_none_it_learns_nothing():
  learner, start = alpaca(lambda params, x: x), wide_prior((), 2, 1.0, np.ones(1))
  delay = np.where(np.arange(ROWS) % 5, 3.0, np.inf)
  made = stream(np.arange(ROWS), X, Y, delay=delay, cost=0.3)
  found = buying(KEY, learner, learner.init(start), made, budget=0.3 * ROWS)
  expected = replay(KEY, learner, learner.init(start), made)
  np.testing.assert_array_equal(found.matures, made.matures)  # of what is not to be had nothing is bought
  jax.tree.map(np.testing.assert_array_equal, found.prediction, expected.prediction)
  jax.tree.map(np.testing.assert_array_equal, found.state, expected.state)
  some = buying(KEY, learner, learner.init(start), made, budget=0.3 * ROWS / 2)
  # Nothing is spent on the fifth that cannot be had, with which no more than four in five of these could be bought.
  assert 0.9 * ROWS / 2 < np.isfinite(some.matures).sum() <= ROWS // 2
  none = buying(KEY, learner, learner.init(start), made, budget=0.2)
  assert np.isinf(none.matures).all()
  jax.tree.map(np.testing.assert_array_equal, none.state, learner.init(start))


def test_labels_of_other_prices_are_summed_and_cheap_ones_come_first():
  """Every second label costs four times as much, the variance knows nothing of it; what is free is always bought."""
  cost = np.where(np.arange(ROWS) % 2, 4.0, 1.0)
  cost[::10] = 0.0
  made = stream(np.arange(ROWS), X, Y, cost=cost)
  found = buying(KEY, SURE, jnp.int32(0), made, budget=200.0)
  bought = np.isfinite(found.matures)
  assert 190.0 < spent(cost, found.matures) <= 200.0
  assert bought[cost == 0].all() and bought[cost == 1].mean() > 2 * bought[cost == 4].mean() > 0


def test_no_label_is_known_before_it_comes_and_none_decides_that_it_is_bought():
  """All labels after a moment are changed: what was said and bought until the first of them comes stays."""
  learner, start = alpaca(lambda params, x: x, kept=0.9), wide_prior((), 2, 1.0, np.ones(1))
  made = stream(np.arange(ROWS), X, Y, delay=10.0, cost=1.0)
  wrong = made._replace(y=np.where(made.time[:, None] > 200, 9.0, Y).astype(np.float32))
  a, b = (buying(KEY, learner, learner.init(start), s, budget=80.0) for s in (made, wrong))
  np.testing.assert_array_equal(a.matures, b.matures)  # a regression's variance knows no label
  np.testing.assert_array_equal(a.prediction.mean[:211], b.prediction.mean[:211])
  assert (np.asarray(a.prediction.mean[211:]) != np.asarray(b.prediction.mean[211:])).any()


def test_a_learner_that_does_not_say_how_unsure_it_is_is_refused_with_the_way_out():
  made, learner = stream(np.arange(ROWS), X, Y, cost=1.0), persistence()
  with pytest.raises(ValueError, match="give one whose predictions are Normal, such as alpaca"):
    buying(KEY, learner, learner.init(np.zeros(1, np.float32)), made, budget=80.0)
