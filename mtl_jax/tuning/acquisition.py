"""What the next trial is worth at each set-point; larger is better."""

from collections.abc import Callable

import jax.numpy as jnp
from jax.scipy.stats import norm

from mtl_jax.tuning.gp import Belief
from mtl_jax.types import Array

Acquisition = Callable[[Belief, Array], Array]
"""acquisition(belief, best) -> (q,); best () is the highest expected response where a trial was made."""


def expected_improvement(belief: Belief, best: Array) -> Array:
  """E[max(response - best, 0)], averaged over hypotheses (J. Mockus 1975; D. R. Jones et al. 1998, equation 15)."""
  deviation = jnp.sqrt(belief.variance)
  gain = belief.mean - best
  z = gain / deviation
  return belief.weight @ (gain * norm.cdf(z) + deviation * norm.pdf(z))


def upper_bound(width: float = 2.0) -> Acquisition:
  """mean + width * deviation, averaged over hypotheses (N. Srinivas et al., ICML 2010)."""
  return lambda belief, best: belief.weight @ (belief.mean + width * jnp.sqrt(belief.variance))
