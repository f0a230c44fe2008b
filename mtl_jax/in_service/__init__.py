"""Real lines in service: four sources of events whose labels come late, and the methods that are replayed on them."""

from mtl_jax.in_service.engines import engines, fleet
from mtl_jax.in_service.plant import plant
from mtl_jax.in_service.rig import rig
from mtl_jax.in_service.sales import sales
from mtl_jax.in_service.source import Source, bought, earlier, split

__all__ = ["Source", "bought", "earlier", "engines", "fleet", "plant", "rig", "sales", "split"]
