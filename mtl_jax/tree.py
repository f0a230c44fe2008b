"""Pytree helpers that JAX and Optax do not have."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtl_jax.types import PyTree

AdaptMask = PyTree | Callable[[PyTree], PyTree]
"""A pytree of bools shaped like the parameters, or a function that makes one."""


def named(*names: str) -> Callable[[PyTree], PyTree]:
  """A mask of the leaves whose path goes through one of `names`: `named("head")`.

  Raises (when the mask is made): ValueError if no leaf has such a path.
  """

  def mask(params: PyTree) -> PyTree:
    def chosen(path, _):
      return any(str(getattr(k, "key", getattr(k, "name", k))) in names for k in path)

    result = jax.tree_util.tree_map_with_path(chosen, params)
    if not any(jax.tree.leaves(result)):
      have = sorted(jax.tree_util.keystr(p) for p, _ in jax.tree_util.tree_leaves_with_path(params))
      raise ValueError(f"no parameter is named {' or '.join(names)}; the parameters are {', '.join(have)}")
    return result

  return mask


def partition(params: PyTree, mask: AdaptMask | None) -> tuple[PyTree, PyTree]:
  """Splits into (chosen, rest); a leaf that is not in a part is None there."""
  if mask is None:
    return params, jax.tree.map(lambda _: None, params)
  chosen = mask(params) if callable(mask) else mask
  return (
    jax.tree.map(lambda p, m: p if m else None, params, chosen),
    jax.tree.map(lambda p, m: None if m else p, params, chosen),
  )


def combine(chosen: PyTree, rest: PyTree) -> PyTree:
  """The inverse of `partition`."""
  return jax.tree.map(lambda a, b: b if a is None else a, chosen, rest, is_leaf=lambda leaf: leaf is None)


def zeroed(params: PyTree, mask: AdaptMask) -> PyTree:
  """Zeros in place of the chosen leaves; no gradient flows into them."""
  chosen, rest = partition(params, mask)
  return combine(jax.tree.map(jnp.zeros_like, chosen), rest)


def clip_by_global_norm(tree: PyTree, limit: float) -> PyTree:
  """Scales `tree` down to a global norm of at most `limit` (Pascanu et al. 2013, alg. 1).

  Unlike `optax.clip_by_global_norm` it has a finite derivative where the tree is zero,
  which a differentiated inner loop meets whenever a task has no labels.
  """
  squared = sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree))
  over = squared > limit**2
  scale = jnp.where(over, limit / jnp.sqrt(jnp.where(over, squared, 1.0)), 1.0)
  return jax.tree.map(lambda leaf: leaf * scale.astype(leaf.dtype), tree)
