"""Scaled dot-product attention to examples of which some may be masked."""

import jax
import jax.numpy as jnp

from mtl_jax.types import Array


def attention(query: Array, key: Array, value: Array, mask: Array) -> Array:
  """(n, heads, d), (m, heads, d), (m, heads, e), (m,) bool -> (n, heads, e): the means of the values, weighted.

  softmax(q k / sqrt(d)) over what the mask keeps; 0 where it keeps nothing. What is masked must be finite and changes
  no bit. A. Vaswani et al., "Attention is all you need", NeurIPS 2017, eq. 1, in each head.
  """
  score = jnp.einsum("nhd,mhd->hnm", query, key) / jnp.sqrt(jnp.asarray(query.shape[-1], query.dtype))
  kept = mask[None, None]
  weight = jax.nn.softmax(jnp.where(kept, score, jnp.finfo(score.dtype).min), axis=-1)
  return jnp.einsum("hnm,mhe->nhe", jnp.where(kept, weight, jnp.zeros((), weight.dtype)), value)
