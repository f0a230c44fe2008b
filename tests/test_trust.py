"""Splits, and their audit: it names what is on both sides, and lets disjoint sides pass."""

import subprocess
import sys

import numpy as np
import pytest
from conftest import ROOT

from mtl_jax.trust import LeakError, leak_audit
from mtl_jax.trust.splits import group_folds, random_folds, split, split_by_time, time_folds


def test_disjoint_sides_pass():
  leak_audit("unit", {"train": [1, 2, 2], "validation": np.asarray([[3, 4], [5, 6]]), "test": []})


def test_a_shared_group_is_named_with_both_sides():
  with pytest.raises(LeakError, match=r"1 bearing\(s\) stand in both train and test: 7\. .*split by bearing") as error:
    leak_audit("bearing", {"train": [1, 7], "validation": [2], "test": [3, 7]})
  assert "validation" not in str(error.value)


def test_every_pair_of_sides_is_compared():
  for shared in (("a", "b"), ("a", "c"), ("b", "c")):
    sides = {name: [name] + (["x"] if name in shared else []) for name in "abc"}
    with pytest.raises(LeakError, match="stand in both {} and {}: x".format(*shared)):
      leak_audit("recording", sides)


def test_many_shared_groups_are_counted_and_the_first_few_shown():
  with pytest.raises(LeakError, match=r"30 unit\(s\) .*: 0, 1, 2, 3, 4, \.\.\.\."):
    leak_audit("unit", {"train": range(30), "test": np.arange(60).reshape(30, 2)})


def test_rows_of_a_table_are_audited_by_every_group():
  groups = {"unit": np.asarray([1, 1, 2, 2]), "lot": np.asarray(["a", "b", "b", "c"])}
  leak_audit(groups, {"train": [0], "test": [3]})
  with pytest.raises(LeakError, match=r"1 lot\(s\) stand in both train and test: b"):
    leak_audit(groups, {"train": [0, 1], "test": [2, 3]})
  with pytest.raises(LeakError, match=r"1 unit\(s\) .*: 1"):
    leak_audit({"unit": groups["unit"]}, {"train": np.asarray([True, False, False, False]), "test": [1, 2]})
  with pytest.raises(LeakError, match=r"1 row\(s\) .*: 2"):
    leak_audit({}, {"train": [0, 2], "test": np.asarray([False, False, True, True])})


def test_the_audit_of_splits_does_not_wait_for_scikit_learn_or_pandas():
  code = "import sys, mtl_jax.trust; assert not {'sklearn', 'pandas'} & set(sys.modules), 'slow'"
  done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr


FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
UNITS = np.random.default_rng(0).integers(0, 40, 500)


def test_a_split_gives_every_row_to_one_side_and_no_unit_to_two():
  sides = split(UNITS, FRACTIONS, seed=3)
  leak_audit({"unit": UNITS}, sides)
  np.testing.assert_array_equal(np.sort(np.concatenate(list(sides.values()))), np.arange(500))
  assert [len(np.unique(UNITS[rows])) for rows in sides.values()] == [24, 8, 8]


def test_the_side_of_a_unit_depends_on_the_seed_alone():
  again = np.random.default_rng(1).permutation(np.repeat(UNITS, 3))
  for side, rows in split(again, FRACTIONS, seed=3).items():
    assert set(again[rows]) == set(UNITS[split(UNITS, FRACTIONS, seed=3)[side]])
  draws = {tuple(split(UNITS, FRACTIONS, seed)["test"]) for seed in range(5)}
  assert len(draws) == 5


def test_each_side_gets_a_unit_however_small_its_share():
  sides = split(["a", "b", "c", "a"], {"train": 0.98, "validation": 0.01, "test": 0.01}, seed=0)
  assert sorted(len(set(np.asarray(["a", "b", "c", "a"])[rows])) for rows in sides.values()) == [1, 1, 1]
  with pytest.raises(ValueError, match=r"2 group\(s\) cannot be split into train, validation, test"):
    split([1, 2, 2], FRACTIONS, seed=0)
  for wrong in ({}, {"train": 1.0, "test": 0.0}, {"train": 1.0, "test": float("nan")}):
    with pytest.raises(ValueError, match="fraction above 0"):
      split(UNITS, wrong, seed=0)


