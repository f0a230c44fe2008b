"""What the readers of scheduling instances share: one row per operation, or per machine that could do it.

Times are whole numbers in a unit of their own; `time` is the place of an operation in its job, from 0.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, sha256_of
from mtl_jax.data.table import Column, Table, of_frame

SUMS = "SHA256SUMS"
_UNIT = "time unit"


class Instance(NamedTuple):
  """One scheduling problem."""

  name: str
  family: str
  jobs: int
  machines: int
  operations: np.ndarray  # (rows, 4) int64: job, place in the job, machine, duration; all from 0
  lower: float  # bounds of the shortest makespan; NaN where unknown
  upper: float


def check_sums(folder: Path) -> None:
  """Raises DataError if a file that SHA256SUMS lists is absent or another."""
  for line in read_lines(folder / SUMS):
    expected, name = line.split(maxsplit=1)
    path = folder / name
    if not path.is_file():
      raise DataError(f"{path} is missing; expected sha256 {expected}: copy it again")
    if (found := sha256_of(path)) != expected:
      size = path.stat().st_size
      raise DataError(f"{path} ({size} bytes) is not the expected file: expected sha256 {expected}, found {found}")


def read_lines(path: Path) -> list[str]:
  """The lines that hold something, without the blanks around them; DataError if there are none."""
  if not path.is_file():
    raise DataError(f"{path} is missing")
  try:
    lines = path.read_text("utf-8").splitlines()
  except UnicodeDecodeError as error:
    raise DataError(f"{path} is not UTF-8 text: {error}") from None
  lines = [line.strip() for line in lines if line.strip()]
  if not lines:
    raise DataError(f"{path} is empty")
  return lines


def integers(text: str, where: str) -> list[int]:
  """Whole numbers without a sign, blanks between them; DataError for anything else."""
  fields = text.split()
  for field in fields:
    if not re.fullmatch(r"[0-9]{1,10}", field):
      raise DataError(f"{where}: {field[:20]!r} is no whole number")
  return [int(field) for field in fields]


def _check(instance: Instance, where: str) -> None:
  """Machines exist, and the bounds are not beyond what the operations alone allow."""
  job, place, machine, duration = instance.operations.T
  if len(np.unique(job)) != instance.jobs or (machine >= instance.machines).any():
    raise DataError(f"{where}: {instance.name} has jobs or machines beyond {instance.jobs} x {instance.machines}")
  operation, inverse, choices = np.unique(job * 100_000 + place, return_inverse=True, return_counts=True)
  shortest = np.full(len(operation), np.iinfo(np.int64).max)
  np.minimum.at(shortest, inverse, duration)
  longest = np.zeros(len(operation), np.int64)
  np.maximum.at(longest, inverse, duration)
  forced = choices[inverse] == 1
  least = max(
    np.bincount(operation // 100_000, shortest).max(),
    np.bincount(machine[forced], duration[forced], minlength=1).max(),
  )
  lower, upper = instance.lower, instance.upper
  if upper < least or upper > longest.sum():
    raise DataError(
      f"{where}: {instance.name} cannot take {upper:g}: its operations allow {least:g} to {longest.sum()}"
    )
  if lower > upper or lower < 1:
    raise DataError(f"{where}: {instance.name} has the bounds {lower:g} and {upper:g}")


def table_of(instances: Iterable[Instance], where: str, *, families: tuple[str, ...], longest: int) -> Table:
  """All operations of all instances, in the order given.

  Args:
    families: that occur.
    longest: duration that occurs.

  Raises:
    DataError: an instance stands twice, or its numbers contradict one another.
  """
  instances = list(instances)
  if not instances:
    raise DataError(f"{where}: has no instance")
  for instance in instances:
    _check(instance, where)
  rows = [len(instance.operations) for instance in instances]

  def repeated(values: list) -> np.ndarray:
    return np.repeat(np.asarray(values), rows)

  job, place, machine, duration = np.concatenate([instance.operations for instance in instances]).T
  frame = pd.DataFrame(
    {
      "machine": machine,
      "duration": duration,
      "lower": repeated([instance.lower for instance in instances]),
      "upper": repeated([instance.upper for instance in instances]),
      "unit": repeated([instance.name for instance in instances]),
      "family": repeated([instance.family for instance in instances]),
      "size": repeated([f"{instance.jobs}x{instance.machines}" for instance in instances]),
      "job": job,
      "time": place,
    }
  )
  bound = Column(_UNIT, 1, 100_000, missing=True, kind="integer")
  return of_frame(
    frame,
    where,
    columns={
      "machine": Column(low=0, high=99, kind="integer"),
      "duration": Column(_UNIT, 0, longest, kind="integer"),
    },
    labels={"lower": bound, "upper": bound},
    groups={
      "unit": Column(kind="text"),
      "family": Column(kind="text", among=families),
      "size": Column(kind="text"),
      "job": Column(low=0, high=999, kind="integer"),
      "time": Column(low=0, high=999, kind="integer"),
    },
    key=("unit", "job", "time", "machine"),
  )
