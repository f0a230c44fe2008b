"""Several algorithms on one job: the same data, budget, episodes and baselines, one table and report.

python scripts/compare.py configs/fleet_diagnosis.py --algorithms maml anil reptile protonet r2d2
python scripts/compare.py configs/tennessee_eastman.py --algorithms protonet r2d2 --minutes 5
python scripts/compare.py configs/fleet_diagnosis.py --algorithms all my_file.py:my_algorithm
python scripts/train.py runs/compare_fleet_diagnosis-20260101-120000 --resume     (after Ctrl-C, a kill or a power cut)

Algorithms that the config has keep its settings, others have their defaults, which are not tuned to the job. The pooled
network and its fine-tuning are always among the baselines, and every baseline is computed once.
"""

import sys
from pathlib import Path
from typing import Annotated

import tyro

from mtl_jax import job
from mtl_jax.config import AT_HAND, Devices, compared, load


def main(argv: list[str]) -> None:
  def command(
    config: Annotated[Path, tyro.conf.Positional],
    algorithms: tuple[str, ...],
    minutes: float | None = None,
    ensemble: bool = False,
    devices: Annotated[Devices, tyro.conf.arg(name="")] = AT_HAND,
  ) -> None:
    """Args:
    config: a few-shot job.
    algorithms: names as in the reports, FILE.py:FUNCTION for your own, or all.
    minutes: of training for each algorithm and fold, compilation included, instead of the config's steps.
    ensemble: all seeds of each network also answer together, as one more row; nothing more is trained.
    """
    given, docstring = load(config)
    first = docstring.partition("\n")[0]
    about = f"Compared on {config}: {', '.join(algorithms)}.\n\n{first}"
    job.run(compared(given, algorithms, minutes, ensemble), about, None, resume=False, devices=devices)

  tyro.cli(command, args=argv, description=__doc__)


if __name__ == "__main__":
  job.exit_with_message(main, sys.argv[1:])
