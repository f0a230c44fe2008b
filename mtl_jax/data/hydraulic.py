"""Condition monitoring of a hydraulic test rig: 2,205 load cycles of 60 s, four components degraded independently.

N. Helwig, E. Pignanelli, A. Schuetze, I2MTC 2015, doi 10.1109/I2MTC.2015.7151267. Publisher:
https://archive.ics.uci.edu/dataset/447 (ZeMA gGmbH), CC BY 4.0.

What a reader must know:
- The cycles were run one after another without a pause, ten or more with one combination of component states, so
  neighbours are near copies: a random split shows the test to the training. The unit is the combination
  "cooler/valve/pump/accumulator" (144 of them); `recording` counts the stretches of equal combination (194).
- `stable` = 0 means stable; 1 means that the rig may not have settled yet (756 cycles).
- All five columns of profile.txt are labels; none may be an input for another.
- This copy has the eight 1 Hz sensors only. The pressures, motor power (100 Hz) and flows (10 Hz) are in the
  publisher's download and are not read; without them valve and accumulator are hard.
- CE, CP and SE are computed by the rig's own software. SE is 0 in seconds 2 to 9 of every cycle.
- Since nothing lies between cycles, a temperature that jumps tells that lines are missing or out of order: an error.
  VS1 has no such check.
"""

from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, read_numbers
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, checked_array, of_frame

FILES = (
  File("CE.txt", 911516, "2adc6e258be8e3b7a303b7962f485a7984099cea21248c3bf9f18c7d87283c09"),
  File("CP.txt", 779343, "63f60132cb5a30879c6f5c73640a39c69e416013195fe62dafe5133b0747baf4"),
  File("SE.txt", 824838, "4c04994cb28b82c001b4931acecf8099e9fe5c864f361c0a7435fbf8745361a1"),
  File("TS1.txt", 904586, "49cae5e9013d8e230698d95f53a98bb77fedfe3c86985b812cf701dcc9ef06d8"),
  File("TS2.txt", 910594, "34115a5b86886d83c0592c1ed259605634a8c83d3a051e97bf3e5790f1db58fa"),
  File("TS3.txt", 908805, "cc271852b4caad39a3b8f5c36d948b57f6cab761dad8b4c7bdd7cb7e99c0b980"),
  File("TS4.txt", 910127, "548b903f7cd4ea7f2497c0063bdda4bdf8793d55ff43a7d694b8cb835eaf2f55"),
  File("VS1.txt", 778499, "a6227d9bcb807ee9835c32e73834d3eb9262f0f5cad1b176ca10c473ced25e99"),
  File("profile.txt", 31196, "867987ca884b2f0fd607ad3918329eba887d095af2befa21122cea518eaa584a"),
)
FACTS = Facts(
  rows=2205,
  counts={
    "cooler": {3: 732, 20: 732, 100: 741},
    "valve": {73: 360, 80: 360, 90: 360, 100: 1125},
    "pump": {0: 1221, 1: 492, 2: 492},
    "accumulator": {90: 808, 100: 399, 115: 399, 130: 599},
    "stable": {0: 1449, 1: 756},
  },
)
SECONDS = 60  # of a cycle, one sample each
_SENSORS = {
  "TS1": Column("degC", 15, 90),
  "TS2": Column("degC", 15, 90),
  "TS3": Column("degC", 15, 90),
  "TS4": Column("degC", 15, 90),
  "VS1": Column("mm/s", 0.1, 5),
  "CE": Column("%", 5, 80),  # cooling efficiency
  "CP": Column("kW", 0.3, 6),  # cooling power
  "SE": Column("%", 0, 105),  # efficiency of the whole rig
}
_STEP = {"TS1": 0.5, "TS2": 0.5, "TS3": 0.5, "TS4": 0.5, "CE": 2.5, "CP": 0.15, "SE": 0.001}  # in a second
_IDLE = slice(1, 9)  # seconds in which SE is 0
_LABELS = {
  "cooler": Column("%", kind="integer", among=(3, 20, 100)),
  "valve": Column("%", kind="integer", among=(73, 80, 90, 100)),
  "pump": Column("1", kind="integer", among=(0, 1, 2)),
  "accumulator": Column("bar", kind="integer", among=(90, 100, 115, 130)),
  "stable": Column("1", kind="integer", among=(0, 1)),
}
_GROUPS = {
  "unit": Column(kind="text"),
  "recording": Column(kind="integer", low=1),
  "time": Column("cycle", 1, kind="integer"),
}


def _sensor(path: Path) -> np.ndarray:
  """(cycles, seconds) of a sensor, checked for cycles that do not follow one another."""
  numbers, name = read_numbers(path, SECONDS, "\t"), path.stem
  checked_array(numbers, len(numbers), _SENSORS[name], str(path))
  joint = np.abs(numbers[1:, 0] - numbers[:-1, -1])
  if name in _STEP and (joint > _STEP[name]).any():
    row = int((joint > _STEP[name]).argmax()) + 2
    raise DataError(
      f"{path}: {name} jumps by {joint[row - 2]:g} {_SENSORS[name].unit} into row {row}, more than {_STEP[name]} "
      "in a second: rows are missing or out of order"
    )
  if name == "SE" and not ((numbers == 0) == np.isin(np.arange(SECONDS), np.arange(SECONDS)[_IDLE])).all():
    raise DataError(f"{path}: SE must be 0 in seconds 2 to 9 of every row, and only there")
  return numbers


def _read(folder: Path) -> Table:
  """The publisher's files: `NAME` is (cycles, seconds), `NAME_mean` and `NAME_sd` are of each cycle."""
  profile = read_numbers(folder / "profile.txt", len(_LABELS))
  frame = pd.DataFrame(profile, columns=list(_LABELS))
  cycles = {name: _sensor(folder / f"{name}.txt") for name in _SENSORS}
  columns = {}
  for name, array in cycles.items():
    if len(array) != len(frame):
      raise DataError(f"{folder / name}.txt: {len(array)} rows, but profile.txt has {len(frame)}")
    rule = _SENSORS[name]
    columns |= {f"{name}_mean": rule, f"{name}_sd": Column(rule.unit, 0, rule.high)}
    frame[f"{name}_mean"], frame[f"{name}_sd"] = array.mean(1), array.std(1)
  frame["unit"] = ["/".join(f"{state:g}" for state in row) for row in profile[:, :4]]
  stretches = [len(list(rows)) for _, rows in groupby(frame["unit"])]
  frame["recording"] = np.repeat(np.arange(1, len(stretches) + 1), stretches)
  frame["time"] = np.arange(1, len(frame) + 1)
  return of_frame(
    frame,
    str(folder),
    columns=columns,
    labels=_LABELS,
    groups=_GROUPS,
    key=("time",),
    arrays={name: (array, _SENSORS[name]) for name, array in cycles.items()},
  )


SOURCE = Source(
  name="hydraulic",
  title="Hydraulic test rig: 2,205 cycles of eight 1 Hz sensors, four degraded components",
  publisher="https://archive.ics.uci.edu/dataset/447/condition+monitoring+of+hydraulic+systems",
  licence="CC BY 4.0",
  files=FILES,
  read=_read,
  facts=FACTS,
  remote=(
    Remote(
      "https://archive.ics.uci.edu/static/public/447/condition+monitoring+of+hydraulic+systems.zip",
      None,
      "hydraulic.zip",
    ),
  ),
)
load = SOURCE.load
