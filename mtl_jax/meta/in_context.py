"""In-context learning: one network reads the labelled examples and the question, and answers in one forward pass.

  min over theta of E_task[ mean over queries of loss(q_theta(x*, support), y*) ]

S. Müller, N. Hollmann, S. Pineda Arango, J. Grabocka, F. Hutter, "Transformers can do Bayesian inference", ICLR 2022:
with a negative log-likelihood q becomes the posterior predictive distribution of the family that was trained on. The
network is anything that reads a support set: `models.InContext` is the transformer of the paper. Nothing is fitted on
a new machine: adaptation takes no step and no learning rate.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import optax

from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import hide_masked, task_gradient
from mtl_jax.types import Algorithm, Array, Batch, Episode, ExampleLoss, Metrics, PyTree

Answer = Callable[[PyTree, Batch, PyTree], Array]
"""apply(params, support, x[n, ...]) -> prediction[n, ...]; what support.mask hides comes as zeros"""
TaskLoss = Callable[[PyTree, Array, Episode], tuple[Array, Metrics]]
"""loss(params, key, episode) -> scalar, metrics"""


class InContextState(NamedTuple):
  """The state of `in_context`, `cnp`, `anp` and others made by `of_loss`.

  Attributes:
    params: theta.
    opt_state: the outer optimiser's state.
  """

  params: PyTree
  opt_state: optax.OptState


def in_context(
  apply: Answer,
  loss: ExampleLoss,
  *,
  outer: optax.GradientTransformation,
  chunk: int | None = None,
) -> Algorithm:
  """Answers from the support set in one pass.

  Args:
    apply: apply(params, support, x[n, ...]) -> prediction[n, ...]; it leaves out what support.mask does not keep.
    loss: loss(prediction, target) -> [n]; a negative log-likelihood in the paper.
    outer: Optax optimiser.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on the query set, `gradient_norm`.
  """

  def task_loss(params: PyTree, key: Array, episode: Episode) -> tuple[Array, Metrics]:
    del key
    value = over_queries(loss, lambda x: apply(params, hide_masked(episode.support), x), episode.query)
    return value, {"loss": value}

  def answer(params: PyTree, key: Array, support: Batch, x: PyTree) -> Array:
    del key
    return apply(params, hide_masked(support), x)

  return of_loss(task_loss, answer, outer=outer, chunk=chunk)


def over_queries(loss: ExampleLoss, answer: Callable[[PyTree], Array], query: Batch) -> Array:
  """() the mean loss of answer(x[n, ...]) over the queries that the mask keeps; 0 where it keeps none."""
  x, y, mask = hide_masked(query)
  values = loss(answer(x), y)
  return jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask, dtype=values.dtype), 1.0)


def of_loss(
  task_loss: TaskLoss,
  answer: Callable[[PyTree, Array, Batch, PyTree], Array],
  *,
  outer: optax.GradientTransformation,
  chunk: int | None,
) -> Algorithm:
  """The Algorithm that lowers `task_loss` over tasks and predicts answer(params, key, support, x[n, ...])."""

  def init(params: PyTree) -> InContextState:
    return InContextState(*start(outer, params))

  def update(key: Array, state: InContextState, data: Episode) -> tuple[InContextState, Metrics]:
    gradient, metrics = task_gradient(task_loss, state.params, key, data, chunk)
    params, opt_state = step(outer, gradient, state.opt_state, state.params)
    return InContextState(params, opt_state), metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: InContextState, support: Batch, x: PyTree) -> Array:
    return answer(state.params, key, support, x)

  return Algorithm(init, update, predict)
