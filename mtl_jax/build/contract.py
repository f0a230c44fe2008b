"""What a config is built into: task families to learn from, and held-out ones to be scored on."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import History, Ladder
from mtl_jax.evaluate import Judge, score
from mtl_jax.tasks.pool import Pool, few_shot
from mtl_jax.types import Array, Episode, TaskFamily


class HeldOut(NamedTuple):
  """One thing to score.

  Attributes:
    family: of a number of labels.
    labels: their names; () for a regression.
    ladder: its baselines, fitted when they are asked for unless that may need an extra, which is then missed at once.
    same_labels: whether a label means what it meant in training; where it does not, a
      network without adaptation has nothing to say and is not asked.
    unit: in which the errors that `judge` gives are; a root mean squared error is then given too.
    judge: metrics of one episode; the first in `report.METRICS` is what the job is judged by.
    every: of a number of labels: each unit of a published test set once, leaves (units, ...), in
      place of a draw from `family`; a table of them is complete with fewer than 600.
    per: what K counts, where it is neither labels per class nor labelled points.
  """

  family: Callable[[int], TaskFamily]
  labels: tuple[str, ...]
  ladder: Callable[[], Ladder]
  same_labels: bool = True
  unit: str = ""
  judge: Judge = score
  every: Callable[[int], Episode] | None = None
  per: str = ""


class Fold(NamedTuple):
  """Tasks to learn from and the held-out ones to be scored on; a test may stand in several folds.

  Attributes:
    name: also of its checkpoints.
    train: None where there is nothing to learn from: then only what needs no training is scored.
    validation: picks the best state, or makes what does when training first asks; None takes the last.
    tests: name of the job -> what is scored.
    pooled: what the fine-tuned control learns from, where in `train` a label means something
      else in every task; None: `train`.
    judge: metrics of a validation episode.
  """

  name: str
  train: TaskFamily | None
  validation: TaskFamily | Callable[[], TaskFamily] | None
  tests: dict[str, HeldOut]
  pooled: TaskFamily | None = None
  judge: Judge = score


def standardised(model: c.Model, fitted_on: list[Pool], pools: list[Pool]) -> list[Pool]:
  """Network inputs less the training rows' mean, over their deviation; waveforms as they are.

  A residual network reads features whitened by the scatter within a training unit's class, as whitened baselines do.
  """
  if isinstance(model, c.Conv1D | c.GRU):
    return pools
  if isinstance(model, c.Residual):
    view = baselines.whitened(history(fitted_on))

    def whiten(pool: Pool) -> Pool:
      x = np.asarray(pool.x.features)
      z = jnp.asarray(view(x.reshape(-1, x.shape[-1])).reshape(x.shape))
      return pool._replace(x=pool.x._replace(input=jnp.where(pool.mask[..., None], z, 0.0)))

    return [whiten(pool) for pool in pools]
  rows = jnp.concatenate([p.x.input[p.mask] for p in fitted_on])
  mean, deviation = jnp.mean(rows, axis=0), jnp.std(rows, axis=0) + 1e-6
  scaled = [_scaled(pool.x.input, pool.mask, mean, deviation) for pool in pools]
  return [pool._replace(x=pool.x._replace(input=x)) for pool, x in zip(pools, scaled, strict=True)]


@jax.jit
def _scaled(x: Array, mask: Array, mean: Array, deviation: Array) -> Array:
  return jnp.where(mask[..., None], (x - mean[None, None, None]) / deviation[None, None, None], 0.0)


def history(pools: list[Pool]) -> History:
  """Every usable training window: features, label, machine."""
  parts = []
  for pool in pools:
    mask = np.asarray(pool.mask)
    unit, label, _ = np.nonzero(mask)
    parts.append((np.asarray(pool.x.features)[mask], label, np.asarray(pool.unit)[unit]))
  x, y, group = (np.concatenate(column) for column in zip(*parts, strict=True))
  return History(x, y, group)


def asked(
  config: c.Config, support: Pool, query: Pool | None, queries: int, ways: int | None = None
) -> Callable[[int], TaskFamily]:
  """A test family for each number of labels; all of them share one compiled program."""
  places = max(config.evaluation.shots)
  return lambda k: few_shot(support, query, shots=k, queries=queries, places=places, ways=ways)
