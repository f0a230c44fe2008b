"""The log of a plant's trials: JSON lines or Parquet, a column for each setting and outcome, in the order of time.

A JSON log is read and written with what Python has: pandas and Arrow take longer to import than all else that an answer
waits for, but for JAX, and are imported where there is a table.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtl_jax.advise.line import Line, inward, near, outcome_columns, ranges, setting_columns
from mtl_jax.data import DataError
from mtl_jax.disk import replacing

Columns = Mapping[str, Sequence[Any]]
"""A table: name -> cells, as many of each; None or NaN where one is empty."""

ANSWERS = "answers"  # a log's column: which recommendation a trial was made for
_ROUNDING = 1e-6  # share of a range that is no going out of it


class History(NamedTuple):
  """Attributes:
  x: (n, d), 0 to 1 within the ranges; y: (n, 1 + c) to be made large and kept at most 0, NaN where nothing was measured
  answers: numbers of the recommendations that were answered
  outside: of each trial, from 1, that was applied out of range: a warning that names it and the range
  """

  x: np.ndarray
  y: np.ndarray
  answers: frozenset[int]
  outside: Mapping[int, str]


def _whole_lines(raw: bytes, path: Path) -> tuple[list[dict[str, Any]], int]:
  """The rows, and where the last whole one ends; what a kill left of a line is no row."""
  rows, end = [], 0
  for number, text in enumerate(raw.split(b"\n"), start=1):
    last = end + len(text) >= len(raw)
    try:
      row = json.loads(text) if text.strip() else None
    except ValueError:
      if last:
        break
      raise DataError(f"{path}, line {number} is not JSON: {text[:80]!r}; mend it or take it out") from None
    if row is not None and not isinstance(row, dict):
      raise DataError(f"{path}, line {number} must be an object of names and numbers, and is {text[:80]!r}")
    rows.extend([] if row is None else [row])
    end += len(text) + (0 if last else 1)
  return rows, end


def columns_of(path: Path) -> Columns:
  """Of a .jsonl, .parquet or .csv file.

  Raises:
    DataError: there is none, or it cannot be read.
  """
  try:
    match path.suffix:
      case ".jsonl":
        rows, _ = _whole_lines(path.read_bytes(), path)
        return {name: [row.get(name) for row in rows] for name in dict.fromkeys(name for row in rows for name in row)}
      case ".parquet":
        from pyarrow import parquet

        return parquet.read_table(path).to_pydict()
      case ".csv":
        from mtl_jax.data.folder import read_csv

        return read_csv(path).to_dict("list")
  except FileNotFoundError:
    raise DataError(f"{path}: there is no such file") from None
  except DataError:
    raise
  except (ValueError, OSError) as error:  # as Arrow has them
    raise DataError(f"{path} cannot be read: {error}") from None
  raise DataError(f"{path} must end in .jsonl, .parquet or .csv")


def _number(cell: Any) -> float:
  """NaN where it is none."""
  if isinstance(cell, str) and (not cell.isascii() or "_" in cell):  # Python's numbers, but no one else's
    return float("nan")
  try:
    return float(cell)
  except (TypeError, ValueError, OverflowError):
    return float("nan")


def numbers(table: Columns, wanted: Sequence[str], where: str, *, optional: bool = False) -> np.ndarray:
  """(n, len(wanted)): columns by their names, with the unit or without; NaN where a cell is empty.

  Raises:
    DataError: a column is missing and not `optional`, has another unit, or a cell is no number.
  """
  found, rows = [], max(map(len, table.values()), default=0)
  for name in wanted:
    bare = name.partition(" [")[0]
    present = [each for each in dict.fromkeys((name, bare)) if each in table]  # rows of both kinds may meet
    if not present:
      other = next((each for each in map(str, table) if each.startswith(f"{bare} [")), None)
      if other is not None:
        raise DataError(f"{where}: {other!r} is in another unit than {name!r}; convert it, or change the settings file")
      if not optional:
        raise DataError(f"{where} has no column {name!r}; {near(name, map(str, table))}")
      found.append(np.full(rows, np.nan))
      continue
    both = np.full(rows, np.nan)
    for each in present:
      values = np.asarray([_number(cell) for cell in table[each]], float)
      for row in np.flatnonzero(~np.isfinite(values)):
        cell = table[each][row]
        if cell is not None and cell == cell:  # what is empty is None, or NaN, which is no cell's equal
          raise DataError(f"{where}, trial {row + 1}: {each!r} is {cell!r}, and must be a number")
      if len(twice := np.flatnonzero(np.isfinite(both) & np.isfinite(values) & (both != values))):
        raise DataError(f"{where}, trial {twice[0] + 1}: {present} are two numbers of one thing; leave one out")
      both = np.where(np.isfinite(values), values, both)
    found.append(both)
  return np.stack(found, axis=1) if found else np.zeros((rows, 0))


def scaled(line: Line, u: np.ndarray, where: str) -> tuple[np.ndarray, dict[int, str]]:
  """(n, d) in physical units -> 0 to 1 within the ranges, and what is said of each trial, from 1, that is not there.

  Raises:
    DataError: a setting is missing.
  """
  low, width = ranges(line)
  z, columns = (u - low) / width, setting_columns(line)
  for row, j in np.argwhere(~np.isfinite(u)):
    said = f"{where}, trial {row + 1}: {columns[j]!r}"
    raise DataError(f"{said} is missing: every trial needs the settings that were really applied")
  outside: dict[int, str] = {}
  for row, j in np.argwhere((z < -_ROUNDING) | (z > 1 + _ROUNDING)):
    setting, trial = line.settings[j], int(row) + 1
    said = f"{columns[j]!r} is {u[row, j]:g}, outside of {setting.low:g} to {setting.high:g}"
    outside[trial] = f"{outside[trial]}; {said}" if trial in outside else f"{where}, trial {trial}: {said}"
  return np.where(np.abs(z - 0.5) <= 0.5 + _ROUNDING, np.clip(z, 0.0, 1.0), z), outside


def read(path: Path, line: Line) -> History:
  """A log that is not there yet has no trials.

  Raises:
    DataError: names the field and trial that is wrong, or the way out where the file is of a kind that cannot grow.
  """
  d, outcomes = len(line.settings), outcome_columns(line)
  grows(path)
  if not path.exists() or not any((table := columns_of(path)).values()):
    return History(np.zeros((0, d)), np.zeros((0, len(outcomes))), frozenset(), {})
  x, outside = scaled(line, numbers(table, setting_columns(line), str(path)), str(path))
  y = inward(line, numbers(table, outcomes, str(path), optional=True))
  answers = numbers(table, [ANSWERS], str(path), optional=True)[:, 0]
  return History(x, y, frozenset(int(each) for each in answers[np.isfinite(answers)]), outside)


def grows(path: Path) -> None:
  """Nothing, where `append` can add a row.

  Raises:
    DataError: names how to make such a log of the file.
  """
  if path.suffix in (".jsonl", ".parquet"):
    return
  read = {".csv": "pandas.read_csv", ".json": "pandas.read_json"}.get(path.suffix)
  way = f"; {read}({path.name!r}).to_parquet({path.with_suffix('.parquet').name!r}) makes one of it" if read else ""
  raise DataError(f"{path}: a log must end in .jsonl, an object of names and numbers a line, or in .parquet{way}")


def append(path: Path, row: Mapping[str, Any]) -> None:
  """One more row, on disk when this returns; a kill leaves the log with it or without it.

  A JSON log grows by a line, and what a kill left of one before is cut off; a Parquet log is written anew beside itself
  and takes the old one's place.
  """
  grows(path)
  path.parent.mkdir(parents=True, exist_ok=True)
  if path.suffix == ".jsonl":
    with path.open("a+b") as file:
      file.seek(0)
      raw = file.read()
      _, end = _whole_lines(raw, path)
      file.truncate(end)
      start = b"\n" if end and raw[:end][-1:] != b"\n" else b""
      file.write(start + json.dumps(dict(row), allow_nan=False).encode() + b"\n")
      file.flush()
      os.fsync(file.fileno())
    return
  import pyarrow as arrow
  from pyarrow import parquet

  new = arrow.Table.from_pylist([dict(row)])
  if path.exists():
    new = arrow.concat_tables([parquet.read_table(path), new], promote_options="permissive")
  with replacing(path) as file:
    parquet.write_table(new, file)
