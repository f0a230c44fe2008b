"""The next set-point of your plant, from the log of its trials and those of plants like it: ask, run, tell.

python scripts/advise.py example runs/press                            # files to start from: settings, logs of others
python scripts/advise.py ask runs/press/log.jsonl --settings runs/press/settings.toml
python scripts/advise.py tell runs/press/log.jsonl --settings runs/press/settings.toml margin=14.2
python scripts/advise.py tell ... melt=228 margin=14.2                 # where something else was applied
python scripts/advise.py ask runs/mill.jsonl --plant milling           # a simulated plant, to try it without one's own

Where trials cost unlike amounts, say so in the settings file, and it is the expected gain for the money that counts:

  [trial]
  unit = "EUR"
  cost = 40                       # of every trial
  per = { "packing time" = 2.5 }  # and 2.5 EUR for every second of it

LOG is .jsonl or .parquet with a column for each setting and outcome, "melt [C]" or "melt"; trials that it has already
are what the advice starts from, and an empty cell is what was not measured. What a settings file holds stands in
mtl_jax/advise/line.py. Everything may be killed at any moment: a recommendation is on record before it is printed, and
is said again until there is another trial; a trial is in the log, or it is not.
"""

import dataclasses
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import tyro

from mtl_jax import advise
from mtl_jax.advise.line import Line
from mtl_jax.command import console, exit_with_message
from mtl_jax.data import DataError
from mtl_jax.tasks.processes import PLANTS

Log = Annotated[Path, tyro.conf.Positional]
Simulated = Literal["williams_otto", "stirred_tank", "milling", "injection", "wafer"]


@dataclasses.dataclass(frozen=True)
class Ask:
  """Recommend the next trial."""

  log: Log
  settings: Path | None = None
  """what is tuned: a TOML file"""
  plant: Simulated | None = None
  """or a simulated kind of plant"""
  another: bool = False
  """a further trial, while those recommended before are still running"""
  risk: float = 0.1
  """the share of trials that may break a limit"""


@dataclasses.dataclass(frozen=True)
class Tell:
  """Write down a trial."""

  log: Log
  measured: Annotated[tuple[str, ...], tyro.conf.Positional]
  """NAME=NUMBER of what was measured, and of settings that were not as recommended"""
  settings: Path | None = None
  plant: Simulated | None = None
  answers: int | None = None
  """which recommendation it was made for, where several are running"""


@dataclasses.dataclass(frozen=True)
class Example:
  """Write a settings file, logs of simulated presses as "others", and the log of three trials."""

  folder: Log


def _line(command: Ask | Tell) -> Line:
  if (command.settings is None) == (command.plant is None):
    raise DataError("say what is tuned: either --settings FILE or --plant KIND")
  return advise.read_line(command.settings) if command.settings else advise.of_plant(PLANTS[command.plant or ""])


def _prior(line: Line, command: Ask) -> advise.Prior | None:
  if not 0 < command.risk < 1:
    raise DataError(f"--risk must be between 0 and 1, a share of trials, and is {command.risk:g}")
  if command.plant is None and line.others is None:
    return None
  mark = advise.fingerprint(line, command.plant or "", command.risk)

  def learned() -> advise.Prior:
    others = advise.simulated(PLANTS[command.plant]) if command.plant else advise.others_of(line)
    assert others is not None
    warn(others.outside, "others, left out: ")
    began = time.perf_counter()
    console.print(f"learning from {len(others.names)} other plants, once ...")
    prior = advise.learn(others, command.risk, cost=advise.cost_of(line))
    console.print(f"learned in {time.perf_counter() - began:.0f} s, and kept in {advise.folder_of(command.log)}")
    return prior

  return advise.kept(advise.folder_of(command.log) / "prior.npz", mark, learned)


def say(text: str, style: str | None = None) -> None:
  console.print(text, markup=False, highlight=False, soft_wrap=True, style=style)


def warn(outside: Mapping[int, str], what: str = "warning: ") -> None:
  """Of trials out of range, the last three."""
  for text in [*outside.values()][-3:]:
    say(f"{what}{text}", "yellow")
  if len(outside) > 3:
    say(f"{what}{len(outside) - 3} more before these", "yellow")


