"""A table of your own, every value checked: Parquet, CSV or Arrow, wherever `files` finds it."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as arrow

from mtl_jax.data.files import first_line, listed, near, opened
from mtl_jax.data.folder import DataError
from mtl_jax.data.table import Column, Table, of_frame, validated

_Kind = Literal["number", "integer", "text", "date"]


def frame_of(table: arrow.Table) -> pd.DataFrame:
  """Rows as pandas has them; times in UTC without a zone, decimals and durations (seconds) as floats."""
  columns = {}
  for name, values in zip(table.column_names, table.columns, strict=True):
    kind = values.type
    if arrow.types.is_dictionary(kind):
      values = values.cast(kind.value_type)
    elif arrow.types.is_decimal(kind):
      values = values.cast(arrow.float64())
    elif arrow.types.is_timestamp(kind) or arrow.types.is_date(kind):
      values = values.cast(arrow.timestamp("ns"))
    series = values.to_pandas()
    if arrow.types.is_duration(kind):
      series = series.dt.total_seconds()
    columns[name] = series
  return pd.DataFrame(columns)


def _kind(values: pd.Series) -> _Kind:
  """What most values are, so that the few that are not can be named."""
  if pd.api.types.is_datetime64_any_dtype(values):
    return "date"
  if pd.api.types.is_bool_dtype(values) or pd.api.types.is_integer_dtype(values):
    return "integer"
  if pd.api.types.is_numeric_dtype(values):
    some = values.dropna()
    return "integer" if values.isna().any() and len(some) and bool((some == some.round()).all()) else "number"
  some = values.dropna().astype(str)
  numbers = pd.to_numeric(some, errors="coerce")
  if 2 * numbers.notna().sum() > len(some):
    whole = some.str.fullmatch(r"[+-]?(0|[1-9]\d*)")
    return "integer" if bool(whole[numbers.notna()].all()) else "number"
  dates = pd.to_datetime(some, errors="coerce", format="ISO8601", utc=True)
  return "date" if 2 * dates.notna().sum() > len(some) else "text"


def rules_of(
  frame: pd.DataFrame, unit: str, time: str, features: Sequence[str], target: str, rules: Mapping[str, Column]
) -> dict[str, Column]:
  """A rule for each column: the one given, or a plain one of the kind that its values are."""
  found = {name: Column("?") for name in features}
  found[target] = Column("?", kind=_kind(frame[target]))
  found[time] = Column("?", kind=_kind(frame[time]))
  written = not pd.api.types.is_numeric_dtype(frame[unit])
  long = written and bool((frame[unit].dropna().astype(str).str.len() > 15).any())  # more than a float can tell apart
  found[unit] = Column("1", kind="integer" if _kind(frame[unit]) == "integer" and not long else "text")
  for name, rule in rules.items():
    found[name] = rule._replace(kind=found[name].kind) if rule.kind == "number" else rule
  return found


def prepared(frame: pd.DataFrame, rules: Mapping[str, Column]) -> pd.DataFrame:
  """Booleans as 0 and 1, units of numbers as text where they are names, dates with a zone in UTC."""
  changed = {}
  for name, rule in rules.items():
    values = frame[name]
    if pd.api.types.is_bool_dtype(values):
      changed[name] = values.astype(float)
    elif rule.kind == "text" and not pd.api.types.is_string_dtype(values):
      changed[name] = values.map(str, na_action="ignore")
    elif rule.kind == "date" and not pd.api.types.is_datetime64_any_dtype(values):
      dates = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=True).dt.tz_localize(None)
      # What could not be read stays as it was, so that the check names it.
      changed[name] = dates if dates.notna().equals(values.notna()) else values
  return frame.assign(**changed)


def named(unit: str, time: str, features: Sequence[str], target: str, rules: Mapping[str, Column]) -> list[str]:
  """All columns that are read; raises ValueError where one plays two parts that exclude each other."""
  if not features:
    raise ValueError("features: name at least one column")
  for name, what in ((unit, "unit"), (target, "target")):
    if name in features:
      raise ValueError(f"features: {name!r} is the {what}; what is to be predicted, or names a unit, cannot be known")
  if len({unit, time, target}) < 3 or len(set(features)) < len(features):
    raise ValueError(f"unit={unit!r}, time={time!r}, target={target!r}, features={list(features)}: each once")
  columns = list(dict.fromkeys([unit, time, *features, target]))
  for name in rules:
    if name not in columns:
      raise ValueError(f"rules: {name!r} is none of the columns read; {near(name, columns)}they are {listed(columns)}")
  return columns


def _place(row: int, counts: np.ndarray, files: Sequence[str]) -> str:
  """File and row, counted from 1, of a row of all files together."""
  file = int(np.searchsorted(np.cumsum(counts), row, side="right"))
  number = row - int(counts[:file].sum()) + 1
  return f"row {number}" if len(files) == 1 else f"{files[file]}, row {number}"


def _blame(frame: pd.DataFrame, rules: Mapping[str, Column], path: str, counts: np.ndarray, files: Sequence[str]):
  """Raises as `validated` does for the first file that breaks a rule, if one does by itself."""
  ends = np.cumsum(counts)
  for end, count, file in zip(ends, counts, files, strict=True):
    part = frame.iloc[end - count : end]
    own = {n: r for n, r in rules.items() if not (r.missing and part[n].isna().all())}
    if count and own:
      validated(part, own, f"{path}, {file}")


def read(
  path: str,
  *,
  unit: str,
  time: str,
  features: Sequence[str],
  target: str,
  rules: Mapping[str, Column] | None = None,
) -> Table:
  """A table of your own, every value checked.

  Args:
    path: a .parquet, .csv, .arrow or .feather file, or a folder of one kind of them.
    unit: column that names the physical unit, numbers or text.
    time: column that orders the rows of a unit, numbers or dates (ISO 8601 where they are text).
    features: columns of numbers that may be known before; `time` may be among them if it is a number.
    target: column of what is predicted: text or whole numbers for classes, or numbers.
    rules: column -> what it may hold; kind "number", the default, leaves the kind of unit, time and
      target to be what most of their values are. A column without a rule must be of that kind, be
      finite, and have no missing value.

  Returns: columns `features`, label `target`, groups "unit" and "time"; rows in the order of the
    files. A label that may be missing is NaN or "" there.

  Raises:
    DataError: wrong path or column (names what there is, and the nearest), or a value that breaks
      its rule (names file, column, row and rule), or two rows of a unit at one time.
    ValueError: a column in two roles, or a rule for a column that is not read.
  """
  rules = dict(rules or {})
  source = opened(path, named(unit, time, features, target, rules))
  try:
    tables = [part.to_table(schema=source.schema, columns=list(source.columns)) for part in source.parts]
  except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, OSError) as error:
    raise DataError(f"{path} cannot be read: {first_line(error)}") from None
  counts = np.asarray([table.num_rows for table in tables])
  frame = frame_of(arrow.concat_tables(tables))
  if frame.empty:
    raise DataError(f"{path}: has no rows")
  rules = rules_of(frame, unit, time, features, target, rules)
  if rules[time].kind == "text":
    some = frame[time].iloc[0]
    raise DataError(f"{path}: column {time!r} holds {some!r}, must hold numbers or ISO 8601 dates, to order the rows")
  frame = prepared(frame, rules)
  try:
    table = of_frame(
      frame,
      path,
      columns={name: rules[name] for name in features},
      labels={target: rules[target]},
      groups={name: rules[name] for name in (unit, time)},
    )
  except DataError:
    if len(counts) > 1:
      _blame(frame, rules, path, counts, source.files)
    raise
  exact = {name: _exact(frame[name], table.groups[name]) for name in (unit, time)}
  twice = pd.DataFrame(exact).duplicated().to_numpy()
  if twice.any():
    row = int(twice.argmax())
    same = (exact[unit] == exact[unit][row]) & (exact[time] == exact[time][row])
    here, there = (_place(at, counts, source.files) for at in (row, int(same.argmax())))
    raise DataError(
      f"{path}: {here} repeats {unit} = {exact[unit][row]}, {time} = {exact[time][row]} of {there}; "
      f"{int(twice.sum())} rows repeat an earlier one"
    )
  units = table.units | {"unit": rules[unit].unit, "time": rules[time].unit}
  return Table(table.columns, table.labels, {"unit": exact[unit], "time": exact[time]}, units)


def _exact(values: pd.Series, checked: np.ndarray) -> np.ndarray:
  """Integers as they were: the check goes through floats, which merge those above 2**53."""
  return values.to_numpy() if pd.api.types.is_integer_dtype(values) and checked.dtype.kind != "U" else checked
