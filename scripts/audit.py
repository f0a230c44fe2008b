"""Is your 99 % real? Scores a table on random rows and on units it has not seen, and names the leaks.

python scripts/audit.py TABLE.csv --unit machine --target fault --time when --drop comment
python scripts/audit.py TABLE.parquet --unit engine --target rul --out report.html
python scripts/audit.py cwru --drop diameter_mil clock        (a data set under MTL_JAX_DATA)
"""

import dataclasses
import difflib
import functools
import sys
from pathlib import Path
from typing import Annotated, Literal

import pandas as pd
import pyarrow as arrow
import tyro
from rich.progress import track

from mtl_jax.data import DataError
from mtl_jax.data.folder import read_csv
from mtl_jax.data.sources import SOURCES
from mtl_jax.job import console, exit_with_message
from mtl_jax.report.audited import audit_in_words, write_audit
from mtl_jax.tasks.flat import flat
from mtl_jax.trust.audit import Audit, audit


@dataclasses.dataclass(frozen=True)
class Arguments:
  table: Annotated[str, tyro.conf.Positional]
  """a .csv or .parquet file, or the name of a data set"""
  unit: str | None = None
  """column that says which machine, engine, product or bearing a row is of"""
  target: str | None = None
  """column to predict; of a data set its first label, if none is named"""
  time: str | None = None
  """column that orders the rows"""
  recording: str | None = None
  """column that says in which run or recording a row was taken"""
  drop: tuple[str, ...] = ()
  """columns to leave out, because nobody knows them before the target"""
  other_labels: bool = False
  """of a data set: show its other labels to the models, as some papers do"""
  out: Path | None = None
  """also write the result as .html or .json"""
  predict: Literal["classes", "quantity"] | None = None
  """what the target is, where its values do not say so"""
  rows: int = 4000
  """rows that the scores are computed on, at most"""
  seed: int = 0


def _known(wanted: Arguments) -> tuple[pd.DataFrame, dict[str, str | None]]:
  """A data set as one frame, and which of its columns is what."""
  known = {source.name: source for source in SOURCES}
  if wanted.table not in known:
    near = difflib.get_close_matches(wanted.table, known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"the data sets are {', '.join(known)}"
    raise DataError(f"{wanted.table} is neither a .csv or .parquet file nor a data set; {hint}")
  table = known[wanted.table].load()
  console.print(f"what rows of {wanted.table} share (--unit, --recording, --time): {', '.join(table.groups)}")
  roles: dict[str, str | None] = {name: name for name in ("unit", "recording", "time") if name in table.groups}
  roles["target"] = wanted.target or next(iter(table.labels), None)
  named = {roles["target"], *(getattr(wanted, role) or column for role, column in roles.items())}
  labels = {name: values for name, values in table.labels.items() if name in named or wanted.other_labels}
  groups = {name: values for name, values in table.groups.items() if name in named}
  return pd.concat([flat(table.columns), pd.DataFrame(groups | labels)], axis=1), roles


def _read(wanted: Arguments) -> tuple[pd.DataFrame, dict[str, str | None]]:
  path = Path(wanted.table)
  if path.suffix == ".csv":
    return read_csv(path), {}
  if path.suffix not in (".parquet", ".pq"):
    return _known(wanted)
  try:
    return pd.read_parquet(path), {}
  except (FileNotFoundError, arrow.ArrowInvalid) as error:
    raise DataError(f"{path} cannot be read: {error}") from None


def _audited(wanted: Arguments) -> Audit:
  frame, roles = _read(wanted)
  roles |= {role: name for role in ("unit", "recording", "time", "target") if (name := getattr(wanted, role))}
  if not roles.get("target"):
    raise DataError(f"name the column to predict: --target; there are {', '.join(map(str, frame.columns))}")
  taken = {*filter(None, roles.values()), *wanted.drop}
  for name in taken - set(frame.columns):
    near = difflib.get_close_matches(name, map(str, frame.columns), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(map(str, frame.columns))}"
    raise DataError(f"{wanted.table} has no column {name!r}; {hint}")
  groups = {role: frame[roles[role]] for role in ("unit", "recording", "time") if roles.get(role)}
  progress = functools.partial(track, description="fitting", console=console, transient=True)
  x = frame.drop(columns=list(taken))
  quantity = None if wanted.predict is None else wanted.predict == "quantity"
  settings = {"regression": quantity, "rows": wanted.rows, "seed": wanted.seed, "progress": progress}
  try:
    return audit(x, frame[roles["target"]], groups, **settings)
  except ValueError as error:
    raise DataError(f"{wanted.table}: {error}") from None


def main(argv: list[str]) -> None:
  if not argv:
    raise SystemExit(__doc__)
  wanted = tyro.cli(Arguments, args=argv, description=__doc__)
  if wanted.out and wanted.out.suffix not in (".html", ".json"):
    raise DataError(f"--out {wanted.out}: must end in .html or .json")
  found = _audited(wanted)
  console.print(*audit_in_words(found, wanted.table), sep="\n")
  if wanted.out:
    write_audit(found, wanted.table, wanted.out)
    console.print(f"written: {wanted.out}", soft_wrap=True)


if __name__ == "__main__":
  exit_with_message(main, sys.argv[1:])
