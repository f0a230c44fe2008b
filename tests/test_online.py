"""Streams and learners on them: what may be known when, one program for all of a stream, closed forms."""

from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from mtl_jax import emissions
from mtl_jax.data.table import Table
from mtl_jax.emissions import controls, turbine
from mtl_jax.losses import squared_error
from mtl_jax.online import (
  Initial,
  Normal,
  Prior,
  alpaca,
  alpaca_prior,
  cumulative_cost,
  events,
  forgetting,
  frozen,
  gradient,
  imputed,
  linear_and,
  moca,
  order,
  persistence,
  replay,
  rescaled,
  retrained,
  serve,
  sliding,
  stream,
  stream_of,
  streams,
  surprise,
  time_to_recover,
  wide_prior,
  window_ridge,
)
from mtl_jax.types import Algorithm, Batch, Episode

ROWS, D, TARGETS = 24, 3, 2
KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(ROWS, D))
Y = X @ RNG.normal(size=(D, TARGETS)) + 0.3 * RNG.normal(size=(ROWS, TARGETS))
MEAN, PRECISION, NOISE = RNG.normal(size=(D, TARGETS)), np.array([0.5, 2.0, 1.0]), np.array([0.2, 0.7])


def same(params, x):
  return x


def prior(dtype=np.float32) -> Prior:
  return Prior((), *(jnp.asarray(a, dtype) for a in (MEAN, np.log(PRECISION), np.log(NOISE))))


def batch(rows: slice, dtype=np.float32) -> Batch:
  x, y = (jnp.asarray(a[rows], dtype) for a in (X, Y))
  return Batch(x, y, jnp.ones(len(x), bool))


def floats(*arrays):
  return [np.asarray(a, np.float32) for a in arrays]


def told(support: Batch) -> jax.Array:
  """The mean label of a support set, and how many there are."""
  count = jnp.sum(support.mask, dtype=float)
  return jnp.sum(jnp.where(support.mask[:, None], support.y, 0.0), axis=0) / jnp.maximum(count, 1.0)


MEANS = Algorithm(
  lambda params: params,
  lambda key, state, data: (data.support.y[0, :1, 0], {"first": data.query.y[0, :, 0]}),
  lambda key, state, support, x: jnp.broadcast_to(told(support)[None], (len(x), TARGETS)),
)
"""Predicts the mean label of its support; its update remembers the first label of the first support."""

LEARNERS = {
  "frozen": (frozen(lambda params, x: x @ params), jnp.asarray(MEAN, jnp.float32)),
  "persistence": (persistence(), jnp.zeros(TARGETS)),
  "window ridge": (window_ridge(same, window=5, penalty=0.1, features=D, targets=TARGETS), ()),
  "sliding": (sliding(MEANS, memory=4, inputs=(D,), targets=TARGETS), ()),
  "gradient": (
    gradient(
      lambda w, x: x @ w, squared_error, fast=lambda w: True, recent=3, trial=4, inputs=(D,), targets=TARGETS, every=2
    ),
    Initial(jnp.asarray(MEAN, jnp.float32), jnp.log(jnp.float32(0.2))),
  ),
  "alpaca": (alpaca(same), prior()),
  "alpaca that forgets": (alpaca(same, kept=0.9), prior()),
  "moca": (moca(same, hazard=0.1, runs=4), prior()),
  "moca that recalls": (moca(same, hazard=0.1, runs=4, regimes=3), prior()),
}


