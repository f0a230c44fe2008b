"""What the next trial is worth at each set-point; larger is better."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.scipy.stats import norm

from mtl_jax.tuning.gp import Belief
from mtl_jax.types import Array

Acquisition = Callable[[Belief, Array, Array], Array]
"""acquisition(belief, best, kept) -> (q,); best () is the highest expected response where a trial was made that keeps
the limits, before any trial the highest of all, minus infinity where none keeps them; kept (q,) the probability that a
set-point keeps all limits."""


def expected_improvement(belief: Belief, best: Array, kept: Array) -> Array:
  """E[max(response - best, 0)], averaged over hypotheses (J. Mockus 1975; D. R. Jones et al. 1998, equation 15), times
  the probability that the limits are kept (J. R. Gardner et al., "Bayesian optimization with inequality constraints",
  ICML 2014); while no trial keeps them, that probability alone (M. A. Gelbart, J. Snoek, R. P. Adams, "Bayesian
  optimization with unknown constraints", UAI 2014, section 3.1)."""
  deviation = jnp.sqrt(belief.variance)
  gain = belief.mean - best
  z = gain / deviation
  return jnp.where(best > -jnp.inf, belief.weight @ (gain * norm.cdf(z) + deviation * norm.pdf(z)), 1.0) * kept


def thompson(belief: Belief, best: Array, kept: Array) -> Array:
  """What one joint draw of the response gains over the best, times the probability that the limits are kept; where it
  gains nothing, what it loses (W. R. Thompson, Biometrika 25 (1933)): `expected_improvement` from a single draw, and
  like it while no trial keeps the limits.

  Raises: ValueError where the surrogate was given no key to draw with.
  """
  if belief.draw is None:
    raise ValueError("thompson needs a surrogate that draws: give gp_surrogate or family_surrogate a key")
  gain = jnp.where(best > -jnp.inf, belief.draw - best, 1.0)
  return jnp.where(gain > 0, gain * kept, gain)


def nearest(target: Array) -> Acquisition:
  """Minus the expected squared distance of the response from a target (), standardised: for runs that all count."""
  return lambda belief, best, kept: -belief.weight @ (jnp.square(belief.mean - target) + belief.variance)


def upper_bound(width: float = 2.0) -> Acquisition:
  """mean + width * deviation, averaged over hypotheses (N. Srinivas et al., ICML 2010); limits are left to `Rules`."""
  return lambda belief, best, kept: belief.weight @ (belief.mean + width * jnp.sqrt(belief.variance))
