"""Choose a design inside the training sets alone.

python scripts/choose_design.py configs/surface_inspection.py
python scripts/choose_design.py configs/tennessee_eastman.py --out runs/plant-designs    (again: goes on where it was)

For each part of the data that a test is made on, that part is kept out, and every one of the config's `designs` is
trained and asked about the rest, one piece at a time. The best there, by the mean of the headline over tests and K, is
the design for the part that was kept out: it was chosen without it.
"""

import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, get_args, get_type_hints

import numpy as np
import tyro
from rich.table import Table

from mtl_jax import build, job
from mtl_jax.config import Config, Evaluation, load_designs, validate
from mtl_jax.report import METRICS


@dataclass(frozen=True)
class Command:
  """Choose a design inside the training sets alone."""

  config: tyro.conf.Positional[Path]
  out: Annotated[Path | None, tyro.conf.arg(help="folder of the runs; default runs/CONFIG-designs")] = None
  seeds: int = 2
  episodes: int = 300
  shots: tuple[int, ...] = (1, 5)


def value_of(config: Config, folder: Path) -> float:
  """The headline's mean over tests and K, higher is better; trains and scores what is not there yet."""
  if not (folder / "scores.json").exists():
    folds = build.folds(config)
    if not folder.exists():
      job.start(config, "A design that is compared with others.", folder)
    job.train(config, folds, folder, resume=True)
    job.score(config, folds, folder, job.begin_baselines(config, folds))
  rows = [row for row in json.loads((folder / "scores.json").read_text()) if "steps" not in row]
  headline = next(metric for metric in METRICS if metric in {row["metric"] for row in rows})
  found = float(np.mean([row["mean"] for row in rows if row["metric"] == headline and row["kind"] == "ours"]))
  return -found if METRICS[headline].lower_is_better else found


def main(argv: list[str]) -> None:
  command = tyro.cli(Command, args=argv, description=__doc__)
  designs = load_designs(command.config)
  out = command.out or Path("runs") / f"{command.config.stem}-designs"
  tasks = next(iter(designs.values())).tasks
  parts = [part for part in get_args(get_type_hints(type(tasks))["kept_out"]) if part]
  evaluation = Evaluation(command.shots, command.episodes, (), min(command.shots), baselines=False)
  table = Table("design", *(f"{part} kept out" for part in parts))
  found = np.empty((len(designs), len(parts)))
  for j, part in enumerate(parts):
    for i, (name, design) in enumerate(designs.items()):
      job.console.print(f"{part} kept out: {name}")
      config = replace(
        design,
        tasks=replace(design.tasks, kept_out=part),
        controls=(),
        training=replace(design.training, seeds=command.seeds),
        evaluation=evaluation,
      )
      validate(config)
      found[i, j] = value_of(config, out / part.replace(" ", "-") / f"{i:02d}")
  best = found.argmax(0)
  for i, name in enumerate(designs):
    table.add_row(name, *(f"{'* ' if best[j] == i else ''}{found[i, j]:.4f}" for j in range(len(parts))))
  job.console.print(table)
  for j, part in enumerate(parts):
    job.console.print(f"{part}: {list(designs)[best[j]]}")


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
