"""Flexible job shops, where an operation can choose its machine: 78 instances with bounds of their makespan.

One row per operation and machine that can do it. Brandimarte 1993, Dauzere-Peres and Paulli 1994, Chambers and Barnes
1996, Kacem et al. 2002, Fattahi et al. 2007. Publisher: https://github.com/SchedulingLab/fjsp-instances, MIT; it warns
that its data may not be accurate.

What a reader must know:
- A unit is an instance; the rows that share (unit, job, time) are alternatives, of which a schedule takes one.
  `machine`, `job` and `time`, the place of the operation in its job, count from 0.
- `lower` and `upper` are the publisher's bounds of the best makespan, equal where the optimum is known.
- Four entries of the publisher's instances.json are wrong and put right here: dpp04 is file 04a and not 03a; mk06 has
  10 machines and sfjs06 has 3, as their files say; the bounds of sfjs04 are the wrong way round (355 below, 331
  above), so it has none.
- mk10 has 15 machines and 12 of them are used; the size is that of the file's first line.
- The publisher's text counts machines from 0 and has two numbers in its first line. The files of the suffix .fjs that
  others hand around count from 1 and have a third number: they are refused, not read wrongly.
- The publisher has hurink and behnke as well; they are not in this copy and not read.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from mtl_jax.data.folder import DataError, File, matching
from mtl_jax.data.scheduling import SUMS, Instance, check_sums, integers, read_lines, table_of
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Facts, Table

FILES = (File(SUMS, 6738, "131012e794c4a91a4fb10bcaa160f3bff24fb6461380f3e85ca0f2af6e2f8904"),)
_FAMILIES = ("brandimarte", "dauzere", "barnes", "kacem", "fattahi")
_INDEX = "instances.json"
_CORRECTED: dict[str, dict[str, Any]] = {
  "dpp04": {"path": "dauzere/04a.txt"},
  "mk06": {"machines": 10},
  "sfjs06": {"machines": 3},
  "sfjs04": {"bounds": {"lower": None, "upper": None}},
}
FACTS = Facts(
  rows=25_864,
  counts={
    "family": {
      "barnes": 3_885,  # 21 instances
      "brandimarte": 6_203,  # 15
      "dauzere": 13_846,  # 18
      "fattahi": 807,  # 20
      "kacem": 1_123,  # 4
    }
  },
)


def _operations(path: Path) -> tuple[int, int, np.ndarray]:
  """Jobs, machines and the rows of `Instance.operations`."""
  lines = read_lines(path)
  head = integers(lines[0], str(path))
  if len(head) != 2:
    raise DataError(f"{path}: {lines[0][:40]!r} is not a number of jobs and one of machines")
  jobs, machines = head
  if len(lines) != jobs + 1:
    raise DataError(f"{path}: {len(lines) - 1} lines of jobs, expected {jobs}")
  rows = []
  for job, line in enumerate(lines[1:]):
    numbers = integers(line, f"{path}, job {job}")
    at, before = 1, len(rows)
    for place in range(numbers[0]):
      choices = numbers[at] if at < len(numbers) else 0
      pairs = numbers[at + 1 : at + 1 + 2 * choices]
      if not choices or len(pairs) != 2 * choices:
        raise DataError(f"{path}, job {job}: ends within operation {place} of {numbers[0]}")
      rows += [(job, place, pairs[2 * i], pairs[2 * i + 1]) for i in range(choices)]
      at += 1 + 2 * choices
    if at != len(numbers) or len(rows) == before:
      raise DataError(f"{path}, job {job}: {len(numbers)} numbers, but its {numbers[0]} operations take {at}")
  return jobs, machines, np.asarray(rows)


def _bounds(entry: dict[str, Any], where: str) -> tuple[float, float]:
  found = entry.get("optimum", "")  # null where it is not known, never left out
  if found is None:
    bounds = entry.get("bounds")
    pair = (bounds.get("lower", ""), bounds.get("upper", "")) if isinstance(bounds, dict) else ("", "")
  else:
    pair = (found, found)
  if any(type(bound) not in (int, type(None)) for bound in pair):
    raise DataError(f"{where}: no optimum, and no pair of bounds either")
  lower, upper = (float("nan") if bound is None else float(bound) for bound in pair)
  return lower, upper


def _instances(index: Path) -> list[Instance]:
  """The instances that instances.json lists, each from the file that it names beside it."""
  try:
    entries = json.loads("\n".join(read_lines(index)))
  except ValueError as error:
    raise DataError(f"{index} is no JSON text: {error}") from None
  if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
    raise DataError(f"{index}: is not a list of instances")
  instances = []
  for i, entry in enumerate(entries):
    where, name = f"{index}, entry {i + 1}", entry.get("name")
    entry = entry | _CORRECTED.get(str(name), {})
    path = re.fullmatch(r"([a-z]+)/([/\w-]+)\.txt", str(entry.get("path")))
    if not isinstance(name, str) or not path:
      raise DataError(f"{where}: has no 'name' or no 'path' such as kacem/k1.txt")
    if path[1] not in _FAMILIES:
      continue
    text = index.parent / path[0]
    jobs, machines, operations = _operations(text)
    if (jobs, machines) != (entry.get("jobs"), entry.get("machines")):
      raise DataError(f"{text}: {jobs} x {machines}, but {where} says otherwise")
    instances.append(Instance(name, path[1], jobs, machines, operations, *_bounds(entry, where)))
  return instances


def _table(index: Path) -> Table:
  return table_of(_instances(index), str(index.parent), families=_FAMILIES, longest=1000)


def _read(folder: Path) -> Table:
  """<family>/<name>.txt as instances.json lists them."""
  check_sums(folder)
  return _table(folder / _INDEX)


def _original(folder: Path) -> Table:
  """The same files in the publisher's repository, which lies one folder deeper and lists other families too."""
  index = matching(folder, _INDEX)[0]
  if (index.parent / SUMS).exists():  # this project's layout is to be checked by its sums, not read around them
    raise DataError(f"{index.parent} has {SUMS}, which the publisher's folder has not")
  return _table(index)


SOURCE = Source(
  name="flexible_jobshop",
  title="78 flexible job-shop instances with bounds",
  publisher="https://github.com/SchedulingLab/fjsp-instances",
  licence="MIT",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote(
      "https://github.com/SchedulingLab/fjsp-instances/archive/d3b2dee5e1d22c79b5a61bc2df69911aaa4ffb49.zip",
      None,
      "fjsp-instances.zip",
    ),
  ),
)
load = SOURCE.load
