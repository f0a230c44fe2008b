"""The next trial of one plant from its log: where, what is expected of it, and why.

Beside LOG lies the folder LOG.advice: `asked.jsonl` with every recommendation, `prior.npz`, what was learned of other
plants, and `candidates.npy`. All can be thrown away; the log is all that a recommendation follows from.
"""

import os
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from mtl_jax import tuning
from mtl_jax.advise import prior as priors
from mtl_jax.advise import record
from mtl_jax.advise.history import History, read
from mtl_jax.advise.line import Line, cost_of, ranges, setting_columns
from mtl_jax.types import Array, Batch

CANDIDATES = 2048
OWN_CONFIDENCE = 0.95  # one-sided, of the bound from this plant's own trials
_OPENING = 3  # trials at the first candidates where nothing is known of other plants
_CONFIDENCE = 0.9  # there
_PAD = 16  # programs are compiled for logs of multiples of it
_ALONG = 64  # set-points of a slice
_SIDE = 1.645  # deviations, of a two-sided 90 %
_BEYOND = 0.05  # share of a range beyond its ends within which a trial is learned from; see `_known`
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(20)


class Adviser(NamedTuple):
  """One plant, its log, and what is known of others."""

  line: Line
  path: Path
  prior: priors.Prior | None


class Advice(NamedTuple):
  """A recommendation; responses are as they are measured, set-points in physical units.

  Attributes:
    number: from 1; repeated: it has been given before and not been answered
    u: (d,) what to try; advised: (d,) where to run if there is no further trial
    gain: expected at u over `so_far`, better is positive: what is expected at the best trial that is sure enough to
      keep the limits, at the likeliest to keep them where none is, and where the plant runs before there are trials
    response: (3,) 5, 50 and 95 % of the response at u
    kept: believed probability that all limits are kept at u; asked_for: the least that it should be
    bound: None where nothing is known of other plants
    broken: trials of this plant that broke a limit, of those `judged`, which did or had all limits measured
    trials: those within the ranges
    own_bound: of Clopper and Pearson on the share that breaks one, from these, at `OWN_CONFIDENCE`; it takes trials for
      independent and alike, and they are chosen one after another
    reasons: lines of text
    cost, spent: of the trial at u, and of all trials; 0 where no costs are named
    slices: (d, 64, 4) along each setting through u, over its range: 5, 50 and 95 % of the response, and `kept`
  """

  number: int
  repeated: bool
  u: np.ndarray
  advised: np.ndarray
  gain: float
  so_far: float
  response: np.ndarray
  kept: float
  asked_for: float
  bound: tuning.Bound | None
  broken: int
  judged: int
  own_bound: float
  trials: int
  reasons: tuple[str, ...]
  cost: float
  spent: float
  slices: np.ndarray


class _Known(NamedTuple):
  """What a proposal follows from, as arrays of a few fixed shapes."""

  families: tuning.Family | None
  scale: tuning.Scale
  trials: Batch
  made: Array
  rules: tuning.Rules
  cost: Array | None


class _Seen(NamedTuple):
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


def _surrogates(known: _Known, d: int) -> tuple[tuning.Surrogate, ...]:
  if known.families is None:
    return (tuning.gp_surrogate(jax.random.key(0), d),) * known.trials.y.shape[1]
  return priors.surrogates_of(known.families)


@jax.jit
def _propose(known: _Known, z: Array) -> tuning.Proposal:
  acquisition, cost = priors.acquisition_of(known.cost)
  if known.families is None:
    acquisition = tuning.expected_improvement
  how = {"advise_tried": known.families is None, "believer": True, "cost": cost}
  surrogates = _surrogates(known, z.shape[1])
  return tuning.propose(surrogates, acquisition, known.scale, known.trials, known.made, z, known.rules, **how)


@jax.jit
def _look(known: _Known, z: Array, places: Array, given: Array) -> _Seen:
  """given (d,): what was recommended and is said again; NaN: it is to be found."""
  d, scale = z.shape[1], jax.tree.map(lambda leaf: leaf[0], known.scale)
  proposal = _propose(known, z)
  found = proposal.tried
  if known.families is None:
    found = jnp.where(known.made < _OPENING, proposal.options[known.made], found)
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
  return _Seen(proposal, chosen, mean, expected, sides, alone, shown[: len(places), 1], slices)


