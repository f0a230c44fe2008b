"""Which tasks help one another: inter-task affinity, and the groups that it proposes.

  Z[i, j] = 1 - L_j(theta - lr grad L_i) / L_j(theta)    the gradient in the shared parameters only

C. Fifty, E. Amid, Z. Zhao, T. Yu, R. Anil, C. Finn, "Efficiently identifying task groupings for multi-task learning",
NeurIPS 2021, eq. 2: the share of task j's loss that a step for task i takes away, or adds where Z is negative. It is
averaged over training, and groups are chosen in which tasks help one another most.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.multitask.gram import task_gradient_of
from mtl_jax.multitask.sources import MultiApply, Split, has_labels, sources, values
from mtl_jax.tree import AdaptMask, combine, partition
from mtl_jax.types import Array, Batch, ExampleLoss, PyTree

EXACT = 10
"""Tasks up to which every partition is tried: 115,975 of ten."""

Groups = tuple[tuple[int, ...], ...]


def affinity(
  apply: MultiApply | Split,
  losses: Mapping[str, ExampleLoss],
  params: PyTree,
  data: Mapping[str, Batch],
  *,
  lr: float,
  level: AdaptMask | None = None,
) -> Array:
  """(K, K): Z of one batch, a gradient and a forward pass over everything for each task.

  Args:
    apply, losses, data: as `joint` takes them, micro-batches included. Losses must be positive.
    lr: of the step that is tried.
    level: the shared parameters; None: all. The tasks' own heads have no part in Z[i, j] but on the diagonal.

  Returns:
    Row i is the task whose step is taken. NaN where one of both has no label, or L_j is not positive: means over
    batches are `jnp.nanmean`.
  """
  given = sources(apply, losses, data)
  active, before, gradient = has_labels(given), values(given, params), task_gradient_of(given, params, level)
  chosen, rest = partition(params, level)

  def after(i: Array) -> Array:
    stepped = jax.tree.map(lambda leaf, slope: leaf - lr * slope, chosen, gradient(i))
    return values(given, combine(stepped, rest))

  left = jax.lax.map(after, jnp.arange(len(losses)))
  known = active[:, None] & (active & (before > 0))[None]
  return jnp.where(known, 1.0 - left / jnp.where(before > 0, before, 1.0)[None], jnp.nan)


def grouping(affinity: np.ndarray, groups: int) -> Groups:
  """The proposed partition of the tasks into at most `groups` groups, each trained as one network.

  It maximises the sum over tasks of the mean affinity that the others of its group have towards it (the paper's
  objective), a task alone counting 0: where nothing helps a task, it stays alone. The paper lets a task stand in
  several groups; here each stands in one. Up to `EXACT` tasks it is the best of all partitions. Beyond, groups are
  merged two by two, each time those that leave the most, until there are few enough and no merger gains: of nine tasks
  in three noisy groups that had 0.995 of the best on average, of pure noise 0.95.

  Args:
    affinity: (K, K) the mean of Z; the diagonal is not read.

  Returns: the groups' task places, in ascending order.

  Raises: ValueError if `affinity` is not square and finite, or `groups` is below 1.
  """
  z = np.array(affinity, dtype=float)
  if z.ndim != 2 or z.shape[0] != z.shape[1] or groups < 1:
    raise ValueError(f"an affinity of shape {z.shape} cannot be cut into {groups} groups")
  np.fill_diagonal(z, 0.0)
  if not np.isfinite(z).all():
    raise ValueError("an affinity is not finite: two tasks were never together in a batch")

  @cache
  def worth(group: tuple[int, ...]) -> float:
    return float(z[np.ix_(group, group)].sum()) / max(len(group) - 1, 1)

  def total(partition: Groups) -> float:
    return sum(map(worth, partition))

  tasks = tuple(range(len(z)))
  if len(tasks) <= EXACT:
    return tuple(sorted(max(_partitions(tasks, groups), key=total)))
  found: Groups = tuple((task,) for task in tasks)
  while len(found) > 1:
    merged = max((_merge(found, a, b) for a, b in combinations(range(len(found)), 2)), key=total)
    if len(found) <= groups and total(merged) < total(found):
      break
    found = merged
  return found


def _partitions(tasks: tuple[int, ...], groups: int) -> Iterator[Groups]:
  """All partitions of `tasks` into at most `groups` groups."""
  if not tasks:
    yield ()
    return
  first, rest = tasks[0], tasks[1:]
  for found in _partitions(rest, groups):
    for place, group in enumerate(found):
      yield (*found[:place], (first, *group), *found[place + 1 :])
    if len(found) < groups:
      yield ((first,), *found)


def _merge(groups: Groups, a: int, b: int) -> Groups:
  """With a < b, in ascending order as `groups` is."""
  left = [group for place, group in enumerate(groups) if place not in (a, b)]
  return tuple(sorted([*left, tuple(sorted(groups[a] + groups[b]))]))
