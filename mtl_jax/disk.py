"""Files that a kill leaves as they were or as they should be."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import jax


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
  """A file to write, which takes the place of `path` on disk at the end of the block; until then, or where the block
  raises, whoever reads `path` sees what it was. Its folder is made."""
  path.parent.mkdir(parents=True, exist_ok=True)
  beside = path.with_name(f"{path.name}.{os.getpid()}.new")  # two may write at once
  try:
    with beside.open("wb") as file:
      yield file
      file.flush()
      os.fsync(file.fileno())
    os.replace(beside, path)
  finally:
    beside.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
  """All of the file or the old one; of several processes only the first writes. ValueError for a NaN."""
  if jax.process_index():
    return
  with replacing(path) as file:
    file.write(json.dumps(value, indent=1, allow_nan=False).encode() + b"\n")
