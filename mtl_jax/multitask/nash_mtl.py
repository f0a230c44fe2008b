"""Nash-MTL and FairGrad: the tasks bargain for the direction.

  Nash-MTL    G alpha = 1 / alpha             d maximises sum_k log(g_k'd) in a ball      (claim 3.1)
  FairGrad    G w = w^(-1/alpha)              d maximises sum_k (g_k'd)^(1-alpha) / (1-alpha) in a ball

A. Navon, A. Shamsian, I. Achituve, H. Maron, K. Kawaguchi, G. Chechik, E. Fetaya, "Multi-task learning as a
bargaining game", ICML 2022. H. Ban, K. Ji, "Fair resource allocation in multi-task learning", ICML 2024.

Both papers approximate the solution, by a sequence of convex programs and by least squares; here it is exact
(newton.py). Nash-MTL's direction has the norm sqrt(K), whatever the gradients; the authors' code clips it to 1.
There is no solution where a convex combination of the gradients vanishes, where the papers stop: the weights are
zero then. A task whose gradient is zero has nothing to bargain for; it leaves the game.
"""

import jax.numpy as jnp

from mtl_jax.multitask.newton import bargain
from mtl_jax.multitask.rows import count, rows
from mtl_jax.multitask.stateless import stateless
from mtl_jax.types import Aggregator, Array


def nash_mtl(max_norm: float | None = None) -> Aggregator:
  """The Nash bargaining solution.

  Args:
    max_norm: the norm to which the direction is scaled down; None: as it is.

  Raises:
    ValueError: if the norm is not positive.
  """
  if max_norm is not None and max_norm <= 0.0:
    raise ValueError(f"nash_mtl: max_norm = {max_norm} is not positive")

  def weights(key: Array, gram: Array, losses: Array, active: Array) -> Array:
    del key, losses
    r = rows(gram, active)
    alpha = bargain(r, 1.0).value
    return alpha if max_norm is None else alpha * jnp.minimum(1.0, max_norm / jnp.sqrt(count(r.live, gram.dtype)))

  return stateless(weights)


def fairgrad(alpha: float = 1.0) -> Aggregator:
  """The alpha-fair direction.

  Args:
    alpha: 1 is Nash-MTL; larger favours the tasks that gain least.

  Raises:
    ValueError: if alpha is not positive.
  """
  if alpha <= 0.0:
    raise ValueError(f"fairgrad: alpha = {alpha} is not positive")
  return stateless(lambda key, gram, losses, active: bargain(rows(gram, active), 1.0 / alpha).value)
