"""Remaining life of turbofan engines: what a row of C-MAPSS becomes, and how a prediction is judged.

Saxena, Goebel, Simon, Eklund, "Damage propagation modeling for aircraft engine run-to-failure simulation", PHM 2008.
In FD002 and FD004 the six flight conditions move the sensors far more than wear does, so they are standardised
within their condition, which k-means finds from the settings of the training engines. What is left is a little wear
under much noise: it shows in means over long stretches, so windows reach 150 cycles back. A short history is
averaged over what there is.
"""

from collections.abc import Mapping
from typing import Protocol

import jax.numpy as jnp
import numpy as np

from mtl_jax.clean.columns import standardise_per_regime
from mtl_jax.clean.series import Statistic, rolling
from mtl_jax.clean.step import Rows, Step, beside, chain, like, nothing, rows
from mtl_jax.metrics import nasa_score, normal, rmse
from mtl_jax.types import Array, Episode, Metrics

SENSORS = ("s2", "s3", "s4", "s7", "s8", "s9", "s11", "s12", "s13", "s14", "s15", "s17", "s20", "s21")
SETTINGS = ("op1", "op2", "op3")
CAP = 125.0  # cycles; wear does not show earlier, and much of the literature caps there
SUBSETS = ("FD001", "FD002", "FD003", "FD004")
REGIMES = {"FD001": 1, "FD002": 6, "FD003": 1, "FD004": 6}  # flight conditions, as the publisher states them
WINDOWS = (5, 15, 50, 150)  # cycles; these and the statistics were chosen on held-out training engines
STATISTICS: tuple[Statistic, ...] = ("mean", "slope")


class Flights(Protocol):
  """What is read of a table with one flight a row; `mtl_jax.data.Table` of cmapss has it."""

  @property
  def columns(self) -> Mapping[str, np.ndarray]: ...  # op1 to op3 and the sensors
  @property
  def labels(self) -> Mapping[str, np.ndarray]: ...  # rul
  @property
  def groups(self) -> Mapping[str, np.ndarray]: ...  # unit, time


def flights(table: Flights) -> Rows:
  """(n, 14) sensors with unit, time in cycles and the (n, 3) settings; raises ValueError as `clean.rows`."""

  def some(names: tuple[str, ...]) -> np.ndarray:
    return np.stack([np.asarray(table.columns[name], np.float64) for name in names], axis=1)

  return rows(some(SENSORS), table.groups["unit"], table.groups["time"], some(SETTINGS))


def _cycle() -> Step:
  """(n, d) -> (n, 1): the cycles flown, which are the times."""
  return Step(nothing, lambda _, flown: flown._replace(x=like(flown.time, flown)[:, None]))


def features(regimes: int, windows: tuple[int, ...] = WINDOWS, statistics: tuple[Statistic, ...] = STATISTICS) -> Step:
  """`flights` -> (n, 14 + 14 * windows * statistics + 1), as `feature_names` lists them.

  Sensors standardised within their flight condition, their rolling statistics, and the cycle, not standardised.
  Fit it on the training engines only; a row looks at its own engine's rows up to itself.

  Args:
    regimes: how many flight conditions there are, see `REGIMES`.
    windows: lengths in cycles.
    statistics: of each window; slope is per cycle.
  """
  return chain(
    standardise_per_regime(regimes),
    beside(chain(), *(rolling(length, statistics) for length in windows), _cycle()),
  )


def feature_names(
  windows: tuple[int, ...] = WINDOWS, statistics: tuple[Statistic, ...] = STATISTICS
) -> tuple[str, ...]:
  """The columns of `features`: s2, ..., s2_mean_5, ..., cycle."""
  rolled = (f"{sensor}_{name}_{length}" for length in windows for name in statistics for sensor in SENSORS)
  return (*SENSORS, *rolled, "cycle")


def capped(rul: np.ndarray, cap: float = CAP) -> np.ndarray:
  """(n,) cycles left -> (n,) float64, at most `cap`: what is learned, and the "clipped" labels of a test."""
  return np.minimum(np.asarray(rul, np.float64), cap)


def judged(prediction: Array, episode: Episode) -> Metrics:
  """Errors of one episode in cycles, against capped labels and against labels as they are.

  Args:
    prediction: (n, 1) remaining life over `CAP`; below 0 or above 1 it is taken as 0 or 1, whoever predicts. (n, 2)
      with its log variance; `metrics.normal` of what was said is then given too, against capped labels.
    episode: query.y (n, 2), the remaining life over `CAP`, capped and as it is.

  Returns: mse and mse_uncapped in cycles squared; nasa and nasa_uncapped, `metrics.nasa_score` over the engines asked.
  """
  _, y, mask = episode.query
  found = normal(prediction, y[:, 0], mask, CAP)
  engines = jnp.maximum(jnp.sum(mask, dtype=y.dtype), 1.0)
  for at, suffix in enumerate(("", "_uncapped")):
    pair = CAP * jnp.clip(prediction[:, 0], 0.0, 1.0), CAP * y[:, at], mask
    found[f"mse{suffix}"] = jnp.square(rmse(*pair))
    found[f"nasa{suffix}"] = nasa_score(*pair) / engines
  return found


def last_cycles(table: Flights) -> np.ndarray:
  """(units,) the row of each engine's last cycle, in order of appearance: where published scores are taken."""
  unit = np.asarray(table.groups["unit"])
  return np.flatnonzero(np.append(unit[1:] != unit[:-1], len(unit) > 0))
