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
from typing import Annotated, Any

import tyro

from mtl_jax import job
from mtl_jax.config import AnyConfig, ConfigError, load, validate
from mtl_jax.fit import Interrupted
from mtl_jax.report import write_report


def _command(config: AnyConfig, docstring: str, argv: list[str]) -> tuple[AnyConfig, bool]:
  """The config with its flags, and whether to resume."""
  # Not one class with a union: the flags are those of the config's own kind.
  again = "go on with the newest run of this config, or with this run folder"
  fields = [
    ("config", Annotated[type(config), tyro.conf.arg(name="")]),
    ("resume", Annotated[bool, tyro.conf.arg(help=again)]),
  ]
  made = dataclasses.make_dataclass("Command", fields, frozen=True)
  default = made(config, False)
  command: Any = tyro.cli(made, args=argv, default=default, config=(tyro.conf.AvoidSubcommands,), description=docstring)
  return command.config, command.resume


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
  config, resume = _command(config, docstring, argv[1:])
  validate(config)
  began = time.perf_counter()
  data = job.data(config)
  if folder is None:
    folder = Path("runs") / f"{config.name}-{datetime.now():%Y%m%d-%H%M%S}"
    job.start(config, docstring, folder)
  job.console.print(f"run folder: {folder}")
  prepared = time.perf_counter()
  try:
    job.train(config, data, folder, resume)
  except Interrupted as error:
    write_report([folder], folder / "report.html")
    job.console.print(f"{error}\ngo on with: python scripts/train.py {folder} --resume", soft_wrap=True)
    raise SystemExit(130) from None
  job.note(folder, tasks=prepared - began, training=time.perf_counter() - prepared)
  job.score(config, data, folder)
  job.console.print(f"report: {write_report([folder], folder / 'report.html')}")


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
