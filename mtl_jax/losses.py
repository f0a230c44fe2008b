"""Losses: `loss(prediction[n, ...], target[n, ...]) -> [n]`, one number per example."""

import math

import jax
import jax.numpy as jnp
import jax.scipy.special
import optax

from mtl_jax.types import Array


def squared_error(prediction: Array, target: Array) -> Array:
  """(n, ...) and (n, ...) -> (n,): the squared error, averaged over trailing axes.

  Raises: ValueError if the shapes differ; (n, 1) and (n,) would broadcast to (n, n).
  """
  _alike(prediction, target)
  return _each(jnp.square(prediction - target))


def huber(prediction: Array, target: Array, delta: float = 1.0) -> Array:
  """(n, ...) and (n, ...) -> (n,): half the squared error, linear beyond delta, averaged over trailing axes.

  `delta` is in the target's unit. P. J. Huber, "Robust estimation of a location parameter", Ann. Math. Statist. 35
  (1964) 73-101.

  Raises: ValueError if the shapes differ.
  """
  _alike(prediction, target)
  return _each(optax.losses.huber_loss(prediction, target, delta=delta))


def gaussian(prediction: Array, target: Array) -> Array:
  """Mean and log variance (n, 2), values (n,) -> (n,): the negative log-likelihood, nats.

  The variance is a function of the input: D. A. Nix, A. S. Weigend, "Estimating the mean and variance of the target
  probability distribution", ICNN 1994.

  Raises: ValueError if the shapes do not fit.
  """
  mean, log_variance = _two(prediction, target)
  # The square of a quotient, and not a quotient of squares, is finite whenever the loss itself is.
  return 0.5 * (jnp.square((target - mean) * jnp.exp(-0.5 * log_variance)) + log_variance + math.log(2.0 * math.pi))


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

  Raises: ValueError if the shapes differ.
  """
  _alike(prediction, target)
  some = jnp.where(target > 0, target, 1.0)
  return prediction - target - jnp.where(target > 0, target * jnp.log(prediction / some), 0.0)


def poisson(prediction: Array, target: Array) -> Array:
  """Log rates (n, ...), counts (n, ...) -> (n,): the negative log-likelihood, nats, averaged over trailing axes.

  A negative count gives NaN, as in all losses of counts. McCullagh & Nelder 1989, chapter 6.

  Raises: ValueError if the shapes differ.
  """
  _alike(prediction, target)
  return _each(_poisson(prediction, target))


def negative_binomial(prediction: Array, target: Array) -> Array:
  """Log mean and log dispersion (n, 2), counts (n,) -> (n,): the negative log-likelihood, nats.

  With mean m and dispersion a the variance is m + a m^2 ("NB2", J. M. Hilbe, "Negative binomial regression", 2011);
  a towards 0 is Poisson, and a dispersion below e^-20 counts as that.

  Raises: ValueError if the shapes do not fit.
  """
  log_mean, log_dispersion = _two(prediction, target)
  log_dispersion = jnp.clip(log_dispersion, -20.0, 80.0)  # one over it is a float32 at both ends
  y = jnp.where(target >= 0, target, 0.0)
  r, odds = jnp.exp(-log_dispersion), log_mean + log_dispersion
  value = jax.scipy.special.gammaln(y + 1.0) - _log_rising(r, y)
  value += r * jax.nn.softplus(odds) + y * jax.nn.softplus(-odds)
  return jnp.where(target >= 0, value, jnp.nan)


def zero_inflated_poisson(prediction: Array, target: Array) -> Array:
  """Log rate and log-odds of a structural zero (n, 2), counts (n,) -> (n,): the negative log-likelihood, nats.

  A zero is structural, or a Poisson count that happens to be 0: D. Lambert, "Zero-inflated Poisson regression, with an
  application to defects in manufacturing", Technometrics 34 (1992) 1-14.

  Raises: ValueError if the shapes do not fit.
  """
  log_rate, odds = _two(prediction, target)
  log_structural, log_poisson = jax.nn.log_sigmoid(odds), jax.nn.log_sigmoid(-odds)
  # In the branch not taken the rate is 1, and a rate of e^80 rules a Poisson zero out: an infinite one has no gradient.
  zero = jnp.logaddexp(log_structural, log_poisson - jnp.exp(jnp.minimum(log_rate, 80.0)))
  some = _poisson(jnp.where(target == 0, 0.0, log_rate), target) - log_poisson
  return jnp.where(target == 0, -zero, some)


def weibull(prediction: Array, target: Array) -> Array:
  """Log shape and log scale (n, 2), (time, observed) (n, 2) -> (n,): the censored negative log-likelihood, nats.

  `observed` is 1 where the unit failed at `time`, with density f, and 0 where it still ran then, with survival
  S(t) = exp(-(t / scale)^shape): -log f or -log S. Times and the scale have one unit, and -log f depends on it. A time
  that is not positive gives NaN. J. D. Kalbfleisch, R. L. Prentice, "The statistical analysis of failure time data",
  2002, chapter 3; as a head for remaining life: E. Martinsson, "WTTE-RNN", thesis, Gothenburg 2016.

  Raises: ValueError if the shapes do not fit.
  """
  log_shape, log_scale = _two(prediction, target, 2)
  known = target[:, 0] > 0  # any other time is replaced, since the gradient of its logarithm would not be finite
  log_time = jnp.log(jnp.where(known, target[:, 0], 1.0))
  log_cumulative = jnp.exp(log_shape) * (log_time - log_scale)
  log_hazard = log_shape + log_cumulative - log_time
  return jnp.where(known, jnp.exp(log_cumulative) - jnp.where(target[:, 1] > 0, log_hazard, 0.0), jnp.nan)


def svdd(prediction: Array, target: Array, centre: Array) -> Array:
  """Embeddings (n, d), 0 for normal and 1 for a known anomaly (n,), centre (d,) -> (n,): the squared distance.

  What is normal is drawn to the centre and what is far from it later is an anomaly; a known anomaly has loss 0, so that
  only normal examples are learned from. L. Ruff et al., "Deep one-class classification", ICML 2018, the one-class form
  of Deep SVDD. The paper fixes the centre at the mean of the embeddings before training, moved away from 0, and leaves
  out the biases of every layer, with which all could be mapped to the centre.

  Raises: ValueError if the shapes do not fit.
  """
  if prediction.shape != (*target.shape, *centre.shape) or target.ndim != 1:
    raise ValueError(f"embeddings {prediction.shape}, target {target.shape} and centre {centre.shape} do not fit")
  return jnp.where(target > 0, 0.0, jnp.sum(jnp.square(prediction - centre[None]), axis=1))


def cross_entropy(prediction: Array, target: Array) -> Array:
  """Logits (n, classes) and integer labels (n,) -> (n,): the negative log-likelihood, nats.

  A label outside 0..classes-1 gives NaN: it cannot be learned from silently. Mark a
  missing label in the batch's mask.
  """
  classes = prediction.shape[-1]
  known = (target >= 0) & (target < classes)
  value = optax.softmax_cross_entropy_with_integer_labels(prediction, jnp.where(known, target, 0))
  return jnp.where(known, value, jnp.nan)


def ordinal_log_probabilities(prediction: Array) -> Array:
  """(n, classes) -> (n, classes): log-probabilities of ordered classes, the cumulative logit model.

  P(y <= j) = sigmoid(theta_j - eta) with ordered thresholds. Column 0 of the prediction is the score eta, column 1
  theta_0, and column j + 1 a raw gap g_j: theta_j = theta_{j-1} + softplus(g_j). Odds are proportional where columns
  1.. do not depend on the input, as of `models.multitask.OrdinalHead` (P. McCullagh, "Regression models for ordinal
  data", JRSS B 42 (1980) 109-142); from a dense head they do, and stay in order all the same.

  Raises: ValueError with fewer than two columns.
  """
  if prediction.ndim != 2 or prediction.shape[1] < 2:
    raise ValueError(f"a prediction of shape {prediction.shape}, expected (n, classes) with at least two classes")
  eta, first, gaps = prediction[:, :1], prediction[:, 1:2], prediction[:, 2:]
  over = jnp.concatenate([first, first + jnp.cumsum(jax.nn.softplus(gaps), axis=1)], axis=1) - eta
  # sigmoid(b) - sigmoid(a) = sigmoid(b) sigmoid(-a) (1 - e^(a - b)), and 1 - e^-softplus(g) = sigmoid(g).
  nothing = jnp.zeros_like(eta)
  below = jnp.concatenate([jax.nn.log_sigmoid(over), nothing], axis=1)
  above = jnp.concatenate([nothing, jax.nn.log_sigmoid(-over)], axis=1)
  return below + above + jnp.concatenate([nothing, jax.nn.log_sigmoid(gaps), nothing], axis=1)


def ordinal(prediction: Array, target: Array) -> Array:
  """(n, classes) as `ordinal_log_probabilities` takes it, integer labels (n,) -> (n,): -log P(y), nats.

  A label outside 0..classes-1 gives NaN, as in `cross_entropy`.

  Raises: ValueError if the shapes do not fit.
  """
  if target.shape != prediction.shape[:1]:
    raise ValueError(f"the prediction has shape {prediction.shape} and the target {target.shape}, expected (n,)")
  log_p = ordinal_log_probabilities(prediction)
  known = (target >= 0) & (target < prediction.shape[1])
  label = jnp.where(known, target, 0)
  return jnp.where(known, -jnp.take_along_axis(log_p, label[:, None], axis=1)[:, 0], jnp.nan)


def binary_cross_entropy(prediction: Array, target: Array) -> Array:
  """Log-odds (n, 1) and 0 or 1 (n, 1) -> (n,): the negative log-likelihood, nats.

  Raises: ValueError if the shapes differ.
  """
  _alike(prediction, target)
  return _each(optax.sigmoid_binary_cross_entropy(prediction, target))


def _alike(prediction: Array, target: Array) -> None:
  if prediction.shape != target.shape:
    raise ValueError(f"the prediction has shape {prediction.shape} and the target {target.shape}")


def _each(values: Array) -> Array:
  return jnp.mean(values, axis=tuple(range(1, values.ndim)))


def _two(prediction: Array, target: Array, *columns: int) -> tuple[Array, Array]:
  """The columns of a prediction (n, 2) beside a target (n, *columns)."""
  n = prediction.shape[:1]
  if prediction.shape != (*n, 2) or target.shape != (*n, *columns):
    wanted = f"(n, 2) and {('n', *columns)}"
    raise ValueError(f"the prediction has shape {prediction.shape} and the target {target.shape}, expected {wanted}")
  return prediction[:, 0], prediction[:, 1]


def _poisson(log_rate: Array, target: Array) -> Array:
  y = jnp.where(target >= 0, target, 0.0)
  value = jnp.exp(log_rate) - y * log_rate + jax.scipy.special.gammaln(y + 1.0)
  return jnp.where(target >= 0, value, jnp.nan)


def _log_rising(r: Array, y: Array) -> Array:
  """log Gamma(r + y) / Gamma(r). For large r the two nearly cancel, and Stirling's series is subtracted term by term.

  The series of log Gamma(x) is (x - 1/2) log x - x + log(2 pi) / 2 + 1 / 12 x - ...; its next term is below 1e-13 here.
  """
  large = r > 16.0
  few, many = jnp.where(large, 1.0, r), jnp.where(large, r, 16.0)

  def rest(x: Array) -> Array:
    square = 1.0 / jnp.square(x)
    return (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680))) / x

  series = (many - 0.5) * jnp.log1p(y / many) + y * (jnp.log(many + y) - 1.0) + rest(many + y) - rest(many)
  return jnp.where(large, series, jax.scipy.special.gammaln(few + y) - jax.scipy.special.gammaln(few))
