"""What stands between a model that was adapted and the line that it is to serve."""

from mtl_jax.gate.gate import Gate, Rules
from mtl_jax.gate.serving import Served, serve_gated

__all__ = ["Gate", "Rules", "Served", "serve_gated"]
