"""How often a gate is wrong where losses remember, and how long it takes, by the length of the blocks that it bets on.

python scripts/measure_gate.py

Gains of a candidate are AR(1) with deviation 0.2 of the worst loss around a true gain: phi says how much of one is left
in the next. Looked at after every block; risk 0.05, alarm_after 10,000.

Measured 2026-11-28 (JAX 0.10.2) on 2 CPU cores beside other work, in 2 minutes, 1,000 candidates each:

  promoted, %: no better, within 2,000 losses, and 5,000; worse by 0.02, within 2,000
  phi   block 1           block 5           block 10          block 20         block 40
  0     2.0, 2.6; 0.0     0.0, 1.0; 0.0     0.0, 0.0; 0.0     0.0, 0.0; 0.0    0.0, 0.0; 0.0
  0.3   13.8, 16.6; 0.1   0.8, 2.0; 0.0     0.0, 0.7; 0.0     0.0, 0.0; 0.0    0.0, 0.0; 0.0
  0.5   27.3, 32.8; 3.0   2.2, 3.8; 0.0     0.0, 1.0; 0.0     0.0, 0.0; 0.0    0.0, 0.0; 0.0
  0.9   71.5, 78.1; 47.7  30.0, 38.3; 10.3  11.1, 17.9; 1.3   0.8, 4.0; 0.0    0.0, 0.5; 0.0
  0.97  78.9, 84.6; 66.7  54.1, 63.6; 39.7  33.7, 45.2; 20.5  13.4, 23.0; 4.9  0.7, 5.7; 0.1

  losses until half are promoted: better by 0.05, 0.1, 0.2
  phi   block 1           block 5           block 10          block 20         block 40
  0     160, 72, 36       470, 230, 120     860, 430, 230     1620, 820, 440   3120, 1600, 840
  0.9   108, 65, 34       490, 245, 125     1005, 470, 240    1900, 900, 460   3600, 1720, 880

  rolled back without a change within 10,000 losses, %
  phi   block 1           block 5           block 10          block 20         block 40
  0     0.3               0.0               0.0               0.0              0.0
  0.5   47.4              0.8               0.0               0.0              0.0
  0.9   100.0             62.8              16.1              1.0              0.0
  0.97  100.0             99.5              78.9              30.2             3.9

  losses until half are rolled back, better by 0.1 for 2,000 losses and then worse by 0.2, 0.4
  phi   block 1           block 5           block 10          block 20         block 40
  0     105, 54           285, 155          480, 260          840, 460         1440, 800
  0.9   99, 50            290, 155          500, 260          860, 460         1480, 800

20 is the default: it keeps the risk up to a phi of 0.9, for which it waits 14 to 18 times as long as a bet on every
loss (versions rolled back before the change are left out of the last table). Where losses are independent that wait
buys nothing, and block=1 is right; at 0.97 it takes 40, and more for 5,000 losses. The wait is in the bound: nothing is
assumed but that losses end at `worst_loss`, so that no more than all is staked on the mean of a block, however little
it strays. Setting `worst_loss` as low as can be is what shortens it.
"""

import sys

import numpy as np
import tyro
from rich.table import Table

from mtl_jax.gate import Rules
from mtl_jax.gate.betting import Evidence, bet, bet_anew, most
from mtl_jax.job import console, exit_with_message

BLOCKS, PHIS, DEVIATION, SIDE_BY_SIDE = (1, 5, 10, 20, 40), (0.0, 0.3, 0.5, 0.9, 0.97), 0.2, 1000
LOSSES, STILL, TURNS = 5000, 10_000, 2000  # in shadow; without a change; a version that is better by 0.1 until then
RULES = Rules()


def noise(phi: float, losses: int, seed: int) -> np.ndarray:
  """(losses, SIDE_BY_SIDE) around 0."""
  draw = np.random.default_rng(seed)
  found = draw.normal(size=(losses, SIDE_BY_SIDE))
  for t in range(1, losses):
    found[t] = phi * found[t - 1] + np.sqrt(1 - phi**2) * found[t]
  return DEVIATION * found


def first(gains: np.ndarray, block: int, anew: bool) -> np.ndarray:
  """(SIDE_BY_SIDE,) losses after which there is a decision, or infinity: a promotion, or a roll-back where `anew`."""
  evidence, found = Evidence(*np.zeros((4, SIDE_BY_SIDE))), np.full(SIDE_BY_SIDE, np.inf)
  step, threshold = (bet_anew, RULES.alarm_after / block) if anew else (bet, 1 / RULES.risk)
  for number, mean in enumerate(np.clip(gains, -1, 1).reshape(-1, block, SIDE_BY_SIDE).mean(axis=1), 1):
    evidence = step(evidence, mean, most(block))
    found = np.where((evidence.log_capital >= np.log(threshold)) & np.isinf(found), number * block, found)
  return found


def show(title: str, cells: dict[float, list[str]]) -> None:
  table = Table("phi", *(f"block {block}" for block in BLOCKS))
  for phi, row in cells.items():
    table.add_row(f"{phi:g}", *row)
  console.print(title, table)


def main() -> None:
  wrong, wait, still, late = ({phi: [] for phi in PHIS} for _ in range(4))
  for phi in PHIS:
    around, long = noise(phi, LOSSES, 0), noise(phi, STILL, 1)
    for block in BLOCKS:
      no_better, worse = (first(around + gain, block, False) for gain in (0.0, -0.02))
      rates = (100 * (each <= losses).mean() for each, losses in ((no_better, 2000), (no_better, 5000), (worse, 2000)))
      wrong[phi].append("{:.1f}, {:.1f}; {:.1f}".format(*rates))
      waits = (np.median(first(around + gain, block, False)) for gain in (0.05, 0.1, 0.2))
      wait[phi].append("{:.0f}, {:.0f}, {:.0f}".format(*waits))
      still[phi].append(f"{100 * np.isfinite(first(long, block, True)).mean():.1f}")
      turned = [around + np.where(np.arange(LOSSES) < TURNS, -0.1, bad)[:, None] for bad in (0.2, 0.4)]
      ends = (first(gains, block, True) - TURNS for gains in turned)
      late[phi].append("{:.0f}, {:.0f}".format(*(np.median(end[end > 0]) for end in ends)))
  show("promoted, %: no better, within 2,000 losses, 5,000; worse by 0.02, within 2,000", wrong)
  show("losses until half are promoted: better by 0.05, 0.1, 0.2", wait)
  show("rolled back without a change within 10,000 losses, %", still)
  show("losses until half are rolled back, better by 0.1 for 2,000 losses and then worse by 0.2, 0.4", late)


if __name__ == "__main__":
  exit_with_message(lambda argv: tyro.cli(main, args=argv, description=__doc__), sys.argv[1:])
