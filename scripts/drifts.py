"""Three simulated drifts, labels at once to three weeks late: error, and hours until a learner has recovered.

python scripts/drifts.py

A linear plant y = K' (1, x) + noise of deviation 0.5, hourly for 4,000 hours; the 20 inputs x are normal and K is drawn
from N(0, I). It changes at hours 1,000, 2,000 and 3,000: abruptly to a new K, over 500 hours to one, or abruptly back
and forth between two, as products change. Recovered: the mean absolute error of the last 12 hours is within 1.5 times
that of one who knows K; counted from the end of the change, labels' delay included; never counts as 1,000 hours.
Everybody knows the prior and the noise, and settings are round numbers that were not tuned.

Measured 2026-11-27 on 2 CPU cores beside other work, five seeds, error (hours to recover):

                         at once      24 h late    1 week late  3 weeks late
  abrupt
    frozen at the prior  3.59 (1000)  3.59 (1000)  3.59 (1000)  3.59 (1000)
    persistence          4.94 (1000)  4.96 (1000)  4.96 (1000)  4.83 (1000)
    ridge on 168 labels  0.73 (163)   0.82 (187)   1.40 (330)   2.77 (669)
    alpaca               2.75 (1000)  2.80 (1000)  3.06 (1000)  3.62 (1000)
    alpaca that forgets  0.63 (128)   0.73 (156)   1.30 (297)   2.66 (632)
    moca                 0.47 (36)    0.56 (63)    1.15 (207)   2.52 (543)
    moca that recalls    0.47 (36)    0.56 (63)    1.15 (207)   2.52 (543)
  gradual
    frozen at the prior  3.35 (1000)  3.35 (1000)  3.35 (1000)  3.35 (1000)
    persistence          4.58 (1000)  4.59 (1000)  4.58 (1000)  4.47 (1000)
    ridge on 168 labels  0.62 (29)    0.71 (49)    1.29 (186)   2.65 (897)
    alpaca               2.45 (1000)  2.49 (1000)  2.73 (1000)  3.25 (1000)
    alpaca that forgets  0.55 (21)    0.63 (32)    1.20 (153)   2.56 (724)
    moca                 0.56 (20)    0.63 (28)    1.18 (152)   2.54 (651)
    moca that recalls    0.56 (21)    0.63 (28)    1.17 (155)   2.54 (655)
  recurring
    frozen at the prior  3.57 (1000)  3.57 (1000)  3.57 (1000)  3.57 (1000)
    persistence          4.89 (1000)  4.88 (1000)  4.87 (1000)  4.75 (1000)
    ridge on 168 labels  0.72 (164)   0.82 (186)   1.39 (330)   2.75 (668)
    alpaca               2.17 (1000)  2.21 (1000)  2.44 (1000)  2.88 (1000)
    alpaca that forgets  0.63 (131)   0.73 (155)   1.29 (300)   2.65 (634)
    moca                 0.47 (37)    0.56 (62)    1.13 (208)   2.50 (544)
    moca that recalls    0.44 (21)    0.53 (46)    1.10 (189)   2.47 (525)

The abrupt plants are just what `moca` assumes, and 0.40 is the least that is possible. With `regimes` it knows a plant
that comes back within two labels, after the first change, which is to a new one (12 hours are needed to see a mean at
all): in the day after, its error is 0.7 where that of `moca` without them is 2.3. Where nothing comes back it costs
nothing that can be seen. With 5 inputs in place of 20 (48 hours to see a mean) a plant is learned anew in so few labels
that recall gained 0.005 of the error and nothing else.
"""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import tyro
from matplotlib.figure import Figure
from rich.table import Table
from sklearn.ensemble import HistGradientBoostingRegressor

from mtl_jax import online
from mtl_jax.emissions import mean
from mtl_jax.evaluate import interval
from mtl_jax.job import asked_for, console, exit_with_message
from mtl_jax.online import Stream, linear, wide_prior
from mtl_jax.report.pictures import bare, png
from mtl_jax.tasks import in_use
from mtl_jax.tasks.in_use import Line, ramp, stage
from mtl_jax.types import OnlineLearner

HOURS, CHANGES, INPUTS, SEEDS, DELAYS = 4000, (1000, 2000, 3000), 20, 5, (0, 24, 168, 504)
SLOW, STUCK = 500, 200  # hours of a gradual change; hours for which a sensor sticks
DRAWN, COURSE = 24, 100  # the delay of the picture; its points
PRICE = 0.1  # of a label, in deviations of the noise
NIGHTLY, FOREST = "boosted trees, every night", "river: adaptive random forest"  # which take long
LONG = {NIGHTLY: (1, (DRAWN, 504)), FOREST: (1, (DRAWN,))}  # seeds, delays


class Kind(NamedTuple):
  """line(seed) -> a line of `HOURS` hours; noise: its deviation; lasts: hours of a change."""

  line: Callable[[int], Line]
  noise: float
  lasts: int = 0


