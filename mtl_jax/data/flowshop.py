"""Taillard's permutation flow shops: 120 instances, 20 jobs on 5 machines to 500 on 20.

One row per operation. E. Taillard, "Benchmarks for basic scheduling problems", European J. of Operational Research
64 (1993) 278-285. Publisher: http://mistic.heig-vd.ch/taillard/problemes.dir/ordonnancement.dir/ordonnancement.html,
which states no licence (the copy this project's was taken from: MIT).

What a reader must know:
- A unit is an instance, ten of each of 12 sizes: "tai20_5_0" to "tai20_5_9" are ta001 to ta010 elsewhere.
- Every job visits machine 0, 1, 2, ... in this order, so `time` equals `machine`; a permutation schedule has the same
  order of jobs on every machine.
- `lower` and `upper` are the publisher's of 1993, as in the files; most have been closed since.
- Every number follows from the seed in the file (the paper's generator, 16807 x mod 2^31 - 1, 1 to 99) and so does
  `lower` (the paper's formula, from the machines' loads): both are computed again here, so that no altered number
  passes. `upper` alone cannot be.
- Some files do not end their last line.
"""

import re
from pathlib import Path

import numpy as np

from mtl_jax.data.folder import DataError, File, matching
from mtl_jax.data.scheduling import SUMS, Instance, check_sums, integers, read_lines, table_of
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Facts, Table

FILES = (File(SUMS, 11032, "269de34a2f6772f0cd019b0d32633662914e4ce4e813d4b8773effaade3265dd"),)
SIZES = tuple(
  (jobs, machines)
  for jobs, several in ((20, (5, 10, 20)), (50, (5, 10, 20)), (100, (5, 10, 20)), (200, (10, 20)), (500, (20,)))
  for machines in several
)
_FAMILY = "taillard"
FACTS = Facts(
  rows=sum(10 * jobs * machines for jobs, machines in SIZES),
  counts={"size": {f"{jobs}x{machines}": 10 * jobs * machines for jobs, machines in SIZES}},
)
_MODULUS = 2**31 - 1


def times_of(seed: int, jobs: int, machines: int) -> np.ndarray:
  """(machines, jobs) durations of 1 to 99 from the generator of the paper."""
  times = []
  for _ in range(jobs * machines):
    seed = 16807 * seed % _MODULUS
    times.append(1 + 99 * seed // _MODULUS)
  return np.asarray(times).reshape(machines, jobs)


def lower_bound(times: np.ndarray) -> int:
  """Of the makespan: the longest job, or a machine's load with the shortest way to and from it (paper, section 4)."""
  done = np.concatenate([np.zeros((1, times.shape[1]), int), np.cumsum(times, axis=0)])
  around = done[:-1].min(1) + times.sum(1) + (done[-1] - done[1:]).min(1)
  return int(max(done[-1].max(), around.max()))


def _instances(path: Path, jobs: int, machines: int) -> list[Instance]:
  """The instances of a file: each a line of words, five numbers, a line of words, and the times."""
  lines = read_lines(path)
  starts = [i for i, line in enumerate(lines) if line.startswith("number of jobs")]
  if not starts or starts[0] != 0:
    raise DataError(f"{path} does not begin with 'number of jobs, ...'")
  instances = []
  for i, (start, end) in enumerate(zip(starts, [*starts[1:], len(lines)], strict=True)):
    block, where = lines[start + 1 : end], f"{path}, instance {i}"
    if len(block) < 3 or not re.match("processing times", block[1]):
      raise DataError(f"{where}: expected five numbers, 'processing times' and the times")
    head = integers(block[0], where)
    if len(head) != 5 or head[:2] != [jobs, machines]:
      raise DataError(f"{where}: {block[0][:60]!r} is not {jobs}, {machines}, a seed and two bounds")
    seed, upper, lower = head[2:]
    times = times_of(seed, jobs, machines)
    found = integers(" ".join(block[2:]), where)
    if len(found) != times.size:
      raise DataError(f"{where}: {len(found)} times, expected {times.size}")
    if (times.ravel() != found).any():
      at = int((times.ravel() != found).argmax())
      raise DataError(f"{where}: time {at + 1} is {found[at]}, but the seed {seed} gives {times.ravel()[at]}")
    if lower != lower_bound(times):
      raise DataError(f"{where}: lower bound {lower}, but the times give {lower_bound(times)}")
    job, machine = np.divmod(np.arange(times.size), machines)
    operations = np.stack([job, machine, machine, times.T.ravel()], axis=1)
    instances.append(Instance("", _FAMILY, jobs, machines, operations, lower, upper))
  return instances


def _table(instances: list[Instance], folder: Path) -> Table:
  return table_of(instances, str(folder), families=(_FAMILY,), longest=99)


def _read(folder: Path) -> Table:
  """instances/<name>.txt, one instance in each."""
  check_sums(folder)
  instances = []
  for jobs, machines in SIZES:
    for i in range(10):
      path = folder / "instances" / f"tai{jobs}_{machines}_{i}.txt"
      (instance,) = _instances(path, jobs, machines)
      instances.append(instance._replace(name=path.stem))
  return _table(instances, folder)


def _original(folder: Path) -> Table:
  """The publisher's tai20_5.txt to tai500_20.txt, ten instances in each; the same numbers."""
  instances = []
  for path in matching(folder, "tai*_*.txt"):
    size = re.fullmatch(r"tai([0-9]{1,4})_([0-9]{1,3})", path.stem)
    if not size:
      raise DataError(f"{path}: its name is not that of a size, such as tai20_5.txt")
    found = _instances(path, int(size[1]), int(size[2]))
    instances += [instance._replace(name=f"{path.stem}_{i}") for i, instance in enumerate(found)]
  instances.sort(key=lambda instance: (instance.jobs, instance.machines, instance.name))
  return _table(instances, folder)


_SITE = "http://mistic.heig-vd.ch/taillard/problemes.dir/ordonnancement.dir"
SOURCE = Source(
  name="flowshop",
  title="Taillard's 120 permutation flow-shop instances",
  publisher=f"{_SITE}/ordonnancement.html",
  licence="not stated",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=tuple(
    Remote(f"{_SITE}/flowshop.dir/tai{jobs}_{machines}.txt", None, f"tai{jobs}_{machines}.txt")
    for jobs, machines in SIZES
  ),
)
load = SOURCE.load
