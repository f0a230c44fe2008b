"""What the readers of bearing vibration share: windows of recordings as rows, the orders, MATLAB files."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import scipy

from mtl_jax.data.folder import DataError
from mtl_jax.data.table import Column, Table, of_frame

SAMPLES = 2048  # of a window


class Recording(NamedTuple):
  """One uninterrupted measurement of one machine at one load."""

  name: str  # unique in the data set
  unit: str  # the bearing or the rig
  signal: np.ndarray  # (samples,) float32, acceleration, g
  sampling_hz: float
  shaft_hz: float  # shaft revolutions per second
  fault: str
  diameter_mil: int  # fault diameter, 0.001 inch; 0 where healthy or not stated
  clock: int  # outer race: where on the ring the fault is, o'clock, the load zone is at 6; else 0
  load: float  # in the rig's own unit


def bearing_orders(elements: int, element_inch: float, pitch_inch: float) -> np.ndarray:
  """BPFO, BPFI, BSF, FTF of a bearing at contact angle 0, per shaft revolution, (4,) float32.

  Source: Randall and Antoni, Mech. Syst. Signal Process. 25 (2011) 485-520, eq. 1-4.
  """
  ratio = element_inch / pitch_inch
  orders = [
    elements * (1 - ratio) / 2,
    elements * (1 + ratio) / 2,
    (1 - ratio**2) / ratio / 2,
    (1 - ratio) / 2,
  ]
  return np.asarray(orders, np.float32)


def windows_of(
  recordings: Iterable[Recording], where: str, *, orders: np.ndarray, loads: Column, high_g: float
) -> Table:
  """Every whole window of every recording, in the order given; the rest of a recording is dropped.

  Args:
    orders: (4,), as of `bearing_orders`.
    loads: rule of the load.
    high_g: largest acceleration that the rig's sensor can give.

  Raises:
    DataError: a recording stands twice, is shorter than a window, or holds what cannot be.
  """
  recordings = list(recordings)
  if not recordings:
    raise DataError(f"{where}: has no recording")
  windows, frames = [], []
  for recording in recordings:
    whole = len(recording.signal) // SAMPLES
    if whole == 0:
      samples = len(recording.signal)
      raise DataError(f"{where}: recording {recording.name} has {samples} samples; a window needs {SAMPLES}")
    windows.append(recording.signal[: whole * SAMPLES].reshape(whole, SAMPLES))
    frame = pd.DataFrame({"time": np.arange(whole) * SAMPLES / recording.sampling_hz})
    frames.append(frame.assign(recording=recording.name, **recording._replace(signal=None, name=None)._asdict()))  # pyright: ignore[reportArgumentType]
  frame = pd.concat(frames, ignore_index=True)
  return of_frame(
    frame,
    where,
    columns={
      "sampling_hz": Column("Hz", 12_000, 12_207),
      "shaft_hz": Column("Hz", 20, 35),
      "load": loads,
      "diameter_mil": Column("0.001 inch", kind="integer", among=(0, 7, 14, 21, 28)),
      "clock": Column("h", kind="integer", among=(0, 3, 6, 12)),
    },
    labels={"fault": Column(kind="text", among=("healthy", "ball", "inner race", "outer race"))},
    groups={"unit": Column(kind="text"), "recording": Column(kind="text"), "time": Column("s", 0, 60)},
    key=("recording", "time"),
    arrays={
      "signal": (np.concatenate(windows), Column("g", -high_g, high_g)),
      "orders": (np.tile(orders, (len(frame), 1)), Column("1", 0.1, 20)),
    },
  )


def read_matlab(path: Path) -> dict[str, Any]:
  """The variables of a MATLAB file (version 5 to 7), structures as dictionaries.

  Raises:
    DataError: absent, cut short, or not such a file.
  """
  try:
    found = scipy.io.loadmat(path, simplify_cells=True)
  except (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    OSError,
    EOFError,
    OverflowError,
    MemoryError,
    NotImplementedError,
    scipy.io.matlab.MatReadError,
    zlib.error,
  ) as error:
    raise DataError(f"{path} is no complete MATLAB file: {type(error).__name__} {error}") from None
  return {name: value for name, value in found.items() if not name.startswith("__")}


def signal_of(value: Any, where: str) -> np.ndarray:
  """(samples,) float64 of a vector from a MATLAB file."""
  signal = np.asarray(value)
  if signal.dtype.kind not in "fiu" or signal.ndim != 1:
    raise DataError(f"{where}: holds {signal.dtype} of shape {signal.shape}, expected a vector of numbers")
  return signal.astype(np.float64)


def scalar_of(value: Any, where: str) -> float:
  """A single number from a MATLAB file, where it may be stored as a text."""
  try:
    return float(np.asarray(value).item())
  except (ValueError, TypeError):
    raise DataError(f"{where}: {value!r:.40} is no number") from None
