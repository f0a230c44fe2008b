"""Demand of new products: what a window may know, the ladder against closed forms, the judge by hand."""

import dataclasses
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import nbinom
from sklearn.metrics import mean_pinball_loss
from statsforecast.models import TSB, AutoETS, CrostonSBA, SimpleExponentialSmoothing
from threadpoolctl import threadpool_limits

from mtl_jax import baselines, build
from mtl_jax.baselines import forecasting
from mtl_jax.baselines.forecasting import Around, Asked, Prior, Window
from mtl_jax.config import (
  MLP,
  Anp,
  Cnp,
  Config,
  ConfigError,
  Demand,
  Evaluation,
  Finetune,
  InContext,
  ProtoNet,
  validate,
)
from mtl_jax.evaluate import episodes_of, evaluate
from mtl_jax.losses import pinball, poisson_deviance
from mtl_jax.tasks import demand
from mtl_jax.tasks.rows import Rows
from mtl_jax.types import Batch, Episode

PRODUCTS, PERIODS, PLACES, HORIZON = 6, 20, 8, 3
needs_data = pytest.mark.skipif(
  not os.environ.get("MTL_JAX_DATA"), reason="MTL_JAX_DATA does not name the folder with the recorded data"
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
  """Trees that answer three rows at a time are slower on two threads, and far slower beside other tests."""
  with threadpool_limits(1, user_api="openmp"):
    yield


def rows_of(calendar: int = 0) -> Rows:
  """Product p sells 100 p + t in period t: a window can be read back from what it holds."""
  sold = 100.0 * np.arange(PRODUCTS)[:, None] + np.arange(PERIODS)[None] + 1.0
  told = np.zeros((PRODUCTS, PERIODS, 1 + calendar), np.float32)
  if calendar:
    told[..., 1:] = np.eye(calendar)[np.arange(PERIODS) % calendar]
  y = np.stack([sold, np.full_like(sold, 2.0)], axis=2).astype(np.float32)
  return Rows(jnp.asarray(told), jnp.asarray(y), jnp.ones(sold.shape, bool), jnp.arange(PRODUCTS))


def drawn(shots, count: int = 40, calendar: int = 0, **more) -> Episode:
  family = demand.ahead(rows_of(calendar), shots=shots, queries=HORIZON, places=PLACES, **more)
  return jax.tree.map(np.asarray, episodes_of(jax.random.key(0), family, count))


@pytest.mark.parametrize("shots", [0, 4, 8])
def test_what_is_known_are_the_latest_periods_before_the_origin_and_time_counts_from_it(shots):
  support, query, product = drawn(shots) if shots else drawn((0, 1), 80)
  for i, one in enumerate(product):
    known = support.mask[i]
    sold, asked = support.y[i][known, 0], query.y[i][:, 0]
    origin = asked[0]
    assert (sold // 100 == one).all() and (asked // 100 == one).all()
    assert (sold < origin).all() and asked.tolist() == (origin + np.arange(HORIZON)).tolist()
    if shots:
      assert sold.tolist() == (origin + np.arange(-shots, 0)).tolist()
    times = support.x[i][known, demand.TIME]
    assert times.tolist() == (sold - origin).tolist()
    assert query.x[i][:, demand.TIME].tolist() == list(range(HORIZON))
    size = (1.0 + sold.sum()) / (1.0 + len(sold))
    for side, mask in ((support, known), (query, query.mask[i])):
      np.testing.assert_allclose(side.x[i][mask, demand.SIZE], size, rtol=1e-6)


def test_a_forecast_is_told_nothing_that_depends_on_what_is_asked():
  rows = rows_of(4)

  def family(y):
    return demand.ahead(rows._replace(y=y), shots=4, queries=HORIZON, places=PERIODS - HORIZON)

  plain, other = (
    episodes_of(jax.random.key(0), family(y), 20) for y in (rows.y, rows.y.at[:, -HORIZON:, 0].multiply(7.0))
  )
  jax.tree.map(np.testing.assert_array_equal, (plain.support, plain.query.x), (other.support, other.query.x))
  assert (np.asarray(plain.query.y) != np.asarray(other.query.y)).any()


def test_periods_left_out_between_are_counted_and_weekdays_are_those_of_the_period():
  support, query, _ = drawn(4, calendar=7, gap=2)
  assert query.x[:, :, demand.TIME].tolist() == [[2.0, 3.0, 4.0]] * len(query.x)
  for side in (support, query):
    period = (side.y[..., 0].astype(int) - 1) % 100
    weekday = side.x[..., demand.CALENDAR :].argmax(-1)
    assert (weekday == period % 7)[side.mask].all()


def test_a_missing_period_is_masked_and_does_not_count_in_the_size():
  rows = rows_of()
  rows = rows._replace(mask=rows.mask.at[:, 5].set(False))
  family = demand.ahead(rows, shots=8, queries=HORIZON)
  episode = jax.tree.map(np.asarray, episodes_of(jax.random.key(0), family, 40))
  assert (~episode.support.mask).any()
  sold = episode.support.y[..., 0]
  size = (1.0 + sold.sum(1)) / (1.0 + episode.support.mask.sum(1))
  np.testing.assert_allclose(episode.query.x[:, 0, demand.SIZE][episode.query.mask[:, 0]],
                             size[episode.query.mask[:, 0]], rtol=1e-6)  # fmt: skip


@pytest.mark.parametrize("scale", [0.1, 3.0, 100.0])
def test_deciles_never_cross_and_nothing_is_negative_whatever_the_network_says(scale):
  raw = scale * jax.random.normal(jax.random.key(0), (200, demand.OUTPUTS))
  x = jnp.abs(jax.random.normal(jax.random.key(1), (200, 2))) * 50.0
  found = np.asarray(demand.deciles_and_mean(raw, x))
  assert np.isfinite(found).all() and (found >= 0.0).all()
  assert (np.diff(found[:, : demand.MEAN], axis=1) >= 0.0).all()


def test_forecasts_are_in_the_unit_of_the_data():
  """Twice the size gives twice the deciles and the mean."""
  raw = jax.random.normal(jax.random.key(0), (5, demand.OUTPUTS))
  x = jnp.stack([jnp.arange(5.0), jnp.full(5, 3.0)], axis=1)
  once, twice = (demand.deciles_and_mean(raw, x.at[:, demand.SIZE].multiply(f)) for f in (1.0, 2.0))
  np.testing.assert_allclose(twice, 2.0 * once, rtol=1e-6)


def test_the_pinball_loss_is_that_of_scikit_learn_and_half_the_absolute_error_at_the_median():
  rng = np.random.default_rng(0)
  y, guess = rng.normal(size=50), np.sort(rng.normal(size=(50, 9)), axis=1)
  found = float(pinball(jnp.asarray(guess), jnp.asarray(y), jnp.asarray(demand.LEVELS)).mean())
  expected = np.mean([mean_pinball_loss(y, guess[:, i], alpha=0.1 * (i + 1)) for i in range(9)])
  assert found == pytest.approx(expected, rel=1e-5)
  half = pinball(jnp.asarray(guess[:, :1]), jnp.asarray(y), jnp.asarray([0.5]))
  np.testing.assert_allclose(half, np.abs(y - guess[:, 0]) / 2, rtol=1e-5)
  with pytest.raises(ValueError, match="do not fit"):
    pinball(jnp.zeros((3, 9)), jnp.zeros((3, 1)), jnp.asarray(demand.LEVELS))


def test_the_poisson_deviance_is_least_at_the_mean_and_zero_where_nothing_is_wrong():
  y = jnp.asarray([0.0, 0.0, 3.0, 9.0])
  grid = jnp.linspace(0.5, 8.0, 151)
  cost = [float(poisson_deviance(jnp.full(4, m), y).mean()) for m in grid]
  assert float(grid[int(np.argmin(cost))]) == pytest.approx(3.0, abs=0.03)
  np.testing.assert_allclose(poisson_deviance(jnp.asarray([2.0]), jnp.asarray([2.0])), 0.0, atol=1e-6)


def asked_with(y: np.ndarray, divisor: float, mask: np.ndarray) -> Episode:
  target = jnp.asarray(np.stack([y, np.full_like(y, divisor)], axis=1), jnp.float32)
  batch = Batch(jnp.zeros((len(y), 2)), target, jnp.asarray(mask))
  return Episode(batch, batch, jnp.zeros((), jnp.int32))


@pytest.mark.parametrize("judge", [demand.judged, demand.judged_scaled])
def test_the_judge_is_what_numpy_gives_by_hand(judge):
  rng = np.random.default_rng(0)
  y, guess = rng.poisson(4.0, 7).astype(float), np.sort(rng.gamma(2.0, 3.0, size=(7, 10)), axis=1)
  mask, divisor = np.arange(7) < 5, 2.5
  found = judge(jnp.asarray(guess, jnp.float32), asked_with(np.where(mask, y, np.nan), divisor, mask))
  deciles = np.round(guess[:5, :9]) if judge is demand.judged else guess[:5, :9]
  left = (y[:5, None] - deciles) / divisor
  levels = np.arange(1, 10) / 10
  order, sold = deciles[:, 8], y[:5]
  expected = {
    "pinball": np.where(left > 0, levels * left, (levels - 1) * left).mean(),
    "mae" if judge is demand.judged else "mase": np.abs(left[:, 4]).mean(),
    "mse": np.square((guess[:5, 9] - sold) / divisor).mean(),
    # One unit left over costs 1, one unit short 9.
    "cost": (np.maximum(order - sold, 0) + 9 * np.maximum(sold - order, 0)).mean() / divisor,
  }
  assert found.keys() == expected.keys()
  for name, value in expected.items():
    assert float(found[name]) == pytest.approx(value, rel=1e-5), name


def test_the_cost_is_least_where_the_order_is_the_quantile_at_nine_tenths():
  """A newsvendor's critical ratio is 9 / (9 + 1)."""
  y = np.random.default_rng(0).poisson(6.0, 4000).astype(float)
  episode = asked_with(y, 1.0, np.ones(len(y), bool))
  cost = [float(demand.judged(jnp.full((len(y), 10), float(q)), episode)["cost"]) for q in range(16)]
  assert int(np.argmin(cost)) == np.quantile(y, 0.9, method="inverted_cdf")


def test_the_training_loss_counts_an_error_over_its_divisor():
  guess = jnp.tile(jnp.arange(1.0, 11.0), (2, 1))
  once, twice = (demand.loss(guess, jnp.asarray([[4.0, d], [0.0, d]])) for d in (1.0, 2.0))
  np.testing.assert_allclose(once, 2.0 * twice, rtol=1e-6)


# The ladder.


def window(sold, horizon: int = 3, calendar: int = 0) -> Asked:
  x = np.zeros((len(sold) + horizon, 2 + calendar))
  x[:, demand.TIME] = np.arange(-len(sold), horizon)
  if calendar:
    x[:, demand.CALENDAR :] = np.eye(calendar)[np.arange(len(x)) % calendar]
  return Asked(x[: len(sold)], np.asarray(sold, float), x[len(sold) :])


def some_windows(count: int = 150, calendar: int = 0, seed: int = 0) -> list[Window]:
  """Poisson demand of products with gamma rates; on weekday 0 nothing is sold."""
  rng = np.random.default_rng(seed)
  found = []
  for _ in range(count):
    n, rate = int(rng.integers(4, 13)), rng.gamma(2.0, 2.0)
    shown = window(np.zeros(n), calendar=calendar)
    share = [np.ones(len(x)) if not calendar else 1.0 - x[:, demand.CALENDAR] for x in (shown.x, shown.q)]
    sold, outcome = (rng.poisson(rate * s).astype(float) for s in share)
    found.append(Window(shown._replace(sold=sold), outcome, np.ones(len(outcome))))
  return found


def as_episodes(windows: list[Window]) -> Episode:
  places, horizon = 12, len(windows[0].outcome)
  width = windows[0].asked.x.shape[1]
  x, y, mask = np.zeros((len(windows), places, width)), np.zeros((len(windows), places, 2)), np.zeros(
    (len(windows), places), bool
  )  # fmt: skip
  for i, w in enumerate(windows):
    n = len(w.asked.sold)
    x[i, -n:], y[i, -n:, 0], mask[i, -n:] = w.asked.x, w.asked.sold, True
  q = np.stack([w.asked.q for w in windows])
  outcome = np.stack([np.stack([w.outcome, w.divisor], axis=1) for w in windows])
  return Episode(Batch(x, y, mask), Batch(q, outcome, np.ones((len(windows), horizon), bool)), np.arange(len(windows)))


@pytest.fixture(scope="module")
def ladder():
  return forecasting.forecasting_ladder(as_episodes(some_windows()))


@pytest.fixture(scope="module")
def daily():
  return forecasting.forecasting_ladder(as_episodes(some_windows(calendar=7)), season=7)


def answer(rung, asked: Asked) -> np.ndarray:
  return rung.predict(asked.x, asked.sold[:, None], asked.q, 0)


def test_windows_are_read_back_from_episodes():
  windows = some_windows(5)
  for w, back in zip(windows, forecasting.windows_of(as_episodes(windows)), strict=True):
    for a, b in zip((*w.asked, w.outcome, w.divisor), (*back.asked, back.outcome, back.divisor), strict=True):
      np.testing.assert_array_equal(a, b)


def test_rules_of_thumb_are_what_they_say():
  shown = window([1.0, 2.0, 3.0, 10.0])
  assert forecasting.mean(shown).tolist() == [4.0] * 3
  assert forecasting.last(shown).tolist() == [10.0] * 3
  weeks = window(np.arange(14.0) ** 2, calendar=7)  # weekday 0 sold 0 and 49, weekday 1 sold 1 and 64
  assert forecasting.same_weekday_median(weeks).tolist() == [24.5, 32.5, (4 + 81) / 2]
  short = window([5.0, 7.0, 9.0], calendar=7)  # no such weekday yet
  assert forecasting.same_weekday_median(short).tolist() == [7.0] * 3


@pytest.mark.parametrize(
  "make",
  [
    lambda: SimpleExponentialSmoothing(alpha=0.3),
    lambda: TSB(alpha_d=0.2, alpha_p=0.3),
    CrostonSBA,
    lambda: AutoETS(1),
  ],
  ids=["exponential smoothing", "TSB", "Croston", "AutoETS"],
)
def test_statistical_rungs_are_the_librarys_models(make):
  sold = np.array([0.0, 2.0, 0.0, 3.0, 1.0, 0.0, 4.0, 2.0, 5.0, 1.0])
  expected = np.maximum(make().forecast(y=sold, h=3)["mean"], 0.0)
  np.testing.assert_allclose(forecasting.library(make)(window(sold)), expected)


def test_exponential_smoothing_of_the_library_is_the_recursion():
  level, sold = 2.0, [2.0, 5.0, 0.0, 3.0, 8.0]
  for value in sold[1:]:
    level += 0.3 * (value - level)
  found = forecasting.library(lambda: SimpleExponentialSmoothing(alpha=0.3))(window(sold))
  np.testing.assert_allclose(found, [level] * 3, rtol=1e-6)


@pytest.mark.parametrize("sold", [[0.0] * 4, [0.0, 0.0, 3.0, 0.0], [2.0] * 12, [7.0], [0.0, 1.0], [1.0, 0.0, 2.0] * 4])
def test_every_rung_answers_short_flat_and_empty_histories_with_ordered_deciles(ladder, sold):
  for rung in ladder.rungs:
    found = answer(rung, window(sold))
    assert found.shape == (3, demand.OUTPUTS) and np.isfinite(found).all() and (found >= 0.0).all(), rung.name
    assert (np.diff(found[:, : demand.MEAN], axis=1) >= 0.0).all(), rung.name
  (zero,) = ladder.fixed
  assert not zero.answer(window(sold).q).any()


def test_a_negative_binomial_around_a_forecast_has_its_mean_and_its_variance():
  spread = Around(1.2, 0.5, 0.3, 0.1, -0.2)
  m, n = np.array([0.0, 2.0, 30.0]), np.array([4.0, 8.0, 12.0])
  size, p = spread.parameters(m, n)
  mean = 1.2 * m + 0.5
  np.testing.assert_allclose(nbinom.mean(size, p), mean)
  np.testing.assert_allclose(nbinom.var(size, p), mean + mean**2 / size)
  np.testing.assert_allclose(size, np.exp(0.3 + 0.1 * np.log(mean) - 0.2 * np.log(n)))
  np.testing.assert_array_equal(spread.deciles(m, n)[1], nbinom.ppf(np.arange(1, 10) / 10, size[1], p[1]))


def test_the_fitted_spread_finds_the_dispersion_that_the_outcomes_were_drawn_with():
  """Size 3 at every mean and count, mean 1.5 m: 20,000 draws give both to a few percent."""
  rng = np.random.default_rng(0)
  m, n = rng.uniform(1.0, 12.0, 20_000), rng.integers(4, 13, 20_000)
  outcome = rng.negative_binomial(3.0, 3.0 / (3.0 + 1.5 * m))
  found = forecasting.fit_around(m, n, outcome)
  for at, count in ((2.0, 4.0), (10.0, 12.0)):
    size, p = found.parameters(np.array([at]), np.array([count]))
    assert float(size[0]) == pytest.approx(3.0, rel=0.15)
    assert float(nbinom.mean(size, p)[0]) == pytest.approx(1.5 * at, rel=0.05)


def test_shrinkage_is_the_gamma_poisson_posterior():
  """Gamma(2, 0.5) and counts 3, 1, 2 in three whole periods: (2 + 6) / (0.5 + 3); with half weight, by hand."""
  sold = np.array([3.0, 1.0, 2.0])
  assert Prior(2.0, 0.5, 1.0).mean(sold, np.ones(3)) == pytest.approx(8.0 / 3.5)
  assert Prior(2.0, 0.5, 0.5).mean(sold, np.ones(3)) == pytest.approx((2 + 0.75 + 0.5 + 2) / (0.5 + 1.75))


def test_the_fitted_prior_forecasts_as_well_as_the_one_that_demand_was_drawn_from(ladder):
  """Rates are Gamma(2, 1/2): the posterior mean is (2 + sum) / (1/2 + n), and no forecast does better."""
  shrunk = next(rung for rung in ladder.rungs if rung.name == "shrunk negative binomial")
  fresh = some_windows(1000, seed=1)
  found = np.concatenate([answer(shrunk, w.asked)[:, demand.MEAN] for w in fresh])
  best = np.concatenate([np.full(3, (2.0 + w.asked.sold.sum()) / (0.5 + len(w.asked.sold))) for w in fresh])
  truth = np.concatenate([w.outcome for w in fresh])
  assert np.square(found - truth).mean() < 1.02 * np.square(best - truth).mean()
  assert np.corrcoef(found, best)[0, 1] > 0.99


def test_smoothing_over_the_weekdays_share_forecasts_nothing_on_the_day_without_sales(daily):
  """Every other weekday has the same share, so a steady 6 stays 6."""
  sold = np.where(np.arange(21) % 7 == 0, 0.0, 6.0)
  shown = window(sold, calendar=7)  # asked: weekdays 0, 1 and 2
  for name in (
    "mean of the observations",
    "exponential smoothing",
    "same weekday's median",
    "shrunk negative binomial",
  ):
    mean = answer(next(rung for rung in daily.rungs if rung.name == name), shown)[:, demand.MEAN]
    assert mean[0] < 0.2 and np.abs(mean[1:] - 6.0).max() < 1.6, name


def test_the_median_of_a_rung_that_forecasts_medians_is_its_forecast(daily):
  rung = next(rung for rung in daily.rungs if rung.name == "same weekday's median")
  shown = window(np.random.default_rng(0).poisson(5.0, 12), calendar=7)
  np.testing.assert_array_equal(answer(rung, shown)[:, demand.MEDIAN], forecasting.same_weekday_median(shown))


def test_every_rung_beats_the_last_value_on_steady_demand(ladder):
  fresh = some_windows(200, seed=2)
  loss = {}
  for rung in ladder.rungs:
    guess = np.concatenate([answer(rung, w.asked)[:, : demand.MEAN] for w in fresh]).astype(np.float32)
    truth = np.concatenate([w.outcome for w in fresh]).astype(np.float32)
    loss[rung.name] = float(pinball(jnp.asarray(guess), jnp.asarray(truth), jnp.asarray(demand.LEVELS)).mean())
  assert all(value < loss["last value"] for name, value in loss.items() if name != "last value"), loss


# The jobs.

JOBS = {
  "weekly_sales": Config(
    "weekly",
    Demand("weekly_sales", (4, 12), 4, 12, since=20),
    MLP((8,)),
    Cnp(embedding=8),
    evaluation=Evaluation(shots=(4, 12)),
  ),
  "car_parts": Config(
    "parts", Demand("car_parts", (4, 12), 6, 12), MLP((8,)), Cnp(embedding=8), evaluation=Evaluation(shots=(4, 12))
  ),
  "daily_orders": Config(
    "orders",
    Demand("daily_orders", (7, 28), 7, 70, rotations=5),
    MLP((8,)),
    Cnp(embedding=8),
    evaluation=Evaluation(shots=(7, 28), adaptation_shots=7),
  ),
}


@pytest.fixture(scope="module")
def jobs():
  """The folds of each job, on a ladder of few windows: what is tested here is who is asked what."""
  found = {}
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(baselines, "forecasting_ladder", lambda windows, season: windows)
    for name, config in JOBS.items():
      found[name] = build.folds(config)
  return found


@needs_data
@pytest.mark.parametrize("name", JOBS)
def test_products_are_disjoint_and_test_questions_lie_in_periods_that_training_never_reaches(name, jobs):
  tasks, folds = JOBS[name].tasks, jobs[name]
  series = build.products.dated(tasks)
  cut = series.sold.shape[1] - tasks.held_back
  tested = []
  for fold in folds:
    (test,) = fold.tests.values()
    sides = {"training": fold.train, "validation": fold.validation, "test": test.family(tasks.shots[0])}
    products = {}
    for side, family in sides.items():
      episode = jax.tree.map(np.asarray, episodes_of(jax.random.key(0), family, 400))
      products[side] = set(episode.task.tolist())
      index = {product: row for row, product in enumerate(series.product.tolist())}
      late, early = series.sold[:, cut:], series.sold[:, tasks.since : cut]
      for i in range(60):  # the questions stand, in this order, on the right side of the cut
        row = index[int(episode.task[i])]
        asked = episode.query.y[i, :, 0]
        there = late[row] if side == "test" else early[row]
        places = np.lib.stride_tricks.sliding_window_view(there, tasks.horizon)
        assert np.isclose(places, asked, rtol=1e-6).all(1).any(), (side, row)
    assert not products["training"] & products["test"] and not products["training"] & products["validation"]
    assert not products["validation"] & products["test"]
    tested += sorted(products["test"])
  assert len(tested) == len(set(tested))
  if tasks.rotations == 5:
    assert len(tested) == len(series.sold)


@needs_data
def test_hardly_ordered_products_do_not_count_and_errors_are_over_the_weekly_difference_before_the_test(jobs):
  series = build.products.dated(JOBS["daily_orders"].tasks)
  before = series.sold[:, : 221 - 70]
  assert 28 <= len(series.sold) <= 32 and ((before > 0).mean(1) >= 0.05).all()
  by_hand = [np.mean([abs(row[t] - row[t - 7]) for t in range(7, 151)]) for row in before]
  np.testing.assert_allclose(series.divisor, by_hand)
  friday = series.calendar[:, 4] == 1  # 2023-01-06 was the first
  assert np.flatnonzero(friday)[0] == 5 and series.sold[:, friday].mean() < 0.05 * series.sold.mean()


@needs_data
@pytest.mark.parametrize("name", ["car_parts", "daily_orders"])
def test_every_method_of_a_job_answers(name, jobs):
  config = dataclasses.replace(JOBS[name], controls=(Anp(embedding=8), Finetune(inner_lr=0.01, inner_steps=2)))
  validate(config)
  (test,) = jobs[name][0].tests.values()
  for what in build.trained(config):
    for method in what.methods:
      algorithm = what.make(method.config)
      state = algorithm.init(what.init(jax.random.key(0)))
      scores = evaluate(jax.random.key(1), algorithm, state, test.family(7), episodes=4, judge=test.judge)
      assert all(np.isfinite(values).all() for values in scores.values())
      assert {"pinball", "mse", "cost"} < scores.keys()


@needs_data
def test_a_neural_process_answers_without_any_observation(jobs):
  config = JOBS["weekly_sales"]
  what = build.trained(config)[0]
  algorithm = what.make(what.config)
  episode = jax.tree.map(lambda leaf: leaf[0], episodes_of(jax.random.key(0), jobs["weekly_sales"][0].train, 1))
  nothing = episode.support._replace(mask=jnp.zeros_like(episode.support.mask))
  state = algorithm.init(what.init(jax.random.key(0)))
  assert np.isfinite(algorithm.predict(jax.random.key(0), state, nothing, episode.query.x)).all()


@pytest.mark.parametrize(
  ("change", "field"),
  [
    ({"shots": (0, 4)}, "tasks.shots"),
    ({"shots": (5, 4)}, "tasks.shots"),
    ({"horizon": 0}, "tasks.horizon"),
    ({"held_back": 3}, "tasks.held_back"),
    ({"since": -1}, "tasks.since"),
    ({"rotations": 6}, "tasks.rotations"),
  ],
)
def test_a_task_that_cannot_work_is_refused(change, field):
  config = JOBS["weekly_sales"]
  with pytest.raises(ConfigError, match=field):
    validate(dataclasses.replace(config, tasks=dataclasses.replace(config.tasks, **change)))


@needs_data
def test_learning_from_too_few_periods_is_refused():
  config = JOBS["weekly_sales"]
  with pytest.raises(ConfigError, match=r"since = 25: a window takes 16 periods, and only 15 .* at most 24"):
    build.folds(dataclasses.replace(config, tasks=dataclasses.replace(config.tasks, since=25)))


def test_prototypes_have_no_classes_here_and_a_transformer_forecasts_no_deciles():
  config = JOBS["weekly_sales"]
  with pytest.raises(ConfigError, match="prototypes"):
    validate(dataclasses.replace(config, controls=(ProtoNet(),)))
  with pytest.raises(ConfigError, match="deciles"):
    validate(dataclasses.replace(config, controls=(InContext(),)))
