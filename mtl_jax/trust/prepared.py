"""A user's table, made ready for the audit: numbers to compute with, codes for groups and classes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

_CLASSES = 30  # a column of whole numbers with more different values than this is a quantity
_ONE_HOT = 20  # a text with more different values than this becomes the rank of its value


class Prepared(NamedTuple):
  """The rows with a label, in the order of the table.

  Attributes:
    x: the inputs as they were given, a data frame.
    matrix: (rows, d) float64 of them; NaN where missing.
    y: (rows,) class codes, int, or values, float64.
    classes: the names of the classes; () for a regression.
    groups: name -> (rows,) int codes of what rows share.
    names: name -> the id behind each code, as text.
    time: (rows,) float64, seconds where it was a date; None where there is none.
    number: (rows,) which row of the user's table it is, counted from 0.
  """

  x: pd.DataFrame
  matrix: np.ndarray
  y: np.ndarray
  classes: tuple[str, ...]
  groups: dict[str, np.ndarray]
  names: dict[str, np.ndarray]
  time: np.ndarray | None
  number: np.ndarray

  @property
  def rows(self) -> int:
    return len(self.y)

  def runs(self) -> np.ndarray:
    """(rows,) int code of what has a clock of its own: all groups together."""
    together = np.stack([np.zeros(self.rows, int), *self.groups.values()], axis=1)
    return np.unique(together, axis=0, return_inverse=True)[1].reshape(-1)

  def take(self, rows: np.ndarray) -> "Prepared":
    """Some of the rows, by index."""
    return self._replace(
      x=self.x.iloc[rows],
      matrix=self.matrix[rows],
      y=self.y[rows],
      groups={name: codes[rows] for name, codes in self.groups.items()},
      time=None if self.time is None else self.time[rows],
      number=self.number[rows],
    )


def coded(column: pd.Series) -> np.ndarray:
  """(rows,) int code of each value in sorted order; a missing value has a code of its own, the lowest."""
  codes, _ = pd.factorize(column, sort=True)
  return codes + 1


def _is_number(column: pd.Series) -> bool:
  return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)


def _as_numbers(column: pd.Series) -> np.ndarray:
  """(rows, 1), or (rows, values) for a text of few values."""
  if _is_number(column):
    return column.to_numpy(np.float64, na_value=np.nan)[:, None]
  if pd.api.types.is_datetime64_any_dtype(column):
    return seconds(column)[:, None]
  codes = coded(column.astype(str).where(column.notna()))
  values = np.unique(codes)
  if 2 < len(values) <= _ONE_HOT:
    return (codes[:, None] == values).astype(np.float64)
  return codes[:, None].astype(np.float64)


def seconds(column: pd.Series) -> np.ndarray:
  """(rows,) float64: a number as it is, a date in seconds; NaN where missing.

  Raises: ValueError if it is neither.
  """
  if _is_number(column):
    return column.to_numpy(np.float64, na_value=np.nan)
  try:
    dated = pd.api.types.is_datetime64_any_dtype(column)
    dates = pd.to_datetime(column, utc=True, format=None if dated else "ISO8601")
  except (ValueError, TypeError):
    raise ValueError(
      f"the time column {column.name!r} is neither a number nor a date such as 2026-01-31 08:00"
    ) from None
  return np.where(dates.isna(), np.nan, (dates - pd.Timestamp(0, tz="UTC")) / pd.Timedelta("1s"))


def _frame(x: Any, rows: int) -> pd.DataFrame:
  if isinstance(x, pd.DataFrame):
    frame = x
  else:
    array = np.asarray(x)
    array = array.reshape(len(array), -1)
    frame = pd.DataFrame(array, columns=[f"column {i}" for i in range(array.shape[1])])
  if not frame.shape[1]:
    raise ValueError("there is no column left to predict from")
  if len(frame) != rows:
    raise ValueError(f"x has {len(frame)} rows and y has {rows}")
  return frame.reset_index(drop=True)


def prepare(x: Any, y: Any, groups: Mapping[str, Any], time: Any = None, regression: bool | None = None) -> Prepared:
  """The rows that have a label, all of their groups and, where it is given, a time.

  Args:
    x: data frame, or array (rows, ...) that is flattened.
    y: (rows,) label or value.
    groups: name -> (rows,) id; "unit" first.
    time: (rows,) number or date that orders the rows of a unit.
    regression: None decides: text, truth values and at most 30 different whole numbers are classes.

  Raises: ValueError if lengths differ, nothing is left, or the label never changes.
  """
  label = pd.Series(np.asarray(y) if not isinstance(y, pd.Series) else y.to_numpy(), name="label")
  frame = _frame(x, len(label))
  ids = {name: pd.Series(pd.Series(values).to_numpy(), name=name) for name, values in groups.items()}
  when = None if time is None else seconds(pd.Series(pd.Series(time).to_numpy(), name=getattr(time, "name", None)))
  for name, column in [*ids.items(), *([("time", when)] if when is not None else [])]:
    if len(column) != len(label):
      raise ValueError(f"{name} has {len(column)} rows and y has {len(label)}")
  numeric = _is_number(label) and not pd.api.types.is_bool_dtype(label)
  keep = label.notna().to_numpy(copy=True)
  if numeric:
    keep &= np.isfinite(label.to_numpy(np.float64, na_value=np.nan))
  for column in ids.values():
    keep &= column.notna().to_numpy()
  if when is not None:
    keep &= np.isfinite(when)
  number = np.flatnonzero(keep)
  if len(number) < 10:
    raise ValueError(f"{len(number)} rows have a label, their groups and their time; an audit needs 10")
  label, frame = label[keep], frame[keep].reset_index(drop=True)
  distinct = label.unique()
  if len(distinct) < 2:
    raise ValueError(f"the label is {distinct[0]} in every row: there is nothing to predict")
  if regression is None:
    regression = numeric and (len(distinct) > _CLASSES or bool((label != np.round(label.astype(float))).any()))
  if regression and not numeric:
    raise ValueError("a regression needs numbers as labels")
  kinds: tuple = ()
  if regression:
    values = label.to_numpy(np.float64)
  else:
    values, kinds = pd.factorize(label, sort=True)
  codes = {name: pd.factorize(column[keep], sort=False) for name, column in ids.items()}
  matrix = np.concatenate([_as_numbers(column) for _, column in frame.items()], axis=1)
  return Prepared(
    x=frame,
    matrix=np.where(np.isinf(matrix), np.nan, matrix),
    y=np.asarray(values),
    classes=tuple(map(str, kinds)),
    groups={name: np.asarray(code) for name, (code, _) in codes.items()},
    names={name: np.asarray(kinds).astype(str) for name, (_, kinds) in codes.items()},
    time=None if when is None else when[keep],
    number=number,
  )
