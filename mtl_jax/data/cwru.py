"""The Case Western Reserve University bearings: 12 kHz, drive end, 61 recordings as windows of 2048 samples.

One row per whole window. A 2 hp motor at loads of 0 to 3 hp; faults of 7, 14, 21 and 28 mil set by electric
discharge on the ball, the inner race or the outer race of the drive-end bearing. Publisher:
https://engineering.case.edu/bearingdatacenter, which states no licence.

What a reader must know:
- A fault diameter is a set of bearings; the unit is one of them: a diameter, a part and, on the outer race, a place.
  Windows of one recording are near copies, and recordings of one bearing at two loads are close: split by diameter.
- `diameter_mil` and `clock` describe the fault, so that they tell part of the label: to choose rows by, never to be
  shown to what shall find the fault.
- The healthy recording 97 is believed to be sampled at 48 kHz although it is filed with the
  12 kHz set (W. A. Smith, R. B. Randall, Mech. Syst. Signal Process. 64-65 (2015) 100-131);
  it is brought to 12 kHz here. The index has no column of sampling rates.
- Healthy recordings 98 to 100 (loads 1 to 3) are missing from this copy, so "healthy" has
  no second recording to be asked about; the publisher has them, and they are not read from there either.
- The outer race at 14 mil has its fault at 6 o'clock only, and at 28 mil there is none.
- The 28 mil bearings come from another maker (NTN, equivalent to the SKF 6205). The same
  characteristic orders are customarily used for them, and as their speed was not
  recorded, the nominal 1797, 1772, 1750, 1730 rpm.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import scipy

from mtl_jax.data.folder import DataError, File, matching, read_arrays, read_csv
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, validated
from mtl_jax.data.windows import Recording, bearing_orders, read_matlab, scalar_of, signal_of, windows_of

FILES = (
  File("cwru_12k_drive_end.npz", 13093064, "c112befc00fc20dd03ddaafc87777703d139d85971f02fe6cb6ac3f326f89df3"),
  File("index.csv", 3262, "91b45ca18f9efff7cae41462ca0d6cecf5796d4fa4dcfa969a15646afd210156"),
)
FACTS = Facts(rows=3568, counts={"fault": {"healthy": 29, "ball": 943, "inner race": 944, "outer race": 1652}})
SAMPLING_HZ = 12_000.0
NOMINAL_RPM = (1797.0, 1772.0, 1750.0, 1730.0)  # at loads of 0 to 3 hp
ORDERS = bearing_orders(elements=9, element_inch=0.3126, pitch_inch=1.537)  # SKF 6205-2RS JEM
_FAULTS = {"normal": "healthy", "B": "ball", "IR": "inner race", "OR": "outer race"}
_AT_48_KHZ = 97
_UNKNOWN_RPM = 28  # mil
_INDEX = {
  "key": Column(kind="text"),
  "file_no": Column(low=97, high=3008, kind="integer"),
  "fault": Column(kind="text", among=tuple(_FAULTS)),
  "diameter_mil": Column("0.001 inch", kind="integer", among=(0, 7, 14, 21, 28)),
  "or_position": Column("h", kind="integer", missing=True, among=(3, 6, 12)),
  "load_hp": Column("hp", kind="integer", among=(0, 1, 2, 3)),
  "rpm": Column("1/min", 1700, 1800, missing=True),
  "scale": Column("g", 1e-5, 1e-3),
}
# The publisher's tables: numbers of the files at loads of 0, 1, 2, 3 hp; fault, diameter in mil, o'clock.
TABLES: tuple[tuple[tuple[int, ...], str, int, int], ...] = (
  ((97,), "normal", 0, 0),
  ((105, 106, 107, 108), "IR", 7, 0),
  ((118, 119, 120, 121), "B", 7, 0),
  ((130, 131, 132, 133), "OR", 7, 6),
  ((144, 145, 146, 147), "OR", 7, 3),
  ((156, 158, 159, 160), "OR", 7, 12),
  ((169, 170, 171, 172), "IR", 14, 0),
  ((185, 186, 187, 188), "B", 14, 0),
  ((197, 198, 199, 200), "OR", 14, 6),
  ((209, 210, 211, 212), "IR", 21, 0),
  ((222, 223, 224, 225), "B", 21, 0),
  ((234, 235, 236, 237), "OR", 21, 6),
  ((246, 247, 248, 249), "OR", 21, 3),
  ((258, 259, 260, 261), "OR", 21, 12),
  ((3001, 3002, 3003, 3004), "IR", 28, 0),
  ((3005, 3006, 3007, 3008), "B", 28, 0),
)


def _recording(
  number: int, signal: np.ndarray, fault: str, diameter: int, clock: int, hp: int, rpm: float
) -> Recording:
  if number == _AT_48_KHZ:
    signal = scipy.signal.decimate(signal, 4)
  unit = _FAULTS[fault] + (f" {diameter} mil" if diameter else "") + (f" {clock} o'clock" if clock else "")
  return Recording(
    name=str(number),
    unit=unit,
    signal=signal.astype(np.float32),
    sampling_hz=SAMPLING_HZ,
    shaft_hz=rpm / 60.0,
    fault=_FAULTS[fault],
    diameter_mil=diameter,
    clock=clock,
    load=float(hp),
  )


def _table(recordings: Iterable[Recording], where: Path) -> Table:
  loads = Column("hp", kind="number", among=(0.0, 1.0, 2.0, 3.0))
  return windows_of(recordings, str(where), orders=ORDERS, loads=loads, high_g=20.0)


def _read(folder: Path) -> Table:
  """One array of 16-bit counts for each recording, with their scale in index.csv."""
  path = folder / FILES[1].name
  index = validated(read_csv(path), _INDEX, str(path))
  arrays = read_arrays(folder / FILES[0].name, index["key"].tolist())
  recordings = []
  for row in index.to_dict("records"):
    hp, clock = int(row["load_hp"]), 0 if np.isnan(row["or_position"]) else int(row["or_position"])
    rpm = NOMINAL_RPM[hp] if np.isnan(row["rpm"]) else row["rpm"]
    signal = arrays[row["key"]] * row["scale"]
    recordings.append(_recording(int(row["file_no"]), signal, row["fault"], int(row["diameter_mil"]), clock, hp, rpm))
  return _table(recordings, folder)


def _original(folder: Path) -> Table:
  """The publisher's MATLAB files, 97.mat to 3008.mat, in any folder; others that lie there are left alone.

  Of each the variables X<number>_DE_time (g) and X<number>RPM are read. Numbers within 3001.mat to 3008.mat are other
  ones (X048 to X059). Samples differ from the project's copy by less than 1e-6 g.
  """
  kinds = {n: (fault, mil, clock, hp) for many, fault, mil, clock in TABLES for hp, n in enumerate(many)}
  recordings = []
  for number, path in sorted((int(p.stem), p) for p in matching(folder, "*.mat") if p.stem in set(map(str, kinds))):
    fault, diameter, clock, hp = kinds[number]
    found = read_matlab(path)
    names = [name for name in found if name.endswith("_DE_time")]
    name = f"X{number:03d}_DE_time"
    if name not in found:
      if len(names) != 1:
        raise DataError(f"{path} has no variable {name}; it has {', '.join(sorted(found)) or 'none'}")
      name = names[0]
    rpm = found.get(name.replace("_DE_time", "RPM"))
    if rpm is None and diameter != _UNKNOWN_RPM:
      raise DataError(f"{path} has no variable {name.replace('_DE_time', 'RPM')}")
    speed = NOMINAL_RPM[hp] if rpm is None else scalar_of(rpm, f"{path}, speed")
    signal = signal_of(found[name], f"{path}, {name}")
    recordings.append(_recording(number, signal, fault, diameter, clock, hp, speed))
  return _table(recordings, folder)


SOURCE = Source(
  name="cwru",
  title="Case Western Reserve University bearings, 12 kHz drive end, windows of 2048 samples",
  publisher="https://engineering.case.edu/bearingdatacenter",
  licence="not stated (free download from the publisher)",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=tuple(
    Remote(f"https://engineering.case.edu/sites/default/files/{number}.mat", None, f"{number}.mat")
    for many, *_ in TABLES
    for number in many
  ),
)
load = SOURCE.load
