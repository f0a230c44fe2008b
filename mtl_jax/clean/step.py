"""What a cleaning step is, and how steps are put together.

A step is a tuple of pure functions, as in Optax, and its state a NamedTuple of float32 arrays, so that Orbax
restores exactly what was saved: `fit` sees training or support rows only, `apply` sees everything. `fit` runs on
the host. `apply` computes in the rows' own library and precision, so that NumPy rows in float64 stay so and JAX
rows may be traced; where it cannot, the step says so.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from mtl_jax.types import Array, PyTree

AnyArray = np.ndarray | Array


class Rows(NamedTuple):
  """Measurements; the rows of a unit stand together, in order of time. Made by `rows`, which checks it."""

  x: AnyArray  # (n, d), NaN where missing; (n, length, d) after `windows`
  unit: AnyArray | None = None  # (n,) int; None: all of one unit
  time: AnyArray | None = None  # (n,) any unit; None: rows are one apart. JAX keeps seven digits: start near 0
  settings: AnyArray | None = None  # (n, s) what the operator set, for operating regimes


class Step(NamedTuple):
  """One step of cleaning.

  Attributes:
    fit: fit(rows) -> state, a pytree of arrays; () where nothing is learned.
    apply: apply(state, rows) -> rows.
    invert: invert(state, rows) -> rows with `apply` undone, for targets; None where that has no meaning.
  """

  fit: Callable[[Rows], PyTree]
  apply: Callable[[Any, Rows], Rows]
  invert: Callable[[Any, Rows], Rows] | None = None


def rows(x: Any, unit: Any = None, time: Any = None, settings: Any = None) -> Rows:
  """Rows on the host in float64, checked.

  Args:
    x: (n, d) numbers; a column of targets is (n, 1).
    unit: (n,) names or numbers; become 0, 1, ... in order of appearance.
    time: (n,) numbers.
    settings: (n, s) numbers.

  Raises: ValueError if x has not two axes, the lengths differ, a value is infinite, a unit's rows do not stand
    together or its times do not increase.
  """
  x = np.asarray(x, np.float64)
  if x.ndim != 2:
    raise ValueError(f"x has shape {x.shape}, expected (rows, columns)")
  if settings is not None:
    settings = np.asarray(settings, np.float64)
    if settings.ndim != 2:
      raise ValueError(f"settings have shape {settings.shape}, expected (rows, settings)")
  time = None if time is None else np.asarray(time, np.float64)
  for name, array in (("unit", unit), ("time", time), ("settings", settings)):
    if array is not None and len(array) != len(x):
      raise ValueError(f"{name} has {len(array)} rows and x has {len(x)}")
  for name, array in (("x", x), ("settings", settings), ("time", time)):
    if array is not None and np.isinf(array).any():
      raise ValueError(f"{name}, row {int(np.argwhere(np.isinf(array))[0, 0]) + 1} is infinite")
  first = np.zeros(len(x), bool)
  first[:1] = True
  if unit is not None:
    names = np.asarray(unit)
    first[1:] = names[1:] != names[:-1]
    if len(np.unique(names)) != first.sum():
      raise ValueError("the rows of a unit must stand together: sort by unit and time")
    unit = np.cumsum(first) - 1
  if time is not None:
    wrong = ~first & ~(np.diff(time, prepend=-np.inf) > 0)
    if np.isnan(time).any() or wrong.any():
      row = int((np.isnan(time) | wrong).argmax())
      raise ValueError(f"row {row + 1} has the time {time[row]}, which does not follow the row above")
  return Rows(x, unit, time, settings)


def chain(*steps: Step) -> Step:
  """One after another; each is fitted on what those before it make of the rows. Without steps: the rows.

  The state is the tuple of states. `invert` goes backwards, and is None if a step has none.
  """

  def fit(rows: Rows) -> PyTree:
    states = []
    for place, step in enumerate(steps):
      states.append(step.fit(rows))
      if place + 1 < len(steps):
        rows = step.apply(states[-1], rows)
    return tuple(states)

  def apply(state: PyTree, rows: Rows) -> Rows:
    for step, own in zip(steps, state, strict=True):
      rows = step.apply(own, rows)
    return rows

  inverses = [step.invert for step in steps if step.invert is not None]
  if len(inverses) < len(steps):
    return Step(fit, apply)

  def invert(state: PyTree, rows: Rows) -> Rows:
    for inverse, own in zip(reversed(inverses), reversed(state), strict=True):
      rows = inverse(own, rows)
    return rows

  return Step(fit, apply, invert)


def beside(*steps: Step) -> Step:
  """All on the same rows, their columns side by side: `beside(chain(), rolling(10), rolling(30))`.

  The state is the tuple of states. Raises (in `apply`): ValueError if the steps differ in how many rows they give.
  """

  def fit(rows: Rows) -> PyTree:
    return tuple(step.fit(rows) for step in steps)

  def apply(state: PyTree, rows: Rows) -> Rows:
    parts = [step.apply(own, rows) for step, own in zip(steps, state, strict=True)]
    if len({len(part.x) for part in parts}) > 1:
      raise ValueError(f"the steps give {', '.join(str(len(part.x)) for part in parts)} rows")
    return parts[0]._replace(x=library(rows).concatenate([part.x for part in parts], axis=-1))

  return Step(fit, apply)


def nothing(rows: Rows) -> tuple[()]:
  """The `fit` of a step that learns nothing."""
  return ()


def library(rows: Rows) -> Any:
  """numpy or jax.numpy, as x has it."""
  return rows.x.__array_namespace__()


def like(array: Any, rows: Rows) -> Any:
  """`array` in the library and precision of x."""
  return library(rows).asarray(array, dtype=rows.x.dtype)


def running_max(index: Any) -> Any:
  """The largest so far along the first axis, in the library of `index`."""
  return np.maximum.accumulate(index, axis=0) if isinstance(index, np.ndarray) else jax.lax.cummax(index, axis=0)


def first_row(rows: Rows) -> Any:
  """(n,) int: for each row the first row of its unit."""
  xp, n = library(rows), len(rows.x)
  index = xp.arange(n)
  if rows.unit is None:
    return xp.zeros_like(index)
  unit = xp.asarray(rows.unit)
  changes = xp.concatenate([xp.ones(min(n, 1), bool), unit[1:] != unit[:-1]])
  return running_max(xp.where(changes, index, 0))


def host(rows: Rows) -> np.ndarray:
  """(n, d) float64 of x, for `fit`; raises ValueError if x has other axes or no rows."""
  x = np.asarray(rows.x, np.float64)
  if x.ndim != 2 or len(x) == 0:
    raise ValueError(f"x has shape {x.shape}: there is nothing to fit on, expected (rows, columns)")
  return x


def with_values(x: np.ndarray) -> np.ndarray:
  """x itself; raises ValueError if a column has no value at all."""
  empty = np.isnan(x).all(axis=0)
  if empty.any():
    raise ValueError(f"column {int(empty.argmax())} (counted from 0) has no value in the rows to fit on")
  return x
