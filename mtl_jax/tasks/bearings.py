"""Few-shot bearing diagnosis from recordings, split by physical bearing and by recording.

A task is a set of bearings with one fault diameter, never a random split of windows;
labels come from one load and questions from the others, so that no recording stands on
both sides. Each function returns (support, query) for `pool.few_shot`, and `Pool.unit`
says which bearings are in a task: pass it to `trust.leak_audit("unit", ...)` with that of
the training tasks.

On CWRU by diameter a nearest centroid on 44 features is close to perfect from a few labels
per fault, so that this form checks honesty and does not tell methods apart. The outer race
at three clock positions in one class and all nine classes are harder from one label per
class; on MFPT the catalogue and an envelope spectrum suffice (`vibration.envelope_rule`).
"""

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.tasks import vibration
from mtl_jax.tasks.pool import Pool, usable
from mtl_jax.tasks.vibration import Window
from mtl_jax.types import Array, PyTree

FAULTS = ("ball", "inner race", "outer race")
SAMPLES = 2048  # per window: 5 shaft revolutions at 12 kHz and 30 Hz
SUPPORT_LOAD_HP = 0.0
MFPT_UNIT = 1000  # apart from CWRU's units, which are diameters in mil

View = Callable[[Window], PyTree]


class Windows(Protocol):
  """What is read of a table of windows, one a row; `mtl_jax.data.Table` of cwru or mfpt has it."""

  @property
  def columns(self) -> Mapping[str, np.ndarray]: ...  # signal, sampling_hz, shaft_hz, orders, load, diameter_mil, clock
  @property
  def labels(self) -> Mapping[str, np.ndarray]: ...  # fault
  @property
  def groups(self) -> Mapping[str, np.ndarray]: ...  # recording, time


class _Recording(NamedTuple):
  """The windows of one uninterrupted measurement, and what is the same for all of them."""

  windows: np.ndarray  # (windows, SAMPLES), g, in the order of time
  sampling_hz: float
  shaft_hz: float
  orders: np.ndarray  # (4,) BPFO, BPFI, BSF, FTF
  fault: str
  diameter_mil: int
  clock: int  # of an outer-race fault, else 0
  load: float


def _recordings(table: Windows) -> list[_Recording]:
  """The recordings in the order in which each first occurs.

  Raises: ValueError if the windows are not `SAMPLES` long.
  """
  signal, columns = table.columns["signal"], table.columns
  if signal.shape[1:] != (SAMPLES,):
    raise ValueError(f"windows of shape {signal.shape[1:]}; expected {SAMPLES} samples")
  _, first, member = np.unique(table.groups["recording"], return_index=True, return_inverse=True)
  recordings = []
  for which in np.argsort(first):
    rows = np.flatnonzero(member == which)
    rows = rows[np.argsort(table.groups["time"][rows], kind="stable")]
    one = rows[0]
    recordings.append(
      _Recording(
        windows=signal[rows],
        sampling_hz=float(columns["sampling_hz"][one]),
        shaft_hz=float(columns["shaft_hz"][one]),
        orders=columns["orders"][one],
        fault=str(table.labels["fault"][one]),
        diameter_mil=int(columns["diameter_mil"][one]),
        clock=int(columns["clock"][one]),
        load=float(columns["load"][one]),
      )
    )
  return recordings


class _Placed(NamedTuple):
  """A recording and where it belongs."""

  recording: _Recording
  number: int  # its place among the recordings of the table
  unit: int  # row of the pool
  label: int


def _cut(recording: _Recording, windows: int) -> np.ndarray:
  """(at most `windows`, SAMPLES): spread evenly over the recording."""
  whole = len(recording.windows)
  return recording.windows[np.linspace(0, whole - 1, min(windows, whole)).astype(int)]


@functools.partial(jax.jit, static_argnums=0)
def _viewed(view: View, windows: Window) -> PyTree:
  # In chunks, because the spectra of all windows at once would not stay in cache.
  return jax.lax.map(view, windows, batch_size=64)


def _pool(placed: list[_Placed], unit: np.ndarray, classes: int, view: View, windows: int) -> Pool:
  """Cuts, views once and lays the windows out as (units, classes, windows)."""
  cuts = [_cut(p.recording, windows) for p in placed]
  filled = np.zeros((unit.shape[0], classes), int)
  slots = []
  for p, cut in zip(placed, cuts, strict=True):
    slots.append(filled[p.unit, p.label] + np.arange(len(cut)))
    filled[p.unit, p.label] += len(cut)
  count = [len(cut) for cut in cuts]

  def each(values: list, dtype: type) -> np.ndarray:
    return np.repeat(np.asarray(values, dtype), count, axis=0)

  window = Window(
    signal=jnp.asarray(np.concatenate(cuts), jnp.float32),
    sampling_hz=jnp.asarray(each([p.recording.sampling_hz for p in placed], np.float32)),
    shaft_hz=jnp.asarray(each([p.recording.shaft_hz for p in placed], np.float32)),
    orders=jnp.asarray(each([p.recording.orders for p in placed], np.float32)),
  )
  place = (each([p.unit for p in placed], int), each([p.label for p in placed], int), np.concatenate(slots))
  shape = (*filled.shape, filled.max())

  def laid(leaf: Array) -> Array:
    return jnp.zeros((*shape, *leaf.shape[1:]), leaf.dtype).at[place].set(leaf)

  x = jax.tree.map(laid, _viewed(view, window))
  intact = laid(jnp.isfinite(window.signal).all(-1))
  numbers = jnp.full(shape, -1).at[place].set(jnp.asarray(each([p.number for p in placed], np.int32)))
  return Pool(x, intact & usable(x), numbers, jnp.asarray(unit, jnp.int32))


