"""MAML: initial parameters from which a few gradient steps on a new task go far.

  theta' = theta - a * grad L_support(theta)          (inner loop, `inner_steps` times)
  theta <- theta - outer(grad_theta sum_T L_query(theta'))

C. Finn, P. Abbeel, S. Levine, "Model-agnostic meta-learning for fast adaptation of deep
networks", ICML 2017, algorithm 2, eq. 1. `first_order=True` is its FOMAML (section 5.2).
`learned_rates="parameter"` is Meta-SGD (Z. Li, F. Zhou, F. Chen, H. Li, 2017, eq. 2-3):
a rate for every parameter, learned with theta.
"""

from typing import Literal, NamedTuple

import jax
import optax

from mtl_jax.meta.inner_loop import Adapted, Rates, init_rates, inner_loop
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import masked_loss, task_gradient
from mtl_jax.tree import AdaptMask, zeroed
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree


class MAMLState(NamedTuple):
  """The state of `maml` and `anil`.

  Attributes:
    params: theta.
    rates: learned factors on the inner update, or None.
    opt_state: the outer optimiser's state.
  """

  params: PyTree
  rates: Rates | None
  opt_state: optax.OptState


def maml(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  first_order: bool = False,
  adapt: AdaptMask | None = None,
  zero: AdaptMask | None = None,
  learned_rates: Literal["scalar", "leaf", "parameter"] | None = None,
  per_step_rates: bool = False,
  rematerialise: bool = False,
  clip: float | None = None,
  chunk: int | None = None,
) -> Algorithm:
  """Model-agnostic meta-learning.

  Args:
    apply: apply(params, x[n, ...]) -> prediction[n, ...].
    loss: loss(prediction, target) -> [n].
    inner: Optax optimiser of the inner loop.
    inner_steps: gradient steps on the support set.
    outer: Optax optimiser of theta, and of the rates where they are learned.
    first_order: ignore second derivatives.
    adapt: which leaves the inner loop changes; None: all.
    zero: which leaves are 0 at the start of each task and not learned; None: none.
    learned_rates: learn a factor on the inner update, from 1: one in all, per leaf, per
      parameter.
    per_step_rates: a learned rate of its own for each inner step.
    rematerialise: trade time for memory in the backward pass.
    clip: limit on the inner gradient's global norm.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss`, the query loss after adaptation; `support_loss`, the
    support loss before it; `gradient_norm` of the meta-gradient.

  Raises:
    ValueError: `per_step_rates` without `learned_rates`; and see `inner_loop`.
  """
  if per_step_rates and learned_rates is None:
    raise ValueError('per_step_rates says how rates are learned: choose learned_rates="scalar", for example')
  objective = masked_loss(apply, loss)
  from_start = inner_loop(
    objective,
    inner,
    inner_steps,
    adapt=adapt,
    first_order=first_order,
    rematerialise=rematerialise,
    clip=clip,
    per_step_rates=per_step_rates,
  )

  def adapt_to(params: PyTree, support: Batch, key: Array, rates: Rates | None) -> Adapted:
    return from_start(params if zero is None else zeroed(params, zero), support, key, rates)

  def init(params: PyTree) -> MAMLState:
    params, rates = params if zero is None else zeroed(params, zero), None
    if learned_rates is not None:
      rates = init_rates(params, per=learned_rates, steps=inner_steps if per_step_rates else None)
    (params, rates), opt_state = start(outer, (params, rates))
    return MAMLState(params, rates, opt_state)

  def task_loss(meta: tuple[PyTree, Rates | None], key: Array, episode: Episode) -> tuple[Array, Metrics]:
    support_key, query_key = jax.random.split(key)
    adapted = adapt_to(meta[0], episode.support, support_key, meta[1])
    value, _ = objective(adapted.params, episode.query, query_key)
    before = {"support_loss": adapted.losses[0]} if inner_steps else {}
    return value, {"loss": value, **before}

  def update(key: Array, state: MAMLState, data: Episode) -> tuple[MAMLState, Metrics]:
    meta = (state.params, state.rates)
    gradient, metrics = task_gradient(task_loss, meta, key, data, chunk)
    (params, rates), opt_state = step(outer, gradient, state.opt_state, meta)
    return MAMLState(params, rates, opt_state), metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: MAMLState, support: Batch, x: PyTree) -> Array:
    return apply(adapt_to(state.params, support, key, state.rates).params, x)

  return Algorithm(init, update, predict)
