"""ANIL: MAML whose inner loop changes the head alone.

A. Raghu, M. Raghu, S. Bengio, O. Vinyals, "Rapid learning or feature reuse? Towards
understanding the effectiveness of MAML", ICLR 2020, section 4: almost no inner loop.
"""

import optax

from mtl_jax.meta.maml import maml
from mtl_jax.tree import AdaptMask, named
from mtl_jax.types import Algorithm, Apply, ExampleLoss


def anil(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  head: AdaptMask | None = None,
  first_order: bool = False,
  rematerialise: int = False,
  chunk: int | None = None,
) -> Algorithm:
  """Almost no inner loop; arguments, metrics and errors as `maml`.

  Args:
    head: which leaves adapt; None: those named "head", as this package's models have.
  """
  return maml(
    apply,
    loss,
    inner=inner,
    inner_steps=inner_steps,
    outer=outer,
    first_order=first_order,
    rematerialise=rematerialise,
    adapt=named("head") if head is None else head,
    chunk=chunk,
  )
