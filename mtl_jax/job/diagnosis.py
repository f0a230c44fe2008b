"""What a multi-task run says about its tasks: who helps whom, and what one pays for another."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax import config as c
from mtl_jax.build.multitask import Problem, Run
from mtl_jax.holdout import MEASURES, once
from mtl_jax.job.tasks import answers, asked, headline, of_candidate
from mtl_jax.models.multitask import GATED, gates
from mtl_jax.multitask import affinity, grouping
from mtl_jax.types import Array, PyTree

_BATCHES = 32
_ROWS = 512  # that gates are averaged over
_RATE = 0.01  # of the step that an affinity tries, plain gradient descent


class Kept(NamedTuple):
  """A run at the step that validation chose: states of all replicas, and (candidates,) their validation scores."""

  run: Run
  state: PyTree
  skill: np.ndarray

  @property
  def best(self) -> int:
    return int(self.skill.argmax())


def diagnosis(config: c.MultiTask, problem: Problem, trained: list[Kept]) -> dict[str, Any]:
  """For `diagnosis.json`.

  Args:
    trained: the methods on all tasks.

  Returns: `tasks`; `affinity` (K, K) of the first `method`, at its best candidate's parameters, the mean over seeds and
  32 training batches, and the `groups` it proposes, as task places (both absent where two tasks are never together);
  where a grid was trained its `front`: test headlines (weights, K) at the learning rate that validation chose for each,
  with the `weights` (weights, K); `gates`: {method: levels (tasks, columns)} of the first seed, on 512 validation rows.
  """
  first = trained[0]
  z = _affinity(first.run, of_candidate(config, first.state, first.best).params)
  found: dict[str, Any] = {"method": first.run.name, "tasks": list(first.run.tasks)}
  if np.isfinite(z).all():
    found |= {"affinity": z.tolist(), "groups": [list(group) for group in grouping(z, config.groups)]}
  found["gates"] = {}
  rows = {source: jnp.asarray(batch.x[:_ROWS]) for source, batch in problem.validation.data.items()}
  for kept in trained:
    run = kept.run
    if run.candidates[0].weights is not None:
      found["front"] = _front(config, problem, kept)
    if isinstance(run.net.paths, GATED):
      params = jax.tree.map(lambda leaf: leaf[0], of_candidate(config, kept.state, kept.best).params)
      found["gates"][run.name] = [np.asarray(level).tolist() for level in gates(run.net, params, rows)]
  return found


def _affinity(run: Run, params: PyTree) -> np.ndarray:
  """(K, K): the mean over seeds and batches."""
  keys = jax.random.split(jax.random.key(0), _BATCHES)

  @jax.jit
  def of(params: PyTree, sample: Any) -> Array:
    def of_batch(i: Array) -> Array:
      batch = sample(keys[i], *((i,) if run.family.in_turn else ()))
      one = jax.tree.map(lambda leaf: leaf[None], batch)
      return affinity(run.apply, run.losses, params, one, lr=_RATE)

    return jnp.nanmean(jax.lax.map(of_batch, jnp.arange(_BATCHES)), axis=0)

  return np.mean(jax.lax.map(lambda seed: of(seed, run.family.sample), params), axis=0, dtype=float)


def _front(config: c.MultiTask, problem: Problem, kept: Kept) -> dict[str, Any]:
  run, state, skill = kept
  truth, rates = asked(problem, problem.test), len(config.training.learning_rates)
  weights, scores = [], []
  for first in range(0, len(run.candidates), rates):  # the candidates of one weight vector
    best = first + int(skill[first : first + rates].argmax())
    given = answers(run, of_candidate(config, state, best), problem, problem.test)
    weights.append(np.asarray(run.candidates[best].weights).tolist())
    scores.append([_mean_score(truth[task], given[task]) for task in run.tasks])
  return {"weights": weights, "scores": scores}


def _mean_score(one: Any, given: np.ndarray) -> float:
  measure = MEASURES[one.target.kind][headline(one.target)[0]]
  return float(np.mean([measure(row, one.truth, once(len(one.truth)))[0] for row in given]))
