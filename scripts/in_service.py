"""Four real lines in service: who predicts best when labels come late, or cost money?

MTL_JAX_DATA=/path/to/data python scripts/in_service.py engines
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import matplotlib
import numpy as np
import tyro
from matplotlib.figure import Figure
from rich.progress import track
from rich.table import Table

from mtl_jax.in_service import chosen, engines, methods, plant, rig, sales
from mtl_jax.in_service.scores import COURSE, scores
from mtl_jax.in_service.source import Source, bought
from mtl_jax.job import console
from mtl_jax.report.pictures import bare, png

Name = Literal["engines", "conditions", "rig", "sales", "plant"]
SOURCES: dict[str, tuple[Callable[[float], Source], tuple[float, ...], str]] = {
  "engines": (engines.load, (0, 168), "cycles after the failure"),
  "conditions": (lambda delay: engines.load(delay, ("FD002", "FD004")), (0, 168), "cycles after the failure"),
  "rig": (rig.load, (0, 24, 168), "cycles late"),
  "sales": (sales.load, (1, 2, 4), "weeks late"),
  "plant": (plant.load, (15, 240, 1440), "min late"),
}


@dataclass(frozen=True)
class Arguments:
  source: Annotated[Name, tyro.conf.Positional]
  delays: tuple[float, ...] = ()  # until a label comes, in the source's unit; empty: those of the docstring
  buy: tuple[int, ...] = (1,)  # of the labels in service one in so many is bought
  seeds: int = 3  # of methods that are random
  only: tuple[str, ...] = ()  # names of methods, or of `chosen.TUNED` to choose; empty: all
  river: bool = False  # river's linear regression too: needs the extra `online`
  choose: bool = False  # score the memories on the second half of the history instead
  out: Path = Path("runs/in_service")  # scores.json and a picture of each source; what is there already is kept


def printed(rows: Sequence[dict[str, Any]], title: str) -> Table:
  """One row a method; the best mean in bold."""
  names = list(rows[0]["losses"])
  table = Table("method", *names, "minus frozen trees", "cost", "to recover (never)", "in 90 %", title=title)
  best = {name: min(row["losses"][name][0] for row in rows) for name in names}
  for row in rows:
    cells = []
    for name in names:
      mean, low, high = row["losses"][name]
      shown = f"{mean:.3g}" if mean > best[name] else f"[bold]{mean:.3g}[/]"
      cells.append(f"{shown} ({low:.3g} to {high:.3g})")
    times, came = zip(*row["recovered"].values(), strict=True) if row["recovered"] else ((), ())
    recover = f"{np.mean(times):.0f} ({came.count(False)} of {len(came)})" if came else ""
    against = "{:+.3g} ({:+.3g} to {:+.3g})".format(*row["against"])
    within = f"{100 * row['within']:.0f}" if "within" in row else ""
    table.add_row(row["method"], *cells, against, f"{row['cost']:.0f}", recover, within)
  return table


def picture(rows: Sequence[dict[str, Any]], title: str) -> Figure:
  """The first loss in the course of service, a panel for each delay and budget."""
  panels = list(dict.fromkeys((row["delay"], row["buy"]) for row in rows))
  figure = Figure(figsize=(11, 2.8 * len(panels)), layout="constrained")
  style = {
    name: f"C{i % 10}" + ("-" if i < 10 else "--") for i, name in enumerate(dict.fromkeys(r["method"] for r in rows))
  }
  lines = {}
  for place, panel in enumerate(panels):
    axes = figure.add_subplot(len(panels), 1, place + 1)
    bare(axes)
    for row in rows:
      if (row["delay"], row["buy"]) == panel:
        at = (np.arange(COURSE) + 0.5) / COURSE
        lines[row["method"]] = axes.plot(at, row["course"], style[row["method"]], linewidth=1.2)[0]
    axes.set_title(f"{title}: labels {panel[0]:g} late, one in {panel[1]} bought", fontsize=10)
    axes.set_ylabel(next(iter(rows[0]["losses"])))
    axes.set_xlabel("share of service")
  figure.legend(lines.values(), lines.keys(), loc="outside right center", frameon=False, fontsize=9)
  return figure


def main(arguments: Arguments) -> None:
  matplotlib.use("agg")
  name = arguments.source
  make, delays, unit = SOURCES[name]
  delays = arguments.delays or delays
  if arguments.choose:
    return console.print(*chosen.choose(make(delays[0]), arguments.only), sep="\n")
  arguments.out.mkdir(parents=True, exist_ok=True)
  path = arguments.out / f"{name}.json"
  rows = json.loads(path.read_text()) if path.exists() else []
  there = {(row["delay"], row["buy"], row["method"]) for row in rows}
  for delay in delays:
    source = make(delay)
    for buy in arguments.buy:
      ready = methods.ready(bought(source, buy))
      wanted = chosen.methods(name, source, arguments.river)
      left = [m for m in wanted if (delay, buy, m.name) not in there and m.name in (arguments.only or (m.name,))]
      for method in track(left, f"{name}, {delay:g} {unit}, one in {buy}", console=console):
        rows.append({"source": name, "delay": delay, "buy": buy} | scores(ready, method, arguments.seeds))
        path.write_text(json.dumps(rows))
      some = [row for row in rows if (row["delay"], row["buy"]) == (delay, buy)]
      console.print(printed(some, f"{name}: labels {delay:g} {unit}, one in {buy} bought"))
  (arguments.out / f"{name}.png").write_bytes(png(picture(rows, name)))


if __name__ == "__main__":
  main(tyro.cli(Arguments, description=__doc__))