@pytest.fixture(scope="module")
def late():
  """Labels 2.5 hours late, every fifth never, two rows of each time on two assets."""
  x, y = floats(X, Y)
  delay = np.where(np.arange(ROWS) % 5 == 4, np.inf, 2.5)
  return stream(np.arange(ROWS) // 2, x, y, delay=delay, unit=np.arange(ROWS) % 2)


def test_a_row_is_asked_before_its_label_and_before_all_that_matures_at_its_time(late):
  row, learn = order(late)
  when = np.where(learn, late.matures[row], late.time[row])
  assert np.all(np.diff(when) >= 0)
  assert sorted(row[~learn].tolist()) == list(range(ROWS))
  assert sorted(row[learn].tolist()) == [row for row in range(ROWS) if row % 5 != 4]
  row, learn = order(late._replace(matures=late.time))
  assert [(int(r), bool(n)) for r, n in zip(row[:8], learn[:8], strict=True)] == [
    (0, False), (1, False), (0, True), (1, True), (2, False), (3, False), (2, True), (3, True),
  ]  # fmt: skip


@pytest.mark.parametrize("name", LEARNERS)
def test_a_replay_is_what_the_events_one_by_one_give(late, name):
  learner, start = LEARNERS[name]
  found = replay(KEY, learner, learner.init(start), late)
  one_by_one = list(serve(KEY, learner, learner.init(start), events(late)))
  predictions = [prediction for _, prediction in one_by_one if prediction is not None]
  for a, b in zip(*(jax.tree.leaves(p) for p in (found.prediction, predictions)), strict=False):
    assert a.shape[0] == ROWS and b.ndim == 1
  stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *predictions)
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-4, atol=1e-5), found.prediction, stacked)
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-4, atol=1e-5), found.state, one_by_one[-1][0])


@pytest.mark.parametrize("name", LEARNERS)
def test_no_label_changes_a_prediction_made_before_it_matured(late, name):
  """Label 7 (of time 3, known at 5.5) is changed: predictions up to time 5 stay, and those of who learns do not."""
  learner, start = LEARNERS[name]
  changed = late._replace(y=np.where(np.arange(ROWS)[:, None] == 7, late.y + 5.0, late.y))
  changed_never = late._replace(y=np.where(np.arange(ROWS)[:, None] == 9, late.y + 5.0, late.y))
  a, b, c = (
    np.asarray(jax.tree.leaves(replay(KEY, learner, learner.init(start), s).prediction)[0])
    for s in (late, changed, changed_never)
  )
  np.testing.assert_array_equal(a[late.time <= 5], b[late.time <= 5])
  assert (name == "frozen") == np.array_equal(a, b)
  np.testing.assert_array_equal(a, c)  # label 9 is never bought


@pytest.mark.parametrize("name", [*LEARNERS, "imputed"])
def test_a_learner_is_compiled_once(late, name):
  """For a replay, whatever the delay, and for a plant's events one by one, of two runs, the second from the state."""
  learner, start = LEARNERS["alpaca" if name == "imputed" else name]
  learner = (
    imputed(learner, inputs=(D,)) if name == "imputed" else learner._replace(init=lambda p, f=learner.init: f(p))
  )
  state, programs = learner.init(start), (streams.scanned, streams._ask, streams._tell)
  before = [program._cache_size() for program in programs]
  first = replay(KEY, learner, state, late)
  again = replay(KEY, learner, state, late._replace(matures=late.matures + 3.0))
  assert (name == "frozen") == np.array_equal(*(jax.tree.leaves(found.prediction)[0] for found in (first, again)))
  for _ in range(2):
    *_, (state, _) = serve(KEY, learner, state, events(late))
  assert [program._cache_size() for program in programs] == [size + 1 for size in before]


@pytest.mark.parametrize("name", LEARNERS)
def test_nothing_missing_changes_no_bit(late, name):
  """Neither of what is said nor of what is learned."""
  learner, start = LEARNERS[name]
  safe = imputed(learner, inputs=(D,))
  expected, found = replay(KEY, learner, learner.init(start), late), replay(KEY, safe, safe.init(start), late)
  jax.tree.map(np.testing.assert_array_equal, found.prediction, expected.prediction)
  jax.tree.map(np.testing.assert_array_equal, found.state.learned, expected.state)


@pytest.mark.parametrize("name", LEARNERS)
def test_what_is_missing_makes_no_learner_say_nan_then_or_later(late, name):
  """In the first row ever, whole rows, an infinite one, one that is asked and never labelled (14), half a label."""
  x, y = late.x.copy(), late.y.copy()
  x[[0, 7, 14, 20], [0, 1, 2, 2]] = np.nan
  x[10], x[12, 0], y[18, 0] = np.nan, np.inf, np.nan
  learner = imputed(LEARNERS[name][0], inputs=(D,))
  found = replay(KEY, learner, learner.init(LEARNERS[name][1]), late._replace(x=x, y=y))
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(found.prediction))
  assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves((found.metrics, found.state)))
  one_by_one = list(serve(KEY, learner, learner.init(LEARNERS[name][1]), events(late._replace(x=x, y=y))))
  assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(one_by_one))
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-4, atol=1e-5), found.state, one_by_one[-1][0])


