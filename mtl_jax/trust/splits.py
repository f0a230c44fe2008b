"""Splits that leave whole units, recordings or lots, or all of the future, to one side.

Every function returns row numbers. `split` and `split_by_time` name their sides; the `_folds` give
(train, test) pairs for cross-validation, by scikit-learn's splitters.
"""

import warnings
from collections.abc import Iterable, Mapping

import numpy as np

Fold = tuple[np.ndarray, np.ndarray]
"""(training rows, test rows)"""


def _shares(fractions: Mapping[str, float]) -> np.ndarray:
  """The fractions, scaled to a sum of one."""
  shares = np.asarray(list(fractions.values()), float)
  if not len(shares) or not (np.isfinite(shares) & (shares > 0)).all():
    raise ValueError(f"each side needs a fraction above 0, got {dict(fractions)}")
  return shares / shares.sum()


def _counts(shares: np.ndarray, total: int) -> np.ndarray:
  """Whole numbers near shares * total, of sum `total` and none of them 0."""
  counts = np.ones(len(shares), int)
  for _ in range(total - len(shares)):
    counts[np.argmax(shares * total - counts)] += 1
  return counts


def split(groups: Iterable, fractions: Mapping[str, float], seed: int) -> dict[str, np.ndarray]:
  """Whole groups drawn to sides.

  Which side a group falls on depends on the set of groups and on the seed, not on the order or the number of rows.

  Args:
    groups: (rows,) id of the unit, recording, run or lot of each row.
    fractions: side -> share of the groups, such as {"train": 0.6, "validation": 0.2, "test": 0.2};
      scaled to a sum of one. Each side gets one group at least.

  Returns: side -> row numbers, ascending.

  Raises: ValueError if there are fewer groups than sides.
  """
  names, of_row = np.unique(np.asarray(groups), return_inverse=True)
  shares = _shares(fractions)
  if len(names) < len(shares):
    raise ValueError(
      f"{len(names)} group(s) cannot be split into {', '.join(fractions)}: each side needs one of its own"
    )
  sides = np.repeat(np.arange(len(shares)), _counts(shares, len(names)))
  side_of = np.empty(len(names), int)
  side_of[np.random.default_rng(seed).permutation(len(names))] = sides
  return {name: np.flatnonzero(side_of[of_row] == i) for i, name in enumerate(fractions)}


def split_by_time(time: Iterable, fractions: Mapping[str, float], gap: object = None) -> dict[str, np.ndarray]:
  """Earlier rows to the first side, later rows to the next; rows of one time stay together.

  Args:
    time: (rows,) numbers or dates.
    fractions: side -> share of the rows, in order of time.
    gap: rows less than this after the last row of the side before are left out, so that a window
      or a late label does not reach across: a number, or a timedelta where `time` holds dates.

  Returns: side -> row numbers, ascending.

  Raises: ValueError if a side would have no row.
  """
  when = np.asarray(time)
  if np.not_equal(when, when).any():  # only NaN and NaT differ from themselves
    raise ValueError("a row without a time has no place in a split by time")
  borders = np.cumsum(_shares(fractions))[:-1]
  last = np.sort(when)[np.maximum(np.round(borders * len(when)).astype(int) - 1, 0)]
  side = np.searchsorted(last, when, side="left")
  keep = np.ones(len(when), bool)
  if gap is not None:
    for border in last:
      keep &= (when <= border) | (when - border >= np.asarray(gap))
  found = {name: np.flatnonzero((side == i) & keep) for i, name in enumerate(fractions)}
  for name, rows in found.items():
    if not len(rows):
      raise ValueError(f"no row is left for {name}: {len(np.unique(when))} different times, gap {gap}")
  return found


def random_folds(y: np.ndarray, folds: int, seed: int, classes: bool) -> list[Fold]:
  """Random rows, the usual split, which leaks wherever rows resemble each other; stratified where y are classes."""
  from sklearn.model_selection import KFold, StratifiedKFold

  splitter = (StratifiedKFold if classes else KFold)(folds, shuffle=True, random_state=seed)
  with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "The least populated class", UserWarning)
    return list(splitter.split(np.zeros(len(y)), y))


def group_folds(groups: np.ndarray, y: np.ndarray, folds: int, seed: int, classes: bool) -> list[Fold]:
  """Whole groups; where y are classes each fold has as even a share of them as the groups allow.

  Raises: ValueError if there are fewer groups than folds.
  """
  from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

  found = len(np.unique(groups))
  if found < folds:
    raise ValueError(f"{folds} folds need as many groups, there are {found}")
  splitter = (StratifiedGroupKFold if classes else GroupKFold)(folds, shuffle=True, random_state=seed)
  with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "The least populated class", UserWarning)
    # Few and uneven groups can leave a fold of a stratified split empty.
    return [(train, test) for train, test in splitter.split(np.zeros(len(y)), y, groups) if len(test)]


def time_folds(time: np.ndarray, folds: int, gap: int = 0) -> list[Fold]:
  """Train on the past, test on what follows, `folds` times with ever more past.

  Args:
    time: (rows,) what orders the rows; rows of one time stay together.
    gap: different times left out between the past and the test.

  Raises: ValueError if there are too few different times.
  """
  from sklearn.model_selection import TimeSeriesSplit

  times, of_row = np.unique(time, return_inverse=True)
  splitter = TimeSeriesSplit(folds, gap=gap)
  return [
    (np.flatnonzero(np.isin(of_row, past)), np.flatnonzero(np.isin(of_row, future)))
    for past, future in splitter.split(times)
  ]
