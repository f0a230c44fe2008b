"""Evidence that one model's losses are lower than another's, valid whenever one looks.

I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024): a capital that
bets on differences d_t in [-1, 1], K_t = prod (1 + lambda_t d_t) with lambda_t >= 0 from the past alone, is a
supermartingale while E[d_t | past] <= 0, so that it ever reaches 1 / risk with a probability of at most `risk`
(J. Ville, 1939). lambda_t is their approximate growth-rate-adaptive bet, mean / (variance + mean^2), at most `most`.

Losses of a real line are alike from one to the next, and then E[d_t | past] is above zero half of the time whatever the
mean is. The mean of a block of differences that is long beside that memory is hardly foretold by what came before it,
and is bet on in the place of one difference; how well that works and what it costs is in scripts/measure_gate.py.
"""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

Number = float | np.ndarray


class Evidence(NamedTuple):
  """Everything the next bet needs; numbers, or arrays of many bets side by side.

  Attributes:
    log_capital: natural logarithm of the capital
    seen, total, squares: number, sum and sum of squares of the differences so far
  """

  log_capital: Number = 0.0
  seen: Number = 0
  total: Number = 0.0
  squares: Number = 0.0


class Block(NamedTuple):
  """The differences of a block that is not full: their number and sum."""

  size: int = 0
  total: float = 0.0


def means(block: Block, differences: Iterable[float], length: int) -> tuple[Block, list[float]]:
  """The means of the blocks of `length` differences that become full, and the block that remains."""
  size, total = block
  full = []
  for difference in differences:
    size, total = size + 1, total + difference
    if size == length:
      full.append(total / size)
      size, total = 0, 0.0
  return Block(size, total), full


def most(length: int) -> float:
  """Of the capital that is staked on the mean of `length` differences: 1/2 of it on one, 0.89 on the mean of 20.

  Below 1, so that no mean takes all. Means of longer blocks are seldom near -1, and with 1/2 the wait would double.
  """
  return 1.0 - 0.5 / math.sqrt(length)


def bet(evidence: Evidence, difference: Number, most: float) -> Evidence:
  """One more difference (or mean), in [-1, 1] or not much below; the capital grows while they are above zero."""
  log_capital, count, total, squares = evidence
  mean = total / (count + 1)
  variance = np.maximum((1.0 + squares) / (count + 1) - mean**2, 1e-12)
  stake = np.clip(mean / (variance + mean**2), 0.0, most)
  grown = log_capital + np.log1p(stake * difference)
  return Evidence(grown, count + 1, total + difference, squares + difference**2)


def bet_anew(evidence: Evidence, difference: Number, most: float) -> Evidence:
  """As `bet`, for a change that may come at any time: where capital was lost, all begins anew with a capital of 1.

  The CUSUM e-detector (J. Shin, A. Ramdas, A. Rinaldo, "E-detectors", 2022): without any change it reaches c after c
  differences at the earliest, on average. Their Shiryaev-Roberts detector promises the same and is quicker, but reaches
  c after c differences even where each of them is below zero, and a version that is better all the time would go.
  """
  lost = (evidence.log_capital < 0.0) | (evidence.total <= 0.0)
  return bet(Evidence(*(np.where(lost, 0.0, each)[()] for each in evidence)), difference, most)