def test_what_is_missing_is_the_mean_of_the_labelled_rows_so_far():
  """0 before the first; of 1, missing, 4 and a row without a whole label then 2.5; a row that is full stays."""
  learner = imputed(frozen(lambda params, x: x), inputs=(1,))
  state, hole = learner.init(()), jnp.full((1, 1), jnp.nan)
  assert_allclose(learner.predict(KEY, state, hole), 0.0)
  x, y = jnp.asarray([[1.0], [jnp.nan], [4.0], [9.0], [9.0]]), jnp.asarray([[0.0], [0.0], [0.0], [jnp.nan], [0.0]])
  state, _ = learner.update(KEY, state, Batch(x, y, jnp.asarray([True, True, True, True, False])))
  assert_allclose(learner.predict(KEY, state, hole), 2.5)
  assert_allclose(learner.predict(KEY, state, jnp.full((1, 1), 7.0)), 7.0)
  state, _ = learner.update(KEY, state, Batch(jnp.full((1, 1), 10.0), jnp.zeros((1, 1)), jnp.ones(1, bool)))
  assert_allclose(learner.predict(KEY, state, hole), 5.0)


@pytest.mark.parametrize("kept", [1.0, 0.8])
def test_alpaca_one_label_at_a_time_is_the_regression_on_all_at_once(float64, kept):
  """Lambda = L_0 + sum_i kept^(n - i) phi_i phi_i' and Q = L_0 K_0 + sum_i kept^(n - i) phi_i y_i' after n labels.

  The mean is x' Lambda^-1 Q, the variance Sigma (1 + x' Lambda^-1 x).
  """
  learner = alpaca(same, kept=kept)
  state = learner.init(prior(np.float64))
  update = jax.jit(learner.update)
  for row in range(ROWS):
    state, _ = update(KEY, state, batch(slice(row, row + 1), np.float64))
  weight = kept ** np.arange(ROWS - 1, -1, -1)[:, None]
  precision = np.diag(PRECISION) + X.T @ (weight * X)
  mean = np.linalg.inv(precision) @ (PRECISION[:, None] * MEAN + X.T @ (weight * Y))
  asked = RNG.normal(size=(5, D))
  found = learner.predict(KEY, state, jnp.asarray(asked))
  assert_allclose(found.mean, asked @ mean, rtol=1e-10)
  spread = np.array([x @ np.linalg.inv(precision) @ x for x in asked])
  assert_allclose(found.variance, (1.0 + spread[:, None]) * NOISE, rtol=1e-10)
  at_once, _ = learner.update(KEY, learner.init(prior(np.float64)), batch(slice(None), np.float64))
  assert_allclose(at_once.belief.precision, state.belief.precision, rtol=1e-10)
  assert_allclose(at_once.belief.moment, state.belief.moment, rtol=1e-10)


@pytest.mark.parametrize("learner", [alpaca(same), moca(same, hazard=0.0, runs=2)], ids=["alpaca", "moca"])
def test_twenty_thousand_labels_in_float32_are_learned_exactly(learner):
  """Against the same regression in float64 with NumPy."""
  rng = np.random.default_rng(1)
  x = np.concatenate([np.ones((20_000, 1)), rng.normal(size=(20_000, 2))], axis=1)
  y = x @ MEAN + 0.3 * rng.normal(size=(20_000, TARGETS))
  end = replay(KEY, learner, learner.init(prior()), stream(np.arange(20_000), *floats(x, y))).state
  exact = np.linalg.solve(np.diag(PRECISION) + x.T @ x, PRECISION[:, None] * MEAN + x.T @ y)
  found = learner.predict(KEY, end, jnp.eye(D))
  assert_allclose(found.mean, exact, atol=1e-3)
  spread = np.diag(np.linalg.inv(np.diag(PRECISION) + x.T @ x))
  assert_allclose(np.asarray(found.variance) / NOISE - 1.0, np.stack([spread] * TARGETS, axis=1), atol=1e-6)


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "frozen"])
def test_masked_labels_change_nothing(name):
  learner, start = LEARNERS[name]
  update = jax.jit(learner.update)
  state, _ = update(KEY, learner.init(start), batch(slice(0, 4)))
  some = batch(slice(4, 8))
  some = some._replace(mask=jnp.asarray([True, False, True, False]))
  holes = some._replace(y=jnp.where(some.mask[:, None], some.y, jnp.nan))
  after, _ = update(KEY, state, holes)
  short = jax.tree.map(lambda leaf: leaf[jnp.asarray([0, 2])], some)
  expected, _ = update(KEY, state, short)
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-4, atol=1e-5), after, expected)
  unchanged, _ = update(KEY, state, holes._replace(mask=jnp.zeros(4, bool)))
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-5, atol=1e-6), unchanged, state)


