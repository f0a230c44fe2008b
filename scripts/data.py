"""The data sets: what there is, whether your copy is right, and how to get one.

python scripts/data.py list
python scripts/data.py check              (every set under MTL_JAX_DATA)
python scripts/data.py check cwru cmapss
python scripts/data.py fetch ai4i2020     (from its publisher, into MTL_JAX_DATA)
"""

import dataclasses
import difflib
import os
import sys
from pathlib import Path
from typing import Annotated

import tyro
from rich.progress import track
from rich.table import Table as Printed

from mtl_jax.data import DataError, Source
from mtl_jax.data.fetch import fetch
from mtl_jax.data.folder import VARIABLE
from mtl_jax.data.sources import SOURCES
from mtl_jax.job import console, exit_with_message

Names = Annotated[tuple[str, ...], tyro.conf.Positional]


@dataclasses.dataclass(frozen=True)
class List:
  """Every set, its licence, and whether it is here."""


@dataclasses.dataclass(frozen=True)
class Check:
  """Read sets and compare them with their checksums and with what their publishers state."""

  names: Names = ()
  """all that are here, if none is named"""


@dataclasses.dataclass(frozen=True)
class Fetch:
  """Download sets from their publishers; a download that broke off goes on."""

  names: Names


def _root() -> Path:
  root = os.environ.get(VARIABLE)
  if not root:
    raise DataError(f"{VARIABLE} is not set: set it to the folder that holds the data sets, or shall hold them")
  return Path(root)


def _named(names: tuple[str, ...]) -> list[Source]:
  known = {source.name: source for source in SOURCES}
  for name in names:
    if name not in known:
      near = difflib.get_close_matches(name, known, n=1)
      raise DataError(f"there is no data set {name!r}; " + (f"did you mean {near[0]}?" if near else "see: list"))
  return [known[name] for name in names]


def _list() -> None:
  root = os.environ.get(VARIABLE)
  printed = Printed("name", "what", "licence", "here", "fetch")
  for source in SOURCES:
    here = "yes" if root and (Path(root) / source.name).is_dir() else ""
    printed.add_row(source.name, source.title, source.licence, here, "yes" if source.remote else "by hand")
  console.print(printed)
  console.print(f"{VARIABLE} is {root or 'not set'}")


def _check(names: tuple[str, ...]) -> None:
  root = _root()
  sources = _named(names) or [source for source in SOURCES if (root / source.name).is_dir()]
  if not sources:
    raise DataError(f"{root} holds none of the data sets; see: list")
  printed, wrong = Printed("name", "rows", "units", "columns", "labels", "result"), []
  for source in track(sources, description="reading", console=console, transient=True):
    try:
      table = source.load(root / source.name)
      units = len(set(table.groups["unit"].tolist()))
      labels = ", ".join(table.labels) if len(table.labels) < 5 else str(len(table.labels))
      printed.add_row(source.name, f"{table.rows:,}", f"{units:,}", str(len(table.columns)), labels, "as published")
    except DataError as error:
      wrong.append(error)
      printed.add_row(source.name, "", "", "", "", "[bold red]wrong")
  console.print(printed)
  if wrong:
    raise DataError("\n".join(map(str, wrong)))


def main(argv: list[str]) -> None:
  if not argv:
    raise SystemExit(__doc__)
  command = tyro.cli(List | Check | Fetch, args=argv, description=__doc__)  # pyright: ignore[reportArgumentType, reportCallIssue]
  match command:
    case List():
      _list()
    case Check(names):
      _check(names)
    case Fetch(names):
      for source in _named(names):
        console.print(f"{source.name}: {source.licence}; {source.publisher}", highlight=False)
        console.print(f"{fetch(source, _root(), console)} is complete and as published", highlight=False)


if __name__ == "__main__":
  exit_with_message(main, sys.argv[1:])
