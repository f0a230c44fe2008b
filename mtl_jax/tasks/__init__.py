"""Task families: sine waves, a simulated fleet of machines, real bearings.

`tasks.sinusoid()`, `tasks.fleet.pool(...)`, `tasks.bearings.cwru_diameters(...)`; windows become
episodes through `tasks.few_shot(pool, shots=5, queries=10)`.
"""

from mtl_jax.tasks import bearings, fleet, processes, toy, vibration
from mtl_jax.tasks.pool import Pool, check_episode, few_shot
from mtl_jax.tasks.sinusoid import sinusoid
from mtl_jax.tasks.trials import trials

__all__ = [
  "Pool",
  "bearings",
  "check_episode",
  "few_shot",
  "fleet",
  "processes",
  "sinusoid",
  "toy",
  "trials",
  "vibration",
]
