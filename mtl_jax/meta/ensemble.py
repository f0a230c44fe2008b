"""Deep ensembles: several seeds of one algorithm answer together, and where they disagree nobody should be sure.

  p(y | x) = 1 / M sum_m p_m(y | x),   of classes the mean probability, of numbers a mixture of M normal distributions,
  taken for one with the mixture's mean and variance: mu* = mean of mu_m, var* = mean of (var_m + mu_m^2) - mu*^2

B. Lakshminarayanan, A. Pritzel, C. Blundell, "Simple and scalable predictive uncertainty estimation using deep
ensembles", NeurIPS 2017, section 2.4.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from mtl_jax.meta.replicate import replicate
from mtl_jax.types import Algorithm, Array, Batch, PyTree

Combine = Callable[[Array], Array]
"""combine(predictions[members, n, ...]) -> prediction[n, ...]"""

_LEAST = 1e-12  # of a variance: its logarithm must be finite where all members say the same


def mean_probability(logits: Array) -> Array:
  """(members, n, classes) -> (n, classes): logits of the mean of the members' probabilities."""
  return jax.nn.logsumexp(jax.nn.log_softmax(logits), axis=0) - jnp.log(jnp.asarray(len(logits), logits.dtype))


def disagreement(logits: Array) -> Array:
  """(members, n, classes) -> (n,): the mean of KL(p_m || p), in nats from 0 to log(members).

  The authors' measure of disagreement, but the mean over members in place of the sum: what of an answer's uncertainty
  is that of the members, and not of each one's own classes.
  """
  own = jax.nn.log_softmax(logits)
  return jnp.mean(jnp.sum(jnp.exp(own) * (own - mean_probability(logits)[None]), axis=-1), axis=0)


def mean_and_spread(values: Array) -> Array:
  """(members, n, 1) -> (n, 2): mean and log variance of what the members say, each a number without a likelihood.

  Their spread is not the whole uncertainty: the noise of a label is not in it. Where they agree exactly the variance is
  1e-12, with which an error of 1 has a negative log-likelihood of 5e11.
  """
  mean, variance = jnp.mean(values[..., 0], axis=0), jnp.var(values[..., 0], axis=0)
  return jnp.stack([mean, jnp.log(jnp.maximum(variance, _LEAST))], axis=1)


def one_normal(said: Array) -> Array:
  """(members, n, 2) -> (n, 2): mean and log variance of the mixture of normal distributions given like that."""
  mean, own = said[..., 0], jnp.mean(jnp.exp(said[..., 1]), axis=0)
  return jnp.stack([jnp.mean(mean, axis=0), jnp.log(jnp.maximum(own + jnp.var(mean, axis=0), _LEAST))], axis=1)


def ensemble(algorithm: Algorithm, members: int, combine: Combine) -> Algorithm:
  """`replicate`, whose predictions are combined.

  Args:
    algorithm: what each member is.
    members: M; `init` takes parameters with a leading axis of M, and an update shares its tasks out to them.
    combine: `mean_probability` of logits, `mean_and_spread` of numbers, `one_normal` of means and log variances. The
      last two give what `losses.gaussian` and `metrics.normal` read.
  """
  several = replicate(algorithm, members)

  def predict(key: Array, state: PyTree, support: Batch, x: PyTree) -> Array:
    return combine(several.predict(key, state, support, x))

  return several._replace(predict=predict)
