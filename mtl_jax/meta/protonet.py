"""Prototypical networks: a class is the mean of its embedded support examples.

  c_k = mean over the support examples of class k of f(x)          (eq. 1)
  p(y = k | x) = softmax_k(-|f(x) - c_k|^2)                         (eq. 2)

J. Snell, K. Swersky, R. Zemel, "Prototypical networks for few-shot learning", NeurIPS 2017.
Nothing is fitted on a new machine: adaptation is an average.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import hide_masked, task_gradient
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree

_ABSENT = -1e9  # the logit of a class without a support example


class ProtoNetState(NamedTuple):
  """The state of `protonet`.

  Attributes:
    params: of the embedding f.
    opt_state: the outer optimiser's state.
  """

  params: PyTree
  opt_state: optax.OptState


def protonet(
  apply: Apply,
  loss: ExampleLoss,
  *,
  classes: int,
  outer: optax.GradientTransformation,
  chunk: int | None = None,
) -> Algorithm:
  """Prototypical networks.

  Args:
    apply: the embedding f, apply(params, x[n, ...]) -> [n, d].
    loss: loss(logits[n, classes], label[n]) -> [n], such as `losses.cross_entropy`.
    classes: how many; labels are 0 to classes - 1. A class without a support example is
      never predicted.
    outer: Optax optimiser.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on the query set, `gradient_norm`.
  """

  def logits(params: PyTree, support: Batch, x: PyTree) -> Array:
    x_support, y, mask = hide_masked(support)
    examples, embedded = apply(params, x_support), apply(params, x)
    member = jax.nn.one_hot(jnp.where(mask, y, -1), classes, dtype=examples.dtype)  # (n, classes)
    count = jnp.sum(member, axis=0)[:, None]
    prototype = member.T @ examples / jnp.maximum(count, 1.0)
    # |f - c|^2 without |f|^2, which is the same for every class and drops out of the softmax.
    score = 2.0 * embedded @ prototype.T - jnp.sum(jnp.square(prototype), axis=1)[None, :]
    return jnp.where(count[:, 0][None, :] > 0, score, _ABSENT)

  def init(params: PyTree) -> ProtoNetState:
    return ProtoNetState(*start(outer, params))

  def task_loss(params: PyTree, key: Array, episode: Episode) -> tuple[Array, Metrics]:
    del key
    x, y, mask = hide_masked(episode.query)
    # A query of a class without a support example cannot be right: it does not count.
    known = jnp.zeros((classes,), bool).at[episode.support.y].max(episode.support.mask)[y]
    asked = mask & known
    values = loss(logits(params, episode.support, x), y)
    value = jnp.sum(jnp.where(asked, values, 0.0)) / jnp.maximum(jnp.sum(asked), 1).astype(values.dtype)
    return value, {"loss": value}

  def update(key: Array, state: ProtoNetState, data: Episode) -> tuple[ProtoNetState, Metrics]:
    gradient, metrics = task_gradient(task_loss, state.params, key, data, chunk)
    params, opt_state = step(outer, gradient, state.opt_state, state.params)
    return ProtoNetState(params, opt_state), metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: ProtoNetState, support: Batch, x: PyTree) -> Array:
    del key
    return logits(state.params, support, x)

  return Algorithm(init, update, predict)
