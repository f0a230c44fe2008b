"""The audit of splits: it names what is on both sides, and lets disjoint sides pass."""

import numpy as np
import pytest

from mtl_jax.trust import LeakError, leak_audit


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
