"""Simulated lines in use, hour by hour: tools wear and are changed, coolers foul, sensors stick, products come back.

What happens when is a pure function of the hour; what the line then answers is a plant of `processes` whose task
differs from hour to hour. A line is run at settings that are drawn anew every hour. `linear` is a plant without a
process behind it.

`tool_wear`: the cutting force rises with the share of an edge's life that is used, which Taylor's equation gives for
each hour's settings, and a new edge is put in when it is used up. That a dull one takes twice the force is made up.
`fouling`: the wall between a reactor and its coolant gets a resistance that approaches an asymptote and is gone after
cleaning, R = R_inf (1 - exp(-t / tau)), 1 / UA = 1 / UA_clean + R: D. Q. Kern, R. E. Seaton, "A theoretical analysis
of thermal surface fouling", Brit. Chem. Eng. 4 (1959) 258-262. Here R_inf = 0.4 / UA_clean and tau = 200 h, made up.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.tasks.processes import Outcome, Plant, Setting, from_unit, injection, milling, stirred_tank, williams_otto
from mtl_jax.tasks.trials import scale
from mtl_jax.types import Array, PyTree

DULL = 1.0  # how much more force a used-up edge takes, as a share of a sharp one's
MINUTES = 0.2  # in the cut per hour
FOULED, SLOW = 0.4, 200.0  # R_inf UA_clean; tau, h
ACTIVITY = 0.5  # what is left of a reaction's rate when a catalyst is at its end


class Line(NamedTuple):
  """A line's record.

  Attributes:
    x: (hours, d) float32, what sensors show: settings from -1 to 1 within their box, their squares and products.
    y: (hours, 1) float32, the answer less the family's mean, over its deviation, with noise.
    changes: hours at which something happened at once, in order; or at which a slow change began.
  """

  x: np.ndarray
  y: np.ndarray
  changes: tuple[int, ...]


def stage(hour: np.ndarray, starts: Sequence[int]) -> np.ndarray:
  """(hours,) how many of `starts`, in order, have been, less one; the first must not be later than any hour."""
  return np.searchsorted(np.asarray(starts), hour, side="right") - 1


def since(hour: np.ndarray, starts: Sequence[int]) -> np.ndarray:
  """(hours,) hours since the last of `starts`, which are in order; the first must not be later than any hour."""
  return hour - np.asarray(starts)[stage(hour, starts)]


def ramp(hour: np.ndarray, begin: float, lasts: float) -> np.ndarray:
  """(hours,) 0 until `begin`, then in a straight line to 1 within `lasts` hours."""
  return np.clip((hour - begin) / lasts, 0.0, 1.0)


Course = Callable[[np.ndarray, Sequence[int], np.ndarray], np.ndarray]
"""course(hour, starts, plants (1 + starts, ...)) -> (hours, ...): what the plant is at each hour."""


def abrupt(hour: np.ndarray, starts: Sequence[int], plants: np.ndarray) -> np.ndarray:
  """Another plant from each of `starts` on."""
  return plants[stage(hour, (0, *starts))]


def recurring(hour: np.ndarray, starts: Sequence[int], plants: np.ndarray) -> np.ndarray:
  """The first two plants in turns."""
  return plants[stage(hour, (0, *starts)) % 2]


def gradual(hour: np.ndarray, starts: Sequence[int], plants: np.ndarray, lasts: float) -> np.ndarray:
  """From each of `starts` on to the next plant, in a straight line within `lasts` hours."""
  moved = np.diff(plants, axis=0)
  return plants[0] + sum(ramp(hour, begin, lasts)[:, None] * by for begin, by in zip(starts, moved, strict=True))


def linear(seed: int, hours: int, noise: float, course: Course, starts: Sequence[int], inputs: int) -> Line:
  """y = K' (1, x) + noise of that deviation, not scaled; x (hours, inputs) and K of each plant are from N(0, I)."""
  draw = np.random.default_rng(seed)
  weights = course(np.arange(hours), starts, draw.normal(size=(1 + len(starts), 1 + inputs)))
  x = draw.normal(size=(hours, inputs))
  y = weights[:, :1] + np.sum(weights[:, 1:] * x, axis=1, keepdims=True) + noise * draw.normal(size=(hours, 1))
  return Line(x.astype(np.float32), y.astype(np.float32), tuple(starts))


def fouled(hours: np.ndarray, asymptote: float, slow: float) -> np.ndarray:
  """Resistance of a wall `hours` after it was cleaned: asymptote (1 - exp(-hours / slow)), in the asymptote's unit."""
  return -asymptote * np.expm1(-hours / slow)