def test_moca_without_changes_is_alpaca_and_with_a_change_after_each_label_the_prior(late):
  known, never = alpaca(same), moca(same, hazard=0.0, runs=3, regimes=1)
  always = moca(same, hazard=1.0, runs=3)
  expected = replay(KEY, known, known.init(prior()), late).prediction
  found = replay(KEY, never, never.init(prior()), late)
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-4, atol=1e-5), found.prediction, expected)
  assert_allclose(found.metrics["age"], np.arange(1, len(found.metrics["age"]) + 1))
  found = replay(KEY, always, always.init(prior()), late).prediction
  assert_allclose(found.mean, X @ MEAN, rtol=1e-4, atol=1e-5)
  assert_allclose(found.variance, (1.0 + (X**2 / PRECISION).sum(1)[:, None]) * NOISE, rtol=1e-4)


def test_moca_weighs_all_histories_of_changes_as_bayes_does(float64):
  """Three labels, hazard 0.3, nothing pruned: summed by hand over all four histories that matter.

  The weight of "r labels since the last change" is the probability of the changes times the evidence of the segments.

  A segment's evidence is the multivariate normal N(Phi K_0, Sigma (I + Phi Lambda_0^-1 Phi')) of its labels.
  """
  hazard, learner = 0.3, moca(same, hazard=0.3, runs=8)
  state = learner.init(prior(np.float64))
  state, _ = learner.update(KEY, state, batch(slice(0, 3), np.float64))

  def evidence(rows: slice) -> float:
    phi, value = X[rows], 1.0
    for target in range(TARGETS):
      covariance = NOISE[target] * (np.eye(len(phi)) + phi @ np.diag(1 / PRECISION) @ phi.T)
      left = Y[rows, target] - phi @ MEAN[:, target]
      value *= np.exp(-0.5 * left @ np.linalg.solve(covariance, left)) / np.sqrt(np.linalg.det(2 * np.pi * covariance))
    return value

  weight = dict.fromkeys(range(4), 0.0)
  for first in (False, True):
    for second in (False, True):
      cuts = [0, *([1] if first else []), *([2] if second else []), 3]
      chance = np.prod([hazard if change else 1 - hazard for change in (first, second)])
      chance *= np.prod([evidence(slice(a, b)) for a, b in pairwise(cuts)])
      weight[3 - cuts[-2]] += chance * (1 - hazard)
      weight[0] += chance * hazard
  total = sum(weight.values())
  found = dict(zip(np.asarray(state.age).tolist(), np.exp(np.asarray(state.log_weight)).tolist(), strict=True))
  for age in (0, 1, 2):
    assert found[age] == pytest.approx(weight[age] / total)
  assert max(found.values()) <= 1 and np.exp(state.log_weight).sum() == pytest.approx(1.0)


def test_moca_finds_a_change_and_keeps_its_size():
  """y = x, then y = -x from row 60 on: ten labels later the old line is forgotten, with four beliefs in all."""
  x = np.random.default_rng(2).normal(size=(120, 1)).astype(np.float32)
  y = np.where(np.arange(120)[:, None] < 60, x, -x) + np.float32(0.0)
  start = Prior((), jnp.zeros((1, 1)), jnp.zeros(1), jnp.log(jnp.full(1, 0.01)))
  learner = moca(same, hazard=0.02, runs=4)
  found = replay(KEY, learner, learner.init(start), stream(np.arange(120), x, y))
  error = np.abs(found.prediction.mean - y)[:, 0]
  assert error[10:60].max() < 0.3 and error[60:62].max() > 0.5 and error[70:].max() < 0.3
  assert found.metrics["age"][58] > 50 and found.metrics["age"][70] < 15
  assert found.state.age.shape == (4,)


