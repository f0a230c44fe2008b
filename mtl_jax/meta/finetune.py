"""Fine-tuning: one trunk for all tasks together, then a few steps on the support set.

The control that most meta-learning papers skip: W.-Y. Chen et al., "A closer look at
few-shot classification", ICLR 2019 (Baseline); Y. Tian et al., "Rethinking few-shot image
classification: a good embedding is all you need?", ECCV 2020. With `inner_steps=0` it is
the pooled model without adaptation.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.meta.inner_loop import inner_loop
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import hide_masked, join, masked_loss, task_mean
from mtl_jax.tree import AdaptMask
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree


class FinetuneState(NamedTuple):
  """The state of `finetune`.

  Attributes:
    params: of the shared network.
    opt_state: the outer optimiser's state.
  """

  params: PyTree
  opt_state: optax.OptState


def finetune(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  adapt: AdaptMask | None = None,
  chunk: int | None = None,
) -> Algorithm:
  """Joint training, then fine-tuning of all leaves or of a head.

  Args:
    apply: apply(params, x[n, ...]) -> prediction[n, ...].
    loss: loss(prediction, target) -> [n].
    inner: Optax optimiser of the fine-tuning.
    inner_steps: steps on the support set when predicting.
    outer: Optax optimiser of the joint training.
    adapt: which leaves fine-tuning changes, `tree.named("head")` for the head; None: all.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on support and query examples together; `gradient_norm`.
  """
  adapt_to = inner_loop(masked_loss(apply, loss), inner, inner_steps, adapt=adapt, first_order=True)

  def init(params: PyTree) -> FinetuneState:
    return FinetuneState(*start(outer, params))

  def joint_loss(params: PyTree, episodes: Episode, weights: Array) -> Array:
    # One network for all tasks: their examples as one batch take 0.6 of the time of tasks side by side.
    batch = jax.vmap(join)(episodes.support, episodes.query)
    count = jnp.maximum(jnp.sum(batch.mask, axis=1), 1).astype(weights.dtype)
    share = jnp.repeat(weights / count, batch.mask.shape[1])
    x, y, mask = hide_masked(jax.tree.map(lambda leaf: jnp.reshape(leaf, (-1, *leaf.shape[2:])), batch))
    values = loss(apply(params, x), y)
    return jnp.sum(jnp.where(mask, values * share.astype(values.dtype), 0.0))

  def update(key: Array, state: FinetuneState, data: Episode) -> tuple[FinetuneState, Metrics]:
    def of_chunk(params: PyTree, keys: Array, episodes: Episode, weights: Array) -> tuple[Array, PyTree]:
      del keys
      return jax.value_and_grad(joint_loss)(params, episodes, weights)

    value, gradient = task_mean(of_chunk, key, data, chunk, state.params)
    params, opt_state = step(outer, gradient, state.opt_state, state.params)
    return FinetuneState(params, opt_state), {"loss": value, "gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: FinetuneState, support: Batch, x: PyTree) -> Array:
    return apply(adapt_to(state.params, support, key).params, x)

  return Algorithm(init, update, predict)
