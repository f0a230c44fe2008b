"""Metrics of one episode, pure and vmap-able; masked examples do not count."""

import jax
import jax.numpy as jnp

from mtl_jax.types import Array


def confusion_matrix(prediction: Array, target: Array, mask: Array) -> Array:
  """Logits (n, classes), labels (n,), mask (n,) -> counts (classes, classes), true x predicted.

  A label outside 0..classes-1 makes everything NaN, as in `losses.cross_entropy`, unless masked.
  """
  classes = prediction.shape[-1]
  true = jax.nn.one_hot(jnp.where(mask, target, -1), classes)
  counts = true.T @ jax.nn.one_hot(jnp.argmax(prediction, axis=-1), classes)
  unknown = mask & ((target < 0) | (target >= classes))
  return jnp.where(jnp.any(unknown), jnp.nan, counts)


def accuracy(confusion: Array) -> Array:
  """Share of examples on the diagonal."""
  return jnp.trace(confusion) / jnp.maximum(jnp.sum(confusion), 1.0)


def macro_recall(confusion: Array) -> Array:
  """Mean recall over the classes that occur among the targets."""
  support = jnp.sum(confusion, axis=1)
  recall = jnp.diagonal(confusion) / jnp.maximum(support, 1.0)
  return _mean_where(support != 0, recall)


def macro_f1(confusion: Array) -> Array:
  """Mean F1 over the classes that occur among targets or predictions, as scikit-learn's."""
  total = jnp.sum(confusion, axis=1) + jnp.sum(confusion, axis=0)
  f1 = 2.0 * jnp.diagonal(confusion) / jnp.maximum(total, 1.0)
  return _mean_where(total != 0, f1)


def classification(prediction: Array, target: Array, mask: Array) -> dict[str, Array]:
  """accuracy, macro_recall, macro_f1 as scalars and confusion (classes, classes)."""
  confusion = confusion_matrix(prediction, target, mask)
  return {
    "accuracy": accuracy(confusion),
    "macro_recall": macro_recall(confusion),
    "macro_f1": macro_f1(confusion),
    "confusion": confusion,
  }


def regression(prediction: Array, target: Array, mask: Array) -> dict[str, Array]:
  """mse: the mean squared error over examples and trailing axes, in the target's unit squared."""
  error = jnp.square(prediction - target)
  return {"mse": _mean_where(mask, jnp.mean(error, axis=tuple(range(1, error.ndim))))}


def _mean_where(mask: Array, values: Array) -> Array:
  """0 where the mask keeps nothing."""
  return jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask, dtype=values.dtype), 1.0)
