"""What stands between a model that was adapted and the line that it is to serve."""

from mtl_jax.gate.gate import Gate, Rules

__all__ = ["Gate", "Rules"]