def test_a_regime_is_weighed_and_learns_by_its_weight_as_worked_out_by_hand(float64):
  """One feature, y of variance v around K x, prior K ~ N(0, v), hazard h: after four labels the run is kept.

  With G = 1 + sum x^2 and M = sum x y a belief foresees N(x M / G, v (1 + x^2 / G)). Labels 1 to 5 count whole: nothing
  else is there. Then the regime weighs 1 - h + h / 2 and the prior h / 2; label 6, of density p and p0 under them,
  leaves b = (1 - h / 2) p / ((1 - h / 2) p + p0 h / 2), the regime learns b of it, and changes are 1 : 1 again.
  """
  v, h = 0.25, 0.2
  x, y = np.asarray([1.0, -0.5, 2.0, 0.3, 1.5, 1.1]), np.asarray([2.0, -1.2, 4.1, 0.9, 3.0, 1.0])
  learner = moca(same, hazard=h, runs=2, regimes=1)
  state = learner.init(Prior((), jnp.zeros((1, 1)), jnp.zeros(1), jnp.log(jnp.full(1, v))))
  state, _ = learner.update(KEY, state, Batch(jnp.asarray(x)[:, None], jnp.asarray(y)[:, None], jnp.ones(6, bool)))

  def density(mean: float, gram: float) -> float:
    variance = v * (1 + x[5] ** 2 / gram)
    return np.exp(-0.5 * (y[5] - x[5] * mean) ** 2 / variance) / np.sqrt(2 * np.pi * variance)

  gram, moment = 1 + np.sum(x[:5] ** 2), np.sum(x[:5] * y[:5])
  kept, anew = (1 - h / 2) * density(moment / gram, gram), h / 2 * density(0.0, 1.0)
  b = kept / (kept + anew)
  gram, moment = gram + b * x[5] ** 2, moment + b * x[5] * y[5]
  assert 0.1 < b < 0.9
  assert float(state.mean[0, 0, 0]) == pytest.approx(moment / gram)
  assert float(state.covariance[0, 0, 0]) == pytest.approx(1 / gram)
  weights = np.exp(state.log_weight)
  assert weights[0] == pytest.approx((1 - h) * b + h / 2)
  assert sorted(weights[1:]) == pytest.approx(sorted([(1 - h) * (1 - b), h / 2]))


def test_what_comes_back_is_recognised_and_what_was_away_the_longest_is_forgotten():
  """Lines a, b, a, c, a, b on five features, 80 labels each, three labels after a change: a is known again at once.

  With room for two, c takes the place of b, which is then new; with none everything is new.
  """
  draw = np.random.default_rng(3)
  lines, x = draw.normal(size=(3, 5)), draw.normal(size=(480, 5)).astype(np.float32)
  which = np.repeat([0, 1, 0, 2, 0, 1], 80)
  y = np.sum(lines[which] * x, axis=1, keepdims=True).astype(np.float32)
  start = Prior((), jnp.zeros((5, 1)), jnp.log(jnp.full(5, 0.01)), jnp.log(jnp.full(1, 0.01)))

  def lost(regimes: int) -> tuple[np.ndarray, np.ndarray | None]:
    learner = moca(same, hazard=0.01, runs=4, regimes=regimes)
    found = replay(KEY, learner, learner.init(start), stream(np.arange(480), x, y))
    assert found.state.age.shape == (4 + regimes,)
    error = np.abs(found.prediction.mean - y)[:, 0].reshape(6, 80)
    assert error[:, 40:].max() < 0.2
    return error[:, 2:5].mean(1), found.metrics.get("regime")

  anew, nothing = lost(0)
  back, regime = lost(2)
  assert nothing is None and regime is not None
  assert anew[1:].min() > 0.2
  assert max(back[2], back[4]) < 0.1 and min(back[1], back[3], back[5]) > 0.2
  on = [set(regime[i * 80 + 40 : i * 80 + 80].tolist()) for i in range(6)]
  assert on[0] == on[2] == on[4] and on[1] == on[3] == on[5] and not on[0] & on[1] and -1 not in on[0] | on[1]
  assert lost(3)[0][[2, 4, 5]].max() < 0.1


