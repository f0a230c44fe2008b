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


def pinball(prediction: Array, target: Array, levels: Array) -> Array:
  """Quantiles (n, q), values (n,), levels (q,) in (0, 1) -> (n,): the pinball loss, averaged over levels.

  max(t (y - p), (t - 1) (y - p)), whose expectation is least where p is the quantile of level t: R. Koenker,
  G. Bassett, "Regression quantiles", Econometrica 46 (1978) 33-50. At t = 1/2 it is half of the absolute error.

  Raises: ValueError if the shapes do not fit.
  """
  if prediction.shape != (*target.shape, *levels.shape) or target.ndim != 1:
    raise ValueError(f"quantiles {prediction.shape}, target {target.shape} and levels {levels.shape} do not fit")
  below = target[:, None] - prediction
  return jnp.mean(jnp.maximum(levels[None] * below, (levels[None] - 1.0) * below), axis=1)


def poisson_deviance(prediction: Array, target: Array) -> Array:
  """Positive means (n,), values (n,) >= 0 -> (n,): half the Poisson deviance, least in expectation at the mean.

  p - y - y log(p / y), which weighs an error by 1 / p where the squared error lets the largest series decide
  (P. McCullagh, J. A. Nelder, "Generalized linear models", 1989, section 2.3).
  """
  some = jnp.where(target > 0, target, 1.0)
  return prediction - target - jnp.where(target > 0, target * jnp.log(prediction / some), 0.0)


def cross_entropy(prediction: Array, target: Array) -> Array:
  """Logits (n, classes) and integer labels (n,) -> (n,): the negative log-likelihood, nats.

  A label outside 0..classes-1 gives NaN: it cannot be learned from silently. Mark a
  missing label in the batch's mask.
  """
  classes = prediction.shape[-1]
  known = (target >= 0) & (target < classes)
  value = optax.softmax_cross_entropy_with_integer_labels(prediction, jnp.where(known, target, 0))
  return jnp.where(known, value, jnp.nan)


def binary_cross_entropy(prediction: Array, target: Array) -> Array:
  """Log-odds (n, 1) and 0 or 1 (n, 1) -> (n,): the negative log-likelihood, nats.

  Raises: ValueError if the shapes differ.
  """
  if prediction.shape != target.shape:
    raise ValueError(f"the prediction has shape {prediction.shape} and the target {target.shape}")
  return jnp.mean(optax.sigmoid_binary_cross_entropy(prediction, target), axis=tuple(range(1, target.ndim)))
