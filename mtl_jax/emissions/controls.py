"""What a plant has, and learners on what a frozen model of boosted trees leaves over."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from mtl_jax import online
from mtl_jax.emissions.turbine import INPUTS, TARGETS, Method, Past, Trees, boosted, replayed
from mtl_jax.online import Normal, Prior, Stream
from mtl_jax.types import Array, OnlineLearner


def linear(net: Any, x: Array) -> Array:
  return jnp.concatenate([jnp.ones((len(x), 1)), x], axis=1)


def wide(net: Any, width: int, precision: float, noise: np.ndarray) -> Prior:
  log_precision = jnp.full(width, np.log(precision), jnp.float32)
  return Prior(net, jnp.zeros((width, len(TARGETS))), log_precision, jnp.log(jnp.asarray(noise, jnp.float32)))


def _around_trees(learner: OnlineLearner, params: Any, past: Past, stream: Stream) -> Any:
  base = past.trees(stream.x)
  found = replayed(learner, params, past, stream, stream.y - base)
  return Normal(found.mean + base, found.variance) if isinstance(found, Normal) else found + base


def frozen() -> Method:
  return Method("boosted trees, frozen", lambda past, stream, delay, seed: past.trees(stream.x))


def last_value() -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    return replayed(online.persistence(), jnp.asarray(past.rows.y[-1]), past, stream, stream.y)

  return Method("persistence", predict)


def last_error() -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> Any:
    return _around_trees(online.persistence(), jnp.zeros(len(TARGETS)), past, stream)

  return Method("trees + their last error", predict)


def window(window: int, penalty: float) -> Method:
  learner = online.window_ridge(
    lambda params, x: x, window=window, penalty=penalty, features=len(INPUTS), targets=len(TARGETS)
  )
  return Method(
    "trees + ridge on the last labels", lambda past, stream, delay, seed: _around_trees(learner, (), past, stream)
  )


def _bayesian(name: str, learner: OnlineLearner, penalty: float) -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> Any:
    return _around_trees(learner, wide((), 1 + len(INPUTS), penalty, past.error), past, stream)

  return Method(name, predict)


def forgetting(kept: float, penalty: float) -> Method:
  return _bayesian("trees + recursive least squares", online.alpaca(linear, kept=kept), penalty)


def changes(hazard: float, penalty: float) -> Method:
  return _bayesian("trees + moca", online.moca(linear, hazard=hazard, runs=12), penalty)


def anew(name: str, every: int) -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    def again(x: np.ndarray, y: np.ndarray) -> Trees:
      return boosted(np.concatenate([past.rows.x, x]), np.concatenate([past.rows.y, y]))

    return online.retrained(again, stream, every)

  return Method(f"boosted trees, fitted anew every {name}", predict)
