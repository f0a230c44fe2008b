"""What the vibration readers return."""

from typing import NamedTuple

import numpy as np


class Recording(NamedTuple):
  """One uninterrupted measurement of one machine at one load."""

  name: str  # unique over the data sets
  signal: np.ndarray  # (samples,) float32, acceleration, g
  sampling_hz: float
  shaft_hz: float  # shaft revolutions per second
  orders: np.ndarray  # (4,) float32: BPFO, BPFI, BSF, FTF, per shaft revolution
  fault: str  # "healthy", "ball", "inner race" or "outer race"
  diameter_mil: int  # fault diameter, 0.001 inch; 0 where healthy or not stated
  clock: int  # outer race: where on the ring the fault is, o'clock, the load zone is at 6; else 0
  load: float  # in the rig's own unit: hp (CWRU) or lbf (MFPT)


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
