"""Learners on any of the sources: around boosted trees, with features and a prior learned from the history, or plain.

Everything is in deviations of the history: columns, their first principal components, targets. Each learner's memory
is `times` the source's stretch; `choose` picks it on the second half of the history after learning the first.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial
from sklearn.neural_network import MLPRegressor

from mtl_jax import losses, online
from mtl_jax.emissions import boosted, mean
from mtl_jax.fit import fit
from mtl_jax.in_service.source import Source, earlier
from mtl_jax.meta import r2d2
from mtl_jax.models import MLP
from mtl_jax.online import Normal, Prior, Stream
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, OnlineLearner, TaskFamily

COMPONENTS = 16  # at most, of the columns
HIDDEN, FEATURES, STEPS = (64, 32), 16, 500  # of the learned features
SUPPORT, QUESTIONS, TASKS = 256, 32, 8  # at most; rows of an episode from the history
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
    if isinstance(found, Normal):
      return Normal(found.mean * self.y_deviation + self.y_mean, found.variance * np.square(self.y_deviation))
    return found * self.y_deviation + self.y_mean


class Ready(NamedTuple):
  """A source, and what all its methods share."""

  source: Source
  scale: Scale
  trees: np.ndarray  # (rows, targets) of boosted trees fitted on the history
  fitted: Callable[[np.ndarray], np.ndarray]  # they themselves
  error: np.ndarray  # (targets,) mean squared error of trees on the second half, fitted on the first
  usual: float  # their first loss there


class Method(NamedTuple):
  """predict(ready, seed) -> Normal or (rows, targets); `pays`: it needs the labels in service."""

  name: str
  predict: Callable[[Ready, int], Any]
  pays: bool = True
  random: bool = False


def replayed(learner: OnlineLearner, params: Any, stream: Stream) -> Any:
  found = online.replay(jax.random.key(0), learner, learner.init(params), stream).prediction
  return jax.tree.map(np.asarray, found)


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
  (_, _, x, y, _), half = source.history, len(source.history.time) // 2
  fitted = boosted(*thinned(x, y))
  found = boosted(*thinned(x[:half], y[:half]))(x[half:])
  usual = next(iter(source.losses.values()))(found, y[half:]).mean()
  error = np.mean(np.square(found - y[half:]), axis=0)
  return Ready(source, scaled(source.history), fitted(source.running.x), fitted, error, float(usual))


def _linear(net: Any, x: Array) -> Array:
  return jnp.concatenate([jnp.ones((len(x), 1)), x], axis=1)


def _wide(net: Any, width: int, noise: np.ndarray) -> Prior:
  log_noise = jnp.log(jnp.asarray(noise, jnp.float32))
  return Prior(net, jnp.zeros((width, len(noise))), jnp.full(width, np.log(PENALTY), jnp.float32), log_noise)


def _around_trees(learner: OnlineLearner, params: Any, ready: Ready) -> Any:
  running, scale = ready.source.running, ready.scale
  left = (running.y - ready.trees) / scale.y_deviation
  found = replayed(learner, params, running._replace(x=scale.few(running.x), y=left.astype(np.float32)))
  if isinstance(found, Normal):
    return Normal(found.mean * scale.y_deviation + ready.trees, found.variance * np.square(scale.y_deviation))
  return found * scale.y_deviation + ready.trees


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
    return _around_trees(learner(ready.source), _wide((), 1 + ready.scale.axes.shape[1], noise), ready)

  return Method(name, predict)


def _kept(source: Source, times: int) -> float:
  return 1.0 - 1.0 / (times * source.stretch)


def forgetting(times: int) -> Method:
  return _bayesian("trees + recursive least squares", lambda source: online.alpaca(_linear, kept=_kept(source, times)))


def changes(times: int) -> Method:
  return _bayesian("trees + moca", lambda source: online.moca(_linear, hazard=1.0 - _kept(source, times), runs=RUNS))


@dataclasses.dataclass(frozen=True)
class Sampler:
  """The static half of `moments`."""

  labels: int
  questions: int

  def __call__(self, row: Array, possible: Array, known: Array, x: Array, y: Array, key: Array) -> Episode:
    moment = jax.random.choice(key, possible)
    support = row[known[moment] - self.labels + jnp.arange(self.labels)]
    asked = moment + jnp.arange(self.questions)

    def take(rows: Array) -> Batch:
      return Batch(x[rows], y[rows], jnp.ones(rows.shape, bool))

    return Episode(take(support), take(asked), jnp.zeros((), jnp.int32))


def moments(history: Stream) -> tuple[TaskFamily, int]:
  """Moments of the past: the latest labels that had come by then, oldest first, and the next questions.

  Returns: the family, and how many labels an episode has.

  Raises: ValueError if there are too few rows.
  """
  row = np.argsort(history.matures, kind="stable")
  known = np.searchsorted(history.matures[row], history.time)  # what comes at the same time is learned later
  labels, questions = min(SUPPORT, len(row) // 4), min(QUESTIONS, len(row) // 8)
  possible = np.flatnonzero((known >= labels) & (np.arange(len(row)) + questions <= len(row)))
  if not len(possible) or not labels or not questions:
    raise ValueError(f"no moment in {len(row)} rows of history has {labels} labels before it and {questions} questions")
  arrays = [jnp.asarray(leaf) for leaf in (row, possible, known, history.x, history.y)]
  return TaskFamily(Partial(Sampler(labels, questions), *arrays)), labels


_NET = MLP((*HIDDEN, FEATURES), norm="none")


def _learned(components: int) -> Apply:
  """phi = 1, the components, and a network's features of all columns; x (rows, components + columns)."""

  def phi(net: Any, x: Array) -> Array:
    return jnp.concatenate([_linear(net, x[:, :components]), jnp.asarray(_NET.apply(net, x[:, components:]))], axis=1)

  return phi


