"""Checks that keep a score believable.

`leak_audit` refuses a split that shares a unit, a recording or a row between its sides. Quick to
import, because training does. What needs scikit-learn and pandas is imported by name:
`trust.splits` makes such splits, `trust.audit` looks for leaks in any table.
"""

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np


class LeakError(ValueError):
  """The same physical unit, recording or row stands on both sides of a split."""


def leak_audit(what: str | Mapping[str, Iterable], sides: Mapping[str, Iterable]) -> None:
  """Raises LeakError if two sides of a split share a group or a row.

  Two forms: `leak_audit("unit", {"train": ids, "test": ids})`, and, for the rows of a table,
  `leak_audit({"unit": ids, "lot": ids}, {"train": rows, "test": rows})`.

  Args:
    what: what `sides` lists, for the message: "unit", "recording". Or name -> group id of each row,
      (rows,); pass those groups that must not be shared.
    sides: group ids per side; in the second form row numbers, or masks of (rows,) bool.
  """
  if isinstance(what, str):
    _disjoint(what, sides)
    return
  rows = {side: np.asarray(chosen) for side, chosen in sides.items()}
  rows = {side: np.flatnonzero(r) if r.dtype == bool else r.astype(int) for side, r in rows.items()}
  _disjoint("row", rows)
  for name, ids in what.items():
    _disjoint(name, {side: np.asarray(ids)[chosen] for side, chosen in rows.items()})


def _disjoint(what: str, sides: Mapping[str, Iterable]) -> None:
  for (a, left), (b, right) in combinations(sides.items(), 2):
    shared = np.intersect1d(np.asarray(left).ravel(), np.asarray(right).ravel())
    if shared.size:
      shown = ", ".join(map(str, shared[:5].tolist())) + (", ..." if shared.size > 5 else "")
      raise LeakError(
        f"{shared.size} {what}(s) stand in both {a} and {b}: {shown}. "
        f"A score on {b} would partly measure memory of {a}; split by {what}."
      )
