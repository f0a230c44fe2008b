"""The Pareto front of a linear scalarisation: one model for each of many weight vectors, in one compiled program.

    weights = simplex(8, tasks)
    algorithm = replicate(joint(apply, losses, outer=optax.adam(1e-3), weighting=given()), 8)
    state = algorithm.init(jax.vmap(model.init, (0, None))(keys, x))
    state = state._replace(weighting=jnp.asarray(weights, jnp.float32))

Minima of sum_k w_k L_k with positive w are Pareto-optimal; where the front is not convex it has points that no w
reaches (I. Das, J. E. Dennis, "A closer look at drawbacks of minimizing weighted sums of objectives for Pareto set
generation in multicriteria optimization problems", Structural Optimization 1997). `stch` reaches those.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np

from mtl_jax.types import Array, Weighting


def given() -> Weighting:
  """Fixed weights, which are the state: 1 / K each until they are replaced.

  The weights of absent tasks go to the others in proportion, so that the sum stays.
  """

  def init(tasks: int) -> Array:
    return jnp.ones(tasks) / tasks

  def weigh(key: Array, losses: Array, active: Array, state: Array) -> tuple[Array, Array]:
    del key
    weights = jnp.where(active, state, 0.0)
    there = jnp.sum(weights)
    weights = weights * (jnp.sum(state) / jnp.where(there > 0.0, there, 1.0))
    return weights.astype(losses.dtype), state

  return Weighting(init, weigh)


def simplex(count: int, tasks: int) -> np.ndarray:
  """(count, tasks): positive weights that sum to one, spread over the simplex; the same at every call.

  Two tasks: an even grid, (i + 1/2) / count. More: equal weights, then half of the way from them to each corner, then
  draws from the flat Dirichlet distribution.
  """
  if tasks == 2:
    first = (np.arange(count) + 0.5) / count
    return np.stack([first, 1.0 - first], axis=1)
  equal = np.full((1, tasks), 1.0 / tasks)
  drawn = np.random.default_rng(0).dirichlet(np.ones(tasks), count)
  return np.concatenate([equal, (equal + np.eye(tasks)) / 2, drawn])[:count]


def front(scores: np.ndarray, lower_is_better: bool | Sequence[bool] = True) -> np.ndarray:
  """(n,) bool: the points that no other point is at least as good as in every column and better in one.

  Args:
    scores: (n, K); a row with a NaN is not on the front and keeps nobody off it.
    lower_is_better: of all columns, or of each.
  """
  cost = np.where(lower_is_better, 1.0, -1.0) * scores
  no_worse = (cost[:, None] <= cost[None]).all(axis=2)
  better = (cost[:, None] < cost[None]).any(axis=2)
  beaten = (no_worse & better).any(axis=0)
  return np.isfinite(cost).all(axis=1) & np.logical_not(beaten)
