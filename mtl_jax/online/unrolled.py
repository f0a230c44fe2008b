"""Learns what a learner on a stream starts with, by going back through its updates.

  min over theta_0 of E[ loss of its predictions after it has learned a stretch of history from theta_0 on ]

That is MAML (C. Finn, P. Abbeel, S. Levine, ICML 2017, eq. 1) with the learner's own update, gate and memory for the
inner loop, so that what is learned before the stream is learned for what is done on it.
"""

from typing import Any

import jax
import optax

from mtl_jax.meta.in_context import of_loss, over_queries
from mtl_jax.meta.task_map import hide_masked
from mtl_jax.types import Algorithm, Array, Batch, Episode, ExampleLoss, Metrics, OnlineLearner, PyTree


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
    An Algorithm; the `params` of its state are what the learner's `init` takes. Metrics: `loss` on the queries,
    `gradient_norm`.
  """

  def learned(initial: Any, key: Array, support: Batch) -> Any:
    parts = jax.tree.map(lambda leaf: leaf.reshape(-1, at_once, *leaf.shape[1:]), hide_masked(support))
    keys = jax.random.split(key, parts.mask.shape[0])
    return jax.lax.scan(
      lambda state, each: (learner.update(each[0], state, each[1])[0], None), learner.init(initial), (keys, parts)
    )[0]

  def task_loss(initial: Any, key: Array, episode: Episode) -> tuple[Array, Metrics]:
    value = over_queries(loss, lambda x: answer(initial, key, episode.support, x), episode.query)
    return value, {"loss": value}

  def answer(initial: Any, key: Array, support: Batch, x: PyTree) -> Array:
    key, predict_key = jax.random.split(key)
    return learner.predict(predict_key, learned(initial, key, support), x)

  return of_loss(task_loss, answer, outer=outer, chunk=chunk)
