"""Where recorded data lies, whether it is what it should be, and reading it without surprises.

The readers here are strict: a line with a field too few, a wrong encoding or an empty file is
a `DataError` that names the file, never a silent NaN.
"""

import hashlib
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.csv

from mtl_jax.data.error import DataError

VARIABLE = "MTL_JAX_DATA"


class File(NamedTuple):
  """A file that a reader relies on."""

  name: str
  size: int  # bytes
  sha256: str  # hexadecimal


def sha256_of(path: Path) -> str:
  with path.open("rb") as stream:
    return hashlib.file_digest(stream, "sha256").hexdigest()


def check_file(path: Path, file: File) -> None:
  """Raises DataError, with expected and found size and sha256, if `path` is not `file`."""
  again = f"copy {file.name} again from where the data set came from (its README names the publisher)"
  if not path.is_file():
    raise DataError(f"{path} is missing; expected {file.size} bytes, sha256 {file.sha256}: {again}")
  size, sha256 = path.stat().st_size, sha256_of(path)
  if size != file.size or sha256 != file.sha256:
    what = "is cut short" if size < file.size else "is not the expected file"
    raise DataError(
      f"{path} {what}: expected {file.size} bytes, found {size}; expected sha256 {file.sha256}, found {sha256}: {again}"
    )


def place_of(data_set: str, folder: str | os.PathLike[str] | None) -> Path:
  """The folder of a data set.

  Args:
    data_set: the folder's name under `MTL_JAX_DATA`: "cwru".
    folder: the data set's own folder; None takes `$MTL_JAX_DATA/<data_set>`.

  Raises:
    DataError: the variable is not set or there is no such folder.
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
      f"{found} is not a folder: set {VARIABLE} to the folder that holds {data_set}/, or pass folder=; "
      f"`python scripts/data.py fetch {data_set}` downloads it where its publisher allows"
    )
  return found


def checked(data_set: str, files: Sequence[File], folder: str | os.PathLike[str] | None) -> Path:
  """The folder of a data set, its files present and unaltered.

  Raises:
    DataError: the variable is not set, the folder or a file is absent, or a file has
      another size or sha256 than expected.
  """
  found = place_of(data_set, folder)
  for file in files:
    check_file(found / file.name, file)
  return found


def _text(path: Path, ended: bool) -> None:
  """Raises DataError unless there is something to read; a number that is cut short still reads as one."""
  if not path.is_file():
    raise DataError(f"{path} is missing")
  if not path.read_bytes().strip():
    raise DataError(f"{path} is empty")
  if ended and not path.read_bytes().endswith((b"\n", b"\r")):
    raise DataError(f"{path} is cut short: its last line does not end")


def read_csv(
  path: Path,
  delimiter: str = ",",
  names: Sequence[str] | None = None,
  encoding: str = "utf-8",
  *,
  ended: bool = True,
) -> pd.DataFrame:
  """A delimited text; every line must have as many fields as the header, or as `names`.

  Empty fields are missing values. A byte order mark and a trailing blank in a name are dropped.
  `ended=False` is for a publisher whose last line has no end.

  Raises:
    DataError: absent, empty, another encoding, a line with another number of fields, a name twice.
  """
  _text(path, ended)
  try:
    read = arrow.csv.ReadOptions(column_names=list(names) if names else None, encoding=encoding)
    table = arrow.csv.read_csv(
      path,
      read_options=read,
      parse_options=arrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
      convert_options=arrow.csv.ConvertOptions(strings_can_be_null=True, null_values=[""], timestamp_parsers=[]),
    )
    found = [name.lstrip("\ufeff").strip() for name in table.column_names]
  except (arrow.ArrowInvalid, UnicodeDecodeError) as error:
    raise DataError(f"{path} cannot be read as {encoding} text with '{delimiter}' between fields: {error}") from None
  twice = {name for name in found if found.count(name) > 1}
  if twice:
    raise DataError(f"{path}: column {sorted(twice)[0]!r} stands twice in the header")
  if not table.num_rows:
    raise DataError(f"{path} has a header and no rows")
  for name, kind in zip(found, table.schema.types, strict=True):
    if arrow.types.is_binary(kind):
      raise DataError(f"{path}: column {name!r} is not {encoding} text")
  return table.rename_columns(found).to_pandas()


def read_numbers(path: Path, columns: int, delimiter: str | None = None) -> np.ndarray:
  """(rows, columns) float64 of a text of numbers without a header.

  Args:
    delimiter: None for any white space.

  Raises:
    DataError: absent, empty, something that is no number, a line with another number of fields.
  """
  _text(path, ended=True)
  try:
    numbers = np.loadtxt(path, np.float64, delimiter=delimiter, ndmin=2, comments=None, encoding="ascii")
  except ValueError as error:  # UnicodeDecodeError is one
    raise DataError(f"{path}: {error}") from None
  if numbers.shape[1] != columns:
    raise DataError(f"{path}: {numbers.shape[1]} numbers in a line, expected {columns}")
  return numbers


def read_arrays(path: Path, names: Sequence[str] = ()) -> dict[str, np.ndarray]:
  """Every array of an .npz file, `names` among them; no pickles.

  Raises:
    DataError: absent, not such a file, cut short, or an array is not in it.
  """
  if not path.is_file():
    raise DataError(f"{path} is missing")
  try:
    with np.load(path, allow_pickle=False) as stored:
      arrays = {name: stored[name] for name in stored.files}
  except (ValueError, EOFError, OSError, zipfile.BadZipFile, KeyError) as error:
    raise DataError(f"{path} is no complete .npz file: {error}") from None
  absent = [name for name in names if name not in arrays]
  if absent:
    raise DataError(f"{path} has no array {absent[0]!r}; it has {', '.join(sorted(arrays))}")
  return arrays


def matching(folder: Path, pattern: str) -> list[Path]:
  """The files of a folder and of those below it that match, sorted; DataError if there are none."""
  found = sorted(path for path in folder.rglob(pattern) if path.is_file())
  if not found:
    raise DataError(f"{folder} has no file {pattern}")
  return found


def number(text: Any, where: str) -> float:
  """A number from a name or a text; DataError that names the place."""
  try:
    return float(text)
  except ValueError:
    raise DataError(f"{where}: {text!r} is no number") from None
