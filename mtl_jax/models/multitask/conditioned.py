"""One network that each task adjusts with a few parameters of its own: FiLM and LoRA."""

import flax.linen as nn
import numpy as np

from mtl_jax.models.multitask.parallel import HE, Parallel
from mtl_jax.types import Array


class FiLM(nn.Module):
  """relu(gamma_k * (W x + b) + beta_k) in each layer: W and b are shared, the scale and shift are task k's.

  E. Perez et al., "FiLM: visual reasoning with a general conditioning layer", AAAI 2018, conditioned on the task,
  whose gamma and beta are parameters and not the output of a network. Starts as the shared network: gamma 1, beta 0.

  Attributes:
    features: widths of the layers.

  A path of `MultiTask`.
  """

  features: tuple[int, ...]

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    x, rows = z[None], np.asarray(tasks)
    for layer, width in enumerate(self.features):
      gamma = self.param(f"gamma_{layer}", nn.initializers.ones, (of, width))[rows][:, None]
      beta = self.param(f"beta_{layer}", nn.initializers.zeros, (of, width))[rows][:, None]
      # In the first layer x has one row, which all tasks read: W z is computed once.
      x = nn.relu(gamma * nn.Dense(width, kernel_init=HE, name=f"dense_{layer}")(x) + beta)
    return x


class LoRA(nn.Module):
  """relu(W x + b + B_k A_k x) in each layer: W and b are shared, B_k A_k has rank r and is task k's.

  E. J. Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022 (2021 on arXiv), with alpha = r.
  A starts random and B at 0: it starts as the shared network. Here W is trained along with them; to freeze it, mask
  the optimiser.

  Attributes:
    features: widths of the layers.
    rank: r.

  A path of `MultiTask`.
  """

  features: tuple[int, ...]
  rank: int

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    x = z
    for layer, width in enumerate(self.features):
      a = Parallel(of, self.rank, use_bias=False, name=f"a_{layer}")
      b = Parallel(of, width, use_bias=False, kernel_init=nn.initializers.zeros, name=f"b_{layer}")
      shared = nn.Dense(width, kernel_init=HE, name=f"dense_{layer}")(x)
      x = nn.relu((shared[None] if shared.ndim == 2 else shared) + b(a(x, tasks), tasks))
    return x
