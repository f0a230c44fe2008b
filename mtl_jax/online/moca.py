"""MOCA: ALPaCA on a stream whose task changes at moments that nobody announces.

A belief for every time r since the last change, weighted by how well it foresaw the labels (R. P. Adams, D. J. C.
MacKay, "Bayesian online changepoint detection", 2007; J. Harrison, A. Sharma, C. Finn, M. Pavone, "Continuous
meta-learning without tasks", NeurIPS 2020):

  prediction = sum_r b(r) p(y | x, belief_r)
  b(r) proportional to b(r) p(y | x, belief_r), each belief learns the label, and then
  b(r + 1) = (1 - hazard) b(r),  b(0) = hazard, whose belief is the prior.

The papers let the number of beliefs grow. Here there are `runs` of them: the newest takes the place of the least likely
one. A belief is K = Lambda^-1 Q and Lambda^-1, which a label changes by a matrix of rank one: solving `runs` small
systems instead takes much longer.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.online.alpaca import Normal, Prior, surprise
from mtl_jax.types import Apply, Array, Batch, Metrics, OnlineLearner, PyTree


class MocaState(NamedTuple):
  """The state of `moca`.

  Attributes:
    prior: of every new belief.
    mean: (runs, d, targets) K of each belief.
    covariance: (runs, d, d) Lambda^-1 of each.
    log_weight: (runs,) log b, which sum to one.
    age: (runs,) int, r: labels since the change that a belief supposes.
  """

  prior: Prior
  mean: Array
  covariance: Array
  log_weight: Array
  age: Array


def moca(apply: Apply, *, hazard: float, runs: int) -> OnlineLearner:
  """Bayesian regression on features, with unknown changepoints.

  Args:
    apply: apply(net, x[n, ...]) -> phi[n, d].
    hazard: probability of a change after a label; at 0 this is `alpaca`, at 1 the prior.
    runs: beliefs that are kept.

  Returns:
    An OnlineLearner whose init takes a `Prior` and whose predictions are `Normal`, with the mean and variance of the
    mixture. Metrics: `age`, the expected number of labels since the last change.
  """
  if not (0.0 <= hazard <= 1.0 and runs >= 2):
    raise ValueError(f"need a hazard in 0 to 1 and at least 2 runs, not {hazard} and {runs}")

  def init(prior: Prior) -> MocaState:
    d, targets = prior.mean.shape
    mean = jnp.broadcast_to(prior.mean, (runs, d, targets))
    covariance = jnp.broadcast_to(jnp.diag(jnp.exp(-prior.log_precision)), (runs, d, d))
    log_weight = jnp.where(jnp.arange(runs) == 0, 0.0, -jnp.inf).astype(prior.mean.dtype)
    return MocaState(prior, mean, covariance, log_weight, jnp.zeros(runs, jnp.int32))

  def each(state: MocaState, phi: Array) -> Normal:
    """Leaves (runs, n, targets)."""
    spread = jnp.einsum("ni,rij,nj->rn", phi, state.covariance, phi)
    noise = jnp.exp(state.prior.log_noise)
    return Normal(jnp.einsum("ni,rit->rnt", phi, state.mean), (1.0 + spread[:, :, None]) * noise[None, None])

  def predict(key: Array, state: MocaState, x: PyTree) -> Normal:
    del key
    found, weight = each(state, apply(state.prior.net, x)), jnp.exp(state.log_weight)
    mean = jnp.tensordot(weight, found.mean, 1)
    variance = jnp.tensordot(weight, found.variance + jnp.square(found.mean - mean[None]), 1)
    return Normal(mean, variance)

  def one(state: MocaState, row: Batch) -> tuple[MocaState, Metrics]:
    phi, prior = apply(state.prior.net, row.x), state.prior
    found = each(state, phi)
    log_weight = jax.nn.log_softmax(
      state.log_weight - jnp.sum(jax.vmap(surprise, (0, None))(found, row.y), axis=(1, 2))
    )
    toward = state.covariance @ phi[0]  # (runs, d)
    gain = toward / (1.0 + toward @ phi[0])[:, None]
    mean = state.mean + gain[:, :, None] * (row.y[None] - found.mean)
    covariance = state.covariance - gain[:, :, None] * toward[:, None, :]
    place = jnp.argmin(log_weight)  # the newest stands there from now on
    mean = mean.at[place].set(prior.mean)
    covariance = covariance.at[place].set(jnp.diag(jnp.exp(-prior.log_precision)))
    left = jax.nn.log_softmax(log_weight.at[place].set(-jnp.inf)) + jnp.log1p(-hazard)
    log_weight = left.at[place].set(jnp.log(hazard))
    after = MocaState(prior, mean, covariance, log_weight, (state.age + 1).at[place].set(0))
    after = jax.tree.map(lambda new, old: jnp.where(row.mask[0], new, old), after, state)
    return after, {"age": jnp.sum(jnp.exp(after.log_weight) * after.age.astype(phi.dtype))}

  def update(key: Array, state: MocaState, batch: Batch) -> tuple[MocaState, Metrics]:
    del key
    state, metrics = jax.lax.scan(one, state, jax.tree.map(lambda leaf: leaf[:, None], batch))
    return state, jax.tree.map(lambda leaf: leaf[-1], metrics)

  return OnlineLearner(init, predict, update)
