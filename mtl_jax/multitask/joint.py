"""Joint training: one model for many tasks, whose gradients are combined by their inner products.

The multiple-gradient step of O. Sener, V. Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018,
algorithm 2, with any aggregator in place of its solver. In two passes, so that the K x P Jacobian J is never held:
pass one makes G = J J' from a few gradients at a time (`gram.py` says how and what it costs); the aggregator turns G
into weights; pass two is one backward pass of the weighted loss. For eight layers of 256 x 256 and 64 tasks an update
takes 12 MB beside the parameters where tasks share their examples, and 29 MB where each has its own; with the Jacobian
held it takes 277 MB (`scripts/measure_multitask.py`).
"""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtl_jax.meta.optimise import start, step, updates
from mtl_jax.multitask.coordinates import CoordinateAggregator, streamed
from mtl_jax.multitask.excess_mtl import JacobianAggregator
from mtl_jax.multitask.gram import CHUNK, dots, gram, representation_gram, rows, task_gradient_of, weighted_gradient
from mtl_jax.multitask.sources import KeyedApply, MultiApply, Source, Split, has_labels, sources, values
from mtl_jax.tree import AdaptMask, clip_by_global_norm, combine, partition
from mtl_jax.types import Aggregator, Algorithm, Array, Batch, ExampleLoss, Metrics, PyTree, Weighting


class JointState(NamedTuple):
  """The state of `joint`.

  Attributes:
    params: of the model.
    opt_state: the outer optimiser's state.
    aggregator: its state, () if it has none.
    weighting: its state, () if there is none.
    before: the states of `before`, leaves (K, ...), () if there is none.
  """

  params: PyTree
  opt_state: optax.OptState
  aggregator: Any
  weighting: Any
  before: Any


