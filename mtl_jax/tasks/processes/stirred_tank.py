"""An exothermic stirred tank A -> B with up to three steady states.

With q in L/min, T and T_c (coolant) in K, k = k_0 exp(-E / T) 1/min (E over the gas constant):

  V dC/dt = q (C_f - C) - V k C
  V rho c_p dT/dt = q rho c_p (T_f - T) + H V k C + UA (T_c - T)

D. E. Seborg, T. F. Edgar, D. A. Mellichamp, "Process dynamics and control", the stirred tank of the chapter on
theoretical models: V = 100 L, rho = 1000 g/L, c_p = 0.239 J/(g K), H = 5e4 J/mol, E = 8750 K, k_0 = 7.2e10 1/min,
UA = 5e4 J/(min K), T_f = 350 K, C_f = 1 mol/L; its nominal point q = 100 L/min, T_c = 300 K has the steady state
C = 0.5 mol/L, T = 350 K, which is the middle one of three and unstable; of the other two only the cold one is stable.

At rest C = C_f (1 - X), X = k V / (q + k V), and the heat made meets the heat taken away:

  h(T) = rise X(T) - (T - T_0) = 0 with rise = H q C_f / c,  T_0 = (q rho c_p T_f + UA T_c) / c,  c = q rho c_p + UA

All roots lie in [T_0, T_0 + rise]. h' + 1 = rise E X (1 - X) / T^2 has a single peak, where 1 - 2 X = 2 T / E; h turns
at most once on each side of it, and a root of h lies between two turns or none does. So every steady state is found,
not those that a grid happens to meet.

The value is that of the hottest steady state, the one that a reactor that is lit follows when its settings are changed
slowly, whether stable or not, which is a limit: where that one disappears, the value jumps. Prices are
made up; the other limit is a temperature.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.tasks.processes.plant import Outcome, Plant, Setting, around
from mtl_jax.tasks.processes.root import root
from mtl_jax.types import Array

VOLUME = 100.0  # L
_HEAT_CAPACITY = 239.0  # rho c_p, J/(L K)
_NOMINAL = (7.2e10, 8750.0, 5e4, 5e4, 350.0, 1.0)  # of `Task`, without its limit
_SPREAD = (0.3, 0.005, 0.1, 0.15, 0.01, 0.1)  # shares of those, uniform
_PRODUCT, _FEED = 1.0, 0.6  # prices of B and of A, per mol
_HOTTEST = 400.0  # K


class Task(NamedTuple):
  """One reactor; all ()."""

  factor: Array  # k_0, 1/min
  energy: Array  # E over the gas constant, K
  heat: Array  # H, J/mol
  cooling: Array  # UA, J/(min K)
  feed_temperature: Array  # T_f, K
  feed: Array  # C_f, mol/L


class Steady(NamedTuple):
  """Steady states from cold to hot; one that does not exist has NaN."""

  temperature: Array  # (3,) K
  concentration: Array  # (3,) of A, mol/L
  stable: Array  # (3,) bool
  growth: Array  # (3,) real part of the slowest mode, 1/min; stable where it is below 0


def steady_states(u: Array, task: Task) -> Steady:
  """u = (q in L/min, T_c in K) -> all steady states."""
  q, coolant = u[0], u[1]
  capacity = q * _HEAT_CAPACITY + task.cooling
  rise = task.heat * q * task.feed / capacity
  cold = (q * _HEAT_CAPACITY * task.feed_temperature + task.cooling * coolant) / capacity

  def k(t: Array) -> Array:
    return task.factor * jnp.exp(-task.energy / t)

  def conversion(t: Array) -> Array:
    return k(t) * VOLUME / (q + k(t) * VOLUME)

  def left(t: Array) -> Array:
    return rise * conversion(t) - (t - cold)

  def turning(t: Array) -> Array:
    x = conversion(t)
    return rise * task.energy * x * (1.0 - x) / (t * t) - 1.0

  hot = cold + rise
  peak = jax.lax.stop_gradient(root(lambda t: 1.0 - 2.0 * conversion(t) - 2.0 * t / task.energy, cold, hot))
  first, second = (jax.lax.stop_gradient(root(turning, a, b)) for a, b in ((cold, peak), (peak, hot)))
  turns = turning(peak) > 0
  # Where h never turns upwards it falls throughout: its one root is on this or that side of the peak.
  first, second = (jnp.where(turns, at, peak) for at in (first, second))
  lower, upper = left(first) < 0, left(second) > 0
  exists = jnp.stack([lower, lower & upper & turns, upper | ~(lower | upper)])

  def state(there: Array, low: Array, high: Array) -> Array:
    # Without a root between them the search ends at a turn, where the slope is 0 and gradients would be NaN.
    return root(lambda t: jnp.where(there, left(t), t - low), low, high)

  t = jnp.stack([state(exists[0], cold, first), state(exists[1], first, second), state(exists[2], second, hot)])
  x = conversion(t)
  concentration, speed = task.feed * (1.0 - x), k(t)
  # d(dC/dt, dT/dt) / d(C, T)
  by_heat = task.heat / _HEAT_CAPACITY
  slope = speed * concentration * task.energy / (t * t)
  a, d = -q / VOLUME - speed, -capacity / (VOLUME * _HEAT_CAPACITY) + by_heat * slope
  trace, determinant = a + d, a * d + slope * by_heat * speed
  square = trace * trace / 4.0 - determinant
  growth = trace / 2.0 + jnp.sqrt(jnp.where(square > 0, square, 1.0)) * (square > 0).astype(t.dtype)

  def known(values: Array) -> Array:
    return jnp.where(exists, values, jnp.nan)

  return Steady(known(t), known(concentration), exists & (growth < 0), known(growth))


def value(u: Array, task: Task) -> Outcome:
  """u = (q in L/min, T_c in K) -> margin per minute at the hottest steady state."""
  states = steady_states(u, task)
  at = jnp.where(jnp.isnan(states.temperature[2]), 0, 2)
  made = u[0] * (task.feed - states.concentration[at])
  limits = jnp.stack([states.temperature[at] - _HOTTEST, states.growth[at]])
  return Outcome(_PRODUCT * made - _FEED * u[0] * task.feed, limits)


def sample_task(key: Array) -> Task:
  """Each number uniform around Seborg's, independent, within the shares of `_SPREAD`."""
  return Task(*around(key, _NOMINAL, _SPREAD))


plant = Plant(
  (Setting("flow", "L/min", 60.0, 160.0, 100.0), Setting("coolant", "K", 280.0, 320.0, 300.0)),
  "margin",
  "1/min",
  ("temperature beyond 400 K", "growth of a disturbance, 1/min"),
  lambda: Task(*(jnp.asarray(of) for of in _NOMINAL)),
  sample_task,
  value,
)
