"""Which base-stock levels cost least when demand drifts? Products replayed period by period, orders two periods late.

Orders are placed at the beginning of a period, from what was sold before it alone. Everything starts at `cut` with the
stock that the static policy would have, and with the same deliveries on their way. Networks learn before `cut`, from
the other half of the products, and so do trees, which may be fitted anew later. Settings are those that cost least in
the last periods before `cut`, those of `Problem.earlier`, after learning from what came before these.
"""

from mtl_jax.restock.costs import FIXED, over, replayed, scores
from mtl_jax.restock.methods import Method, chosen, methods
from mtl_jax.restock.problem import REPLAYED, SHORT, Problem, load

__all__ = ["FIXED", "REPLAYED", "SHORT", "Method", "Problem", "chosen", "load", "methods", "over", "replayed", "scores"]
