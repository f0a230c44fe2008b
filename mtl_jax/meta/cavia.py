"""CAVIA: only a few context parameters adapt; the network that they condition is shared by all tasks.

  phi_0 = 0,  phi_{i+1} = phi_i - a * grad_phi L_support(phi_i, theta)       (inner loop, `inner_steps` times)
  theta <- theta - outer(grad_theta sum_T L_query(phi_T, theta))

L. Zintgraf, K. Shiarlis, V. Kurin, K. Hofmann, S. Whiteson, "Fast context adaptation via meta-learning", ICML 2019.
phi is zero at the start of each task and not meta-learned: what is kept of a new machine is a handful of numbers.
"""

import optax

from mtl_jax.meta.maml import maml
from mtl_jax.tree import AdaptMask, named
from mtl_jax.types import Algorithm, Apply, ExampleLoss


def cavia(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  context: AdaptMask | None = None,
  first_order: bool = False,
  rematerialise: int = False,
  chunk: int | None = None,
) -> Algorithm:
  """Fast context adaptation; arguments, metrics and errors as `maml`.

  Args:
    context: which leaves are phi; None: those named "context", as a network of `models` with `context=5` has.
  """
  phi = named("context") if context is None else context
  return maml(
    apply,
    loss,
    inner=inner,
    inner_steps=inner_steps,
    outer=outer,
    first_order=first_order,
    rematerialise=rematerialise,
    adapt=phi,
    zero=phi,
    chunk=chunk,
  )
