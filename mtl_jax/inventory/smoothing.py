"""Exponential smoothing as planning software has it: the mean of a period's demand, and the variance about it.

`exponential`  R. G. Brown, "Statistical forecasting for inventory control", 1959:       m <- m + a (y - m)
`croston`      J. D. Croston, "Forecasting and stock control for intermittent demands", Oper. Res. Q. 23 (1972) 289-303,
               with the correction of A. A. Syntetos, J. E. Boylan, Int. J. Forecasting 21 (2005) 303-314 ("SBA"):
               the size of a demand z and the periods between two q are smoothed when one comes,  m = (1 - a / 2) z / q
`tsb`          R. H. Teunter, A. A. Syntetos, M. Z. Babai, "Intermittent demand: linking forecasting to inventory
               obsolescence", Eur. J. Oper. Res. 214 (2011) 606-615: the chance of a demand p in every period, m = p z

The first value starts each. The variance is the smoothed squared error of the forecast for one period, in its first
1 / c periods the mean of those so far. None of them foresees a trend or a season.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.online import Normal
from mtl_jax.types import Array, Batch, Metrics, OnlineLearner


class Rates(NamedTuple):
  """How much of each new value enters: what `init` takes."""

  size: Array | float  # a, of demand, or of its size where there is one
  chance: Array | float  # of whether there is one; `tsb` alone
  error: Array | float  # c, of the squared error


class Smoothed(NamedTuple):
  """What is known of a product."""

  rates: Rates
  size: Array  # ()
  chance: Array  # () of a demand; of `croston` the periods between two
  error: Array  # () variance
  waited: Array  # () periods since the last demand, or since the start
  periods: Array  # () so far
  demands: Array  # () so far


Rule = Callable[[Smoothed, Array], tuple[Array, Array]]
"""rule(state, y) -> size and chance after y; `waited` already counts this period"""


def _moved(old: Array, new: Array, rate: Array | float, first: Array) -> Array:
  return jnp.where(first, new, old + rate * (new - old))


def _smoothing(rule: Rule, mean: Callable[[Smoothed], Array]) -> OnlineLearner:
  def init(rates: Rates) -> Smoothed:
    nothing = jnp.zeros(())
    return Smoothed(jax.tree.map(jnp.asarray, rates), nothing, nothing, nothing, nothing, nothing, nothing)

  def predict(key: Array, state: Smoothed, x: Array) -> Normal:
    del key
    return Normal(jnp.full((len(x), 1), mean(state)), jnp.full((len(x), 1), state.error))

  def one(state: Smoothed, row: tuple[Array, Array]) -> tuple[Smoothed, None]:
    y, told = row
    squared = jnp.square(y - mean(state))
    rate = jnp.maximum(state.rates.error, 1.0 / jnp.maximum(state.periods, 1.0))
    error = jnp.where(state.periods > 0, state.error + rate * (squared - state.error), 0.0)
    now = state._replace(error=error, waited=state.waited + 1.0)
    size, chance = rule(now, y)
    some = y > 0
    after = now._replace(
      size=size,
      chance=chance,
      waited=jnp.where(some, 0.0, now.waited),
      periods=state.periods + 1.0,
      demands=state.demands + some.astype(y.dtype),
    )
    return jax.tree.map(lambda new, old: jnp.where(told, new, old), after, state), None

  def update(key: Array, state: Smoothed, batch: Batch) -> tuple[Smoothed, Metrics]:
    del key
    return jax.lax.scan(one, state, (batch.y[:, 0], batch.mask))[0], {}

  return OnlineLearner(init, predict, update)


def exponential() -> OnlineLearner:
  """Simple exponential smoothing; init takes `Rates`. y (n, 1), and predictions are `Normal`, of one period."""

  def rule(state: Smoothed, y: Array) -> tuple[Array, Array]:
    return _moved(state.size, y, state.rates.size, state.periods == 0), state.chance

  return _smoothing(rule, lambda state: state.size)


def croston() -> OnlineLearner:
  """Croston's method with the correction of Syntetos and Boylan; else as `exponential`."""

  def rule(state: Smoothed, y: Array) -> tuple[Array, Array]:
    first, rate = state.demands == 0, state.rates.size
    some = y > 0
    size = jnp.where(some, _moved(state.size, y, rate, first), state.size)
    return size, jnp.where(some, _moved(state.chance, state.waited, rate, first), state.chance)

  return _smoothing(rule, lambda state: (1.0 - state.rates.size / 2.0) * state.size / jnp.maximum(state.chance, 1.0))


def tsb() -> OnlineLearner:
  """The method of Teunter, Syntetos and Babai; else as `exponential`."""

  def rule(state: Smoothed, y: Array) -> tuple[Array, Array]:
    some = y > 0
    size = jnp.where(some, _moved(state.size, y, state.rates.size, state.demands == 0), state.size)
    return size, _moved(state.chance, some.astype(y.dtype), state.rates.chance, state.periods == 0)

  return _smoothing(rule, lambda state: state.chance * state.size)
