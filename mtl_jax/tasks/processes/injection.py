"""Injection moulding of a plate: cycle time against shrinkage, with what temperatures and packing do to each other.

With melt and mould at T_m and T_w (C), packing pressure p (MPa) and time t_p (s), wall thickness s and diffusivity a:

  t_c = s^2 / (pi^2 a) ln(4 / pi (T_m - T_w) / (T_e - T_w))   s, until the middle of the wall is at T_e

the first term of the series for a slab (H. S. Carslaw, J. C. Jaeger, "Conduction of heat in solids", 1959). The gate
freezes after t_g, the same formula with its thickness and no-flow temperature; what is packed until then stays in:

  S = b (T_m - 25) - kappa p (1 - exp(-3 t_p / t_g)) + c (T_w - 40)   linear shrinkage, %

(expansion, compressibility, and crystals that grow in a warm mould; a form chosen here, not a published fit).

  margin per hour = 3600 / (open + t_c) (price - loss ((S - S_0) / 0.3)^2)

with Taguchi's quadratic loss around the shrinkage S_0 that the mould was cut for. Limits: flash, from a pressure that
falls with the melt's temperature, and packing that is over before the part is cold. Numbers are made up in the range
of polypropylene's; the family varies them.
"""

from typing import NamedTuple

import jax.numpy as jnp

from mtl_jax.tasks.processes.plant import Outcome, Plant, Setting, around
from mtl_jax.types import Array

OPEN = 6.0  # s, mould open and fill
PRICE, LOSS = 0.08, 0.04  # EUR a part, over the resin
EJECTION, NO_FLOW = 90.0, 135.0  # C
_TOLERANCE = 0.3  # %
_NOMINAL = (2.5, 2.0, 0.09, 0.012, 0.02, 0.01, 1.6, 70.0, 0.006)
_SPREAD = (0.2, 0.25, 0.1, 0.15, 0.25, 0.4, 0.15, 0.2, 0.3)


class Task(NamedTuple):
  """One mould and resin; all ()."""

  wall: Array  # s, mm
  gate: Array  # its thickness, mm
  diffusivity: Array  # a, mm^2/s
  expansion: Array  # b, %/K
  compressibility: Array  # kappa, %/MPa
  crystals: Array  # c, %/K
  cut_for: Array  # S_0, %
  flash: Array  # the pressure that opens the mould with a melt of 230 C, MPa
  thinning: Array  # share of it that is lost with each K


def freezing(thickness: Array, until: float, u: Array, task: Task) -> Array:
  """() s until the middle of a slab between the mould's walls is at `until`."""
  melt, mould = u[0], u[1]
  ratio = 4.0 / jnp.pi * (melt - mould) / (until - mould)
  return thickness * thickness / (jnp.pi**2 * task.diffusivity) * jnp.log(ratio)


def shrinkage(u: Array, task: Task) -> Array:
  """() linear, %."""
  melt, mould, pressure, packing = u
  packed = 1.0 - jnp.exp(-3.0 * packing / freezing(task.gate, NO_FLOW, u, task))
  return task.expansion * (melt - 25.0) - task.compressibility * pressure * packed + task.crystals * (mould - 40.0)


def value(u: Array, task: Task) -> Outcome:
  """u = (T_m, T_w, p, t_p) -> margin in EUR/h."""
  melt, _, pressure, packing = u
  cooling = freezing(task.wall, EJECTION, u, task)
  off = (shrinkage(u, task) - task.cut_for) / _TOLERANCE
  margin = 3600.0 / (OPEN + cooling) * (PRICE - LOSS * off * off)
  holds = task.flash * jnp.exp(-task.thinning * (melt - 230.0))
  return Outcome(margin, jnp.stack([pressure / holds, packing / cooling]) - 1.0)


def sample_task(key: Array) -> Task:
  """Each number uniform around its nominal one, independent, within the shares of `_SPREAD`."""
  return Task(*around(key, _NOMINAL, _SPREAD))


plant = Plant(
  (
    Setting("melt", "C", 200.0, 260.0, 230.0),
    Setting("mould", "C", 20.0, 60.0, 40.0),
    Setting("packing pressure", "MPa", 20.0, 80.0, 50.0),
    Setting("packing time", "s", 1.0, 8.0, 4.0),
  ),
  "margin",
  "EUR/h",
  ("pressure over what the clamp holds", "packing over cooling"),
  lambda: Task(*(jnp.asarray(of) for of in _NOMINAL)),
  sample_task,
  value,
)
