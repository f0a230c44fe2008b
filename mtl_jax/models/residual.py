"""An embedding that starts as the identity: what is learned from few tasks may only change it a little."""

import flax.linen as nn
import jax.numpy as jnp

from mtl_jax.models.context import conditioned, context_of
from mtl_jax.models.product import Dense
from mtl_jax.types import Array


class Residual(nn.Module):
  """f(x) = gain * x + g(x), with gain = 1 and g = 0 at the start; g has one hidden layer.

  `model.apply(params, x[n, ...]) -> [n, inputs]`, or [n, outputs] through a dense "head"; trailing axes of
  x are flattened. In front of prototypes or of a ridge it starts as nearest centroid or ridge on x
  itself. A block that starts as the identity: T. Bachlechner et al., "ReZero is all you need", UAI 2021;
  here the last layer of g starts at zero, and not a factor before it.

  Attributes:
    hidden: width of g's layer; 0 leaves g out, and a weight for each input is all that is learned.
    soft_unit: divides f by sqrt(mean f^2 + radius), with radius = 1 at the start: what is far from the
      origin keeps its direction alone, what is near it (a root mean square below 1, for whitened x
      what noise explains) keeps its length too.
    outputs: None leaves the head out.
    context: numbers that adapt and condition gain * x + g(x) (models/context.py), and not the layer of g, of which
      nothing is felt while g is 0; 0 leaves them out.
  """

  hidden: int = 0
  soft_unit: bool = False
  outputs: int | None = None
  context: int = 0

  @nn.compact
  def __call__(self, x: Array) -> Array:
    x = jnp.reshape(x, (x.shape[0], -1))
    width = x.shape[-1]
    f = x * self.param("gain", nn.initializers.ones, (width,))[None]
    if self.hidden:
      g = nn.LayerNorm(use_fast_variance=False, name="norm")(Dense(self.hidden, name="dense")(x))
      f += Dense(width, kernel_init=nn.initializers.zeros, name="added")(nn.relu(g))
    f = conditioned(f, context_of(self, self.context), "film")
    if self.soft_unit:
      radius = jnp.exp(self.param("log_radius", nn.initializers.zeros, ()))
      f /= jnp.sqrt(jnp.mean(jnp.square(f), axis=1, keepdims=True) + radius)
    return f if self.outputs is None else Dense(self.outputs, name="head")(f)
