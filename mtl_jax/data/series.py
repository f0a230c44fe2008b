"""Files with a series a line: the .tsf text of the Monash archive, and what becomes of them in a long table.

R. Godahewa, C. Bergmeir, G. I. Webb, R. J. Hyndman, P. Montero-Manso, "Monash time series forecasting archive",
NeurIPS 2021 (datasets and benchmarks), describes the format: comments (#), a header (@), then lines
`name:start:value,value,...` in which `?` is a missing value.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mtl_jax.data.folder import DataError

_ONCE = ("relation", "frequency", "horizon", "missing", "equallength", "data")
_VALUE = re.compile(r"-?\d+(\.\d*)?([eE][+-]?\d+)?|\?", re.ASCII)


class Tsf(NamedTuple):
  """A .tsf file.

  Attributes:
    header: keyword -> what stands behind it; "attribute" is left out.
    names: T1, T2, ..., as the archive calls its series.
    starts: the start of each, as it is written; "" where the file gives none.
    series: the values; missing ones are NaN.
  """

  header: dict[str, str]
  names: list[str]
  starts: list[str]
  series: list[np.ndarray]


def _header(lines: list[str], path: Path) -> tuple[dict[str, str], list[str], int]:
  """The header, the attributes' names and the number of the first line of data."""
  header: dict[str, str] = {}
  attributes: list[str] = []
  for at, line in enumerate(lines):
    word, _, rest = line.strip().partition(" ")
    if not word or word.startswith("#"):
      continue
    keyword = word[1:].lower()
    if not line.isascii() or word[0] != "@" or keyword not in (*_ONCE, "attribute") or keyword in header:
      raise DataError(f"{path}, line {at + 1}: {line[:40]!r} does not belong in the header of a .tsf file")
    if keyword == "attribute":
      attributes.append(rest.split()[0] if rest.split() else "")
    else:
      header[keyword] = rest.strip()
    if keyword == "data":
      return header, attributes, at + 1
  raise DataError(f"{path} has no @data: it is cut short or no .tsf file")


def read_tsf(path: Path) -> Tsf:
  """A .tsf file of the Monash archive.

  Comments are Windows-1252 text (those of M3 have a dash outside ASCII), everything else is ASCII.

  Raises:
    DataError: absent, empty, no such file; series that are not T1, T2, ... in order; a value
      that is no number; a missing value or unequal lengths where the header says that there are none.
  """
  if not path.is_file():
    raise DataError(f"{path} is missing")
  try:
    lines = path.read_text(encoding="cp1252").split("\n")
  except UnicodeDecodeError as error:
    raise DataError(f"{path} is not text: {error}") from None
  header, attributes, first = _header(lines, path)
  if lines[-1]:  # a number that is cut short still reads as one
    raise DataError(f"{path} is cut short: its last line does not end")
  if attributes not in (["series_name"], ["series_name", "start_timestamp"]):
    raise DataError(f"{path}: the attributes are {attributes}, expected series_name and perhaps start_timestamp")
  names, starts, series = [], [], []
  for at, line in enumerate(lines[first:], first + 1):
    if not line.strip():
      continue
    *fields, text = line.strip().split(":")
    if len(fields) != len(attributes) or fields[0] != f"T{len(names) + 1}":
      raise DataError(f"{path}, line {at}: begins {line[:40]!r}, expected T{len(names) + 1} and {attributes[1:]}")
    values = text.split(",")
    wrong = [value for value in values if not _VALUE.fullmatch(value)]
    if wrong or (header.get("missing") == "false" and "?" in values):
      raise DataError(f"{path}, line {at}: {(wrong or ['?'])[0]!r} is no number")
    names.append(fields[0])
    starts.append(fields[1] if len(fields) == 2 else "")
    series.append(np.array([value.replace("?", "nan") for value in values], np.float64))
  if not names:
    raise DataError(f"{path} has a header and no series")
  if header.get("equallength") == "true" and len({len(values) for values in series}) > 1:
    raise DataError(f"{path}: the series differ in length, although its header says that they do not")
  return Tsf(header, names, starts, series)


def steps(lengths: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """(rows,) which series and (rows,) which step of it, from 0, of series one below the other."""
  counts = np.asarray(lengths, np.int64)
  which = np.repeat(np.arange(len(counts)), counts)
  return which, np.arange(len(which)) - (np.cumsum(counts) - counts)[which]


def lengths_of(wide: np.ndarray, where: str) -> np.ndarray:
  """(series,) how many values each line of (series, steps) has; DataError if one is missing before another."""
  lengths = (~np.isnan(wide)).sum(1)
  gaps = np.isnan(wide) & (np.arange(wide.shape[1]) < lengths[:, None])
  if gaps.any():
    series, step = np.argwhere(gaps)[0]
    raise DataError(f"{where}: value {step + 1} of series {series + 1} is missing, but later ones are not")
  return lengths
