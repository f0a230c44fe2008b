"""How sure a trial must be to keep the limits, so that on a new plant few trials break one: a conformal bound.

A. N. Angelopoulos, S. Bates, A. Fisch, L. Lei, T. Schuster, "Conformal risk control", ICLR 2024: with the loss of n
plants, here the share of a whole campaign's trials that break a limit, the bound (n mean + 1) / (n + 1) holds for the
expected loss of the next plant, if plants are exchangeable and the loss only falls as more confidence is asked for.
It is made to fall by taking the largest mean of that confidence and all higher ones, so that only the plants' being
alike is assumed: neither that the surrogate is right, nor that trials are drawn and not chosen. It is a mean over
plants; one plant may do worse.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.tuning.acquisition import Acquisition
from mtl_jax.tuning.campaign import Campaign, campaign
from mtl_jax.tuning.gp import Surrogate
from mtl_jax.tuning.proposal import Cost, Rules
from mtl_jax.tuning.scale import Scale
from mtl_jax.types import Array, Batch

CONFIDENCES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)


class Bound(NamedTuple):
  """Attributes:
  confidence: for `Rules`
  share: of trials that broke a limit, at that confidence, on the plants it was found on
  bound: on the expected share of a new plant
  plants: their number
  """

  confidence: float
  share: float
  bound: float
  plants: int


def broken(gave: Array) -> Array:
  """(...,) whether any limit is broken, of (..., 1 + c)."""
  return jnp.any(gave[..., 1:] > 0, axis=-1)


def bound_of(shares: np.ndarray, confidences: Sequence[float], risk: float) -> Bound:
  """The lowest confidence whose bound is at most `risk`; where none is, the highest, and what it can promise.

  Args:
    shares: (confidences, plants), confidences in rising order.
  """
  plants = shares.shape[1]
  worst = np.maximum.accumulate(shares.mean(1)[::-1])[::-1]
  bounds = (plants * worst + 1.0) / (plants + 1)
  at = int(np.argmax(bounds <= risk)) if np.any(bounds <= risk) else len(bounds) - 1
  return Bound(float(confidences[at]), float(shares[at].mean()), float(bounds[at]), plants)


def clopper_pearson(broken: int, trials: int, confidence: float) -> float:
  """One-sided upper bound on the share that breaks a limit, of trials that are independent and alike; 1 of none.

  C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the binomial",
  Biometrika 26 (1934): the share at which as few as were broken are seen with a probability of 1 - confidence.
  """
  if broken == trials:
    return 1.0
  ways = [math.lgamma(trials + 1) - math.lgamma(k + 1) - math.lgamma(trials - k + 1) for k in range(broken + 1)]

  def too_few(share: float) -> float:
    each = (way + k * math.log(share) + (trials - k) * math.log1p(-share) for k, way in enumerate(ways))
    return sum(map(math.exp, each)) - (1.0 - confidence)

  low, high = 0.0, 1.0
  for _ in range(52):  # of the mantissa
    middle = 0.5 * (low + high)
    low, high = (middle, high) if too_few(middle) > 0 else (low, middle)
  return high


def replay(
  logs: Batch,
  surrogates: Sequence[Surrogate],
  acquisition: Acquisition,
  scale: Scale,
  rules: Rules,
  trials: int,
  cost: Cost | None = None,
) -> Campaign:
  """Campaigns on logged plants, whose only set-points are those of their logs, with the outcomes that these had.

  Args:
    logs: x (plants, n, d), y (plants, n, 1 + c) in physical units, mask (plants, n): whole trials.
    cost: as in `propose`.
  """

  def one(log: Batch) -> Campaign:
    x = jnp.where(log.mask[:, None], log.x, log.x[jnp.argmax(log.mask)][None])
    y = jnp.where(log.mask[:, None], log.y, log.y[jnp.argmax(log.mask)][None])

    def responses(z: Array, made: Array) -> Array:
      del made
      return y[jnp.argmin(jnp.sum(jnp.square(x - z[None]), -1))]

    still = jnp.zeros(y.shape[-1])
    key = jax.random.key(0)  # of noise, and there is none but the log's own
    how = {"trials": trials, "noise": still, "cost": cost}
    return campaign(key, responses, surrogates, acquisition, scale, x, rules, **how)

  return jax.lax.map(one, logs)
