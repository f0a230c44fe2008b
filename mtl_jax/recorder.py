"""Metrics on disk: one JSON object per line, safe against a kill at any moment."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from mtl_jax.disk import replacing


class Recorder:
  """Appends rows to a `metrics.jsonl`; of several processes only the first writes.

  Args:
    path: the file; it and its folder are made when missing. A last line that a kill left
      half-written is cut off.
    tags: fields that every row of this recorder carries, for example `method="maml"`, so
      that several recorders share a file and each rewinds only its own rows.
  """

  def __init__(self, path: str | Path, **tags: str | int):
    self._path, self._tags = Path(path), tags
    if jax.process_index():
      return
    self._path.parent.mkdir(parents=True, exist_ok=True)
    with self._path.open("a+b") as file:
      file.seek(0)
      file.truncate(file.read().rfind(b"\n") + 1)

  def write(self, row: Mapping[str, Any]) -> None:
    """Appends `row` and waits until it is on disk; arrays become lists.

    Raises:
      ValueError: a number is NaN or infinite. JSON has neither, and a null would be drawn
        as a gap where there was a failure.
    """
    line = _line(self._tags | dict(row))
    if jax.process_index():
      return
    with self._path.open("ab") as file:
      file.write(line)
      file.flush()
      os.fsync(file.fileno())

  def rewind(self, step: int) -> list[dict[str, Any]]:
    """Drops this recorder's rows whose `step` is beyond `step`, all of them or none, and returns those that stay."""

    def mine(row: dict[str, Any]) -> bool:
      return all(row.get(name) == value for name, value in self._tags.items())

    kept = [row for row in read(self._path) if not mine(row) or row.get("step", step) <= step]
    if jax.process_index():
      return [row for row in kept if mine(row)]
    with replacing(self._path) as file:
      file.writelines(map(_line, kept))
    return [row for row in kept if mine(row)]


def _line(row: Mapping[str, Any]) -> bytes:
  try:
    text = json.dumps(row, allow_nan=False, default=lambda value: np.asarray(value).tolist())
  except ValueError as error:
    raise ValueError(f"a row must have finite numbers only: {dict(row)}") from error
  return text.encode() + b"\n"


def read(path: str | Path) -> list[dict[str, Any]]:
  """The rows of a `metrics.jsonl`, without a last line that is still being written.

  Raises:
    FileNotFoundError: there is no such file.
    ValueError: a line is not JSON; the message names the file and the line.
  """
  rows = []
  for number, line in enumerate(Path(path).read_bytes().split(b"\n")[:-1], start=1):
    try:
      rows.append(json.loads(line))
    except ValueError as error:
      raise ValueError(f"{path}, line {number} is not JSON: {line[:80]!r}") from error
  return rows
