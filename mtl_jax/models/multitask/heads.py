"""Heads with more structure than a dense layer."""

import flax.linen as nn
import jax.numpy as jnp

from mtl_jax.types import Array


class OrdinalHead(nn.Module):
  """h[n, d] -> [n, classes], what `losses.ordinal` takes: a score of h, and thresholds that are the same for all h.

  That the thresholds do not depend on h is what makes the odds proportional (P. McCullagh, "Regression models for
  ordinal data", JRSS B 42 (1980) 109-142). The score has no bias: the first threshold takes its place.

  Raises (when called): ValueError with fewer than two classes.
  """

  classes: int

  @nn.compact
  def __call__(self, h: Array) -> Array:
    if self.classes < 2:
      raise ValueError(f"{self.classes} class: a scale has at least two")
    score = nn.Dense(1, use_bias=False, name="score")(h)
    thresholds = self.param("thresholds", nn.initializers.zeros, (self.classes - 1,))
    return jnp.concatenate([score, jnp.broadcast_to(thresholds[None], (h.shape[0], self.classes - 1))], axis=1)
