"""Checks that keep a score believable: no unit or recording on both sides."""

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np


class LeakError(ValueError):
  """The same physical unit or recording stands on both sides of a split."""


def leak_audit(what: str, sides: Mapping[str, Iterable]) -> None:
  """Raises LeakError if two sides of a split share a group.

  Args:
    what: what the groups are, for the message: "unit", "recording".
    sides: group ids per side, such as {"train": [...], "test": [...]}.
  """
  for (a, left), (b, right) in combinations(sides.items(), 2):
    shared = np.intersect1d(np.asarray(left).ravel(), np.asarray(right).ravel())
    if shared.size:
      shown = ", ".join(map(str, shared[:5].tolist())) + (", ..." if shared.size > 5 else "")
      raise LeakError(
        f"{shared.size} {what}(s) stand in both {a} and {b}: {shown}. "
        f"A score on {b} would partly measure memory of {a}; split by {what}."
      )
