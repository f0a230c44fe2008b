"""MGDA: the shortest vector of the convex hull of the task gradients.

  min |sum_k w_k g_k|^2    over w >= 0, sum w = 1          (eq. 3)

It is zero exactly at a Pareto-stationary point; elsewhere it has the same positive product with every gradient
of its face and a larger one with the others, so that no task loses. O. Sener, V. Koltun, "Multi-task learning
as multi-objective optimization", NeurIPS 2018, after J.-A. Désidéri, "Multiple-gradient descent algorithm (MGDA)
for multiobjective optimization", Comptes Rendus Mathematique 350, 2012. The paper approximates the minimum by
Frank-Wolfe steps; here it is exact.
"""

from mtl_jax.multitask.rows import rows
from mtl_jax.multitask.solvers import min_norm
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator


def mgda() -> Aggregator:
  """The min-norm point; its weights sum to one. A task whose gradient is zero makes the whole step zero."""
  return stateless(lambda key, gram, losses, active: min_norm(rows(gram, active)).value)
