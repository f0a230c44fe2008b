"""Which methods are replayed, with which settings, and how those were chosen."""

import itertools
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from mtl_jax.emissions.controls import anew, changes, forgetting, frozen, last_error, last_value, window
from mtl_jax.emissions.learned import FEW_SHOT, alpaca, memory, moca, steps
from mtl_jax.emissions.turbine import DAY, WEEK, Method, load, mean, past, stream

GRID: dict[str, tuple[Callable[..., Method], dict[str, tuple]]] = {
  "window": (window, {"window": (72, 168, 336), "penalty": (10.0, 100.0)}),
  "forgetting": (forgetting, {"kept": (0.97, 0.98, 0.99, 0.995), "penalty": (3.0, 10.0, 30.0)}),
  "changes": (changes, {"hazard": (0.003, 0.01, 0.03), "penalty": (3.0, 10.0, 30.0)}),
  "alpaca": (alpaca, {"kept": (0.97, 0.98, 0.99)}),
  "moca": (moca, {"hazard": (0.003, 0.01)}),
  "head": (partial(steps, "head"), {"recent": (12, 24), "trial": (24, 168)}),
  "FiLM": (partial(steps, "FiLM"), {"recent": (12,), "trial": (168,)}),  # as the head
  "LoRA": (partial(steps, "LoRA"), {"recent": (12,), "trial": (168,)}),
  "ungated": (partial(steps, "head", trial=None), {"recent": (12, 24)}),
  "r2d2": (partial(memory, "r2d2"), {"rate": (3e-4, 1e-3)}),
  "anp": (partial(memory, "anp"), {"rate": (3e-4, 1e-3)}),
  "in_context": (partial(memory, "in_context"), {"rate": (1e-4, 3e-4)}),
}
CHOSEN: dict[str, dict[str, Any]] = {
  "window": {"window": 168, "penalty": 100.0},
  "forgetting": {"kept": 0.98, "penalty": 30.0},
  "changes": {"hazard": 0.03, "penalty": 30.0},
  "alpaca": {"kept": 0.98},
  "moca": {"hazard": 0.003},
  "head": {"recent": 12, "trial": 168},
  "FiLM": {"recent": 12, "trial": 168},
  "LoRA": {"recent": 12, "trial": 168},
  "ungated": {"recent": 12},
  "r2d2": {"rate": 3e-4},
  "anp": {"rate": 3e-4},
  "in_context": {"rate": 3e-4},
}


def methods() -> list[Method]:
  """All that are replayed, with the settings that `choose` chose."""
  chosen = {name: make(**CHOSEN[name]) for name, (make, _) in GRID.items()}
  plain = [alpaca(1.0), *(memory(kind, 0.0) for kind in FEW_SHOT), anew("week", WEEK), anew("night", DAY)]
  return [frozen(), last_value(), last_error(), *chosen.values(), *plain]


def choose(names: Iterable[str]) -> Iterator[dict[str, Any]]:
  """Every setting of these in `GRID` on 2012, after 2011, labels 24 h late: errors relative to the frozen trees'."""
  rows = load()
  before, then = past(rows.of(2011)), stream(rows.of(2012), 24)
  usual = np.abs(before.trees(then.x) - then.y).mean(0)
  for name in names:
    make, grid = GRID[name]
    for values in itertools.product(*grid.values()):
      setting = dict(zip(grid, values, strict=True))
      error = np.abs(mean(make(**setting).predict(before, then, 24, 0)) - then.y).mean(0)
      yield {"method": name, **setting, "error": error.tolist(), "score": float(np.mean(error / usual))}
