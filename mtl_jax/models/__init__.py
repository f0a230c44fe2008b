"""Networks in Flax Linen: `model.init(key, x)`, `model.apply(params, x[n, ...]) -> [n, ...]`."""

from mtl_jax.models.conv import Conv1D, Conv2D, PatchConv, conv4
from mtl_jax.models.mlp import MLP
from mtl_jax.models.residual import Residual

__all__ = ["MLP", "Conv1D", "Conv2D", "PatchConv", "Residual", "conv4"]
