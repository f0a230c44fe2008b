"""AI4I 2020: 10,000 synthetic records of a milling process with five failure modes.

S. Matzka, "Explainable artificial intelligence for predictive maintenance applications", AI4I 2020,
doi 10.1109/AI4I49448.2020.00023. Publisher: https://archive.ics.uci.edu/dataset/601 (HTW Berlin), CC BY 4.0.

What a reader must know:
- The data are simulated, and three modes are rules of the inputs: PWF is power below 3,500 or above 9,000 W, OSF is
  wear times torque above 11,000, 12,000 or 13,000 min Nm (L, M, H), HDF is a temperature difference below 8.6 K at
  less than 1,380 rpm. A tree finds them; a high score says little about a real machine.
- TWF, HDF, PWF, OSF and RNF are the answer, not inputs: each but RNF sets `failure`. They are labels here.
- 18 of the 19 RNF (random) rows are not flagged as a failure, and 9 failures have no mode.
- The description says 50, 30 and 20 % of quality L, M and H; the file has 60, 30 and 10 %.
- One row is one product. Wear grows from row to row until the tool is changed: `tool` counts the tools (120), and rows
  of one tool follow one another, so split by tool or in order of `time` where wear matters.
- UDI is the place in the file, and the product ID is the type and a serial number: neither is an input.
"""

from pathlib import Path

import numpy as np

from mtl_jax.data.folder import DataError, File, read_csv
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (File("ai4i2020.csv", 522048, "dc6630cd9b1f0f853922fad78a1b6436570d3f1ec863f1dd5c4340ac56bc8a8e"),)
FACTS = Facts(
  rows=10_000,
  counts={
    "failure": {0: 9661, 1: 339},
    "TWF": {0: 9954, 1: 46},
    "HDF": {0: 9885, 1: 115},
    "PWF": {0: 9905, 1: 95},
    "OSF": {0: 9902, 1: 98},
    "RNF": {0: 9981, 1: 19},
  },
)
_NAMES = {  # the publisher's: ours
  "UDI": "time",
  "Product ID": "unit",
  "Type": "type",
  "Air temperature [K]": "air_temperature",
  "Process temperature [K]": "process_temperature",
  "Rotational speed [rpm]": "rotational_speed",
  "Torque [Nm]": "torque",
  "Tool wear [min]": "tool_wear",
  "Machine failure": "failure",
}
_COLUMNS = {
  "air_temperature": Column("K", 290, 310),
  "process_temperature": Column("K", 300, 320),
  "rotational_speed": Column("rpm", 1000, 3000, kind="integer"),
  "torque": Column("Nm", 0.1, 100),
  "tool_wear": Column("min", 0, 300, kind="integer"),
}
_FLAG = Column(kind="integer", among=(0, 1))
_LABELS = {
  "failure": _FLAG,
  "TWF": _FLAG,  # tool wear
  "HDF": _FLAG,  # heat dissipation
  "PWF": _FLAG,  # power
  "OSF": _FLAG,  # overstrain
  "RNF": _FLAG,  # random
}
_GIVEN = {
  "unit": Column(kind="text"),  # product ID
  "type": Column(kind="text", among=("L", "M", "H")),  # quality of the product
  "time": Column("product", 1, kind="integer"),
}
_GROUPS = _GIVEN | {"tool": Column(low=1, kind="integer")}


def _read(folder: Path) -> Table:
  """The publisher's comma separated text, which starts with a byte order mark."""
  path = folder / FILES[0].name
  frame = read_csv(path).rename(columns=_NAMES)
  frame = validated(frame, _COLUMNS | _LABELS | _GIVEN, str(path))
  wrong = {
    "UDI does not count the rows from 1": frame["time"] != np.arange(1, len(frame) + 1),
    "the product ID is not the type and a number": ~(frame["unit"].str.fullmatch(r"[LMH]\d{5}"))
    | (frame["unit"].str[:1] != frame["type"]),
    "a failure mode is set without a machine failure": frame[["TWF", "HDF", "PWF", "OSF"]].max(axis=1)
    > frame["failure"],
    "the process is not warmer than the air": frame["process_temperature"] <= frame["air_temperature"],
  }
  for what, rows in wrong.items():
    if rows.any():
      raise DataError(f"{path}: row {int(rows.to_numpy().argmax()) + 1}: {what}")
  frame = frame.assign(tool=1 + (frame["tool_wear"].diff() < 0).cumsum())
  return of_frame(frame, str(path), columns=_COLUMNS, labels=_LABELS, groups=_GROUPS, key=("unit",))


SOURCE = Source(
  name="ai4i2020",
  title="AI4I 2020 predictive maintenance: 10,000 simulated milling records, five failure modes",
  publisher="https://archive.ics.uci.edu/dataset/601/ai4i+2020+predictive+maintenance+dataset",
  licence="CC BY 4.0",
  files=FILES,
  read=_read,
  facts=FACTS,
  remote=(
    Remote(
      "https://archive.ics.uci.edu/static/public/601/ai4i+2020+predictive+maintenance+dataset.zip", None, "ai4i2020.zip"
    ),
  ),
)
load = SOURCE.load
