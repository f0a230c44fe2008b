"""Gradient steps on a part of the parameters as labels come, on trial.

  theta <- theta - alpha grad L(theta; the last `recent` labels)         after every `every` labels

and after every `trial` labels the one of

  theta, theta_safe, theta_0

with the least loss on these labels goes on as theta and is theta_safe from then on: the steps of the trial are kept
only if they were not worse than going without them, and than never having adapted.

Which leaves adapt is the caller's choice: the head of a network (A. Raghu et al., "Rapid learning or feature reuse?",
ICLR 2020), a context that modulates its layers (FiLM; L. Zintgraf et al., "Fast context adaptation via meta-learning",
ICML 2019) or thin matrices beside its own (LoRA; E. J. Hu et al., ICLR 2022). theta_0 and the rates alpha, one for
each leaf (A. Antoniou et al., "How to train your MAML", ICLR 2019) or parameter (Meta-SGD: Z. Li et al., 2017), are
learned before the stream: `unrolled` goes back through these very steps.

The gate is fair: theta answers each label before it learns from it, and the other two have not changed since before
the trial, so that all three are judged on labels that came after those that they were learned from. Of equal losses
the first is taken, and a loss that is not finite is never the least. Steps serve before they are judged: what a bad
one does lasts for a trial at most. To judge a step before it serves, labels must be held back from it, and it comes
too late: with the last 12 held back, errors of NOx on the stream of scripts/replay.py (head, labels 24 h late, three
seeds) were 3.98, 4.13 and 3.43 by year; they are 3.48, 3.14 and 2.66 on trial, and 3.55, 3.13 and 2.66 without a gate.

It promises no risk. A test by betting, as of `mtl_jax.gate`, takes a hundred labels or so to decide about one version
at a stated risk, and keeps versions, reasons and a record on disk, on the host; it belongs around a learner as a
whole, and not around each of its thousands of steps.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.meta.inner_loop import Rates, inner_loop
from mtl_jax.meta.task_map import masked_loss
from mtl_jax.online.ring import Ring, empty, remember, stretch
from mtl_jax.tree import AdaptMask, combine, partition
from mtl_jax.types import Apply, Array, Batch, ExampleLoss, Metrics, OnlineLearner, PyTree


class Initial(NamedTuple):
  """What is learned before the stream."""

  params: PyTree  # theta_0, of `apply`
  log_rates: Rates  # log alpha, as `init_rates` lays rates out


class GradientState(NamedTuple):
  """The state of `gradient`.

  Attributes:
    initial: theta_0 and the rates.
    fast: the leaves of theta that adapt; None in place of the others.
    safe: those of theta_safe.
    lost: (3,) losses of theta, theta_safe and theta_0 since the last decision, summed.
    ring: the last labels.
  """

  initial: Initial
  fast: PyTree
  safe: PyTree
  lost: Array
  ring: Ring


def gradient(
  apply: Apply,
  loss: ExampleLoss,
  *,
  fast: AdaptMask,
  recent: int,
  trial: int | None,
  inputs: tuple[int, ...],
  targets: int,
  every: int = 1,
  steps: int = 1,
) -> OnlineLearner:
  """Gradient steps on some leaves, behind a gate.

  Args:
    apply: apply(params, x[n, ...]) -> prediction[n, targets].
    loss: loss(prediction, target) -> [n].
    fast: which leaves adapt, such as `tree.named("head")`.
    recent: labels that a step is taken on.
    trial: labels between two decisions; None: every step is kept.
    inputs, targets: shape of a row's x, and how many numbers there are to predict.
    every: labels after which steps are taken.
    steps: how many at once.

  Returns:
    An OnlineLearner whose init takes an `Initial`; labels that come in one batch are all asked before any is learned.
    Metrics: `kept`, 1 where a trial's steps were, and `returned`, 1 where they were not; 0 elsewhere.
  """
  objective = masked_loss(apply, loss)
  adapt_to = inner_loop(objective, optax.sgd(1.0), steps, adapt=fast)

  def init(initial: Initial) -> GradientState:
    leaves, _ = partition(initial.params, fast)
    ring = empty(recent, inputs, targets)
    return GradientState(initial, leaves, leaves, jnp.zeros(3, ring.y.dtype), ring)

  def whole(state: GradientState, leaves: PyTree) -> PyTree:
    return combine(leaves, partition(state.initial.params, fast)[1])

  def predict(key: Array, state: GradientState, x: PyTree) -> Array:
    del key
    return apply(whole(state, state.fast), x)

  def judge(key: Array, state: GradientState, batch: Batch, due: Array) -> tuple[GradientState, Metrics]:
    three = state.fast, state.safe, partition(state.initial.params, fast)[0]
    losses = jnp.stack([objective(whole(state, leaves), batch, key)[0] for leaves in three])
    lost = state.lost + losses * jnp.sum(batch.mask, dtype=losses.dtype)
    best = jnp.argmin(jnp.where(jnp.isfinite(lost), lost, jnp.inf)).astype(jnp.int32)
    best = jnp.where(due, best, 0)
    chosen = jax.tree.map(lambda *leaves: jax.lax.select_n(best, *leaves), *three)
    safe = jax.tree.map(lambda new, old: jnp.where(due, new, old), chosen, state.safe)
    state = state._replace(fast=chosen, safe=safe, lost=jnp.where(due, 0.0, lost))
    return state, {"kept": (due & (best == 0)).astype(float), "returned": (best > 0).astype(float)}

  def take(key: Array, state: GradientState) -> PyTree:
    rates = jax.tree.map(jnp.exp, state.initial.log_rates)
    batch = stretch(state.ring, state.ring.labels - recent, recent)
    after, _ = partition(adapt_to(whole(state, state.fast), batch, key, rates).params, fast)
    finite = jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(after)]).all()
    return jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, state.fast)

  def update(key: Array, state: GradientState, batch: Batch) -> tuple[GradientState, Metrics]:
    judge_key, step_key = jax.random.split(key)
    ring, metrics = remember(state.ring, batch), {}

    def due(period: int) -> Array:
      return ring.labels // period > state.ring.labels // period

    moment = due(every)
    if trial is not None:
      state, metrics = judge(judge_key, state, batch, due(trial))
    state = state._replace(ring=ring)
    fast_now = jax.lax.cond(moment, take, lambda key, state: state.fast, step_key, state)
    return state._replace(fast=fast_now), metrics

  return OnlineLearner(init, predict, update)
