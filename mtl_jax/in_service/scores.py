"""What a method is worth on a source: errors with intervals, against frozen trees, costs, and recovery from changes."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mtl_jax import online
from mtl_jax.emissions import mean
from mtl_jax.evaluate import ENOUGH_UNITS, interval
from mtl_jax.in_service.methods import Method, Ready
from mtl_jax.online import Normal

WORSE = 1.25  # times the error of frozen trees in calm: at most that is recovered
COURSE = 40  # parts of service, equally long


def _recovered(ready: Ready, loss: np.ndarray) -> dict[str, tuple[float, bool]]:
  """Change -> (time to recover, whether that came before the next change; else the time until then).

  Counted from when frozen trees have erred by more than `WORSE` times what they err by in calm, over `window` rows
  since the change, until the method's error over as many rows since then is not more than that; a change that they
  never show is left out. Calm is service before the changes, or the second half of the history where there is none.
  """
  source, found = ready.source, {}
  running, calm, trees = source.running, source.calm, _first(ready, ready.trees)
  most = WORSE * float(trees[calm].mean() if calm.any() else ready.usual)
  until = [*list(source.changes.values())[1:], running.time[-1] + 1.0]
  for (name, since), end in zip(source.changes.items(), until, strict=False):  # where nothing changes there is no pair
    some = (running.time >= since) & (running.time < end)
    part = running._replace(time=running.time[some])
    total = np.cumsum(np.concatenate([[0.0], trees[some]]))
    bad = (total[source.window :] - total[: -source.window]) / source.window > most
    if bad.any():
      shown = float(part.time[source.window - 1 :][bad.argmax()])
      time = online.time_to_recover(part, loss[some], shown, source.window, most)
      found[name] = (time, True) if np.isfinite(time) else (end - shown, False)
  return found


def _first(ready: Ready, found: np.ndarray) -> np.ndarray:
  return next(iter(ready.source.losses.values()))(found, ready.source.running.y)


def scores(ready: Ready, method: Method, seeds: int) -> dict[str, Any]:
  """One row.

  Returns: losses: name -> mean, low, high of a 95 % interval over parts and seeds; against: of the difference of the
  first loss to frozen trees'; by_part: (seeds, parts) means of the first loss, sizes: (parts,) rows of each, for
  `paired`; cost: sum of the first loss and of the labels paid for; recovered: change -> time and
  whether it came, of the mean over seeds; course: mean of the first loss in each of `COURSE` parts of service;
  within: share of labels within the 90 % interval of those that know their uncertainty.
  """
  source, running = ready.source, ready.source.running
  found = [method.predict(ready, seed) for seed in range(seeds if method.random else 1)]
  every = {name: np.stack([loss(mean(one), running.y) for one in found]) for name, loss in source.losses.items()}
  first = next(iter(every.values()))
  part = np.unique(source.part, return_inverse=True)[1]
  if part.max() + 1 < ENOUGH_UNITS:  # as `interval` has it: rows are drawn
    part = np.arange(len(part))
  sizes = np.bincount(part)
  paid = running if method.pays else running._replace(matures=np.full(len(running.time), np.inf))
  edges = np.linspace(running.time[0], running.time[-1], COURSE + 1)[1:-1]
  at = np.searchsorted(edges, running.time, side="right")
  count = np.maximum(np.bincount(at, minlength=COURSE), 1)
  row = {
    "method": method.name,
    "seeds": len(found),
    "losses": {name: interval(values, source.part) for name, values in every.items()},
    "against": interval(first - _first(ready, ready.trees)[None], source.part),
    "by_part": [(np.bincount(part, weights=of_seed) / sizes).tolist() for of_seed in first],
    "sizes": sizes.tolist(),
    "cost": float(online.cumulative_cost(paid, first.mean(0))[-1]),
    "recovered": _recovered(ready, first.mean(0)),
    "course": (np.bincount(at, weights=first.mean(0), minlength=COURSE) / count).tolist(),
  }
  knows = [one for one in found if isinstance(one, Normal)]
  if knows:
    inside = [np.abs(one.mean - running.y) <= 1.645 * np.sqrt(one.variance) for one in knows]
    row["within"] = float(np.mean(inside))
  return row


def paired(row: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[float, float, float]:
  """The first loss of a row of `scores` less that of another on the same source, and its 95 % interval.

  Parts are drawn for both together, and seeds, of which both have the first ones, or one of them is not random.
  """
  seeds = min((one["seeds"] for one in (row, other) if one["seeds"] > 1), default=1)
  mine, theirs = (np.repeat(np.asarray(one["by_part"][:seeds]), one["sizes"], axis=1) for one in (row, other))
  return interval(mine - theirs, np.repeat(np.arange(len(row["sizes"])), row["sizes"]))
