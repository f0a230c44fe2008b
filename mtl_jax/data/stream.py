"""A table of your own that is larger than memory: Parquet files, read a row group at a time.

One pass checks every value as `own.read` does and notes where the rows of each unit lie; later only the row groups
that an episode needs are read. Memory holds the notes (some 40 bytes for each stretch of a unit in a row group)
and the row groups last used. Rows of a unit must stand together, in the order of time, in one row group or
several: write the set sorted by unit and time, in row groups of some thousand rows.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.dataset as ds

from mtl_jax.data import own
from mtl_jax.data.files import Opened, opened
from mtl_jax.data.folder import DataError
from mtl_jax.data.table import Column, validated

Part = tuple[np.ndarray, np.ndarray, np.ndarray]


class Reader(Protocol):
  """rows(unit's place, first row, count) -> x, y, mask"""

  def __call__(self, place: int, first: int, count: int) -> Part: ...


class Stored(NamedTuple):
  """Rows on disk by unit, oldest first, as `tasks.rows.Rows` has them in memory.

  Attributes:
    rows: rows(unit's place, first row, count) -> x (count, d) float32, y (count,) int32 or
      (count, 1) float32, mask (count,) bool. What is missing, or beyond the unit's last row, is zero and
      masked.
    length: (units,) int32, rows up to the last complete one.
    unit: (units,) int32, ascending; the place among the units where they have names.
    names: (units,) as they stand in the files.
    total: rows in all.
    classes: whether y is a class.
    width: d.
  """

  rows: Reader
  length: np.ndarray
  unit: np.ndarray
  names: np.ndarray
  total: int
  classes: bool
  width: int


class _Runs(NamedTuple):
  """Stretches of rows of one unit in one row group; every field is (runs,)."""

  unit: np.ndarray
  first: np.ndarray  # time of its first row
  last: np.ndarray  # and of its last
  part: np.ndarray  # which file
  group: np.ndarray  # which row group of it
  start: np.ndarray  # row of the row group
  size: np.ndarray
  whole: np.ndarray  # rows up to the last complete one


def _group(source: Opened, part: int, group: int) -> pd.DataFrame:
  fragment = source.parts[part].subset(row_group_ids=[group])
  options = ds.ParquetFragmentScanOptions(pre_buffer=False)
  columns = list(source.columns)
  table = fragment.to_table(source.schema, columns=columns, use_threads=False, fragment_scan_options=options)
  return own.frame_of(table)


def _complete(frame: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
  return np.isfinite(frame[list(columns)].to_numpy(np.float64)).all(1)


def _runs(frame: pd.DataFrame, unit: str, time: str, complete: np.ndarray, where: str) -> Iterator[tuple]:
  units, times = frame[unit].to_numpy(), frame[time].to_numpy()
  new = np.flatnonzero(units[1:] != units[:-1]) + 1
  wrong = (times[1:] <= times[:-1]) & (units[1:] == units[:-1])
  if wrong.any():
    row = int(wrong.argmax()) + 1
    raise DataError(
      f"{where}, row {row + 1}: {unit} = {units[row]} has {time} = {times[row]} after {times[row - 1]}; rows of a unit "
      "must stand in the order of time, no two at one: write the set again, sorted by unit and time"
    )
  for start, stop in zip([0, *new.tolist()], [*new.tolist(), len(units)], strict=True):
    here = np.flatnonzero(complete[start:stop])
    yield units[start], times[start], times[stop - 1], start, stop - start, int(here[-1]) + 1 if len(here) else 0


def _indexed(
  source: Opened, path: str, unit: str, time: str, features: Sequence[str], target: str, given: Mapping[str, Column]
) -> tuple[_Runs, dict[str, Column], int, int]:
  """One pass over everything: runs, the rules that hold, rows in all, bytes of the largest row group."""
  found, rules, total, largest = [], {}, 0, 1
  for number, part in enumerate(source.parts):
    for group in range(part.num_row_groups):
      where = f"{path}, {source.files[number]}, row group {group + 1}"
      frame = _group(source, number, group)
      if frame.empty:
        continue
      rules = rules or own.rules_of(frame, unit, time, features, target, given)
      if rules[target].kind == "text" or rules[time].kind == "text":
        name = target if rules[target].kind == "text" else time
        raise DataError(f"{where}: column {name!r} holds text; what is streamed must be numbers")
      frame = own.prepared(frame, rules)
      present = {n: r for n, r in rules.items() if not (r.missing and frame[n].isna().all())}
      validated(frame, present, where)
      complete = _complete(frame, [*features, target])
      runs = [(*run[:3], number, group, *run[3:]) for run in _runs(frame, unit, time, complete, where)]
      found += runs
      total += len(frame)
      largest = max(largest, 8 * frame.size)
      if total > 10_000 and 4 * len(found) > total:
        raise DataError(
          f"{path}: rows of a unit do not stand together ({total} rows change the unit {len(found)} times): "
          "write the set again, sorted by unit and time"
        )
  if not total:
    raise DataError(f"{path}: has no rows")
  return _Runs(*(np.asarray(field) for field in zip(*found, strict=True))), rules, total, largest


def _sorted(runs: _Runs, unit: str, path: str) -> _Runs:
  """By unit, then time; raises DataError where two runs of a unit overlap."""
  order = np.lexsort((runs.first, np.unique(runs.unit, return_inverse=True)[1]))
  runs = _Runs(*(field[order] for field in runs))
  overlap = (runs.unit[1:] == runs.unit[:-1]) & (runs.first[1:] <= runs.last[:-1])
  if overlap.any():
    at = int(overlap.argmax())
    raise DataError(
      f"{path}: {unit} = {runs.unit[at]} has rows at {runs.first[at + 1]} in one stretch and at {runs.last[at]} in one "
      "that began before: write the set again, sorted by unit and time"
    )
  return runs


def stored(
  path: str,
  *,
  unit: str,
  time: str,
  features: Sequence[str],
  target: str,
  rules: Mapping[str, Column] | None = None,
  cache_bytes: int = 2**28,
) -> Stored:
  """Checks a Parquet file or partitioned folder, and notes where each unit's rows lie.

  Args:
    path, unit, time, features, target, rules: as for `own.read`; the target must hold numbers.
    cache_bytes: of decoded row groups to keep; one is kept in any case.

  Raises:
    DataError: as `own.read`, naming file, row group and row; or rows of a unit that do not stand
      together in the order of time.
  """
  given = dict(rules or {})
  source = opened(path, own.named(unit, time, features, target, given))
  if source.format != "parquet":
    raise DataError(f"{path}: is {source.format}; what is larger than memory is read from Parquet")
  try:
    runs, rules, total, largest = _indexed(source, path, unit, time, features, target, given)
  except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, OSError) as error:
    raise DataError(f"{path} cannot be read: {error}") from None
  runs = _sorted(runs, unit, path)
  names, begins = np.unique(runs.unit, return_index=True)
  ends = np.append(begins[1:], len(runs.unit))
  before = np.concatenate([np.cumsum(runs.size[b:e]) - runs.size[b:e] for b, e in zip(begins, ends, strict=True)])
  reach = np.where(runs.whole > 0, before + runs.whole, 0)
  length = np.maximum.reduceat(reach, begins).astype(np.int32)
  classes = rules[target].kind == "integer" and not rules[target].missing

  @functools.lru_cache(maxsize=max(1, cache_bytes // largest))
  def decoded(part: int, group: int) -> Part:
    frame = own.prepared(_group(source, part, group), rules)
    x = frame[list(features)].to_numpy(np.float64).astype(np.float32)
    y = frame[target].to_numpy(np.float64)
    mask = _complete(frame, [*features, target])
    return x, y.astype(np.int32) if classes else y.astype(np.float32)[:, None], mask

  def rows(place: int, first: int, count: int) -> Part:
    x = np.zeros((count, len(features)), np.float32)
    y = np.zeros(count, np.int32) if classes else np.zeros((count, 1), np.float32)
    mask = np.zeros(count, bool)
    for run in range(begins[place], ends[place]):
      low = max(first, int(before[run]))
      high = min(first + count, int(before[run] + runs.size[run]))
      if low >= high:
        continue
      there = slice(low - before[run] + runs.start[run], high - before[run] + runs.start[run])
      for out, whole in zip((x, y, mask), decoded(int(runs.part[run]), int(runs.group[run])), strict=True):
        out[low - first : high - first] = whole[there]
    x[~mask], y[~mask] = 0, 0
    return x, y, mask

  whole = np.issubdtype(names.dtype, np.integer) and names.min() >= -(2**31) and names.max() < 2**31
  number = names.astype(np.int32) if whole else np.arange(len(names), dtype=np.int32)
  return Stored(rows, length, number, names, total, classes, len(features))
