"""Five years of a gas turbine, hour by hour: who predicts CO and NOx best when labels come late?

MTL_JAX_DATA=/path/to/data python scripts/replay.py --out runs/replay
MTL_JAX_DATA=/path/to/data python scripts/replay.py --choose                 # how the settings were chosen, on 2012
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import tyro
from matplotlib.figure import Figure
from rich.table import Table

from mtl_jax import emissions
from mtl_jax.emissions import TARGETS
from mtl_jax.job import console
from mtl_jax.report.pictures import bare, png

YEARS = (2013, 2014, 2015)
PANELS = ((24, 0), (504, 0), (24, 1), (504, 1))  # delay, target


@dataclass(frozen=True)
class Arguments:
  delays: tuple[int, ...] = emissions.DELAYS  # rows, that is hours of operation, until a label comes
  seeds: int = 3  # of methods that are random
  only: tuple[str, ...] = ()  # names of methods; empty: all
  river: bool = False  # river's learners too: needs the extra `online`
  choose: bool = False  # score the grid on 2012 instead
  out: Path = Path("runs/replay")  # scores.json and replay.png; what is there already is kept


def of(rows: Sequence[dict[str, Any]], delay: int, what: str) -> dict[str, np.ndarray]:
  """Method -> mean over seeds of one kind of number."""
  some = [row for row in rows if row["delay"] == delay]
  return {
    name: np.mean([row[what] for row in some if row["method"] == name], axis=0)
    for name in dict.fromkeys(row["method"] for row in some)
  }


def table(rows: Sequence[dict[str, Any]], delay: int) -> Table:
  """Mean absolute errors by year, the best in bold."""
  printed = Table("method", *(f"{target} {year}" for target in TARGETS for year in YEARS), "NOX, CO in 90 %")
  errors = {name: values.T.ravel() for name, values in of(rows, delay, "year").items()}
  best = np.min(list(errors.values()), axis=0)
  within = of([row for row in rows if "within" in row], delay, "within")
  for name, values in errors.items():
    cells = (f"[bold]{v:.2f}[/]" if v == b else f"{v:.2f}" for v, b in zip(values, best, strict=True))
    printed.add_row(name, *cells, ", ".join(f"{100 * share:.0f}" for share in within.get(name, ())))
  return printed


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
  """Errors by month."""
  figure = Figure(figsize=(13, 7), layout="constrained")
  for place, (delay, target) in enumerate(PANELS):
    axes = figure.add_subplot(2, 2, place + 1)
    bare(axes)
    for name, months in of(rows, delay, "month").items():
      axes.plot(2013 + (np.arange(36) + 0.5) / 12, months[:, target], label=name, linewidth=1.4)
    axes.set_title(f"{TARGETS[target]}, labels {delay} h late: mean absolute error by month, mg/m3", fontsize=10)
    axes.set_xticks(YEARS)
  figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False, fontsize=9)
  return figure


def methods(with_river: bool) -> list[emissions.Method]:
  if not with_river:
    return emissions.methods()
  from mtl_jax.baselines.river import LEARNERS, learned_one_by_one  # an extra

  def method(make: Callable[[], Any]) -> Callable[..., np.ndarray]:
    return lambda past, stream, delay, seed: learned_one_by_one(make, past.rows.x, past.rows.y, stream)

  return [*emissions.methods(), *(emissions.Method(name, method(make)) for name, make in LEARNERS.items())]


def main(arguments: Arguments) -> None:
  if arguments.choose:
    return console.print(*emissions.choose(), sep="\n")
  matplotlib.use("agg")
  arguments.out.mkdir(parents=True, exist_ok=True)
  path = arguments.out / "scores.json"
  rows = json.loads(path.read_text()) if path.exists() else []
  data = emissions.load()
  past, running = emissions.past(data.of(2011, 2012)), data.of(*YEARS)
  there = {(row["method"], row["delay"]) for row in rows}
  every = methods(arguments.river)
  for delay in arguments.delays:
    for method in every:
      if (method.name, delay) not in there and method.name in (arguments.only or (method.name,)):
        with console.status(f"{method.name}, labels {delay} h late ..."):
          rows += emissions.scores(method, past, running, delay, arguments.seeds)
        path.write_text(json.dumps(rows))
    console.print(f"mean absolute error, mg/m3, labels {delay} h late", table(rows, delay))
  (arguments.out / "replay.png").write_bytes(png(picture(rows)))


if __name__ == "__main__":
  main(tyro.cli(Arguments, description=__doc__))
