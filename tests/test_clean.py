"""Cleaning steps against pandas, scikit-learn and SciPy, and the properties that keep a score honest."""

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.signal
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from mtl_jax import clean
from mtl_jax.checkpoint import Checkpoints

CONDITIONS = np.array([[0.0, 100.0], [20.0, 100.0], [42.0, 60.0]])
LENGTHS = (9, 1, 14, 6)


def made(seed: int = 0, missing: float = 0.2) -> clean.Rows:
  """Four units, three columns of very different size, times that are not regular, three conditions."""
  rng = np.random.default_rng(seed)
  n = sum(LENGTHS)
  unit = np.repeat(["b", "a", "d", "c"], LENGTHS)
  time = np.concatenate([rng.uniform(-5, 5) + np.cumsum(rng.uniform(0.2, 2.0, length)) for length in LENGTHS])
  condition = rng.permutation(np.arange(n) % 3)
  x = rng.normal(size=(n, 3)) * [1.0, 100.0, 0.01] + CONDITIONS[condition] @ rng.normal(size=(2, 3))
  x[rng.uniform(size=x.shape) < missing] = np.nan
  return clean.rows(x, unit, time, CONDITIONS[condition] + rng.uniform(-0.01, 0.01, (n, 2)))


def cut(rows: clean.Rows, keep) -> clean.Rows:
  return clean.Rows(*(own if own is None else own[keep] for own in rows))


def same(found: clean.Rows, expected: clean.Rows, **tolerance) -> None:
  for name, a, b in zip(clean.Rows._fields, found, expected, strict=True):
    if a is None and b is None:
      continue
    np.testing.assert_allclose(np.asarray(a), np.asarray(b), err_msg=name, **tolerance)


SAME_ROWS = {
  "nothing": clean.chain(),
  "impute": clean.impute(),
  "clip": clean.clip(0.1, 0.9),
  "standardise": clean.standardise(),
  "per regime": clean.standardise_per_regime(3),
  "carry forward": clean.carry_forward(2.5),
  "rolling": clean.rolling(4, ("mean", "std", "slope", "min", "max")),
  "chain": clean.chain(clean.standardise_per_regime(3), clean.carry_forward(), clean.impute(), clean.rolling(3)),
  "beside": clean.chain(clean.standardise(), clean.beside(clean.chain(), clean.rolling(2), clean.rolling(5))),
}
OTHER_ROWS = {
  "resample": clean.resample(0.7, 2.0),
  "windows": clean.windows(3, 2),
  "spectra": clean.chain(clean.impute(), clean.windows(6), clean.spectra(2)),
}
INVERTIBLE = {
  "standardise": clean.standardise(),
  "per regime": clean.standardise_per_regime(3),
  "both": clean.chain(clean.standardise_per_regime(3), clean.standardise()),
  "nothing": clean.chain(),
}


def each(steps):
  return pytest.mark.parametrize("step", steps.values(), ids=steps)


@pytest.mark.parametrize(
  ("arguments", "message"),
  [
    (([1.0, 2.0],), "expected .rows, columns."),
    (([[1.0], [np.inf]],), "x, row 2 is infinite"),
    (([[1.0], [2.0]], ["a"]), "unit has 1 rows and x has 2"),
    (([[1.0]] * 3, ["a", "b", "a"]), "stand together"),
    (([[1.0]] * 3, ["a", "a", "b"], [1, 1, 0]), "row 2 has the time 1.0"),
    (([[1.0]] * 2, None, [0, np.nan]), "row 2 has the time nan"),
    (([[1.0]] * 2, None, None, [1, 2]), "expected .rows, settings."),
  ],
)
def test_rows_that_no_step_could_treat_are_refused(arguments, message):
  with pytest.raises(ValueError, match=message):
    clean.rows(*arguments)


@pytest.mark.parametrize(
  "make",
  [
    lambda: clean.clip(0.9, 0.1),
    lambda: clean.standardise_per_regime(0),
    lambda: clean.resample(0.0, 1.0),
    lambda: clean.windows(0),
    lambda: clean.windows(3, 0),
    lambda: clean.rolling(0),
    lambda: clean.rolling(3, ()),
    lambda: clean.rolling(3, ("median",)),  # pyright: ignore[reportArgumentType]
    lambda: clean.spectra(0),
    lambda: clean.spectra(3).apply((), clean.windows(5).apply((), made())),
    lambda: clean.resample(1.0, 1.0).apply((), clean.rows([[1.0]])),
    lambda: clean.beside(clean.chain(), clean.windows(3)).apply(((), ()), made()),
    lambda: clean.standardise_per_regime(2).fit(clean.rows([[1.0]])),
    lambda: clean.standardise_per_regime(2).fit(made()._replace(settings=np.full((30, 2), np.nan))),
    lambda: clean.impute().fit(clean.rows([[1.0, np.nan]] * 3)),
    lambda: clean.clip().fit(clean.rows([[1.0, np.nan]] * 3)),
    lambda: clean.standardise().fit(clean.rows(np.empty((0, 2)))),
  ],
)
def test_settings_and_rows_without_a_meaning_are_refused(make):
  with pytest.raises(ValueError, match=r"\w"):
    make()


