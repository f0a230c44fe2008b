"""What the trials of one plant, and of others, say of its set-points, in programs of a few fixed shapes."""

from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mtl_jax import tuning
from mtl_jax.advise import prior as priors
from mtl_jax.advise.history import History
from mtl_jax.advise.line import Line, cost_of, ranges
from mtl_jax.disk import replacing
from mtl_jax.types import Array, Batch

CANDIDATES = 2048
OPENING = 3  # trials at the first candidates where nothing is known of other plants
_CONFIDENCE = 0.9  # there
_PAD = 16  # programs are compiled for logs of multiples of it
_ALONG = 64  # set-points of a slice
_SIDE = 1.645  # deviations, of a two-sided 90 %
_BEYOND = 0.05  # share of a range beyond its ends within which a trial is learned from; see `known_of`
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(20)


class Known(NamedTuple):
  """What a proposal follows from, as arrays of a few fixed shapes."""

  families: tuning.Family | None
  scale: tuning.Scale
  trials: Batch
  made: Array
  rules: tuning.Rules
  cost: Array | None


class Seen(NamedTuple):
  """All that an answer says, of one program, and not one for each of its parts: with q options, p other places.

  Attributes:
    chosen: (d,) what to try, in the unit box
    mean, expected: (q,) of the response, standardised, and in its unit
    sides: (q, 3) 5, 50 and 95 % of it; alone: (c, q) probabilities that each limit is kept
    at_places: (p,) middle of the response there
    slices: (d, 64, 4) as `Advice` has them
  """

  proposal: tuning.Proposal
  chosen: Array
  mean: Array
  expected: Array
  sides: Array
  alone: Array
  at_places: Array
  slices: Array


def _surrogates(known: Known, d: int) -> tuple[tuning.Surrogate, ...]:
  if known.families is None:
    return (tuning.gp_surrogate(jax.random.key(0), d),) * known.trials.y.shape[1]
  return priors.surrogates_of(known.families)


@jax.jit
def propose(known: Known, z: Array) -> tuning.Proposal:
  acquisition, cost = priors.acquisition_of(known.cost)
  if known.families is None:
    acquisition = tuning.expected_improvement
  how = {"advise_tried": known.families is None, "believer": True, "cost": cost}
  surrogates = _surrogates(known, z.shape[1])
  return tuning.propose(surrogates, acquisition, known.scale, known.trials, known.made, z, known.rules, **how)


@jax.jit
def look(known: Known, z: Array, places: Array, given: Array) -> Seen:
  """given (d,): what was recommended and is said again; NaN: it is to be found."""
  d, scale = z.shape[1], jax.tree.map(lambda leaf: leaf[0], known.scale)
  proposal = propose(known, z)
  found = proposal.tried
  if known.families is None:
    found = jnp.where(known.made < OPENING, proposal.options[known.made], found)
  chosen = jnp.where(jnp.isnan(given), found, given)
  slices = jnp.tile(chosen, (d, _ALONG, 1))
  for j in range(d):
    slices = slices.at[j, :, j].set(jnp.linspace(0.0, 1.0, _ALONG))
  elsewhere = jnp.vstack([places, slices.reshape(-1, d)])
  there, kept = tuning.believe(_surrogates(known, d), known.scale, known.trials, known.made, elsewhere, believer=True)
  (mean, deviation), (mean_there, deviation_there) = _moments(proposal.beliefs[0]), _moments(there[0])
  ends = jnp.asarray([-_SIDE, 0.0, _SIDE])
  sides = tuning.restore(scale, mean[:, None] + deviation[:, None] * ends[None])
  nodes, weights = jnp.asarray(_NODES, jnp.float32), jnp.asarray(_WEIGHTS / _WEIGHTS.sum(), jnp.float32)
  expected = tuning.restore(scale, mean[:, None] + deviation[:, None] * nodes[None]) @ weights
  shown = tuning.restore(scale, mean_there[:, None] + deviation_there[:, None] * ends[None])
  alone = [
    tuning.probability_kept((belief,), jax.tree.map(lambda leaf, j=j: leaf[j : j + 1], known.scale))
    for j, belief in enumerate(proposal.beliefs[1:], start=1)
  ]
  slices = jnp.concatenate([shown, kept[:, None]], axis=1)[len(places) :].reshape(d, _ALONG, 4)
  alone = jnp.asarray(alone).reshape(-1, len(mean))
  return Seen(proposal, chosen, mean, expected, sides, alone, shown[: len(places), 1], slices)


