"""The MFPT bearing test rig, the part with variable load: 14 recordings as windows of 2048 samples.

One row per whole window. A NICE bearing on a shaft at 25 Hz with a fault on the inner race (loads 0 to 300 lbf) or
the outer race (25 to 300 lbf), 3 s each. Publisher:
https://www.mfpt.org/fault-data-sets/ (E. Bechhoefer), CC BY-NC-SA 4.0: not for
commercial use.

What a reader must know:
- There is no healthy recording in this copy, so a rig with a fault can be told apart only
  by which fault it is. The publisher has three, and three of the outer race at 270 lbf, at twice the rate; they are
  not read from there either.
- The publisher's own zip has been reported out of reach; what is downloaded is the copy of The MathWorks, same files
  and licence.
- Recorded at 48,828 Hz. It is brought to 12,207 Hz here, so that a window of a given
  number of samples lasts as long and reaches as high as one of CWRU.
- One rig and one bearing type: a single physical unit, however many loads. `diameter_mil` and `clock` are not stated
  and 0.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import scipy

from mtl_jax.data.folder import DataError, File, matching, read_arrays, read_csv
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, validated
from mtl_jax.data.windows import Recording, bearing_orders, read_matlab, scalar_of, signal_of, windows_of

FILES = (
  File("mfpt_vload.npz", 7577829, "c9465166a3467820cf00903b95450e87b223ac7ee3f92bdf84330cd0d42927c0"),
  File("index.csv", 807, "362174c306920b665a278b6ab649fa0c39aa332d03e9b8bcbc54b65e688f559e"),
)
FACTS = Facts(
  rows=238,
  counts={
    "fault": {"inner race": 119, "outer race": 119},
    "load": {0.0: 17, 25.0: 17} | dict.fromkeys((50.0, 100.0, 150.0, 200.0, 250.0, 300.0), 34),
  },
)
ORDERS = bearing_orders(elements=8, element_inch=0.235, pitch_inch=1.245)
_DECIMATION = 4
_LOADS = (0, 25, 50, 100, 150, 200, 250, 300)
_INDEX = {
  "key": Column(kind="text"),
  "sample_rate_hz": Column("Hz", 48_828, 48_828),
  "load_lbf": Column("lbf", among=_LOADS),
  "shaft_rate_hz": Column("Hz", 25, 25),
}
_NAME = re.compile(r"(Inner|Outer)RaceFault_vload_([1-7])")


def _recording(
  name: str, signal: np.ndarray, sampling_hz: float, shaft_hz: float, load: float, where: str
) -> Recording:
  known = _NAME.fullmatch(name)
  if not known or sampling_hz != 48_828:
    raise DataError(f"{where}: {name} at {sampling_hz:g} Hz is none of the recordings with variable load")
  return Recording(
    name=name,
    unit="MFPT rig",
    signal=scipy.signal.decimate(signal, _DECIMATION).astype(np.float32),
    sampling_hz=sampling_hz / _DECIMATION,
    shaft_hz=shaft_hz,
    fault=f"{known[1].lower()} race",
    diameter_mil=0,
    clock=0,
    load=load,
  )


def _table(recordings: Iterable[Recording], where: Path) -> Table:
  loads = Column("lbf", among=_LOADS)
  return windows_of(recordings, str(where), orders=ORDERS, loads=loads, high_g=100.0)


def _read(folder: Path) -> Table:
  """One array of each recording in g, with what is known of it in index.csv."""
  path = folder / FILES[1].name
  index = validated(read_csv(path), _INDEX, str(path))
  arrays = read_arrays(folder / FILES[0].name, index["key"].tolist())
  recordings = []
  for row in index.to_dict("records"):
    signal = arrays[row["key"]].astype(np.float64)
    recordings.append(
      _recording(row["key"], signal, row["sample_rate_hz"], row["shaft_rate_hz"], row["load_lbf"], str(path))
    )
  return _table(recordings, folder)


def _original(folder: Path) -> Table:
  """The publisher's <fault>_vload_<i>.mat, in any folder: a structure `bearing` of gs (g), sr, rate (Hz), load (lbf).

  Samples are rounded to 32 bits, as in the project's copy; the table is the same.
  """
  paths: dict[str, Path] = {}
  for path in matching(folder, "*RaceFault_vload_?.mat"):
    twin = paths.setdefault(path.stem, path)
    if hashlib.sha256(twin.read_bytes()).digest() != hashlib.sha256(path.read_bytes()).digest():
      raise DataError(f"{path} and {twin} have one name and differ")
  recordings = []
  # 6 and 7 stand first in the project's copy, whose publisher kept them apart for tests
  for path in sorted(paths.values(), key=lambda path: (path.stem[-1] < "6", path.stem)):
    bearing = read_matlab(path).get("bearing")
    if not isinstance(bearing, dict) or not {"gs", "sr", "load", "rate"} <= set(bearing):
      raise DataError(f"{path} has no structure 'bearing' with gs, sr, load and rate")
    sampling_hz, shaft_hz, load = (scalar_of(bearing[name], f"{path}, {name}") for name in ("sr", "rate", "load"))
    signal = signal_of(bearing["gs"], f"{path}, gs").astype(np.float32).astype(np.float64)
    recordings.append(_recording(path.stem, signal, sampling_hz, shaft_hz, load, str(path)))
  return _table(recordings, folder)


_COPY = (
  "https://raw.githubusercontent.com/mathworks/RollingElementBearingFaultDiagnosis-Data/"
  "d3efefb6ce84fa1ee6c0311f80f7c89cf903ad1d"
)
_ORIGINALS = {
  "InnerRaceFault_vload_1": "943e1f0ecef2496ee5233063765d40b8a3aab480044b36a9feaa3483e5331db9",
  "InnerRaceFault_vload_2": "4e85dc145f230db5b687d032ba94e849d58adb85fd1c00e605efba0bc14edc92",
  "InnerRaceFault_vload_3": "f4b100c59db948212f1603112952af332967497db66c6ebe5b4f799ac62dd4bf",
  "InnerRaceFault_vload_4": "3826a49dcac630176b82569a0b923ef16fa13db5a667171066ffac62949d498b",
  "InnerRaceFault_vload_5": "5eb0c3b88f4abab2d00f17f12170a25e51946adf05ff95ee79844360ccce2e92",
  "InnerRaceFault_vload_6": "51ace00de918012668beae944442588004655f40447497944ac63d71b3aa9e64",
  "InnerRaceFault_vload_7": "f9b0131045d8b05cd410fb72e8c2db06ee2eab16177cbc09657a63fef3110ef6",
  "OuterRaceFault_vload_1": "8a1977da6f1c8dd74c7826b66e75cf9d52e1cdcf6000c1348d1b356a06781af0",
  "OuterRaceFault_vload_2": "1883793fc865e10c6ddebe8a8241dd4924bfd4b4fd0ba6284affc697d2b29e6d",
  "OuterRaceFault_vload_3": "52410e466c71413e70b9da800d8c1fa4d74ada9bfcf14e45bbe455e1a073296d",
  "OuterRaceFault_vload_4": "81b4b1dde9340774c9170633d564fdc08b8a55e38676c3033a8088a0121c6191",
  "OuterRaceFault_vload_5": "8f5b43ae668518165cd65fcb3cf30cd9e32e6f69b3c5192b4ebb93ff42c47689",
  "OuterRaceFault_vload_6": "ea167417e39b7481a9ea422fdc5f5b67b96d8521f27cf703e46c4f8cbb8cd995",
  "OuterRaceFault_vload_7": "38ef59f7fea41d4839d89dd9aa7ad3cab783f2e5f10960e34c81c83d3328105e",
}
SOURCE = Source(
  name="mfpt",
  title="MFPT bearing test rig at variable load, windows of 2048 samples",
  publisher="https://www.mfpt.org/fault-data-sets/",
  licence="CC BY-NC-SA 4.0",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=tuple(
    Remote(f"{_COPY}/{'test' if name[-1] >= '6' else 'train'}_data/{name}.mat", sha256, f"{name}.mat")
    for name, sha256 in _ORIGINALS.items()
  ),
)
load = SOURCE.load
