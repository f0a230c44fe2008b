"""What is known of plants of a kind before the first trial: learned from the logs of others once, and kept."""

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax import tuning
from mtl_jax.advise.history import columns_of, numbers, scaled
from mtl_jax.advise.line import Line, inward, outcome_columns, setting_columns
from mtl_jax.data import DataError
from mtl_jax.disk import replacing
from mtl_jax.tasks.processes import Plant
from mtl_jax.types import Array, Batch

_VERSION = 3  # of what is kept, and of the rule that its bound is of
_PLACES = 128  # at which plants are compared
WIDTH = 2.0  # of the upper bound
_FEWEST = 4  # plants, so that each half has two


class Prior(NamedTuple):
  """Attributes:
  scale: of 1 + c outcomes; families: stacked, of 1 + c outcomes
  bound: (4,) a `tuning.Bound`
  places: (128, d) in the unit box; expected: (plants, 128) what each other plant gives there, in the response's unit
  best: (plants, d) where each of them is expected to be best
  names: (plants,)
  """

  scale: tuning.Scale
  families: tuning.Family
  bound: np.ndarray
  places: np.ndarray
  expected: np.ndarray
  best: np.ndarray
  names: np.ndarray


class Others(NamedTuple):
  """Logs of other plants: x (plants, n, d) in the unit box; y (plants, n, 1 + c), NaN where nothing was measured; made
  (plants, n); outside: trials that are left out because they are out of range, from 1 on, as `History` has them."""

  x: np.ndarray
  y: np.ndarray
  made: np.ndarray
  names: np.ndarray
  outside: Mapping[int, str]


def others_of(line: Line) -> Others | None:
  """From the table that the settings file names.

  Raises:
    DataError: names the column or trial that is wrong.
  """
  if line.others is None:
    return None
  table, where = columns_of(line.others.table), str(line.others.table)
  if line.others.plant not in table:
    raise DataError(f"{where} has no column {line.others.plant!r}, which others.plant names; it has {[*table]}")
  x, outside = scaled(line, numbers(table, setting_columns(line), where), where)
  y = inward(line, numbers(table, outcome_columns(line), where))
  inside = ~np.isin(np.arange(len(x)) + 1, [*outside])
  x, y = x[inside], y[inside]
  names, owner = np.unique(np.asarray([*map(str, table[line.others.plant])])[inside], return_inverse=True)
  if len(names) < _FEWEST:
    raise DataError(f"{where}: {line.others.plant!r} names {len(names)} plants; others needs at least {_FEWEST}")
  most = np.bincount(owner).max()
  shape = len(names), most
  empty = np.zeros((*shape, x.shape[1])), np.full((*shape, y.shape[1]), np.nan), np.zeros(shape, bool)
  padded = Others(*empty, names, outside)
  for plant in range(len(names)):
    rows = np.flatnonzero(owner == plant)
    padded.x[plant, : len(rows)], padded.y[plant, : len(rows)] = x[rows], y[rows]
    padded.made[plant, : len(rows)] = True
  return padded


def simulated(plant: Plant, plants: int = 100, trials: int = 48) -> Others:
  """Logs of a simulated kind of plant, with noise of 5 % of each outcome's deviation."""
  logs, _ = tuning.logs(jax.random.key(0), plant, plants, trials, 0.05)
  names = np.asarray([f"simulated {n}" for n in range(plants)])
  return Others(np.asarray(logs.x), np.asarray(logs.y, float), np.asarray(logs.mask[..., 0]), names, {})


@partial(jax.jit, static_argnames="steps")
def _fit(x: Array, y: Array, known: Array, steps: int) -> tuning.Family:
  """Of every outcome; y standardised."""
  columns = jnp.moveaxis(y, -1, 0), jnp.moveaxis(known, -1, 0)
  return jax.lax.map(lambda of: tuning.fit_family(Batch(x, *of), steps=steps), columns)


def bound_of(prior: Prior) -> tuning.Bound:
  confidence, share, bound, plants = map(float, prior.bound)
  return tuning.Bound(confidence, share, bound, round(plants))


def surrogates_of(families: tuning.Family) -> tuple[tuning.Surrogate, ...]:
  count = len(families.log_signal)
  return tuple(tuning.family_surrogate(jax.tree.map(lambda leaf, j=j: leaf[j], families)) for j in range(count))


def acquisition_of(cost: Array | None) -> tuple[tuning.Acquisition, tuning.Cost | None]:
  """What a trial is chosen by; cost (1 + d,) as `advise.cost_of` has it."""
  if cost is None:
    return tuning.upper_bound(WIDTH), None
  return tuning.expected_improvement, lambda z: cost[0] + z @ cost[1:]


@partial(jax.jit, static_argnames="trials")
def _broken(
  families: tuning.Family, scale: tuning.Scale, logs: Batch, confidence: Array, trials: int, cost: Array | None
) -> Array:
  """(plants,) share of trials that break a limit."""
  rules, (acquisition, cost_at) = tuning.Rules(confidence=confidence), acquisition_of(cost)
  made = tuning.replay(logs, surrogates_of(families), acquisition, scale, rules, trials, cost_at)
  return jnp.mean(tuning.broken(made.gave).astype(jnp.float32), axis=1)


