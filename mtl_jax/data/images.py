"""Pictures: reading them strictly, shrinking them as the project's copies were, and a table of them."""

import re
import struct
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from mtl_jax.data.folder import DataError
from mtl_jax.data.table import Column, Table, checked_array, of_frame

GREY = Column("grey level", 0, 255)
BIT = Column("1", 0, 1)
# What Pillow raises for a picture that is cut short or something else; a warning of it is one as well.
_BROKEN = (OSError, SyntaxError, ValueError, EOFError, struct.error, Image.DecompressionBombError, Warning)


def read_grey(path: Path, side: int | None = None) -> np.ndarray:
  """(height, width) uint8 grey levels of a JPEG, PNG or BMP; of `side` x `side` pixels where that is given.

  A JPEG holds no checksum: a changed byte that can still be decoded is not noticed here, but by the archive it came in.

  Raises:
    DataError: absent, no such picture, cut short, a checksum within a PNG that does not fit, or another size.
  """
  if not path.is_file():
    raise DataError(f"{path} is missing")
  try:
    with warnings.catch_warnings(action="error"):
      if path.suffix.lower() == ".png":
        with Image.open(path, formats=("PNG",)) as image:
          image.verify()  # `load` leaves the checksums alone
      with Image.open(path, formats=("JPEG", "PNG", "BMP")) as image:
        grey = np.asarray(image.convert("L"))
  except _BROKEN as error:
    raise DataError(f"{path} is no complete picture: {error}") from None
  if side is not None and grey.shape != (side, side):
    raise DataError(f"{path} has {grey.shape[1]} x {grey.shape[0]} pixels, expected {side} x {side}")
  return grey


def shrink(image: np.ndarray, side: int) -> np.ndarray:
  """(side, side) uint8 of a (height, width) uint8 picture: Pillow's box filter; another shape is squeezed."""
  return np.asarray(Image.fromarray(image).resize((side, side), Image.Resampling.BOX))


def unpacked(bits: np.ndarray, side: int, where: str) -> np.ndarray:
  """(rows, side, side) uint8, 0 or 1, of rows of packed bits; DataError where there are too few."""
  if bits.dtype != np.uint8 or bits.ndim != 2 or bits.shape[1] != -(-side * side // 8):
    raise DataError(f"{where}: {bits.dtype} {bits.shape}, expected uint8 (rows, {-(-side * side // 8)})")
  return np.unpackbits(bits, axis=1, count=side * side).reshape(-1, side, side)


def named(places: np.ndarray, names: Iterable[str], where: str) -> np.ndarray:
  """The names at some places of a list of them; DataError for a place that the list does not have."""
  listed = np.asarray(names)
  if not np.issubdtype(places.dtype, np.integer):
    raise DataError(f"{where}: holds {places.dtype}, expected integers")
  checked_array(places, len(places), Column(low=0, high=len(listed) - 1), where)
  return listed[places]


def read_lines(path: Path, pattern: str) -> list[tuple[str, ...]]:
  """The groups of `pattern` in every line of an ASCII text.

  Raises:
    DataError: absent, empty, another encoding, or a line that is not of the pattern.
  """
  if not path.is_file():
    raise DataError(f"{path} is missing")
  try:
    lines = path.read_bytes().decode("ascii").splitlines()
  except UnicodeDecodeError as error:
    raise DataError(f"{path} is no ASCII text: {error}") from None
  if not lines:
    raise DataError(f"{path} is empty")
  found = [re.fullmatch(pattern, line) for line in lines]
  for number, (line, match) in enumerate(zip(lines, found, strict=True), 1):
    if match is None:
      raise DataError(f"{path}, line {number}: {line[:80]!r} is not as expected")
  return [match.groups() for match in found if match is not None]


def table_of(
  frame: pd.DataFrame,
  where: str,
  *,
  images: Mapping[str, tuple[np.ndarray, Column]],
  labels: Mapping[str, Column],
  groups: Mapping[str, Column],
  key: tuple[str, ...],
  masks: Mapping[str, tuple[np.ndarray, Column]] | None = None,
) -> Table:
  """A table with pictures as columns and pixel masks among the labels, for they tell the answer.

  Args:
    frame, where, labels, groups, key: as in `of_frame`.
    images, masks: name -> ((rows, height, width) uint8, rule).
  """
  table = of_frame(frame, where, columns={}, labels=labels, groups=groups, key=key, arrays=images)
  marked = {
    name: checked_array(mask, table.rows, rule, f"{where}: {name}") for name, (mask, rule) in (masks or {}).items()
  }
  units = {name: rule.unit for name, (_, rule) in (masks or {}).items()}
  return table._replace(labels=table.labels | marked, units=table.units | units)