def test_a_split_by_time_leaves_the_later_rows_to_the_later_side():
  time = np.random.default_rng(2).permutation(100)
  sides = split_by_time(time, {"train": 0.7, "test": 0.3})
  assert time[sides["train"]].max() == 69
  assert time[sides["test"]].min() == 70


def test_rows_of_one_time_stay_together_and_a_gap_is_left_out():
  """Times 0 0 1 1 2 2 3 3, half of the rows: 0 and 1 to train; 2 is 1 after the last of train."""
  time = np.repeat(np.arange(4), 2)
  assert {s: r.tolist() for s, r in split_by_time(time, {"train": 0.5, "test": 0.5}).items()} == {
    "train": [0, 1, 2, 3],
    "test": [4, 5, 6, 7],
  }
  assert split_by_time(time, {"train": 3, "test": 5})["train"].tolist() == [0, 1, 2, 3]
  assert split_by_time(time, {"train": 0.5, "test": 0.5}, gap=2)["test"].tolist() == [6, 7]
  dates = np.datetime64("2026-01-01") + time.astype("timedelta64[D]")
  assert split_by_time(dates, {"train": 1, "test": 1}, gap=np.timedelta64(48, "h"))["test"].tolist() == [6, 7]


@pytest.mark.parametrize("time", [np.asarray([1.0, np.nan]), np.asarray(["2026-01-01", "NaT"], "datetime64[D]")])
def test_a_row_without_a_time_is_refused(time):
  with pytest.raises(ValueError, match="without a time"):
    split_by_time(time, {"train": 0.5, "test": 0.5})


def test_a_side_without_a_row_is_refused():
  with pytest.raises(ValueError, match="no row is left for test"):
    split_by_time([5, 5, 5], {"train": 0.5, "test": 0.5})
  with pytest.raises(ValueError, match="no row is left for test"):
    split_by_time([1, 2, 3, 4], {"train": 0.5, "test": 0.5}, gap=10)


@pytest.mark.parametrize("classes", [True, False])
def test_group_folds_ask_every_row_once_and_share_no_group(classes):
  y = (np.arange(500) % 3).astype(int if classes else float)
  folds = group_folds(UNITS, y, 5, 0, classes)
  for train, test in folds:
    leak_audit({"unit": UNITS}, {"train": train, "test": test})
  np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(500))
  with pytest.raises(ValueError, match="41 folds need as many groups, there are 40"):
    group_folds(UNITS, y, 41, 0, classes)


@pytest.mark.parametrize("classes", [True, False])
def test_another_seed_draws_other_folds_and_the_same_seed_the_same(classes):
  y = (np.arange(500) % 3).astype(int if classes else float)
  for folds in (lambda seed: random_folds(y, 5, seed, classes), lambda seed: group_folds(UNITS, y, 5, seed, classes)):
    first, again, other = (sorted(test.tolist() for _, test in folds(seed)) for seed in (0, 0, 1))
    assert first == again != other


def test_a_rare_class_is_shared_out_evenly_to_the_folds():
  """5 of 100 rows, and 5 of 50 units of two rows, are of the rare class: one in each of five folds."""
  y = (np.arange(100) < 5).astype(int)
  assert [int(y[test].sum()) for _, test in random_folds(y, 5, 0, True)] == [1] * 5
  unit = np.arange(100) // 2
  rare = (unit < 5).astype(int)
  assert [int(rare[test].sum()) for _, test in group_folds(unit, rare, 5, 0, True)] == [2] * 5


def test_random_folds_do_share_groups():
  train, test = random_folds(np.arange(500) % 2, 5, 0, True)[0]
  with pytest.raises(LeakError, match="unit"):
    leak_audit({"unit": UNITS}, {"train": train, "test": test})


def test_time_folds_learn_from_the_past_only():
  time = np.random.default_rng(3).integers(0, 60, 300)
  for gap in (0, 4):
    folds = time_folds(time, 5, gap)
    assert len(folds) == 5
    for past, future in folds:
      assert time[future].min() - time[past].max() >= gap + 1
