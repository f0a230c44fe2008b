"""A few numbers that adapt to a task and condition a network.

  h -> (1 + G c) h + S c,   with learned G and S; at c = 0, where it starts, the network is the plain one

FiLM, as in L. Zintgraf, K. Shiarlis, V. Kurin, K. Hofmann, S. Whiteson, "Fast context adaptation via meta-learning",
ICML 2019, section 3.3. The leaf c is named "context", which is what `cavia` adapts.
"""

import flax.linen as nn
import jax.numpy as jnp

from mtl_jax.models.product import Dense
from mtl_jax.types import Array

UNIFORM = nn.initializers.variance_scaling(1 / 3, "fan_in", "uniform")
"""+-1/sqrt(inputs) (LeCun et al. 1998, section 4.6, up to a constant)"""


def context_of(module: nn.Module, size: int) -> Array | None:
  """The c [size] of a network, one of its own leaves; None without, at size 0."""
  return module.param("context", nn.initializers.zeros, (size,), jnp.float32) if size else None


def conditioned(h: Array, context: Array | None, name: str) -> Array:
  """h[n, ..., width], conditioned along its last axis; called inside a compact module, which owns G and S as `name`."""
  if context is None:
    return h
  width = h.shape[-1]
  film = Dense(2 * width, use_bias=False, kernel_init=UNIFORM, name=name)(context)
  scale, shift = film.reshape(2, *(1,) * (h.ndim - 1), width)
  return (1.0 + scale) * h + shift
