"""Stock and reorder points: a simulator, and levels that adapt as demand drifts."""

from mtl_jax.inventory.levels import Kind, foreseen, level, to_cover
from mtl_jax.inventory.smoothing import Rates, croston, exponential, tsb
from mtl_jax.inventory.stock import Costs, Period, Stock, simulate, step
from mtl_jax.inventory.tracking import Tracking, tracked
from mtl_jax.inventory.window import recent_quantile

__all__ = [
  "Costs",
  "Kind",
  "Period",
  "Rates",
  "Stock",
  "Tracking",
  "croston",
  "exponential",
  "foreseen",
  "level",
  "recent_quantile",
  "simulate",
  "step",
  "to_cover",
  "tracked",
  "tsb",
]
