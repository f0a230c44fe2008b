"""Scores on held-out tasks, and intervals that respect which of them are the same machine."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec, get_abstract_mesh
from jax.tree_util import Partial

from mtl_jax.meta.task_map import on_shards, task_shards
from mtl_jax.metrics import classification, regression
from mtl_jax.quick import quick_jit
from mtl_jax.types import Algorithm, Array, Episode, PyTree, TaskFamily

Scores = dict[str, np.ndarray]
Judge = Callable[[Array, Episode], dict[str, Array]]
"""judge(prediction, episode) -> metrics of one episode"""


def episode_keys(key: Array, episodes: int) -> Array:
  """(episodes, 2) keys: to sample an episode, and to predict in it."""
  return jax.vmap(jax.random.split)(jax.random.split(key, episodes))


def score(prediction: Array, episode: Episode) -> dict[str, Array]:
  """Metrics of one episode: classification for integer targets, else regression.

  A class without a labelled example in the support is never the answer: which conditions a
  machine was labelled with is known to every method.
  """
  (_, y, mask), query = episode.support, episode.query
  if not jnp.issubdtype(y.dtype, jnp.integer):
    return regression(prediction, query.y, query.mask)
  known = jnp.zeros((prediction.shape[-1],), bool).at[y].max(mask)
  return classification(jnp.where(known[None, :], prediction, -jnp.inf), query.y, query.mask)


def _everywhere(tree: PyTree) -> PyTree:
  """The same, all of it on every device of the ambient mesh, so that every process can read it."""
  return tree if get_abstract_mesh().empty else jax.lax.with_sharding_constraint(tree, PartitionSpec())


@partial(jax.jit, static_argnames=("algorithm", "judge", "chunk"))
def _evaluate(
  keys: Array, algorithm: Algorithm, state: PyTree, drawn: Partial | Episode, judge: Judge, chunk: int
) -> dict[str, Array]:
  def every(shared: tuple[PyTree, Partial | None], each: tuple[Array, Episode | None]) -> dict[str, Array]:
    state, sample = shared

    def one(inputs: tuple[Array, Any]) -> dict[str, Array]:
      keys, given = inputs
      episode: Episode = given if sample is None else sample(keys[0])
      prediction = algorithm.predict(keys[1], state, episode.support, episode.query.x)
      return judge(prediction, episode)

    return jax.lax.map(one, each, batch_size=chunk)

  sample, given = (drawn, None) if isinstance(drawn, Partial) else (None, drawn)
  return _everywhere(on_shards(every, (state, sample), (keys, given), task_shards()))


def evaluate(
  key: Array,
  algorithm: Algorithm,
  state: PyTree,
  tasks: TaskFamily | Episode,
  *,
  episodes: int = 600,
  chunk: int | None = None,
  judge: Judge = score,
) -> Scores:
  """Adapts to each of `episodes` tasks and scores the predictions on its query set.

  Args:
    key: the same key draws the same episodes, whatever the algorithm: scores are paired.
    tasks: a family, or episodes that were drawn from it before, leaves (episodes, ...).
    episodes: how many to draw from a family.
    chunk: episodes at once, on each device of the ambient mesh's axis `tasks`; None: as many as are fast, 20 on a CPU
      and 100 on an accelerator.
    judge: judge(prediction, episode) -> metrics of one episode, traceable; one and the same function
      each time, or it compiles anew.

  Returns:
    Metric -> (episodes, ...): by default accuracy, macro_recall, macro_f1 and confusion for
    integer targets, else mse.
  """
  if isinstance(tasks, Episode):
    drawn, episodes = tasks, jax.tree.leaves(tasks)[0].shape[0]
  else:
    drawn = tasks.sample if isinstance(tasks.sample, Partial) else Partial(tasks.sample)
  chunk = chunk or (20 if jax.default_backend() == "cpu" else 100)
  return jax.tree.map(np.asarray, _evaluate(episode_keys(key, episodes), algorithm, state, drawn, judge, chunk))


@quick_jit
def _draw(keys: Array, sample: Partial) -> Episode:
  def every(sample: Partial, keys: Array) -> Episode:
    return jax.lax.map(lambda k: sample(k[0]), keys, batch_size=20)

  return _everywhere(on_shards(every, sample, keys, task_shards()))


def episodes_of(key: Array, tasks: TaskFamily, episodes: int) -> Episode:
  """The episodes that `evaluate` scores under the same key, leaves (episodes, ...)."""
  sample = tasks.sample if isinstance(tasks.sample, Partial) else Partial(tasks.sample)
  return _draw(episode_keys(key, episodes), sample)


def score_labels(predicted: np.ndarray, episodes: Episode, classes: int) -> Scores:
  """Scores of predicted labels (episodes, n), by the code that scores everything else."""
  return score_values(np.eye(classes, dtype=np.float32)[predicted], episodes)


def score_values(predicted: np.ndarray, episodes: Episode, judge: Judge = score) -> Scores:
  """Scores of predictions (episodes, n, ...) that were made elsewhere."""
  return jax.tree.map(np.asarray, _judged(jnp.asarray(predicted, jnp.float32), episodes, judge))


@partial(jax.jit, static_argnames="judge")
def _judged(predicted: Array, episodes: Episode, judge: Judge) -> dict[str, Array]:
  return jax.vmap(judge)(predicted, episodes)


ENOUGH_UNITS = 30


@lru_cache(maxsize=8)
def _resampled(seeds: int, groups: int, resamples: int) -> tuple[np.ndarray, np.ndarray]:
  """How often each resample takes each seed and each group: (resamples, seeds), (resamples, groups)."""
  rng = np.random.default_rng(0)
  draws = rng.multinomial(groups, np.full(groups, 1 / groups), size=resamples).astype(float)
  return rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=resamples).astype(float), draws


def interval(
  scores: np.ndarray, unit: np.ndarray | None = None, *, resamples: int = 2000, level: float = 0.95
) -> tuple[float, float, float]:
  """Mean and bootstrap interval over seeds and units together.

  Seeds and units are crossed, so both are resampled independently (the pigeonhole
  bootstrap: A. B. Owen, "The pigeonhole bootstrap", Ann. Appl. Stat. 1 (2007) 386-411).

  Args:
    scores: (episodes,) or (seeds, episodes).
    unit: (episodes,) which physical unit each episode is of; episodes of one unit are drawn
      together. With fewer than 30 units an interval over units cannot be had, and episodes
      are resampled instead: it then describes the draw of labels on these very units.
    resamples: bootstrap draws, from a fixed generator.

  Returns:
    mean, low, high.
  """
  scores = np.atleast_2d(np.asarray(scores, np.float64))
  seeds, episodes = scores.shape
  groups = np.arange(episodes)
  if unit is not None:
    distinct, inverse = np.unique(np.asarray(unit), axis=0, return_inverse=True)
    if len(distinct) >= ENOUGH_UNITS:
      groups = inverse.reshape(-1)
  count = np.bincount(groups)
  sums = np.stack([np.bincount(groups, weights=row) for row in scores])  # (seeds, groups)
  rows, draws = _resampled(seeds, len(count), resamples)
  means = np.sum((rows @ sums) * draws, axis=1) / seeds / (draws @ count)
  tail = 50 * (1 - level)
  low, high = np.percentile(means, [tail, 100 - tail])
  return float(scores.mean()), float(low), float(high)
