"""Reptile: move the initial parameters towards where each task's training takes them.

  phi = k steps of the inner optimiser from theta on minibatches of one task
  theta <- theta - outer(mean over tasks of (theta - phi))

A. Nichol, J. Achiam, J. Schulman, "On first-order meta-learning algorithms", 2018,
algorithm 2 (the batched form), or algorithm 1 with `serial=True`: one task after another, each
from where the last one led. With `outer = optax.sgd(e)` a step is theta + e mean(phi - theta).
Different minibatches in the k steps are what makes it more than joint training (section 5.1).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.meta.inner_loop import inner_loop
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import join, masked_loss, task_mean, weighted_sum
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree


class ReptileState(NamedTuple):
  """The state of `reptile`.

  Attributes:
    params: theta.
    opt_state: the outer optimiser's state.
    inner_state: the inner optimiser's, where it goes on from task to task.
  """

  params: PyTree
  opt_state: optax.OptState
  inner_state: optax.OptState | None = None


def _as(mean: Array, leaf: Array) -> Array:
  """A mean in the type of the leaf; the mean of equal counts is a count."""
  return (jnp.round(mean) if jnp.issubdtype(leaf.dtype, jnp.integer) else mean).astype(leaf.dtype)


def reptile(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  batch_size: int | None = None,
  predict_steps: int | None = None,
  serial: bool = False,
  keep_inner_state: bool = False,
  chunk: int | None = None,
) -> Algorithm:
  """Reptile, batched or serial.

  Args:
    apply: apply(params, x[n, ...]) -> prediction[n, ...].
    loss: loss(prediction, target) -> [n].
    inner: Optax optimiser of the inner loop.
    inner_steps: k, in training, on support and query examples together.
    outer: Optax optimiser that is handed theta - phi as its gradient.
    batch_size: examples drawn without replacement for each inner step; None: all.
    predict_steps: steps on the support set when predicting; None: `inner_steps`.
    serial: an outer step for each task of an update, in turn, and not one for their mean.
    keep_inner_state: the inner optimiser's state goes on from update to update, as the mean over tasks, and into
      predictions: what the authors' code does, but for the mean. Otherwise it starts anew for each task.
    chunk: tasks at once, where not serial; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss`, the loss of the last inner step; `support_loss`, of the
    first; `gradient_norm` of mean(theta - phi), or where serial the mean norm of theta - phi.

  Raises:
    ValueError: inner_steps < 1; and see `inner_loop`.
  """
  if inner_steps < 1:
    raise ValueError(f"inner_steps={inner_steps}: without an inner step Reptile has nowhere to move to")
  objective = masked_loss(apply, loss)

  def minibatch_loss(params: PyTree, batch: Batch, key: Array) -> tuple[Array, None]:
    if batch_size is not None:
      # Examples that are there come first: a minibatch is short only where the task is.
      order = jnp.where(batch.mask, jax.random.uniform(key, batch.mask.shape), -1.0)
      _, chosen = jax.lax.top_k(order, min(batch_size, batch.mask.shape[0]))
      batch = jax.tree.map(lambda leaf: leaf[chosen], batch)
    return objective(params, batch, key)[0], None

  train = inner_loop(minibatch_loss, inner, inner_steps, first_order=True)
  adapt_to = inner_loop(objective, inner, inner_steps if predict_steps is None else predict_steps, first_order=True)

  def init(params: PyTree) -> ReptileState:
    params, opt_state = start(outer, params)
    return ReptileState(params, opt_state, inner.init(params) if keep_inner_state else None)

  def batched(key: Array, state: ReptileState, data: Episode) -> tuple[ReptileState, Metrics]:
    def displacement(shared: tuple[PyTree, PyTree], key: Array, episode: Episode) -> tuple[PyTree, Metrics, PyTree]:
      params, inner_state = shared
      adapted = train(params, join(episode.support, episode.query), key, opt_state=inner_state)
      moved = jax.tree.map(jnp.subtract, params, adapted.params)
      metrics = {"loss": adapted.losses[-1], "support_loss": adapted.losses[0]}
      if not keep_inner_state:
        return moved, metrics, None
      return moved, metrics, jax.tree.map(lambda leaf: leaf.astype(jnp.result_type(float)), adapted.opt_state)

    def total(shared, keys, episodes, weights):
      return weighted_sum(jax.vmap(displacement, (None, 0, 0))(shared, keys, episodes), weights)

    shared = state.params, state.inner_state
    gradient, metrics, kept = task_mean(total, key, data, chunk, shared)
    params, opt_state = step(outer, gradient, state.opt_state, state.params)
    kept = jax.tree.map(_as, kept, state.inner_state)
    return ReptileState(params, opt_state, kept), metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def in_turn(key: Array, state: ReptileState, data: Episode) -> tuple[ReptileState, Metrics]:
    alone = jax.tree.map(lambda leaf: leaf[:, None], data)
    keys = jax.random.split(key, jax.tree.leaves(data)[0].shape[0])
    state, metrics = jax.lax.scan(lambda state, inputs: batched(inputs[0], state, inputs[1]), state, (keys, alone))
    return state, jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), metrics)

  def update(key: Array, state: ReptileState, data: Episode) -> tuple[ReptileState, Metrics]:
    return in_turn(key, state, data) if serial else batched(key, state, data)

  def predict(key: Array, state: ReptileState, support: Batch, x: PyTree) -> Array:
    kept = state.inner_state if keep_inner_state else None
    return apply(adapt_to(state.params, support, key, opt_state=kept).params, x)

  return Algorithm(init, update, predict)
