"""Train what a config asks for, score it beside its baselines, write a report.

python scripts/train.py configs/fleet_diagnosis.py
python scripts/train.py configs/fleet_diagnosis.py --training.steps 100 --algorithm.inner-lr 0.05
python scripts/train.py configs/fleet_diagnosis.py --resume     (the newest run of that config)
python scripts/train.py runs/fleet_diagnosis-20260101-120000 --resume
"""

import dataclasses
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import tyro

from mtl_jax import build, job
from mtl_jax.config import Config, ConfigError, load, validate
from mtl_jax.fit import Interrupted
from mtl_jax.report import write_report


@dataclasses.dataclass(frozen=True)
class Command:
  config: Annotated[Config, tyro.conf.arg(name="")]
  resume: bool = False
  """go on with the newest run of this config, or with this run folder"""


def _run_folder(path: Path, resume: bool) -> Path | None:
  """The run folder to resume, None for a new run."""
  if not resume:
    return None
  if path.is_dir():
    return path
  runs = sorted(Path("runs").glob(f"{load(path)[0].name}-*"))
  if not runs:
    raise ConfigError(f"--resume: there is no run of {path} in runs/ to go on with; leave --resume out")
  return runs[-1]


def main(argv: list[str]) -> None:
  if not argv or argv[0].startswith("-"):
    raise SystemExit(__doc__)
  path = Path(argv[0])
  folder = _run_folder(path, "--resume" in argv[1:])
  config, docstring = load((folder or path) / "config.py" if (folder or path).is_dir() else path)
  command = tyro.cli(
    Command, args=argv[1:], default=Command(config), config=(tyro.conf.AvoidSubcommands,), description=docstring
  )
  config = command.config
  validate(config)
  began = time.perf_counter()
  folds = build.folds(config)
  if folder is None:
    folder = Path("runs") / f"{config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    job.start(config, docstring, folder)
  job.console.print(f"run folder: {folder}")
  prepared = time.perf_counter()
  try:
    job.train(config, folds, folder, command.resume)
  except Interrupted as error:
    write_report([folder], folder / "report.html")
    job.console.print(f"{error}\ngo on with: python scripts/train.py {folder} --resume", soft_wrap=True)
    raise SystemExit(130) from None
  job.note(folder, tasks=prepared - began, training=time.perf_counter() - prepared)
  job.score(config, folds, folder)
  job.console.print(f"report: {write_report([folder], folder / 'report.html')}")


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
