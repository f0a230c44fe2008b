"""Multi-task attention: one shared network, from which each task takes what it attends to."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from mtl_jax.models.multitask.parallel import HE, Parallel
from mtl_jax.types import Array


class MTAN(nn.Module):
  """Masks in (0, 1) on the features of a shared network, learned by each task at each of its blocks.

  S. Liu, E. Johns, A. J. Davison, "End-to-end multi-task learning with attention", CVPR 2019. Kept for vectors: a
  block is two layers, whose features are u and p; task i keeps a_i = h_i(g_i([u, f(a_i of the block before)])) * p,
  with f shared by the tasks and g, h their own; the first block has no f; the shared network never sees the tasks'
  features. Changed: convolutions (1 x 1 in g and h, 3 x 3 in f and the network) are dense layers, there is no pooling,
  and batch normalisation is the standardisation of one example's features in g, and left out elsewhere: in h it would
  hold the mean of each example's mask.

  Attributes:
    features: widths of the blocks.

  A path of `MultiTask`. Sows "gates", the masks, (tasks, n, width) for each block.
  """

  features: tuple[int, ...]

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    p, kept = z, z[None]
    for block, width in enumerate(self.features):

      def dense(name, width=width, block=block):
        return nn.Dense(width, kernel_init=HE, name=f"{name}_{block}")

      u = nn.relu(dense("u")(p))
      p = nn.relu(dense("p")(u))
      seen = u
      if block > 0:
        before = nn.relu(dense("f")(kept))
        seen = jnp.concatenate([jnp.broadcast_to(u[None], (*before.shape[:2], width)), before], axis=-1)
      attended = nn.relu(jax.nn.standardize(Parallel(of, width, name=f"g_{block}")(seen, tasks)))
      mask = nn.sigmoid(Parallel(of, width, name=f"h_{block}")(attended, tasks))
      self.sow("intermediates", "gates", mask)
      kept = mask * p[None]
    return kept
