"""Conditional neural processes: a task is the mean of its encoded examples, and a forecast is one pass from there.

  r_i = h(x_i, y_i) for each labelled example                                  (eq. 1)
  r   = r_1 + ... + r_n, here as the paper's experiments take it: their mean    (eq. 2)
  prediction at x* = g(x*, r)                                                  (eq. 3)

M. Garnelo, D. Rosenbaum, C. J. Maddison, T. Ramalho, D. Saxton, M. Shanahan, Y. W. Teh, D. J. Rezende,
S. M. A. Eslami, "Conditional neural processes", ICML 2018. Nothing is fitted on a new product: adaptation is an
average, so that it takes no step and no learning rate, and the order of the examples cannot matter.
"""

from collections.abc import Callable

import jax.numpy as jnp
import optax

from mtl_jax.meta.in_context import in_context
from mtl_jax.types import Algorithm, Array, Batch, ExampleLoss, PyTree

Encode = Callable[[PyTree, PyTree, Array], Array]
"""h: encode(params, x[n, ...], y[n, ...]) -> [n, d]"""
Decode = Callable[[PyTree, PyTree, Array], Array]
"""g: decode(params, x[n, ...], r[d]) -> prediction[n, ...]; for `anp` r[n, d]"""


def aggregate(encoded: Array, mask: Array) -> Array:
  """(n, d), (n,) bool -> (d,) the mean of the examples that the mask keeps; 0 where it keeps none."""
  kept = jnp.where(mask[:, None], encoded, jnp.zeros((), encoded.dtype))
  return jnp.sum(kept, axis=0) / jnp.maximum(jnp.sum(mask, dtype=encoded.dtype), 1.0)


def cnp(
  encode: Encode,
  decode: Decode,
  loss: ExampleLoss,
  *,
  outer: optax.GradientTransformation,
  chunk: int | None = None,
) -> Algorithm:
  """Conditional neural processes.

  Without any labelled example r is 0: the answer is g(x*, 0), whatever training made of it.

  Args:
    encode: h, encode(params, x[n, ...], y[n, ...]) -> [n, d].
    decode: g, decode(params, x[n, ...], r[d]) -> prediction[n, ...].
    loss: loss(prediction, target) -> [n]; a negative log-likelihood in the paper.
    outer: Optax optimiser.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on the query set, `gradient_norm`.
  """

  def answer(params: PyTree, support: Batch, x: PyTree) -> Array:
    return decode(params, x, aggregate(encode(params, support.x, support.y), support.mask))

  return in_context(answer, loss, outer=outer, chunk=chunk)
