"""A look at what each task takes of what is shared."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from mtl_jax.models.multitask.cross_stitch import CrossStitch
from mtl_jax.models.multitask.ltb import LTB
from mtl_jax.models.multitask.mixture import DSelectK, MMoE
from mtl_jax.models.multitask.model import MultiTask
from mtl_jax.models.multitask.mtan import MTAN
from mtl_jax.models.multitask.ple import CGC, PLE
from mtl_jax.types import Array, PyTree

GATED = (MMoE, DSelectK, CGC, PLE, CrossStitch, LTB, MTAN)
"""The paths that have gates."""


def gates(model: MultiTask, params: PyTree, x: Mapping[str, Any]) -> list[Array]:
  """The gates of `model.paths` on {source: x[n, ...]}, averaged over examples: for each level (tasks, columns).

  Rows are `model.tasks()`, those of the sources asked for. Columns are experts of `MMoE`, `DSelectK`, `CGC` and `PLE`
  (every task's own in turn, then the shared ones), networks of `CrossStitch`, nodes of `LTB`, features of `MTAN`.

  Raises: ValueError if the model's paths have no gates.
  """
  levels = []
  for source in model.heads:
    if source in x:
      state: Any = model.apply(params, {source: x[source]}, mutable="intermediates")[1]
      found = state.get("intermediates", {}).get("paths", {})
      if "gates" not in found:
        raise ValueError(f"{type(model.paths).__name__} has no gates")
      levels.append([jnp.mean(level, axis=1) for level in found["gates"]])
  return [jnp.concatenate(level) for level in zip(*levels, strict=True)]
