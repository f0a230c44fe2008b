"""Lines in service, two of them real and two simulated: who predicts best when labels come late, or cost money?

MTL_JAX_DATA=/path/to/data python scripts/in_service.py engines|rig|sales|plant --river --seeds 5
MTL_JAX_DATA=/path/to/data python scripts/in_service.py plant --delays 240 --buy 4 16 --seeds 5      # a label budget
MTL_JAX_DATA=/path/to/data python scripts/in_service.py rig --delays 24 --choose       # memories, on the history alone

What is history and what is asked stands in mtl_jax/in_service, a file for each line; the first error of a line decides.
Measured 2026-11-27 on 2 CPU cores beside much other work, Python 3.11, JAX 0.10.2, scikit-learn 1.9.1, river 0.26.1.
The network, alpaca, moca and `sliding` have five seeds; alpaca has one in the first table of what is bought on the
plant, and the rest has one, of which its intervals know nothing. The network and `sliding` have not been run on
`conditions`. In brackets 95 % intervals over seeds and engines, stretches of equal state, products, or 8 hours, of
which six belong to one fault: they say nothing of a twelfth; + and - mark errors that are smaller and greater than
those of frozen trees by an interval of the difference. What is printed has such a difference to the best mean too, by
part and seed; the best was found on the same rows, which flatters it. Memories were chosen on the second half of the
history after learning the first: all of them for rig (labels 24 cycles late) and plant (4 h late), for engines only
that of recursive least squares, ten lives, which the others took over, and for sales none: three weeks everywhere.

The noise that recursive least squares and `trees + moca` start from is the error of trees on half of the history,
fitted on the other half. When all this was measured engines, and products of the middle week, were in both halves. Now
no engine is, and engines, `conditions` and sales were measured again the same day, of `trees + moca` only at once: its
row on engines is the new one, and of recursive least squares no digit below has changed. Rig and plant have the halves
that they had. Memories were chosen with the old ones.

engines: remaining life in 34,065 cycles of a fleet that began with FD001; from cycle 2,001 on engines of FD003 enter,
with a second fault. Life is known when an engine fails. To recover: cycles from when frozen trees show FD003.

                                     MAE, cycles          PHM score  to recover  in 90 %
    boosted trees, frozen            8.0  (7.5 to 8.7)    3.9        188
    network, frozen                  14.5- (12.1 to 17.2) 2644       never
    mean age at failure less age     28.0- (23.8 to 31.9) 772        never
    boosted trees, fitted anew       5.2+ (4.8 to 5.7)    1.3        145
    trees + ridge on the last labels 7.3+ (6.8 to 7.8)    2.7        145
    trees + recursive least squares  7.1+ (6.6 to 7.5)    2.2        145         87
    trees + moca                     10.0- (9.2 to 10.7)  8.9        807         83
    alpaca that forgets              10.8- (10.0 to 11.6) 107        never       76
    moca                             19.0- (17.4 to 20.9) 1356       never       60
    sliding r2d2                     20.7- (18.9 to 22.5) 2514       never
    river: linear regression         58.2- (56.6 to 59.9) 9569       never

  Failures reported so many cycles late:

                                     24                      168                     504
    boosted trees, frozen            8.0  (7.5 to 8.7)       7.7  (7.1 to 8.4)       8.2  (7.6 to 8.9)
    network, frozen                  14.5- (12.1 to 17.2)    14.8- (12.9 to 16.8)    16.2- (14.3 to 18.4)
    mean age at failure less age     28.0- (23.8 to 31.9)    28.0- (23.9 to 32.1)    27.8- (23.7 to 31.6)
    boosted trees, fitted anew       5.2+ (4.8 to 5.7)       5.7+ (5.2 to 6.3)       6.6+ (5.9 to 7.2)
    trees + ridge on the last labels 7.3+ (6.8 to 7.8)       7.3  (6.8 to 7.8)       8.2  (7.6 to 8.8)
    trees + recursive least squares  7.1+ (6.6 to 7.5)       7.1+ (6.6 to 7.6)       7.9  (7.3 to 8.5)
    trees + moca                     9.9- (9.2 to 10.7)      9.9- (9.3 to 10.6)      10.3- (9.6 to 11.0)
    alpaca that forgets              10.7- (9.5 to 11.9)     11.6- (10.7 to 12.5)
    moca                             18.4- (16.7 to 20.2)    17.5- (16.0 to 19.0)
    sliding r2d2                     20.1- (18.5 to 21.8)    20.7- (19.3 to 22.2)
    river: linear regression         58.8- (57.1 to 60.6)    64.3- (62.4 to 66.0)    60.4- (58.4 to 62.4)

  Nobody is paid for a failure, so that what a method costs is its error times 34,065. Cycles to recover, 24, 168 and
  504 late: frozen trees 188, 302, 144, recursive least squares 145, 292, 155, `trees + moca` 808, 328, 180; network,
  mean age, `sliding`, river, alpaca and moca never. `trees + moca`, river, all learned ones 24 late and the network 504
  late were measured 2026-11-28, 2 CPU cores beside other work.

  `conditions`, FD002 and then FD004, reported at once: frozen trees 9.2, mean age 26.3-, trees fitted anew 6.1+ (5.7 to
  6.6), ridge 8.6+, recursive least squares 8.3+, alpaca 10.7- (10.0 to 11.4) and moca 16.0- (15.1 to 16.9), five seeds.

  504 cycles late the history is too short to learn how to adapt from.

rig: % of 1,473 cycles in which the state of the valve is named wrongly, cooler at 20 and 100 %, learned at 3 %.

                                     at once                 24 cycles late          168 cycles late
    boosted trees, frozen            24  (18 to 31)          23  (16 to 30)          30  (23 to 36)
    network, frozen                  38- (25 to 56)          36- (24 to 53)          36  (24 to 54)
    last inspection                  7+ (5 to 9)             74- (54 to 99)          65- (58 to 72)
    boosted trees, fitted anew       22  (17 to 30)          21  (16 to 30)          29  (22 to 36)
    trees + ridge on the last labels 22  (15 to 31)          22  (15 to 30)          37- (30 to 43)
    trees + recursive least squares  22  (15 to 31)          23  (15 to 31)          36- (27 to 44)
    trees + moca                     14+ (10 to 19)          26  (18 to 36)          35  (27 to 42)
    alpaca that forgets              25  (17 to 38)          28  (20 to 39)          40  (30 to 52)
    moca                             9+ (6 to 13)            51- (36 to 72)          47- (35 to 56)
    sliding r2d2                     21  (14 to 31)          26  (18 to 37)          44- (33 to 60)
    river: linear regression         14+ (9 to 20)           51- (36 to 71)          33  (28 to 39)

plant: component E in the product, MAE in 0.001 mol%, faults 11 to 21 one after the other, 2,090 analyses.

                                     15 min late             4 h late                24 h late
    boosted trees, frozen            38.0  (24.2 to 54.8)    36.5  (22.8 to 53.3)    38.1  (23.6 to 55.9)
    network, frozen                  27.9  (22.8 to 34.5)    27.8  (22.5 to 35.0)    27.7  (22.6 to 33.6)
    last analysis                    28.0  (21.5 to 35.8)    48.4  (34.8 to 65.2)    83.5- (60.4 to 108.4)
    boosted trees, fitted anew       18.6+ (14.3 to 24.0)    21.1+ (16.2 to 27.0)    26.5+ (19.2 to 34.9)
    trees + ridge on the last labels 22.3+ (18.8 to 26.6)    24.9  (19.9 to 31.3)    42.3- (28.4 to 59.6)
    trees + recursive least squares  23.0+ (19.4 to 27.4)    25.4  (20.5 to 31.9)    38.0  (27.2 to 51.2)
    trees + moca                     24.5+ (20.9 to 28.7)    27.6  (22.4 to 34.4)    43.5  (31.9 to 57.3)
    alpaca that forgets              18.3+ (15.8 to 21.5)    20.0+ (16.8 to 23.8)    25.5+ (20.9 to 30.7)
    moca                             16.5+ (14.3 to 19.3)    20.8+ (16.4 to 26.4)    29.0  (23.0 to 36.3)
    sliding r2d2                     16.1+ (14.0 to 18.7)    18.1+ (15.4 to 21.4)    29.8  (22.9 to 37.8)
    river: linear regression         45.2  (19.0 to 90.5)    47.6  (21.7 to 92.0)    41.7  (30.1 to 55.5)

  One analysis in so many bought, 4 h late:

                                     all                     one in 4                one in 16
    boosted trees, frozen            36.5  (22.8 to 53.3)    36.5  (22.8 to 53.3)    36.5  (22.8 to 53.3)
    boosted trees, fitted anew       21.1+ (16.2 to 27.0)    26.5+ (19.0 to 34.9)    28.4+ (20.6 to 37.4)
    trees + ridge on the last labels 24.9  (19.9 to 31.3)    26.7  (21.6 to 33.2)    27.3  (22.4 to 33.1)
    alpaca that forgets              20.0+ (16.9 to 23.5)    22.3+ (18.7 to 26.5)    25.7  (20.9 to 31.7)

  In all, with 0.001 mol% as the price of an analysis, alpaca costs 44, 47, 54 mol%, trees fitted anew
  46, 56, 59, and frozen trees 76.

  As many analyses, of which alpaca itself says which, where its predictive variance is high (`online.buying`; 4 h late,
  five seeds, 2026-11-28, 2 CPU cores beside other work, JAX 0.10.2; python scripts/in_service.py plant --delays 240
  --buy 4 16 --seeds 5 --only "alpaca that forgets" "alpaca that buys where unsure"):

                                     one in 4                one in 16
    alpaca that forgets              22.0+ (18.6 to 26.0)    25.7  (20.9 to 31.5)
    alpaca that buys where unsure    23.7+ (20.2 to 28.1)    24.7  (21.2 to 29.1)

  It gains nothing: of one in 4 it errs by 1.7 more (0.1 to 3.3), of one in 16 by 1.0 less (-2.3 to 5.2), and has
  recovered from 6 and 4 of 11 faults before the next, where at regular times it is 8 and 8. A regression's variance
  knows no label, so that it does not rise where the plant has changed and the features have not.

  Hours from when frozen trees show a fault until the error over four hours is at most 1.25 times theirs in normal
  operation, or to the fault's end, 4 h late, mean: 15 (trees fitted anew), 18 (sliding), 19 (moca), 20 (alpaca),
  34 (last analysis), 18 (frozen trees, by themselves: faults come and go).

sales: the sales of the week that begins, 811 products, MAE in units, weeks 26 to 51 (intervals over products and seeds:
what moves all of them in one week is not in these; the network and the last four are of 2026-11-28).

                                     1 week late             4 weeks late
    boosted trees, frozen            2.218  (2.087 to 2.357) 2.420  (2.265 to 2.579)
    network, frozen                  2.163+ (2.034 to 2.299) 2.327+ (2.179 to 2.482)
    last week known                  2.655- (2.505 to 2.817) 2.888- (2.711 to 3.074)
    mean of the last eight           2.235- (2.100 to 2.379) 2.385+ (2.234 to 2.545)
    boosted trees, fitted anew       2.198+ (2.068 to 2.336) 2.350+ (2.203 to 2.508)
    trees + ridge on the last labels 2.170+ (2.036 to 2.310)
    trees + recursive least squares  2.198  (2.061 to 2.340) 2.415  (2.257 to 2.579)
    alpaca that forgets              2.107+ (1.981 to 2.236) 2.542- (2.375 to 2.717)
    moca                             2.227  (2.084 to 2.378) 2.668- (2.484 to 2.863)
    sliding r2d2                     2.340- (2.189 to 2.495) 3.020- (2.815 to 3.234)
    river: linear regression         2.507- (2.340 to 2.675) 2.612- (2.437 to 2.793)

No method wins everywhere. On the plant, where labels come one by one, learners whose features and prior were learned
from earlier incidents have the smallest means: `sliding` up to 4 h, ahead of alpaca by 2.2 (1.3 to 3.2) and 1.9 (0.5 to
3.3) and of trees fitted anew by 2.5 (-0.3 to 5.8) and 3.1 (-0.5 to 7.0), level with `moca`; a day late `alpaca`, ahead
of `moca` by 3.6 (0.1 to 8.8), and of trees fitted anew, the frozen network and `sliding` by intervals that include 0. A
ridge on what trees leave over helps at 15 min and harms at a day. On engines the learned ones lose to frozen trees,
badly, and trees fitted anew every 200 cycles win: labels come a life at a time, so that the last 256 of them are one
engine, and `moca` takes engines for changes. The network and river's regression fail there altogether. On the rig
nobody beats the last inspection while it is fresh, `moca` comes within 2.3 points (0.6 to 5.1) of it; 24 and 168 cycles
late nobody beats frozen trees by an interval, and several are worse. On sales `alpaca` leads a week late, by 5 % of
frozen trees' error; four weeks late, with twelve weeks of history left, it is behind them, and the frozen network has
the smallest error. On the plant `alpaca` with every analysis saves 4.8 mol% against one in four: the others are worth
0.003 mol% each. 90 % intervals held 56 to 87 % of labels on engines and, of `alpaca` and `moca`, 79 to 93 % on the
plant.
"""

