"""Families of simulated plants whose settings are to be tuned; one file each, and `trials` makes tasks of them."""

from mtl_jax.tasks.processes import injection, milling, stirred_tank, unrelated, wafer, williams_otto
from mtl_jax.tasks.processes.benchmark import branin, hartmann3, hartmann6
from mtl_jax.tasks.processes.plant import Outcome, Plant, Setting, box, from_unit, nominal

PLANTS = {
  "williams_otto": williams_otto.plant,
  "stirred_tank": stirred_tank.plant,
  "milling": milling.plant,
  "injection": injection.plant,
  "wafer": wafer.plant,
  "branin": branin,
  "hartmann3": hartmann3,
  "hartmann6": hartmann6,
  "unrelated": unrelated.plant,
}

__all__ = ["PLANTS", "Outcome", "Plant", "Setting", "box", "from_unit", "nominal"]
