"""Metrics of one episode, pure and vmap-able; masked examples do not count."""

import math

import jax
import jax.numpy as jnp

from mtl_jax.types import Array, Episode, Metrics

_CENTRAL = 1.6448536  # deviations on both sides that hold 90 % of a normal distribution


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


def average_precision(score: Array, target: Array, mask: Array) -> Array:
  """(n,) scores, (n,) 0 or 1, (n,) bool -> the area under precision and recall, as a sum over thresholds.

  sum_n (R_n - R_{n-1}) P_n over the distinct scores, as scikit-learn's `average_precision_score`: equal scores are one
  threshold. 0 without a positive.
  """
  target = jnp.where(mask, target.astype(score.dtype), 0.0)
  score = jnp.where(mask, score, -jnp.inf)
  order = jnp.argsort(-score)
  ranked, hit, kept = score[order], target[order], mask[order].astype(score.dtype)
  end = jnp.searchsorted(-ranked, -ranked, side="right") - 1  # where the run of equal scores ends
  precision = jnp.cumsum(hit)[end] / jnp.maximum(jnp.cumsum(kept)[end], 1.0)
  return jnp.sum(hit * precision) / jnp.maximum(jnp.sum(hit), 1.0)


def rare_event(prediction: Array, episode: Episode) -> Metrics:
  """One episode of a rare event: log-odds (n, 1) against query.y (n, 1), 0 or 1.

  Returns: auprc, and accuracy, macro_recall and macro_f1 of "more likely than not".
  """
  (_, y, mask), odds = episode.query, prediction[:, 0]
  either = classification(jnp.stack([jnp.zeros_like(odds), odds], axis=1), y[:, 0].astype(jnp.int32), mask)
  del either["confusion"]
  return {"auprc": average_precision(odds, y[:, 0], mask), **either}


def regression(prediction: Array, target: Array, mask: Array, unit: float | Array = 1.0) -> Metrics:
  """mse: the mean squared error over examples and trailing axes, in `unit` squared.

  Args:
    prediction: as target (n, ...), or means and log variances (n, 2) of a target (n, 1); `normal` is then given too.
    unit: of the target, by which errors are multiplied.
  """
  with_variance = prediction.shape[1:] == (2,) and target.shape[1:] == (1,)
  error = jnp.square(unit * ((prediction[:, :1] if with_variance else prediction) - target))
  found = {"mse": _mean_where(mask, jnp.mean(error, axis=tuple(range(1, error.ndim))))}
  return found | (normal(prediction, target[:, 0], mask, unit) if with_variance else {})


def normal(prediction: Array, target: Array, mask: Array, unit: float | Array = 1.0) -> Metrics:
  """What a number's own uncertainty is worth: means and log variances (n, 2) against (n,).

  Returns: nll, the mean negative log-likelihood, nats, of a density per `unit`; coverage, the share of targets within
    the central 90 % of their distribution, 0.9 where the distributions are right. Nothing of a prediction (n, 1).
  """
  if prediction.shape[-1] != 2:
    return {}
  mean, log_variance = prediction[:, 0], prediction[:, 1]
  standard = (target - mean) * jnp.exp(-0.5 * log_variance)
  nll = 0.5 * (jnp.square(standard) + log_variance + math.log(2.0 * math.pi)) + jnp.log(unit)
  within = (jnp.abs(standard) <= _CENTRAL).astype(prediction.dtype)
  return {"nll": _mean_where(mask, nll), "coverage": _mean_where(mask, within)}


def rmse(prediction: Array, target: Array, mask: Array) -> Array:
  """(n,), (n,), (n,) bool -> the root mean squared error, in the target's unit; 0 if nothing is kept."""
  return jnp.sqrt(_mean_where(mask, jnp.square(_error(prediction, target))))


def nasa_score(prediction: Array, target: Array, mask: Array) -> Array:
  """(n,), (n,), (n,) bool, remaining life in cycles -> a sum over engines, lower is better, 0 is perfect.

  With d = prediction - target: exp(-d / 13) - 1 where d < 0 and exp(d / 10) - 1 elsewhere; too late costs more than
  too early. It grows with the number of engines and is often the cost of a few of them.

  Source: Saxena, Goebel, Simon, Eklund, "Damage propagation modeling for aircraft engine run-to-failure simulation",
  PHM 2008, section on the evaluation.
  """
  d = _error(prediction, target)
  return jnp.sum(jnp.where(mask, jnp.expm1(jnp.where(d < 0, -d / 13.0, d / 10.0)), 0.0))


def _error(prediction: Array, target: Array) -> Array:
  """Raises ValueError if the shapes differ; (n, 1) and (n,) would broadcast to (n, n)."""
  if jnp.shape(prediction) != jnp.shape(target) or jnp.ndim(target) != 1:
    raise ValueError(f"prediction {jnp.shape(prediction)} and target {jnp.shape(target)}, expected (n,) for both")
  return prediction - target


def _mean_where(mask: Array, values: Array) -> Array:
  """0 where the mask keeps nothing."""
  return jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask, dtype=values.dtype), 1.0)
