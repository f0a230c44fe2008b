"""Steps that treat each row by itself: impute, clip, standardise, standardise within operating regimes."""

from typing import Any, NamedTuple

import numpy as np

from mtl_jax.clean.step import AnyArray, Rows, Step, host, library, like, with_values


class Median(NamedTuple):
  """What `impute` learns."""

  median: np.ndarray  # (d,) float32


def impute() -> Step:
  """A missing value becomes the median of its column in the fitted rows.

  Raises (in `fit`): ValueError if a column has no value.
  """

  def fit(rows: Rows) -> Median:
    return Median(np.nanmedian(with_values(host(rows)), axis=0).astype(np.float32))

  def apply(state: Median, rows: Rows) -> Rows:
    xp = library(rows)
    return rows._replace(x=xp.where(xp.isnan(rows.x), like(state.median, rows)[None, :], rows.x))

  return Step(fit, apply)


class Limits(NamedTuple):
  """What `clip` learns."""

  low: np.ndarray  # (d,) float32
  high: np.ndarray  # (d,) float32


def clip(low: float = 0.001, high: float = 0.999) -> Step:
  """Values outside two quantiles of the fitted rows become those quantiles; a missing value stays missing.

  Raises: ValueError unless 0 <= low < high <= 1, and (in `fit`) if a column has no value.
  """
  if not 0 <= low < high <= 1:
    raise ValueError(f"the quantiles are {low} and {high}, expected 0 <= low < high <= 1")

  def fit(rows: Rows) -> Limits:
    return Limits(*np.nanquantile(with_values(host(rows)), (low, high), axis=0).astype(np.float32))

  def apply(state: Limits, rows: Rows) -> Rows:
    limits = like(state.low, rows)[None, :], like(state.high, rows)[None, :]
    return rows._replace(x=library(rows).clip(rows.x, *limits))

  return Step(fit, apply)


class Scale(NamedTuple):
  """What `standardise` learns."""

  mean: np.ndarray  # (d,) float32, the unit of the column
  scale: np.ndarray  # (d,) float32, likewise


