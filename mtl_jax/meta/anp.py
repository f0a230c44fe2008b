"""Attentive neural processes: each question takes from the labelled examples what is near it.

  r_i = h(x_i, y_i) for each labelled example
  r*  = sum_i w_i(x*) r_i,  w(x*) = softmax over i of k(x*) . k(x_i) / sqrt(d), in each head
  prediction at x* = g(x*, r*)

and with the latent path, which makes the answers of a task one curve drawn from many,

  s = mean of s_i = s(x_i, y_i),  q(z | s) a normal distribution with the mean and deviation that a network gives of s
  prediction at x* = g(x*, r*, z)
  min of -E log p(y* | x*, r*, z) + KL(q(z | s of labels and queries) || q(z | s of labels)) / queries   (eq. 3)

with z drawn once from q(z | s of labels and queries).

H. Kim, A. Mnih, J. Schwarz, M. Garnelo, A. Eslami, D. Rosenbaum, O. Vinyals, Y. W. Teh, "Attentive neural processes",
ICLR 2019, section 3; the bound is that of M. Garnelo et al., "Neural processes", 2018, on the queries alone. Where
`cnp` averages the examples and, the paper finds, underfits, this attends to them; without the paper's self-attention,
for a deeper encoder. h ends in a linear layer and g begins with one, which stand for the values' and the output's
projections of multi-head attention.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.attention import attention
from mtl_jax.meta.cnp import Decode, Encode, aggregate
from mtl_jax.meta.in_context import in_context, of_loss, over_queries
from mtl_jax.meta.task_map import hide_masked
from mtl_jax.types import Algorithm, Array, Batch, Episode, ExampleLoss, Metrics, PyTree

Embed = Callable[[PyTree, PyTree], Array]
"""k: embed(params, x[n, ...]) -> [n, heads, d], of questions and of labelled examples alike"""


class Latent(NamedTuple):
  """The latent path of `anp`.

  Attributes:
    describe: s, describe(params, x[n, ...], y[n, ...]) -> [n, d].
    infer: infer(params, s[d]) -> the mean [w] and the deviation [w] of z.
    draw: predict draws z with its key, one curve for each, instead of taking its mean.
  """

  describe: Encode
  infer: Callable[[PyTree, Array], tuple[Array, Array]]
  draw: bool = False


def divergence(of: tuple[Array, Array], other: tuple[Array, Array]) -> Array:
  """() KL(of || other) of two normal distributions with independent parts, each mean [w] and deviation [w]."""
  (mean, deviation), (at, width) = of, other
  parts = jnp.log(width / deviation) + (jnp.square(deviation) + jnp.square(mean - at)) / (2.0 * jnp.square(width)) - 0.5
  return jnp.sum(parts)


def anp(
  encode: Encode,
  embed: Embed,
  decode: Decode,
  loss: ExampleLoss,
  *,
  outer: optax.GradientTransformation,
  latent: Latent | None = None,
  chunk: int | None = None,
) -> Algorithm:
  """Attentive neural processes.

  Without any labelled example r* and s are 0: the answer is g(x*, 0), whatever training made of it.

  Args:
    encode: h, encode(params, x[n, ...], y[n, ...]) -> [n, d]; the number of heads divides d.
    embed: k, embed(params, x[n, ...]) -> [n, heads, width].
    decode: g, decode(params, x[n, ...], r[n, d]) -> prediction[n, ...]; with a latent path r is [n, d + w], z last.
    loss: loss(prediction, target) -> [n]; a negative log-likelihood in the paper.
    outer: Optax optimiser.
    latent: None: the deterministic path alone.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on the queries, `gradient_norm`; with a latent path `divergence`, the KL per query.
  """

  def attended(params: PyTree, support: Batch, x: PyTree) -> Array:
    asked, known = embed(params, x), embed(params, support.x)
    r = encode(params, support.x, support.y)
    taken = attention(asked, known, r.reshape(len(r), asked.shape[1], -1), support.mask)
    return taken.reshape(len(taken), -1)

  def deterministic(params: PyTree, support: Batch, x: PyTree) -> Array:
    return decode(params, x, attended(params, support, x))

  if latent is None:
    return in_context(deterministic, loss, outer=outer, chunk=chunk)
  path = latent

  def posterior(params: PyTree, labelled: Batch) -> tuple[Array, Array]:
    return path.infer(params, aggregate(path.describe(params, labelled.x, labelled.y), labelled.mask))

  def given(params: PyTree, support: Batch, x: PyTree, z: Array) -> Array:
    r = attended(params, support, x)
    return decode(params, x, jnp.concatenate([r, jnp.broadcast_to(z[None], (len(r), len(z)))], axis=1))

  def drawn(key: Array, q: tuple[Array, Array]) -> Array:
    return q[0] + q[1] * jax.random.normal(key, q[0].shape, q[0].dtype)

  def task_loss(params: PyTree, key: Array, episode: Episode) -> tuple[Array, Metrics]:
    support, query = hide_masked(episode.support), hide_masked(episode.query)
    prior = posterior(params, support)
    both = posterior(params, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), support, query))
    z = drawn(key, both)
    value = over_queries(loss, lambda x: given(params, support, x, z), query)
    apart = divergence(both, prior) / jnp.maximum(jnp.sum(query.mask, dtype=value.dtype), 1.0)
    return value + apart, {"loss": value, "divergence": apart}

  def answer(params: PyTree, key: Array, support: Batch, x: PyTree) -> Array:
    support = hide_masked(support)
    q = posterior(params, support)
    return given(params, support, x, drawn(key, q) if path.draw else q[0])

  return of_loss(task_loss, answer, outer=outer, chunk=chunk)