def joint(
  apply: MultiApply | KeyedApply | Split,
  losses: Mapping[str, ExampleLoss],
  *,
  outer: optax.GradientTransformation,
  aggregator: Aggregator | CoordinateAggregator | JacobianAggregator | None = None,
  weighting: Weighting | None = None,
  level: AdaptMask | Literal["representation"] | None = None,
  outside: Literal["own", "weighted"] = "own",
  before: optax.GradientTransformation | None = None,
  clip_before: float | None = None,
  clip_after: float | None = None,
  keyed: bool = False,
  chunk: int = CHUNK,
) -> Algorithm:
  """Joint training of K tasks.

  An update takes data {source: Batch}, leaves (micro-batches, n, ...): what `fit` draws with `tasks_per_step` as the
  number of micro-batches, which are accumulated before aggregation. A batch's `y` and `mask` are arrays where the
  source has one task, of its name, and {task: array} where several tasks share its examples. A task without a single
  label in the step is inactive: it has weight 0 and aggregator, weighting and `before` do not see it.

  Args:
    apply: apply(params, {source: x[n, ...]}) -> {task: prediction[n, ...]}, of whichever sources it is asked for.
    losses: {task: loss(prediction, target) -> [n]}; their order numbers the tasks. A masked label arrives as 0, where
      the loss must have a finite derivative.
    outer: Optax optimiser of the combined gradient: with Adam here, Adam comes after aggregation.
    aggregator: combines the gradients of the weighted losses; it sees the losses themselves unweighted. None: the sum
      of the weighted losses, or without `weighting` the mean of the active ones, in one pass and without G.
    weighting: weighs the losses. Its weights multiply the aggregator's.
    level: where gradients are compared. None: in all parameters. A mask: in these leaves. "representation": in what
      `apply.represent` returns (the upper bound of Sener & Koltun, section 3.3); `apply` is then a `Split`. Tasks of
      different sources are orthogonal there.
    outside: what the parameters beyond that level, mostly the tasks' heads, descend on. "own": their tasks' losses,
      weighted by `weighting` alone, as in MGDA (algorithm 2, line 2) and CAGrad's code; "weighted": the losses with the
      aggregator's weights too, as in Nash-MTL's code. At level None there are none.
    before: applied to each task's gradient before aggregation, with a state for each task: `optax.scale_by_adam()`
      here and `optax.sgd` as `outer` is Adam before aggregation. It holds K x P numbers by its nature. What it takes as
      `value` beside the gradient is the task's loss.
    clip_before: the norm, at the level, to which each task's gradient is scaled down before aggregation.
    clip_after: the global norm to which the combined gradient is scaled down.
    keyed: apply (or both parts of a Split) takes a key after its two arguments: one for each update, the same in its
      passes, sources and micro-batches, and None in `predict`. For noise in the network, such as `models.LTB`'s.
    chunk: task gradients held at a time in pass one. K or more needs no forward-mode derivatives of `apply`.

  Returns:
    An Algorithm; predict(key, state, support, x) is apply(state.params, x). Metrics: `loss` (mean over active tasks),
    `losses`, `active` (K,), `gradient_norm` (of the combined gradient, before `clip_after`). With an aggregator also
    `gradient_norms` (K,) at the level (after `before`), `cosine` (mean over pairs of active tasks; 0 without a pair),
    `conflicts` (the share of them below 0), `cosines` (K, K) of all pairs (i, i included; 0 where a task is inactive)
    and `pairs` (K, K), 1 where both are active: the mean of `cosines` over steps divided by that of `pairs` is the mean
    over the steps with both. `aggregator=mean()` shows them for what None trains, `sum()` for a `weighting` alone.
    Except for a CoordinateAggregator `weights` (K,), all factors included.

  Raises: ValueError if options do not go together, or the data's tasks are not those of `losses`.
  """
  _check(apply, aggregator, level, outside, before, clip_before)
  tasks, on_z = len(losses), level == "representation"
  mask: AdaptMask | None = None if isinstance(level, str) else level
  if isinstance(aggregator, JacobianAggregator) and before is None:
    before = optax.identity()  # all gradients are held

  def init(params: PyTree) -> JointState:
    params, opt_state = start(outer, params)
    aggregator_state = ()
    if isinstance(aggregator, Aggregator):
      aggregator_state = aggregator.init(tasks)
    elif isinstance(aggregator, JacobianAggregator):
      aggregator_state = aggregator.init(tasks, partition(params, mask)[0])
    return JointState(
      params,
      opt_state,
      aggregator_state,
      weighting.init(tasks) if weighting else (),
      jax.vmap(before.init, None, axis_size=tasks)(params) if before else (),
    )

  def update(key: Array, state: JointState, data: Mapping[str, Batch]) -> tuple[JointState, Metrics]:
    aggregate_key, weigh_key, apply_key = jax.random.split(key, 3)
    params, given = state.params, sources(_plain(apply, keyed, apply_key), losses, data)
    active, loss = has_labels(given), values(given, state.params)
    own, weighting_state = active.astype(loss.dtype), state.weighting
    if weighting is not None:
      own, weighting_state = weighting.weigh(weigh_key, loss, active, weighting_state)
      own = jnp.where(active, own, 0.0).astype(loss.dtype)
    elif aggregator is None:
      own = own / jnp.maximum(jnp.sum(own), 1.0)
    weights, aggregator_state, before_state, metrics = own, state.aggregator, state.before, {}
    each: PyTree = None  # the tasks' gradients after `before`, leaves (K, ...)

    def descent(inside: Array, beyond: Array) -> PyTree:
      if before is None:
        return weighted_gradient(given, params, inside, beyond, mask, on_z)
      chosen, rest = partition(each, mask)
      return combine(_sum(inside, chosen), _sum(beyond, rest))

    if before is not None:
      each, before_state = _transform(before, given, params, before_state, loss, active, chunk)
    if isinstance(aggregator, CoordinateAggregator):
      gradient, products = streamed(aggregator, aggregate_key, given, params, own, active, mask, chunk)
      if mask is not None:
        gradient = combine(gradient, partition(descent(own, own), mask)[1])
      metrics = _conflict(products, active)
    else:
      if aggregator is not None:
        if before is not None:
          chosen, _ = partition(each, mask)
          products = dots(chosen, chosen)
        else:
          products = representation_gram(given, params) if on_z else gram(given, params, mask, chunk)
        metrics = _conflict(products, active)
        scale = own.astype(products.dtype)
        if clip_before is not None:
          norms = scale * metrics["gradient_norms"]
          scale = scale * clip_before / jnp.maximum(norms, clip_before)
        if isinstance(aggregator, JacobianAggregator):
          seen = _scaled(scale, partition(each, mask)[0])
        else:
          seen = products * scale[:, None] * scale[None]
        weights, aggregator_state = aggregator.combine(aggregate_key, seen, loss, active, aggregator_state)
        weights = jnp.where(active, weights * scale, 0.0)
      gradient = descent(weights, own if outside == "own" else weights)
      metrics = metrics | {"weights": weights}

    metrics |= {"loss": jnp.sum(loss) / jnp.maximum(jnp.sum(active), 1).astype(loss.dtype), "losses": loss}
    metrics |= {"active": active.astype(loss.dtype), "gradient_norm": optax.tree.norm(gradient)}
    if clip_after is not None:
      gradient = clip_by_global_norm(gradient, clip_after)
    params, opt_state = step(outer, gradient, state.opt_state, params)
    return JointState(params, opt_state, aggregator_state, weighting_state, before_state), metrics

  def predict(key: Array, state: JointState, support: Mapping[str, Batch], x: PyTree) -> dict[str, Array]:
    del key, support
    return _plain(apply, keyed, None)(state.params, x)

  return Algorithm(init, update, predict)


