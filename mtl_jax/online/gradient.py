"""Gradient steps on a part of the parameters as labels come, each behind a gate that asks later labels.

  theta' = theta - alpha grad L(theta; the `recent` labels before the last `held`)
  theta <- whichever of theta', theta, theta_0 has the least mean loss on the last `held` labels

Which leaves adapt is the caller's choice: the head of a network (A. Raghu et al., "Rapid learning or feature reuse?",
ICLR 2020), a context that modulates its layers (FiLM; L. Zintgraf et al., "Fast context adaptation via meta-learning",
ICML 2019) or thin matrices beside its own (LoRA; E. J. Hu et al., ICLR 2022). theta_0 and the rates alpha, one for
each leaf (A. Antoniou et al., "How to train your MAML", ICLR 2019) or parameter (Meta-SGD: Z. Li et al., 2017), are
learned before the stream: `unrolled` goes back through these very steps.

The gate. None of the three was learned from the held labels, which came after those that the step was taken on: a step
that does not carry over to what came next is not kept, and a theta that has become worse than theta_0 goes back to it.
Of equal losses the first of the three is taken, and a loss that is not finite is never the least. The price is that
the newest labels serve late. This gate promises no risk: the held labels are few, and each decides about several
steps. A test by betting, as of `mtl_jax.gate`, takes a hundred labels or so to decide about one version at a stated
risk, and keeps versions, reasons and a record on disk; it belongs around a learner as a whole, and not around each of
its thousands of steps.
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
    initial: where it began, and goes back to.
    fast: the leaves of theta that adapt; None in place of the others.
    ring: the last `recent` + `held` labels.
  """

  initial: Initial
  fast: PyTree
  ring: Ring


def gradient(
  apply: Apply,
  loss: ExampleLoss,
  *,
  fast: AdaptMask,
  recent: int,
  held: int,
  inputs: tuple[int, ...],
  targets: int,
  every: int = 1,
  steps: int = 1,
) -> OnlineLearner:
  """Gated gradient steps on some leaves.

  Args:
    apply: apply(params, x[n, ...]) -> prediction[n, targets].
    loss: loss(prediction, target) -> [n].
    fast: which leaves adapt, such as `tree.named("head")`.
    recent: labels that a step is taken on.
    held: labels that decide about it; 0: every step is kept.
    inputs, targets: shape of a row's x, and how many numbers there are to predict.
    every: labels between two steps.
    steps: gradient steps before the gate decides about all of them.

  Returns:
    An OnlineLearner whose init takes an `Initial`. Metrics: `kept`, 1 where a step was, and `returned`, 1 where
    theta_0 took theta's place; 0 elsewhere.
  """
  objective = masked_loss(apply, loss)
  adapt_to = inner_loop(objective, optax.sgd(1.0), steps, adapt=fast)

  def init(initial: Initial) -> GradientState:
    return GradientState(initial, partition(initial.params, fast)[0], empty(recent + held, inputs, targets))

  def whole(state: GradientState) -> PyTree:
    return combine(state.fast, partition(state.initial.params, fast)[1])

  def predict(key: Array, state: GradientState, x: PyTree) -> Array:
    del key
    return apply(whole(state), x)

  def adapt(key: Array, state: GradientState) -> tuple[PyTree, Array]:
    """The fast leaves after the gate, and which of the three they are: the candidate, what served, the initial."""
    newest = state.ring.labels - held
    step_key, judge_key = jax.random.split(key)
    rates = jax.tree.map(jnp.exp, state.initial.log_rates)
    candidate = adapt_to(whole(state), stretch(state.ring, newest - recent, recent), step_key, rates).params
    three = partition(candidate, fast)[0], state.fast, partition(state.initial.params, fast)[0]
    if not held:
      return three[0], jnp.zeros((), jnp.int32)
    judged = stretch(state.ring, newest, held)
    losses = jnp.stack([objective(whole(state._replace(fast=leaves)), judged, judge_key)[0] for leaves in three])
    best = jnp.argmin(jnp.where(jnp.isfinite(losses), losses, jnp.inf)).astype(jnp.int32)
    return jax.tree.map(lambda *leaves: jax.lax.select_n(best, *leaves), *three), best

  def update(key: Array, state: GradientState, batch: Batch) -> tuple[GradientState, Metrics]:
    ring = remember(state.ring, batch)
    due = ring.labels // every > state.ring.labels // every
    state = state._replace(ring=ring)
    kept, best = jax.lax.cond(due, adapt, lambda key, state: (state.fast, jnp.ones((), jnp.int32)), key, state)
    return state._replace(fast=kept), {"kept": (best == 0).astype(float), "returned": (best == 2).astype(float)}

  return OnlineLearner(init, predict, update)