def known_of(line: Line, prior: priors.Prior | None, history: History, running: np.ndarray) -> Known:
  """The log, and then what is running, (m, d) in the unit box.

  Of trials further out of range than `_BEYOND` only the place counts, which the next one moves from: what was learned
  of other plants are polynomials within the ranges. With four trials within and one that is 0.05, 0.1 or 0.2 of a range
  beyond it, what 100 simulated plants give within was missed by 0.061, 0.065 and 0.069 deviations on reactors (without
  that trial 0.069), 0.313, 0.319 and 0.336 on presses (0.323), 0.076 and 0.088 on mills (0.079; slower ones may have no
  response): root mean squares, 48 trials of each of 60 other plants, 2026-11-28, 2 CPU cores, JAX 0.10.2.
  """
  made = len(history.x) + len(running)
  rows = -(-(made + 1) // _PAD) * _PAD
  x, y = np.zeros((rows, len(line.settings))), np.full((rows, 1 + len(line.limits)), np.nan)
  near = np.all(np.abs(history.x - 0.5) <= 0.5 + _BEYOND, axis=1)
  x[:made], y[: len(history.y)] = np.vstack([history.x, running]), np.where(near[:, None], history.y, np.nan)
  _, width = ranges(line)
  if prior is None:
    confidence, families, scale = _CONFIDENCE, None, _plain_scale(history.y[near])
  else:
    confidence, families, scale = prior.bound[0], jax.tree.map(host, prior.families), jax.tree.map(host, prior.scale)
  rules = tuning.Rules(
    *map(host, (confidence, np.asarray(line.step) / width, line.trust, line.moving, max(confidence, 0.95)))
  )
  trials = Batch(host(x), host(np.nan_to_num(y)), np.isfinite(y))
  cost = cost_of(line)
  return Known(families, scale, trials, host(made, np.int32), rules, None if cost is None else host(cost))


def host(array: ArrayLike, kind: DTypeLike = np.float32) -> Any:
  """An `Array` to a program, and on the host until then: every operation on the device would be one of its own."""
  return np.asarray(array, kind)


def _plain_scale(y: np.ndarray) -> tuning.Scale:
  """Middle and deviation of this plant's own outcomes, (n, 1 + c) with NaN; 0 and 1 before there are enough."""
  mean, deviation = np.zeros(y.shape[1]), np.ones(y.shape[1])
  if len(y) >= OPENING and np.isfinite(y).any(0).all():
    mean, deviation = np.nanmean(y, axis=0), np.nanstd(y, axis=0)
  one = np.ones(y.shape[1])
  return tuning.Scale(*map(host, (mean, np.where(deviation > 0, deviation, 1.0), one, 0 * one, one)))


def _moments(belief: tuning.Belief) -> tuple[Array, Array]:
  """Mean and deviation of the mixture of hypotheses, standardised."""
  mean = tuning.expectation(belief)
  return mean, jnp.sqrt(belief.weight @ (belief.variance + jnp.square(belief.mean - mean[None])))


def opens(prior: priors.Prior | None, made: int) -> bool:
  return prior is None and made < OPENING


def candidates(folder: Path, start: np.ndarray) -> np.ndarray:
  """(2048, d) `tuning.sobol`, kept in `folder`: SciPy's statistics, which make them, take long to import."""
  path = folder / "candidates.npy"
  try:
    z = np.load(path)
    if z.shape == (CANDIDATES, len(start)) and np.array_equal(z[0], host(start)):
      return z
  except (FileNotFoundError, ValueError, EOFError, BadZipFile):  # none yet, or not what this version keeps
    pass
  z = np.asarray(tuning.sobol(CANDIDATES, start))
  with replacing(path) as file:
    np.save(file, z)
  return z