def test_standardise_is_that_of_scikit_learn_with_missing_values_and_constant_columns():
  train, test = made(0), made(1)
  train.x[:, 2] = 518.67
  step, reference = clean.standardise(), StandardScaler().fit(train.x)
  np.testing.assert_allclose(step.apply(step.fit(train), test).x, reference.transform(test.x), rtol=2e-6, atol=1e-5)


def test_impute_is_that_of_scikit_learn():
  train, test = made(0), made(1)
  step, reference = clean.impute(), SimpleImputer(strategy="median").fit(train.x)
  np.testing.assert_allclose(step.apply(step.fit(train), test).x, reference.transform(test.x), rtol=1e-6)


def test_clip_is_that_of_pandas():
  train, test = made(0), made(1)
  low, high = (pd.DataFrame(train.x).quantile(q) for q in (0.1, 0.9))
  step = clean.clip(0.1, 0.9)
  found = step.apply(step.fit(train), test).x
  np.testing.assert_allclose(found, pd.DataFrame(test.x).clip(low, high, axis=1), rtol=1e-6)


def test_per_regime_is_a_scaler_of_scikit_learn_for_each_condition():
  train, test = made(0), made(1)
  expected = np.empty_like(test.x)
  for altitude in CONDITIONS[:, 0]:
    ours, theirs = (np.abs(rows.settings[:, 0] - altitude) < 1 for rows in (train, test))
    expected[theirs] = StandardScaler().fit(train.x[ours]).transform(test.x[theirs])
  step = clean.standardise_per_regime(3)
  np.testing.assert_allclose(step.apply(step.fit(train), test).x, expected, rtol=1e-4, atol=1e-4)


def test_what_a_regime_cannot_tell_is_borrowed_from_all():
  """Two regimes of four rows. Column 0 has no value in the second: mean and deviation of 1, 3, 1, 3 are 2 and 1.
  Column 1 is constant in the second: its deviation is that within regimes, sqrt((4 * 1 + 4 * 0) / 8).
  Column 2 never moves within a regime: scale 1."""
  x = [[1, 1, 5], [3, 3, 5], [1, 1, 5], [3, 3, 5], *[[np.nan, 9, 7]] * 4]
  step = clean.standardise_per_regime(2)
  state = step.fit(clean.rows(x, settings=[[0.0]] * 4 + [[1.0]] * 4))
  rows = clean.rows([[4.0, 10.0, 8.0]], settings=[[1.0]])
  np.testing.assert_allclose(step.apply(state, rows).x, [[2.0, 1 / np.sqrt(0.5), 1.0]], rtol=1e-6)


def test_there_are_no_more_regimes_than_distinct_settings_and_one_is_plain_standardise():
  rows = made()
  alike = rows._replace(settings=np.ones((len(rows.x), 2)))
  step, plain = clean.standardise_per_regime(6), clean.standardise()
  state = step.fit(alike)
  assert state.centres.shape == (1, 2)
  same(step.apply(state, alike), plain.apply(plain.fit(alike), alike), rtol=1e-6)


def test_settings_that_float32_cannot_tell_apart_are_one_regime():
  rows = clean.rows([[1.0], [2.0], [3.0], [4.0]], settings=[[1e9], [1e9 + 1], [1e9], [1e9 + 1]])
  step, plain = clean.standardise_per_regime(2), clean.standardise()
  same(step.apply(step.fit(rows), rows), plain.apply(plain.fit(rows), rows), rtol=1e-6)


def test_a_new_condition_is_the_nearest_one_and_an_unknown_one_is_missing():
  step, rows = clean.standardise_per_regime(3), made(missing=0.0)
  state = step.fit(rows)
  asked = clean.rows(rows.x[:3], settings=[[45.0, 61.0], [42.0, 60.0], [np.nan, 60.0]])
  found = step.apply(state, asked)
  regime = clean.regime_of(state, asked)
  assert regime[0] == regime[1]
  assert np.isfinite(found.x[:2]).all() and np.isnan(found.x[2]).all()


def test_carry_forward_is_that_of_pandas_within_a_unit():
  rows = made(missing=0.5)
  expected = pd.DataFrame(rows.x).groupby(rows.unit).ffill()
  np.testing.assert_array_equal(clean.carry_forward().apply((), rows).x, expected)


