"""A simulated fleet of rotating machines; one task is one machine, as `rotating` draws it.

A history has machines of its own with recordings of each condition; endless ones arrive, each when it is sampled.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.quick import quick_jit
from mtl_jax.tasks.pool import Pool, usable
from mtl_jax.tasks.rotating import CONDITIONS, Machine, Ranges, machine, record
from mtl_jax.tasks.rotating import SAMPLING_HZ as SAMPLING_HZ
from mtl_jax.tasks.vibration import Window, spectra
from mtl_jax.types import Array, Batch, Episode, PyTree, TaskFamily

SEVERITIES_DB = (-6.0, 0.0, 6.0)
"""Incipient, moderate, severe: a fault's RMS over the background noise's, dB."""
RANGES = {
  "train": Ranges((7, 8, 9, 11, 13), (0.18, 0.26), (0.0, 12.0), (15.0, 28.0)),
  "validation": Ranges((10, 12), (0.18, 0.26), (0.0, 12.0), (26.0, 32.0)),
  "test": Ranges((6, 10, 12, 14), (0.15, 0.30), (0.0, 20.0), (28.0, 40.0)),
}
"""What differs between the machines of meta-training, validation and test."""

Split = Literal["train", "validation", "test"]
View = Callable[[Window], PyTree]


def recorded(key: Array, m: Machine, condition: Array, view: View, samples: int) -> PyTree:
  """view(window) of one recording with a severity, speed and load of its own."""
  level_key, shift_key, signal_key = jax.random.split(key, 3)
  severity = jax.random.choice(level_key, jnp.asarray(SEVERITIES_DB))
  severity += jax.random.uniform(shift_key, minval=-2.0, maxval=2.0)
  return view(record(signal_key, m, condition, severity, samples))


@partial(quick_jit, static_argnums=(4, 5))
def _recorded(
  key: Array, number: np.ndarray, machines: Machine, conditions: np.ndarray, view: View, samples: int
) -> PyTree:
  def one(number: Array, m: Machine, condition: Array) -> PyTree:
    return recorded(jax.random.fold_in(key, number), m, condition, view, samples)

  return jax.vmap(one)(jnp.asarray(number), machines, jnp.asarray(conditions))


@partial(quick_jit, static_argnums=1)
def _machines(keys: Array, ranges: Ranges) -> Machine:
  return jax.vmap(partial(machine, ranges=ranges))(keys)


def machines_of(key: Array, split: Split, count: int) -> Machine:
  """Some machines of `split`, leaves (count, ...), on the host, where picking rows costs nothing."""
  return jax.tree.map(np.asarray, _machines(jax.random.split(key, count), RANGES[split]))


_AT_ONCE = 256  # windows per call: in cache, and one compiled program for pools of every size


def _in_parts(part: Callable[[np.ndarray], PyTree], count: int) -> PyTree:
  """part(rows) of rows 0 to count - 1, `_AT_ONCE` at a time, on the host, leaves (count, ...)."""
  # The last call is filled up with windows that come again and are dropped.
  number = np.arange(-(-count // _AT_ONCE) * _AT_ONCE) % count
  # One call is over before the next begins: two that compute an FFT at once wait for each other for ever with JAX 0.11
  # on two cores.
  parts = [jax.device_get(part(rows)) for rows in number.reshape(-1, _AT_ONCE)]
  return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:count], *parts)  # a compiled one is new for each size


def pool(
  key: Array, split: Split, *, machines: int, recordings: int, view: View = spectra, samples: int = 2048
) -> Pool:
  """A fleet with history: `recordings` of each condition on each of `machines` machines.

  Args:
    key: which machines.
    split: whose ranges of geometry and speed.
    view: what is kept of a window (`vibration.spectra`, `features` or `waveform`).
    samples: length of a window at 12 kHz.
  """
  machine_key, record_key = jax.random.split(key)
  constants = machines_of(machine_key, split, machines)
  shape = (machines, len(CONDITIONS), recordings)
  count = machines * len(CONDITIONS) * recordings

  def part(rows: np.ndarray) -> PyTree:
    unit, condition, _ = np.unravel_index(rows, shape)
    here = jax.tree.map(lambda leaf: leaf[unit], constants)
    return _recorded(record_key, rows, here, condition, view, samples)

  x = jax.tree.map(lambda leaf: jnp.asarray(leaf.reshape(*shape, *leaf.shape[1:])), _in_parts(part, count))
  mask = usable(x)
  return Pool(x, mask, jnp.arange(count).reshape(shape), jnp.arange(machines))


@partial(quick_jit, static_argnums=(5, 6))
def _one_by_one(
  key: Array, row: np.ndarray, machines: Machine, condition: np.ndarray, level_db: np.ndarray, view: View, samples: int
) -> PyTree:
  def one(row: Array, m: Machine, condition: Array, level_db: Array) -> PyTree:
    return view(record(jax.random.fold_in(key, row), m, condition, level_db, samples))

  return jax.vmap(one)(*jax.tree.map(jnp.asarray, (row, machines, condition, level_db)))


def one_by_one(
  key: Array, machines: Machine, condition: np.ndarray, level_db: np.ndarray, *, view: View, samples: int = 2048
) -> PyTree:
  """A recording of each row, on the host, leaves (rows, ...).

  Args:
    machines: leaves (rows, ...), on the host.
    condition: (rows,) int, index into CONDITIONS.
    level_db: (rows,) size of the fault's signature over its usual size, dB; -inf: nothing of it is there.
    view, samples: as for `pool`.
  """

  def part(rows: np.ndarray) -> PyTree:
    here = jax.tree.map(lambda leaf: leaf[rows], (machines, condition, np.float32(level_db)))
    return _one_by_one(key, rows, *here, view, samples)

  return _in_parts(part, len(condition))


def family(
  split: Split = "train", *, shots: int = 5, queries: int = 10, view: View = spectra, samples: int = 2048
) -> TaskFamily:
  """Endless machines of `split`, each generated inside jit when it is sampled.

  Args:
    shots, queries: labelled and asked recordings of each condition; every one is a recording of
      its own, so that none is on both sides.
    view, samples: as for `pool`.

  Returns:
    A family; x leaves are (conditions * shots, ...) and (conditions * queries, ...), y is the
    index into CONDITIONS, the task is the `Machine`.
  """

  def sample(key: Array) -> Episode:
    machine_key, record_key = jax.random.split(key)
    m = machine(machine_key, RANGES[split])

    def side(key: Array, count: int) -> Batch:
      y = jnp.repeat(jnp.arange(len(CONDITIONS)), count)
      keys = jax.random.split(key, len(y))
      x = jax.vmap(lambda key, condition: recorded(key, m, condition, view, samples))(keys, y)
      return Batch(x, y, jnp.ones(y.shape, bool))

    support_key, query_key = jax.random.split(record_key)
    return Episode(side(support_key, shots), side(query_key, queries), m)

  return TaskFamily(sample)
