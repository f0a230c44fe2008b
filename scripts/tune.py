"""Tune plants never seen before by few noisy trials: how far is the advised set-point from the best one?

python scripts/tune.py williams_otto
python scripts/tune.py hartmann3 --plants 20 --seeds 2

A plant is drawn from its family; a trial is one noisy measurement of its response at a set-point. After every trial a
method advises a set-point; regret is what the plant's best gives more, without noise. Methods:

  family, UCB / EI   a Gaussian process learned from logs of other plants (mtl_jax/tuning/family.py), and where its
                     upper bound (mean + 2 deviations), or expected improvement, is highest
  GP, EI             one that knows this plant's trials and the mean and deviation of others (mtl_jax/tuning/gp.py);
                     it begins at the nominal set-point and advises what was tried, which is the better way for it
  GP, Sobol          the same, with trials at Sobol points
  nominal            the set-point that plants of the kind begin with, always

Measured 2026-11-27, 2 CPU cores beside other work, JAX 0.10.2, 60 plants, 5 seeds, 95 % intervals over plants and
seeds. The other 200 plants have 64 trials each, at a noise of 5 % of the response's deviation (4.4 $/s). The width of
the bound was chosen among 1, 1.5 and 2, and the degree of the polynomial among 4, 6 and 8, on other reactors.

  williams_otto, $/s   after 1 trial     2                 3                 4                 8                 15
  family, UCB          9.3 (7.1-11.8)    1.4 (1.1-1.8)     0.80 (0.60-1.07)  0.74 (0.56-0.96)  0.66 (0.52-0.81)  0.56
  family, EI          10.0 (7.7-12.6)    2.3 (1.9-2.9)     1.68 (1.28-2.17)  1.53 (1.17-1.97)  1.28 (1.02-1.61)  0.89
  GP, EI              12.4 (9.8-14.9)   11.1 (8.8-13.3)    9.7 (7.6-11.8)    8.4 (6.6-10.1)    3.3 (2.6-4.0)     1.28
  GP, Sobol           12.4 (9.8-14.9)   11.8 (9.3-14.2)   11.2 (8.9-13.6)   11.3 (9.0-13.7)    6.3 (5.0-7.8)     3.81
  nominal             12.4 (9.8-14.9) throughout

  Family, UCB is ahead of GP, EI at every count from 1 to 15: by 9.7 (7.4 to 11.9) after two trials, 2.6 (1.9 to 3.4)
  after 8 and 0.7 (0.4 to 1.2) after 15.

  unrelated            after 1 trial     2                 4                 8                 15
  family, UCB          1.29 (1.07-1.52)  1.04 (0.87-1.24)  0.73 (0.59-0.89)  0.28 (0.20-0.37)  0.06
  family, EI           1.51 (1.30-1.74)  1.19 (1.02-1.38)  0.64 (0.51-0.78)  0.22 (0.14-0.30)  0.05
  GP, EI               2.17 (1.92-2.42)  1.44 (1.26-1.62)  0.77 (0.64-0.91)  0.32 (0.24-0.42)  0.09

  Where plants have only their smoothness in common nothing is lost by having learned from others.

Constraints, moving costs, drift between trials and the plants that have them are not in here yet.
"""

import json
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from matplotlib.figure import Figure
from rich.table import Table

from mtl_jax import tuning
from mtl_jax.evaluate import interval
from mtl_jax.job import console, exit_with_message
from mtl_jax.tasks.processes import PLANTS
from mtl_jax.tuning import comparison
from mtl_jax.types import Array, PyTree

REFERENCE = 2**14  # set-points that the best of a plant is looked for among
SHOWN = (0, 1, 2, 3, 4, 6, 8, 10, 15)
FIRST = "family, UCB"  # which the others are paired with


@dataclass(frozen=True)
class Command:
  """Tune plants never seen before by few noisy trials."""

  plant: tyro.conf.Positional[
    Literal["williams_otto", "injection", "milling", "stirred_tank", "branin", "hartmann3", "hartmann6", "unrelated"]
  ]
  plants: int = 60
  seeds: int = 5
  """of a trial's noise, for every plant"""
  trials: int = 15
  noise: float = 0.05
  """deviation of a trial, in deviations of each outcome over the family"""
  known: int = 200
  """other plants that have logs"""
  logged: int = 64
  """trials of each"""
  candidates: int = 1024
  risk: float = 0.1
  """the share of trials that may break a limit"""
  methods: tuple[str, ...] = ()
  """only those whose name contains one of these"""
  seed: int = 0
  out: Path = Path("runs/tune")


