"""What a plant has, and learners on what a frozen model of boosted trees leaves over."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from mtl_jax import online
from mtl_jax.emissions.turbine import INPUTS, TARGETS, Method, Past, Trees, boosted, replayed
from mtl_jax.online import Stream, linear, rescaled, wide_prior
from mtl_jax.types import OnlineLearner


def _around_trees(learner: OnlineLearner, params: Any, past: Past, stream: Stream) -> Any:
  base = past.trees(stream.x)
  return rescaled(replayed(learner, params, past, stream, stream.y - base), base)


def frozen() -> Method:
  return Method("boosted trees, frozen", lambda past, stream, delay, seed: past.trees(stream.x), pays=False)


def last_value() -> Method:
  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    return online.last_known(past.rows.y[-1], stream)

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
    return _around_trees(learner, wide_prior((), 1 + len(INPUTS), penalty, past.error), past, stream)

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
