"""The one thing that every source returns: named columns with units, group ids and labels.

`of_frame` checks every column against its rule and names the column, the row and the rule that
it breaks; `check` compares a table with what its publisher states about it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa

from mtl_jax.data.folder import DataError


class Column(NamedTuple):
  """What a column may hold.

  Attributes:
    unit: physical unit; "1" where dimensionless, "?" where the publisher hides it.
    low, high: the values that are possible, both included (numbers only).
    missing: whether single values may be missing; a column without any value never passes.
    kind: "number", "integer", "text" or "date".
    among: the values that occur, where they can be listed.
  """

  unit: str = "1"
  low: float = -np.inf
  high: float = np.inf
  missing: bool = False
  kind: Literal["number", "integer", "text", "date"] = "number"
  among: tuple[Any, ...] | None = None


class Table(NamedTuple):
  """Rows of a data set, on the host; every array has the rows on its leading axis.

  Attributes:
    columns: what may be known before; name -> (rows, ...). Images, cycles and windows have
      further axes; a missing number is NaN.
    labels: what one would predict; name -> (rows, ...).
    groups: what rows share; name -> (rows,). "unit" is the physical asset, product or
      instance; where the set has them also "recording", "lot", "split" and "time", which orders
      the rows of a unit.
    units: the physical unit of everything above, as in `Column.unit`.
  """

  columns: dict[str, np.ndarray]
  labels: dict[str, np.ndarray]
  groups: dict[str, np.ndarray]
  units: dict[str, str]

  @property
  def rows(self) -> int:
    return len(self.groups["unit"])

  def take(self, rows: np.ndarray) -> "Table":
    """Some of the rows: a mask or indices."""

    def part(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
      return {name: array[rows] for name, array in arrays.items()}

    return Table(part(self.columns), part(self.labels), part(self.groups), self.units)

  def matrix(self, names: Iterable[str]) -> np.ndarray:
    """(rows, d) float64 of the columns named."""
    return np.stack([np.asarray(self.columns[name], np.float64) for name in names], axis=1)


class Facts(NamedTuple):
  """What the publisher states about a set.

  Attributes:
    rows: how many there are.
    counts: name of a column, label or group -> value -> rows that have it.
  """

  rows: int
  counts: Mapping[str, Mapping[Any, int]] = {}


def check(table: Table, facts: Facts, where: str) -> Table:
  """The table itself; raises DataError where it is not what its publisher states."""
  if table.rows != facts.rows:
    raise DataError(f"{where}: {table.rows} rows, expected {facts.rows}: copy or download it again")
  everything = table.columns | table.labels | table.groups
  for name, expected in facts.counts.items():
    values, counts = np.unique(everything[name], return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    for value in [*expected, *(v for v in found if v not in expected)]:
      if found.get(value, 0) != expected.get(value, 0):
        raise DataError(
          f"{where}: {found.get(value, 0)} rows have {name} = {value!r}, expected {expected.get(value, 0)}: "
          "copy or download it again"
        )
  return table


_DTYPES = {"number": "float64", "integer": "float64", "text": "str", "date": "datetime64[ns]"}


def _checks(rule: Column) -> list[pa.Check]:
  checks = []
  if rule.kind in ("number", "integer"):
    checks.append(pa.Check(np.isfinite, error="must be finite"))
    checks.append(pa.Check.in_range(rule.low, rule.high, error=f"must lie in {rule.low:g} to {rule.high:g}"))
  if rule.kind == "integer":
    checks.append(pa.Check(lambda values: values == np.round(values), error="must be a whole number"))
  if rule.among is not None:
    shown = ", ".join(map(str, rule.among[:20]))
    checks.append(pa.Check.isin(rule.among, error=f"must be one of {shown}"))
  return checks


def _said(where: str, error: pa.errors.SchemaErrors, rules: Mapping[str, Column], found: Iterable[str]) -> str:
  """The failures as text, the first few."""
  lines, unread = [], set()
  for case in error.failure_cases.itertuples():
    name, check = case.column, str(case.check)
    if check == "column_in_dataframe":
      lines.append(f"column '{case.failure_case}' is missing; the columns are {', '.join(found)}")
      continue
    row = "" if pd.isna(case.index) else f", row {int(case.index) + 1}"
    if check == "not_nullable":
      lines.append(f"column '{name}'{row} must not be missing")
    elif check.startswith(("coerce_dtype", "dtype")):
      lines.append(f"column '{name}'{row} is {case.failure_case!r}, must be a {rules[name].kind}")
      unread.add(name)
    elif name not in unread:  # what cannot be read breaks every other rule as well
      lines.append(f"column '{name}'{row} is {case.failure_case!r}, {check}")
  lines = list(dict.fromkeys(lines))
  return f"{where}: {'; '.join(lines[:5])}" + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "")


def validated(frame: pd.DataFrame, rules: Mapping[str, Column], where: str) -> pd.DataFrame:
  """The columns that `rules` names, each as its kind.

  Args:
    frame: rows as they were read.
    rules: column -> what it may hold.
    where: file or folder, for the message.

  Raises:
    DataError: names the column, the row (counted from 1, without a header) and the rule.
  """
  schema = pa.DataFrameSchema(
    {
      name: pa.Column(_DTYPES[rule.kind], _checks(rule), nullable=rule.missing, coerce=True)
      for name, rule in rules.items()
    }
  )
  frame = frame.reset_index(drop=True)
  if frame.empty:
    raise DataError(f"{where}: has no rows")
  for name, rule in rules.items():
    if name in frame and frame[name].isna().all():
      raise DataError(f"{where}: column '{name}' has no value in any row ({rule.unit})")
    if name in frame and rule.kind == "text" and not rule.missing and (frame[name].astype(str).str.strip() == "").any():
      row = int(np.argmax(frame[name].astype(str).str.strip() == "")) + 1
      raise DataError(f"{where}: column '{name}', row {row} must not be empty")
  try:
    return schema.validate(frame, lazy=True)[list(rules)]
  except pa.errors.SchemaErrors as error:
    raise DataError(_said(where, error, rules, map(str, frame.columns))) from None


def _array(values: pd.Series, rule: Column) -> np.ndarray:
  if rule.kind == "integer" and not rule.missing:
    return values.to_numpy(np.int64)
  if rule.kind == "text":
    return values.to_numpy(dtype=str, na_value="")
  return values.to_numpy()


def of_frame(
  frame: pd.DataFrame,
  where: str,
  *,
  columns: Mapping[str, Column],
  labels: Mapping[str, Column],
  groups: Mapping[str, Column],
  key: tuple[str, ...] = (),
  arrays: Mapping[str, tuple[np.ndarray, Column]] | None = None,
) -> Table:
  """A table from rows that were read, each column checked against its rule.

  Args:
    frame: one row each; may have more columns than are named.
    where: file or folder, for the message.
    columns, labels, groups: name -> rule. A group "unit" is required.
    key: columns that together name a row; no two rows may share them.
    arrays: further columns with more axes, (rows, ...), checked against their rule as a whole.

  Raises:
    DataError: names the column, the row and the rule.
  """
  rules = {**columns, **labels, **groups}
  frame = validated(frame, rules, where)
  twice = frame.duplicated(list(key)) if key else pd.Series(False, index=frame.index)
  if twice.any():
    row = int(twice.to_numpy().argmax())
    what = ", ".join(f"{name} = {frame[name].iloc[row]}" for name in key)
    raise DataError(f"{where}: row {row + 1} repeats {what}; {int(twice.sum())} rows do")
  extra = {}
  for name, (array, rule) in (arrays or {}).items():
    extra[name] = checked_array(array, len(frame), rule, f"{where}: {name}")
  part = {
    kind: {n: _array(frame[n], r) for n, r in some.items()}
    for kind, some in (("columns", columns), ("labels", labels), ("groups", groups))
  }
  units = {name: rule.unit for name, rule in rules.items()}
  units |= {name: rule.unit for name, (_, rule) in (arrays or {}).items()}
  return Table(part["columns"] | extra, part["labels"], part["groups"], units)


def checked_array(array: np.ndarray, rows: int, rule: Column, where: str) -> np.ndarray:
  """`array` itself if it has the rows and obeys the rule; raises DataError with the first that does not."""
  if not np.issubdtype(array.dtype, np.number) or array.dtype.kind == "c":
    raise DataError(f"{where}: holds {array.dtype}, expected numbers")
  if array.ndim < 1 or len(array) != rows:
    raise DataError(f"{where}: shape {array.shape}, expected {rows} rows")
  flat = array.reshape(rows, -1)
  bad = (flat < rule.low) | (flat > rule.high)
  if np.issubdtype(array.dtype, np.floating):
    bad |= np.isinf(flat) if rule.missing else ~np.isfinite(flat)
    if np.isnan(flat).all(0).any():
      raise DataError(f"{where}: place {int(np.isnan(flat).all(0).argmax())} has no value in any row")
  if bad.any():
    row = int(bad.any(1).argmax())
    value = flat[row][bad[row]][0]
    raise DataError(f"{where}: row {row + 1} holds {value}, must be finite and lie in {rule.low:g} to {rule.high:g}")
  return array
