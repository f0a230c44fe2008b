"""Stock against closed forms and a plain loop, levels that know the past alone, forecasts against another library."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import nbinom, poisson
from statsforecast.models import TSB, CrostonSBA, SimpleExponentialSmoothing

from mtl_jax import inventory, restock
from mtl_jax.inventory import Costs, Rates, Stock, Tracking, foreseen, regimes
from mtl_jax.restock import Problem, costs, linear, own, process, trees

KEY = jax.random.key(0)
LONGEST, PERIODS = 3, 30
PRODUCTS, LASTING = 200, 400  # of simulations that are compared with an expectation


@pytest.fixture(scope="module")
def simulate():
  return jax.jit(inventory.simulate, static_argnames="lost")


@pytest.fixture(scope="module")
def mean_cost(simulate):
  """mean_cost(rate, lead, reorder, level, costs, lost): per period, of Poisson demand, after a start."""

  def mean_cost(rate: float, lead: int, reorder: float, level: float, costs: Costs, lost: bool = False) -> float:
    demand = np.random.default_rng(0).poisson(rate, (PRODUCTS, LASTING))
    fixed = [jnp.full(LASTING, value, jnp.float32) for value in (reorder, level)]
    stock = Stock(jnp.asarray(level, jnp.float32), jnp.zeros(LONGEST + 1))

    def one(demand: jax.Array) -> jax.Array:
      return inventory.simulate(stock, *fixed, demand, jnp.full(LASTING, lead), costs, lost)[1].cost

    return float(jax.jit(jax.vmap(one))(jnp.asarray(demand, jnp.float32))[:, 50:].mean())

  return mean_cost


@pytest.mark.parametrize("lost", [False, True])
def test_a_plain_loop_with_orders_that_overtake_each_other_says_the_same(simulate, lost):
  draw = np.random.default_rng(1)
  reorder, demand, lead = draw.integers(5, 12, PERIODS), draw.poisson(3.0, PERIODS), draw.integers(0, 4, PERIODS)
  level, costs = reorder + draw.integers(0, 8, PERIODS), Costs(1.0, 4.0, 7.0)
  numbers = (jnp.asarray(a, jnp.float32) for a in (reorder, level, demand))
  _, found = simulate(Stock(jnp.asarray(6.0), jnp.zeros(LONGEST + 1)), *numbers, jnp.asarray(lead), costs, lost=lost)

  hand, owed, on_its_way = 6, 0, []  # what is on hand, what customers wait for, (when, how much)
  for t in range(PERIODS):
    position = hand - owed + sum(units for _, units in on_its_way)
    order = max(level[t] - position, 0) if position < reorder[t] else 0
    on_its_way.append((t + lead[t], order))
    hand += sum(units for when, units in on_its_way if when == t)
    on_its_way = [(when, units) for when, units in on_its_way if when > t]
    paid_back = min(hand, owed)
    hand, owed = hand - paid_back, owed - paid_back
    served = min(hand, demand[t])
    hand, missing = hand - served, demand[t] - served
    owed += 0 if lost else missing
    short = missing if lost else owed
    cost = 1.0 * hand + 4.0 * short + 7.0 * (order > 0)
    assert [float(leaf[t]) for leaf in found] == [cost, order, short, served], t


def test_a_base_stock_policy_costs_what_its_closed_form_says(mean_cost):
  """Net stock is S less the demand of L + 1 periods (Zipkin 2000, section 6.2): E h (S - D)+ + b (D - S)+."""
  rate, lead, costs = 2.0, 2, Costs(1.0, 9.0)
  for level in (6.0, 10.0):
    d = np.arange(60)
    expected = np.sum(poisson.pmf(d, rate * (lead + 1)) * (np.maximum(level - d, 0) + 9.0 * np.maximum(d - level, 0)))
    assert_allclose(mean_cost(rate, lead, level, level, costs), expected, rtol=0.02)


def test_lost_sales_at_no_lead_time_are_the_newsvendor(mean_cost):
  """Each period begins at S, whatever was lost."""
  d = np.arange(40)
  expected = np.sum(poisson.pmf(d, 3.0) * (np.maximum(5 - d, 0) + 9.0 * np.maximum(d - 5, 0)))
  assert_allclose(mean_cost(3.0, 0, 5.0, 5.0, Costs(1.0, 9.0), lost=True), expected, rtol=0.02)


def test_an_s_s_policy_costs_what_the_chain_of_its_positions_says(mean_cost):
  """The position after ordering is a Markov chain on s + 1 to S, and L + 1 periods' demand is taken from it."""
  rate, lead, s, top, costs = 1.5, 1, 4, 9, Costs(1.0, 9.0, 5.0)
  after = np.arange(s + 1, top + 1)
  chain, ordered = np.zeros((len(after), len(after))), np.zeros(len(after))
  for i, position in enumerate(after):
    for d in range(30):
      left = position - d
      chain[i, (left if left > s else top) - s - 1] += poisson.pmf(d, rate)
      ordered[i] += poisson.pmf(d, rate) * (left <= s)
  share = np.linalg.matrix_power(chain, 200)[0]
  d = np.arange(40)
  over = after[:, None] - d[None]
  cost = (np.maximum(over, 0) + 9.0 * np.maximum(-over, 0)) @ poisson.pmf(d, rate * (lead + 1)) + 5.0 * ordered
  assert_allclose(mean_cost(rate, lead, s + 1.0, float(top), costs), share @ cost, rtol=0.02)