@jax.jit
def _expected(families: tuning.Family, scale: tuning.Scale, logs: Batch, z: Array) -> tuple[Array, Array]:
  """(plants, q) what is expected of each plant after its log, in the response's unit, and whether limits are kept."""
  border = jax.tree.map(lambda leaf: leaf[1:], scale)
  first = jax.tree.map(lambda leaf: leaf[0], scale)

  def of(log: Batch) -> tuple[Array, Array]:
    y = jnp.where(log.mask, tuning.standardise(scale, log.y), 0.0)
    beliefs = [s(Batch(log.x, y[:, j], log.mask[:, j]), z) for j, s in enumerate(surrogates_of(families))]
    kept = tuning.probability_kept(beliefs[1:], border) > 0.5
    return tuning.restore(first, tuning.expectation(beliefs[0])), jnp.broadcast_to(kept, (len(z),))

  return jax.lax.map(of, logs)


def learn(others: Others, risk: float, *, cost: np.ndarray | None = None, trials: int = 8, steps: int = 400) -> Prior:
  """Everything that is kept; cost (1 + d,) as `advise.cost_of` has it.

  The confidence comes from replays on each half of the plants with what was learned from the other half: of at most
  `trials`, and of as many as half of the plants have with every outcome measured. These trials are chosen as `ask`
  chooses, by the gain for the money where there is a cost, but without `step`, `trust` and `moving`, since places on
  record are where they are. What serves is learned from all plants, as is the scale, so that the bound is one of
  cross-fitting, which the theorem does not cover.

  Raises:
    DataError: most plants have no trial with every outcome measured.
  """
  known = np.isfinite(others.y) & others.made[..., None]
  whole, shares = np.all(known, axis=-1), []
  price = None if cost is None else jnp.asarray(cost, jnp.float32)
  trials = min(trials, int(np.median(whole.sum(1))))
  if trials < 1:
    raise DataError("most of the other plants have no trial in which the response and every limit were measured")
  scale = tuning.scale_of(others.y[others.made])
  y = jnp.asarray(np.nan_to_num(others.y), jnp.float32)
  x = jnp.asarray(others.x, jnp.float32)
  shaped = tuning.standardise(scale, y)
  families = _fit(x, shaped, jnp.asarray(known), steps)
  plants, outcomes = len(others.names), others.y.shape[-1]
  for part in (0, 1) if outcomes > 1 else ():
    tested = np.arange(plants) % 2 == part
    half = _fit(x[~tested], shaped[~tested], jnp.asarray(known[~tested]), steps)
    asked = tested & (whole.sum(1) >= trials)
    logs = Batch(x[asked], y[asked], jnp.asarray(whole[asked]))
    if asked.any():
      shares.append([_broken(half, scale, logs, jnp.asarray(c), trials, price) for c in tuning.CONFIDENCES])
  if shares:
    bound = tuning.bound_of(np.concatenate([np.asarray(each) for each in shares], axis=1), tuning.CONFIDENCES, risk)
  else:
    bound = tuning.Bound(0.5, 0.0, 0.0, plants)
  first = others.x[others.made][0]
  places, fine = np.asarray(tuning.sobol(_PLACES, first)), tuning.sobol(1024, first)
  logs = Batch(x, y, jnp.asarray(known))
  expected, _ = _expected(families, scale, logs, jnp.asarray(places))
  found, kept = (np.asarray(each) for each in _expected(families, scale, logs, fine))
  best = np.asarray(fine)[np.argmax(np.where(kept | ~kept.any(1, keepdims=True), found, -np.inf), axis=1)]
  return Prior(scale, families, np.asarray(bound), places, np.asarray(expected), best, others.names)


def fingerprint(line: Line, kind: str, risk: float) -> str:
  """Of everything that a prior is learned from."""
  found = hashlib.sha256(
    repr(
      (
        _VERSION,
        kind,
        risk,
        line.settings,
        line.response,
        line.larger,
        line.limits,
        line.trial,
        line.others and line.others.plant,
      )
    ).encode()
  )
  if line.others is not None:
    found.update(line.others.table.read_bytes() if line.others.table.is_file() else b"")
  return found.hexdigest()


def kept(path: Path, mark: str, learned: Callable[[], Prior]) -> Prior:
  """From `path` if that is of the same `mark`, and otherwise learned and kept there, whole or not at all."""
  leaves, structure = jax.tree.flatten(Prior(tuning.Scale(*[0] * 5), tuning.Family(*[0] * 7), *[0] * 5))  # pyright: ignore[reportArgumentType]
  try:
    with path.open("rb") as file, np.load(file) as stored:
      if str(stored["mark"]) == mark:
        return jax.tree.unflatten(structure, [stored[f"leaf{n}"] for n in range(len(leaves))])
  except (FileNotFoundError, KeyError, ValueError, BadZipFile):  # none yet, or not what this version keeps
    pass
  prior = learned()
  with replacing(path) as file:
    leaves = {f"leaf{n}": np.asarray(leaf) for n, leaf in enumerate(jax.tree.leaves(prior))}
    np.savez(file, mark=mark, **leaves)  # pyright: ignore[reportArgumentType]
  return prior
