"""MGDA: the shortest vector of the convex hull of the task gradients.

  min |sum_k w_k g_k|^2    over w >= 0, sum w = 1          (eq. 3)

It is zero exactly at a Pareto-stationary point; elsewhere it has the same positive product with every gradient
of its face and a larger one with the others, so that no task loses. O. Sener, V. Koltun, "Multi-task learning
as multi-objective optimization", NeurIPS 2018, after J.-A. Désidéri, "Multiple-gradient descent algorithm (MGDA)
for multiobjective optimization", Comptes Rendus Mathematique 350, 2012. The paper approximates the minimum by
Frank-Wolfe steps; here it is exact.
"""

from typing import Literal

import jax.numpy as jnp

from mtl_jax.multitask.rows import positive, rows
from mtl_jax.multitask.solvers import min_norm
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def mgda(*, normalise: Literal["l2", "loss", "loss+"] | None = None) -> Aggregator:
  """The min-norm point; its weights sum to one. A task whose gradient is zero makes the whole step zero.

  Args:
    normalise: as in the authors' code, the w of the gradients over |g_k| ("l2"), L_k ("loss") or L_k |g_k| ("loss+"),
      which weighs the gradients as they are. Only with None does no task lose.

  Raises:
    ValueError: if there is no such normalisation.
  """
  if normalise not in (None, "l2", "loss", "loss+"):
    raise ValueError(f"mgda: normalise = {normalise!r}")

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key
    r = rows(gram, active)
    norm = r.live.astype(gram.dtype) if normalise in ("l2", "loss+") else r.norm
    if normalise in ("loss", "loss+"):
      norm = norm / positive(losses, active).astype(gram.dtype)
      norm = norm / jnp.where(jnp.any(r.live), jnp.max(norm), 1.0)
    return min_norm(r._replace(norm=norm)).value

  return stateless(weights)
