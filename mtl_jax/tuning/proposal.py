"""The next set-point of one plant after the trials that it has had: what `campaign` scans and `advise` asks.

What a cost of trials is worth, on Branin's family: a trial costs 1 + 9 z_1, z_1 the first setting's share of its range,
and the regret of the advised set-point is that after all trials that the money pays for; 95 % intervals.

  money                                10                20                30                40
  family, improvement                  4.5 (3.3-5.8)     4.5 (3.2-6.1)     4.0 (2.6-5.6)     2.2 (1.6-3.0)
  family, improvement for the money    4.5 (3.3-5.7)     2.5 (1.7-3.5)     1.6 (1.2-2.0)     1.4 (1.1-1.8)
  GP, improvement                      29.1 (26.1-32.3)  27.3 (24.0-30.9)  21.4 (17.9-25.1)  10.7 (8.6-13.0)
  GP, improvement for the money        14.4 (10.6-18.5)  7.5 (5.2-10.1)    5.9 (3.7-8.3)     2.7 (1.9-3.5)

With the family it is ahead, paired, by 2.0 (0.4-3.9) after 20 and 2.4 (0.9-4.1) after 30, and not told apart after 10
and 40 (0.8, -0.1 to 1.7); the process of one plant by 8 to 20 at every amount. `campaign` on 40 plants, 2 seeds, 15
trials, 256 candidates, logs of 60 other plants with 48 trials, noise 0.05; `gp_surrogate` of 32 hypotheses (2026-11-28,
2 CPU cores, JAX 0.10.2).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.stats import norm

from mtl_jax.tuning.acquisition import Acquisition, expected_improvement
from mtl_jax.tuning.gp import Belief, Surrogate
from mtl_jax.tuning.scale import Scale, restore, standardise
from mtl_jax.types import Array, Batch

Cost = Callable[[Array], Array]
"""cost(set-points (q, d) in the unit box) -> (q,) what a trial at each costs, above 0, in any one unit"""

_SAME = 1e-6  # squared distance in the unit box within which two set-points are one


class Rules(NamedTuple):
  """What a trial may do; distances are shares of a setting's range, one for all or (d,).

  Attributes:
    confidence: the least believed probability that all limits are kept in a trial; where no set-point has it, the
      one with the highest is tried. `tuning.safety` finds the confidence that holds a violation rate.
    lasting: the same of the set-point that is advised, where the plant is to stay.
    rate: the most that a setting moves from one trial to the next.
    radius: the most that a setting lies from the best one tried so far (trust region); `rate` goes before it, and the
      unit box before both.
    moving: what moving a setting over its whole range costs, in the response's unit; it grows linearly. While no trial
      keeps the limits, expected improvement and Thompson's draws look for what is likeliest to, and a deviation of the
      response is set against certainty.
  """

  confidence: Array | float = 0.5
  rate: Array | float = 1.0
  radius: Array | float = 1.0
  moving: Array | float = 0.0
  lasting: Array | float = 0.95


class Proposal(NamedTuple):
  """Beliefs are standardised and about `options`.

  Attributes:
    tried: (d,) where the next trial should be; advised: (d,) where the plant should run if there is none
    options: (q + n, d) what there was to choose from: candidates, moved to where they are allowed, and trials
    beliefs: of the response and then of every limit; kept: (q + n,) probability that all limits are kept
    centre: (d,) of the trust region
  """

  tried: Array
  advised: Array
  options: Array
  beliefs: tuple[Belief, ...]
  kept: Array
  centre: Array


def probability_kept(limits: Sequence[Belief], scale: Scale) -> Array:
  """(q,) that every limit is at most 0, taken as independent given the trials; `scale` of the limits alone."""
  border, kept = standardise(scale, jnp.zeros_like(scale.centre)), jnp.asarray(1.0)
  for at, belief in zip(border, limits, strict=True):
    kept = kept * (belief.weight @ norm.cdf((at - belief.mean) / jnp.sqrt(belief.variance)))
  return kept


def expectation(belief: Belief) -> Array:
  """(q,)."""
  return belief.weight @ belief.mean


def believe(
  surrogates: Sequence[Surrogate], scale: Scale, trials: Batch, made: Array, z: Array, *, believer: bool = False
) -> tuple[tuple[Belief, ...], Array]:
  """Of the response and then of every limit at z (q, d), standardised, and (q,) probability that all limits are kept.

  The others are as `propose` has them.
  """
  y, mask = jnp.where(trials.mask, standardise(scale, trials.y), 0.0), trials.mask
  if believer:
    placed = jnp.arange(len(trials.x)) < made
    inside = placed & jnp.all((trials.x >= 0.0) & (trials.x <= 1.0), axis=1)
    there = expectation(surrogates[0](Batch(trials.x, y[:, 0], mask[:, 0]), trials.x))
    y = y.at[:, 0].set(jnp.where(mask[:, 0], y[:, 0], jnp.where(inside, there, 0.0)))
    mask = mask.at[:, 0].set(mask[:, 0] | inside)
  beliefs = tuple(surrogate(Batch(trials.x, y[:, j], mask[:, j]), z) for j, surrogate in enumerate(surrogates))
  border = jax.tree.map(lambda each: each[1:], scale)
  return beliefs, jnp.broadcast_to(probability_kept(beliefs[1:], border), (len(z),))


def propose(
  surrogates: Sequence[Surrogate],
  acquisition: Acquisition,
  scale: Scale,
  trials: Batch,
  made: Array,
  z: Array,
  rules: Rules = Rules(),  # noqa: B008
  *,
  advise_tried: bool = False,
  believer: bool = False,
  repeats: bool = False,
  cost: Cost | None = None,
) -> Proposal:
  """Where the acquisition is highest among what is allowed.

  Args:
    surrogates: of the response, then of every limit; scale: (1 + c,) of these.
    trials: x (n, d), y (n, 1 + c) in physical units, mask (n, 1 + c) what was measured; in the order of time, and
      `made` () of them are real. One may lie outside of the unit box; what is proposed and advised does not.
    z: (q, d) candidates in the unit box; the first is where the plant runs before any trial.
    advise_tried: advise only what was tried, or the first candidate; otherwise any option.
    believer: trials without a response yet are taken to give what is expected of them, so that several run at a time
      (T. Desautels, A. Krause, J. W. Burdick, JMLR 15 (2014)); limits are not.
    repeats: a set-point may be tried again, as where every trial is product. Otherwise none is, nor one within 1e-3 of
      it, and runs that should all stay near one set-point are driven away from it.
    cost: known; expected improvement, less what moving costs, is divided by it (J. Snoek, H. Larochelle, R. P. Adams,
      "Practical Bayesian optimization of machine learning algorithms", NeurIPS 2012, section 3.2).

  Raises: ValueError where there is a cost and the acquisition is another, which may be below 0.
  """
  if cost is not None and acquisition is not expected_improvement:
    raise ValueError("cost goes with acquisition=expected_improvement: only a gain can be had per cost")
  count = len(trials.x)
  placed = jnp.arange(count) < made
  inside = placed & jnp.all((trials.x >= 0.0) & (trials.x <= 1.0), axis=1)
  at = jnp.vstack([z[:1], trials.x])  # what was run at before each trial, and last
  last = at[made]
  (first, *_), sure = believe(surrogates, scale, trials, made, trials.x)
  safe_trial = inside & (sure >= rules.confidence)
  centre = trials.x[jnp.argmax(jnp.where(safe_trial, expectation(first), -jnp.inf))]
  centre = jnp.where(jnp.any(safe_trial), centre, jnp.clip(last, 0.0, 1.0))

  options = jnp.clip(z, (centre - rules.radius)[None], (centre + rules.radius)[None])
  options = jnp.clip(options, (last - rules.rate)[None], (last + rules.rate)[None])
  options = jnp.clip(options, 0.0, 1.0)
  options = jnp.vstack([options, jnp.where(placed[:, None], trials.x, options[:1])])
  beliefs, kept = believe(surrogates, scale, trials, made, options, believer=believer)
  safe = kept >= rules.confidence
  gaps = jnp.sum(jnp.square(options[:, None] - trials.x[None]), -1)
  seen = jnp.any((gaps < _SAME) & inside[None], axis=1)
  expected = expectation(beliefs[0])
  feasible = kept >= jnp.maximum(rules.confidence, 0.5)
  to_beat = (seen & feasible) | ~jnp.any(seen)
  best = jnp.max(jnp.where(to_beat, expected, -jnp.inf))
  around = jnp.where(jnp.isfinite(best), best, jnp.max(expected))
  slope = jax.grad(lambda t: restore(jax.tree.map(lambda each: each[0], scale), t))(around)
  costs = jnp.broadcast_to(jnp.asarray(rules.moving), options.shape[1:])
  moved = jnp.abs(options - last[None]) @ costs / slope
  worth = acquisition(beliefs[0], best, kept) - moved
  if cost is not None:
    worth = jnp.where(worth > 0, worth / cost(options), worth)
  new = (jnp.arange(len(options)) < len(z)) & (repeats | ~seen)
  tried = jnp.argmax(_where_any(new & safe, worth, jnp.where(new, kept, -jnp.inf)))

  allowed = jnp.concatenate([jnp.ones(len(z), bool), inside])
  pool = jnp.where(jnp.any(inside), seen, jnp.arange(len(options)) == 0) if advise_tried else allowed
  advised = jnp.argmax(_where_any(pool & (kept >= rules.lasting), expected, jnp.where(pool, kept, -jnp.inf)))
  return Proposal(options[tried], options[advised], options, beliefs, kept, centre)


def _where_any(allowed: Array, score: Array, otherwise: Array) -> Array:
  return jnp.where(jnp.any(allowed), jnp.where(allowed, score, -jnp.inf), otherwise)
