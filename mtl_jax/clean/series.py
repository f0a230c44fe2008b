"""Steps along the time of a unit: carry forward, one clock, windows, rolling features, spectra.

None looks across units. None looks ahead, except `resample(how="linear")`: what stands at t depends on rows up to t.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.clean.step import Rows, Step, first_row, library, like, nothing, running_max

_SNAP = 1e-4  # of a period: 3 * 0.1 is not 0.3, and seconds since 1970 are only good to 2e-7
Statistic = Literal["mean", "std", "slope", "min", "max"]


def _times(rows: Rows) -> Any:
  """(n,) in the precision of x."""
  return library(rows).arange(len(rows.x), dtype=rows.x.dtype) if rows.time is None else like(rows.time, rows)


def carry_forward(limit: float = np.inf) -> Step:
  """A missing value becomes the last one of its unit, if that is at most `limit` (unit of time) old.

  What a unit has not yet measured stays missing: `impute` after it.
  """

  def apply(state: tuple[()], rows: Rows) -> Rows:
    xp, time = library(rows), _times(rows)
    index = xp.arange(len(rows.x))[:, None]
    last = running_max(xp.where(xp.isnan(rows.x), -1, index))
    row = xp.maximum(last, 0)
    fresh = (last >= first_row(rows)[:, None]) & (time[:, None] - time[row] <= limit)
    return rows._replace(x=xp.where(fresh, xp.take_along_axis(rows.x, row, axis=0), xp.nan))

  return Step(nothing, apply)


def resample(period: float, gap: float, how: Literal["hold", "linear"] = "hold") -> Step:
  """Each unit on a grid of its own: its first time, then every `period` up to its last. On the host.

  Args:
    period: of the new clock, in the unit of time.
    gap: "hold" keeps a value that is at most so old; "linear" draws a line between two values that are at most so
      far apart, and so looks ahead to the second. Elsewhere the grid is missing. Settings are always held.

  Raises: ValueError unless period and gap are positive, and (in `apply`) without times.
  """
  if not (period > 0 and gap > 0):
    raise ValueError(f"period={period} and gap={gap} must be positive")

  def column(time: np.ndarray, values: np.ndarray, grid: np.ndarray, how: str) -> np.ndarray:
    there = ~np.isnan(values)
    time, values = time[there], values[there]
    if len(time) == 0:
      return np.full(len(grid), np.nan)
    before = np.searchsorted(time, grid, side="right") - 1
    at = np.maximum(before, 0)
    if how == "hold":
      return np.where((before >= 0) & (grid - time[at] <= gap), values[at], np.nan)
    after = np.minimum(at + 1, len(time) - 1)
    between = (before >= 0) & (after > at) & (time[after] - time[at] <= gap)
    drawn = np.where(between, np.interp(grid, time, values), np.nan)
    return np.where((before >= 0) & (time[at] == grid), values[at], drawn)

  def apply(state: tuple[()], rows: Rows) -> Rows:
    if rows.time is None:
      raise ValueError("rows without times cannot be put on a clock")
    if len(rows.x) == 0:
      return rows
    x, time = np.asarray(rows.x), np.asarray(rows.time)
    starts = np.flatnonzero(first_row(rows._replace(x=x)) == np.arange(len(x)))
    parts = []
    for own in np.split(np.arange(len(x)), starts[1:]):
      steps = int((time[own[-1]] - time[own[0]]) / period + _SNAP)
      grid = time[own[0]] + period * np.arange(steps + 1)
      near = time[own][np.minimum(np.searchsorted(time[own], grid - _SNAP * period), len(own) - 1)]
      grid = np.where(np.abs(near - grid) <= _SNAP * period, near, grid)
      new = np.stack([column(time[own], values, grid, how) for values in x[own].T], axis=1)
      settings = None
      if rows.settings is not None:
        settings = [column(time[own], values, grid, "hold") for values in np.asarray(rows.settings)[own].T]
      unit = np.full(len(grid), 0 if rows.unit is None else np.asarray(rows.unit)[own[0]])
      parts.append((new, unit, grid, None if settings is None else np.stack(settings, axis=1)))
    new, unit, grid, settings = zip(*parts, strict=True)
    return Rows(
      np.concatenate(new),
      None if rows.unit is None else np.concatenate(unit),
      np.concatenate(grid),
      None if rows.settings is None else np.concatenate(settings),
    )

  return Step(nothing, apply)


def window_ends(unit: Any, length: int, stride: int = 1) -> np.ndarray:
  """(windows,) int: the last row of each window of `length` rows, every `stride` rows from a unit's first.

  A unit shorter than `length` has none. Labels of windows are `y[window_ends(...)]`.

  Args:
    unit: (n,) as `Rows.unit`.

  Raises: ValueError unless length and stride are at least 1.
  """
  if length < 1 or stride < 1:
    raise ValueError(f"length={length} and stride={stride} must be at least 1")
  unit = np.asarray(unit)
  age = np.arange(len(unit)) - first_row(Rows(np.empty((len(unit), 0)), unit))
  return np.flatnonzero((age >= length - 1) & ((age - length + 1) % stride == 0))


def windows(length: int, stride: int = 1) -> Step:
  """(n, d) -> (windows, length, d), never across units; unit, time and settings are those of the last row.

  x may be traced, `unit` may not: it decides how many windows there are. Raises as `window_ends`.
  """
  window_ends([], length, stride)

  def apply(state: tuple[()], rows: Rows) -> Rows:
    ends = window_ends(np.zeros(len(rows.x)) if rows.unit is None else rows.unit, length, stride)
    index = ends[:, None] + np.arange(1 - length, 1)[None, :]
    return Rows(rows.x[index], *(None if own is None else own[ends] for own in rows[1:]))

  return Step(nothing, apply)


class _Sums(NamedTuple):
  """What a window adds up, each (n, d)."""

  count: Any
  x: Any
  time: Any
  low: Any
  high: Any


class _Squares(NamedTuple):
  """Around the means of the window, each (n, d)."""

  x: Any
  time: Any
  both: Any


def rolling(length: int, statistics: tuple[Statistic, ...] = ("mean", "std", "slope")) -> Step:
  """Statistics of the last `length` rows of the unit, fewer at its start: (n, d) -> (n, statistics * d).

  Column s * d + j is statistic s of column j. Missing values do not count; where a window has none the result is
  missing. std has the divisor n and the unit of the column; slope is the least-squares line over time, unit of the
  column per unit of time, 0 where there is one value.

  Raises: ValueError if `length` is below 1 or a statistic is unknown.
  """
  known = ("mean", "std", "slope", "min", "max")
  if length < 1 or not statistics or not set(statistics) <= set(known):
    raise ValueError(f"length={length}, statistics={statistics}: expected at least 1, and some of {', '.join(known)}")

  def apply(state: tuple[()], rows: Rows) -> Rows:
    xp, x, time = library(rows), rows.x, _times(rows)
    age = xp.arange(len(x)) - first_row(rows)

    def over_window(add: Any, start: Any) -> Any:
      """add(sums, value, time before now, whether there is one), for each row of the window; a loop over lags,
      because all windows at once would take `length` times the memory."""

      def body(lag: Any, sums: Any) -> Any:
        value = xp.roll(x, lag, axis=0)
        before = xp.broadcast_to((xp.roll(time, lag) - time)[:, None], x.shape)
        return add(sums, value, before, (age >= lag)[:, None] & ~xp.isnan(value))

      if xp is jnp:
        return jax.lax.fori_loop(0, length, body, start)
      for lag in range(length):
        start = body(lag, start)
      return start

    def add(sums: _Sums, value: Any, before: Any, there: Any) -> _Sums:
      return _Sums(
        sums.count + there.astype(x.dtype),
        sums.x + xp.where(there, value, 0.0),
        sums.time + xp.where(there, before, 0.0),
        xp.minimum(sums.low, xp.where(there, value, xp.inf)),
        xp.maximum(sums.high, xp.where(there, value, -xp.inf)),
      )

    zero = xp.zeros_like(x)
    sums = over_window(add, _Sums(zero, zero, zero, zero + xp.inf, zero - xp.inf))
    some, count = sums.count > 0, xp.maximum(sums.count, 1.0)
    mean, mean_time = sums.x / count, sums.time / count
    result = {"mean": mean, "min": sums.low, "max": sums.high}
    if not result.keys() >= set(statistics):

      def add_squares(squares: _Squares, value: Any, before: Any, there: Any) -> _Squares:
        off, early = xp.where(there, value - mean, 0.0), xp.where(there, before - mean_time, 0.0)
        return _Squares(squares.x + off**2, squares.time + early**2, squares.both + off * early)

      squares = over_window(add_squares, _Squares(zero, zero, zero))
      apart = sums.count > 1
      result["std"] = xp.sqrt(squares.x / count)
      result["slope"] = xp.where(apart, squares.both / xp.where(apart, squares.time, 1.0), 0.0)
    chosen = [xp.where(some, result[name], xp.nan) for name in statistics]
    return rows._replace(x=xp.concatenate(chosen, axis=-1))

  return Step(nothing, apply)


def spectra(bands: int) -> Step:
  """Windows (m, length, d) -> (m, bands * d): log mean power in equal bands from 0 to half the sampling rate.

  Hann window, mean removed; power is the squared amplitude of a line, unit of the column squared, natural log.
  Column b * d + j is band b of column j; the lines left over beyond the last whole band are dropped. A window with
  a missing value is missing. For bearings `tasks.vibration.spectra` reads the lines that their geometry names.

  Raises: ValueError if `bands` is below 1; (in `apply`) if x is not windows with at least 2 * bands rows.
  """
  if bands < 1:
    raise ValueError(f"bands={bands}: at least 1 is needed")

  def apply(state: tuple[()], rows: Rows) -> Rows:
    xp, x = library(rows), rows.x
    if x.ndim != 3 or x.shape[1] < 2 * bands:
      raise ValueError(
        f"x has shape {x.shape}, expected (windows, length, columns) and a length of {2 * bands} or more"
      )
    hann = np.hanning(x.shape[1])
    flat = x - xp.mean(x, axis=1, keepdims=True)
    lines = xp.fft.rfft(flat * like(hann, rows)[None, :, None], axis=1)[:, 1:]
    power = xp.square(xp.abs(lines)) * (2.0 / hann.sum()) ** 2
    width = power.shape[1] // bands
    power = power[:, : width * bands].reshape(len(x), bands, width, x.shape[2]).mean(axis=2)
    return rows._replace(x=xp.log(power + 1e-12).reshape(len(x), bands * x.shape[2]))

  return Step(nothing, apply)
