"""Attentive neural processes, deterministic path: each question takes from the labelled examples what is near it.

  r_i = h(x_i, y_i) for each labelled example
  r*  = sum_i w_i(x*) r_i,  w(x*) = softmax over i of k(x*) . k(x_i) / sqrt(d), in each head
  prediction at x* = g(x*, r*)

H. Kim, A. Mnih, J. Schwarz, M. Garnelo, A. Eslami, D. Rosenbaum, O. Vinyals, Y. W. Teh, "Attentive neural processes",
ICLR 2019, section 3. Where `cnp` averages the examples and, the paper finds, underfits, this attends to them; without
the latent path and the self-attention of the paper, for samples of whole curves and a deeper encoder. h ends in a
linear layer and g begins with one, which stand for the values' and the output's projections of multi-head attention.
"""

from collections.abc import Callable

import optax

from mtl_jax.attention import attention
from mtl_jax.meta.cnp import Decode, Encode
from mtl_jax.meta.in_context import in_context
from mtl_jax.types import Algorithm, Array, Batch, ExampleLoss, PyTree

Embed = Callable[[PyTree, PyTree], Array]
"""k: embed(params, x[n, ...]) -> [n, heads, d], of questions and of labelled examples alike"""


def anp(
  encode: Encode,
  embed: Embed,
  decode: Decode,
  loss: ExampleLoss,
  *,
  outer: optax.GradientTransformation,
  chunk: int | None = None,
) -> Algorithm:
  """Attentive neural processes.

  Without any labelled example r* is 0: the answer is g(x*, 0), whatever training made of it.

  Args:
    encode: h, encode(params, x[n, ...], y[n, ...]) -> [n, d]; the number of heads divides d.
    embed: k, embed(params, x[n, ...]) -> [n, heads, width].
    decode: g, decode(params, x[n, ...], r[n, d]) -> prediction[n, ...].
    loss: loss(prediction, target) -> [n]; a negative log-likelihood in the paper.
    outer: Optax optimiser.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on the query set, `gradient_norm`.
  """

  def answer(params: PyTree, support: Batch, x: PyTree) -> Array:
    asked, known = embed(params, x), embed(params, support.x)
    r = encode(params, support.x, support.y)
    taken = attention(asked, known, r.reshape(len(r), asked.shape[1], -1), support.mask)
    return decode(params, x, taken.reshape(len(taken), -1))

  return in_context(answer, loss, outer=outer, chunk=chunk)
