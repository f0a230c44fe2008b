"""A recurrent network over what sensors say one moment after another."""

import flax.linen as nn
import jax.numpy as jnp

from mtl_jax.models.context import conditioned, context_of
from mtl_jax.models.product import Dense
from mtl_jax.types import Array


class GRU(nn.Module):
  """Gated recurrent units over frames of a sequence, dense "head" on the last state.

  `model.apply(params, x[n, samples, channels]) -> [n, outputs]`. K. Cho et al., "Learning phrase representations using
  RNN encoder-decoder for statistical machine translation", EMNLP 2014, section 2.3. Like every network here it may be
  differentiated twice, through time and through inner steps.

  Attributes:
    width: of the state.
    frame: samples that are read at once; what is left over at the end is not read.
    context: numbers that adapt and condition the last state (models/context.py); 0 leaves them out.

  Raises (when called): ValueError if a sequence is shorter than a frame.
  """

  outputs: int
  width: int = 32
  frame: int = 1
  context: int = 0

  @nn.compact
  def __call__(self, x: Array) -> Array:
    moments = x.shape[1] // self.frame
    if moments < 1:
      raise ValueError(f"x{x.shape} has no frame of {self.frame} samples")
    x = jnp.reshape(x[:, : moments * self.frame], (x.shape[0], moments, -1))
    start = jnp.zeros((x.shape[0], self.width), x.dtype)  # Linen's own is float32, whatever x is
    states = jnp.asarray(nn.RNN(nn.GRUCell(self.width), name="gru")(x, initial_carry=start))
    last = conditioned(states[:, -1], context_of(self, self.context), "film")
    return Dense(self.outputs, name="head")(last)
