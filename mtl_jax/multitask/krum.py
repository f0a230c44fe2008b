"""Krum and Multi-Krum: the mean of the gradients that lie closest to their neighbours.

  score(i) = sum over the K - f - 2 nearest j of |g_i - g_j|^2,   the `select` lowest scores are averaged

of K gradients at most f of which are byzantine: a broken sensor's, a mislabelled line's. P. Blanchard, E. M. El
Mhamdi, R. Guerraoui, J. Stainer, "Machine learning with adversaries: byzantine tolerant gradient descent",
NeurIPS 2017.
"""

import jax.numpy as jnp

from mtl_jax.multitask.rows import rows
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def krum(byzantine: int = 0, select: int = 1) -> Aggregator:
  """Krum (select = 1) and Multi-Krum.

  Args:
    byzantine: f, how many gradients may be anything. Of n active tasks the n - f - 2 nearest count, at least one.
    select: how many are averaged; all active ones where that is fewer. Ties go to the first.

  Raises:
    ValueError: if `byzantine` is negative or `select` not positive.
  """
  if byzantine < 0 or select < 1:
    raise ValueError(f"krum: byzantine = {byzantine}, select = {select}")

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    product = r.norm[:, None] * r.cosine * r.norm[None, :]
    square = jnp.square(r.norm)
    distance = jnp.maximum(square[:, None] + square[None, :] - 2.0 * product, 0.0)
    place = jnp.arange(len(active))
    others = active[:, None] & active[None, :] & (place[:, None] != place[None, :])
    ascending = jnp.sort(jnp.where(others, distance, jnp.inf), axis=1)
    tasks = jnp.sum(active)
    near = (place < jnp.maximum(tasks - byzantine - 2, 1))[None, :] & jnp.isfinite(ascending)
    score = jnp.where(active, jnp.sum(jnp.where(near, ascending, 0.0), axis=1), jnp.inf)
    rank = jnp.argsort(jnp.argsort(score))
    chosen = active & (rank < select)
    return chosen.astype(gram.dtype) / jnp.maximum(jnp.minimum(tasks, select), 1).astype(gram.dtype)

  return stateless(weights)
