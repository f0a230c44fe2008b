"""Which methods are replayed, and how much each of them remembers: chosen on the history alone."""

from collections.abc import Callable, Iterable
from typing import Any

from mtl_jax.emissions import mean
from mtl_jax.in_service import learned
from mtl_jax.in_service.methods import (
  Method,
  anew,
  by_habit,
  changes,
  forgetting,
  frozen,
  network,
  ready,
  river,
  window,
)
from mtl_jax.in_service.source import Source, earlier

TIMES = (1, 3, 10)
TUNED: dict[str, Callable[[int], Method]] = {
  "window": window,
  "forgetting": forgetting,
  "changes": changes,
  "alpaca": learned.alpaca,
  "moca": learned.moca,
}
CHOSEN: dict[str, dict[str, int]] = {
  "engines": dict.fromkeys(TUNED, 10),  # `forgetting` alone was chosen, and the others follow it
  "conditions": dict.fromkeys(TUNED, 10),  # as on the other fleet
  "rig": {"window": 3, "forgetting": 3, "changes": 1, "alpaca": 10, "moca": 1},
  "sales": dict.fromkeys(TUNED, 3),  # a round number, not chosen
  "plant": {"window": 10, "forgetting": 10, "changes": 10, "alpaca": 10, "moca": 1},
}


def methods(name: str, source: Source, with_river: bool = False) -> list[Method]:
  """All that are replayed on the source of that name, with the memories that `choose` chose."""
  tuned = [make(CHOSEN[name][what]) for what, make in TUNED.items()]
  plain = [frozen(), network(), *map(by_habit, source.habits), anew()]
  buys = [learned.alpaca_that_buys(CHOSEN[name]["alpaca"], source.running)] if source.running.cost.any() else []
  return [*plain, *tuned, learned.sliding(), *buys, *([river()] if with_river else [])]


def choose(source: Source, names: Iterable[str]) -> list[dict[str, Any]]:
  """The first loss of every memory on the second half of the history, after learning the first.

  Args:
    names: keys of `TUNED`.
  """
  past, found = ready(earlier(source)), []
  loss = next(iter(source.losses.values()))
  for name in names:
    for times in TIMES:
      value = loss(mean(TUNED[name](times).predict(past, 0)), past.source.running.y).mean()
      found.append({"method": name, "times": times, "loss": float(value)})
  return found
