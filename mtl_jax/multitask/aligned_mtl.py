"""Aligned-MTL: the gradients turned into an orthogonal system, all principal components equally strong.

  G = V diag(sigma^2) V',   B = sigma_min V diag(1 / sigma) V',   weights = B p,   p = 1/K each     (algorithm 1)

over the components that are not zero; sigma_min is the smallest of those, in whose place the authors' code can put
their median (the lower of two) or root mean square. D. Senushkin, N. Patakin, A. Kuznetsov,
A. Konushin, "Independent component alignment for multi-task learning", CVPR 2023.

The eigenvalues of G are squares, and of those of short gradients beside long ones no digit is left. So G is
factored as L L' first, with pivots and for rows of norm 1, which costs none, and the singular values are those of
L. The number of pivots above rounding is the number of components.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.linalg import one_at_a_time
from mtl_jax.multitask.rows import Rows, count, preferences, rounding, rows
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array

_svd = one_at_a_time(jnp.linalg.svd)


class _Factor(NamedTuple):
  columns: Array  # (K, K) the factor of the cosines so far, from the left
  left: Array  # (K,) diagonal of what is not yet explained; 0 for pivots
  filled: Array  # (K,) bool: the columns that are not zero, all before those that are


def _factor(r: Rows) -> tuple[Array, Array]:
  """L[K, K] with L L' = Gram matrix / unit^2, and its columns that are not zero, the first ones."""
  size = len(r.norm)

  def column(k: Array, f: _Factor) -> _Factor:
    pivot = jnp.argmax(f.left)
    there = f.left[pivot] > rounding(r.norm.dtype, size)
    height = jnp.sqrt(jnp.where(there, f.left[pivot], 1.0))
    found = jnp.where(f.left > 0.0, (r.cosine[:, pivot] - f.columns @ f.columns[pivot]) / height, 0.0)
    found = jnp.where(there, found.at[pivot].set(height), 0.0)
    left = jnp.maximum(f.left - jnp.square(found), 0.0).at[pivot].set(0.0)
    return _Factor(f.columns.at[:, k].set(found), left, f.filled.at[k].set(there))

  start = _Factor(jnp.zeros_like(r.cosine), jnp.diagonal(r.cosine), jnp.zeros(size, bool))
  end = jax.lax.fori_loop(0, size, column, start)
  return r.norm[:, None] * end.columns, end.filled


def aligned_mtl(
  preference: Sequence[float] | None = None, *, scale: Literal["min", "median", "rmse"] = "min"
) -> Aggregator:
  """Aligned components; where all gradients are zero, the weights are p.

  Args:
    preference: p, not negative; 1/K each where None. The authors' code has 1 each.
    scale: of the singular values, the one that all components get.

  Raises:
    ValueError: if there is no such scale; from combine, if a preference is negative, or there are more or fewer than
      tasks.
  """
  if scale not in ("min", "median", "rmse"):
    raise ValueError(f"aligned_mtl: scale = {scale!r}")

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    p = preferences(preference, active, gram.dtype)
    factor, there = _factor(r)  # singular values descend: those that are not zero stand first, too
    vectors, sigma, _ = _svd(factor)
    rank = jnp.sum(there)
    if scale == "rmse":
      common = jnp.linalg.norm(jnp.where(there, sigma, 0.0)) / jnp.sqrt(count(there, sigma.dtype))
    else:
      common = sigma[rank // 2 if scale == "median" else rank - 1]
    balance = jnp.where(there, common / jnp.where(there, sigma, 1.0), 0.0)
    aligned = vectors @ (balance * (vectors.T @ p))
    return jnp.where(rank > 0, jnp.where(active, aligned, 0.0), p)

  return stateless(weights)