@pytest.mark.parametrize(("mean", "variance"), [(8.0, 30.0), (8.0, 4.0), (0.3, 2.0)])
def test_the_level_of_the_critical_ratio_costs_least(mean, variance):
  d = np.arange(400)
  size, p = mean**2 / max(variance - mean, 1e-9), mean / max(variance, mean + 1e-9)
  chance = nbinom.pmf(d, size, p) if variance > mean else poisson.pmf(d, mean)
  cost = [chance @ (np.maximum(level - d, 0) + 19.0 * np.maximum(d - level, 0)) for level in range(60)]
  assert inventory.level(np.array(mean), np.array(variance), 0.95, "negative binomial") == np.argmin(cost)
  assert_allclose(inventory.level(np.array(8.0), np.array(4.0), 0.975, "normal"), 8.0 + 1.96 * 2.0, atol=1e-3)


SERIES = np.array([0, 3, 0, 0, 5, 1, 0, 2, 0, 0, 0, 4], float)


@pytest.mark.parametrize(
  ("learner", "model", "rates"),
  [
    (inventory.exponential(), SimpleExponentialSmoothing(alpha=0.2), Rates(0.2, 0.0, 0.1)),
    (inventory.croston(), CrostonSBA(), Rates(0.1, 0.0, 0.1)),
    (inventory.tsb(), TSB(alpha_d=0.3, alpha_p=0.1), Rates(0.3, 0.1, 0.1)),
  ],
  ids=["exponential", "croston", "tsb"],
)
def test_smoothing_forecasts_what_another_library_does_and_its_variance_is_that_of_its_errors(learner, model, rates):
  y = jnp.asarray(np.append(SERIES, 0.0), jnp.float32)[None]
  found = foreseen(KEY, learner, rates, jnp.zeros((1, y.shape[1], 1)), y)
  for n in (2, 5, len(SERIES)):
    expected = model.forecast(y=SERIES[:n], h=1)["mean"][0]
    assert_allclose(found.mean[0, n, 0], expected, rtol=1e-5)
  errors = np.square(SERIES - np.asarray(found.mean[0, :-1, 0]))[1:]  # before the first value nothing is foreseen
  assert_allclose(found.variance[0, 6, 0], errors[:5].mean(), rtol=1e-5)  # the mean, until the tenth


def test_a_recent_quantile_is_that_of_the_latest_labels_that_have_come():
  y = jnp.asarray(np.random.default_rng(3).poisson(5.0, (2, 14)), jnp.float32)
  for ratio in (0.8, 0.95):
    found = foreseen(KEY, inventory.recent_quantile(5), ratio, jnp.zeros((2, 14, 1)), y, delay=2)
    for t in range(3, 14):
      known = y[:, max(0, t - 2 - 5) : t - 2]
      assert_allclose(found[:, t, 0], np.quantile(known, ratio, axis=1, method="inverted_cdf"))


def test_a_tracked_level_covers_its_share_whatever_demand_does():
  """Scores within B = 3: the share is within (2 B + rate) / (rate T)."""
  periods, rate, ratio = 2000, 0.2, 0.8
  time = np.arange(periods)
  wild = 1.5 * np.sin(time / 40.0) + np.where(time % 500 < 250, 1.0, -1.0) + 0.4 * (-1.0) ** time
  x = np.stack([np.full(periods, 7.0), np.full(periods, 2.0)], axis=1)[None]
  y = 7.0 + 2.0 * wild[None]
  start = Tracking(ratio, rate, 0.0)
  x, y = (jnp.asarray(a, jnp.float32) for a in (x, y))
  level = foreseen(KEY, inventory.tracked(), start, x, y)[0, :, 0]
  assert abs(float(jnp.mean(y[0] <= level)) - ratio) <= (2 * 3.0 + rate) / (rate * periods)
  late = foreseen(KEY, inventory.tracked(), start, x, y, delay=3)[0, :, 0]
  assert_allclose(late[:4], 7.0)  # nothing has come by then
  assert not np.allclose(late[4], 7.0)