def _sides(
  placed: list[_Placed],
  labelled: Callable[[_Recording], bool],
  unit: list,
  classes: int,
  view: View,
  windows: int,
) -> tuple[Pool, Pool]:
  support = [p for p in placed if labelled(p.recording)]
  query = [p for p in placed if not labelled(p.recording)]
  ids = np.asarray(unit)
  return _pool(support, ids, classes, view, windows), _pool(query, ids, classes, view, windows)


def _complete(placed: list[_Placed], diameters: tuple[int, ...]) -> None:
  for diameter in diameters:
    sides = {p.recording.load == SUPPORT_LOAD_HP for p in placed if p.recording.diameter_mil == diameter}
    if sides != {True, False}:
      raise ValueError(
        f"no recordings of a {diameter} mil fault at load {SUPPORT_LOAD_HP:g} hp and at others: "
        "are these the CWRU recordings, and the faults among the classes?"
      )


def cwru_diameters(
  table: Windows,
  *,
  diameters: tuple[int, ...] = (7, 14, 21),
  clocks: tuple[int, ...] = (6,),
  classes: tuple[str, ...] = FAULTS,
  view: View = vibration.spectra,
  windows: int = 40,
) -> tuple[Pool, Pool]:
  """One task per fault diameter: which part is damaged? Labels at 0 hp, questions at 1 to 3 hp.

  Args:
    table: `mtl_jax.data.cwru.load()`.
    diameters: fault diameters, mil, which are the units; leave the ones to be tested out of
      training. 28 has no outer-race fault.
    clocks: outer-race positions, o'clock, that make up the class "outer race"; (3, 6, 12) is
      the harder form (14 mil has 6 only, and is then the same task as before).
    classes: names in the order of the labels. A class without recordings is masked, so a
      model with other classes beside these can be asked.
    view: what the learner reads of a window, computed once: `vibration.features`,
      `vibration.spectra`, `vibration.waveform`, or `lambda window: window`.
    windows: at most this many per recording.

  Returns: (support, query), leaves (diameters, classes, windows, ...).

  Raises: ValueError if a diameter has no recording on a side.
  """
  placed = [
    _Placed(r, i, diameters.index(r.diameter_mil), classes.index(r.fault))
    for i, r in enumerate(_recordings(table))
    if r.diameter_mil in diameters and r.fault in classes and r.clock in (0, *clocks)
  ]
  _complete(placed, diameters)
  return _sides(placed, lambda r: r.load == SUPPORT_LOAD_HP, list(diameters), len(classes), view, windows)


def cwru_nine(table: Windows, *, view: View = vibration.spectra, windows: int = 40) -> tuple[Pool, Pool]:
  """One task: which of ball, inner race, outer race (6 o'clock) times 7, 14, 21 mil?

  Label = 3 * fault + diameter, in the order of `FAULTS` and of the diameters. Labels at
  0 hp, questions at 1 to 3 hp. The task holds every bearing: `unit` is [[7, 14, 21]], so that
  an audit finds any of them in the training tasks.

  Returns: (support, query), leaves (1, 9, windows, ...).
  """
  diameters = (7, 14, 21)
  placed = [
    _Placed(r, i, 0, len(diameters) * FAULTS.index(r.fault) + diameters.index(r.diameter_mil))
    for i, r in enumerate(_recordings(table))
    if r.diameter_mil in diameters and r.fault in FAULTS and r.clock in (0, 6)
  ]
  _complete(placed, diameters)
  labels = len(FAULTS) * len(diameters)
  return _sides(placed, lambda r: r.load == SUPPORT_LOAD_HP, [list(diameters)], labels, view, windows)


def mfpt(
  table: Windows,
  *,
  classes: tuple[str, ...] = FAULTS,
  view: View = vibration.spectra,
  windows: int = 17,
) -> tuple[Pool, Pool]:
  """One task, the MFPT rig: inner or outer race? Labels at each fault's lowest load.

  Args:
    table: `mtl_jax.data.mfpt.load()`.
    classes: names in the order of the labels, so that a model trained elsewhere can be asked;
      those without recordings are masked.
    view, windows: as for `cwru_diameters`; a recording has 17 windows.

  Returns: (support, query), leaves (1, classes, windows, ...). A rule without training,
    `vibration.envelope_rule`, is a rung of the ladder here.

  Raises: ValueError if no recording has a fault among `classes`, or a fault has one load only.
  """
  listed = [(i, r) for i, r in enumerate(_recordings(table)) if r.fault in classes]
  lowest = {fault: min(r.load for _, r in listed if r.fault == fault) for fault in {r.fault for _, r in listed}}
  placed = [_Placed(r, i, 0, classes.index(r.fault)) for i, r in listed]
  for fault in lowest or classes:
    if len({r.load for _, r in listed if r.fault == fault}) < 2:
      raise ValueError(f"'{fault}' needs recordings at two loads or more: are these the MFPT recordings?")
  return _sides(placed, lambda r: r.load == lowest[r.fault], [MFPT_UNIT], len(classes), view, windows)