def test_the_loss_of_a_prior_is_the_surprise_of_alpaca_at_the_questions(float64):
  """By hand: after labels of rows 0 to 5, fading by 0.9 a label, row 6 is N(x' K, Sigma (1 + x' Lambda^-1 x))."""
  algorithm = alpaca_prior(same, outer=optax.sgd(1e-3), kept=0.9)
  support = batch(slice(0, 6), np.float64)
  episodes = jax.tree.map(lambda leaf: leaf[None], Episode(support, batch(slice(6, 7), np.float64), jnp.zeros(())))
  state = algorithm.init(prior(np.float64))
  update = jax.jit(algorithm.update)
  after, metrics = update(KEY, state, episodes)
  weight = 0.9 ** np.arange(5, -1, -1)[:, None]
  precision = np.diag(PRECISION) + X[:6].T @ (weight * X[:6])
  mean = np.linalg.inv(precision) @ (PRECISION[:, None] * MEAN + X[:6].T @ (weight * Y[:6]))
  variance = NOISE * (1.0 + X[6] @ np.linalg.inv(precision) @ X[6])
  surprises = 0.5 * ((Y[6] - X[6] @ mean) ** 2 / variance + np.log(2 * np.pi * variance))
  assert float(metrics["loss"]) == pytest.approx(surprises.sum())
  assert_allclose(algorithm.predict(KEY, state, support, jnp.asarray(X[6:8])), X[6:8] @ mean, rtol=1e-10)
  assert float(update(KEY, after, episodes)[1]["loss"]) < float(metrics["loss"])


def test_surprise_is_the_normal_density():
  """-log N(2; 1, 4) = (log 4 + log 2 pi + 1/4) / 2."""
  value = surprise(Normal(jnp.ones((1, 1)), jnp.full((1, 1), 4.0)), jnp.full((1, 1), 2.0))
  assert float(value[0, 0]) == pytest.approx((np.log(8 * np.pi) + 0.25) / 2)


def test_the_ridge_of_a_window_is_scikit_learns_on_its_last_rows():
  learner, start = LEARNERS["window ridge"]
  state = learner.init(start)
  assert_allclose(learner.predict(KEY, state, jnp.ones((2, D))), 0.0)
  for rows in (slice(0, 1), slice(1, 5), slice(5, 8)):
    state, _ = learner.update(KEY, state, batch(rows))
  expected = Ridge(0.1).fit(X[3:8], Y[3:8]).predict(X[8:12])
  assert_allclose(learner.predict(KEY, state, batch(slice(8, 12)).x), expected, rtol=1e-3, atol=1e-4)


def test_a_sliding_memory_is_the_support_of_the_algorithm():
  learner, state = LEARNERS["sliding"][0], LEARNERS["sliding"][0].init(())
  x, y = floats(X, Y)
  assert_allclose(learner.predict(KEY, state, x[:2]), np.zeros((2, TARGETS)))
  for i in range(7):
    state, metrics = learner.update(KEY, state, batch(slice(i, i + 1)))
    assert metrics == {}
    assert_allclose(learner.predict(KEY, state, x[:1])[0], y[max(0, i - 3) : i + 1].mean(0), rtol=1e-5)


