"""Hessian-free steps: an Optax optimiser that solves for Newton's step by conjugate gradients.

  x <- x - a d,   H d = grad f(x),   H = grad^2 f(x) by its products with vectors alone

where a is the first of 1, 1/2, 1/4, ... that brings a quarter of what the slope promises (the condition of L. Armijo,
Pacific J. Math. 16 (1966) 1-3): a full step near the solution, where without a search one from where cross-entropy is
flat goes much too far. J. Martens, "Deep learning via Hessian-free optimization", ICML 2010, section 3, without its
heuristics; the inner solver of iMAML's better rows (A. Rajeswaran et al., NeurIPS 2019, section 4 and table 2).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from mtl_jax.types import Array, PyTree

_HALVINGS, _PROMISED = 8, 0.25
_ROUNDING = 1e-6  # of the loss, by which it may seem to rise


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

  Its `update` needs `value`, `grad` and `value_fn`, as Optax's line searches do; the inner loop gives them, where it is
  of first order: not to be differentiated, it serves `imaml` and `first_order=True`.

  Args:
    cg_steps: products with the Hessian in each step.

  Raises: ValueError: cg_steps < 1.
  """
  if cg_steps < 1:
    raise ValueError(f"cg_steps={cg_steps}: at least one step of conjugate gradients is needed")

  def init(params: PyTree) -> optax.EmptyState:
    del params
    return optax.EmptyState()

  search = optax.scale_by_backtracking_linesearch(_HALVINGS, slope_rtol=_PROMISED, decrease_factor=0.5, rtol=_ROUNDING)

  def update(
    gradient: PyTree, state: optax.EmptyState, params: PyTree, *, value_fn: Callable[[PyTree], Array], **searched: Any
  ) -> tuple[PyTree, optax.EmptyState]:
    _, curvature = jax.linearize(jax.grad(value_fn), params)
    step, _ = conjugate_gradients(curvature, gradient, cg_steps)
    step = jax.tree.map(jnp.negative, step)
    # Every search starts anew at a = 1; Optax's would go on from where the last one ended.
    change, _ = search.update(step, search.init(params), params, value_fn=value_fn, **searched)
    return change, state

  return optax.GradientTransformationExtraArgs(init, update)
