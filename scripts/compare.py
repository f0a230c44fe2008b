"""Several algorithms on one job: the same data, budget, episodes and baselines, one table and report.

python scripts/compare.py configs/fleet_diagnosis.py --algorithms maml anil reptile protonet r2d2
python scripts/compare.py configs/tennessee_eastman.py --algorithms protonet r2d2 --minutes 5
python scripts/compare.py configs/williams_otto.py --tasks.plant milling --algorithms r2d2 anil cnp
python scripts/compare.py configs/fleet_diagnosis.py --algorithms all my_file.py:my_algorithm
python scripts/train.py runs/compare_fleet_diagnosis-20260101-120000 --resume     (after Ctrl-C, a kill or a power cut)

Algorithms that the config has keep its settings, others have their defaults, which are not tuned to the job. The pooled
network and its fine-tuning are always among the baselines, and every baseline is computed once. An algorithm that
diverges is left out, and the report says so.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import tyro

from mtl_jax import job
from mtl_jax.config import AT_HAND, Devices, compared, load, with_flags


def main(argv: list[str]) -> None:
  if not argv or argv[0].startswith("-"):
    raise SystemExit(__doc__)
  names = "names as in the reports, FILE.py:FUNCTION for your own, or all"
  minutes = "of training for each algorithm and fold, compilation included, instead of the config's steps"
  together = "all seeds of each network also answer together, as one more row; nothing more is trained"
  given, docstring = load(Path(argv[0]))
  asked = with_flags(
    given,
    docstring,
    argv[1:],
    algorithms=(Annotated[tuple[str, ...], tyro.conf.arg(help=names)], tyro.MISSING),
    minutes=(Annotated[float | None, tyro.conf.arg(help=minutes)], None),
    ensemble=(Annotated[bool, tyro.conf.arg(help=together)], False),
    devices=(Annotated[Devices, tyro.conf.arg(name="")], AT_HAND),
  )
  first = docstring.partition("\n")[0]
  about = f"Compared on {shlex.join(argv)}.\n\n{first}"
  made = compared(asked.config, asked.algorithms, asked.minutes, asked.ensemble)
  job.run(made, about, None, resume=False, devices=asked.devices)


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
