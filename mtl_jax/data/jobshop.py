"""Job-shop scheduling: 242 classical instances with the best known bounds of their makespan.

One row per operation. Fisher and Thompson 1963 (ft), Lawrence 1984 (la), Adams et al. 1988 (abz), Applegate and Cook
1991 (orb), Storer et al. 1992 (swv), Yamada and Nakano 1992 (yn), Taillard 1993 (ta), Demirkol et al. 1998 (dmu).
Collected at https://github.com/thomasWeise/jsspInstancesAndResults (GPL-3) and, without dmu, at
https://github.com/tamy0612/JSPLIB; the instances themselves carry no licence.

What a reader must know:
- A unit is an instance; `machine` and `job` count from 0, `time` is the place of the operation in its job. Every job
  visits every machine once. Durations of 0 occur.
- `lower` and `upper` are bounds of the best makespan, repeated in every row; equal where it is known (156 of 242).
  They are results of others' searches: labels, and the zero of the usual score, the gap to `upper`.
- Bounds are of 2025 or 2026 except for dmu (end of 2020, some improved since). The original has 4663 and not 4655 as
  the upper one of dmu57, and agrees in everything else.
- Learning papers report the mean gap by size of ta (15x15 to 100x20) and dmu.
- dmu41 to dmu80 send each job through one half of the machines before the other: another family in all but name.
"""

import re
from pathlib import Path

import numpy as np

from mtl_jax.data.folder import DataError, File, matching, read_csv
from mtl_jax.data.scheduling import SUMS, Instance, check_sums, integers, read_lines, table_of
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, validated

FILES = (File(SUMS, 20753, "c39f0526100399d9292389d962f546627b87f3d1efa4fb4f13708153ba30179e"),)
_FAMILIES = ("abz", "dmu", "ft", "la", "orb", "swv", "ta", "yn")
_ORIGINAL = "instance_data.txt"
_LONGEST = 200
_BOUNDS = {
  "instance": Column(kind="text"),
  "jobs": Column(low=1, high=999, kind="integer"),
  "machines": Column(low=1, high=99, kind="integer"),
  "lower_bound": Column("time unit", 1, 100_000, kind="integer"),
  "upper_bound": Column("time unit", 1, 100_000, kind="integer"),
}
FACTS = Facts(
  rows=123_686,
  counts={
    "family": {
      "abz": 1_100,  # 5 instances
      "dmu": 49_000,  # 80
      "ft": 236,  # 3
      "la": 6_000,  # 40
      "orb": 1_000,  # 10
      "swv": 7_500,  # 20
      "ta": 57_250,  # 80
      "yn": 1_600,  # 4
    }
  },
)


def _operations(lines: list[str], where: str) -> tuple[int, int, np.ndarray]:
  """Jobs, machines, and the rows of `Instance.operations`, of lines of which the first holds the two numbers."""
  head = integers(lines[0], where)
  if len(head) != 2 or min(head) < 1:
    raise DataError(f"{where}: {lines[0][:40]!r} is not a number of jobs and one of machines")
  jobs, machines = head
  if len(lines) != jobs + 1:
    raise DataError(f"{where}: {len(lines) - 1} lines of jobs, expected {jobs}")
  rows = []
  for job, line in enumerate(lines[1:]):
    numbers = integers(line, f"{where}, job {job}")
    if sorted(numbers[::2]) != list(range(machines)) or len(numbers) != 2 * machines:
      raise DataError(f"{where}, job {job}: does not visit each of {machines} machines once")
    rows += [(job, place, *numbers[2 * place : 2 * place + 2]) for place in range(machines)]
  return jobs, machines, np.asarray(rows)


def _family(name: str) -> str:
  return name.rstrip("0123456789")


def _read(folder: Path) -> Table:
  """instances/<name>.txt, with the bounds of bounds.csv."""
  check_sums(folder)
  path, instances = folder / "bounds.csv", []
  for row in validated(read_csv(path), _BOUNDS, str(path)).sort_values("instance").itertuples():
    name = str(row.instance)
    text = folder / "instances" / f"{name}.txt"
    jobs, machines, operations = _operations(read_lines(text), str(text))
    if (jobs, machines) != (row.jobs, row.machines):
      raise DataError(f"{text}: {jobs} x {machines}, but {path} has {row.jobs:g} x {row.machines:g}")
    instances.append(
      Instance(name, _family(name), jobs, machines, operations, float(row.lower_bound), float(row.upper_bound))  # pyright: ignore[reportArgumentType]
    )
  return table_of(instances, str(folder), families=_FAMILIES, longest=_LONGEST)


def _original(folder: Path) -> Table:
  """instance_data.txt, all instances one after another in the layout of the OR-Library.

  A line "instance <name>", one of description that ends with the bounds, one with the numbers of jobs and machines,
  one for each job; lines of + between them, and words on the sources before the first.
  """
  path = matching(folder, _ORIGINAL)[0]
  lines = [line for line in read_lines(path) if not line.startswith("+")]
  starts = [i for i, line in enumerate(lines) if re.fullmatch(r"instance \S+", line)]
  if not starts or any(re.fullmatch(r"[0-9 ]+", line) for line in lines[: starts[0]]):
    raise DataError(f"{path}: begins with something other than words and a line 'instance <name>'")
  instances = []
  for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
    name, block = lines[start].split()[1], lines[start + 1 : end]
    where = f"{path}, {name}"
    bounds = re.search(r"lower bound: ([0-9]{1,6}); best known solution: ([0-9]{1,6})$", block[0] if block else "")
    if not bounds or len(block) < 2:
      raise DataError(f"{where}: no line with 'lower bound: ...; best known solution: ...', or nothing after it")
    jobs, machines, operations = _operations(block[1:], where)
    instances.append(Instance(name, _family(name), jobs, machines, operations, float(bounds[1]), float(bounds[2])))
  instances.sort(key=lambda instance: instance.name)
  return table_of(instances, str(path), families=_FAMILIES, longest=_LONGEST)


SOURCE = Source(
  name="jobshop",
  title="242 classical job-shop instances with best known bounds",
  publisher="https://github.com/thomasWeise/jsspInstancesAndResults",
  licence="GPL-3 (collection); the instances: not stated",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote(
      "https://raw.githubusercontent.com/thomasWeise/jsspInstancesAndResults/"
      "82d87ed8a0750beda30a3fabcf99859e2c4a0073/data-raw/instance-data/instance_data.txt",
      "6a83a715b00813250fd09cdde1f1eedd3cdccc61ec6c628b1514464ebc15ffde",
      _ORIGINAL,
    ),
  ),
)
load = SOURCE.load
