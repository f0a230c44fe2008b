"""Rows that are the same as others, nearly the same, or overlap.

Bounded: `_ASKED` rows are compared with at most `_AGAINST` others, in blocks.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from mtl_jax.trust.findings.finding import Finding, first_rows
from mtl_jax.trust.prepared import Prepared

_ASKED = 2_000  # rows
_AGAINST = 50_000  # rows
_PROJECTED = 128  # columns; distances in more are taken after a random projection


def identical_rows(table: Prepared) -> list[Finding]:
  """Rows with the same inputs: with another label, or in another unit."""
  same = pd.factorize(pd.util.hash_pandas_object(table.x, index=False))[0]
  if same.max() == 0:  # nothing varies, and constant columns are reported
    return []
  twice = np.bincount(same)[same] > 1
  found = []
  frame = pd.DataFrame({"same": same, "y": table.y})
  other = twice & (frame.groupby("same")["y"].transform("nunique").to_numpy() > 1)
  if other.mean() > 0.002:
    if table.classes:
      most = frame.groupby(["same", "y"]).size().groupby("same").max().sum() / table.rows
      limit = f"no model can be right in more than {most:.1%} of these rows"
    else:
      spread = frame["y"] - frame.groupby("same")["y"].transform("mean")
      limit = f"no model can have an RMSE below {float(np.sqrt((spread**2).mean())):.3g} on these rows"
    text = (
      f"{int(other.sum())} rows ({other.mean():.1%}) equal another row in every column but have another label: "
      f"{limit}. Look for a wrong label, a lost column or rounding."
    )
    found.append(Finding("identical rows, other labels", "warning", (), first_rows(table, np.flatnonzero(other)), text))
  group = next((g for g, names in table.names.items() if 2 <= len(names) <= table.rows / 2), None)
  if group is not None:
    across = _in_other_units(table, same, table.groups[group])
    if across.mean() > 0.002:
      text = (
        f"{int(across.sum())} rows ({across.mean():.1%}) stand in two or more {group}s, the same in every column. If a "
        f"{group} was filed twice, a split by {group} leaks as well: give the copies one name."
      )
      rows = first_rows(table, np.flatnonzero(across))
      found.append(Finding(f"same rows in other {group}s", "warning", (), rows, text))
  return found


_STRETCH = 8  # rows


def _in_other_units(table: Prepared, same: np.ndarray, unit: np.ndarray) -> np.ndarray:
  """(rows,) bool: equal to a row of another unit, and not by chance.

  In a table of few values rows are equal by chance, and a machine that stands still repeats itself: there only a
  stretch of rows of one unit counts, all of them equal to a stretch elsewhere, half of them unlike the row before.
  """

  def shared(code: np.ndarray, of: np.ndarray) -> np.ndarray:
    return pd.Series(of).groupby(code).transform("nunique").to_numpy() > 1

  if any(column.nunique() > table.rows / 2 for _, column in table.x.items()):
    return shared(same, unit)
  order = np.argsort(unit, kind="stable")
  code, of = same[order], unit[order]
  changes = np.cumsum(np.append(0, np.diff(code) != 0))
  for step in (1, 2, 4):  # the code of two, four and eight rows
    code = pd.factorize(code[:-step] * (code.max() + 1) + code[step:])[0]
  reach = _STRETCH - 1
  start = np.flatnonzero((of[reach:] == of[:-reach]) & (changes[reach:] - changes[:-reach] >= _STRETCH // 2))
  start = start[shared(code[start], of[start])]
  return np.isin(np.arange(table.rows), order[start[:, None] + np.arange(_STRETCH)])


class _Near(NamedTuple):
  """For each row asked: what is nearest to it."""

  asked: np.ndarray  # (asked,) rows of the table
  nearest: np.ndarray  # (asked,) the nearest other row of the table
  ratio: np.ndarray  # (asked,) distance to the nearest other unit over that to the next but one; NaN where undefined


def _space(matrix: np.ndarray, seed: int) -> np.ndarray:
  """(rows, d) float32: standardised columns without the constant ones; at most `_PROJECTED`, scaled so that
  two unrelated rows are about 1.4 apart."""
  known = np.isfinite(matrix)
  middle = np.where(known, matrix, 0.0).sum(0) / np.maximum(known.sum(0), 1)
  matrix = np.where(known, matrix, middle)
  deviation = matrix.std(0)
  moves = deviation > 1e-12 * (1.0 + np.abs(matrix).max(0))
  z = ((matrix[:, moves] - matrix[:, moves].mean(0)) / deviation[moves]).astype(np.float32)
  if z.shape[1] > _PROJECTED:
    z = (
      z
      @ np.random.default_rng(seed).standard_normal((z.shape[1], _PROJECTED)).astype(np.float32)
      / np.sqrt(np.float32(z.shape[1]))
    )
  return z / np.sqrt(np.float32(max(z.shape[1], 1)))


def _nearest(z: np.ndarray, unit: np.ndarray, seed: int) -> _Near:
  generator = np.random.default_rng(seed)
  against = np.sort(generator.permutation(len(z))[:_AGAINST])
  asked = np.sort(generator.permutation(against)[:_ASKED])
  reference, of, squares = z[against], unit[against], np.square(z[against]).sum(1)

  def distance(block: np.ndarray, apart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of what is left, and how far: again by differences, as products lose the digits of almost zero."""
    close = apart.argmin(1)
    exact = np.sqrt(np.square(z[block] - reference[close]).sum(1))
    return close, np.where(np.isfinite(apart[np.arange(len(block)), close]), exact, np.nan)

  nearest, ratio = [], []
  for block in np.array_split(asked, max(1, len(asked) // 256)):
    apart = np.square(z[block]).sum(1)[:, None] + squares[None, :] - 2.0 * z[block] @ reference.T
    apart[block[:, None] == against[None, :]] = np.inf
    nearest.append(against[apart.argmin(1)])
    apart[unit[block][:, None] == of[None, :]] = np.inf
    close, first = distance(block, apart)
    apart[of[close][:, None] == of[None, :]] = np.inf
    _, second = distance(block, apart)
    # What is exactly the same is the business of `identical_rows`.
    ratio.append(np.where((first > 0.0) & (second > 0.0), first / np.where(second > 0.0, second, 1.0), np.nan))
  return _Near(asked, np.concatenate(nearest), np.concatenate(ratio))


_COPY = 0.02  # of the distance to a third unit


def near_duplicates(table: Prepared, seed: int) -> list[Finding]:
  """Rows whose nearest row is of the same unit, and near copies in other units.

  A row is a near copy of one in another unit if it lies 50 times closer to it than to any row of a third. By chance
  that is rare: among rows spread evenly in d dimensions a ratio below r has probability r^d, and d, the dimension
  that the rows fill, is read off the largest ratios (E. Facco et al., Sci. Rep. 7 (2017) 12140).
  """
  group = next((g for g, names in table.names.items() if 2 <= len(names) <= table.rows / 2), None)
  z = _space(table.matrix, seed)
  if group is None or z.shape[1] < 3:
    return []
  unit = table.groups[group]
  near = _nearest(z, unit, seed)
  share = np.bincount(unit) / table.rows
  own, chance = float((unit[near.nearest] == unit[near.asked]).mean()), float(share[unit[near.asked]].mean())
  found = []
  if own - chance >= 0.5 * (1.0 - chance):
    text = (
      f"In {own:.0%} of {len(near.asked)} rows looked at, the row most like it is of the same {group} (by chance "
      f"{chance:.0%}). Random rows put such copies on both sides and score memory: split by {group}."
    )
    found.append(Finding(f"rows resemble their {group}", "warning", (), (), text))
  defined = near.ratio[np.isfinite(near.ratio)]
  if len(defined) < 20:
    return found
  dimension = max(1.0, np.log(0.9) / np.log(min(np.quantile(defined, 0.9), 0.999)))
  copies = near.ratio < _COPY
  if copies.sum() >= 3 and copies.mean() >= max(0.005, 5.0 * _COPY**dimension):
    text = (
      f"{copies.mean():.1%} of {len(copies)} rows looked at have a near copy in another {group}, {1 / _COPY:.0f} times "
      f"closer than any row of a third. If a {group} was filed twice or cut in two, a split by {group} leaks: give the "
      "copies one name."
    )
    found.append(Finding(f"near copies in other {group}s", "warning", (), first_rows(table, near.asked[copies]), text))
  return found


_PATTERN = 8  # samples in a row that are equal, to the last digit, only if windows overlap


def overlapping_windows(table: Prepared, seed: int) -> list[Finding]:
  """Rows that are windows of one signal and share samples with the next row."""
  if table.matrix.shape[1] < 4 * _PATTERN:
    return []
  pairs = np.sort(np.random.default_rng(seed).permutation(table.rows - 1)[:300])
  shared = []
  for i in pairs:
    head = table.matrix[i + 1, :_PATTERN]
    if np.isfinite(head).all() and len(np.unique(head)) > _PATTERN // 2:
      views = np.lib.stride_tricks.sliding_window_view(table.matrix[i], _PATTERN)
      places = np.flatnonzero((views == head).all(1))
      if len(places) and places[0] > 0:
        shared.append((i, 1.0 - places[0] / table.matrix.shape[1]))
  if len(shared) < 0.05 * len(pairs):
    return []
  share = float(np.median([part for _, part in shared]))
  text = (
    f"{len(shared) / len(pairs):.0%} of the rows looked at share {share:.0%} of their samples with the next row: "
    "windows cut with overlap. Random rows put the same samples on both sides: split by recording, or cut "
    "without overlap."
  )
  rows = np.asarray([i for i, _ in shared])
  return [Finding("overlapping windows", "leak", (), first_rows(table, rows), text)]