def _trained(algorithm: Algorithm, params: Any, family: TaskFamily, seed: int) -> Any:
  return fit(jax.random.key(seed), algorithm, algorithm.init(params), family, steps=STEPS, tasks_per_step=TASKS)[0]


Learn = Callable[[Source, Apply, Any, TaskFamily, int, int], tuple[OnlineLearner, Any]]
"""learn(source, phi, net, family, labels of an episode, seed) -> learner, what its init takes"""


def _learned_from_history(name: str, learn: Learn) -> Method:
  def predict(ready: Ready, seed: int) -> Any:
    source, scale = ready.source, ready.scale
    history, running = (s._replace(x=scale.both(s.x), y=scale.target(s.y)) for s in (source.history, source.running))
    family, labels = moments(history)
    net = _NET.init(jax.random.key(1000 + seed), jnp.zeros((1, len(scale.mean))))
    learner, start = learn(source, _learned(scale.axes.shape[1]), net, family, labels, seed)
    return scale.back(replayed(learner, start, running))

  return Method(name, predict, random=True)


def _prior(phi: Apply, net: Any, family: TaskFamily, kept: float, seed: int) -> Prior:
  episode = jax.eval_shape(family.sample, jax.random.key(0))
  width = jax.eval_shape(phi, net, episode.support.x).shape[1]
  prior = _wide(net, width, np.full(episode.support.y.shape[1], 0.3))
  return _trained(online.alpaca_prior(phi, outer=optax.adam(3e-3), kept=kept), prior, family, seed).prior


def alpaca(times: int) -> Method:
  def learn(source: Source, phi: Apply, net: Any, family: TaskFamily, labels: int, seed: int):
    kept = _kept(source, times)
    return online.alpaca(phi, kept=kept), _prior(phi, net, family, kept, seed)

  return _learned_from_history("alpaca that forgets", learn)


def moca(times: int) -> Method:
  def learn(source: Source, phi: Apply, net: Any, family: TaskFamily, labels: int, seed: int):
    learner = online.moca(phi, hazard=1.0 - _kept(source, times), runs=RUNS)
    return learner, _prior(phi, net, family, 1.0, seed)

  return _learned_from_history("moca", learn)


def sliding() -> Method:
  """`r2d2` with the labels of an episode as its memory."""

  def learn(source: Source, phi: Apply, net: Any, family: TaskFamily, labels: int, seed: int):
    algorithm = r2d2(phi, losses.squared_error, classes=None, outer=optax.adam(3e-3), penalty=PENALTY)
    state = _trained(algorithm, net, family, seed)
    inputs, targets = (leaf.shape[1] for leaf in jax.eval_shape(family.sample, jax.random.key(0)).support[:2])
    return online.sliding(algorithm, memory=labels, inputs=(inputs,), targets=targets), state

  return _learned_from_history("sliding r2d2", learn)


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


TIMES = (1, 3, 10)
TUNED: dict[str, Callable[[int], Method]] = {
  "window": window,
  "forgetting": forgetting,
  "changes": changes,
  "alpaca": alpaca,
  "moca": moca,
}
_UNTUNED = dict.fromkeys(TUNED, 3)
CHOSEN: dict[str, dict[str, int]] = {
  "engines": dict.fromkeys(TUNED, 10),  # `forgetting` alone was chosen, and the others follow it
  "conditions": dict.fromkeys(TUNED, 10),  # as on the other fleet
  "rig": {"window": 3, "forgetting": 3, "changes": 1, "alpaca": 10, "moca": 1},
  "sales": _UNTUNED,
  "plant": {"window": 10, "forgetting": 10, "changes": 10, "alpaca": 10, "moca": 1},
}


def methods(name: str, source: Source, with_river: bool = False) -> list[Method]:
  """All that are replayed on the source of that name, with the memories that `choose` chose."""
  tuned = [make(CHOSEN[name][what]) for what, make in TUNED.items()]
  plain = [frozen(), network(), *map(by_habit, source.habits), anew()]
  return [*plain, *tuned, sliding(), *([river()] if with_river else [])]


def choose(source: Source, only: tuple[str, ...] = ()) -> list[dict[str, Any]]:
  """The first loss of every memory on the second half of the history, after learning the first.

  Args:
    only: keys of `TUNED`; empty: all.
  """
  past, found = ready(earlier(source)), []
  loss = next(iter(source.losses.values()))
  for name in only or tuple(TUNED):
    for times in TIMES:
      value = loss(mean(TUNED[name](times).predict(past, 0)), past.source.running.y).mean()
      found.append({"method": name, "times": times, "loss": float(value)})
  return found