import json
import sys
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

from mtl_jax.config import ConfigError
from mtl_jax.disk import replacing
from mtl_jax.in_service import chosen, engines, methods, plant, rig, sales
from mtl_jax.in_service.scores import COURSE, paired, scores
from mtl_jax.in_service.source import Source, bought
from mtl_jax.job import asked_for, console, exit_with_message
from mtl_jax.report.pictures import bare, png

Name = Literal["engines", "conditions", "rig", "sales", "plant"]
SOURCES: dict[str, tuple[Callable[[float], Source], tuple[float, ...], str]] = {
  "engines": (engines.load, (0, 24, 168), "cycles after the failure"),
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
  seeds: int = 3  # of methods that are random; a row that is there already keeps its own
  only: tuple[str, ...] = ()  # names of methods, or of `chosen.TUNED` to choose; empty: all
  river: bool = False  # river's linear regression too: needs the extra `online`
  choose: bool = False  # score the memories on the second half of the history instead
  out: Path = Path("runs/in_service")  # scores.json and a picture of each source; what is there already is kept


def printed(rows: Sequence[dict[str, Any]], title: str) -> Table:
  """One row a method; the best mean in bold, and all beside the one whose first loss is the smallest."""
  names = list(rows[0]["losses"])
  heads = ("minus frozen trees", "minus the best", "cost", "to recover (never)", "in 90 %")
  table = Table("method", *names, *heads, title=title)
  best = {name: min(row["losses"][name][0] for row in rows) for name in names}
  first = min(rows, key=lambda row: row["losses"][names[0]][0])
  for row in rows:
    cells = []
    for name in names:
      mean, low, high = row["losses"][name]
      shown = f"{mean:.3g}" if mean > best[name] else f"[bold]{mean:.3g}[/]"
      cells.append(f"{shown} ({low:.3g} to {high:.3g})")
    times, came = zip(*row["recovered"].values(), strict=True) if row["recovered"] else ((), ())
    recover = f"{np.mean(times):.0f} ({came.count(False)} of {len(came)})" if came else ""
    against, beside = ("{:+.3g} ({:+.3g} to {:+.3g})".format(*pair) for pair in (row["against"], paired(row, first)))
    within = f"{100 * row['within']:.0f}" if "within" in row else ""
    table.add_row(row["method"], *cells, against, "" if row is first else beside, f"{row['cost']:.0f}", recover, within)
  return table


def picture(rows: Sequence[dict[str, Any]], title: str, unit: str) -> Figure:
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
    axes.set_title(f"{title}: labels {panel[0]:g} {unit}, one in {panel[1]} bought", fontsize=10)
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
    only = asked_for(arguments.only, chosen.TUNED)
    return console.print(*chosen.choose(make(delays[0]), only), sep="\n")
  arguments.out.mkdir(parents=True, exist_ok=True)
  path = arguments.out / f"{name}.json"
  rows = json.loads(path.read_text()) if path.exists() else []
  rows = [row for row in rows if "by_part" in row]  # older ones cannot be paired
  there = {(row["delay"], row["buy"], row["method"]) for row in rows}
  if (least := min(delays)) < 0:
    raise ConfigError(f"--delays {least:g}: a label cannot come before its question")
  for delay in delays:
    source = make(delay)
    if ((most := max(arguments.buy)) > 1 and not source.running.cost.any()) or min(arguments.buy) < 1:
      raise ConfigError(f"--buy {most}: 1 or more, and more than 1 only where labels are bought: of rig and plant")
    for buy in arguments.buy:
      ready = methods.ready(bought(source, buy))
      every = {method.name: method for method in chosen.methods(name, source, arguments.river)}
      left = [every[one] for one in asked_for(arguments.only, every) if (delay, buy, one) not in there]
      for method in track(left, f"{name}, {delay:g} {unit}, one in {buy}", console=console):
        rows.append({"source": name, "delay": delay, "buy": buy} | scores(ready, method, arguments.seeds))
        with replacing(path) as file:
          file.write(json.dumps(rows).encode())
      some = [row for row in rows if (row["delay"], row["buy"]) == (delay, buy)]
      console.print(printed(some, f"{name}: labels {delay:g} {unit}, one in {buy} bought"))
  (arguments.out / f"{name}.png").write_bytes(png(picture(rows, name, unit)))


if __name__ == "__main__":
  exit_with_message(lambda argv: main(tyro.cli(Arguments, args=argv, description=__doc__)), sys.argv[1:])