def _plain(apply: Any, keyed: bool, key: Array | None) -> MultiApply | Split:
  """Of two arguments."""
  if not keyed:
    return apply

  def bound(f: Any) -> Any:
    return lambda params, x: f(params, x, key)

  return Split(*map(bound, apply)) if isinstance(apply, Split) else bound(apply)


def _check(apply, aggregator, level, outside, before, clip_before) -> None:
  if isinstance(level, str) and level != "representation":
    raise ValueError(f"level={level!r}: None, a mask or 'representation'")
  if outside not in ("own", "weighted"):
    raise ValueError(f"outside={outside!r}: 'own' or 'weighted'")
  if level == "representation" and not isinstance(apply, Split):
    raise ValueError('level="representation" needs an apply in two parts, joint(Split(represent, heads), ...)')
  by_coordinate = isinstance(aggregator, CoordinateAggregator | JacobianAggregator)
  if level == "representation" and (before is not None or by_coordinate):
    raise ValueError("an optimiser before aggregation and aggregators on coordinates work on parameters")
  if clip_before is not None and not isinstance(aggregator, Aggregator | JacobianAggregator):
    raise ValueError("clip_before needs the norms that an aggregator on inner products brings with it")
  if before is not None and isinstance(aggregator, CoordinateAggregator):
    raise ValueError("a coordinate-wise aggregator is streamed, and an optimiser before it holds all gradients")


def _transform(
  before: optax.GradientTransformation,
  given: list[Source],
  params: PyTree,
  states: Any,
  losses: Array,
  active: Array,
  chunk: int,
) -> tuple[PyTree, Any]:
  """Every task's gradient after its own optimiser, leaves (K, ...); an inactive task has zero and keeps its state."""
  tasks = active.shape[0]
  gradients = rows(task_gradient_of(given, params), jnp.arange(tasks), min(chunk, tasks) if len(given) == 1 else None)

  before = optax.with_extra_args_support(before)

  def of_task(gradient: PyTree, state: Any, loss: Array, here: Array) -> tuple[PyTree, Any]:
    change, after = updates(before, gradient, state, params, value=loss)
    change = jax.tree.map(lambda leaf: jnp.where(here, leaf, jnp.zeros((), leaf.dtype)), change)
    return change, jax.tree.map(lambda new, old: jnp.where(here, new, old), after, state)

  return jax.vmap(of_task)(gradients, states, losses, active)


def _scaled(scale: Array, each: PyTree) -> PyTree:
  return jax.vmap(lambda s, row: jax.tree.map(lambda leaf: s.astype(leaf.dtype) * leaf, row))(scale, each)


def _sum(weights: Array, each: PyTree) -> PyTree:
  return jax.tree.map(lambda leaf: jnp.tensordot(weights.astype(leaf.dtype), leaf, 1), each)


def _conflict(products: Array, active: Array) -> Metrics:
  norms = jnp.sqrt(jnp.diagonal(products))
  nonzero = jnp.where(norms > 0, norms, 1.0)
  pairs = active[:, None] & active[None]
  cosines = jnp.where(pairs, products / nonzero[:, None] / nonzero[None], 0.0)
  apart = pairs & ~np.eye(len(active), dtype=bool)
  count = jnp.maximum(jnp.sum(apart), 1).astype(products.dtype)
  return {
    "gradient_norms": norms,
    "cosine": jnp.sum(jnp.where(apart, cosines, 0.0)) / count,
    "conflicts": jnp.sum(apart & (cosines < 0)).astype(products.dtype) / count,
    "cosines": cosines,
    "pairs": pairs.astype(products.dtype),
  }
