"""A line that runs, drifts and gets its labels late."""

from mtl_jax.online.gate import Gate, Rules

__all__ = ["Gate", "Rules"]