def picture(path: Path, title: str, unit: str, found: dict[str, list[tuple[float, float, float]]]) -> None:
  figure = Figure(figsize=(7, 4.2), layout="constrained")
  axes = figure.subplots()
  for name, rows in found.items():
    mean, low, high = np.asarray(rows).T
    axes.plot(mean, label=name)
    axes.fill_between(range(len(mean)), low, high, alpha=0.2)
  axes.set(yscale="log", xlabel="trials", ylabel=f"regret of the advised set-point, {unit}", title=title)
  axes.legend()
  figure.savefig(path, dpi=120)


def main(argv: list[str]) -> None:
  command = tyro.cli(Command, args=argv, description=__doc__)
  plant, units = PLANTS[command.plant], np.arange(command.plants)
  keys = jax.random.split(jax.random.key(command.seed), 6)
  logs, noise = tuning.logs(keys[0], plant, command.known, command.logged, command.noise)
  began = time.perf_counter()
  known = jax.block_until_ready(comparison.known(logs))
  console.print(f"family learned from {command.known} plants in {time.perf_counter() - began:.1f} s")
  z = tuning.candidates(plant, command.candidates)
  tasks = jax.vmap(plant.sample_task)(jax.random.split(keys[1], command.plants))
  finer = jnp.vstack([z, tuning.candidates(plant, REFERENCE)])
  reference = jax.jit(lambda tasks: jax.lax.map(lambda task: comparison.reference(plant, task, finer), tasks))(tasks)
  confidence = 0.5
  if plant.constraints:
    bound = comparison.safe_confidence(keys[4], plant, known, z, noise, command.trials, command.risk)
    confidence = bound.confidence
    console.print(f"of a new plant's trials {bound.bound:.1%} at most are expected to break a limit: {bound}")
  chosen = comparison.methods(keys[2], plant, logs, known, z, noise, command.trials, confidence)
  chosen = {n: m for n, m in chosen.items() if not command.methods or any(part in n for part in command.methods)}

  def run(method: comparison.Method, keys: Array, tasks: PyTree) -> tuple[Array, Array, Array]:
    def one(of: tuple[Array, PyTree]) -> tuning.Campaign:
      return method(of[0], tuning.responses_of(plant, of[1]))

    made = jax.lax.map(one, (keys, tasks))
    return comparison.regret(made, reference), tuning.broken(made.would_give), tuning.broken(made.gave)

  regrets, advice, trials = {}, {}, {}
  for name, method in chosen.items():
    began, compiled = time.perf_counter(), jax.jit(partial(run, method))
    each = [
      compiled(jax.random.split(jax.random.fold_in(keys[3], seed), command.plants), tasks)
      for seed in range(command.seeds)
    ]
    regrets[name], advice[name], trials[name] = (np.asarray(part) for part in zip(*each, strict=True))
    console.print(f"{name}: {time.perf_counter() - began:.0f} s")
  found = {name: [interval(each[..., n], units) for n in range(command.trials + 1)] for name, each in regrets.items()}
  shown = [n for n in SHOWN if n <= command.trials]
  table = Table("trials", *found, title=f"{command.plant}: regret, {plant.unit}, mean [95 % interval]")
  for n in shown:
    table.add_row(f"{n}", *(f"{rows[n][0]:.3g} [{rows[n][1]:.3g}, {rows[n][2]:.3g}]" for rows in found.values()))
  if plant.constraints:
    for what, share in (("trials that break a limit", trials), ("last advice that does", advice)):
      last = {name: each if share is trials else each[..., -1:] for name, each in share.items()}
      table.add_row(what, *("{:.1%} [{:.1%}, {:.1%}]".format(*interval(e.mean(-1), units)) for e in last.values()))
  console.print(table)
  ahead = {}
  for name in set(regrets) - {FIRST} if FIRST in regrets else ():
    ahead[name] = [interval(regrets[name][..., n] - regrets[FIRST][..., n], units) for n in range(command.trials + 1)]
  for name, rows in ahead.items():
    said = "; ".join("{}: {:.3g} [{:.3g}, {:.3g}]".format(n, *rows[n]) for n in shown)
    console.print(f"{FIRST} is ahead of {name} by {said}", markup=False)
  command.out.mkdir(parents=True, exist_ok=True)
  target = command.out / f"{command.plant}.json"
  target.write_text(
    json.dumps({"noise": noise.tolist(), "unit": plant.unit, "regret": found, "ahead": ahead}, indent=1)
  )
  picture(target.with_suffix(".png"), command.plant.replace("_", " "), plant.unit, found)
  console.print(f"{target} and {target.with_suffix('.png')}")


if __name__ == "__main__":
  exit_with_message(main, sys.argv[1:])
