"""Cross-stitch networks: a network for each task, whose activations are mixed after every layer."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from mtl_jax.models.multitask.parallel import Networks
from mtl_jax.types import Array


def _mostly_own(key: Array, shape: tuple[int, int], dtype=jnp.float32) -> Array:
  """0.9 of a task's own activations and the rest in equal parts of the others', which sum to one."""
  del key
  of = shape[0]
  mix = np.full(shape, 0.1 / max(of - 1, 1))
  np.fill_diagonal(mix, 0.9 if of > 1 else 1.0)
  return jnp.asarray(mix, dtype)


class CrossStitch(nn.Module):
  """x_k <- sum_j alpha_kj x_j after each layer of K networks; alpha (K, K) is learned, one for each layer.

  I. Misra et al., "Cross-stitch networks for multi-task learning", CVPR 2016. There two networks see one image. Here,
  with several sources, all K networks read each source, since each may contribute to its tasks: K networks for a
  source, whichever of its tasks are asked for.

  Attributes:
    features: widths of each network's layers.

  A path of `MultiTask`. Sows "gates", the rows of alpha, (tasks, 1, K) for each layer.
  """

  features: tuple[int, ...]

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    x, rows = z, np.asarray(tasks)
    for layer, width in enumerate(self.features):
      x = Networks(of, (width,), name=f"layer_{layer}")(x)
      alpha = self.param(f"alpha_{layer}", _mostly_own, (of, of))
      self.sow("intermediates", "gates", alpha[rows][:, None])
      x = jnp.einsum("kj,jnd->knd", alpha[rows] if layer == len(self.features) - 1 else alpha, x)
    return x
