"""What a plant is to someone who tunes it: settings in a box, a value to make large, limits to keep."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.types import Array, PyTree


class Setting(NamedTuple):
  """One setting of a plant, in its physical unit."""

  name: str
  unit: str
  low: float
  high: float
  nominal: float


class Outcome(NamedTuple):
  """What a plant does at a set-point.

  Attributes:
    value: () to be made as large as possible, in `Plant.unit`.
    constraints: (c,) each kept where it is at most 0; their names are `Plant.constraints`.
  """

  value: Array
  constraints: Array


class Plant(NamedTuple):
  """A family of plants of one kind; what differs between two of them is in the task.

  Attributes:
    settings: the box of set-points, in the order of u.
    response: what `Outcome.value` is; unit: its unit.
    constraints: names of the limits.
    nominal: () -> the task that the literature has, or the middle of the family.
    sample_task: sample_task(key) -> task.
    value: value(u[d], task) -> Outcome, in physical units; pure, differentiable, vmap-able.
  """

  settings: tuple[Setting, ...]
  response: str
  unit: str
  constraints: tuple[str, ...]
  nominal: Callable[[], PyTree]
  sample_task: Callable[[Array], PyTree]
  value: Callable[[Array, PyTree], Outcome]


def box(plant: Plant) -> tuple[Array, Array]:
  """(d,), (d,): the lowest and the highest set-points."""
  return jnp.asarray([s.low for s in plant.settings]), jnp.asarray([s.high for s in plant.settings])


def nominal(plant: Plant) -> Array:
  """(d,) the set-point that a plant of the kind runs at before anyone has tuned it."""
  return jnp.asarray([s.nominal for s in plant.settings])


def from_unit(plant: Plant, z: Array) -> Array:
  """(..., d) in the unit box -> set-points in physical units."""
  low, high = (jnp.broadcast_to(side.astype(z.dtype), z.shape) for side in box(plant))
  return low + z * (high - low)


def around(key: Array, nominal: tuple[float, ...], spread: tuple[float, ...]) -> tuple[Array, ...]:
  """Numbers uniform around their nominal ones, independent, each within its share of it."""
  share = jax.random.uniform(key, (len(nominal),), minval=-1.0, maxval=1.0) * jnp.asarray(spread)
  return tuple(of * (1.0 + share[i]) for i, of in enumerate(nominal))