def test_an_order_covers_its_own_period_and_those_until_the_next_one_comes():
  assert inventory.to_cover(np.array([[1.0, 2.0, 4.0, 8.0]]), 1).tolist() == [[3.0, 6.0, 12.0]]
  assert inventory.to_cover(np.array([1.0, 2.0]), 0).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("regime", regimes.REGIMES)
def test_simulated_demand_has_the_mean_and_variance_that_the_oracle_is_told(regime):
  sold, mean, d = regimes.simulated(regime, 400, 120, 0)
  total = inventory.to_cover(mean, 2)
  error = inventory.to_cover(sold, 2) - total
  variance = inventory.to_cover(mean * d, 2)
  assert abs((error / np.sqrt(variance)).mean()) < 0.03
  assert_allclose((np.square(error) / variance).mean(), 1.0, rtol=0.05)
  at = regimes.changes(regime, 120)
  jump = np.abs(np.diff(np.log(mean), axis=1)).mean(0) + np.abs(np.diff(d, axis=1)).mean(0)
  assert (np.flatnonzero(jump > 0.1) + 1).tolist() == at.tolist()


@pytest.fixture(scope="module")
def problem() -> Problem:
  sold = np.random.default_rng(4).negative_binomial(2.0, 0.3, (12, 36)).astype(float)
  group = np.repeat(["level shift", "steady"], 6)
  return Problem(sold, group, 26, 6, 2, None, Problem(sold[:, :26], group, 18, 6))


@pytest.fixture(scope="module")
def surprised(problem) -> Problem:
  """The same until period 30, and then much more."""
  sold = problem.sold.copy()
  sold[:, 30:] = 9.0 * sold[:, 30:] + 40.0
  return Problem(sold, problem.group, 26, 6, 2)


METHODS = [
  partial(own.static, kind="empirical"),
  own.pooled_static,
  partial(own.refitted, window=8, kind="empirical"),
  partial(own.refitted, window=8, kind="negative binomial"),
  *(partial(own.smoothed, name=name, size=0.2, kind="negative binomial") for name in ("exponential", "tsb")),
  partial(own.online_gradient, rate=0.2, kind="normal"),
  partial(own.conformal_smoothing, size=0.2, rate=0.2),
  partial(trees.boosted, every=4),
  partial(linear.alpaca, kept=0.9),
  process.cnp,
  partial(process.conformal_cnp, rate=0.2),
]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: getattr(method, "func", method).__name__)
def test_a_level_knows_what_was_sold_before_its_period_and_nothing_else(problem, surprised, method, monkeypatch):
  """What is sold from period 30 on changes no level up to 30's own, and all that adapt see it later."""
  for module in (linear, process):
    monkeypatch.setattr(module, "fit", lambda key, algorithm, state, family, **_: (state, {}))
  known, other = method(problem, 4.0), method(surprised, 4.0)
  assert known.shape == other.shape == (12, 10)
  assert np.isfinite(known).all()
  np.testing.assert_array_equal(known[:, :5], other[:, :5])
  fixed = getattr(method, "func", method) in (own.static, own.pooled_static)
  assert fixed == np.array_equal(known[:, 5:], other[:, 5:])


@pytest.mark.parametrize("method", METHODS[-3:-1], ids=["alpaca", "cnp"])
def test_networks_learn_from_what_was_sold_before_the_cut(problem, method, monkeypatch):
  """What is sold from period 26 on is not among it, what is sold in 25 is, and an update takes it."""
  learned_from = []

  def untrained(key, algorithm, state, family, **_):
    learned_from.append(jax.tree.leaves(family.sample))
    drawn = jax.eval_shape(jax.vmap(family.sample), jax.random.split(key, 2))
    jax.eval_shape(algorithm.update, key, state, drawn)
    raise InterruptedError

  monkeypatch.setattr(linear if method is METHODS[-3] else process, "fit", untrained)
  for changed in (36, 26, 25):
    sold = problem.sold.copy()
    sold[:, changed:] += 40.0
    with pytest.raises(InterruptedError):
      method(Problem(sold, problem.group, 26, 6, 2), 4.0)
  usual, at_cut, before = learned_from
  assert all(np.array_equal(a, b) for a, b in zip(usual, at_cut, strict=True))
  assert not all(np.array_equal(a, b) for a, b in zip(usual, before, strict=True))


