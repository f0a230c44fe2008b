"""A simulated fleet in use: machines of `fleet` are recorded in turns, one an hour, while faults come and go.

Each machine has a fault that grows evenly until it is severe, is repaired, and begins again. Which one it is changes
for the whole fleet at known hours, as a new batch of bearings or another way of mounting would do it, and the operating
point moves: everything turns faster by and by. Forces of an imbalance go with the square of the speed, and with them
the lines of the shaft (R. B. Randall, "Vibration-based Condition Monitoring", Wiley, 2nd ed. 2021, section 2.2). Lives,
the two faults and how much faster are made up.
"""

from collections.abc import Sequence
from functools import cache

import jax
import numpy as np

from mtl_jax.tasks.fleet import CONDITIONS, machines_of, one_by_one
from mtl_jax.tasks.in_use import Line, ramp, stage
from mtl_jax.tasks.rotating import Machine
from mtl_jax.tasks.vibration import features
from mtl_jax.types import Array

MACHINES = 8
FAULTS = (CONDITIONS.index("outer race"), CONDITIONS.index("imbalance"))  # in turns
SEVERE = 2.0  # how large a fault's signature is before it is repaired, over its usual size: 6 dB
LIFE = (100.0, 300.0)  # hours from one repair to the next, lowest and highest
FASTER = 0.3  # by how much of its speed each machine turns faster at last


def share(hour: np.ndarray, life: np.ndarray, phase: np.ndarray) -> np.ndarray:
  """From 0 to 1, how far the fault has grown since the last repair: what is left of hour / life + phase over 1."""
  return (hour / life + phase) % 1.0


def at_speed(machines: Machine, ratio: np.ndarray) -> Machine:
  """The same machines, leaves (rows, ...), at `ratio` (rows,) of their speed."""
  ratio = ratio.astype(np.float32)
  return machines._replace(speed_hz=machines.speed_hz * ratio, line_g=machines.line_g * np.square(ratio)[:, None])


def _recorded(key: Array, machines: Machine, fault: np.ndarray, grown: np.ndarray) -> np.ndarray:
  level = SEVERE * grown
  decibel = 20.0 * np.log10(level, where=level > 0, out=np.full(level.shape, -np.inf))
  return one_by_one(key, machines, fault, decibel, view=features)


@cache
def _scale() -> tuple[np.ndarray, np.ndarray]:
  """Mean and deviation of each feature over 256 other machines with either fault."""
  machine_key, grown_key, record_key = jax.random.split(jax.random.fold_in(jax.random.key(0), 1), 3)
  grown = np.asarray(jax.random.uniform(grown_key, (256,)))
  x = _recorded(record_key, machines_of(machine_key, "train", 256), np.resize(FAULTS, 256), grown)
  return x.mean(0), x.std(0)


def rounds(key: Array, hours: int, noise: float, starts: Sequence[int], lasts: float) -> Line:
  """Recordings of the fleet, one machine an hour in turns, and how far its fault has grown.

  At each of `starts` it is the turn of the other fault. From the second one on, within `lasts` hours, all machines come
  to turn faster, so that neither fault comes back as it was.

  Returns: x, the features of `vibration.features` in deviations about the mean of other machines; y, the share of the
    way to severe in deviations about its mean, with noise of the deviation that was asked for.
  """
  machine_key, life_key, record_key, noise_key = jax.random.split(key, 4)
  hour, unit = np.arange(hours), np.arange(hours) % MACHINES
  fleet = machines_of(machine_key, "train", MACHINES)
  life, phase = np.asarray(jax.random.uniform(life_key, (2, MACHINES)))
  grown = share(hour, (LIFE[0] + (LIFE[1] - LIFE[0]) * life)[unit], phase[unit])
  faster = 1.0 + FASTER * ramp(hour, starts[1], lasts)
  machines = at_speed(jax.tree.map(lambda leaf: leaf[unit], fleet), faster)
  fault = np.asarray(FAULTS)[stage(hour, (0, *starts)) % len(FAULTS)]
  mean, deviation = _scale()
  x = (_recorded(record_key, machines, fault, grown) - mean) / deviation
  y = (grown - 0.5) * np.sqrt(12.0) + noise * np.asarray(jax.random.normal(noise_key, (hours,)))
  return Line(x.astype(np.float32), y[:, None].astype(np.float32), tuple(starts))