def test_carry_forward_stops_at_its_limit():
  rows = clean.rows([[1.0], [np.nan], [np.nan], [np.nan]], time=[0, 2, 3, 4])
  np.testing.assert_array_equal(clean.carry_forward(3.0).apply((), rows).x[:, 0], [1.0, 1.0, 1.0, np.nan])


@pytest.mark.parametrize("gap", [0.5, 1.5, 100.0])
def test_holding_on_a_clock_is_the_backward_join_of_pandas(gap):
  rows = made(missing=0.0)
  found = clean.resample(0.3, gap).apply((), rows)
  for unit in range(4):
    own, new = rows.unit == unit, found.unit == unit
    grid = found.time[new]
    np.testing.assert_allclose(np.diff(grid), 0.3)
    assert grid[0] == rows.time[own][0] and 0 <= rows.time[own][-1] - grid[-1] < 0.3
    values = np.hstack([rows.x, rows.settings])[own]
    frame = pd.DataFrame(values).assign(time=rows.time[own])
    expected = pd.merge_asof(pd.DataFrame({"time": grid}), frame, on="time", tolerance=gap)
    np.testing.assert_array_equal(np.hstack([found.x, found.settings])[new], expected.drop(columns="time"))


def test_a_line_is_drawn_between_readings_and_a_long_gap_stays_missing():
  """Readings at 0, 1, 2, 6, 6.5 with a missing one at 1; gap 2: 2 to 6 is too far, 0 to 2 is not."""
  rows = clean.rows([[0.0], [np.nan], [4.0], [0.0], [1.0]], time=[0, 1, 2, 6, 6.5])
  found = clean.resample(0.5, 2.0, "linear").apply((), rows)
  np.testing.assert_allclose(found.time, np.arange(14) * 0.5)
  np.testing.assert_allclose(found.x[:, 0], [0, 1, 2, 3, 4, *[np.nan] * 7, 0, 1])


@pytest.mark.parametrize("how", ["hold", "linear"])
@pytest.mark.parametrize("start", [0.0, 1.7e9])
def test_a_regular_clock_changes_nothing_though_it_is_not_exact(how, start):
  time = start + np.arange(50) / 10  # 3 * 0.1 is above 0.3
  rows = clean.rows(np.random.default_rng(0).normal(size=(50, 2)), time=time)
  same(clean.resample(0.1, 0.15, how).apply((), rows), rows)


@pytest.mark.parametrize(("length", "stride"), [(1, 1), (3, 1), (3, 2), (6, 4), (15, 1)])
def test_windows_are_those_of_each_unit_alone(length, stride):
  rows = made()
  found = clean.windows(length, stride).apply((), rows)
  expected, last = [], []
  for unit in range(4):
    own = np.flatnonzero(rows.unit == unit)
    for start in range(0, len(own) - length + 1, stride):
      expected.append(rows.x[own[start : start + length]])
      last.append(own[start + length - 1])
  assert found.x.shape == (len(last), length, 3)
  np.testing.assert_array_equal(found.x, np.reshape(expected, (-1, length, 3)))
  np.testing.assert_array_equal(clean.window_ends(rows.unit, length, stride), last)
  same(found._replace(x=np.zeros(0)), cut(rows, np.array(last, int))._replace(x=np.zeros(0)))


@pytest.mark.parametrize("length", [1, 2, 5, 20])
def test_rolling_mean_deviation_and_extremes_are_those_of_pandas(length):
  rows = made(missing=0.4)
  found = clean.rolling(length, ("min", "mean", "std", "max")).apply((), rows).x
  rolled = pd.DataFrame(rows.x).groupby(rows.unit).rolling(length, min_periods=1)
  expected = np.hstack([rolled.min(), rolled.mean(), rolled.std(ddof=0), rolled.max()])
  np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-7)


def test_rolling_slope_is_that_of_polyfit():
  rows = made(missing=0.3)
  found = clean.rolling(5, ("slope",)).apply((), rows).x
  for row in range(len(rows.x)):
    for column in range(3):
      near = [i for i in range(max(row - 4, 0), row + 1) if rows.unit[i] == rows.unit[row]]
      near = [i for i in near if not np.isnan(rows.x[i, column])]
      expected = [np.nan, 0.0, None][min(len(near), 2)]
      if expected is None:
        expected = np.polyfit(rows.time[near] - rows.time[near[0]], rows.x[near, column], 1)[0]
      np.testing.assert_allclose(found[row, column], expected, rtol=1e-7, atol=1e-9)


def test_spectra_are_those_of_scipy():
  rows = clean.rows(np.random.default_rng(0).normal(size=(200, 2)))
  windows = clean.windows(51, 40).apply((), rows)  # an odd length has no line at half the sampling rate
  found = clean.spectra(5).apply((), windows).x
  _, power = scipy.signal.periodogram(windows.x, window=np.hanning(51), detrend="constant", scaling="spectrum", axis=1)
  # SciPy's "spectrum" is the mean square of a line, half of its squared amplitude.
  expected = np.log(2 * power[:, 1:].reshape(len(power), 5, 5, 2).mean(2)).reshape(len(power), -1)
  np.testing.assert_allclose(found, expected, rtol=1e-6)


