"""Multi-task networks: `MultiTask` with stems, heads and one of the paths that its tasks take."""

from mtl_jax.models.multitask.conditioned import FiLM, LoRA
from mtl_jax.models.multitask.cross_stitch import CrossStitch
from mtl_jax.models.multitask.gates import GATED, gates
from mtl_jax.models.multitask.heads import OrdinalHead
from mtl_jax.models.multitask.ltb import LTB
from mtl_jax.models.multitask.mixture import DSelectK, MMoE
from mtl_jax.models.multitask.model import MultiTask
from mtl_jax.models.multitask.mtan import MTAN
from mtl_jax.models.multitask.ple import CGC, PLE

__all__ = [
  "CGC",
  "GATED",
  "LTB",
  "MTAN",
  "PLE",
  "CrossStitch",
  "DSelectK",
  "FiLM",
  "LoRA",
  "MMoE",
  "MultiTask",
  "OrdinalHead",
  "gates",
]
