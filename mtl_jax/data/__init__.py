"""Data sets on the host, all of them as a `Table`: `from mtl_jax.data import cmapss; cmapss.load()`.

Recorded sets are read from `MTL_JAX_DATA`; `sources.SOURCES` lists them, `fetch` downloads
one. Nothing here knows JAX; `mtl_jax.tasks` turns tables into episodes on the device.
"""

from mtl_jax.data.folder import DataError
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table

__all__ = ["Column", "DataError", "Facts", "Remote", "Source", "Table"]
