"""Networks in Flax Linen: `model.init(key, x)`, `model.apply(params, x[n, ...]) -> [n, ...]`."""

from mtl_jax.models.conv import Conv1D, Conv2D, PatchConv, conv4
from mtl_jax.models.in_context import InContext
from mtl_jax.models.mlp import MLP
from mtl_jax.models.multitask import (
  CGC,
  LTB,
  MTAN,
  PLE,
  CrossStitch,
  DSelectK,
  FiLM,
  LoRA,
  MMoE,
  MultiTask,
  OrdinalHead,
)
from mtl_jax.models.recurrent import GRU
from mtl_jax.models.residual import Residual

__all__ = [
  "CGC",
  "GRU",
  "LTB",
  "MLP",
  "MTAN",
  "PLE",
  "Conv1D",
  "Conv2D",
  "CrossStitch",
  "DSelectK",
  "FiLM",
  "InContext",
  "LoRA",
  "MMoE",
  "MultiTask",
  "OrdinalHead",
  "PatchConv",
  "Residual",
  "conv4",
]