def _plants(weights: Callable[[np.ndarray, np.ndarray], np.ndarray], seed: int) -> Line:
  draw, hour = np.random.default_rng(seed), np.arange(HOURS)
  now = weights(hour, draw.normal(size=(4, INPUTS + 1)))
  x = draw.normal(size=(HOURS, INPUTS))
  y = now[:, :1] + np.sum(now[:, 1:] * x, axis=1, keepdims=True) + 0.5 * draw.normal(size=(HOURS, 1))
  return Line(x.astype(np.float32), y.astype(np.float32), CHANGES)


def _gradual(hour: np.ndarray, plants: np.ndarray) -> np.ndarray:
  moved = np.diff(plants, axis=0)
  return plants[0] + sum(ramp(hour, begin, SLOW)[:, None] * by for begin, by in zip(CHANGES, moved, strict=True))


def _simulated(line: Callable[..., Line], seed: int, **numbers: Any) -> Line:
  return line(jax.random.key(seed), HOURS, 0.2, **numbers)


KINDS = {
  "abrupt": Kind(partial(_plants, lambda hour, plants: plants[stage(hour, (0, *CHANGES))]), 0.5),
  "gradual": Kind(partial(_plants, _gradual), 0.5, SLOW),
  "recurring": Kind(partial(_plants, lambda hour, plants: plants[stage(hour, (0, *CHANGES)) % 2]), 0.5),
  "product changeovers": Kind(partial(_simulated, in_use.changeovers, starts=CHANGES), 0.2),
  "tool wear": Kind(partial(_simulated, in_use.tool_wear), 0.2),
  "fouling": Kind(partial(_simulated, in_use.fouling, cleaned=CHANGES), 0.2),
  "catalyst decay": Kind(partial(_simulated, in_use.decay, begins=CHANGES, lasts=SLOW), 0.2, SLOW),
  "stuck sensor": Kind(partial(_simulated, in_use.stuck_sensor, begins=CHANGES, lasts=STUCK), 0.2),
}


@cache
def learners(inputs: int, noise: float) -> dict[str, tuple[OnlineLearner, Any]]:
  prior = wide_prior((), inputs + 1, noise**2, np.full(1, noise**2))
  window = online.window_ridge(lambda params, x: x, window=168, penalty=noise**2, features=inputs, targets=1)
  return {
    "frozen at the prior": (online.frozen(lambda params, x: jnp.zeros((len(x), 1))), ()),
    "persistence": (online.persistence(), jnp.zeros(1)),
    "ridge on 168 labels": (window, ()),
    "alpaca": (online.alpaca(linear), prior),
    "alpaca that forgets": (online.alpaca(linear, kept=0.98), prior),
    "moca": (online.moca(linear, hazard=0.001, runs=12), prior),
    "moca that recalls": (online.moca(linear, hazard=0.001, runs=12, regimes=4), prior),
  }


