"""What each task of a multi-task job asks of a part of the rows, and how right a network's answers are."""

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import jax
import numpy as np

from mtl_jax import config as c
from mtl_jax.build.multitask import Part, Problem, Run, Target, answer, predicted, scales
from mtl_jax.holdout import MEASURES, once
from mtl_jax.multitask import HaltingState
from mtl_jax.report import METRICS
from mtl_jax.types import Array, PyTree

_CHUNK = 4096  # rows that a network answers at a time
LOST = -1e9
"""The skill of a candidate that has diverged: below that of any other, and a finite number, which can be recorded."""


class Asked(NamedTuple):
  """A task of one part: where it stands, what it asks, and its labelled rows."""

  source: str
  target: Target
  rows: np.ndarray
  truth: np.ndarray


def asked(problem: Problem, part: Part) -> dict[str, Asked]:
  found = {}
  for source, targets in problem.targets.items():
    batch = part.data[source]
    for task, target in targets.items():
      rows = np.flatnonzero(batch.mask[task])
      found[task] = Asked(source, target, rows, batch.y[task][rows])
  return found


def headline(target: Target) -> tuple[str, float]:
  """What a task is judged by, and 1 or -1: what makes higher better."""
  name = next(iter(MEASURES[target.kind]))
  return name, -1.0 if METRICS[name].lower_is_better else 1.0


def error(target: Target, answers: np.ndarray, truth: np.ndarray) -> float:
  """The headline as an error: RMSE as it is, a share of what is right as its complement."""
  name, sign = headline(target)
  value = float(MEASURES[target.kind][name](answers, truth, once(len(truth)))[0])
  return value if sign < 0 else 1.0 - value


def trivial(problem: Problem, part: Part) -> dict[str, float]:
  """{task: the error of its training rows' mean or majority}."""
  known, found = asked(problem, problem.train), {}
  for task, one in asked(problem, part).items():
    labels = known[task].truth
    constant = labels.mean() if one.target.kind == "number" else np.bincount(labels).argmax()
    constant = 0.0 if one.target.kind == "flag" else constant
    found[task] = error(one.target, np.full(len(one.truth), constant), one.truth)
  return found


def answers(run: Run, params: PyTree, problem: Problem, part: Part) -> dict[str, np.ndarray]:
  """{task: answers (replicas, n)} for the rows that are labelled, by the parameters of some replicas."""
  scale, found = scales(problem), {}
  mine = {task: one for task, one in asked(problem, part).items() if task in run.tasks}
  for source in dict.fromkeys(one.source for one in mine.values()):
    x = part.data[source].x
    parts = []
    for at in range(0, len(x), _CHUNK):
      rows = np.minimum(np.arange(at, at + min(_CHUNK, len(x))), len(x) - 1)  # one shape: one program
      parts.append(jax.device_get(predicted(run.net, run.tasks, params, {source: x[rows]})))
    for task, one in mine.items():
      if one.source == source:
        whole = np.concatenate([part[task] for part in parts], axis=1)[:, one.rows]
        found[task] = answer(one.target, scale.get(task), whole)
  return found


def skills(
  config: c.MultiTask, run: Run, state: HaltingState, problem: Problem, floor: Mapping[str, float]
) -> np.ndarray:
  """(candidates, tasks): on validation, the mean over seeds of 1 - error / trivial error.

  `LOST` for all tasks of a candidate one of whose seeds has diverged, and at least that for the others.
  """
  truth, given = asked(problem, problem.validation), answers(run, state.replicas.params, problem, problem.validation)
  diverged: np.ndarray = np.asarray(state.diverged)

  def skill(task: str, row: np.ndarray) -> float:
    if not np.isfinite(row).all():
      return LOST
    with np.errstate(over="ignore"):  # a network about to diverge may be wrong by more than can be squared
      return max(LOST, 1.0 - error(truth[task].target, row, truth[task].truth) / floor[task])

  each = [
    [LOST if gone else skill(task, row) for gone, row in zip(diverged, given[task], strict=True)] for task in run.tasks
  ]
  by_seed = (len(run.candidates), config.training.seeds)
  found = np.reshape(each, (len(run.tasks), *by_seed)).mean(2)
  return np.where(np.any(np.reshape(diverged, by_seed), axis=1)[None], LOST, found).T


@partial(jax.jit, static_argnames="seeds")
def of_candidate(leaves: PyTree, candidate: Array | int, seeds: int) -> PyTree:
  """What belongs to one candidate's seeds: leaves (replicas, ...) have those of one candidate after another's."""
  return jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, candidate * seeds, seeds), leaves)
