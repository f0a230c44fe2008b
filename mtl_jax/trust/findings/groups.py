"""What is wrong with the units and with time: order, stretches of one label, units of one label, too few of them."""

import numpy as np

from mtl_jax.trust.findings.finding import FITTED, Finding, alone, first_rows, listed, of_nothing, sample
from mtl_jax.trust.prepared import Prepared


def time_order(table: Prepared) -> list[Finding]:
  """Time that runs backwards, or stands still, within a unit."""
  if table.time is None:
    return []
  run = table.runs()
  order = np.argsort(run, kind="stable")
  step, same = np.diff(table.time[order]), np.diff(run[order]) == 0
  found = []
  for kind, wrong, what in (
    ("time goes backwards", same & (step < 0), "a time before the row above"),
    ("one time twice", same & (step == 0), "the time of the row above"),
  ):
    if wrong.any():
      rows = np.sort(order[1:][wrong])
      of = f" of its {' and '.join(table.groups)}" if table.groups else ""
      text = (
        f"{int(wrong.sum())} rows have {what}{of}, the first is row {table.number[rows[0]] + 1}. What is computed from "
        "the rows before (rolling means, lags) may then look ahead: sort by time, or mend the clock."
      )
      severity = "warning" if kind == "time goes backwards" else "note"
      found.append(Finding(kind, severity, ("time",), first_rows(table, rows), text))
  return found


def time_tells(table: Prepared, seed: int) -> list[Finding]:
  """The clock or the place in the file alone predicts the label."""
  part = sample(table, FITTED, seed)
  base, found = of_nothing(part), []
  for name, values in (("time", part.time), ("the row number", part.number.astype(float))):
    if values is None or np.ptp(values) == 0:
      continue
    score = alone(part, values, seed)
    if score - base >= 0.5 * (1.0 - base):
      metric = "macro-F1" if table.classes else "R2"
      text = (
        f"From {name} alone a small tree reaches {metric} {score:.2f} (a constant answer {base:.2f}): labels come in "
        "stretches. Anything that drifts then looks like a cause; random rows reward it: split by time or by unit."
      )
      found.append(Finding(f"{name} tells the label", "warning", (), (), text))
  return found


def units_of_one_label(table: Prepared) -> list[Finding]:
  """Units whose rows all have one label: the units are then what is counted, not the rows."""
  found = []
  for group, codes in table.groups.items():
    many = len(table.names[group])
    if many < 2 or many > table.rows / 2:
      continue
    first = np.full(many, table.y[0])
    first[codes[::-1]] = table.y[::-1]
    mixed = np.bincount(codes, weights=(table.y != first[codes]).astype(float), minlength=many) > 0
    if mixed.mean() > 0.1:
      continue
    text = (
      f"{int((~mixed).sum())} of {many} {group}s have one label in all of their rows. To recognise the {group} is to "
      f"know the label, and there are {many} examples, not {table.rows}."
    )
    if table.classes:
      once = [table.classes[c] for c in range(len(table.classes)) if len(np.unique(codes[table.y == c])) == 1]
      if once:
        text += f" Only one {group} has {listed(once)}: what is learnt of it cannot be tested on another."
    found.append(Finding(f"one label per {group}", "warning", (), (), text))
    break
  return found


def few_units(table: Prepared) -> list[Finding]:
  """Groups that are too few, or as many as rows."""
  found = []
  for group, names in table.names.items():
    many = len(names)
    if many < 10:
      text = f"There are {many} {group}s: a score by it rests on few, and another would change it."
      if many == 1:
        text = f"There is one {group}: no split by it is possible."
      found.append(Finding(f"few {group}s", "note", (), (), text))
    elif many > table.rows / 2:
      text = (
        f"{many} {group}s for {table.rows} rows: a split by {group} is a split by random rows. Name what rows share."
      )
      found.append(Finding(f"{group} is the row", "note", (), (), text))
  return found
