"""ALPaCA on the latest periods, its features and prior learned from other products."""

from functools import cache, lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.stats import norm

from mtl_jax import inventory, online
from mtl_jax.fit import fit
from mtl_jax.models import MLP
from mtl_jax.online import Normal, linear_and, wide_prior
from mtl_jax.restock.problem import Problem, others, ratio, windows
from mtl_jax.tasks.rows import Rows, in_order
from mtl_jax.types import Algorithm, OnlineLearner

LAGS, FEATURES, STEPS = 4, 8, 400


_NET = MLP((16, FEATURES), norm="none")
_features = linear_and(_NET.apply)


def _root(demand: np.ndarray) -> np.ndarray:
  """2 sqrt(y + 3/8), which makes the noise of counts alike: F. J. Anscombe, Biometrika 35 (1948) 246-254."""
  return 2.0 * np.sqrt(demand + 0.375)


@lru_cache(maxsize=4)
def _linear(kept: float) -> tuple[Algorithm, OnlineLearner]:
  """What learns the prior, and what starts from it."""
  outer = optax.adam(optax.cosine_decay_schedule(1e-2, STEPS))
  return online.alpaca_prior(_features, outer=outer, kept=kept), online.alpaca(_features, kept=kept)


@cache
def _alpaca(problem: Problem, kept: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
  """Mean and deviation of the `_root` of what an order covers, (products, periods from `cut` on).

  ALPaCA has one variance of the noise for all products. All is about the mean of what was sold so far.
  """
  span, periods = problem.lead + 1, np.arange(LAGS, problem.sold.shape[1])
  usual = _root(span * (1.0 + np.cumsum(problem.sold, axis=1)[:, LAGS - 1 : -1]) / (1.0 + periods))
  lags = _root(span * windows(problem, LAGS, LAGS)) - usual[:, :, None]
  x = np.concatenate([lags, lags.mean(2, keepdims=True), np.log(usual)[:, :, None]], axis=2).astype(np.float32)
  y = _root(np.pad(inventory.to_cover(problem.sold[:, LAGS:], problem.lead), ((0, 0), (0, problem.lead)))) - usual
  y = y.astype(np.float32)
  known = problem.cut - LAGS - problem.lead  # labels of the past
  shots = min(26, (known - problem.lead) // 2)
  algorithm, learner = _linear(kept)
  found = np.zeros((2, *y.shape))
  for turn, (train, test) in enumerate(others(problem)):
    start_key, run_key, ask_key = jax.random.split(jax.random.key(2 * seed + turn), 3)
    told, label = jnp.asarray(x[train, :known]), jnp.asarray(y[train, :known, None])
    rows = Rows(told, label, jnp.ones((len(train), known), bool), jnp.asarray(train, jnp.int32))
    family = in_order(rows, shots=shots, queries=2, gap=problem.lead)
    net = jax.jit(_NET.init)(start_key, jnp.zeros((1, x.shape[2])))
    start = wide_prior(net, 1 + x.shape[2] + FEATURES, 10.0, np.ones(1))  # Poisson noise
    state, _ = fit(run_key, algorithm, algorithm.init(start), family, steps=STEPS, tasks_per_step=32)
    answer = inventory.foreseen(ask_key, learner, state.prior, jnp.asarray(x[test]), jnp.asarray(y[test]), problem.lead)
    assert isinstance(answer, Normal)
    found[0, test], found[1, test] = answer.mean[..., 0], answer.variance[..., 0]
  mean, variance = found[:, :, problem.cut - LAGS :]
  return usual[:, problem.cut - LAGS :] + mean, np.sqrt(variance)


def alpaca(problem: Problem, short: float, kept: float, seed: int = 0) -> np.ndarray:
  """Its normal quantile, squared again."""
  mean, deviation = _alpaca(problem, kept, seed)
  root = mean + float(norm.ppf(ratio(short))) * deviation
  return np.square(np.maximum(root, 0.0) / 2.0) - 0.375
