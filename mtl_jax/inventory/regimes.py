"""Simulated demand that drifts in ways that are known, so that the best a policy could do is known too.

Demand of a period is negative binomial with mean m and variance d m: at d = 12 and a mean of 1 there is none in four
periods of five, and then much. Sums over periods of one d are negative binomial again.
"""

from typing import NamedTuple

import numpy as np

REGIMES = ("steady", "level shift", "trend", "season", "intermittency", "changeovers")
YEAR = 52  # periods
STEADY, RARE = 1.5, 12.0  # d


class Simulated(NamedTuple):
  """Demand, and what it was drawn from."""

  sold: np.ndarray  # (products, periods)
  mean: np.ndarray  # (products, periods)
  dispersion: np.ndarray  # (products, periods) d


def changes(regime: str, periods: int) -> np.ndarray:
  """The first periods of something new; none where nothing changes at once."""
  if regime in ("level shift", "intermittency"):
    return np.arange(YEAR, periods, YEAR)
  return np.arange(YEAR // 2, periods, YEAR // 2) if regime == "changeovers" else np.zeros(0, int)


def simulated(regime: str, products: int, periods: int, seed: int) -> Simulated:
  """Products of one regime, whose base mean is 3 to 30, or 1 to 5 where demand becomes intermittent.

  steady         nothing changes
  level shift    every 52 periods the mean is that of the start times 1/3 to 3, drawn anew
  trend          it grows or shrinks by up to 1.5 % a period, and turns every 52
  season         a wave of 52 periods and 30 % to 70 %
  intermittency  every 52 periods demand comes rarely and in bunches, or again evenly, with the same mean
  changeovers    two levels that differ by a factor of 2 to 5 take turns every 26 periods
  """
  draw, time = np.random.default_rng([REGIMES.index(regime), seed]), np.arange(periods)
  low, high = (1.0, 5.0) if regime == "intermittency" else (3.0, 30.0)
  start = np.exp(draw.uniform(np.log(low), np.log(high), (products, 1)))
  factor, d = np.ones((products, periods)), np.full((products, periods), STEADY)
  part = time // YEAR
  match regime:
    case "level shift":
      factor = np.exp(draw.uniform(-np.log(3.0), np.log(3.0), (products, part[-1] + 1)))[:, part]
    case "trend":
      slope = draw.uniform(-0.015, 0.015, (products, 1))
      factor = np.exp(slope * (YEAR / 2 - np.abs(time % (2 * YEAR) - YEAR))[None])
    case "season":
      phase, swing = draw.uniform(0, 2 * np.pi, (products, 1)), draw.uniform(0.3, 0.7, (products, 1))
      factor = 1.0 + swing * np.sin(2 * np.pi * time[None] / YEAR + phase)
    case "intermittency":
      d = np.where((part[None] + draw.integers(0, 2, (products, 1))) % 2 == 0, STEADY, RARE)
    case "changeovers":
      other = np.exp(draw.uniform(np.log(2.0), np.log(5.0), (products, 1)))
      factor = np.where((time // (YEAR // 2) + draw.integers(0, 2, (products, 1))) % 2 == 0, 1.0, other)
  mean = start * factor
  return Simulated(draw.negative_binomial(mean / (d - 1.0), 1.0 / d).astype(float), mean, d)
