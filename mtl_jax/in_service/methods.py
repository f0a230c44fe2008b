"""Methods for any of the sources: frozen, fitted anew, or online around boosted trees; see `learned` for others.

Everything is in deviations of the history: columns, their first principal components, targets. A learner's memory is
`times` the source's stretch.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from sklearn.neural_network import MLPRegressor

from mtl_jax import online
from mtl_jax.emissions import boosted
from mtl_jax.in_service.source import Source, halves
from mtl_jax.online import Stream, linear, predictions, rescaled, wide_prior
from mtl_jax.types import OnlineLearner

COMPONENTS = 16  # at most, of the columns
MOST = 15_000  # rows that trees are fitted on
RUNS = 12  # of `moca`
PENALTY = 10.0  # of squared weights, in deviations
_FAR = 10.0  # deviations beyond which a column says no more


class Scale(NamedTuple):
  """Of the history, in its own deviations."""

  mean: np.ndarray  # (columns,)
  deviation: np.ndarray  # (columns,)
  axes: np.ndarray  # (columns, components), to principal components of variance 1
  y_mean: np.ndarray  # (targets,)
  y_deviation: np.ndarray  # (targets,)

  def columns(self, x: np.ndarray) -> np.ndarray:
    return np.clip((x - self.mean) / self.deviation, -_FAR, _FAR)

  def few(self, x: np.ndarray) -> np.ndarray:
    """(rows, components)"""
    return (self.columns(x) @ self.axes).astype(np.float32)

  def both(self, x: np.ndarray) -> np.ndarray:
    """(rows, components + columns)"""
    return np.concatenate([self.few(x), self.columns(x)], axis=1).astype(np.float32)

  def target(self, y: np.ndarray) -> np.ndarray:
    return ((y - self.y_mean) / self.y_deviation).astype(np.float32)

  def back(self, found: Any) -> Any:
    return rescaled(found, self.y_mean, self.y_deviation)


class Ready(NamedTuple):
  """A source, and what all its methods share."""

  source: Source
  scale: Scale
  trees: np.ndarray  # (rows, targets) of boosted trees fitted on the history
  fitted: Callable[[np.ndarray], np.ndarray]  # they themselves
  error: np.ndarray  # (targets,) mean squared error on the later of `halves` of trees fitted on the earlier
  usual: float  # their first loss there


class Method(NamedTuple):
  """predict(ready, seed) -> Normal or (rows, targets); `pays`: it needs the labels in service."""

  name: str
  predict: Callable[[Ready, int], Any]
  pays: bool = True
  random: bool = False


def scaled(stream: Stream) -> Scale:
  mean, deviation = stream.x.mean(0), stream.x.std(0) + 1e-6
  columns = np.clip((stream.x - mean) / deviation, -_FAR, _FAR)
  values, vectors = np.linalg.eigh(columns.T @ columns / len(columns))
  count = min(COMPONENTS, int((values > 1e-3).sum()))
  axes = (vectors / np.sqrt(np.maximum(values, 1e-3)))[:, ::-1][:, :count]
  return Scale(mean, deviation, axes, stream.y.mean(0), stream.y.std(0) + 1e-6)


def thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """At most `MOST` rows, drawn."""
  some = np.sort(np.random.default_rng(0).permutation(len(x))[:MOST])
  return x[some], y[some]


def ready(source: Source) -> Ready:
  fitted = boosted(*thinned(source.history.x, source.history.y))
  past, then = halves(source.history)
  found = boosted(*thinned(past.x, past.y))(then.x)
  usual = next(iter(source.losses.values()))(found, then.y).mean()
  error = np.mean(np.square(found - then.y), axis=0)
  return Ready(source, scaled(source.history), fitted(source.running.x), fitted, error, float(usual))


def _around_trees(learner: OnlineLearner, params: Any, ready: Ready) -> Any:
  running, scale = ready.source.running, ready.scale
  left = (running.y - ready.trees) / scale.y_deviation
  found = predictions(learner, params, running._replace(x=scale.few(running.x), y=left.astype(np.float32)))
  return rescaled(found, ready.trees, scale.y_deviation)


def frozen() -> Method:
  return Method("boosted trees, frozen", lambda ready, seed: ready.trees, pays=False)


def network() -> Method:
  def predict(ready: Ready, seed: int) -> np.ndarray:
    history, scale = ready.source.history, ready.scale
    net = MLPRegressor(hidden_layer_sizes=(64, 64), early_stopping=True, random_state=seed, max_iter=500)
    net.fit(scale.columns(history.x), np.squeeze(scale.target(history.y)))
    found = net.predict(scale.columns(ready.source.running.x))
    return scale.back(found.reshape(len(found), -1).astype(np.float32))

  return Method("network, frozen", predict, pays=False, random=True)


def anew() -> Method:
  """Boosted trees on the history and all labels that have come, fitted anew at regular times."""

  def predict(ready: Ready, seed: int) -> np.ndarray:
    history = ready.source.history

    def again(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
      if not len(x):
        return ready.fitted
      return boosted(*thinned(np.concatenate([history.x, x]), np.concatenate([history.y, y])))

    return online.retrained(again, ready.source.running, ready.source.refit)

  return Method("boosted trees, fitted anew", predict)


def window(times: int) -> Method:
  def predict(ready: Ready, seed: int) -> np.ndarray:
    learner = online.window_ridge(
      lambda params, x: x,
      window=times * ready.source.stretch,
      penalty=PENALTY,
      features=ready.scale.axes.shape[1],
      targets=ready.trees.shape[1],
    )
    return _around_trees(learner, (), ready)

  return Method("trees + ridge on the last labels", predict)


def _bayesian(name: str, learner: Callable[[Source], OnlineLearner]) -> Method:
  def predict(ready: Ready, seed: int) -> Any:
    noise = ready.error / np.square(ready.scale.y_deviation)
    return _around_trees(learner(ready.source), wide_prior((), 1 + ready.scale.axes.shape[1], PENALTY, noise), ready)

  return Method(name, predict)


def kept_of(source: Source, times: int) -> float:
  return 1.0 - 1.0 / (times * source.stretch)


def forgetting(times: int) -> Method:
  return _bayesian("trees + recursive least squares", lambda source: online.alpaca(linear, kept=kept_of(source, times)))


def changes(times: int) -> Method:
  return _bayesian("trees + moca", lambda source: online.moca(linear, hazard=1.0 - kept_of(source, times), runs=RUNS))


def by_habit(name: str) -> Method:
  return Method(name, lambda ready, seed: ready.source.habits[name](ready.source))


def river() -> Method:
  """Linear regression on the components; needs the extra `online`."""
  from mtl_jax.baselines.one_by_one import LEARNERS, learned_one_by_one

  name = "river: linear regression"

  def predict(ready: Ready, seed: int) -> np.ndarray:
    (history, running), scale = (ready.source.history, ready.source.running), ready.scale
    running = running._replace(x=scale.few(running.x), y=scale.target(running.y))
    return scale.back(learned_one_by_one(LEARNERS[name], scale.few(history.x), scale.target(history.y), running))

  return Method(name, predict)