@pytest.mark.parametrize("gap", [0, 1])
def test_who_follows_the_leader_learns_from_stretches_of_the_history_and_from_nothing_that_has_not_come(gap):
  """Labels 0, 1, 2, ...: a query begins `gap` after its support's end, and both lie within the last 9 labels."""
  learner = sliding(MEANS, memory=3, inputs=(D,), targets=TARGETS, history=9, episodes=1, queries=2, gap=gap)
  state, starts = learner.init(jnp.full(1, -1.0)), set()
  update = jax.jit(learner.update)
  for i in range(60):
    y = jnp.full((1, TARGETS), float(i))
    state, metrics = update(jax.random.fold_in(KEY, i), state, Batch(jnp.zeros((1, D)), y, jnp.ones(1, bool)))
    first = float(state.learned[0])
    if i < 4 + gap:
      assert first == -1.0 and not np.any(metrics["first"])
      continue
    assert metrics["first"].tolist() == [first + 3 + gap, first + 4 + gap]
    assert max(0, i - 8) <= first <= i - 4 - gap
    starts.add(int(i - first))
  assert starts == set(range(4 + gap, 9))
  with pytest.raises(ValueError, match=r"history=9: a stretch takes memory=8 \+ gap=0 \+ queries=2"):
    sliding(MEANS, memory=8, inputs=(D,), targets=TARGETS, history=9, episodes=1, queries=2)


def test_a_forgetting_matrix_of_one_that_knows_the_last_label_alone():
  """Stages of constant labels 0, 2, 5: after stage i it says that of i, whatever is asked."""
  levels = np.array([0.0, 2.0, 5.0])
  stages = [stream(np.arange(4), np.zeros((4, 1)), np.full((4, 1), level, np.float32)) for level in levels]
  found = forgetting(KEY, persistence(), jnp.full(1, 1.0), stages, lambda said, y: np.abs(said - y))
  assert_allclose(found, np.abs(np.append(1.0, levels)[:, None] - levels[None]))


