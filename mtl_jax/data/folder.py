"""Where recorded data lies, and whether it is what its README says."""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

VARIABLE = "MTL_JAX_DATA"


class DataError(ValueError):
  """A data folder or file is absent, cut short or not the expected one."""


class File(NamedTuple):
  """A file that a reader relies on."""

  name: str
  size: int  # bytes
  sha256: str  # hexadecimal


def _check(path: Path, file: File) -> None:
  again = f"copy {file.name} again from where the data set came from (its README names the publisher)"
  if not path.is_file():
    raise DataError(f"{path} is missing; expected {file.size} bytes, sha256 {file.sha256}: {again}")
  size = path.stat().st_size
  with path.open("rb") as stream:
    sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
  if size != file.size or sha256 != file.sha256:
    what = "is cut short" if size < file.size else "is not the expected file"
    raise DataError(
      f"{path} {what}: expected {file.size} bytes, found {size}; expected sha256 {file.sha256}, found {sha256}: {again}"
    )


def checked(data_set: str, files: Sequence[File], folder: str | os.PathLike[str] | None) -> Path:
  """The folder of a data set, its files present and unaltered.

  Args:
    data_set: the folder's name under `MTL_JAX_DATA`: "cwru".
    files: what must be in it.
    folder: the data set's own folder; None takes `$MTL_JAX_DATA/<data_set>`.

  Raises:
    DataError: the variable is not set, the folder or a file is absent, or a file has
      another size or sha256 than expected.
  """
  if folder is None:
    root = os.environ.get(VARIABLE)
    if not root:
      raise DataError(f"{VARIABLE} is not set: set it to the folder that holds {data_set}/, or pass folder=")
    found = Path(root) / data_set
  else:
    found = Path(folder)
  if not found.is_dir():
    raise DataError(
      f"{found} is not a folder: set {VARIABLE} to the folder that holds {data_set}/, "
      f"or pass folder=, with {', '.join(file.name for file in files)} in it"
    )
  for file in files:
    _check(found / file.name, file)
  return found
