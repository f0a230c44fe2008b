"""Metrics of one episode, pure and vmap-able; masked examples do not count."""

import jax
import jax.numpy as jnp

from mtl_jax.types import Array


def confusion_matrix(prediction: Array, target: Array, mask: Array) -> Array:
  """Logits (n, classes), labels (n,), mask (n,) -> counts (classes, classes), true x predicted.

  A label outside 0..classes-1 makes everything NaN, as in `losses.cross_entropy`, unless masked.
  """
  classes = prediction.shape[-1]
  known = (target >= 0) & (target < classes)
  weight = jnp.where(mask, jnp.where(known, 1.0, jnp.nan), 0.0)
  true = jax.nn.one_hot(target, classes) * weight[:, None]
  return true.T @ jax.nn.one_hot(jnp.argmax(prediction, axis=-1), classes)


def accuracy(confusion: Array) -> Array:
  """Share of examples on the diagonal."""
  return jnp.trace(confusion) / jnp.maximum(jnp.sum(confusion), 1.0)


def macro_recall(confusion: Array) -> Array:
  """Mean recall over the classes that occur among the targets."""
  support = jnp.sum(confusion, axis=1)
  recall = jnp.diagonal(confusion) / jnp.maximum(support, 1.0)
  present = (support > 0).astype(recall.dtype)
  return jnp.sum(recall * present) / jnp.maximum(jnp.sum(present), 1.0)


def macro_f1(confusion: Array) -> Array:
  """Mean F1 over the classes that occur among targets or predictions, as scikit-learn's."""
  total = jnp.sum(confusion, axis=1) + jnp.sum(confusion, axis=0)
  f1 = 2.0 * jnp.diagonal(confusion) / jnp.maximum(total, 1.0)
  present = (total > 0).astype(f1.dtype)
  return jnp.sum(f1 * present) / jnp.maximum(jnp.sum(present), 1.0)


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
  per_example = jnp.mean(error, axis=tuple(range(1, error.ndim)))
  count = jnp.maximum(jnp.sum(mask), 1).astype(per_example.dtype)
  return {"mse": jnp.sum(jnp.where(mask, per_example, 0.0)) / count}
