"""Steps along the time of a unit: carry forward, one clock, windows, rolling features, spectra.

None looks across units. None looks ahead, except `resample(how="linear")`: what stands at t depends on rows up to t.
"""

from typing import Any, Literal, NamedTuple

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


class _Moments(NamedTuple):
  """What is known of the values in a window, each (n, d), or (n, 1) where it is alike in all columns."""

  count: Any
  mean: Any
  time: Any  # mean time less that of the window's last row
  squares: Any  # sums around the means: of the values, of the times, and of their products
  squares_time: Any
  products: Any
  low: Any
  high: Any


def _joined(late: _Moments, early: _Moments, before: Any, needed: set[Statistic], xp: Any) -> _Moments:
  """Of two windows together, the last row of `early` being `before` the last row of `late`.

  T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
  COMPSTAT 1982, eq. 2.1: nothing large is subtracted, so that a small deviation of large values is not lost.
  """
  count = late.count + early.count
  share = early.count / xp.maximum(count, 1.0)
  off, apart, weight = early.mean - late.mean, early.time + before - late.time, late.count * share
  found = late._replace(count=count, mean=late.mean + off * share, time=late.time + apart * share)
  if "std" in needed:
    found = found._replace(squares=late.squares + early.squares + off**2 * weight)
  if "slope" in needed:
    products = late.products + early.products + off * (apart * weight)
    found = found._replace(squares_time=late.squares_time + early.squares_time + apart**2 * weight, products=products)
  if "min" in needed:
    found = found._replace(low=xp.minimum(late.low, early.low))
  if "max" in needed:
    found = found._replace(high=xp.maximum(late.high, early.high))
  return found


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
    age = (xp.arange(len(x)) - first_row(rows))[:, None]
    there = ~xp.isnan(x)
    if xp is np and there.all():
      there = there[:, :1]  # then counts and times are alike in all columns
    values, one = xp.where(there, x, 0.0), there.astype(x.dtype)
    none, zero, needed = xp.zeros_like(one), xp.zeros_like(x), set(statistics)
    low, high = xp.where(there, x, xp.inf), xp.where(there, x, -xp.inf)
    nothing_there = _Moments(none, zero, none, zero, none, zero, zero + xp.inf, zero - xp.inf)

    def extended(late: _Moments, rows: int, block: _Moments) -> _Moments:
      """`late`, which has the last `rows` rows, and the block that ends before them."""
      real = age >= rows
      early = (
        xp.where(real, xp.roll(leaf, rows, axis=0), empty) for leaf, empty in zip(block, nothing_there, strict=True)
      )
      return _joined(late, _Moments(*early), (xp.roll(time, rows) - time)[:, None], needed, xp)

    # Blocks of 1, 2, 4, ... rows; the window is put together from those whose sizes add up to it.
    block, found, have = nothing_there._replace(count=one, mean=values, low=low, high=high), nothing_there, 0
    for bit in range(length.bit_length()):
      size = 2**bit
      if bit:
        block = extended(block, size // 2, block)
      if length & size:
        found, have = extended(found, have, block) if have else block, have + size
    some = found.count > 0
    of = {
      "mean": lambda: found.mean,
      "std": lambda: xp.sqrt(found.squares / xp.maximum(found.count, 1.0)),
      "slope": lambda: xp.where(
        found.count > 1, found.products / xp.where(found.count > 1, found.squares_time, 1.0), 0.0
      ),
      "min": lambda: found.low,
      "max": lambda: found.high,
    }
    return rows._replace(x=xp.concatenate([xp.where(some, of[name](), xp.nan) for name in statistics], axis=-1))

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
