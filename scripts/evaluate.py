"""Score a trained run again, from its best checkpoints, and renew its report.

python scripts/evaluate.py runs/fleet_diagnosis-20260101-120000
python scripts/evaluate.py runs/fleet_diagnosis-20260101-120000 --evaluation.episodes 1000
"""

import sys
from pathlib import Path
from typing import Annotated

import tyro

from mtl_jax import job
from mtl_jax.config import Devices, load, validate, with_flags
from mtl_jax.report import write_report


def main(argv: list[str]) -> None:
  if not argv or argv[0].startswith("-"):
    raise SystemExit(__doc__)
  folder = Path(argv[0])
  config, docstring = load(folder / "config.py")
  asked = with_flags(config, docstring, argv[1:], devices=(Annotated[Devices, tyro.conf.arg(name="")], Devices()))
  validate(asked.config)
  mesh = job.started(asked.devices, asked.config)
  given = job.data(asked.config)
  with job.on(mesh):
    job.score(asked.config, given, folder)
  if job.first():
    job.console.print(f"report: {write_report([folder], folder / 'report.html')}")


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
