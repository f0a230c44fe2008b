"""Any data set as a flat data frame, for methods and audits that want one row of numbers per example."""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from mtl_jax.tasks import vibration
from mtl_jax.tasks.vibration import Window

_KEPT = 32  # an array with more values in a row than this is summarised
_WINDOW = ("signal", "sampling_hz", "shaft_hz", "orders")


@jax.jit
def _features(windows: Window) -> jax.Array:
  return jax.lax.map(vibration.features, windows, batch_size=64)


def vibration_features(columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
  """The 44 features of `vibration.FEATURE_NAMES` of windows of vibration.

  Args:
    columns: signal (rows, samples), g; sampling_hz, shaft_hz (rows,); orders (rows, 4).
  """
  window = Window(*(jnp.asarray(columns[name], jnp.float32) for name in _WINDOW))
  return pd.DataFrame(np.asarray(_features(window), np.float64), columns=list(vibration.FEATURE_NAMES))


def flat(columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
  """One column for each number; windows of vibration become features, longer arrays four summaries.

  Args:
    columns: name -> (rows, ...), as in a `Table`.

  Returns: a frame with the names of `columns`; of an array its places, "name[3]", or, beyond 32 of them, its
    mean, deviation, least and largest value: "name mean".
  """
  is_vibration = all(name in columns for name in _WINDOW)
  parts = [vibration_features(columns)] if is_vibration else []
  for name, array in columns.items():
    if is_vibration and name in _WINDOW:
      continue
    wide = array.reshape(len(array), -1)
    if array.ndim == 1:
      parts.append(pd.DataFrame({name: array}))
    elif wide.shape[1] <= _KEPT:
      parts.append(pd.DataFrame({f"{name}[{i}]": wide[:, i] for i in range(wide.shape[1])}))
    else:
      whole = wide.astype(np.float64)
      summaries = {"mean": whole.mean(1), "deviation": whole.std(1), "least": whole.min(1), "largest": whole.max(1)}
      parts.append(pd.DataFrame({f"{name} {what}": values for what, values in summaries.items()}))
  return pd.concat(parts, axis=1) if parts else pd.DataFrame()
