"""Products over time: what was sold until a cut, and what is replayed after it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mtl_jax import inventory
from mtl_jax.data import carparts, sales_weekly
from mtl_jax.inventory import regimes

SHORT = (4.0, 19.0)  # b: what a unit short costs for a period, where a unit left over costs 1
PRODUCTS, REPLAYED = 60, 156  # simulated products of each regime, and periods


@dataclass(frozen=True, eq=False)
class Problem:
  """Products over time."""

  sold: np.ndarray  # (products, periods) units
  group: np.ndarray  # (products,) str, the regime
  cut: int  # the first period that is replayed
  memory: int  # periods that a network reads
  lead: int = 2
  truth: tuple[np.ndarray, np.ndarray] | None = None  # mean and variance of what each order has to cover, simulated
  earlier: "Problem | None" = None  # what settings are chosen on


def load(name: Literal["weekly_sales", "car_parts", "regimes"], products: int = PRODUCTS) -> Problem:
  """The products and the periods: 20 weeks and 32 replayed, 27 months and 24, or 104 simulated periods and 156."""
  truth, group = None, np.array(["all"])
  if name == "regimes":
    cut, before, memory, lead = 104, 52, 16, 2
    drawn = [regimes.simulated(regime, products, cut + REPLAYED + lead, 0) for regime in regimes.REGIMES]
    sold, mean, d = (np.concatenate(leaf) for leaf in zip(*drawn, strict=True))
    truth = inventory.to_cover(mean, lead), inventory.to_cover(mean * d, lead)
    sold, group = sold[:, :-lead], np.repeat(regimes.REGIMES, products)
  elif name == "weekly_sales":
    cut, before, memory = 20, 12, 8
    sold = sales_weekly.load().labels["units_sold"].reshape(-1, 52).astype(float)
  else:
    cut, before, memory = 27, 15, 12
    sold = carparts.load().labels["units_sold"].reshape(-1, 51).astype(float)
    sold = sold[~np.isnan(sold).any(1)]
  group = np.broadcast_to(group, len(sold))
  return Problem(sold, group, cut, memory, 2, truth, Problem(sold[:, :cut], group, before, memory))


def size(problem: Problem) -> np.ndarray:
  """(products,) mean demand before `cut`, and of one period with one unit."""
  return (1.0 + problem.sold[:, : problem.cut].sum(1)) / (1.0 + problem.cut)


def others(problem: Problem) -> list[tuple[np.ndarray, np.ndarray]]:
  """The products learned from and the products replayed, in two turns."""
  half = np.random.default_rng(0).permutation(len(problem.sold)) % 2
  return [(np.flatnonzero(half != turn), np.flatnonzero(half == turn)) for turn in (0, 1)]


def ratio(short: float) -> float:
  return short / (short + 1.0)


def windows(problem: Problem, first: int, memory: int) -> np.ndarray:
  """(products, periods from `first` on, memory): what was sold just before each."""
  rolled = np.lib.stride_tricks.sliding_window_view(problem.sold[:, first - memory : -1], memory, axis=1)
  return np.ascontiguousarray(rolled, np.float32)