def test_scores_are_relative_to_the_static_level_and_what_was_ordered_late_is_paid_for(problem):
  usual = own.static(problem, 4.0, "normal")
  same = restock.scores(problem, "static", usual[None], usual, 4.0, 0.0)
  assert [row["group"] for row in same] == ["level shift", "steady", "all"]
  assert all(row["relative"] == row["low"] == row["high"] == 1.0 for row in same)
  none = restock.scores(problem, "none", np.zeros_like(usual)[None], usual, 4.0, 0.0)
  assert none[2]["relative"] > 1.5
  assert none[2]["fill"] < 0.5 < same[2]["fill"]
  # Ordered at the first period, a level has its first effect `lead` later.
  assert_allclose(none[2]["by_period"][:2], same[2]["by_period"][:2])
  assert none[2]["by_period"][-1] > same[2]["by_period"][-1]


def test_the_score_of_seeds_is_their_mean(problem):
  usual = own.static(problem, 4.0, "normal")
  both = np.stack([usual, 3.0 * usual])
  each = [restock.scores(problem, "one", level[None], usual, 4.0, 0.0) for level in both]
  together = restock.scores(problem, "both", both, usual, 4.0, 0.0)
  for of_both, *of_each in zip(together, *each, strict=True):
    for name in ("cost", "relative", "fill", "cycle", "by_period"):
      assert_allclose(of_both[name], np.mean([row[name] for row in of_each], axis=0), rtol=1e-6)
    assert_allclose(of_both["by_product"], [row["by_product"][0] for row in of_each])
  # Either seed may be drawn for both: products alone would not reach so far.
  assert together[2]["low"] <= each[0][2]["relative"] + 1e-9 and each[1][2]["relative"] < together[2]["high"]


@pytest.fixture
def two_steps(monkeypatch):
  """Nothing of them is left in what is kept for later."""
  kept = (process._process, process._levels, linear._linear, linear._alpaca)
  for module in (process, linear):
    monkeypatch.setattr(module, "STEPS", 2)
  for made in kept:
    made.cache_clear()
  yield
  for made in kept:
    made.cache_clear()


@pytest.mark.parametrize("method", [process.cnp, partial(linear.alpaca, kept=1.0)])
def test_another_seed_learns_otherwise(problem, method, two_steps):
  first, second = (method(problem, 4.0, seed=seed) for seed in (0, 1))
  for made in (process._levels, linear._alpaca):
    made.cache_clear()
  again = method(problem, 4.0)
  assert_allclose(again, first)
  assert np.abs(second - first).max() > 1e-3


def test_a_ratio_of_costs_is_as_sure_as_the_delta_method_says():
  """var(R) = var(x - R y) / (n mean(y)^2); what is twice as dear for every product is so without doubt."""
  draw = np.random.default_rng(6)
  y = draw.gamma(2.0, size=2000)
  x = 0.7 * y + 0.2 * draw.gamma(2.0, size=2000)
  mean, low, high = restock.over(x, y)
  assert mean == x.mean() / y.mean()
  assert_allclose((high - low) / 3.92, (x - mean * y).std() / y.mean() / np.sqrt(2000), rtol=0.08)
  assert_allclose(restock.over(2.0 * y, y), 2.0, rtol=1e-12)


def test_networks_are_trained_on_what_their_levels_cost():
  levels, demand = jnp.asarray([[5.0, 9.0], [5.0, 9.0]]), jnp.asarray([[7.0], [4.0]])
  assert_allclose(process._newsvendor(levels, demand), [4.0 * 2.0 + 2.0, 1.0 + 5.0], rtol=1e-6)


def test_settings_are_chosen_in_the_periods_before_those_replayed(problem):
  seen = []

  def levels(one: Problem, short: float, level: float) -> np.ndarray:
    seen.append(one)
    return np.full((12, one.sold.shape[1] - one.cut), level)

  found = restock.chosen(problem, restock.Method("flat", levels, {"level": (0.0, 20.0, 500.0)}), 4.0)
  assert found == {"level": 20.0}
  assert all(one is problem.earlier for one in seen)


def test_recovery_is_counted_from_each_change_to_the_first_periods_near_the_oracle():
  """Changes in periods 52 and 104 of 0 to 129, replayed from 40; costs are 1 but 5 for the 10 and 20 after a change.

  Eight periods in a row cost at most 1.25 first when all of them are cheap: the last of them is 17 periods after the
  change, and in the 26 periods after the second it never comes.
  """

  problem = Problem(np.zeros((1, 130)), np.array(["level shift"]), 40, 6)
  cost = np.ones(130)
  cost[52:62], cost[104:124] = 5.0, 5.0
  ones = np.ones(90)
  assert costs._recovery(problem, "level shift", cost[40:], ones) == (17 + 26) / 2
  assert costs._recovery(problem, "steady", cost[40:], ones) is None
