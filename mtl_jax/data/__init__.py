"""Recorded data sets, read from `MTL_JAX_DATA`: `from mtl_jax.data import cwru`.

Readers are plain NumPy and stay on the host; `mtl_jax.tasks` turns what they return into
episodes on the device.
"""

from mtl_jax.data.folder import DataError
from mtl_jax.data.recording import Recording

__all__ = ["DataError", "Recording"]