def _moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Values, mean and standard deviation (divisor n) of each column, (d,) each; NaN do not count.

  Without a value the mean is 0. A deviation of exactly 0 says that the column is constant: rounding would leave
  1e-13 of a pressure that never moves.
  """
  there = ~np.isnan(x)
  count = there.sum(axis=0)
  mean = np.where(there, x, 0.0).sum(axis=0) / np.maximum(count, 1)
  square = np.where(there, (x - mean) ** 2, 0.0).sum(axis=0) / np.maximum(count, 1)
  high, low = np.where(there, x, -np.inf).max(axis=0), np.where(there, x, np.inf).min(axis=0)
  return count, mean, np.where(high > low, np.sqrt(square), 0.0)


def standardise() -> Step:
  """Each column to mean 0 and standard deviation 1 (divisor n) in the fitted rows.

  A missing value stays missing and does not count. A constant column keeps its unit (scale 1), as in scikit-learn.
  """

  def fit(rows: Rows) -> Scale:
    _, mean, deviation = _moments(host(rows))
    return Scale(mean.astype(np.float32), np.where(deviation > 0, deviation, 1.0).astype(np.float32))

  def apply(state: Scale, rows: Rows) -> Rows:
    return rows._replace(x=(rows.x - like(state.mean, rows)[None, :]) / like(state.scale, rows)[None, :])

  def invert(state: Scale, rows: Rows) -> Rows:
    return rows._replace(x=rows.x * like(state.scale, rows)[None, :] + like(state.mean, rows)[None, :])

  return Step(fit, apply, invert)


class Regimes(NamedTuple):
  """What `standardise_per_regime` learns: k regimes, s settings, d columns; all float32."""

  per_setting: np.ndarray  # (s,) one unit of distance, in the unit of the setting
  centres: np.ndarray  # (k, s) in these units
  mean: np.ndarray  # (k, d)
  scale: np.ndarray  # (k, d)


def regime_of(state: Regimes, rows: Rows) -> Any:
  """(n,) int: the nearest centre; a condition never met before is the one it is nearest to."""
  xp = library(rows)
  settings = like(_settings(rows), rows) / like(state.per_setting, rows)[None, :]
  away = settings[:, None, :] - like(state.centres, rows)[None, :, :]
  return xp.argmin(xp.sum(away**2, axis=-1), axis=-1)


def _settings(rows: Rows) -> AnyArray:
  if rows.settings is None:
    raise ValueError("operating regimes need the rows' settings")
  return rows.settings


def standardise_per_regime(regimes: int, seed: int = 0) -> Step:
  """Each column to mean 0 and deviation 1 within its operating regime, so that what is left is wear and noise.

  The regimes are the clusters of k-means on the settings, each setting over its deviation in the fitted rows.
  There are fewer where the fitted rows have fewer distinct settings. What a regime cannot tell is borrowed:
  without a value of a column it takes the mean of all rows and their deviation; a column constant in it takes the
  deviation within regimes, averaged over all; a column constant in all of them keeps its unit (scale 1).
  A row whose setting is missing becomes missing. `invert` needs the same settings as `apply`.

  Args:
    regimes: how many; 1 is `standardise`. Where the plant has one regime more only divide its noise.
    seed: of k-means, which takes the best of ten starts.

  Raises: ValueError if `regimes` is below 1; (in `fit`) without settings or where one is missing.
  """
  if regimes < 1:
    raise ValueError(f"regimes={regimes}: at least 1 is needed")

  def fit(rows: Rows) -> Regimes:
    from sklearn.cluster import KMeans

    x, settings = host(rows), np.asarray(_settings(rows), np.float64)
    if np.isnan(settings).any():
      raise ValueError(f"row {int(np.isnan(settings).any(axis=1).argmax()) + 1} has a setting missing: drop it")
    _, _, spread = _moments(settings)
    per_setting = np.where(spread > 0, spread, 1.0).astype(np.float32)
    scaled = settings / per_setting
    means = KMeans(min(regimes, len(np.unique(scaled, axis=0))), n_init=10, random_state=seed).fit(scaled)
    state = Regimes(per_setting, means.cluster_centers_.astype(np.float32), np.empty(0), np.empty(0))
    regime = regime_of(state, rows._replace(x=x))  # as `apply` will find it, also between two centres
    own = [_moments(x[regime == k]) for k in range(len(state.centres)) if (regime == k).any()]
    state = state._replace(centres=state.centres[np.unique(regime)])
    count, mean, deviation = (np.stack(part) for part in zip(*own, strict=True))
    _, mean_of_all, deviation_of_all = _moments(x)
    within = np.sqrt((count * deviation**2).sum(axis=0) / np.maximum(count.sum(axis=0), 1))
    mean = np.where(count > 0, mean, mean_of_all)
    scale = np.where(deviation > 0, deviation, np.where(count > 0, within, deviation_of_all))
    scale = np.where(scale > 0, scale, 1.0)
    return state._replace(mean=mean.astype(np.float32), scale=scale.astype(np.float32))

  def of_rows(state: Regimes, rows: Rows) -> tuple[Any, Any]:
    """Mean and scale for each row, (n, d)."""
    xp, regime = library(rows), regime_of(state, rows)
    known = ~xp.isnan(xp.asarray(rows.settings)).any(axis=-1)
    mean, scale = like(state.mean, rows)[regime], like(state.scale, rows)[regime]
    return xp.where(known[:, None], mean, xp.nan), scale

  def apply(state: Regimes, rows: Rows) -> Rows:
    mean, scale = of_rows(state, rows)
    return rows._replace(x=(rows.x - mean) / scale)

  def invert(state: Regimes, rows: Rows) -> Rows:
    mean, scale = of_rows(state, rows)
    return rows._replace(x=rows.x * scale + mean)

  return Step(fit, apply, invert)
