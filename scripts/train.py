"""Train what a config asks for, score it beside its baselines, write a report.

python scripts/train.py configs/fleet_diagnosis.py
python scripts/train.py configs/fleet_diagnosis.py --training.steps 100 --algorithm.inner-lr 0.05
python scripts/train.py configs/fleet_diagnosis.py --mesh tasks=4   (four devices share the tasks; default: all)
python scripts/train.py configs/fleet_diagnosis.py --resume     (the newest run of that config)
python scripts/train.py runs/fleet_diagnosis-20260101-120000 --resume
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import tyro

from mtl_jax import job
from mtl_jax.config import AnyConfig, ConfigError, Devices, load, with_flags


def _command(config: AnyConfig, docstring: str, argv: list[str]) -> Any:
  again = "go on with the newest run of this config, or with this run folder"
  trace = "write a trace of each method's second chunk of steps, for Perfetto or TensorBoard, into profile/"
  return with_flags(
    config,
    docstring,
    argv,
    resume=(Annotated[bool, tyro.conf.arg(help=again)], False),
    devices=(Annotated[Devices, tyro.conf.arg(name="")], Devices()),
    profile=(Annotated[bool, tyro.conf.arg(help=trace)], False),
  )


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
  asked = _command(config, docstring, argv[1:])
  job.run(asked.config, docstring, folder, asked.resume, asked.devices, asked.profile)


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
