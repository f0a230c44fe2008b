"""The audit of a table: each finding on a table that has it and on one that has not, scores against scikit-learn."""

import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, r2_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from mtl_jax.data import ai4i2020
from mtl_jax.inflations import milling
from mtl_jax.report.audited import audit_in_words, verdict, write_audit
from mtl_jax.tasks.flat import flat
from mtl_jax.trust import audit as audit_module
from mtl_jax.trust import leak_audit, scores
from mtl_jax.trust.audit import BY_TIME, RANDOM, SHUFFLED, YOURS, _clock, _ways, audit, leaky_beside
from mtl_jax.trust.epochs import best_epoch, by_epoch
from mtl_jax.trust.findings import all_findings
from mtl_jax.trust.prepared import prepare
from mtl_jax.trust.scores import Drawn, Score, difference, predictions, score_all, scored
from mtl_jax.trust.splits import random_folds

UNITS, EACH, COLUMNS = 24, 25, 8
UNIT = np.repeat(np.arange(UNITS), EACH)
ROWS = len(UNIT)
NAMES = [f"sensor {i}" for i in range(COLUMNS)]


def honest(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
  """Inputs without a trace of the unit; three classes that depend on two of them, with noise."""
  rng = np.random.default_rng(seed)
  x = rng.standard_normal((ROWS, COLUMNS))
  y = np.digitize(x[:, 0] + x[:, 1] + 0.7 * rng.standard_normal(ROWS), (-0.8, 0.8))
  return pd.DataFrame(x, columns=NAMES), y


@pytest.fixture(autouse=True)
def _fewer_trees(monkeypatch):
  monkeypatch.setattr(scores, "TREES", 25)
  monkeypatch.setattr(scores, "ROUNDS", 10)


def fingerprinted(seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
  """Each unit has a place of its own in the inputs and one label, drawn by lot: nothing carries over to a new unit."""
  rng = np.random.default_rng(seed)
  x = 3.0 * rng.standard_normal((UNITS, COLUMNS))[UNIT] + 0.3 * rng.standard_normal((ROWS, COLUMNS))
  return pd.DataFrame(x, columns=NAMES), rng.permutation(np.arange(UNITS) % 2)[UNIT]


def kinds(x, y, unit=UNIT, time=None, reached: float = 0.8, **groups) -> dict[str, tuple[str, ...]]:
  """Kind of each finding -> the columns that it names."""
  table = prepare(x, y, {"unit": unit, **groups}, time)
  return {finding.kind: finding.columns for finding in all_findings(table, reached, 0)}


def test_nothing_is_found_where_nothing_is_wrong():
  x, y = honest()
  assert kinds(x, y, time=np.arange(ROWS), recording=np.arange(ROWS) // 5) == {}
  assert kinds(x, x["sensor 0"] * 2.0 + x["sensor 1"], reached=0.9) == {}


def with_column(x: pd.DataFrame, **columns) -> pd.DataFrame:
  return x.assign(**columns)


@pytest.mark.parametrize(
  "column",
  [
    lambda y: y,
    lambda y: np.asarray(["low", "mid", "high"])[y],
    lambda y: 10.0 - 3.0 * y + 1e-3 * np.random.default_rng(1).standard_normal(ROWS),
    lambda y: np.where(np.arange(ROWS) % 200 == 0, (y + 1) % 3, y),
    lambda y: pd.Series(y).where(y != 2).astype(float),
  ],
  ids=["the same", "in words", "another scale", "a few differ", "missing where 2"],
)
def test_a_column_that_is_the_label_is_named(column):
  x, y = honest()
  found = kinds(with_column(x, result=column(y)), y)
  assert found == {"label column": ("result",)}


def test_a_column_that_is_a_quantity_to_predict_is_named():
  x, _ = honest()
  y = np.exp(x["sensor 0"] + np.random.default_rng(1).standard_normal(ROWS))
  assert kinds(with_column(x, logged=-np.log(y)), y, reached=0.5) == {"label column": ("logged",)}
  assert kinds(with_column(x, near=y + 0.5 * np.random.default_rng(2).standard_normal(ROWS)), y, reached=0.95) == {}


def test_a_column_that_does_as_well_as_all_is_named():
  x, y = honest()
  strong = with_column(x, late=y + 0.35 * np.random.default_rng(1).standard_normal(ROWS))
  assert kinds(strong, y, reached=0.85) == {"one column is enough": ("late",)}
  assert kinds(strong, y, reached=0.97) == {}


def test_a_measurement_that_separates_the_classes_is_not_called_the_label():
  """Within a class 0.05, between classes 0.8: a good sensor, if it is known in time."""
  x, y = honest()
  good = with_column(x, sensor=y + 0.05 * np.random.default_rng(1).standard_normal(ROWS))
  assert kinds(good, y) == {"one column is enough": ("sensor",)}


def test_among_many_columns_those_that_go_with_the_label_are_looked_at():
  rng = np.random.default_rng(0)
  _, y = honest()
  code = np.asarray([2.0, 0.0, 1.0])[y]
  many = pd.DataFrame(rng.standard_normal((ROWS, 300))).add_prefix("c").assign(code=code)
  assert kinds(many, y)["label column"] == ("code",)
  value = rng.standard_normal(ROWS)
  assert kinds(many.assign(code=3.0 - value), value, reached=1.0)["label column"] == ("code",)


def flags(y: np.ndarray, share: float) -> dict[str, np.ndarray]:
  """Two yes/no columns, of which one is set in `share` of the rows of class 2 and neither in others."""
  which = np.random.default_rng(4).uniform(size=ROWS)
  return {
    "burst": ((y == 2) & (which < share / 2)).astype(int),
    "worn": ((y == 2) & (which >= share / 2) & (which < share)).astype(int),
  }


def test_columns_that_are_the_label_together_are_named():
  x, y = honest()
  assert kinds(with_column(x, **flags(y, 1.0)), y)["columns that make up the label"] == ("burst", "worn")
  part = kinds(with_column(x, **flags(y, 0.5)), y)
  assert part == {"columns that are part of the label": ("burst", "worn")}
  unrelated = with_column(x, burst=np.random.default_rng(5).integers(0, 2, ROWS))
  assert kinds(unrelated, y) == {}


@pytest.mark.skipif("MTL_JAX_DATA" not in os.environ, reason="MTL_JAX_DATA does not name the folder of recorded data")
def test_the_failure_modes_of_ai4i_are_found():
  table = ai4i2020.load()
  modes = {name: values for name, values in table.labels.items() if name != "failure"}
  found = kinds(pd.DataFrame(table.columns | modes), table.labels["failure"], table.groups["tool"])
  assert found == {"columns that make up the label": ("TWF", "HDF", "PWF", "OSF")}
  assert kinds(pd.DataFrame(table.columns), table.labels["failure"], table.groups["tool"]) == {}


def test_rows_that_resemble_their_unit_are_found():
  assert "rows resemble their unit" in kinds(*fingerprinted())
  x, _ = fingerprinted()
  _, y = honest()
  assert set(kinds(x, y)) == {"rows resemble their unit"}


def test_a_unit_filed_twice_is_found_exactly_and_nearly():
  x, y = honest()
  twice, near = x.copy(), x.copy()
  twice.iloc[-EACH:] = x.iloc[:EACH].to_numpy()
  noise = 1e-3 * np.random.default_rng(1).standard_normal((EACH, COLUMNS))
  near.iloc[-EACH:] = x.iloc[:EACH].to_numpy() + noise
  assert "same rows in other units" in kinds(twice, np.where(UNIT == UNITS - 1, np.resize(y[:EACH], ROWS), y))
  assert set(kinds(near, y)) == {"near copies in other units"}


def test_in_a_table_of_few_values_a_stretch_of_rows_tells_a_copy_from_chance():
  rng = np.random.default_rng(0)
  _, y = honest()
  coarse = pd.DataFrame(rng.integers(0, 4, (ROWS, 4)), columns=list("abcd"))
  assert "same rows in other units" not in kinds(coarse, y)
  idle = coarse.mul(np.arange(ROWS) % EACH > 5, axis=0)
  assert "same rows in other units" not in kinds(idle, y)
  copied = coarse.copy()
  copied.iloc[-EACH:] = coarse.iloc[:EACH].to_numpy()
  assert "same rows in other units" in kinds(copied, y)


def test_rows_that_are_close_only_because_they_fill_few_dimensions_or_clusters_are_no_copies():
  rng = np.random.default_rng(0)
  _, y = honest()
  line = rng.uniform(size=(ROWS, 1)) @ np.ones((1, COLUMNS)) * np.arange(1, COLUMNS + 1)
  clusters = 1000.0 * rng.standard_normal((3, COLUMNS))[rng.integers(0, 3, ROWS)] + rng.standard_normal((ROWS, COLUMNS))
  coarse = np.round(rng.standard_normal((ROWS, 3)))
  for x in (line, clusters, coarse):
    assert not {"near copies in other units", "same rows in other units"} & set(kinds(x, y))


def test_identical_rows_with_other_labels_bound_what_is_possible():
  """One row in two repeats the one before with another label: at most half of those 60 rows, so 95 %, can be right."""
  x, y = honest()
  y = y % 2
  x.iloc[1:60:2] = x.iloc[0:60:2].to_numpy()
  y[1:60:2] = 1 - y[0:60:2]
  table = prepare(x, y, {"unit": UNIT})
  found = {finding.kind: finding for finding in all_findings(table, 0.8, 0)}
  assert "95.0%" in found["identical rows, other labels"].text
  assert found["identical rows, other labels"].rows == (1, 2, 3, 4, 5)
  y[1:60:2] = y[0:60:2]
  assert "identical rows, other labels" not in kinds(x, y)


def windows(step: int) -> np.ndarray:
  signal = np.random.default_rng(0).standard_normal(ROWS * 64 + 64)
  return np.stack([signal[i * step : i * step + 64] for i in range(ROWS)])


def test_windows_cut_with_overlap_are_found():
  _, y = honest()
  table = prepare(windows(32), y, {"unit": UNIT})
  (found,) = [f for f in all_findings(table, 0.8, 0) if f.kind == "overlapping windows"]
  assert "share 50% of their samples" in found.text
  assert "overlapping windows" not in kinds(windows(64), y)


def test_columns_without_change_are_named():
  x, y = honest()
  gone = with_column(x, fixed=3.0, empty=np.nan, plant="north", seldom=np.where(UNIT % 2, 1.0, np.nan))
  assert kinds(gone, y) == {"constant column": ("fixed", "empty", "plant")}


def test_another_name_of_the_unit_and_a_counter_are_named():
  x, y = honest()
  serial = np.random.default_rng(0).permutation(UNITS)[UNIT] * 7 + 100
  named = with_column(x, serial=serial, line=UNIT % 4, counter=np.arange(ROWS) + 5000)
  assert kinds(named, y) == {"column names the unit": ("serial",), "row counter": ("counter",)}
  assert kinds(with_column(x, age=np.random.default_rng(1).permutation(ROWS)), y) == {}


def test_units_of_one_label_are_counted():
  x, _ = honest()
  y = np.random.default_rng(1).permutation(np.arange(UNITS) % 2)[UNIT]
  found = {f.kind: f.text for f in all_findings(prepare(x, y, {"unit": UNIT}), 0.8, 0)}
  assert f"{UNITS} of {UNITS} units have one label" in found["one label per unit"]
  assert "Only one unit" not in found["one label per unit"]
  y[UNIT == 3] = 2
  found = {f.kind: f.text for f in all_findings(prepare(x, y, {"unit": UNIT}), 0.8, 0)}
  assert "Only one unit has 2" in found["one label per unit"]
  y[::5] = (y[::5] + 1) % 2
  assert "one label per unit" not in kinds(x, y)


def test_time_that_goes_backwards_or_stands_still_is_found_within_a_run_only():
  x, y = honest()
  time = np.tile(np.arange(EACH), UNITS).astype(float)
  assert kinds(x, y, time=time) == {}
  swapped = time.copy()
  swapped[[10, 11]] = swapped[[11, 10]]
  (found,) = all_findings(prepare(x, y, {"unit": UNIT}, swapped), 0.8, 0)
  assert (found.kind, found.rows) == ("time goes backwards", (12,))
  again = np.where(time == 7, 6, time)
  assert set(kinds(x, y, time=again)) == {"one time twice"}
  half = np.tile(np.arange(EACH) % 12, UNITS)  # a unit's second recording starts anew
  assert "time goes backwards" in kinds(x, y, time=half)
  assert "time goes backwards" not in kinds(x, y, time=half, recording=np.arange(EACH * UNITS) % EACH // 12)


def test_a_clock_or_a_file_that_tells_the_label_is_found():
  x, _ = honest()
  y = (np.arange(ROWS) > 0.6 * ROWS).astype(int)
  mixed = np.random.default_rng(0).permutation(ROWS)
  unit = np.arange(ROWS) % UNITS
  assert set(kinds(x, y, unit)) == {"the row number tells the label"}
  assert set(kinds(x, y[mixed], unit[mixed], time=mixed)) == {"time tells the label", "time goes backwards"}


def test_too_few_units_and_units_of_one_row_are_said():
  x, y = honest()
  assert set(kinds(x, y, UNIT % 3)) == {"few units"}
  assert set(kinds(x, y, np.arange(ROWS))) == {"unit is the row"}


def test_scores_are_those_of_scikit_learn_and_lie_in_their_intervals():
  rng = np.random.default_rng(0)
  y, value = rng.integers(0, 4, 300), 50.0 + rng.standard_normal(300)
  label, guess = np.where(rng.uniform(size=(2, 300)) < 0.6, y, rng.integers(0, 4, (2, 300))).astype(float), value + 0.3
  guess = guess + 0.5 * rng.standard_normal((2, 300))
  cluster = np.arange(300) // 10
  found = {d.score.metric: d.score for d in scored(label, y, cluster, 4, "m", "s", 0)}
  found |= {d.score.metric: d.score for d in scored(guess, value, cluster, 0, "m", "s", 0)}
  expected = {
    "macro_f1": np.mean([f1_score(y, p, average="macro") for p in label]),
    "accuracy": np.mean([accuracy_score(y, p) for p in label]),
    "r2": np.mean([r2_score(value, p) for p in guess]),
    "rmse": np.mean([root_mean_squared_error(value, p) for p in guess]),
  }
  for metric, score in found.items():
    assert score.mean == pytest.approx(expected[metric], rel=1e-9), metric
    assert score.low < score.mean < score.high
    assert score.high - score.low < 0.4


def test_the_interval_of_independent_rows_is_the_binomial_one():
  """800 rows, 80 % right: 2 * 1.96 * sqrt(0.8 * 0.2 / 800) = 0.0554 wide."""
  y = np.zeros(800, int)
  predicted = (np.arange(800) % 5 == 0).astype(float)[None]
  (accuracy,) = [d.score for d in scored(predicted, y, np.arange(800), 2, "m", "s", 0) if d.score.metric == "accuracy"]
  assert accuracy.mean == pytest.approx(0.8)
  assert accuracy.high - accuracy.low == pytest.approx(0.0554, rel=0.15)


def test_a_difference_is_paired():
  rng = np.random.default_rng(0)
  y = rng.integers(0, 2, 200)
  a = np.where(rng.uniform(size=(1, 200)) < 0.7, y, 1 - y).astype(float)
  same = [scored(a, y, np.arange(200), 2, "m", "s", 0)[0] for _ in range(2)]
  zero = difference(*same, "s")
  assert (zero.mean, zero.low, zero.high) == (0.0, 0.0, 0.0)


def test_a_fold_with_one_class_answers_with_it_and_rows_not_asked_do_not_count():
  y = np.asarray([1, 1, 0, 0])
  x = np.zeros((4, 1))
  found = predictions(LogisticRegression(), x, y, [(np.asarray([0, 1]), np.asarray([2]))], 0)
  np.testing.assert_array_equal(found, [np.nan, np.nan, 1.0, np.nan])
  drawn = {d.score.metric: d.score.mean for d in scored(found[None], y, np.zeros(4, int), 2, "m", "s", 0)}
  assert drawn["accuracy"] == 0.0


def test_each_repeat_of_a_cross_validation_has_folds_of_its_own():
  x, y = honest()
  seeds: list[int] = []

  def folds(seed):
    seeds.append(seed)
    return random_folds(y, 2, seed, True)

  list(score_all({"m": (LogisticRegression(), x)}, {"w": folds}, y, UNIT, 3, 3, 7, iter))
  assert seeds == [7, 8, 9]


def test_groups_are_kept_together_and_a_group_for_each_row_is_no_split():
  x, y = honest()
  groups = {"unit": UNIT, "lot": UNIT // 6, "row": np.arange(ROWS), "plant": np.zeros(ROWS, int)}
  ways = _ways(prepare(x, y, groups), 5)
  assert list(ways) == [RANDOM, "by unit", "by lot"]
  for name, count in (("unit", 5), ("lot", 4)):
    found = ways[f"by {name}"](0)
    assert len(found) == count
    for train, test in found:
      leak_audit({name: groups[name]}, {"train": train, "test": test})


def test_by_time_the_past_is_learned_from_and_the_leaky_split_beside_it_is_another_order_of_as_many_rows():
  x, y = honest()
  ways = _ways(prepare(x, y, {}, np.arange(ROWS)), 5)
  fair, leaky = ways[BY_TIME](0), ways[SHUFFLED](0)
  assert all(train.max() < test.min() for train, test in fair)
  assert not any(train.max() < test.min() for train, test in leaky)
  assert [len(train) for train, _ in fair] == [len(train) for train, _ in leaky]
  assert [leaky_beside(way) for way in (BY_TIME, "by unit")] == [SHUFFLED, RANDOM]


def test_where_every_run_starts_its_clock_anew_the_time_is_the_share_of_the_run():
  """Runs of 20 and of 30 rows: half-way is row 10 of the one and row 15 of the other."""
  run = np.repeat(np.arange(20), [20, 30] * 10)
  own = np.concatenate([np.arange(n) for n in [20, 30] * 10]).astype(float)
  x, y = np.random.default_rng(0).standard_normal((500, 2)), np.arange(500) % 2
  shares = _clock(prepare(x, y, {"unit": run}, own))
  assert shares is not None
  np.testing.assert_allclose(shares, own / np.repeat([20, 30] * 10, [20, 30] * 10), atol=1e-3)
  for absolute in (own + 100.0 * run, np.arange(500.0)):
    np.testing.assert_array_equal(_clock(prepare(x, y, {"unit": run}, absolute)), absolute)
  assert _clock(prepare(x, y, {"unit": run})) is None


@pytest.fixture
def told(monkeypatch):
  """What `audit` hands to the scores; "tuned to leak" is best on random rows and "sound" on units never seen."""
  given: dict[str, Any] = {}

  def score_all(methods, ways, y, cluster, classes, repeats, seed, progress):
    given.update(methods=methods, ways=list(ways), cluster=cluster, repeats=repeats)
    mean = {("leaky", RANDOM): 0.9, ("leaky", "by unit"): 0.5, ("sound", RANDOM): 0.8, ("sound", "by unit"): 0.7}
    for (method, way), value in mean.items():
      yield Drawn(Score(method, way, "macro_f1", value, value, value), np.full(10, value))

  monkeypatch.setattr(audit_module, "ladder", lambda classes: dict.fromkeys(("leaky", "sound")))
  monkeypatch.setattr(audit_module, "score_all", score_all)
  monkeypatch.setattr(audit_module, "all_findings", lambda *_: ())
  return given


def test_the_method_is_picked_on_random_rows_and_the_gap_is_its_leaky_score_minus_the_fair_one(told):
  x, y = honest()
  found = audit(x, y, {"unit": UNIT})
  assert found.method == "leaky"
  (gap,) = found.gaps
  assert (gap.split, gap.mean) == (f"{RANDOM} minus by unit", pytest.approx(0.4))
  (finding,) = found.findings
  assert (finding.kind, finding.severity) == ("random rows flatter", "leak")


def test_intervals_of_an_audit_are_over_the_units_of_the_fair_split(told):
  x, y = honest()
  names = np.char.add("press ", UNIT[::-1].astype(str))
  audit(x, y, {"unit": names}, rows=400, repeats=4)
  assert told["repeats"] == 4
  assert len(told["cluster"]) == 400
  assert len(np.unique(told["cluster"])) == UNITS == told["cluster"].max() + 1


def test_random_rows_flatter_where_units_have_fingerprints():
  found = audit(*fingerprinted(), {"unit": UNIT}, repeats=2)
  assert found.fair == "by unit"
  assert found.score(found.method, RANDOM).mean > 0.98
  assert found.score(found.method, "by unit").mean < 0.75
  assert found.gaps[0].low > 0.2
  assert found.findings[0].kind == "random rows flatter"
  assert verdict(found).startswith("Quote macro-F1 0.")


def test_random_rows_do_not_flatter_where_they_have_none():
  x, y = honest()
  found = audit(x, y, {"unit": UNIT, "time": np.arange(ROWS)}, repeats=2)
  assert abs(found.gaps[0].mean) < 0.03
  assert found.findings == ()
  assert "adds nothing" in verdict(found)
  assert {score.split for score in found.scores} == {RANDOM, "by unit", BY_TIME, SHUFFLED}


def test_a_drift_shows_by_time_and_few_rows_alone_do_not(monkeypatch):
  """What the label depends on turns half-way: the past then says the opposite of what comes."""
  monkeypatch.setattr(scores, "ROUNDS", 40)
  rng = np.random.default_rng(0)
  x = rng.standard_normal((ROWS, COLUMNS))
  late = np.arange(ROWS) > ROWS / 2
  y = (np.where(late, -1.0, 1.0) * x[:, 0] > 0).astype(int)
  x[:, 1] = late + 0.1 * rng.standard_normal(ROWS)
  found = audit(x, y, {}, time=np.arange(ROWS), repeats=2)
  assert found.fair == BY_TIME
  assert found.gaps[0].split == f"{SHUFFLED} minus {BY_TIME}"
  assert found.gaps[0].low > 0.05
  found = audit(x, y, {"unit": np.arange(ROWS) % UNITS}, time=np.arange(ROWS), repeats=2)
  assert found.fair == "by unit"
  assert "But by time it is 0." in verdict(found)


def test_any_estimator_and_text_columns_work():
  x, y = honest()
  x["line"] = np.asarray(["a", "b", "c"])[y]
  encode = make_column_transformer((OneHotEncoder(), ["line"]), (StandardScaler(), NAMES))
  found = audit(x, np.asarray(["low", "mid", "high"])[y], {"unit": UNIT}, make_pipeline(encode, LogisticRegression()))
  assert found.method == YOURS
  assert found.classes == ("high", "low", "mid")
  assert found.score(YOURS, "by unit").mean > 0.99
  assert found.findings[0].kind == "label column"
  assert verdict(found).startswith("No score of this table counts")


def test_a_quantity_is_scored_by_r2_and_rmse():
  x, _ = honest()
  y = 5.0 * x["sensor 0"] + np.random.default_rng(1).standard_normal(ROWS)
  found = audit(x.mask(np.random.default_rng(2).uniform(size=x.shape) < 0.02), y, {"unit": UNIT}, repeats=1)
  assert (found.task, found.metric, found.classes) == ("regression", "r2", ())
  assert found.score("ridge", "by unit").mean > 0.85
  assert found.score("mean", "by unit", "rmse").mean == pytest.approx(y.std(), rel=0.05)


def test_the_same_seed_gives_the_same_audit_on_some_of_the_rows():
  x, y = fingerprinted()
  first, second, other = (audit(x, y, {"unit": UNIT}, repeats=1, rows=300, seed=seed) for seed in (1, 1, 2))
  assert first == second
  assert first.scores != other.scores
  assert (first.rows, first.scored_rows) == (ROWS, 300)


def test_without_groups_there_is_no_fair_score_and_the_verdict_says_so():
  x, y = honest()
  found = audit(x, y, {}, repeats=1)
  assert (found.fair, found.gaps) == (None, ())
  assert "no fair score" in verdict(found)


@pytest.mark.parametrize(
  ("change", "said"),
  [
    ({"y": np.zeros(ROWS)}, "the label is 0.0 in every row"),
    ({"y": np.full(ROWS, np.nan)}, "0 rows have a label"),
    ({"y": np.arange(5)}, "x has 600 rows and y has 5"),
    ({"groups": {"unit": [1, 2]}}, "unit has 2 rows and y has 600"),
    ({"time": ["soon"] * ROWS}, "neither a number nor a date"),
    ({"x": np.zeros((ROWS, 0))}, "no column left"),
    ({"y": np.asarray(["a", "b"])[np.arange(ROWS) % 2], "regression": True}, "needs numbers"),
  ],
)
def test_what_cannot_be_audited_is_said(change, said):
  x, y = honest()
  given = {"x": x, "y": y, "groups": {"unit": UNIT}} | change
  with pytest.raises(ValueError, match=said):
    audit(**given)


def test_dates_order_rows_and_rows_without_label_or_group_are_left_out():
  x, y = honest()
  dates = pd.Series(pd.date_range("2026-01-01", periods=ROWS, freq="h"))
  label, unit = pd.Series(y.astype(float)), pd.Series(UNIT.astype(float))
  label[3], unit[5] = np.nan, np.nan
  for time in (dates, dates.dt.strftime("%Y-%m-%dT%H:%M:%S"), dates.dt.tz_localize("Europe/Berlin", ambiguous=True)):
    table = prepare(x, label, {"unit": unit}, time)
    assert table.rows == ROWS - 2
    assert table.number[3:5].tolist() == [4, 6]
    assert table.time is not None
    assert np.diff(table.time)[10:20].tolist() == [3600.0] * 10


def test_flat_summarises_arrays_and_vibration():
  rng = np.random.default_rng(0)
  columns = {"load": np.arange(3.0), "gains": rng.uniform(size=(3, 2)), "cycle": rng.uniform(size=(3, 5, 20))}
  frame = flat(columns)
  assert list(frame) == [
    "load",
    "gains[0]",
    "gains[1]",
    *(f"cycle {w}" for w in ("mean", "deviation", "least", "largest")),
  ]
  np.testing.assert_allclose(frame["cycle largest"], columns["cycle"].max((1, 2)))
  vibration = {
    "signal": rng.standard_normal((3, 2048)),
    "sampling_hz": np.full(3, 12e3),
    "shaft_hz": np.full(3, 30.0),
    "orders": np.tile([3.6, 5.4, 2.4, 0.4], (3, 1)),
  }
  frame = flat(vibration | {"load": np.arange(3.0)})
  assert frame.shape == (3, 45)
  assert np.isfinite(frame.to_numpy()).all()
  np.testing.assert_allclose(frame["log_rms"], np.log(vibration["signal"].std(1)), atol=1e-4)


def test_the_course_of_a_training_is_kept_and_the_best_epoch_found():
  class Steps:  # a "network" that comes closer to 3 by one with each epoch, and then leaves it
    def __init__(self):
      self.at = 0.0

    def partial_fit(self, x, y):
      self.at += 1.0

    def predict(self, x):
      return np.full(len(x), self.at)

  told = by_epoch(Steps(), np.zeros((2, 1)), np.zeros(2), {"test": np.zeros((4, 1))}, 5)
  assert told["test"].shape == (5, 4)
  assert best_epoch(told["test"], np.full(4, 3.0)) == 2


@pytest.fixture(scope="module")
def table_file(tmp_path_factory):
  """A table as someone in a plant has it, with a column that was filled in after the fact."""
  x, y = fingerprinted()
  frame = x.assign(machine=np.char.add("M", UNIT.astype(str)), fault=np.asarray(["no", "yes"])[y], note=y * 2 + 1)
  frame["when"] = pd.date_range("2026-01-01", periods=ROWS, freq="min").strftime("%Y-%m-%d %H:%M:%S")
  path = tmp_path_factory.mktemp("plant") / "line.csv"
  frame.to_csv(path, index=False)
  frame.to_parquet(path.with_suffix(".parquet"))
  return path


def run(path, *arguments) -> subprocess.CompletedProcess[str]:
  command = [sys.executable, ROOT / "scripts" / "audit.py", path, *arguments]
  environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "120", "MTL_JAX_DATA": "no/such/folder"}
  return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


def test_the_script_names_the_leak_and_the_fair_score(table_file, tmp_path):
  out = tmp_path / "report.json"
  done = run(table_file, "--unit", "machine", "--target", "fault", "--time", "when", "--drop", "note", "--out", out)
  assert done.returncode == 0, done.stderr
  said = " ".join(done.stdout.split())
  assert "600 rows, 24 units" in said
  assert "random rows flatter" in said
  assert "Quote macro-F1 0." in said
  told = json.loads(out.read_text())
  scores = {(s["method"], s["split"]): s["mean"] for s in told["scores"] if s["metric"] == "macro_f1"}
  assert scores["extra trees", "random rows"] > 0.98 > 0.75 > scores["extra trees", "by unit"]
  assert told["verdict"] in said


def test_the_script_reads_parquet_and_writes_a_page(table_file, tmp_path):
  out = tmp_path / "report.html"
  done = run(
    table_file.with_suffix(".parquet"), "--unit", "machine", "--target", "fault", "--drop", "when", "--out", out
  )
  assert done.returncode == 0, done.stderr
  assert "note: each of these alone gives the label" in " ".join(done.stdout.split())
  page = out.read_text()
  assert page.startswith("<!DOCTYPE html>")
  assert "label column" in page
  assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
  ("arguments", "said"),
  [
    (("--unit", "machin", "--target", "fault"), "has no column 'machin'; did you mean 'machine'?"),
    (("--target", "fault", "--drop", "zzz"), "has no column 'zzz'; there are sensor 0, "),
    (("--unit", "machine"), "name the column to predict: --target"),
    (("--target", "fault", "--out", "page.pdf"), "must end in .html or .json"),
    (("--target", "fault", "--time", "machine"), "neither a number nor a date"),
  ],
)
def test_a_mistake_is_answered_in_words(answered, table_file, arguments, said):
  done = answered("audit.py", table_file, *arguments)
  assert done.returncode == 1
  assert said in done.stderr


@pytest.mark.parametrize(
  ("table", "said"),
  [
    ("cmaps", "did you mean cmapss?"),
    ("none.csv", "none.csv is missing"),
    ("none.parquet", "none.parquet cannot be read"),
    ("cwru", "no/such/folder"),
  ],
)
def test_an_unknown_table_is_answered_in_words(answered, monkeypatch, table, said):
  monkeypatch.setenv("MTL_JAX_DATA", "no/such/folder")
  done = answered("audit.py", table, "--target", "fault")
  assert done.returncode == 1
  assert said in done.stderr


@pytest.mark.skipif("MTL_JAX_DATA" not in os.environ, reason="MTL_JAX_DATA does not name the folder of recorded data")
def test_the_failure_modes_inflate_ai4i():
  lines = {line.what: line.score for line in milling()}
  leaky, fair = (
    min(score.low for what, score in lines.items() if "with the failure modes" in what),
    max(score.high for what, score in lines.items() if "without" in what),
  )
  assert leaky > 0.97 > 0.85 > fair


def test_inflations_without_data_say_what_to_set(answered, monkeypatch):
  monkeypatch.setenv("MTL_JAX_DATA", "no/such/folder")
  done = answered("inflations.py", "ai4i2020")
  assert done.returncode == 1
  assert "no/such/folder" in done.stderr


def test_a_page_or_json_only(tmp_path):
  x, y = honest()
  found = audit(x, y, {"unit": UNIT}, repeats=1)
  with pytest.raises(ValueError, match=r"must end in \.html or \.json"):
    write_audit(found, "table", tmp_path / "page.pdf")
  assert audit_in_words(found, "table")
