"""All policies that are replayed, and the settings that each may choose from."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mtl_jax.restock import linear, own, process, trees
from mtl_jax.restock.costs import replayed
from mtl_jax.restock.problem import Problem

_KINDS = ("normal", "negative binomial")
_ALL_KINDS = ("empirical", *_KINDS)
_RATES, _STEPS, _WINDOWS = (0.05, 0.1, 0.2, 0.4), (0.02, 0.05, 0.1, 0.2, 0.4), (6, 8, 13, 26, 52, 1000)


class Method(NamedTuple):
  """levels(problem, b, **setting) -> (products, periods from `cut` on), and the settings to choose from.

  `random`: levels take a `seed` too, 0 where it is not given.
  """

  name: str
  levels: Callable[..., np.ndarray]
  grid: dict[str, tuple] = {}  # noqa: RUF012  never changed
  random: bool = False


def methods(problem: Problem) -> list[Method]:
  """All that are replayed; the first is what the others are compared with."""
  windows = tuple(w for w in _WINDOWS if w < problem.cut or w == _WINDOWS[-1])
  smoothing = {"size": _RATES, "kind": _KINDS, "error": (0.05, 0.2)}
  every = max(4, (problem.sold.shape[1] - problem.cut) // 12)
  found = [
    Method("static base-stock", own.static, {"kind": _ALL_KINDS}),
    Method("static, pooled", own.pooled_static),
    Method("fitted anew every period", own.refitted, {"window": windows, "kind": _ALL_KINDS}),
    Method("exponential smoothing", partial(own.smoothed, name="exponential"), smoothing),
    Method("Croston, SBA", partial(own.smoothed, name="croston"), smoothing),
    Method("TSB", partial(own.smoothed, name="tsb"), {**smoothing, "chance": (0.05, 0.1, 0.2)}),
    Method("online gradient", own.online_gradient, {"rate": _STEPS, "kind": _ALL_KINDS}),
    Method("conformal smoothing", own.conformal_smoothing, {"size": _RATES, "rate": _STEPS}),
    Method("pooled boosting", partial(trees.boosted, every=0)),
    Method("pooled boosting, fitted anew", partial(trees.boosted, every=every)),
    Method("alpaca", linear.alpaca, {"kept": (0.9, 0.97, 1.0)}, random=True),
    Method("cnp", process.cnp, random=True),
    Method("conformal cnp", process.conformal_cnp, {"rate": _STEPS}, random=True),
  ]
  return found if problem.truth is None else [*found, Method("oracle", own.oracle)]


def chosen(problem: Problem, method: Method, short: float) -> dict[str, Any]:
  """The setting that costs least in the periods before `cut`; ties go to the first."""
  past, best = problem.earlier, (float("inf"), {})
  assert past is not None
  settings = [dict(zip(method.grid, values, strict=True)) for values in itertools.product(*method.grid.values())]
  for setting in settings if len(settings) > 1 else ():
    start = own.static(past, short, "negative binomial")[:, 0]
    cost = float(replayed(past, method.levels(past, short, **setting), start, short, 0.0).cost.mean())
    best = min(best, (cost, setting), key=lambda found: found[0])
  return best[1]
