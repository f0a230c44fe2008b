"""Columns that are the label, make it up, name a unit, count the rows or never change."""

import numpy as np
import pandas as pd

from mtl_jax.trust.findings.finding import FITTED, Finding, alone, filled, listed, of_nothing, sample
from mtl_jax.trust.prepared import Prepared, coded

_COLUMNS = 200  # that get a tree of their own


def _same_order(a: np.ndarray, b: np.ndarray) -> bool:
  """Whether one is, but for its scale, a monotone function of the other."""
  ranks = [pd.Series(values).rank().to_numpy() for values in (a, b)]
  if any(np.ptp(r) == 0 for r in ranks):
    return False
  return bool(abs(np.corrcoef(ranks[0], ranks[1])[0, 1]) > 0.9995)


def _is_label(values: np.ndarray, table: Prepared, tells: bool) -> bool:
  """Whether a column that `tells` the label is the label in other words, and not only a good measurement.

  A class in other words has a value or a few of its own, or hardly any spread beside the distance to the other
  classes; a quantity in other words is in the same order.
  """
  if not table.classes:
    return _same_order(values, table.y)
  if not tells:
    return False
  within = values - pd.Series(values).groupby(table.y).transform("mean").to_numpy()
  return len(np.unique(values)) <= 3 * len(table.classes) or bool(within.std() < 0.02 * values.std())


def _explained(columns: pd.DataFrame, table: Prepared) -> pd.Series:
  """Share of each column's variance that goes with the label."""
  if not table.classes:
    return columns.corrwith(pd.Series(table.y)).fillna(0.0) ** 2
  return (columns.groupby(table.y).transform("mean").var() / columns.var()).fillna(0.0)


def label_columns(table: Prepared, reached: float, seed: int) -> list[Finding]:
  """Columns that are the label, and columns that alone do as well as everything together.

  Args:
    reached: the best score of the whole table on random rows, macro-F1 or R2.
  """
  part = sample(table, FITTED, seed)
  columns = {str(name): filled(_codes_or_numbers(column)) for name, column in part.x.items()}
  if len(columns) > _COLUMNS:  # a tree on each would take minutes: those that vary most with the label
    columns = {name: columns[name] for name in _explained(pd.DataFrame(columns), part).nlargest(_COLUMNS).index}
  base, equal, enough = of_nothing(part), [], []
  for name, values in columns.items():
    if np.ptp(values) == 0:
      continue
    score = alone(part, values, seed)
    if _is_label(values, part, score - base >= 0.98 * (1.0 - base)):
      equal.append(name)
    elif score - base >= 0.5 * (1.0 - base) and score >= reached - 0.02:
      enough.append(f"{name} ({score:.2f})")
  found = []
  if equal:
    text = f"{listed(equal)}: each of these alone gives the label. A column filled in after the fact is not an input: "
    found.append(Finding("label column", "leak", tuple(equal), (), text + "leave it out."))
  if enough:
    names = tuple(name.rsplit(" (", 1)[0] for name in enough)
    text = f"{listed(enough)}: alone as good as all columns together ({reached:.2f}). Make sure that it is known "
    found.append(Finding("one column is enough", "warning", names, (), text + "before the label is."))
  return found


def _codes_or_numbers(column: pd.Series) -> np.ndarray:
  if pd.api.types.is_numeric_dtype(column):
    return column.to_numpy(np.float64, na_value=np.nan)
  return coded(column).astype(np.float64)


def label_flags(table: Prepared, skip: tuple[str, ...] = ()) -> list[Finding]:
  """Yes/no columns that occur only with one class: together they may be that class, as failure modes are a failure.

  Args:
    skip: columns already reported.
  """
  flags = {}
  for name, column in table.x.items():
    values = _codes_or_numbers(column)
    distinct, counts = np.unique(values[np.isfinite(values)], return_counts=True)
    if len(distinct) == 2 and str(name) not in skip:
      flags[str(name)] = values == distinct[counts.argmin()]
  found = []
  for c, label in enumerate(table.classes):
    is_class = table.y == c
    if is_class.mean() > 0.5:
      continue
    sure = [n for n, flag in flags.items() if flag.sum() >= 5 and is_class[flag].mean() >= 0.98]
    if not sure:
      continue
    covered = np.logical_or.reduce([flags[name] for name in sure])[is_class].mean()
    if covered >= 0.9:
      together = "is" if len(sure) == 1 else "together are"
      text = (
        f"{listed(sure)} {together} the label: set in {covered:.0%} of the rows of class {label} and hardly ever "
        "in others. They are known only when the label is: leave them out."
      )
      found.append(Finding("columns that make up the label", "leak", tuple(sure), (), text))
    elif covered >= 0.05:
      text = (
        f"{listed(sure)}: set in {covered:.0%} of the rows of class {label} and in hardly any other. A part of the "
        "label, or a rule that makes it? Make sure that it is known before the label is, or leave it out."
      )
      found.append(Finding("columns that are part of the label", "warning", tuple(sure), (), text))
  return found


def constant_columns(table: Prepared) -> list[Finding]:
  """Columns that never change, or have no value."""
  names = [str(name) for name, column in table.x.items() if column.nunique(dropna=True) <= 1 and _unvaried(column)]
  if not names:
    return []
  return [Finding("constant column", "note", tuple(names), (), f"{listed(names)}: never changes, so it says nothing.")]


def _unvaried(column: pd.Series) -> bool:
  return not column.isna().any() or bool(column.isna().all())


def naming_columns(table: Prepared) -> list[Finding]:
  """Columns that name a unit one to one, and columns that count the rows."""
  found = []
  for group, codes in table.groups.items():
    many = len(table.names[group])
    if many < 2 or many > table.rows / 2:
      continue
    names = []
    for name, column in table.x.items():
      values = coded(column)
      if len(np.unique(values)) == many and len(np.unique(values * np.int64(table.rows + 1) + codes)) == many:
        names.append(str(name))
    if names:
      text = (
        f"{listed(names)}: another name for {group}, one value each. A model can learn {group}s by heart; the "
        "column means nothing for a new one: leave it out."
      )
      found.append(Finding(f"column names the {group}", "warning", tuple(names), (), text))
  counters = [str(name) for name, column in table.x.items() if _counts_rows(column, table.number)]
  if counters:
    text = f"{listed(counters)}: grows from row to row, a place in the file and not a measurement: leave it out."
    found.append(Finding("row counter", "warning", tuple(counters), (), text))
  return found


def _counts_rows(column: pd.Series, number: np.ndarray) -> bool:
  if not pd.api.types.is_integer_dtype(column) or len(column) < 20:
    return False
  values = column.to_numpy(np.float64, na_value=np.nan)
  return bool((np.diff(values) == np.diff(number)).all())
