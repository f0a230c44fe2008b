"""Evidence that one model's losses are lower than another's, valid whenever one looks.

I. Waudby-Smith, A. Ramdas, "Estimating means of bounded random variables by betting", JRSS B 86 (2024): a capital that
bets on differences d_t in [-1, 1], K_t = prod (1 + lambda_t d_t) with lambda_t >= 0 from the past alone, is a
supermartingale while E[d_t | past] <= 0, so that it ever reaches 1 / risk with a probability of at most `risk`
(J. Ville, 1939). lambda_t is their approximate growth-rate-adaptive bet, mean / (variance + mean^2), at most 1/2 here.
"""

from typing import NamedTuple

import numpy as np

Number = float | np.ndarray
MOST = 0.5  # of the capital is staked on one difference


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


def bet(evidence: Evidence, difference: Number) -> Evidence:
  """One more difference, in [-1, 1] or not much below; the capital grows while differences are above zero."""
  log_capital, count, total, squares = evidence
  mean = total / (count + 1)
  variance = np.maximum((1.0 + squares) / (count + 1) - mean**2, 1e-12)
  stake = np.clip(mean / (variance + mean**2), 0.0, MOST)
  grown = log_capital + np.log1p(stake * difference)
  return Evidence(grown, count + 1, total + difference, squares + difference**2)


def bet_anew(evidence: Evidence, difference: Number) -> Evidence:
  """As `bet`, for a change that may come at any time: capital that was lost before it is given back.

  A capital of 1 is added before every bet (the Shiryaev-Roberts e-detector: J. Shin, A. Ramdas, A. Rinaldo,
  "E-detectors", 2022), so that it reaches c without any change after c differences at the earliest, on average.
  """
  return bet(evidence._replace(log_capital=np.logaddexp(evidence.log_capital, 0.0)), difference)
