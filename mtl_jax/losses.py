"""Losses: `loss(prediction[n, ...], target[n, ...]) -> [n]`, one number per example."""

import jax.numpy as jnp
import optax

from mtl_jax.types import Array


def squared_error(prediction: Array, target: Array) -> Array:
  """(n, ...) and (n, ...) -> (n,): the squared error, averaged over trailing axes.

  Raises: ValueError if the shapes differ; (n, 1) and (n,) would broadcast to (n, n).
  """
  if prediction.shape != target.shape:
    raise ValueError(f"the prediction has shape {prediction.shape} and the target {target.shape}")
  error = jnp.square(prediction - target)
  return jnp.mean(error, axis=tuple(range(1, error.ndim)))


def cross_entropy(prediction: Array, target: Array) -> Array:
  """Logits (n, classes) and integer labels (n,) -> (n,): the negative log-likelihood, nats.

  A label outside 0..classes-1 gives NaN: it cannot be learned from silently. Mark a
  missing label in the batch's mask.
  """
  classes = prediction.shape[-1]
  known = (target >= 0) & (target < classes)
  value = optax.softmax_cross_entropy_with_integer_labels(prediction, jnp.where(known, target, 0))
  return jnp.where(known, value, jnp.nan)
