"""Networks of one shape side by side, their parameters stacked: experts, tasks, branches as one batched product."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from mtl_jax.types import Array

HE = nn.initializers.he_normal(in_axis=-2, out_axis=-1, batch_axis=())
_EACH = nn.initializers.he_normal(in_axis=-2, out_axis=-1, batch_axis=(0,))


class Parallel(nn.Module):
  """`count` dense layers: x[n, d], read by all, or x[m, n, d], one for each -> [m, n, width].

  Args (of the call):
    which: the m layers asked for; None asks for all.
  """

  count: int
  width: int
  use_bias: bool = True
  kernel_init: Any = _EACH

  @nn.compact
  def __call__(self, x: Array, which: tuple[int, ...] | None = None) -> Array:
    everyone = which is None or which == tuple(range(self.count))
    chosen = slice(None) if everyone else np.asarray(which)
    kernel = self.param("kernel", self.kernel_init, (self.count, x.shape[-1], self.width))[chosen]
    x = jnp.einsum("nd,mdw->mnw" if x.ndim == 2 else "mnd,mdw->mnw", x, kernel)
    if self.use_bias:
      x = x + self.param("bias", nn.initializers.zeros, (self.count, self.width))[chosen][:, None]
    return x


class Networks(nn.Module):
  """`count` perceptrons, a ReLU after every layer, the last one's too; called as `Parallel` is."""

  count: int
  features: tuple[int, ...]

  @nn.compact
  def __call__(self, x: Array, which: tuple[int, ...] | None = None) -> Array:
    for layer, width in enumerate(self.features):
      x = nn.relu(Parallel(self.count, width, name=f"dense_{layer}")(x, which))
    return x
