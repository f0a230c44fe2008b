"""A transformer that reads labelled examples and questions as one sequence of tokens, for `mtl_jax.in_context`."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtl_jax.attention import attention
from mtl_jax.types import Array, Batch


class InContext(nn.Module):
  """Labelled examples attend to each other, questions to labelled examples alone; a dense "head" reads the questions.

  `model.apply(params, support, x[n, ...]) -> [n, outputs]`; trailing axes of x and of y are flattened. A token is the
  sum of two linear maps, of x and of y, and a question has x alone; there is no position, so the order of the
  examples cannot matter, and no question sees another. S. Müller et al., "Transformers can do Bayesian inference",
  ICLR 2022; of tables: N. Hollmann et al., "TabPFN", ICLR 2023. LayerNorm stands before each attention and
  each perceptron (R. Xiong et al., "On layer normalization in the transformer architecture", ICML 2020).

  Attributes:
    outputs: classes where y are integers, which are then read one-hot; else numbers predicted.
    width: of a token; `heads` divides it.
    layers: attention and perceptron, each added to what it read.
    heads: of attention.
  """

  outputs: int
  width: int = 64
  layers: int = 3
  heads: int = 4

  @nn.compact
  def __call__(self, support: Batch, x: Array) -> Array:
    known, (_, y, mask) = len(support.mask), support
    if jnp.issubdtype(y.dtype, jnp.integer):
      y = jax.nn.one_hot(y, self.outputs, dtype=x.dtype)
    both = jnp.concatenate([support.x, x]).reshape(known + len(x), -1)
    tokens = nn.Dense(self.width, name="x")(both)
    tokens = tokens.at[:known].add(nn.Dense(self.width, name="y")(y.reshape(known, -1)))
    each = (self.heads, self.width // self.heads)
    for layer in range(self.layers):
      read = nn.LayerNorm(use_fast_variance=False, name=f"norm_{layer}")(tokens)
      query = nn.DenseGeneral(each, name=f"query_{layer}")(read)
      key, value = (nn.DenseGeneral(each, name=f"{name}_{layer}")(read[:known]) for name in ("key", "value"))
      found = attention(query, key, value, mask).reshape(len(tokens), -1)
      tokens += nn.Dense(self.width, name=f"out_{layer}")(found)
      read = nn.LayerNorm(use_fast_variance=False, name=f"norm_dense_{layer}")(tokens)
      hidden = nn.gelu(nn.Dense(2 * self.width, name=f"dense_{layer}")(read))
      tokens += nn.Dense(self.width, name=f"added_{layer}")(hidden)
    asked = nn.LayerNorm(use_fast_variance=False, name="norm")(tokens[known:])
    return nn.Dense(self.outputs, name="head")(asked)
