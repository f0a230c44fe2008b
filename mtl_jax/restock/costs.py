"""What levels cost, and how soon a policy has recovered."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax import inventory, online
from mtl_jax.evaluate import interval
from mtl_jax.inventory import Costs, Period, Stock, regimes
from mtl_jax.restock.own import oracle
from mtl_jax.restock.problem import Problem
from mtl_jax.types import Array

FIXED = 20.0  # K, where orders cost
RECENT = 8  # periods that recovery is judged over
RECOVERED = 1.25  # times the oracle's cost


@jax.jit
def _simulated(stock: Stock, level: Array, lot: Array, sold: Array, lead: Array, costs: Costs) -> Period:
  def of_product(stock: Stock, level: Array, lot: Array, sold: Array) -> Period:
    return inventory.simulate(stock, level, level + lot, sold, jnp.broadcast_to(lead, level.shape), costs)[1]

  return jax.vmap(of_product)(stock, level, lot, sold)


def replayed(problem: Problem, level: np.ndarray, start: np.ndarray, short: float, fixed: float) -> Period:
  """What happens from `cut` on, leaves (products, periods).

  Levels, at least 0, are rounded to whole units. Where an order costs `fixed`, the level is the reorder point, and what
  is ordered goes beyond it by the economic order quantity sqrt(2 K m / h) of the mean demand m before `cut`.

  Args:
    level: (products, periods from `cut` on); start: (products,) the position that all begin with.
  """
  mean = np.round(problem.sold[:, : problem.cut].mean(1))
  lot = np.round(np.sqrt(2.0 * fixed * problem.sold[:, : problem.cut].mean(1)))
  coming = np.pad(np.repeat(mean[:, None], problem.lead, axis=1), ((0, 0), (0, 1)))
  whole = np.round(np.maximum(level, 0.0))
  numbers = (np.round(start) - problem.lead * mean, coming, whole, lot, problem.sold[:, problem.cut :])
  net, due, levels, lots, sold = (jnp.asarray(leaf, jnp.float32) for leaf in numbers)
  costs = Costs(*(jnp.asarray(cost) for cost in (1.0, short, fixed)))
  return _simulated(Stock(net, due), levels, lots, sold, jnp.asarray(problem.lead), costs)


def _recovery(problem: Problem, group: str, cost: np.ndarray, least: np.ndarray) -> float | None:
  """Mean periods from a change at once until the mean cost (periods,) of `RECENT` periods is near the oracle's."""
  periods = problem.sold.shape[1]
  at = regimes.changes(group, periods) if group in regimes.REGIMES else np.zeros(0, int)
  at = at[(at >= problem.cut) & (at < periods - RECENT)]
  if not len(at):
    return None
  time = np.arange(problem.cut, periods)
  stream, level = online.stream(time, time, np.zeros((len(time), 1))), RECOVERED * float(least.mean())
  waits = []
  for since, until in zip(at, [*at[1:], periods], strict=True):
    part = stream._replace(time=stream.time[stream.time < until])
    found = online.time_to_recover(part, cost[: len(part.time)], float(since), RECENT, level)
    waits.append(min(found, float(until - since)))
  return float(np.mean(waits))


def over(cost: np.ndarray, other: np.ndarray) -> tuple[float, float, float]:
  """Mean cost over mean cost, each (products,) or (seeds, products), and its 95 % interval.

  Products are drawn in pairs, and seeds where there are any. The bootstrap is that of the ratio's linear part,
  mean(cost - ratio other) / mean(other).
  """
  ratio = float(cost.mean() / other.mean())
  _, low, high = interval((cost - ratio * other) / other.mean())
  return ratio, ratio + low, ratio + high


def scores(
  problem: Problem, method: str, levels: np.ndarray, usual: np.ndarray, short: float, fixed: float
) -> list[dict[str, Any]]:
  """A row for each group, and of several for all: costs a period, and over those of the static policy's levels `usual`.

  Fill is the share of demand that is served at once, cycle that of periods at whose end nobody waits.

  Args:
    levels: (seeds, products, periods from `cut` on).
    usual: (products, periods from `cut` on).
  """
  start = usual[:, 0]
  each = [replayed(problem, level, start, short, fixed) for level in levels]
  costs, owed, at_once = (np.stack([getattr(period, of) for period in each]) for of in ("cost", "short", "served"))
  static = replayed(problem, usual, start, short, fixed)
  least = None if problem.truth is None else replayed(problem, oracle(problem, short), start, short, fixed)
  found = []
  for group in dict.fromkeys([*problem.group, "all"]):
    kept = (problem.group == group) | (group == "all")
    cost, before = costs[:, kept], np.asarray(static.cost)[kept]
    served, sold = at_once[:, kept].sum((1, 2)).mean(), problem.sold[kept, problem.cut :].sum()
    relative, low, high = over(cost.mean(2), before.mean(1))
    row = {
      "method": method,
      "seeds": len(levels),
      "short": short,
      "fixed": fixed,
      "group": group,
      "cost": float(cost.mean()),
    }
    row |= {"relative": relative, "low": low, "high": high, "fill": float(served / sold)}
    row |= {"cycle": float((owed[:, kept] == 0).mean())}
    row |= {"by_period": cost.mean((0, 1)).tolist(), "by_product": cost.mean(2).tolist()}
    if least is not None:
      best = np.asarray(least.cost)[kept].mean(0)
      waits = [_recovery(problem, group, of_seed.mean(0), best) for of_seed in cost]
      known = [wait for wait in waits if wait is not None]
      row["recovery"] = float(np.mean(known)) if known else None
    found.append(row)
  return found
