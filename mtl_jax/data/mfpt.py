"""The MFPT bearing test rig, the part with variable load: 14 recordings.

A NICE bearing on a shaft at 25 Hz with a fault on the inner race (loads 0 to 300 lbf) or
the outer race (25 to 300 lbf), 3 s each. Publisher:
https://www.mfpt.org/fault-data-sets/ (E. Bechhoefer), CC BY-NC-SA 4.0: not for
commercial use.

What a reader must know:
- There is no healthy recording in this copy, so a rig with a fault can be told apart only
  by which fault it is.
- Recorded at 48,828 Hz. It is brought to 12,207 Hz here, so that a window of a given
  number of samples lasts as long and reaches as high as one of CWRU.
- One rig and one bearing type: a single physical unit, however many loads.
"""

import csv
import os

import numpy as np
import scipy.signal

from mtl_jax.data.folder import File, checked
from mtl_jax.data.recording import Recording, bearing_orders

FILES = (
  File("mfpt_vload.npz", 7577829, "c9465166a3467820cf00903b95450e87b223ac7ee3f92bdf84330cd0d42927c0"),
  File("index.csv", 807, "362174c306920b665a278b6ab649fa0c39aa332d03e9b8bcbc54b65e688f559e"),
)
ORDERS = bearing_orders(elements=8, element_inch=0.235, pitch_inch=1.245)
_DECIMATION = 4


def load(folder: str | os.PathLike[str] | None = None) -> list[Recording]:
  """All 14 recordings at 12,207 Hz; `load` is in lbf.

  Args:
    folder: the data set's folder; None takes `$MTL_JAX_DATA/mfpt`.

  Raises:
    DataError: the folder or a file is absent, cut short or altered.
  """
  place = checked("mfpt", FILES, folder)
  recordings = []
  with np.load(place / FILES[0].name) as arrays, (place / FILES[1].name).open(newline="") as stream:
    for row in csv.DictReader(stream):
      signal = arrays[row["key"]].astype(np.float64)
      recordings.append(
        Recording(
          name=f"mfpt {row['key']}",
          signal=scipy.signal.decimate(signal, _DECIMATION).astype(np.float32),
          sampling_hz=float(row["sample_rate_hz"]) / _DECIMATION,
          shaft_hz=float(row["shaft_rate_hz"]),
          orders=ORDERS,
          fault="inner race" if row["key"].startswith("Inner") else "outer race",
          diameter_mil=0,
          clock=0,
          load=float(row["load_lbf"]),
        )
      )
  return recordings