def _known(adviser: Adviser, history: History, running: np.ndarray) -> _Known:
  """The log, and then what is running, (m, d) in the unit box.

  Of trials further out of range than `_BEYOND` only the place counts, which the next one moves from: what was learned
  of other plants are polynomials within the ranges. With four trials within and one that is 0.05, 0.1 or 0.2 of a range
  beyond it, what 100 simulated plants give within was missed by 0.061, 0.065 and 0.069 deviations on reactors (without
  that trial 0.069), 0.313, 0.319 and 0.336 on presses (0.323), 0.076 and 0.088 on mills (0.079; slower ones may have no
  response): root mean squares, 48 trials of each of 60 other plants, 2026-11-28, 2 CPU cores, JAX 0.10.2.
  """
  line, prior = adviser.line, adviser.prior
  made = len(history.x) + len(running)
  rows = -(-(made + 1) // _PAD) * _PAD
  x, y = np.zeros((rows, len(line.settings))), np.full((rows, 1 + len(line.limits)), np.nan)
  near = np.all(np.abs(history.x - 0.5) <= 0.5 + _BEYOND, axis=1)
  x[:made], y[: len(history.y)] = np.vstack([history.x, running]), np.where(near[:, None], history.y, np.nan)
  _, width = ranges(line)
  if prior is None:
    confidence, families, scale = _CONFIDENCE, None, _plain_scale(history.y[near])
  else:
    confidence, families, scale = prior.bound[0], jax.tree.map(_host, prior.families), jax.tree.map(_host, prior.scale)
  rules = tuning.Rules(
    *map(_host, (confidence, np.asarray(line.step) / width, line.trust, line.moving, max(confidence, 0.95)))
  )
  trials = Batch(_host(x), _host(np.nan_to_num(y)), np.isfinite(y))
  cost = cost_of(line)
  return _Known(families, scale, trials, _host(made, np.int32), rules, None if cost is None else _host(cost))


def _host(array: ArrayLike, kind: DTypeLike = np.float32) -> Any:
  """An `Array` to a program, and on the host until then: every operation on the device would be one of its own."""
  return np.asarray(array, kind)


def _plain_scale(y: np.ndarray) -> tuning.Scale:
  """Middle and deviation of this plant's own outcomes, (n, 1 + c) with NaN; 0 and 1 before there are enough."""
  mean, deviation = np.zeros(y.shape[1]), np.ones(y.shape[1])
  if len(y) >= _OPENING and np.isfinite(y).any(0).all():
    mean, deviation = np.nanmean(y, axis=0), np.nanstd(y, axis=0)
  one = np.ones(y.shape[1])
  return tuning.Scale(*map(_host, (mean, np.where(deviation > 0, deviation, 1.0), one, 0 * one, one)))


def _moments(belief: tuning.Belief) -> tuple[Array, Array]:
  """Mean and deviation of the mixture of hypotheses, standardised."""
  mean = tuning.expectation(belief)
  return mean, jnp.sqrt(belief.weight @ (belief.variance + jnp.square(belief.mean - mean[None])))


def _reasons(adviser: Adviser, known: _Known, z: np.ndarray, seen: _Seen, at: int, gaps: np.ndarray):
  """Lines: past plants that this one is like, gaps (plants,) in the response's unit; what limits, boxes and costs do.

  A cost is a reason where the trial would be elsewhere without it.
  """
  line, prior, proposal = adviser.line, adviser.prior, seen.proposal
  low, width = ranges(line)

  def placed(shares: np.ndarray) -> str:
    return ", ".join(f"{s.name} {value:.4g}" for s, value in zip(line.settings, low + shares * width, strict=True))

  if prior is not None:
    for plant in np.argsort(gaps)[:3]:
      apart = f"{gaps[plant]:.3g} {line.unit} apart (median)"
      yield f"it is like {prior.names[plant]}, {apart}, best at {placed(prior.best[plant])}"
  confidence = float(known.rules.confidence)
  for limit, alone in zip(line.limits, seen.alone[:, np.argmax(seen.mean)], strict=True):
    if alone < confidence:
      yield (
        f"active limit: {limit.name}, kept with a probability of {alone:.2g} where the response would be best; "
        f"{confidence:.3g} is asked for"
      )
  if float(proposal.kept[at]) < confidence:
    yield "no set-point within reach is believed to be safe enough; this one is the likeliest to keep all limits"
  made, chosen = int(known.made), np.asarray(proposal.options[at])
  last, centre = np.asarray(known.trials.x[made - 1] if made else z[0]), np.asarray(proposal.centre)
  rate = np.asarray(known.rules.rate)
  for j, (setting, to) in enumerate(zip(line.settings, chosen, strict=True)):
    if min(to, 1 - to) < 1e-3:
      yield f"{setting.name} is at the end of its range"
      continue
    if abs(abs(to - centre[j]) - line.trust) < 1e-3:
      around = f"{low[j] + centre[j] * width[j]:.4g}, the middle of the trust region"
      yield f"{setting.name} lies as far from {around}, as trust = {line.trust:g} lets it"
    if abs(abs(to - last[j]) - rate[j]) < 1e-3:
      yield f"{setting.name} moves as far as one step may"
  if _opens(prior, made):
    yield f"nothing is known of other plants: the first {_OPENING} trials are at places fixed before"
    return
  still = known._replace(rules=known.rules._replace(moving=0 * known.rules.moving))
  cheap = known if known.cost is None else known._replace(cost=_host(np.arange(len(known.cost)) == 0))
  for there, without, why in (
    (any(line.moving), still, "what moving costs holds it back"),
    (known.cost is not None, cheap, "it is chosen for its gain for the money"),
  ):
    if there and np.abs((free := np.asarray(_propose(without, z).tried)) - chosen).max() > 1e-3:
      yield f"{why}: without, the trial would be at {placed(free)}"


def _opens(prior: priors.Prior | None, made: int) -> bool:
  return prior is None and made < _OPENING


def _candidates(log: Path, start: np.ndarray) -> np.ndarray:
  """(2048, d) `tuning.sobol`, kept beside the log: SciPy's statistics, which make them, take long to import."""
  path = record.folder_of(log) / "candidates.npy"
  try:
    z = np.load(path)
    if z.shape == (CANDIDATES, len(start)) and np.array_equal(z[0], _host(start)):
      return z
  except (FileNotFoundError, ValueError, EOFError, BadZipFile):  # none yet, or not what this version keeps
    pass
  z = np.asarray(tuning.sobol(CANDIDATES, start))
  path.parent.mkdir(parents=True, exist_ok=True)
  beside = path.with_name(f"candidates.{os.getpid()}.new")  # two may ask at once
  with beside.open("wb") as file:
    np.save(file, z)
    file.flush()
    os.fsync(file.fileno())
  os.replace(beside, path)
  return z


def ask(adviser: Adviser, *, another: bool = False) -> Advice:
  """The next recommendation, on record when this returns; the last is said again until there is another trial.

  Args:
    another: a further trial while the ones that were recommended are still running.

  Raises:
    DataError: the log is wrong; names the field.
  """
  line, prior = adviser.line, adviser.prior
  low, width = ranges(line)
  history, asked = read(adviser.path, line), record.asked(adviser.path)
  running = record.running(asked, history)
  repeated = bool(running) and not another and len(history.x) == asked[-1]["rows"]
  beside = running[:-1] if repeated else running
  columns = setting_columns(line)
  settings = {row["number"]: [row["settings"][name] for name in columns] for row in asked}
  beside_u = np.asarray([settings[number] for number in beside]).reshape(len(beside), len(columns))
  known = _known(adviser, history, np.clip((beside_u - low) / width, 0.0, 1.0))

  start = (np.asarray([setting.nominal for setting in line.settings]) - low) / width
  z = _candidates(adviser.path, start)
  given = (np.asarray(settings[running[-1]]) - low) / width if repeated else np.full(len(start), np.nan)
  places = np.zeros((0, len(start))) if prior is None else prior.places
  seen = jax.tree.map(np.asarray, _look(known, z, _host(places), _host(given)))
  proposal, chosen, kept = seen.proposal, given if repeated else seen.chosen.astype(float), seen.proposal.kept
  at = int(np.argmin(np.sum((proposal.options - chosen) ** 2, axis=1)))

  tried = CANDIDATES + np.flatnonzero(np.all((history.x >= 0) & (history.x <= 1), axis=1))
  safe = tried[kept[tried] >= float(known.rules.confidence)]
  best = int(safe[np.argmax(seen.mean[safe])]) if len(safe) else 0
  if len(tried) and not len(safe):
    best = int(tried[np.argmax(kept[tried])])

  def turned(sides: np.ndarray) -> np.ndarray:
    """(..., 3) or more, as they are measured."""
    return sides if line.larger else np.concatenate([-sides[..., 2::-1], sides[..., 3:]], axis=-1)

  gaps = np.zeros(0) if prior is None else np.median(np.abs(prior.expected - seen.at_places[None]), axis=1)
  here, so_far = float(seen.expected[at]), float(seen.expected[best])
  price = np.zeros(1 + len(start)) if known.cost is None else np.asarray(known.cost, float)
  over = np.any(history.y[:, 1:] > 0, axis=1)
  broken, judged = int(over.sum()), int(np.sum(over | np.isfinite(history.y[:, 1:]).all(1)))
  number = asked[-1]["number"] + (not repeated) if asked else 1
  u = low + chosen * width
  if not repeated:
    record.write(adviser.path, number, len(history.x), beside, dict(zip(columns, map(float, u), strict=True)))
  return Advice(
    number=number,
    repeated=repeated,
    u=u,
    advised=low + proposal.advised * width,
    gain=here - so_far,
    so_far=so_far if line.larger else -so_far,
    response=turned(seen.sides[at]),
    kept=float(kept[at]),
    asked_for=float(known.rules.confidence),
    bound=None if prior is None else priors.bound_of(prior),
    broken=broken,
    judged=judged,
    own_bound=tuning.clopper_pearson(broken, judged, OWN_CONFIDENCE),
    trials=len(tried),
    reasons=tuple(_reasons(adviser, known, z, seen, at, gaps)),
    cost=float(price[0] + chosen @ price[1:]),
    spent=float(np.sum(price[0] + history.x @ price[1:])),
    slices=turned(seen.slices),
  )
