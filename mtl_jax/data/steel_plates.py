"""Faults of steel plates: 1,941 surface defects, 27 features of their images, seven classes.

M. Buscema, S. Terzi, W. Tastle, "A new meta-classifier", NAFIPS 2010. Publisher:
https://archive.ics.uci.edu/dataset/198 (Semeion, Rome), CC BY 4.0.

What a reader must know:
- A row is a defect, not a plate, and no column names the plate: several defects of one plate may fall on both sides of
  a split. `unit` is only the place in the file, and the rows stand sorted by class.
- `fault` is the publisher's seven one-hot columns as one text. "Other" (673 rows) is whatever is none of the six.
- `steel` repeats TypeOfSteel_A300 and _A400, which add up to one in every row.
- LogOfAreas, Log_X_Index and Log_Y_Index are the decimal logarithms of the area, the width and the height; the reader
  checks them, which notices columns that are swapped or shifted.
- Units of conveyer length and plate thickness are not stated.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_csv, read_numbers
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (File("steel_plates_faults.csv", 305422, "20825a4f48de8fd9aba03200093a0bcf79091e7151788573c04ac374215c52b2"),)
FACTS = Facts(
  rows=1941,
  counts={
    "fault": {
      "Pastry": 158,
      "Z_Scratch": 190,
      "K_Scatch": 391,
      "Stains": 72,
      "Dirtiness": 55,
      "Bumps": 402,
      "Other": 673,
    }
  },
)
_PIXEL = Column("pixel", 0, 3000, kind="integer")
_SHARE = Column("1", 0, 1)
_FLAG = Column(kind="integer", among=(0, 1))
_COLUMNS = {
  "X_Minimum": _PIXEL,
  "X_Maximum": _PIXEL,
  "Y_Minimum": Column("pixel", 1000, 1e8, kind="integer"),
  "Y_Maximum": Column("pixel", 1000, 1e8, kind="integer"),
  "Pixels_Areas": Column("pixel", 1, 1e6, kind="integer"),
  "X_Perimeter": Column("pixel", 1, 1e5, kind="integer"),
  "Y_Perimeter": Column("pixel", 1, 1e5, kind="integer"),
  "Sum_of_Luminosity": Column("1", 1, 1e8, kind="integer"),
  "Minimum_of_Luminosity": Column("1", 0, 255, kind="integer"),
  "Maximum_of_Luminosity": Column("1", 0, 255, kind="integer"),
  "Length_of_Conveyer": Column("?", 1000, 2000, kind="integer"),
  "TypeOfSteel_A300": _FLAG,
  "TypeOfSteel_A400": _FLAG,
  "Steel_Plate_Thickness": Column("?", 20, 500, kind="integer"),
  "Edges_Index": _SHARE,
  "Empty_Index": _SHARE,
  "Square_Index": _SHARE,
  "Outside_X_Index": _SHARE,
  "Edges_X_Index": _SHARE,
  "Edges_Y_Index": _SHARE,
  "Outside_Global_Index": Column(among=(0, 0.5, 1)),
  "LogOfAreas": Column("1", 0, 6),
  "Log_X_Index": Column("1", 0, 4),
  "Log_Y_Index": Column("1", 0, 5),
  "Orientation_Index": Column("1", -1, 1),
  "Luminosity_Index": Column("1", -1, 1),
  "SigmoidOfAreas": _SHARE,
}
_FAULTS = {  # column: class
  "Pastry_Fault": "Pastry",
  "Z_Scratch_Fault": "Z_Scratch",
  "K_Scatch_Fault": "K_Scatch",
  "Stains_Fault": "Stains",
  "Dirtiness_Fault": "Dirtiness",
  "Bumps_Fault": "Bumps",
  "Other_Faults": "Other",
}
_LABELS = {"fault": Column(kind="text", among=tuple(_FAULTS.values()))}
_GROUPS = {
  "unit": Column("row", 1, kind="integer"),
  "steel": Column(kind="text", among=("A300", "A400")),
}


def _table(frame: pd.DataFrame, where: Path) -> Table:
  frame = validated(frame, _COLUMNS | dict.fromkeys(_FAULTS, _FLAG), str(where))
  width = (frame["X_Maximum"] - frame["X_Minimum"]).clip(lower=0.1)
  height = (frame["Y_Maximum"] - frame["Y_Minimum"]).clip(lower=0.1)
  wrong = {
    "the seven classes do not add up to one": frame[list(_FAULTS)].sum(axis=1) != 1,
    "the two types of steel do not add up to one": frame["TypeOfSteel_A300"] + frame["TypeOfSteel_A400"] != 1,
    "LogOfAreas is not that of Pixels_Areas": (np.log10(frame["Pixels_Areas"]) - frame["LogOfAreas"]).abs() > 1e-3,
    "Log_X_Index is not that of X_Maximum - X_Minimum": (np.log10(width) - frame["Log_X_Index"]).abs() > 1e-3,
    "Log_Y_Index is not that of Y_Maximum - Y_Minimum": (np.log10(height) - frame["Log_Y_Index"]).abs() > 1e-3,
    "the luminosity's minimum is above its maximum": frame["Minimum_of_Luminosity"] > frame["Maximum_of_Luminosity"],
  }
  for what, rows in wrong.items():
    if rows.any():
      raise DataError(f"{where}: row {int(rows.to_numpy().argmax()) + 1}: {what}")
  frame = frame.assign(
    fault=frame[list(_FAULTS)].idxmax(axis=1).map(_FAULTS),
    unit=np.arange(1, len(frame) + 1),
    steel=np.where(frame["TypeOfSteel_A300"] == 1, "A300", "A400"),
  )
  return of_frame(frame, str(where), columns=_COLUMNS, labels=_LABELS, groups=_GROUPS, key=("unit",))


def _read(folder: Path) -> Table:
  """A comma separated text with a header."""
  path = folder / FILES[0].name
  return _table(read_csv(path), path)


def _original(folder: Path) -> Table:
  """The publisher's Faults.NNA, tab separated without a header; the order is that of its Faults27x7_var.

  The project's copy differs in nothing that is read.
  """
  path = matching(folder, "Faults.NNA")[0]
  names = [*_COLUMNS, *_FAULTS]
  return _table(pd.DataFrame(read_numbers(path, len(names), "\t"), columns=names), path)


SOURCE = Source(
  name="steel_plates",
  title="Steel plates faults: 1,941 defects, 27 features, seven classes",
  publisher="https://archive.ics.uci.edu/dataset/198/steel+plates+faults",
  licence="CC BY 4.0",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(Remote("https://archive.ics.uci.edu/static/public/198/steel+plates+faults.zip", None, "steel_plates.zip"),),
)
load = SOURCE.load
