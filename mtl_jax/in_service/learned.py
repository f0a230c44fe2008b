"""Learners whose features and prior are learned from moments of the history: what was known, what was asked next."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial

from mtl_jax import losses, online
from mtl_jax.config import ConfigError
from mtl_jax.fit import fit
from mtl_jax.in_service.methods import PENALTY, RUNS, Method, Ready, kept_of
from mtl_jax.in_service.source import Source
from mtl_jax.meta import r2d2
from mtl_jax.models import MLP
from mtl_jax.online import Prior, Stream, linear, predictions, wide_prior
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, OnlineLearner, TaskFamily

HIDDEN, FEATURES, STEPS = (64, 32), 16, 500  # of the learned features
SUPPORT, QUESTIONS, TASKS = 256, 32, 8  # at most; rows of an episode from the history


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

  Raises: ConfigError if there are too few rows.
  """
  row = np.argsort(history.matures, kind="stable")
  known = np.searchsorted(history.matures[row], history.time)  # what comes at the same time is learned later
  labels, questions = min(SUPPORT, len(row) // 4), min(QUESTIONS, len(row) // 8)
  possible = np.flatnonzero((known >= labels) & (np.arange(len(row)) + questions <= len(row)))
  if not len(possible) or not labels or not questions:
    few = f"no moment in {len(row)} rows of history has {labels} labels before it and {questions} questions"
    raise ConfigError(f"delay: {few}: make it shorter, or leave out with --only what learns on the past how to adapt")
  arrays = [jnp.asarray(leaf) for leaf in (row, possible, known, history.x, history.y)]
  return TaskFamily(Partial(Sampler(labels, questions), *arrays)), labels


_NET = MLP((*HIDDEN, FEATURES), norm="none")


def _learned(components: int) -> Apply:
  """phi = 1, the components, and a network's features of all columns; x (rows, components + columns)."""

  def phi(net: Any, x: Array) -> Array:
    return jnp.concatenate([linear(net, x[:, :components]), jnp.asarray(_NET.apply(net, x[:, components:]))], axis=1)

  return phi


def _trained(algorithm: Algorithm, params: Any, family: TaskFamily, seed: int) -> Any:
  return fit(jax.random.key(seed), algorithm, algorithm.init(params), family, steps=STEPS, tasks_per_step=TASKS)[0]


Answer = Callable[[OnlineLearner, Any, Stream], Any]
"""answer(learner, what its init takes, stream) -> predictions on the host, leaves (rows, ...)"""
Learn = Callable[[Source, Apply, Any, TaskFamily, int, int], tuple[OnlineLearner, Any]]
"""learn(source, phi, net, family, labels of an episode, seed) -> learner, what its init takes"""


def _learned_from_history(name: str, learn: Learn, answer: Answer = predictions) -> Method:
  def predict(ready: Ready, seed: int) -> Any:
    source, scale = ready.source, ready.scale
    history, running = (s._replace(x=scale.both(s.x), y=scale.target(s.y)) for s in (source.history, source.running))
    family, labels = moments(history)
    net = _NET.init(jax.random.key(1000 + seed), jnp.zeros((1, len(scale.mean))))
    learner, start = learn(source, _learned(scale.axes.shape[1]), net, family, labels, seed)
    return scale.back(answer(learner, start, running))

  return Method(name, predict, random=True)


def _prior(phi: Apply, net: Any, family: TaskFamily, kept: float, seed: int) -> Prior:
  episode = jax.eval_shape(family.sample, jax.random.key(0))
  width = jax.eval_shape(phi, net, episode.support.x).shape[1]
  prior = wide_prior(net, width, PENALTY, np.full(episode.support.y.shape[1], 0.3))
  return _trained(online.alpaca_prior(phi, outer=optax.adam(3e-3), kept=kept), prior, family, seed).prior


def _alpaca(times: int) -> Learn:
  def learn(source: Source, phi: Apply, net: Any, family: TaskFamily, labels: int, seed: int):
    kept = kept_of(source, times)
    return online.alpaca(phi, kept=kept), _prior(phi, net, family, kept, seed)

  return learn


def alpaca(times: int) -> Method:
  return _learned_from_history("alpaca that forgets", _alpaca(times))


def alpaca_that_buys(times: int, offered: Stream) -> Method:
  """Buys where it is unsure, for what is bought of `offered`, service with all its labels, without it."""

  def answer(learner: OnlineLearner, start: Any, running: Stream) -> Any:
    budget = float(running.cost[np.isfinite(running.matures)].sum())
    stream, state = running._replace(matures=offered.matures), learner.init(start)
    found = online.buying(jax.random.key(0), learner, state, stream, budget=budget)
    return jax.tree.map(np.asarray, found.prediction)

  return _learned_from_history("alpaca that buys where unsure", _alpaca(times), answer)


def moca(times: int) -> Method:
  def learn(source: Source, phi: Apply, net: Any, family: TaskFamily, labels: int, seed: int):
    learner = online.moca(phi, hazard=1.0 - kept_of(source, times), runs=RUNS)
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