@each(SAME_ROWS | OTHER_ROWS)
def test_a_unit_is_cleaned_as_if_it_were_alone(step):
  state, rows = step.fit(made(0)), made(1)
  together = step.apply(state, rows)
  for unit in range(4):
    alone = step.apply(state, cut(rows, rows.unit == unit))
    same(cut(together, together.unit == unit), alone, rtol=1e-9, atol=1e-9)


@each(SAME_ROWS | OTHER_ROWS)
def test_no_rows_give_no_rows(step):
  nobody = cut(made(), np.zeros(30, bool))
  assert len(step.apply(step.fit(made()), nobody).x) == 0


@each(SAME_ROWS | {"resample": OTHER_ROWS["resample"]})
@pytest.mark.parametrize("now", [3, 12, 20])
def test_what_comes_later_does_not_change_what_was(step, now):
  state, rows = step.fit(made(0)), made(1)
  later = np.arange(len(rows.x)) > now
  changed = rows._replace(
    x=np.where(later[:, None], -1e3, rows.x), settings=np.where(later[:, None], CONDITIONS[0], rows.settings)
  )
  before, after = step.apply(state, rows), step.apply(state, changed)
  known = (before.unit < rows.unit[now]) | ((before.unit == rows.unit[now]) & (before.time <= rows.time[now]))
  np.testing.assert_array_equal(before.x[known], after.x[known])
  ended = step.apply(state, cut(rows, ~later))
  np.testing.assert_allclose(ended.x, before.x[: len(ended.x)], rtol=1e-9, atol=1e-9)


@each(SAME_ROWS)
def test_the_state_does_not_change_when_test_rows_do(step):
  rows = made()
  train, test = cut(rows, rows.unit < 2), cut(rows, rows.unit >= 2)
  state = step.fit(train)
  kept, first = jax.tree.map(np.copy, state), step.apply(state, train)
  step.apply(state, test._replace(x=test.x * 1e3 + 7, settings=test.settings * 0))
  again = step.fit(train)
  jax.tree.map(np.testing.assert_array_equal, (state, again), (kept, kept))
  same(step.apply(again, train), first)


@each(INVERTIBLE)
def test_invert_undoes_apply(step):
  state, rows = step.fit(made(0)), made(1)
  assert step.invert is not None
  same(step.invert(state, step.apply(state, rows)), rows, rtol=1e-12, atol=1e-10)


def test_a_chain_with_a_step_that_loses_something_has_no_inverse():
  assert clean.chain(clean.standardise(), clean.clip()).invert is None


@each(SAME_ROWS)
def test_a_state_that_was_saved_applies_exactly_as_before(step, tmp_path):
  state, rows = step.fit(made(0)), made(1)
  saved = {"clean": state, "step": np.int32(1)}  # beside a model: Orbax does not save nothing at all
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(0, saved)
  _, restored = checkpoints.latest(jax.tree.map(jnp.asarray, saved))
  np.testing.assert_array_equal(step.apply(restored["clean"], rows).x, step.apply(state, rows).x)


@each(SAME_ROWS)
def test_jit_and_vmap_give_what_numpy_gives(step):
  state = step.fit(made(0))
  fleet = [made(1), made(2)]
  expected = np.stack([step.apply(state, rows).x for rows in fleet])
  traced = [clean.Rows(*(jnp.asarray(own, jnp.float32 if own.dtype == float else None) for own in r)) for r in fleet]
  # A slope over a sensor of size 1e3 is a small difference of float32; the scale of each column decides.
  tolerance = {"rtol": 1e-3, "atol": 2e-3}
  for rows, numbers in zip(traced, expected, strict=True):
    np.testing.assert_allclose(jax.jit(step.apply)(state, rows).x, numbers, **tolerance)
  together = jax.tree.map(lambda *own: jnp.stack(own), *traced)
  found = jax.jit(jax.vmap(step.apply, in_axes=(None, 0)))(state, together).x
  np.testing.assert_allclose(found, expected, **tolerance)


def test_windows_and_spectra_may_be_traced_where_the_units_are_known():
  rows = made(missing=0.0)
  step = clean.chain(clean.windows(6), clean.spectra(2))
  state = step.fit(rows)
  found = jax.jit(lambda x: step.apply(state, rows._replace(x=x)).x)(jnp.asarray(rows.x, jnp.float32))
  np.testing.assert_allclose(found, step.apply(state, rows).x, rtol=1e-3, atol=1e-3)
