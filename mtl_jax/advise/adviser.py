"""The next trial of one plant from its log: where, what is expected of it, and why.

Beside LOG lies the folder LOG.advice: `asked.jsonl` with every recommendation, `prior.npz`, what was learned of other
plants, and `candidates.npy`. All can be thrown away; the log is all that a recommendation follows from.
"""

from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from mtl_jax import tuning
from mtl_jax.advise import prior as priors
from mtl_jax.advise import record
from mtl_jax.advise.history import read
from mtl_jax.advise.line import Line, ranges, setting_columns
from mtl_jax.advise.outlook import CANDIDATES, OPENING, Known, Seen, candidates, host, known_of, look, opens, propose

OWN_CONFIDENCE = 0.95  # one-sided, of the bound from this plant's own trials


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


def _reasons(adviser: Adviser, known: Known, z: np.ndarray, seen: Seen, at: int, gaps: np.ndarray):
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
  if opens(prior, made):
    yield f"nothing is known of other plants: the first {OPENING} trials are at places fixed before"
    return
  still = known._replace(rules=known.rules._replace(moving=0 * known.rules.moving))
  cheap = known if known.cost is None else known._replace(cost=host(np.arange(len(known.cost)) == 0))
  for there, without, why in (
    (any(line.moving), still, "what moving costs holds it back"),
    (known.cost is not None, cheap, "it is chosen for its gain for the money"),
  ):
    if there and np.abs((free := np.asarray(propose(without, z).tried)) - chosen).max() > 1e-3:
      yield f"{why}: without, the trial would be at {placed(free)}"


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
  known = known_of(line, prior, history, np.clip((beside_u - low) / width, 0.0, 1.0))

  start = (np.asarray([setting.nominal for setting in line.settings]) - low) / width
  z = candidates(record.folder_of(adviser.path), start)
  given = (np.asarray(settings[running[-1]]) - low) / width if repeated else np.full(len(start), np.nan)
  places = np.zeros((0, len(start))) if prior is None else prior.places
  seen = jax.tree.map(np.asarray, look(known, z, host(places), host(given)))
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