def _trees(x: np.ndarray, y: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
  if not len(x):
    return lambda asked: np.zeros((len(asked), 1), np.float32)
  model = HistGradientBoostingRegressor(max_iter=50, max_leaf_nodes=8, early_stopping=False, random_state=0)
  model.fit(x, y[:, 0])
  return lambda asked: model.predict(asked)[:, None].astype(np.float32)


def methods(kind: Kind, inputs: int, river: bool) -> dict[str, Callable[[Stream], np.ndarray]]:
  """Name -> stream -> (rows, 1)."""

  def replayed(learner: OnlineLearner, start: Any) -> Callable[[Stream], np.ndarray]:
    return lambda stream: mean(online.predictions(learner, start, stream))

  found = {name: replayed(*one) for name, one in learners(inputs, kind.noise).items()}
  found[NIGHTLY] = lambda stream: online.retrained(_trees, stream, 24.0)
  if river:
    from mtl_jax.baselines.one_by_one import LEARNERS, learned_one_by_one  # an extra

    nothing = np.zeros((0, inputs)), np.zeros((0, 1))
    found |= {name: partial(learned_one_by_one, make, *nothing) for name, make in LEARNERS.items()}
  return found


def scored(kind: Kind, line: Line, stream: Stream, prediction: np.ndarray, pays: bool) -> dict[str, Any]:
  """error: mean absolute; hours: to recover, mean over changes; cost: so far, in deviations of the noise, `COURSE`."""
  loss = np.abs(prediction - stream.y)[:, 0]
  level, hours = 1.5 * kind.noise * np.sqrt(2 / np.pi), []
  for since, until in zip(line.changes, (*line.changes[1:], HOURS), strict=True):
    part = stream._replace(time=stream.time[:until])
    time = online.time_to_recover(part, loss[:until], since + kind.lasts, window=12, level=level)
    hours.append(min(time, until - since))
  paid = stream if pays else stream._replace(matures=np.full(HOURS, np.inf))
  cost = online.cumulative_cost(paid, loss / kind.noise)[HOURS // COURSE - 1 :: HOURS // COURSE]
  return {"error": float(loss.mean()), "hours": float(np.mean(hours)), "cost": cost.tolist()}


def table(rows: Sequence[dict[str, Any]], name: str) -> Table:
  """Errors, their 95 % intervals over seeds, and hours to recover."""
  printed = Table(name, *(f"{delay} h late" for delay in DELAYS))
  for method in dict.fromkeys(row["method"] for row in rows):
    cells = []
    for delay in DELAYS:
      some = [row for row in rows if (row["method"], row["delay"]) == (method, delay)]
      errors, hours = [row["error"] for row in some], [row["hours"] for row in some]
      between = " ({1:.2f}-{2:.2f})".format(*interval(np.asarray(errors))) if len(some) == SEEDS else ""
      cells.append(f"{np.mean(errors):.2f}{between} {np.mean(hours):.0f}" if some else "")
    printed.add_row(method, *cells)
  return printed


def picture(rows: Sequence[dict[str, Any]]) -> Figure:
  """The cost so far of every kind of line with labels a day late, means over seeds."""
  figure, lines = Figure(figsize=(15, 7), layout="constrained"), {}
  hour = np.arange(1, COURSE + 1) * (HOURS // COURSE)
  for place, kind in enumerate(dict.fromkeys(row["kind"] for row in rows)):
    axes = figure.add_subplot(2, 4, place + 1)
    bare(axes)
    some = [row for row in rows if (row["kind"], row["delay"]) == (kind, DRAWN)]
    for colour, method in enumerate(dict.fromkeys(row["method"] for row in some)):
      course = np.mean([row["cost"] for row in some if row["method"] == method], axis=0)
      lines[method] = axes.plot(hour, course / 1000, f"C{colour}", linewidth=1.3)[0]
    axes.set_title(f"{kind}: thousands of deviations", fontsize=10)
    axes.set_xlabel("hour", fontsize=9)
  figure.legend(lines.values(), lines.keys(), loc="outside right center", frameon=False, fontsize=9)
  return figure


def remembered(name: str) -> Table:
  """What is remembered of each stage of a thousand hours after each, labels at once; means over seeds."""
  printed, kind = Table(name, "after", *(f"hours from {begin}" for begin in (0, *CHANGES))), KINDS[name]
  lines = [kind.line(seed) for seed in range(SEEDS)]
  for method, (learner, start) in learners(lines[0].x.shape[1], kind.noise).items():
    if method.startswith(("alpaca", "moca")):
      found = []
      for line in lines:
        parts = (np.arange(begin, end) for begin, end in zip((0, *CHANGES), (*CHANGES, HOURS), strict=True))
        stages = [online.stream(part, line.x[part], line.y[part]) for part in parts]
        loss = lambda said, y: np.abs(said.mean - y)  # noqa: E731
        found.append(online.forgetting(jax.random.key(0), learner, learner.init(start), stages, loss))
      for after, row in enumerate(np.mean(found, axis=0)):
        printed.add_row(method if not after else "", str(after), *(f"{value:.2f}" for value in row))
  return printed


@dataclass(frozen=True)
class Arguments:
  only: tuple[str, ...] = ()  # kinds of lines; empty: all
  river: bool = False  # river's learners too: needs the extra `online`
  out: Path = Path("runs/drifts")  # scores.json and drifts.png; what is there already is kept


def main(arguments: Arguments) -> None:
  matplotlib.use("agg")
  arguments.out.mkdir(parents=True, exist_ok=True)
  path = arguments.out / "scores.json"
  rows = json.loads(path.read_text()) if path.exists() else []
  there = {(row["kind"], row["method"], row["delay"], row["seed"]) for row in rows}
  for name in asked_for(arguments.only, KINDS):
    kind = KINDS[name]
    for seed in range(SEEDS):
      line = kind.line(seed)
      for delay in DELAYS:
        stream = online.stream(np.arange(HOURS), line.x, line.y, delay=delay, cost=PRICE)
        for method, predict in methods(kind, line.x.shape[1], arguments.river).items():
          seeds, delays = LONG.get(method, (SEEDS, DELAYS))
          if seed < seeds and delay in delays and (name, method, delay, seed) not in there:
            with console.status(f"{name}, {method}, labels {delay} h late, seed {seed} ..."):
              found = scored(kind, line, stream, predict(stream), pays=not method.startswith("frozen"))
            rows.append({"kind": name, "method": method, "delay": delay, "seed": seed, **found})
      path.write_text(json.dumps(rows))
    some = [row for row in rows if row["kind"] == name]
    console.print("mean absolute error (95 % interval) hours to recover", table(some, name))
  for name in ("recurring", "product changeovers"):
    if name in asked_for(arguments.only, KINDS):
      console.print("mean absolute error on each stage after each, from before the first", remembered(name))
  (arguments.out / "drifts.png").write_bytes(png(picture(rows)))


if __name__ == "__main__":
  exit_with_message(lambda argv: main(tyro.cli(Arguments, args=argv, description=__doc__)), sys.argv[1:])
