"""Levels from the past of one product, or of nothing else but how all scatter together."""

from functools import lru_cache
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from mtl_jax import inventory
from mtl_jax.inventory import Kind, Rates, Tracking
from mtl_jax.restock.problem import Problem, ratio, size
from mtl_jax.types import OnlineLearner

Fit = Kind | Literal["empirical"]


def _moments(problem: Problem, past: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Mean and variance of what an order covers, as if periods were alike and independent; past (products, n)."""
  span = problem.lead + 1
  return span * past.mean(1), span * past.var(1, ddof=1)


@lru_cache(maxsize=64)
def static(problem: Problem, short: float, kind: Fit) -> np.ndarray:
  """A level for each product, fitted before `cut` and never again."""
  return _flat(problem, _fitted(problem, problem.sold[:, : problem.cut], short, kind))


def _fitted(problem: Problem, past: np.ndarray, short: float, kind: Fit) -> np.ndarray:
  if kind != "empirical":
    return inventory.level(*_moments(problem, past), ratio(short), kind)
  ranked = np.sort(inventory.to_cover(past, problem.lead), axis=1)
  return ranked[:, int(np.ceil(ratio(short) * ranked.shape[1] - 1e-9)) - 1]


def _flat(problem: Problem, level: np.ndarray) -> np.ndarray:
  return np.repeat(level[:, None], problem.sold.shape[1] - problem.cut, axis=1)


def pooled_static(problem: Problem, short: float) -> np.ndarray:
  """Mean + q sqrt(mean), q of all products together."""
  past = problem.sold[:, : problem.cut]
  mean = (problem.lead + 1) * size(problem)
  excess = (inventory.to_cover(past, problem.lead) - mean[:, None]) / np.sqrt(mean)[:, None]
  return _flat(problem, mean + np.quantile(excess, ratio(short)) * np.sqrt(mean))


def refitted(problem: Problem, short: float, window: int, kind: Fit) -> np.ndarray:
  """Fitted anew in every period, on the latest `window`."""
  times = range(problem.cut, problem.sold.shape[1])
  pasts = (problem.sold[:, max(0, time - window) : time] for time in times)
  return np.stack([_fitted(problem, past, short, kind) for past in pasts], axis=1)


_SMOOTHING: dict[str, OnlineLearner] = {
  "exponential": inventory.exponential(),
  "croston": inventory.croston(),
  "tsb": inventory.tsb(),
}


@lru_cache(maxsize=512)
def _smoothed(problem: Problem, name: str, size: float, chance: float, error: float) -> tuple[np.ndarray, np.ndarray]:
  """Mean and variance of what an order covers, (products, periods)."""
  x = jnp.zeros((*problem.sold.shape, 1))
  rates = Rates(*(jnp.asarray(rate) for rate in (size, chance, error)))
  sold = jnp.asarray(problem.sold, jnp.float32)
  found = inventory.foreseen(jax.random.key(0), _SMOOTHING[name], rates, x, sold)
  mean, variance = (np.asarray(leaf[..., 0], np.float64) * (problem.lead + 1) for leaf in found)
  return mean, variance


def smoothed(
  problem: Problem, short: float, name: str, size: float, kind: Kind, chance: float = 0.1, error: float = 0.1
) -> np.ndarray:
  mean, variance = _smoothed(problem, name, size, chance, error)
  return inventory.level(mean[:, problem.cut :], variance[:, problem.cut :], ratio(short), kind)


_TRACKED = inventory.tracked()


def track(
  problem: Problem, short: float, centre: np.ndarray, scale: np.ndarray, rate: float, first: float
) -> np.ndarray:
  """The levels of `inventory.tracked` from the first column of centre and scale (products, n) to the last period."""
  n = centre.shape[1]
  x = jnp.asarray(np.stack([centre, scale], axis=2), jnp.float32)
  y = inventory.to_cover(problem.sold[:, -n:], problem.lead)
  y = jnp.asarray(np.pad(y, ((0, 0), (0, problem.lead))), jnp.float32)  # what is not known yet is not learned
  start = Tracking(*(jnp.asarray(number, jnp.float32) for number in (ratio(short), rate, first)))
  found = inventory.foreseen(jax.random.key(0), _TRACKED, start, x, y, delay=problem.lead)
  return np.asarray(found[:, problem.cut - problem.sold.shape[1] :, 0])


def online_gradient(problem: Problem, short: float, rate: float, kind: Fit) -> np.ndarray:
  """From the static level on."""
  centre = static(problem, short, kind)
  return track(problem, short, centre, np.broadcast_to(size(problem)[:, None], centre.shape), rate, 0.0)


def conformal_smoothing(problem: Problem, short: float, size: float, rate: float) -> np.ndarray:
  mean, variance = _smoothed(problem, "exponential", size, 0.1, 0.1)
  return track(problem, short, mean, np.sqrt(variance + 0.01), rate, float(norm.ppf(ratio(short))))


def oracle(problem: Problem, short: float) -> np.ndarray:
  """Knows the mean and the variance of what each order has to cover, and not the chance that is left."""
  assert problem.truth is not None
  mean, variance = (leaf[:, problem.cut :] for leaf in problem.truth)
  return inventory.level(mean, variance, ratio(short), "negative binomial")
