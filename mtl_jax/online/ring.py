"""The last labels of a stream, in a ring of a fixed size."""

from typing import NamedTuple

import jax.numpy as jnp

from mtl_jax.types import Array, Batch


class Ring(NamedTuple):
  """What a learner remembers of the stream."""

  x: Array  # (size, *inputs)
  y: Array  # (size, targets)
  labels: Array  # () int, so far


def empty(size: int, inputs: tuple[int, ...], targets: int) -> Ring:
  return Ring(jnp.zeros((size, *inputs)), jnp.zeros((size, targets)), jnp.zeros((), jnp.int32))


def remember(ring: Ring, batch: Batch) -> Ring:
  """The newest labels take the places of the oldest; masked rows take none. At most `size` rows at once."""
  size = len(ring.y)
  place = (ring.labels + jnp.cumsum(batch.mask, dtype=jnp.int32) - 1) % size
  place = jnp.where(batch.mask, place, size)  # out of the ring: dropped
  x, y = ring.x.at[place].set(batch.x, mode="drop"), ring.y.at[place].set(batch.y, mode="drop")
  return Ring(x, y, ring.labels + jnp.sum(batch.mask, dtype=jnp.int32))


def stretch(ring: Ring, first: Array, count: int) -> Batch:
  """`count` labels from the `first` on, counted from the beginning of the stream; masked before it."""
  number = first + jnp.arange(count, dtype=jnp.int32)
  place = number % len(ring.y)
  return Batch(ring.x[place], ring.y[place], number >= 0)
