"""The Case Western Reserve University bearings: 12 kHz, drive end, 61 recordings.

A 2 hp motor at loads of 0 to 3 hp; faults of 7, 14, 21 and 28 mil set by electric
discharge on the ball, the inner race or the outer race of the drive-end bearing. Publisher:
https://engineering.case.edu/bearingdatacenter, which states no licence.

What a reader must know:
- A fault diameter is a set of bearings. Windows of one recording are near copies, and
  recordings of one bearing at two loads are close: split by diameter.
- The healthy recording 97 is believed to be sampled at 48 kHz although it is filed with the
  12 kHz set (W. A. Smith, R. B. Randall, Mech. Syst. Signal Process. 64-65 (2015) 100-131);
  it is brought to 12 kHz here. The index has no column of sampling rates.
- Healthy recordings 98 to 100 (loads 1 to 3) are missing from this copy, so "healthy" has
  no second recording to be asked about.
- The outer race at 14 mil has its fault at 6 o'clock only, and at 28 mil there is none.
- The 28 mil bearings come from another maker (NTN, equivalent to the SKF 6205). The same
  characteristic orders are customarily used for them, and as their speed was not
  recorded, the nominal 1797, 1772, 1750, 1730 rpm.
"""

import csv
import os

import numpy as np
import scipy.signal

from mtl_jax.data.folder import File, checked
from mtl_jax.data.recording import Recording, bearing_orders

FILES = (
  File("cwru_12k_drive_end.npz", 13093064, "c112befc00fc20dd03ddaafc87777703d139d85971f02fe6cb6ac3f326f89df3"),
  File("index.csv", 3262, "91b45ca18f9efff7cae41462ca0d6cecf5796d4fa4dcfa969a15646afd210156"),
)
SAMPLING_HZ = 12_000.0
NOMINAL_RPM = (1797.0, 1772.0, 1750.0, 1730.0)  # at loads of 0 to 3 hp
ORDERS = bearing_orders(elements=9, element_inch=0.3126, pitch_inch=1.537)  # SKF 6205-2RS JEM
_FAULTS = {"normal": "healthy", "B": "ball", "IR": "inner race", "OR": "outer race"}
_AT_48_KHZ = "97"


def load(folder: str | os.PathLike[str] | None = None) -> list[Recording]:
  """All 61 recordings at 12 kHz; `load` is in hp.

  Args:
    folder: the data set's folder; None takes `$MTL_JAX_DATA/cwru`.

  Raises:
    DataError: the folder or a file is absent, cut short or altered.
  """
  place = checked("cwru", FILES, folder)
  recordings = []
  with np.load(place / FILES[0].name) as arrays, (place / FILES[1].name).open(newline="") as stream:
    for row in csv.DictReader(stream):
      signal = arrays[row["key"]] * float(row["scale"])
      if row["file_no"] == _AT_48_KHZ:
        signal = scipy.signal.decimate(signal, 4)
      hp = int(row["load_hp"])
      recordings.append(
        Recording(
          name=f"cwru {row['file_no']}",
          signal=signal.astype(np.float32),
          sampling_hz=SAMPLING_HZ,
          shaft_hz=float(row["rpm"] or NOMINAL_RPM[hp]) / 60.0,
          orders=ORDERS,
          fault=_FAULTS[row["fault"]],
          diameter_mil=int(row["diameter_mil"]),
          clock=int(row["or_position"] or 0),
          load=float(hp),
        )
      )
  return recordings
