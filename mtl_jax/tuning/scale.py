"""A response on a scale where it is near to normal, learned from the logs of other plants.

I. Yeo, R. A. Johnson, "A new family of power transformations to improve normality or symmetry", Biometrika 87 (2000):
costs and margins have a long tail of bad set-points, which would rule a mean and a deviation. The power is between 0
and 2, where every number has its inverse; 1 changes nothing.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.types import Array


class Scale(NamedTuple):
  """Of one response, each (); or of several, each (m,).

  Attributes:
    centre, width: median and interquartile range, in the response's unit
    power: lambda of Yeo and Johnson, 0 to 2
    mean, deviation: of what that gives
  """

  centre: Array
  width: Array
  power: Array
  mean: Array
  deviation: Array


def scale_of(y: np.ndarray) -> Scale:
  """Of measured responses (n, m), NaN where there is none; the power of the highest likelihood."""
  from scipy.optimize import minimize_scalar  # as in `campaign.sobol`
  from scipy.stats import yeojohnson_llf

  rows = []
  for column in np.asarray(y, float).T:
    known = column[np.isfinite(column)]
    low, centre, high = np.quantile(known, (0.25, 0.5, 0.75))
    width = (high - low) or np.std(known) or 1.0
    one = (known - centre) / width
    found = minimize_scalar(lambda power, one=one: -yeojohnson_llf(power, one), bounds=(0.0, 2.0), method="bounded")
    shaped = np.asarray(_power(jnp.asarray(one, jnp.float32), jnp.asarray(found.x, jnp.float32)))
    rows.append((centre, width, found.x, shaped.mean(), shaped.std() or 1.0))
  return Scale(*(jnp.asarray(each, jnp.float32) for each in np.asarray(rows).T))


def _power(t: Array, power: Array) -> Array:
  """Equation 2.1 of the paper, for 0 <= power <= 2; powers at the ends are moved inside by 1e-3."""
  p = jnp.clip(power, 1e-3, 2.0 - 1e-3)
  above, below = jnp.log1p(jnp.maximum(t, 0.0)), jnp.log1p(jnp.maximum(-t, 0.0))
  return jnp.where(t >= 0, jnp.expm1(p * above) / p, -jnp.expm1((2.0 - p) * below) / (2.0 - p))


@jax.jit
def standardise(scale: Scale, y: Array) -> Array:
  """Physical units (...,) or (..., m) -> mean 0 and deviation 1 over other plants; the order is kept."""
  scale = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, y.shape), scale)
  return (_power((y - scale.centre) / scale.width, scale.power) - scale.mean) / scale.deviation


@jax.jit
def restore(scale: Scale, t: Array) -> Array:
  """The inverse of `standardise`."""
  scale = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, t.shape), scale)
  shaped, p = t * scale.deviation + scale.mean, jnp.clip(scale.power, 1e-3, 2.0 - 1e-3)
  floor = 1e-6  # where float32 has left what the power can reach
  above = jnp.log(jnp.maximum(1.0 + p * jnp.maximum(shaped, 0.0), floor)) / p
  below = jnp.log(jnp.maximum(1.0 + (2.0 - p) * jnp.maximum(-shaped, 0.0), floor)) / (2.0 - p)
  return scale.centre + scale.width * jnp.where(shaped >= 0, jnp.expm1(above), -jnp.expm1(below))
