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

With `regimes` > 0 what comes back is recognised. A run that more than half believe in after four labels for each
feature is kept as a regime, in place of the one that was away the longest, and takes over what other runs weigh, which
are its doubles. After a change each regime kept and a new one are as likely,

  b(regime) = (1 - hazard) b(regime) + hazard / (kept + 1),   b(0) = hazard / (kept + 1),

and a label changes a regime by its weight b, hardly at all while it is away: the online expectation-maximisation for
recurring tasks of A. Nagabandi, C. Finn, S. Levine, "Deep online learning via meta-learning", ICLR 2019, section 4.2,
in closed form, with changes that cost a hazard.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.online.alpaca import Normal, Prior, surprise
from mtl_jax.types import Apply, Array, Batch, Metrics, OnlineLearner, PyTree

_EMPTY = 2**30  # how long a regime's place without one is away
_SETTLED = 4  # labels for each feature


class MocaState(NamedTuple):
  """The state of `moca`; of its beliefs the first `regimes` are regimes, the others runs.

  Attributes:
    prior: of every new belief.
    mean: (regimes + runs, d, targets) K of each belief.
    covariance: (regimes + runs, d, d) Lambda^-1 of each.
    log_weight: (regimes + runs,) log b, which sum to one.
    age: (regimes + runs,) int. Of a run r, labels since the change that it supposes; of a regime those that it has had
      more than half of the weight for by now.
    away: (regimes,) int, labels since each was last on for as many as make a run a regime.
  """

  prior: Prior
  mean: Array
  covariance: Array
  log_weight: Array
  age: Array
  away: Array


def moca(apply: Apply, *, hazard: float, runs: int, regimes: int = 0) -> OnlineLearner:
  """Bayesian regression on features, with unknown changepoints.

  Args:
    apply: apply(net, x[n, ...]) -> phi[n, d].
    hazard: probability of a change after a label; at 0 this is `alpaca`, at 1 the prior.
    runs: beliefs that are kept.
    regimes: beliefs beside them that are kept for when they come back; 0: what comes back is learned anew.

  Returns:
    An OnlineLearner whose init takes a `Prior` and whose predictions are `Normal`, with the mean and variance of the
    mixture. Metrics: `age`, the expected number of labels since the last change; with regimes also `regime`, the place
    of the one that is on, and -1 where none is.
  """
  if not (0.0 <= hazard <= 1.0 and runs >= 2 and regimes >= 0):
    raise ValueError(f"need a hazard in 0 to 1, at least 2 runs and 0 regimes, not {hazard}, {runs} and {regimes}")
  kept = jnp.arange(regimes + runs) < regimes

  def init(prior: Prior) -> MocaState:
    (d, targets), count = prior.mean.shape, regimes + runs
    mean = jnp.broadcast_to(prior.mean, (count, d, targets))
    covariance = jnp.broadcast_to(jnp.diag(jnp.exp(-prior.log_precision)), (count, d, d))
    log_weight = jnp.where(jnp.arange(count) == regimes, 0.0, -jnp.inf).astype(prior.mean.dtype)
    return MocaState(prior, mean, covariance, log_weight, jnp.zeros(count, jnp.int32), jnp.full(regimes, _EMPTY))

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

  def settled(state: MocaState) -> int:
    return _SETTLED * state.mean.shape[1]

  def learn(state: MocaState, phi: Array, y: Array) -> MocaState:
    """Every belief weighed by the label and changed by it; phi (1, d), y (1, targets)."""
    found = each(state, phi)
    weighed = state.log_weight - jnp.sum(jax.vmap(surprise, (0, None))(found, y), axis=(1, 2))
    log_weight = jax.nn.log_softmax(weighed)
    share = jnp.where(kept, jnp.exp(log_weight), 1.0)
    toward = state.covariance @ phi[0]  # (regimes + runs, d)
    gain = (share / (1.0 + share * (toward @ phi[0])))[:, None] * toward
    mean = state.mean + gain[:, :, None] * (y[None] - found.mean)
    covariance = state.covariance - gain[:, :, None] * toward[:, None, :]
    age = jnp.where(share > 0.5, state.age + 1, 0)
    away = jnp.where(age[:regimes] >= settled(state), 0, state.away + 1)
    return MocaState(state.prior, mean, covariance, log_weight, age, away)

  def change(state: MocaState) -> MocaState:
    """The regime may change now: to the prior, in place of the least likely run, or to one that is kept."""
    prior, known = state.prior, jnp.pad(state.away < _EMPTY, (0, runs))
    place = jnp.argmin(jnp.where(kept, jnp.inf, state.log_weight))
    left = jax.nn.log_softmax(state.log_weight.at[place].set(-jnp.inf)) + jnp.log1p(-hazard)
    arriving = jnp.log(hazard) - jnp.log1p(jnp.sum(known).astype(left.dtype))
    log_weight = jnp.where(known, jnp.logaddexp(left, arriving), left).at[place].set(arriving)
    mean = state.mean.at[place].set(prior.mean)
    covariance = state.covariance.at[place].set(jnp.diag(jnp.exp(-prior.log_precision)))
    return MocaState(prior, mean, covariance, log_weight, state.age.at[place].set(0), state.away)

  def keep(state: MocaState) -> MocaState:
    """The likeliest run becomes a regime, once it has settled."""
    run = jnp.argmax(jnp.where(kept, -jnp.inf, state.log_weight))
    place = jnp.argmax(state.away)
    believed = jax.nn.logsumexp(jnp.where(kept, -jnp.inf, state.log_weight))
    log_weight = jnp.where(kept, state.log_weight, -jnp.inf).at[place].set(believed)
    after = MocaState(
      state.prior,
      state.mean.at[place].set(state.mean[run]),
      state.covariance.at[place].set(state.covariance[run]),
      jax.nn.log_softmax(log_weight),
      state.age.at[place].set(state.age[run]),
      state.away.at[place].set(0),
    )
    enough = ~kept[run] & (state.age[run] >= settled(state)) & (state.log_weight[run] > jnp.log(0.5))
    return jax.tree.map(lambda new, old: jnp.where(enough, new, old), after, state)

  def one(state: MocaState, row: Batch) -> tuple[MocaState, Metrics]:
    phi = apply(state.prior.net, row.x)
    after = change(learn(state, phi, row.y))
    after = keep(after) if regimes else after
    after = jax.tree.map(lambda new, old: jnp.where(row.mask[0], new, old), after, state)
    weight = jnp.exp(after.log_weight)
    metrics = {"age": jnp.sum(weight * after.age.astype(phi.dtype))}
    if regimes:
      likeliest = jnp.argmax(weight[:regimes])
      metrics["regime"] = jnp.where(weight[likeliest] > 0.5, likeliest, -1)
    return after, metrics

  def update(key: Array, state: MocaState, batch: Batch) -> tuple[MocaState, Metrics]:
    del key
    state, metrics = jax.lax.scan(one, state, jax.tree.map(lambda leaf: leaf[:, None], batch))
    return state, jax.tree.map(lambda leaf: leaf[-1], metrics)

  return OnlineLearner(init, predict, update)
