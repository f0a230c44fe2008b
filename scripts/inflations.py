"""Three famous inflations: the same model, scored as is often done and as it should be.

python scripts/inflations.py                 (all three; MTL_JAX_DATA holds cwru, ai4i2020 and cmapss)
python scripts/inflations.py cwru ai4i2020
"""

import dataclasses
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Annotated, Literal

import tyro
from rich.table import Table as Printed

from mtl_jax import inflations
from mtl_jax.inflations import Line
from mtl_jax.job import console, exit_with_message

RUNS: dict[str, tuple[Callable[[], Iterator[Line]], ...]] = {
  "cwru": (inflations.bearings,),
  "ai4i2020": (inflations.milling,),
  "cmapss": (
    partial(inflations.engines, "FD001", "rolling means"),
    partial(inflations.engines, "FD001", "windows of 30 rows"),
    partial(inflations.engines, "FD002", "rolling means"),
  ),
}


@dataclasses.dataclass(frozen=True)
class Arguments:
  sets: Annotated[tuple[Literal["cwru", "ai4i2020", "cmapss"], ...], tyro.conf.Positional] = (
    "cwru",
    "ai4i2020",
    "cmapss",
  )


def main(argv: list[str]) -> None:
  printed = Printed("what", "metric", "mean", "95 % interval")
  for name in tyro.cli(Arguments, args=argv, description=__doc__).sets:
    for run in RUNS[name]:
      with console.status(f"{name} ..."):
        lines = list(run())
      for what, score in lines:
        digits = 2 if score.metric == "rmse" else 3
        numbers = [f"{number:.{digits}f}" for number in (score.mean, score.low, score.high)]
        printed.add_row(what, score.metric, numbers[0], f"{numbers[1]} to {numbers[2]}")
      printed.add_section()
  console.print(printed)


if __name__ == "__main__":
  exit_with_message(main, sys.argv[1:])
