"""CO and NOx of a gas turbine: 36,733 hourly averages of five years, one turbine in north-western Turkey.

H. Kaya, P. Tufekci, E. Uzun, "Predicting CO and NOx emissions from gas turbines: novel data and a benchmark PEMS",
Turk. J. Electr. Eng. Comput. Sci. 27 (2019) 4783-4796. Publisher: https://archive.ics.uci.edu/dataset/551, CC BY 4.0.

What a reader must know:
- There is one turbine; a year stands in for a unit, and the task is drift from year to year.
- No time stamp: `time` is the place of a row in its year's file. Hours are missing (7,152 to 7,628 rows of 8,760), so a
  row's neighbour is not always an hour away.
- With labels known an hour later, repeating the last value beats every frozen model: state the delay of the labels.
- Labels are CO and NOX. The energy yield TEY is a target in other papers; it is known while the turbine runs and is a
  column here. Leave it out of the inputs when it is predicted.
- Seven rows of 2014 repeat the row above in every value (from rows 4,208 and 5,198).
- Units are the publisher's. A compressor discharge pressure (CDP) of 10 to 15 mbar cannot be: it must be bar.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import File, read_csv
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File("gt_2011.csv", 562921, "d87ceef9aa59533cc7d924d10de241b1b06ecd11f9b26bab59191ea0f8a76b9a"),
  File("gt_2012.csv", 577617, "be54b9d0e1a7de40c55d32fa489e75de892b000c066b5a09f09a19124ee29100"),
  File("gt_2013.csv", 540334, "13c437bb440ec2045bd12057e6654c41dd4107a661eac16ba2e878e897a08f9e"),
  File("gt_2014.csv", 541009, "c2a03c92c9c3207aad0c6be7de8d9b5b4bfa4720ad0efb2c1f21b6cec4d3f3fa"),
  File("gt_2015.csv", 556928, "9b08f35fde0d4b138232a605db4093c2b8bf9d6757e6f1fbd9534ad616c13591"),
)
FACTS = Facts(rows=36_733, counts={"unit": {"2011": 7411, "2012": 7628, "2013": 7152, "2014": 7158, "2015": 7384}})
_SPLITS = {2011: "train", 2012: "train", 2013: "validation", 2014: "test", 2015: "test"}  # the publisher's
_COLUMNS = {
  "AT": Column("degC", -15, 45),  # ambient temperature
  "AP": Column("mbar", 960, 1060),  # ambient pressure
  "AH": Column("%", 5, 101),  # ambient humidity; 100.2 occurs
  "AFDP": Column("mbar", 1, 9.5),  # drop over the air filter
  "GTEP": Column("mbar", 15, 45),  # exhaust pressure
  "TIT": Column("degC", 950, 1150),  # turbine inlet temperature
  "TAT": Column("degC", 490, 570),  # turbine after temperature
  "TEY": Column("MWh", 90, 200),  # energy yield of the hour
  "CDP": Column("mbar", 9.6, 16),  # compressor discharge pressure
}
_LABELS = {"CO": Column("mg/m3", 0, 60), "NOX": Column("mg/m3", 20, 150)}
_GROUPS = {
  "unit": Column(kind="text"),  # year
  "split": Column(kind="text", among=("train", "validation", "test")),
  "time": Column("row", 1, kind="integer"),
}


def _read(folder: Path) -> Table:
  """The publisher's five files, one a year."""
  years = []
  for year, split in _SPLITS.items():
    path = folder / f"gt_{year}.csv"
    frame = validated(read_csv(path), _COLUMNS | _LABELS, str(path))
    years.append(frame.assign(unit=str(year), split=split, time=np.arange(1, len(frame) + 1)))
  frame = pd.concat(years, ignore_index=True)
  return of_frame(frame, str(folder), columns=_COLUMNS, labels=_LABELS, groups=_GROUPS, key=("unit", "time"))


SOURCE = Source(
  name="gas_turbine",
  title="Gas turbine emissions of CO and NOx, hourly, 2011 to 2015",
  publisher="https://archive.ics.uci.edu/dataset/551/gas+turbine+co+and+nox+emission+data+set",
  licence="CC BY 4.0",
  files=FILES,
  read=_read,
  facts=FACTS,
  remote=(
    Remote(
      "https://archive.ics.uci.edu/static/public/551/gas+turbine+co+and+nox+emission+data+set.zip",
      None,
      "gas_turbine.zip",
    ),
  ),
)
load = SOURCE.load