def edges(used: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Edges that are changed as soon as they are used up.

  Args:
    used: (hours,) the share of an edge's life that each hour takes, each below 1.

  Returns: (hours,) the share that is used when an hour begins, and (hours,) bool, hours that begin with a new edge; the
  first hour does not count as a change.
  """
  left, worn, new = 0.0, np.zeros(len(used)), np.zeros(len(used), bool)
  for hour, share in enumerate(used):
    if left >= 1.0:
      left, new[hour] = 0.0, True
    worn[hour] = left
    left += share
  return worn, new


def stuck(x: np.ndarray, column: int, begin: int, lasts: int) -> np.ndarray:
  """(hours, d): a sensor shows for `lasts` hours what it showed last before `begin`; ValueError if there is none."""
  if begin < 1:
    raise ValueError(f"begin={begin}: a sensor sticks at what it showed before")
  shown = x.copy()
  shown[begin : begin + lasts, column] = x[begin - 1, column]
  return shown


def second_order(z: np.ndarray) -> np.ndarray:
  """(n, d) in the unit box -> (n, d (d + 3) / 2) float32: from -1 to 1, then all squares and products."""
  u = 2.0 * z - 1.0
  first, second = np.triu_indices(u.shape[1])
  return np.concatenate([u, u[:, first] * u[:, second]], axis=1).astype(np.float32)


def _reading(plant: Plant, response: str, unit: str, read: Callable[[Outcome], Array]) -> Plant:
  """The same plant where another number is read off."""

  def value(u: Array, task: PyTree) -> Outcome:
    outcome = plant.value(u, task)
    return Outcome(read(outcome), outcome.constraints)

  return plant._replace(response=response, unit=unit, value=value)


_FLOW = stirred_tank.plant.settings[0]
SPINDLE = _reading(
  milling.plant, "log of the power over what the spindle has", "1", lambda made: jnp.log1p(made.constraints[0])
)
TANK = _reading(stirred_tank.plant, "temperature over 400 K", "K", lambda made: made.constraints[0])._replace(
  settings=(_FLOW, Setting("coolant", "K", 305.0, 325.0, 315.0))  # warm enough for the reactor to stay lit
)


@cache
def _scale(plant: Plant) -> np.ndarray:
  return np.asarray(scale(jax.random.key(0), plant))


def settings(key: Array, plant: Plant, hours: int) -> np.ndarray:
  """(hours, d) in the unit box, uniform."""
  return np.asarray(jax.random.uniform(key, (hours, len(plant.settings))))


def answers(key: Array, plant: Plant, z: np.ndarray, tasks: PyTree, noise: float) -> np.ndarray:
  """(hours, 1) float32: the answer to settings z (hours, d) of the task of each hour, leaves (hours, ...).

  noise: its deviation, in those of the family.
  """
  u = from_unit(plant, jnp.asarray(z, jnp.float32))
  mean, deviation = _scale(plant)
  found = np.asarray(jax.jit(jax.vmap(lambda u, task: plant.value(u, task).value))(u, tasks))
  return ((found - mean) / deviation + noise * np.asarray(jax.random.normal(key, found.shape)))[:, None]


def _always(task: PyTree, hours: int) -> PyTree:
  return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (hours, *leaf.shape)), task)


def tool_wear(key: Array, hours: int, noise: float) -> Line:
  """The load of a milling machine's spindle; `changes` are new edges."""
  task_key, place_key, noise_key = jax.random.split(key, 3)
  task, z = _always(SPINDLE.sample_task(task_key), hours), settings(place_key, SPINDLE, hours)
  life = np.asarray(jax.vmap(milling.tool_life)(from_unit(SPINDLE, jnp.asarray(z)), task))
  worn, new = edges(MINUTES / life)
  task = task._replace(force=task.force * jnp.asarray(1.0 + DULL * worn, jnp.float32))
  return Line(second_order(z), answers(noise_key, SPINDLE, z, task, noise), tuple(np.flatnonzero(new).tolist()))


def fouling(key: Array, hours: int, noise: float, cleaned: Sequence[int]) -> Line:
  """The temperature of a stirred tank whose cooler fouls until it is cleaned, which is at hour 0 too."""
  task_key, place_key, noise_key = jax.random.split(key, 3)
  task, z = _always(TANK.sample_task(task_key), hours), settings(place_key, TANK, hours)
  more = 1.0 + fouled(since(np.arange(hours), (0, *cleaned)), FOULED, SLOW)
  task = task._replace(cooling=task.cooling / jnp.asarray(more, jnp.float32))
  return Line(second_order(z), answers(noise_key, TANK, z, task, noise), tuple(cleaned))


def stuck_sensor(key: Array, hours: int, noise: float, begins: Sequence[int], lasts: int) -> Line:
  """The profit of a Williams-Otto reactor whose thermometer sticks for `lasts` hours; `changes`: when it works again.

  The reactor itself goes on as before: learners are told a temperature that is not there.
  """
  plant = williams_otto.plant
  task_key, place_key, noise_key = jax.random.split(key, 3)
  z = settings(place_key, plant, hours)
  y = answers(noise_key, plant, z, _always(plant.sample_task(task_key), hours), noise)
  for begin in begins:
    z = stuck(z, 1, begin, lasts)
  return Line(second_order(z), y, tuple(begin + lasts for begin in begins))


def changeovers(key: Array, hours: int, noise: float, starts: Sequence[int]) -> Line:
  """The margin of an injection moulding machine with two moulds, in turns; `starts` are changes to the other one."""
  plant = injection.plant
  task_key, place_key, noise_key = jax.random.split(key, 3)
  moulds = jax.vmap(plant.sample_task)(jax.random.split(task_key, 2))
  running = stage(np.arange(hours), (0, *starts)) % 2
  z = settings(place_key, plant, hours)
  y = answers(noise_key, plant, z, jax.tree.map(lambda leaf: leaf[running], moulds), noise)
  return Line(second_order(z), y, tuple(starts))


def decay(key: Array, hours: int, noise: float, begins: Sequence[int], lasts: float) -> Line:
  """The profit of a Williams-Otto reactor whose first reaction loses half of its rate, slowly, in equal shares.

  `changes`: when each share of the loss begins.
  """
  plant = williams_otto.plant
  task_key, place_key, noise_key = jax.random.split(key, 3)
  task, z = _always(plant.sample_task(task_key), hours), settings(place_key, plant, hours)
  lost = np.mean([ramp(np.arange(hours), begin, lasts) for begin in begins], axis=0)
  rates = task.rates.at[:, 0].multiply(jnp.asarray(1.0 - (1.0 - ACTIVITY) * lost, jnp.float32))
  return Line(second_order(z), answers(noise_key, plant, z, task._replace(rates=rates), noise), tuple(begins))
