"""Milling one part: tool life, power and roughness against time.

With speed v (m/min), feed per tooth f (mm), depth a (mm), for a cutter of diameter D (mm) with z teeth, cutting a width
w (mm) over a length (mm), in passes of depth a until the stock is off:

  n = 1000 v / (pi D)                       spindle speed, 1/min
  t_m = length depth / (n f z a)            minutes in the cut (passes need not be whole)
  L = 1 / ((v / C)^(1 / n_T) f^x a^y)       tool life, min: Taylor's, extended to feed and depth
  k_c = k_11 f^-m                           specific force, N/mm^2 (Kienzle), chip thickness taken as the feed
  P = k_c a w (n f z) / 60e6                power, kW
  Ra = f^2 / (32 r)                         ideal roughness of a round corner of radius r, mm

F. W. Taylor, "On the art of cutting metals", Trans. ASME 28 (1907); W. W. Gilbert, "Economics of machining", in
Machining: Theory and Practice, ASM 1950: with the tool changed every L minutes of cut,

  cost = rate (t_m + idle) + (t_m / L) (rate change + edge)

whose least over v at fixed feed and depth has the tool life L* = (1 / n_T - 1) (change + edge / rate). Numbers are made
up in the range of handbooks for carbide in steel (n_T 0.25, C 300, k_11 1700 N/mm^2, m 0.25); the family varies them.
"""

from typing import NamedTuple

import jax.numpy as jnp

from mtl_jax.tasks.processes.plant import Outcome, Plant, Setting, around
from mtl_jax.types import Array

DIAMETER, TEETH, WIDTH = 50.0, 4, 40.0  # mm, -, mm
LENGTH, DEPTH = 600.0, 12.0  # mm, to be cut off
RATE, IDLE, CHANGE = 1.2, 2.0, 3.0  # EUR/min, min, min
_NOMINAL = (300.0, 0.25, 0.7, 0.35, 1700.0, 0.25, 24.0, 0.8, 9.0, 1.6)
_SPREAD = (0.25, 0.15, 0.2, 0.2, 0.25, 0.15, 0.3, 0.25, 0.25, 0.25)


class Task(NamedTuple):
  """One material, tool and machine; all ()."""

  speed: Array  # C, m/min: the speed at which an edge lasts a minute, at f = a = 1
  exponent: Array  # n_T
  by_feed: Array  # x
  by_depth: Array  # y
  force: Array  # k_11, N/mm^2
  force_exponent: Array  # m
  edge: Array  # what a set of edges costs, EUR
  radius: Array  # r, mm
  power: Array  # the most that the spindle gives, kW
  roughness: Array  # the most that the drawing allows, micrometres


def tool_life(u: Array, task: Task) -> Array:
  """() min of cut."""
  v, f, a = u
  return (task.speed / v) ** (1.0 / task.exponent) * f**-task.by_feed * a**-task.by_depth


def value(u: Array, task: Task) -> Outcome:
  """u = (v, f, a) -> minus the cost of a part, in EUR."""
  v, f, a = u
  feed_rate = 1000.0 * v / (jnp.pi * DIAMETER) * f * TEETH
  cut = LENGTH * DEPTH / (feed_rate * a)
  life = tool_life(u, task)
  cost = RATE * (cut + IDLE) + cut / life * (RATE * CHANGE + task.edge)
  power = task.force * f**-task.force_exponent * a * WIDTH * feed_rate / 60e6
  roughness = 1000.0 * f * f / (32.0 * task.radius)
  limits = jnp.stack([power / task.power, roughness / task.roughness]) - 1.0
  return Outcome(-cost, limits)


def sample_task(key: Array) -> Task:
  """Each number uniform around its nominal one, independent, within the shares of `_SPREAD`."""
  return Task(*around(key, _NOMINAL, _SPREAD))


plant = Plant(
  (
    Setting("speed", "m/min", 60.0, 220.0, 120.0),
    Setting("feed per tooth", "mm", 0.05, 0.3, 0.12),
    Setting("depth", "mm", 0.5, 4.0, 2.0),
  ),
  "minus the cost of a part",
  "EUR",
  ("power over what the spindle has", "roughness over what is allowed"),
  lambda: Task(*(jnp.asarray(of) for of in _NOMINAL)),
  sample_task,
  value,
)
