"""Data sets on the host, all of them as a `Table`: `from mtl_jax.data import cmapss; cmapss.load()`.

Recorded sets are read from `MTL_JAX_DATA`; `sources.SOURCES` lists them, `fetch` downloads
one. Nothing here knows JAX; `mtl_jax.tasks` turns tables into episodes on the device.

Its modules are imported when they are first asked for: who reads no table does not wait for pandas.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
