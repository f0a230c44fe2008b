"""What a multi-task run says about its tasks: who helps whom, and what one pays for another."""

from collections.abc import Callable, Iterable, Mapping
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

_BATCHES = 4  # of each seed and check
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


def diagnosis(
  config: c.MultiTask, problem: Problem, trained: list[Kept], recorded: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
  """For `diagnosis.json`.

  Args:
    trained: the methods on all tasks.
    recorded: the rows of metrics.jsonl.

  Returns: `tasks`; `affinity` (K, K) of the first `method`, the mean over its `checks` (how many there were), as
  `affinity_of` gives it at each, and the `groups` it proposes, as task places (absent where two tasks are never
  together, or without a check); where a grid was trained its `front`: test headlines (weights, K) at the learning rate
  that validation chose for each, with the `weights` (weights, K); `gates`: {method: levels (tasks, columns)} of the
  first seed, on 512 validation rows.
  """
  first = trained[0]
  found: dict[str, Any] = {"method": first.run.name, "tasks": list(first.run.tasks)}
  checks = [
    np.asarray([row[f"validation_{name}"] for name in ("affinity", "together")])
    for row in recorded
    if row["method"] == first.run.name and "validation_affinity" in row
  ]
  total, together = np.sum(checks, axis=0) if checks else np.zeros((2, 1, 1))
  if (together > 0).all():
    z = total / together
    found["checks"] = len(checks)
    found |= {"affinity": z.tolist(), "groups": [list(group) for group in grouping(z, config.groups)]}
  found["gates"] = {}
  rows = {source: jnp.asarray(batch.x[:_ROWS]) for source, batch in problem.validation.data.items()}
  for kept in trained:
    run = kept.run
    if run.candidates[0].weights is not None:
      found["front"] = _front(config, problem, kept)
    if isinstance(run.net.paths, GATED):
      params = of_candidate(kept.state.replicas.params, kept.best, config.training.seeds)
      params = jax.tree.map(lambda leaf: leaf[0], params)
      found["gates"][run.name] = [np.asarray(level).tolist() for level in gates(run.net, params, rows)]
  return found


def affinity_of(run: Run) -> Callable[[PyTree, int], Mapping[str, Array]]:
  """of(parameters of some seeds, step): their affinities, on four training batches of each.

  Returns: `affinity` (K, K), the mean over seeds and batches with 0 where two tasks are not together; `together`
  (K, K), the share of them where they are: the sums of both over training give the mean.
  """

  @jax.jit
  def of(params: PyTree, sample: Any, step: Array) -> dict[str, Array]:
    count = jax.tree.leaves(params)[0].shape[0] * _BATCHES

    def of_batch(i: Array) -> Array:
      key = jax.random.fold_in(jax.random.fold_in(jax.random.key(0), step), i)
      batch = sample(key, *((step * count + i,) if run.family.in_turn else ()))
      one = jax.tree.map(lambda leaf: leaf[None], batch)
      return affinity(run.apply, run.losses, jax.tree.map(lambda leaf: leaf[i // _BATCHES], params), one, lr=_RATE)

    each = jax.lax.map(of_batch, jnp.arange(count))
    known = jnp.isfinite(each)
    return {"affinity": jnp.mean(jnp.where(known, each, 0.0), axis=0), "together": jnp.mean(known, axis=0)}

  return lambda params, step: of(params, run.family.sample, np.int32(step))


def _front(config: c.MultiTask, problem: Problem, kept: Kept) -> dict[str, Any]:
  run, state, skill = kept
  truth, rates = asked(problem, problem.test), len(config.training.learning_rates)
  weights, scores = [], []
  for first in range(0, len(run.candidates), rates):  # the candidates of one weight vector
    best = first + int(skill[first : first + rates].argmax())
    given = answers(run, of_candidate(state.replicas.params, best, config.training.seeds), problem, problem.test)
    weights.append(np.asarray(run.candidates[best].weights).tolist())
    scores.append([_mean_score(truth[task], given[task]) for task in run.tasks])
  return {"weights": weights, "scores": scores}


def _mean_score(one: Any, given: np.ndarray) -> float:
  measure = MEASURES[one.target.kind][headline(one.target)[0]]
  return float(np.mean([measure(row, one.truth, once(len(one.truth)))[0] for row in given]))
