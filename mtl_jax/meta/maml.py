"""MAML: initial parameters from which a few gradient steps on a new task go far.

  theta' = theta - a * grad L_support(theta)          (inner loop, `inner_steps` times)
  theta <- theta - outer(grad_theta sum_T L_query(theta'))

C. Finn, P. Abbeel, S. Levine, "Model-agnostic meta-learning for fast adaptation of deep
networks", ICML 2017, algorithm 2, eq. 1. `first_order=True` is its FOMAML (section 5.2).
`learned_rates="parameter"` is Meta-SGD (Z. Li, F. Zhou, F. Chen, H. Li, 2017, eq. 2-3):
a rate for every parameter, learned with theta.

MAML++ (A. Antoniou, H. Edwards, A. Storkey, "How to train your MAML", ICLR 2019, section 4) is
`multi_step_loss`, `second_order_from`, `learned_rates="leaf"` with `per_step_rates`, and
`outer=optax.adam(optax.cosine_decay_schedule(...))`. Its batch statistics per step have no place
here, where no network keeps any.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.meta.inner_loop import Adapted, Rates, init_rates, inner_loop
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.precision import computed_in
from mtl_jax.meta.task_map import masked_loss, task_gradient
from mtl_jax.tree import AdaptMask, zeroed
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree


class MAMLState(NamedTuple):
  """The state of `maml` and `anil`.

  Attributes:
    params: theta.
    rates: learned factors on the inner update, or None.
    opt_state: the outer optimiser's state.
    updates: meta-updates so far, or None where nothing is annealed.
  """

  params: PyTree
  rates: Rates | None
  opt_state: optax.OptState
  updates: Array | None = None  # () int32


def multi_step_weights(count: Array, steps: int, updates: int) -> Array:
  """(steps,) what the query loss after each inner step counts for, after `count` of `updates` meta-updates.

  All 1 / steps at first; all but the last fall linearly to 0, and the last grows to 1, as in the
  code of MAML++, which stops at a floor of 0.03 / steps before it leaves them out.
  """
  left = jnp.maximum(1.0 - count.astype(float) / updates, 0.0) / steps
  return jnp.full((steps,), left).at[-1].set(1.0 - (steps - 1) * left)


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
  multi_step_loss: int | None = None,
  second_order_from: int = 0,
  truncate: int | None = None,
  rematerialise: int = False,
  clip: float | None = None,
  compute_dtype: Any = None,
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
    multi_step_loss: learn from the query losses after all inner steps, and less and less from
      those before the last, over so many meta-updates; None: from the last alone.
    second_order_from: so many first meta-updates ignore second derivatives, at a first-order
      one's cost.
    truncate, rematerialise: trade exactness or time for memory; see `inner_loop`.
    clip: limit on the inner gradient's global norm.
    compute_dtype: what the network is computed in, such as `jnp.bfloat16`; parameters, losses
      and updates keep their type, see `computed_in`. None: theirs.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss`, the query loss after adaptation; `support_loss`, the
    support loss before it; `gradient_norm` of the meta-gradient.

  Raises:
    ValueError: `per_step_rates` without `learned_rates`; `multi_step_loss` < 1;
      `second_order_from` < 0 or with `first_order`; and see `inner_loop`.
  """
  if per_step_rates and learned_rates is None:
    raise ValueError('per_step_rates says how rates are learned: choose learned_rates="scalar", for example')
  if multi_step_loss is not None and multi_step_loss < 1:
    raise ValueError(f"multi_step_loss={multi_step_loss}: the weights need at least one meta-update to fall")
  if second_order_from < 0 or (second_order_from and first_order):
    raise ValueError(f"second_order_from={second_order_from}, first_order={first_order}: choose one of them")
  if compute_dtype is not None:
    apply = computed_in(apply, compute_dtype)
  objective = masked_loss(apply, loss)

  def build(**order: Any) -> Callable[..., Adapted]:
    run = inner_loop(
      objective,
      inner,
      inner_steps,
      adapt=adapt,
      rematerialise=rematerialise,
      clip=clip,
      per_step_rates=per_step_rates,
      **order,
    )
    return run if zero is None else lambda params, *rest: run(zeroed(params, zero), *rest)

  adapt_to = build(first_order=first_order, truncate=truncate)
  annealed = multi_step_loss is not None or second_order_from > 0

  def init(params: PyTree) -> MAMLState:
    params, rates = params if zero is None else zeroed(params, zero), None
    if learned_rates is not None:
      rates = init_rates(params, per=learned_rates, steps=inner_steps if per_step_rates else None)
    (params, rates), opt_state = start(outer, (params, rates))
    return MAMLState(params, rates, opt_state, jnp.zeros((), jnp.int32) if annealed else None)

  def query_losses(
    adapt_to: Callable, weights: Array | None, meta: tuple[PyTree, Rates | None], key: Array, episode: Episode
  ) -> tuple[Array, Metrics]:
    support_key, query_key = jax.random.split(key)

    def asked(params: PyTree) -> Array:
      return objective(params, episode.query, query_key)[0]

    if weights is None:
      adapted = adapt_to(meta[0], episode.support, support_key, meta[1])
      value = last = asked(adapted.params)
    else:
      nothing = jnp.zeros((), jax.eval_shape(asked, meta[0]).dtype)

      def watch(params: PyTree, i: Array) -> Array:  # what no longer counts is no longer computed
        return jax.lax.cond(weights[i] > 0.0, asked, lambda _: nothing, params)

      adapted = adapt_to(meta[0], episode.support, support_key, meta[1], watch)
      value, last = weights.astype(nothing.dtype) @ adapted.watched, adapted.watched[-1]
    before = {"support_loss": adapted.losses[0]} if inner_steps else {}
    return value, {"loss": last, **before}

  def update(key: Array, state: MAMLState, data: Episode) -> tuple[MAMLState, Metrics]:
    meta = (state.params, state.rates)
    updates = jnp.zeros((), jnp.int32) if state.updates is None else state.updates
    weights = None
    if multi_step_loss is not None and inner_steps:
      weights = multi_step_weights(updates, inner_steps, multi_step_loss)

    def through(adapt_to: Callable) -> tuple[PyTree, Metrics]:
      return task_gradient(partial(query_losses, adapt_to, weights), meta, key, data, chunk)

    if second_order_from:
      early = updates < second_order_from
      gradient, metrics = jax.lax.cond(early, lambda: through(build(first_order=True)), lambda: through(adapt_to))
    else:
      gradient, metrics = through(adapt_to)
    (params, rates), opt_state = step(outer, gradient, state.opt_state, meta)
    state = MAMLState(params, rates, opt_state, updates + 1 if annealed else None)
    return state, metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: MAMLState, support: Batch, x: PyTree) -> Array:
    return apply(adapt_to(state.params, support, key, state.rates).params, x)

  return Algorithm(init, update, predict)