def test_a_refitted_model_knows_what_matured_before_its_period(late):
  """The "model" says how many labels it was fitted on: periods of three hours, labels 2.5 late, every fifth never."""

  def fit(x, y):
    return lambda asked: np.full((len(asked), TARGETS), len(x), np.float32)

  found = retrained(fit, late, every=3.0)[:, 0]
  expected = [sum(t + 2.5 < 3 * (time // 3) for t in late.time[np.arange(ROWS) % 5 != 4]) for time in late.time]
  np.testing.assert_array_equal(found, expected)


def test_errors_of_persistence_on_a_turbine_are_the_steps_of_its_emissions(monkeypatch):
  """Labels at once: the error is |y_t - y_(t - 1)|, from the last row of the history on; half of it is what it costs.

  What it remembers of a year is how far that is from the last label of the year that it learned last, at any delay.
  """
  monkeypatch.setattr(turbine, "WEEK", 4)
  rng = np.random.default_rng(3)
  rows = emissions.Rows(*floats(rng.normal(size=(96, 9)), rng.normal(size=(96, 2))), np.repeat([1, 2, 3, 4], 24))
  before = emissions.Past(rows.of(1, 2), lambda x: 0 * x[:, :2], np.ones(2), np.array([2.0, 2.0]))
  (found,) = emissions.scores(emissions.last_value(), before, rows.of(3, 4), 0, seeds=3)
  steps = np.abs(np.diff(rows.y, axis=0))[47:]
  assert_allclose(found["year"], [steps[:24].mean(0), steps[24:].mean(0)], rtol=1e-5)
  assert_allclose(found["month"][13], steps[26:28].mean(0), rtol=1e-5)
  assert_allclose(np.mean(found["week"][:6], axis=0), found["year"][0], rtol=1e-5)
  cost = np.cumsum(steps.mean(axis=1) / 2 + 0.1)
  assert_allclose(found["cost"], cost[[23, 47]], rtol=1e-5)
  (frozen,) = emissions.scores(controls.frozen(), before, rows.of(3, 4), 0, seeds=1)
  assert_allclose(frozen["cost"][1], np.abs(rows.y[48:]).mean(axis=1).sum() / 2, rtol=1e-5)
  for target in range(2):
    weeks = np.convolve(steps[24:, target], np.full(4, 0.25), "valid")
    good = np.flatnonzero(weeks <= 2.0)
    assert found["hours"][1][target] == (good[0] + 3 if len(good) else 24)
  last = rows.y[[47, 71, 95]]
  remembered = emissions.remembered(emissions.last_value(), before, rows.of(3, 4), 24)
  expected = np.abs(last[:, None, None] - rows.y[48:].reshape(2, 24, 2)[None]).mean(axis=2)
  assert_allclose(remembered, expected, rtol=1e-5)


def test_features_priors_and_units_by_hand():
  """phi = (1, x, 2 x); under the prior the mean is 0 and the variance noise (1 + |phi|^2 / precision)."""
  phi = linear_and(lambda net, x: net * x)
  x = jnp.asarray([[1.0, 3.0]])
  assert_allclose(phi(jnp.float32(2.0), x), [[1, 1, 3, 2, 6]])
  learner = alpaca(phi)
  found = learner.predict(KEY, learner.init(wide_prior(jnp.float32(2.0), 5, 10.0, np.array([0.5, 2.0]))), x)
  assert_allclose(found.mean, [[0, 0]])
  assert_allclose(found.variance, [[0.5 * 6.1, 2.0 * 6.1]], rtol=1e-5)
  moved = rescaled(jax.tree.map(np.asarray, found), np.float32([1.0, 2.0]), np.float32([3.0, 4.0]))
  assert_allclose(moved.mean, [[1, 2]])
  assert_allclose(moved.variance, [[9 * 0.5 * 6.1, 16 * 2.0 * 6.1]], rtol=1e-5)
  assert_allclose(rescaled(np.array([[5.0, 6.0]]), np.array([1.0, 2.0])), [[6, 8]])


def test_river_learns_the_history_and_then_what_has_matured(late):
  pytest.importorskip("river", reason="needs the extra `online`")
  from mtl_jax.baselines.one_by_one import learned_one_by_one

  class Counting:
    count = 0

    def learn_one(self, x, y):
      self.count += 1

    def predict_one(self, x):
      return self.count

  found = learned_one_by_one(Counting, np.zeros((7, D)), np.zeros((7, TARGETS)), late)[:, 0]
  known = late.time[np.arange(ROWS) % 5 != 4] + 2.5
  np.testing.assert_array_equal(found, [7 + np.sum(known < time) for time in late.time])


def test_streams_are_ordered_and_wrong_ones_refused():
  x, y = floats(X, Y)
  y[3, 0] = np.nan
  found = stream(np.arange(ROWS)[::-1], x, y, delay=1.0)
  np.testing.assert_array_equal(found.x, x[::-1])
  assert np.isinf(found.matures[-4]) and found.matures[0] == 1.0
  groups = {"unit": np.zeros(ROWS, int), "time": np.arange(ROWS)}
  table = Table({"a": X[:, 0], "b": X[:, 1]}, {"c": Y[:, 0]}, groups, {})
  made = stream_of(table, ("a", "b"), ("c",))
  np.testing.assert_array_equal(made.x, np.float32(X[:, :2]))
  np.testing.assert_array_equal(made.matures, made.time)
  for wrong in ({"delay": -1.0}, {"delay": np.nan}, {"unit": np.zeros(3)}, {"cost": -1.0}, {"cost": np.inf}):
    with pytest.raises(ValueError, match="row"):
      stream(np.arange(ROWS), x, y, **wrong)
  with pytest.raises(ValueError, match="hazard"):
    moca(same, hazard=1.5, runs=3)


def test_cost_and_recovery_by_hand():
  """Losses 1 1 5 5 1 1 at hours 0 to 5: after a shift at hour 2 the mean of the last two is 1 at hour 5, 3 hours on."""
  loss = np.array([1.0, 1.0, 5.0, 5.0, 1.0, 1.0])
  delay, cost = [0.0, np.inf, 0.0, 0.0, 0.0, 0.0], np.array([10.0, 10.0, 10.0, 10.0, 5.0, 0.0])
  some = stream(np.arange(6), np.zeros((6, 1)), np.zeros((6, 1)), delay=np.asarray(delay), cost=cost)
  assert time_to_recover(some, loss, 2.0, 2, 1.5) == 3.0
  assert time_to_recover(some, loss, 2.0, 2, 0.5) == np.inf
  assert_allclose(cumulative_cost(some, loss), [11, 12, 27, 42, 48, 49])  # the label that never comes costs nothing
  assert [(e.time, e.cost) for e in events(some) if e.y is not None] == [(0, 10), (2, 10), (3, 10), (4, 5), (5, 0)]
  backwards = stream(np.arange(6)[::-1], np.zeros((6, 1)), np.zeros((6, 1)), cost=cost)
  np.testing.assert_array_equal(backwards.cost, cost[::-1])
