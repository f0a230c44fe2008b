"""Choose a design inside the training sets alone, and score it where it was not chosen.

python scripts/choose_design.py configs/surface_inspection.py
python scripts/choose_design.py configs/tennessee_eastman.py --out runs/plant    (again: goes on where it was)

For each part of the data that a test is made on, that part is kept out, and every one of the config's `designs` is
trained and asked about the rest, one piece at a time. The best there, by the mean of the headline over tests and K, is
then trained in full, with controls and baselines, and asked about the part that was kept out: once, in episodes drawn
with another seed than the config's.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

import numpy as np
import tyro
from jax.sharding import Mesh
from rich.table import Table

from mtl_jax import build, job
from mtl_jax.config import Config, Devices, Evaluation, load_designs, validate
from mtl_jax.report import METRICS, write_report


@dataclass(frozen=True)
class Command:
  """Choose a design inside the training sets alone, and score it where it was not chosen."""

  config: tyro.conf.Positional[Path]
  out: Annotated[Path | None, tyro.conf.arg(help="folder of the runs; default runs/CONFIG-designs")] = None
  seeds: int = 2
  """of a comparison; the chosen design has the config's"""
  episodes: int = 300
  """of a comparison"""
  shots: tuple[int, ...] = (1, 5)
  """labels per class in a comparison"""
  mesh: str | None = None
  """as in scripts/train.py"""


def run(config: Config, docstring: str, folder: Path, mesh: Mesh | None, part: str | None = None) -> None:
  """Trains and scores what is not there yet; on the fold that asks about `part`, or on all."""
  validate(config)
  if (folder / "scores.json").exists():
    return
  folds = [fold for fold in build.folds(config) if part is None or fold.name == part]
  if not folder.exists():
    job.start(config, docstring, folder)
  with job.on(mesh):
    job.train(config, folds, folder, resume=True)
    job.score(config, folds, folder)
  job.room_for_programs()


def value_in(folder: Path) -> float:
  """The headline's mean over tests and K, higher is better."""
  rows = json.loads((folder / "scores.json").read_text())
  rows = [row for row in rows if "steps" not in row and not row.get("joint")]
  headline = next(metric for metric in METRICS if metric in {row["metric"] for row in rows})
  found = float(np.mean([row["mean"] for row in rows if row["metric"] == headline and row["kind"] == "ours"]))
  return -found if METRICS[headline].lower_is_better else found


def main(argv: list[str]) -> None:
  command = tyro.cli(Command, args=argv, description=__doc__)
  mesh = job.started(Devices(command.mesh))
  designs = load_designs(command.config)
  names, out = list(designs), command.out or Path("runs") / f"{command.config.stem}-designs"
  tasks = next(iter(designs.values())).tasks
  parts = [part for part in get_args(get_type_hints(type(tasks))["kept_out"]) if part]
  evaluation = Evaluation(command.shots, command.episodes, (), min(command.shots), baselines=False)
  found = np.empty((len(designs), len(parts)))
  for (j, part), (i, name) in ((p, d) for p in enumerate(parts) for d in enumerate(names)):
    design, folder = designs[name], out / part.replace(" ", "-") / f"{i:02d}"
    job.console.print(f"{part} kept out: {name}")
    apart = replace(design.tasks, kept_out=part)
    training = replace(design.training, seeds=command.seeds)
    run(replace(design, tasks=apart, controls=(), training=training, evaluation=evaluation), name, folder, mesh)
    found[i, j] = value_in(folder)
  best = found.argmax(0)
  table = Table("design", *(f"{part} kept out" for part in parts))
  for i, name in enumerate(names):
    table.add_row(name, *(f"{'* ' if best[j] == i else ''}{found[i, j]:.4f}" for j in range(len(parts))))
  job.console.print(table)
  for j, part in enumerate(parts):
    chosen, name, folder = designs[names[best[j]]], part.replace(" ", "-"), out / part.replace(" ", "-") / "chosen"
    job.console.print(f"{part}: {names[best[j]]}")
    run(replace(chosen, seed=chosen.seed + 1), f"Chosen without {part}: {names[best[j]]}.", folder, mesh, name)
    job.console.print(f"report: {write_report([folder], folder / 'report.html')}")


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
