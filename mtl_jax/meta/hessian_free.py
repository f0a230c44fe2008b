"""Hessian-free steps: an Optax optimiser that solves for Newton's step by conjugate gradients.

  x <- x - a d,   H d = grad f(x),   H = grad^2 f(x) by its products with vectors alone

with a step length a of at most 1 that lowers f, by Optax's backtracking line search. J. Martens, "Deep learning via
Hessian-free optimization", ICML 2010, section 3, without its heuristics; the inner solver of iMAML's better rows (A.
Rajeswaran et al., NeurIPS 2019, section 4 and table 2).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from mtl_jax.types import Array, PyTree

_SHORTER = 20  # times that a step may be shortened, to a hundredth


def _ratio(a: Array, b: Array) -> Array:
  """a / b where b is positive, 0 elsewhere."""
  return jnp.where(b > 0.0, a / jnp.where(b > 0.0, b, 1.0), 0.0)


def conjugate_gradients(product: Callable[[PyTree], PyTree], b: PyTree, steps: int) -> tuple[PyTree, PyTree]:
  """`steps` steps from 0 on product(x) = b; the product symmetric and positive. Returns x and b - product(x).

  M. R. Hestenes, E. Stiefel, "Methods of conjugate gradients for solving linear systems", 1952. A direction of
  no or negative curvature is not followed. One product a step; that of `jax.scipy` takes one more to
  start and keeps the residual to itself.
  """

  def add(x: PyTree, scale: Array, y: PyTree) -> PyTree:
    return jax.tree.map(lambda x, y: x + scale.astype(x.dtype) * y, x, y)

  def advance(carry: tuple[PyTree, PyTree, PyTree, Array], _: None) -> tuple[tuple, None]:
    x, residual, direction, squared = carry
    image = product(direction)
    rate = _ratio(squared, optax.tree.vdot(direction, image))
    x, residual = add(x, rate, direction), add(residual, -rate, image)
    now = optax.tree.norm(residual, squared=True)
    return (x, residual, add(residual, _ratio(now, squared), direction), now), None

  start = (jax.tree.map(jnp.zeros_like, b), b, b, optax.tree.norm(b, squared=True))
  (x, residual, *_), _ = jax.lax.scan(advance, start, length=steps)
  return x, residual


def hessian_free(cg_steps: int) -> optax.GradientTransformationExtraArgs:
  """Newton's steps as far as conjugate gradients come: a quadratic is solved at once by as many as it has eigenvalues.

  Its `update` needs `value`, `grad` and `value_fn`, as Optax's line searches do; the inner loop gives them. Without a
  search a step from where cross-entropy is flat goes much too far.

  Args:
    cg_steps: products with the Hessian in each step.

  Raises: ValueError: cg_steps < 1.
  """
  if cg_steps < 1:
    raise ValueError(f"cg_steps={cg_steps}: at least one step of conjugate gradients is needed")

  def init(params: PyTree) -> optax.EmptyState:
    del params
    return optax.EmptyState()

  def update(
    gradient: PyTree, state: optax.EmptyState, params: PyTree, *, value_fn: Callable[[PyTree], Array], **_: Any
  ) -> tuple[PyTree, optax.EmptyState]:
    _, curvature = jax.linearize(jax.grad(value_fn), params)
    step, _ = conjugate_gradients(curvature, gradient, cg_steps)
    return jax.tree.map(jnp.negative, step), state

  search = optax.scale_by_backtracking_linesearch(max_backtracking_steps=_SHORTER)
  return optax.chain(optax.GradientTransformationExtraArgs(init, update), search)
