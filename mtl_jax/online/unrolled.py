"""Learns what a learner on a stream starts with, by going back through its updates.

  min over theta_0 of E[ loss of its predictions after it has learned a stretch of history from theta_0 on ]

That is MAML (C. Finn, P. Abbeel, S. Levine, ICML 2017, eq. 1) with the learner's own update, gate and memory for the
inner loop, so that what is learned before the stream is learned for what is done on it.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import hide_masked, task_gradient
from mtl_jax.types import Algorithm, Array, Batch, Episode, ExampleLoss, Metrics, OnlineLearner, PyTree


class UnrolledState(NamedTuple):
  """The state of `unrolled`.

  Attributes:
    initial: what the learner's `init` takes.
    opt_state: the outer optimiser's.
  """

  initial: Any
  opt_state: optax.OptState


def unrolled(
  learner: OnlineLearner,
  loss: ExampleLoss,
  *,
  outer: optax.GradientTransformation,
  at_once: int = 1,
  chunk: int | None = None,
) -> Algorithm:
  """An algorithm for episodes whose support sets are in the order of time, as `in_order` draws them.

  Args:
    learner: whose state is differentiable in what its `init` takes, such as `gradient`.
    loss: loss(prediction, target) -> [n].
    outer: Optax optimiser.
    at_once: labels of the support set that come at once, a divisor of their number; what a learner does for every so
      many labels it then does at each update, where tasks side by side would make it work at each label.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on the query set, `gradient_norm`.
  """

  def learned(initial: Any, key: Array, support: Batch) -> Any:
    parts = jax.tree.map(lambda leaf: leaf.reshape(-1, at_once, *leaf.shape[1:]), hide_masked(support))
    keys = jax.random.split(key, parts.mask.shape[0])
    return jax.lax.scan(
      lambda state, each: (learner.update(each[0], state, each[1])[0], None), learner.init(initial), (keys, parts)
    )[0]

  def task_loss(initial: Any, key: Array, episode: Episode) -> tuple[Array, Metrics]:
    key, predict_key = jax.random.split(key)
    x, y, mask = hide_masked(episode.query)
    values = loss(learner.predict(predict_key, learned(initial, key, episode.support), x), y)
    value = jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask, dtype=values.dtype), 1.0)
    return value, {"loss": value}

  def init(initial: Any) -> UnrolledState:
    return UnrolledState(*start(outer, initial))

  def update(key: Array, state: UnrolledState, data: Episode) -> tuple[UnrolledState, Metrics]:
    gradient, metrics = task_gradient(task_loss, state.initial, key, data, chunk)
    initial, opt_state = step(outer, gradient, state.opt_state, state.initial)
    return UnrolledState(initial, opt_state), metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: UnrolledState, support: Batch, x: PyTree) -> Array:
    key, predict_key = jax.random.split(key)
    return learner.predict(predict_key, learned(state.initial, key, support), x)

  return Algorithm(init, update, predict)