def _ask(command: Ask) -> None:
  line = _line(command)
  history = advise.read(command.log, line)
  warn(history.outside)
  adviser = advise.Adviser(line, command.log, _prior(line, command))
  advice = advise.ask(adviser, another=command.another)
  unit = f" {line.unit}" if line.unit else ""
  say(f"recommendation {advice.number}" + (", not answered yet" if advice.repeated else ""), "bold")
  for setting, value in zip(line.settings, advice.u, strict=True):
    say(f"  {setting.name:24} {value:.5g} {setting.unit}")
  low, middle, high = advice.response
  say(f"{line.response} there: {middle:.4g}{unit}, 90 % within {low:.4g} to {high:.4g}")
  against = f"the best of {advice.trials} trials" if advice.trials else "where the plant runs now"
  say(f"expected gain over {against} ({advice.so_far:.4g}{unit}): {advice.gain:+.3g}{unit}")
  if line.trial:
    say(f"this trial costs {advice.cost:.4g} {line.trial.unit}, those before {advice.spent:.4g} {line.trial.unit}")
  if line.limits:
    say(f"all limits are kept there with a probability of {advice.kept:.3f}, as believed")
    if bound := advice.bound:
      say(f"on {bound.plants} other plants {bound.share:.1%} of such trials broke one; of the next plant's trials")
      say(
        f"  {bound.bound:.1%} at most are expected to (conformal bound, {command.risk:.0%} was asked for; cross-fitted,"
      )
      say("  which the theorem does not cover)")
      if line.trust < 1 or any(map(math.isfinite, line.step)) or any(line.moving):
        say("  (those trials had no steps, trust region or cost of moving, which may lead to others here)")
    sure, most = advise.OWN_CONFIDENCE, advice.own_bound
    say(f"on this plant {advice.broken} of {advice.judged} trials broke one; {most:.1%} of such trials at most do")
    say(f"  (Clopper-Pearson, one-sided, {sure:.0%} sure, for independent trials; these are chosen one after another)")
  for reason in advice.reasons:
    say(f"- {reason}")
  where = ", ".join(f"{s.name} {v:.5g}" for s, v in zip(line.settings, advice.advised, strict=True))
  say(f"to stop tuning now, run at: {where}")
  picture = advise.folder_of(command.log) / f"recommendation-{advice.number}.png"
  advise.picture(line, history, advice, picture)
  say(f"picture: {picture}")
  which = f"--settings {command.settings}" if command.settings else f"--plant {command.plant}"
  say(f"then: python scripts/advise.py tell {command.log} {which} '{line.response}=...'")


def _tell(command: Tell) -> None:
  pairs = {}
  for text in command.measured:
    name, equals, number = text.partition("=")
    if not equals:
      raise DataError(f"{text!r} must be NAME=NUMBER")
    pairs[name.strip()] = number
  line = _line(command)
  row = advise.tell(line, command.log, pairs, command.answers)
  shown = {name: row[name] for name in (*advise.setting_columns(line), *advise.outcome_columns(line))}
  said = ", ".join(f"{name} {'not measured' if each is None else format(each, '.5g')}" for name, each in shown.items())
  say(f"in {command.log}: {said}")
  history = advise.read(command.log, line)
  warn({n: text for n, text in history.outside.items() if n == len(history.x)})


def main(argv: list[str]) -> None:
  if not argv:
    raise SystemExit(__doc__)
  match tyro.cli(Ask | Tell | Example, args=argv, description=__doc__):  # pyright: ignore[reportArgumentType, reportCallIssue]
    case Ask() as command:
      _ask(command)
    case Tell() as command:
      _tell(command)
    case Example(folder):
      from mtl_jax.advise.example import write_example  # with pandas, which no answer waits for

      write_example(folder)
      console.print(f"written: {folder}/settings.toml, others.parquet and log.jsonl", soft_wrap=True)


if __name__ == "__main__":
  exit_with_message(main, sys.argv[1:])
