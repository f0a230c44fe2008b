"""What was recommended, `asked.jsonl` beside a log, and `tell`, which answers it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mtl_jax.advise.history import ANSWERS, History, append, read
from mtl_jax.advise.line import Line, near, outcome_columns, setting_columns
from mtl_jax.data import DataError
from mtl_jax.recorder import read as read_lines


def folder_of(log: Path) -> Path:
  return log.with_name(log.name + ".advice")


def path_of(log: Path) -> Path:
  return folder_of(log) / "asked.jsonl"


def asked(log: Path) -> list[dict[str, Any]]:
  """All recommendations: number, rows of the log then, numbers of those still running then, settings."""
  path = path_of(log)
  return read_lines(path) if path.exists() else []


def write(log: Path, number: int, rows: int, beside: Sequence[int], settings: Mapping[str, float]) -> None:
  """One more, on disk when this returns."""
  append(path_of(log), {"number": number, "rows": rows, "beside": [*beside], "settings": dict(settings)})


def running(recommended: Sequence[Mapping[str, Any]], history: History) -> list[int]:
  """Numbers of the recommendations whose trials are not in the log yet.

  A row that names no recommendation, because it was not `tell` that wrote it, is taken for the oldest one's.
  """
  if not recommended:
    return []
  last = recommended[-1]
  given = [*last["beside"], last["number"]]
  waiting = [number for number in given if number not in history.answers]
  nameless = len(history.x) - last["rows"] - (len(given) - len(waiting))
  return waiting[max(nameless, 0) :]


def _numbers(line: Line, given: Mapping[str, str]) -> dict[str, float]:
  columns = [*setting_columns(line), *outcome_columns(line)]
  known = {name.partition(" [")[0]: name for name in columns} | {name: name for name in columns}
  row: dict[str, float] = {}
  for name, text in given.items():
    if name not in known:
      raise DataError(f"{name!r} is neither a setting nor an outcome; {near(name, known)}")
    try:
      row[known[name]] = float(text)
    except ValueError:
      raise DataError(f"{name} must be a number, and is {text!r}") from None
    if not np.isfinite(row[known[name]]):
      raise DataError(f"{name} must be a finite number, and is {text!r}; leave it out if it was not measured")
  return row


def tell(line: Line, log: Path, given: Mapping[str, str], answers: int | None = None) -> dict[str, float | None]:
  """Writes down a trial: what was measured, and what was applied where it is not what was recommended; the row.

  What was applied may be out of range: `read` warns of it.

  Args:
    given: name -> number, of settings and outcomes; an outcome left out was not measured, a setting left out is as
      recommended.
    answers: which recommendation, where several are running.

  Raises:
    DataError: a name or number is wrong, or no recommendation is open.
  """
  settings, outcomes = setting_columns(line), outcome_columns(line)
  row = _numbers(line, given)
  if not any(name in row for name in outcomes):
    raise DataError(f"nothing was measured: give '{outcomes[0].partition(' [')[0]}=NUMBER', or what else was")
  history, recommended = read(log, line), asked(log)
  waiting = running(recommended, history)
  missing = [name for name in settings if name not in row]
  if answers is not None and answers not in waiting:
    raise DataError(f"--answers {answers}: no such recommendation is open; open are {waiting or 'none'}")
  if answers is None and len(waiting) == 1:
    answers = waiting[0]
  if answers is None and missing:
    what = f"recommendations {waiting} are open: say which, with --answers" if waiting else "no recommendation is open"
    raise DataError(f"{what}; or give all settings, of which {', '.join(map(repr, missing))} are missing")
  if answers is not None:
    row = next(each["settings"] for each in recommended if each["number"] == answers) | row
  whole: dict[str, float | None] = {name: row.get(name) for name in (*settings, *outcomes)}
  append(log, whole | ({} if answers is None else {ANSWERS: answers}))
  return whole
