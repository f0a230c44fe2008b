"""Loss weightings that learn their weights: uncertainty and IMTL-L by a gradient step of their own, DWA and FAMO from
how fast the losses fall.

The losses that a weighting sees are those of the step at hand; what it learns from them acts from the next step on.
Absent tasks have weight 0 and keep their state. Losses must not be negative, as densities' can be: no weight would be
large enough for them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import count, positive, softmax
from mtl_jax.types import Array, Weighting


class ScaleState(NamedTuple):
  """The state of `uncertainty` and `imtl_l`.

  Attributes:
    s: log sigma^2 of `uncertainty`, the log scale of `imtl_l`; 0 at first.
  """

  s: Array  # (K,)


def _init_scale(tasks: int) -> ScaleState:
  return ScaleState(jnp.zeros(tasks))


def uncertainty(learning_rate: float) -> Weighting:
  """Homoscedastic uncertainty: sum_k exp(-s_k) L_k / 2 + s_k / 2, in s as well; s_k = log sigma_k^2.

  A. Kendall, Y. Gal, R. Cipolla, "Multi-task learning using uncertainty to weigh losses for scene geometry and
  semantics", CVPR 2018, eq. 7. At the minimum in s the weight is 1 / (2 L_k).

  Args:
    learning_rate: of the gradient step on s; times a loss well below 1, or one step ends the task's weight.
  """

  def weigh(key: Array, losses: Array, active: Array, state: ScaleState) -> tuple[Array, ScaleState]:
    del key
    weights = jnp.where(active, 0.5 * jnp.exp(-state.s.astype(losses.dtype)), 0.0)
    slope = jnp.where(active, 0.5 - weights * jnp.where(active, losses, 0.0), 0.0)
    return weights, ScaleState(state.s - learning_rate * slope.astype(state.s.dtype))

  return Weighting(_init_scale, weigh)


def imtl_l(learning_rate: float) -> Weighting:
  """Impartial losses: sum_k exp(s_k) L_k - s_k, in s as well. At the minimum in s the weight is 1 / L_k.

  L. Liu et al., "Towards impartial multi-task learning", ICLR 2021.

  Args:
    learning_rate: of the gradient step on s; times a loss well below 1, or one step ends the task's weight.
  """

  def weigh(key: Array, losses: Array, active: Array, state: ScaleState) -> tuple[Array, ScaleState]:
    del key
    weights = jnp.where(active, jnp.exp(state.s.astype(losses.dtype)), 0.0)
    slope = jnp.where(active, weights * jnp.where(active, losses, 0.0) - 1.0, 0.0)
    return weights, ScaleState(state.s - learning_rate * slope.astype(state.s.dtype))

  return Weighting(_init_scale, weigh)


class DWAState(NamedTuple):
  """The state of `dwa`.

  Attributes:
    total, seen: sum of the losses in the running period, and how many there were.
    steps: of the running period.
    last, before: mean losses of the last period and of the one before; 0 where a task has had none.
  """

  total: Array  # (K,)
  seen: Array  # (K,) int
  steps: Array  # () int
  last: Array  # (K,)
  before: Array  # (K,)


def dwa(period: int, *, temperature: float = 2.0) -> Weighting:
  """Dynamic weight average: weights K softmax(r / T), r_k = L_k(t - 1) / L_k(t - 2).

  S. Liu, E. Johns, A. J. Davison, "End-to-end multi-task learning with attention", CVPR 2019, eq. 7. The paper's t
  counts epochs; here it counts periods of `period` steps, L_k(t) being the mean over the steps of the period in which
  the task was there. A task that a period lacks keeps its r; before two periods with it, or where its mean is 0, r = 1.

  Args:
    period: steps, at best those of an epoch.
    temperature: T; large makes the weights equal.
  """

  def init(tasks: int) -> DWAState:
    nothing = jnp.zeros(tasks)
    return DWAState(nothing, jnp.zeros(tasks, jnp.int32), jnp.int32(0), nothing, nothing)

  def weigh(key: Array, losses: Array, active: Array, state: DWAState) -> tuple[Array, DWAState]:
    del key
    known = state.before > 0.0
    rate = jnp.where(known, state.last / jnp.where(known, state.before, 1.0), 1.0).astype(losses.dtype)
    weights = count(active, losses.dtype) * softmax(rate / temperature, active)
    total = state.total + jnp.where(active, losses, 0.0).astype(state.total.dtype)
    seen, steps = state.seen + active.astype(jnp.int32), state.steps + 1
    ends = steps >= period
    fresh = ends & (seen > 0)
    last = jnp.where(fresh, total / jnp.maximum(seen, 1).astype(total.dtype), state.last)
    before = jnp.where(fresh, state.last, state.before)
    kept = jnp.where(ends, 0, 1).astype(jnp.int32)
    return weights, DWAState(total * kept.astype(total.dtype), seen * kept, steps * kept, last, before)

  return Weighting(init, weigh)


class FAMOState(NamedTuple):
  """The state of `famo`.

  Attributes:
    xi: logits of the weights; 0 at first.
    log_loss: of the last step; 0 before the first.
    there: the tasks of the last step.
  """

  xi: Array  # (K,)
  log_loss: Array  # (K,)
  there: Array  # (K,) bool


def famo(learning_rate: float = 0.025, *, decay: float = 0.001) -> Weighting:
  """Fast adaptive multi-task optimisation: all losses are to fall at the same relative rate.

    weights    c z_k / L_k,   z = softmax(xi),   c = 1 / sum_k (z_k / L_k)
    xi <- xi - beta (dz/dxi' (log L(t) - log L(t + 1)) + gamma xi)

  B. Liu, Y. Feng, P. Stone, Q. Liu, "FAMO: fast adaptive multitask optimization", NeurIPS 2023. L(t + 1) are the losses
  after the step, which the authors' code evaluates once more on the same batch. Here they are the losses that the next
  call brings, on the next batch: it costs nothing, and xi sees the noise between the batches. Only tasks that are in
  both steps move. The authors take Adam's steps on xi, this the paper's plain ones. Losses must be positive.

  Args:
    learning_rate: beta.
    decay: gamma.
  """

  def init(tasks: int) -> FAMOState:
    return FAMOState(jnp.zeros(tasks), jnp.zeros(tasks), jnp.zeros(tasks, bool))

  def weigh(key: Array, losses: Array, active: Array, state: FAMOState) -> tuple[Array, FAMOState]:
    del key
    losses = positive(losses, active)
    log_loss = jnp.log(losses).astype(state.log_loss.dtype)
    both = active & state.there
    fall = jnp.where(both, state.log_loss - log_loss, 0.0)
    _, pull = jax.vjp(lambda xi: softmax(xi, both), state.xi)
    xi = state.xi - learning_rate * jnp.where(both, pull(fall)[0] + decay * state.xi, 0.0)
    z = softmax(xi.astype(losses.dtype), active)
    share = z / losses
    weights = share / jnp.where(jnp.any(active), jnp.sum(share), 1.0)
    return weights, FAMOState(xi, jnp.where(active, log_loss, state.log_loss), active)

  return Weighting(init, weigh)
