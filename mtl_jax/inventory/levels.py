"""From demand to base-stock levels, period by period, and no level knows of more than came before it."""

from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import nbinom, norm, poisson

from mtl_jax.types import Array, Batch, OnlineLearner, PyTree

Kind = Literal["normal", "negative binomial"]


def to_cover(demand: np.ndarray, lead: int) -> np.ndarray:
  """(..., periods) -> (..., periods - lead): the demand that an order placed in each period has to cover.

  That of the period itself and of the `lead` ones after it: the next order comes later.
  """
  total = np.cumsum(np.concatenate([np.zeros((*demand.shape[:-1], 1)), demand], axis=-1), axis=-1)
  return total[..., lead + 1 :] - total[..., : -lead - 1]


@partial(jax.jit, static_argnames=("learner", "delay"))
def foreseen(key: Array, learner: OnlineLearner, params: PyTree, x: PyTree, y: Array, delay: int = 0) -> Any:
  """What a learner on each product's stream predicts in every period, before that period.

  Args:
    params: what `learner.init` takes; the same for all products.
    x: leaves (products, periods, ...).
    y: (products, periods) labels; that of a period is learned from when `delay` more are over.

  Returns: leaves (products, periods, ...).
  """
  periods = y.shape[1]

  def of_product(x: PyTree, y: Array) -> Any:
    def one(state: Any, period: Array) -> tuple[Any, Any]:
      ask_key, learn_key = jax.random.split(jax.random.fold_in(key, period))
      found = learner.predict(ask_key, state, jax.tree.map(lambda leaf: leaf[period][None], x))
      known = jnp.maximum(period - delay, 0)
      row = jax.tree.map(lambda leaf: leaf[known][None], x)
      state, _ = learner.update(learn_key, state, Batch(row, y[known][None, None], (period >= delay)[None]))
      return state, jax.tree.map(lambda leaf: leaf[0], found)

    return jax.lax.scan(one, learner.init(params), jnp.arange(periods))[1]

  return jax.vmap(of_product)(x, y)


def level(mean: np.ndarray, variance: np.ndarray, ratio: float, kind: Kind) -> np.ndarray:
  """The level that covers a demand of this mean and variance with probability `ratio`, units.

  The negative binomial is fitted by its moments; where the variance is not above the mean it is Poisson.
  """
  if kind == "normal":
    return mean + norm.ppf(ratio) * np.sqrt(variance)
  mean = np.maximum(mean, 1e-9)
  over = np.maximum(variance - mean, 0.0)
  wide = over > 1e-3 * mean
  over = np.where(wide, over, mean)
  found = nbinom.ppf(ratio, mean * mean / over, mean / (mean + over))
  return np.where(wide, found, poisson.ppf(ratio, mean))
