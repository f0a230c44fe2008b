"""Charts that watch one number, such as a model's residual, for a change of its mean.

Values come in deviations of normal operation: mean 0 and variance 1 as long as nothing is wrong. A detector's statistic
grows when the mean has moved, up or down; above its threshold it alarms and starts anew. `threshold_for` sets the
threshold by a rate of false alarms, so that detectors can be compared by how late they are.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.types import Array, PyTree


class Detector(NamedTuple):
  """start: what it knows before the first value; update(state, value) -> (state, statistic), all of a fixed size."""

  start: PyTree
  update: Callable[[PyTree, Array], tuple[PyTree, Array]]


def cusum(allowance: float) -> Detector:
  """Two-sided cumulative sums (E. S. Page, "Continuous inspection schemes", Biometrika 41 (1954) 100-115).

  S <- max(0, S + z - k) and the same of -z; half of the shift that matters is the usual allowance k.
  """

  def update(state: Array, value: Array) -> tuple[Array, Array]:
    sums = jnp.maximum(state + jnp.stack([value, -value]) - allowance, 0.0)
    return sums, jnp.max(sums)

  return Detector(jnp.zeros(2), update)


def ewma(weight: float) -> Detector:
  """Exponentially weighted mean, in its own deviations (S. W. Roberts, Technometrics 1 (1959) 239-250), with the
  limits that widen from the start (J. M. Lucas, M. S. Saccucci, Technometrics 32 (1990) 1-12, have the fixed ones)."""

  def update(state: tuple[Array, Array], value: Array) -> tuple[tuple[Array, Array], Array]:
    mean, left = state  # left: (1 - weight)^(2 n)
    mean, left = (1.0 - weight) * mean + weight * value, (1.0 - weight) ** 2 * left
    return (mean, left), jnp.abs(mean) / jnp.sqrt(weight / (2.0 - weight) * (1.0 - left))

  return Detector((jnp.zeros(()), jnp.ones(())), update)


def page_hinkley(tolerance: float) -> Detector:
  """Two-sided Page-Hinkley test, which learns the mean as it goes (as in river and scikit-multiflow).

  m <- m + z - mean(z) - tolerance, and the statistic is m less its minimum; the same of -z.
  """

  def update(state: tuple[Array, ...], value: Array) -> tuple[tuple[Array, ...], Array]:
    count, mean, sums, least = state
    count = count + 1.0
    mean = mean + (value - mean) / count
    sums = sums + jnp.stack([value - mean, mean - value]) - tolerance
    least = jnp.minimum(least, sums)
    return (count, mean, sums, least), jnp.max(sums - least)

  return Detector((jnp.zeros(()), jnp.zeros(()), jnp.zeros(2), jnp.zeros(2)), update)


def bayesian(hazard: float, deviation: float, runs: int) -> Detector:
  """The log odds that the mean has changed, once, at a time and to a value that nobody knows.

  Before a value there is a change with probability `hazard` (A. N. Shiryaev, Theory Probab. Appl. 8 (1963) 22-46); the
  new mean is N(0, deviation^2), learned in closed form for each time of change (R. P. Adams, D. J. C. MacKay,
  "Bayesian online changepoint detection", 2007). The last `runs` times of change are told apart; all before them count
  as the likelier of the two oldest.
  """

  def update(state: tuple[Array, ...], value: Array) -> tuple[tuple[Array, ...], Array]:
    weight, mean, precision = state  # log odds against no change, and N(mean, 1 / precision) of the new mean
    likelier = jnp.where(weight[-1] > weight[-2], -1, -2)  # of the two oldest, which become one
    both = jnp.logaddexp(weight[-1], weight[-2])
    weight = jnp.concatenate([jnp.full(1, jnp.log(hazard), weight.dtype), weight[:-2], both[None]])
    mean = jnp.concatenate([jnp.zeros(1), mean[:-2], mean[likelier][None]])
    precision = jnp.concatenate([jnp.full(1, deviation**-2), precision[:-2], precision[likelier][None]])
    variance = 1.0 + 1.0 / precision
    seen = 0.5 * (jnp.square(value) - jnp.square(value - mean) / variance - jnp.log(variance))
    mean = mean + (value - mean) / (precision + 1.0)
    state = weight + seen - jnp.log1p(-hazard), mean, precision + 1.0
    return state, jax.nn.logsumexp(state[0])

  return Detector((jnp.full(runs, -jnp.inf), jnp.zeros(runs), jnp.full(runs, deviation**-2)), update)


def alarms(detector: Detector, threshold: Array | float, values: Array) -> Array:
  """(n,) bool for values (n,): where the statistic passes the threshold; the detector starts anew after it."""

  def one(state: PyTree, value: Array) -> tuple[PyTree, Array]:
    state, statistic = detector.update(state, value)
    above = statistic > threshold
    return jax.tree.map(lambda fresh, leaf: jnp.where(above, fresh, leaf), detector.start, state), above

  return jax.lax.scan(one, detector.start, values)[1]


def threshold_for(detector: Detector, values: Array, every: float, high: float = 100.0) -> float:
  """The least threshold at which values (paths, n) in which nothing is wrong have one alarm in `every` or more values.

  By 22 halvings from -high and `high`.

  Raises: ValueError if there are more alarms at `high`, or fewer than one in `every` are asked of too few values.
  """
  if values.size < 10 * every:
    raise ValueError(f"one alarm in {every:g} values cannot be set on {values.size}: ten alarms are the least")
  count = jax.jit(lambda threshold: jnp.sum(jax.vmap(lambda path: alarms(detector, threshold, path))(values)))
  wanted, low = values.size / every, -high
  if int(count(high)) > wanted:
    raise ValueError(f"more than one alarm in {every:g} values at a threshold of {high:g}")
  for _ in range(22):
    middle = 0.5 * (low + high)
    low, high = (middle, high) if int(count(middle)) > wanted else (low, middle)
  return high


def delays(raised: np.ndarray, change: int) -> np.ndarray:
  """Values from the change to the first alarm, counting its own, NaN where there is none: raised (paths, n) -> (paths,)

  `change` is the index of the first value after it. Alarms before it are false and are not looked at here.
  """
  after = np.asarray(raised)[:, change:]
  return np.where(after.any(axis=1), after.argmax(axis=1) + 1.0, np.nan)
