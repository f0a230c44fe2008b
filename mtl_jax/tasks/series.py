"""Features of windows cut from several sensors at once."""

import numpy as np


def windows(x: np.ndarray, length: int, stride: int | None = None) -> np.ndarray:
  """Windows of one uninterrupted record, in order.

  Args:
    x: (time, sensors).
    length: samples in a window.
    stride: samples from one start to the next; None: windows do not overlap.

  Returns: (windows, length, sensors); what is left at the end is dropped.

  Raises: ValueError if the record is shorter than a window.
  """
  if len(x) < length:
    raise ValueError(f"the record has {len(x)} samples, a window {length}")
  return np.moveaxis(np.lib.stride_tricks.sliding_window_view(x, length, axis=0), -1, 1)[:: stride or length]


def summary(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
  """Level, trend, spread and roughness of each sensor over a window.

  Level and trend are squeezed by sign(v) log(1 + |v|), so that a sensor far off its normal
  range does not drown the others; spread and roughness are logarithms.

  Args:
    x: (windows, length, sensors).
    scale: (2, sensors), mean and standard deviation of each sensor in normal operation.

  Returns: (windows, 4 sensors) float32: all levels, then trends (change over the window),
    spreads (standard deviation) and roughnesses (mean absolute step), in normal deviations.
  """
  z = (x - scale[0]) / scale[1]
  length = z.shape[1]
  t = np.arange(length) - (length - 1) / 2
  level = z.mean(1)
  trend = np.einsum("wts,t->ws", z, t) / np.square(t).sum() * length
  spread, rough = z.std(1), np.abs(np.diff(z, axis=1)).mean(1)
  squeezed = [np.sign(v) * np.log1p(np.abs(v)) for v in (level, trend)]
  return np.concatenate([*squeezed, np.log(spread + 0.1), np.log(rough + 0.1)], axis=1).astype(np.float32)
