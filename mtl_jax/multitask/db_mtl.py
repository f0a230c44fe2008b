"""DB-MTL: losses balanced by their logarithm, gradients by their norm.

  g~_k = grad log L_k = g_k / L_k,   d = sum_k (max_j |g~_j| / |g~_k|) g~_k

B. Lin et al., "Dual-balancing for multi-task learning", arXiv 2308.12029. In the paper g~_k is a moving average over
the steps, beta of it old. That takes K x P numbers, which `joint` holds for `before`:

  joint(..., aggregator=db_mtl(), before=on_log_loss(optax.ema(beta, debias=False)))

Without `before` it is beta = 0. The authors' code can let beta fall as beta / t^sigma, t = 1, 2, ...; that is
`optax.inject_hyperparams(optax.ema)(decay=lambda step: beta / (step + 1) ** sigma, debias=False)`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from mtl_jax.multitask.rows import positive, rows
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array, PyTree


def db_mtl() -> Aggregator:
  """Every gradient as long as that of the steepest log loss. Losses must be positive; a zero gradient has weight 0."""

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key
    r = rows(gram, active)
    steepest = jnp.max(r.norm / positive(losses, active).astype(gram.dtype))
    return r.over_norm(jnp.full_like(r.norm, steepest))

  return stateless(weights)


def on_log_loss(inner: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
  """`inner` on the gradient of log L, for `joint(before=...)`: L inner(g / L), its unit that of g. L is positive."""
  inner = optax.with_extra_args_support(inner)

  def update(
    gradient: PyTree, state: Any, params: PyTree | None = None, *, value: Array, **rest: Any
  ) -> tuple[PyTree, Any]:
    loss = positive(value, jnp.ones((), bool))
    divided = jax.tree.map(lambda leaf: leaf / loss.astype(leaf.dtype), gradient)
    change, state = inner.update(divided, state, params, value=value, **rest)
    return jax.tree.map(lambda leaf: leaf * loss.astype(leaf.dtype), change), state

  return optax.GradientTransformationExtraArgs(inner.init, update)
