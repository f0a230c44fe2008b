"""What does not depend on the parameters that adapt is computed once, and not once for each inner step.

With a head that adapts on a frozen trunk, features of the support set are the same in every step. A compiler moves
their computation out of the loop, but not their gradient: differentiated, a loop of five steps goes back through the
trunk five times. Split by what the loss reads, it goes back once, with the sum.
"""

from collections.abc import Callable

import jax
from jax.extend.core import ClosedJaxpr, Literal, jaxpr_as_fun

from mtl_jax.types import PyTree


def hoisted(f: Callable[..., PyTree], *like: PyTree) -> Callable[..., PyTree]:
  """f, with everything in it that does not depend on its arguments computed here and now.

  What f closes over may be traced: gradients flow through what is computed here. A nested jit or a loop
  is taken as a whole: it moves if nothing in it depends on the arguments.

  Args:
    f: f(*args) -> any pytree; pure.
    like: arguments of the shapes and types that it will be called with.

  Returns: the same function of the same arguments.
  """
  closed, out = jax.make_jaxpr(f, return_shape=True)(*like)
  jaxpr = closed.jaxpr
  varying, before, after = set(jaxpr.invars), [], []
  for equation in jaxpr.eqns:
    varies = bool(equation.effects) or any(not isinstance(v, Literal) and v in varying for v in equation.invars)
    (after if varies else before).append(equation)
    varying |= set(equation.outvars) if varies else set()
  read = [v for equation in after for v in equation.invars] + jaxpr.outvars
  kept = list(dict.fromkeys(v for v in read if not isinstance(v, Literal) and v not in varying))
  info = jaxpr.debug_info._replace(arg_names=None, result_paths=None)
  first = jaxpr.replace(invars=[], outvars=kept, eqns=before, debug_info=info)
  then = jaxpr.replace(constvars=kept, eqns=after)
  fixed = jaxpr_as_fun(ClosedJaxpr(first, closed.consts))()
  rest = jaxpr_as_fun(ClosedJaxpr(then, fixed))

  def g(*args: PyTree) -> PyTree:
    return jax.tree.unflatten(jax.tree.structure(out), rest(*jax.tree.leaves(args)))

  return g
