"""Loss weightings without memory: equal, log, random, geometric, smooth Tchebycheff.

Each minimises a function F(L_1, ..., L_K) of the losses, and its weights are dF/dL_k, or it draws them. Absent tasks
leave F. The training gradient is sum_k weights[k] grad L_k.
"""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from mtl_jax.multitask.rows import count, positive, preferences, softmax
from mtl_jax.types import Array, Weighting


def _stateless(weights: Callable[[Array, Array, Array], Array]) -> Weighting:
  """A Weighting with the state () from weights(key, losses[K], active[K]) -> [K]; absent losses arrive as 1."""

  def init(tasks: int) -> tuple[()]:
    del tasks
    return ()

  def weigh(key: Array, losses: Array, active: Array, state: tuple[()]) -> tuple[Array, tuple[()]]:
    return jnp.where(active, weights(key, jnp.where(active, losses, 1.0), active), 0.0), state

  return Weighting(init, weigh)


def equal() -> Weighting:
  """F = sum L: every weight 1."""
  return _stateless(lambda key, losses, active: jnp.ones_like(losses))


def log() -> Weighting:
  """F = sum log L: weights 1 / L, which no loss's unit changes. Losses must be positive."""
  return _stateless(lambda key, losses, active: 1.0 / positive(losses, active))


def rlw() -> Weighting:
  """Random loss weighting: the softmax of standard normal numbers, drawn anew at every step; `random` of losses.

  B. Lin, F. Ye, Y. Zhang, I. W. Tsang, "Reasonable effectiveness of random weighting: a litmus test for multi-task
  learning", TMLR 2022, algorithm 1.
  """
  return _stateless(lambda key, losses, active: softmax(jax.random.normal(key, losses.shape, losses.dtype), active))


def gls() -> Weighting:
  """Geometric loss strategy: F = (prod L)^(1/K). Losses must be positive.

  S. Chennupati, G. Sistu, S. Yogamani, S. A. Rawashdeh, "MultiNet++: multi-stream feature aggregation and geometric
  loss strategy for multi-task learning", CVPR workshops 2019.
  """

  def weights(key: Array, losses: Array, active: Array) -> Array:
    del key
    tasks, losses = count(active, losses.dtype), positive(losses, active)
    # By logarithms: the product of many losses leaves float32.
    return jnp.exp(jnp.sum(jnp.log(losses)) / tasks - jnp.log(losses)) / tasks

  return _stateless(weights)


def stch(mu: float, *, preference: Sequence[float] | None = None, ideal: Sequence[float] | None = None) -> Weighting:
  """Smooth Tchebycheff scalarisation: F = mu log sum_k exp(lambda_k (L_k - z_k) / mu).

  X. Lin, X. Zhang, Z. Yang, F. Liu, Z. Wang, Q. Zhang, "Smooth Tchebycheff scalarization for multi-objective
  optimization", ICML 2024. The authors' multi-task code feeds it log losses over their mean in a warm-up epoch;
  that is not part of it.

  Args:
    mu: smoothing, in units of the losses; towards 0 it is the worst task's weighted loss.
    preference: lambda; 1 / K each where None.
    ideal: z, the losses at best; 0 where None.

  Raises:
    ValueError: if mu is not positive; from weigh, if a preference is negative, or there are more or fewer preferences
      or ideals than tasks.
  """
  if mu <= 0.0:
    raise ValueError(f"stch: mu = {mu} is not positive")

  def weights(key: Array, losses: Array, active: Array) -> Array:
    del key
    if ideal is not None and len(ideal) != len(losses):
      raise ValueError(f"stch: {len(ideal)} ideals for {len(losses)} tasks")
    lambda_ = preferences(preference, active, losses.dtype)
    z = jnp.zeros_like(losses) if ideal is None else jnp.asarray(ideal, losses.dtype)
    return lambda_ * softmax(lambda_ * (losses - z) / mu, active)

  return _stateless(weights)
