"""What is to be tuned, as its engineer writes it down: settings, the response, limits; from a TOML file.

others = { table = "others.parquet", plant = "press" }    # logs of other plants; optional, and what makes it quick
trust = 0.3                      # share of a range that a trial may lie from the best one so far; optional

[response]
name = "margin"
unit = "EUR/h"
better = "larger"                # or "smaller"

[settings]
melt = { unit = "C", low = 200, high = 260, nominal = 230, step = 15, moving = 0.5 }
#        step: the most it moves from one trial to the next; moving: what moving it over its range costs, in the
#        response's unit; both optional

[limits]
flash = { unit = "mm", most = 0.1 }      # or least = ...

[trial]                          # optional; then it is the expected gain for the money that chooses a trial
unit = "EUR"
cost = 40                        # of every trial
per = { melt = 0.2 }             # and for every unit of a setting, here 0.2 EUR for each C
"""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mtl_jax.data import DataError
from mtl_jax.tasks.processes import Plant, Setting


class Limit(NamedTuple):
  """A measured quantity that is kept at most, or at least, at `border`."""

  name: str
  unit: str
  border: float
  most: bool


class Others(NamedTuple):
  """Logs of other plants: a table, and its column that says which plant a row is of."""

  table: Path
  plant: str


class TrialCost(NamedTuple):
  """cost + per @ u, in `unit`, of a trial at the set-points u (d,) in their own units."""

  cost: float
  per: tuple[float, ...]
  unit: str


class Line(NamedTuple):
  """One plant to be tuned.

  Attributes:
    step, moving: of each setting, (d,), in its own unit, infinite where none is named, and in the response's
    trust: share of each range
    larger: larger responses are better
  """

  settings: tuple[Setting, ...]
  step: tuple[float, ...]
  moving: tuple[float, ...]
  trust: float
  response: str
  unit: str
  larger: bool
  limits: tuple[Limit, ...]
  others: Others | None
  trial: TrialCost | None


def column(name: str, unit: str) -> str:
  """As a log's columns are called."""
  return f"{name} [{unit}]" if unit else name


def setting_columns(line: Line) -> list[str]:
  return [column(setting.name, setting.unit) for setting in line.settings]


def outcome_columns(line: Line) -> list[str]:
  """Of the response and then of the limits."""
  return [column(line.response, line.unit), *(column(limit.name, limit.unit) for limit in line.limits)]


def ranges(line: Line) -> tuple[np.ndarray, np.ndarray]:
  """(d,), (d,): the lowest set-points, and how wide the ranges are."""
  low, high = (np.asarray([getattr(each, side) for each in line.settings]) for side in ("low", "high"))
  return low, high - low


def cost_of(line: Line) -> np.ndarray | None:
  """(1 + d,) what a trial at the lowest set-points costs, and how much more at the upper end of each range."""
  if line.trial is None:
    return None
  low, width = ranges(line)
  per = np.asarray(line.trial.per)
  return np.concatenate([[line.trial.cost + per @ low], per * width])


def inward(line: Line, outcomes: np.ndarray) -> np.ndarray:
  """(n, 1 + c): what was measured as a response to be made large and limits kept where they are at most 0."""
  sides = [1.0 if line.larger else -1.0, *(1.0 if limit.most else -1.0 for limit in line.limits)]
  borders = [0.0, *(limit.border for limit in line.limits)]
  return (outcomes - np.asarray(borders)) * np.asarray(sides)


def of_plant(plant: Plant) -> Line:
  """A simulated plant's."""
  d = len(plant.settings)
  limits = tuple(Limit(name, "", 0.0, True) for name in plant.constraints)
  return Line(plant.settings, (math.inf,) * d, (0.0,) * d, 1.0, plant.response, plant.unit, True, limits, None, None)


def near(name: str, names: Iterable[str]) -> str:
  """The way out of a name that is not there."""
  names = list(names)
  close = difflib.get_close_matches(name, names, n=1)
  return f"did you mean {close[0]!r}?" if close else f"there are {', '.join(map(repr, names))}"


def _fields(given: Any, where: str, needed: Mapping[str, type], free: Mapping[str, type]) -> dict[str, Any]:
  """The fields of a table of the file; every wrong one is an error that names it."""
  if not isinstance(given, dict):
    raise DataError(f"{where} must be a table with {', '.join([*needed, *free])}, and is {given!r}")
  for name in given:
    if name not in needed and name not in free:
      raise DataError(f"{where} has no field {name!r}; {near(name, [*needed, *free])}")
  for name in needed:
    if name not in given:
      raise DataError(f"{where} lacks {name!r}; write {name} = ...")
  for name, value in given.items():
    kind = needed[name] if name in needed else free[name]
    number = kind is float and isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value)) and not (kind is not float and isinstance(value, kind)):
      raise DataError(f"{where}: {name} must be {'a number' if kind is float else 'text'}, and is {value!r}")
  return given


def _setting(name: str, given: Any, where: str) -> tuple[Setting, float, float]:
  where = f"{where}, settings.{name}"
  kinds: dict[str, type] = {"low": float, "high": float, "nominal": float}
  field = _fields(given, where, kinds, {"unit": str, "step": float, "moving": float})
  low, high, nominal = (float(field[each]) for each in ("low", "high", "nominal"))
  if not low < high:
    raise DataError(f"{where}: low {low:g} must be below high {high:g}")
  if not low <= nominal <= high:
    raise DataError(f"{where}: nominal {nominal:g} lies outside of {low:g} to {high:g}; it is where the plant runs now")
  step, moving = float(field.get("step", math.inf)), float(field.get("moving", 0.0))
  if step <= 0 or moving < 0:
    raise DataError(f"{where}: step must be above 0 and moving at least 0, and they are {step:g} and {moving:g}")
  return Setting(name, field.get("unit", ""), low, high, nominal), step, moving


def _limit(name: str, given: Any, where: str) -> Limit:
  where = f"{where}, limits.{name}"
  field = _fields(given, where, {}, {"unit": str, "most": float, "least": float})
  if ("most" in field) == ("least" in field):
    raise DataError(f"{where} needs either most = ... or least = ...")
  most = "most" in field
  return Limit(name, field.get("unit", ""), float(field["most" if most else "least"]), most)


def read_line(path: Path) -> Line:
  """From a settings file.

  Raises:
    DataError: it is not there, not TOML, or a field is wrong: the message names the field, its value and a way out.
  """
  try:
    given = tomllib.loads(path.read_text())
  except FileNotFoundError:
    raise DataError(f"{path}: there is no such file; `advise.py example FOLDER` writes one to start from") from None
  except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
    raise DataError(f"{path} is not TOML: {error}") from None
  where = str(path)
  kinds = {"response": dict, "settings": dict}
  field = _fields(given, where, kinds, {"limits": dict, "others": dict, "trial": dict, "trust": float})
  response = _fields(field["response"], f"{where}, response", {"name": str, "better": str}, {"unit": str})
  if response["better"] not in ("larger", "smaller"):
    raise DataError(f"{where}, response: better must be 'larger' or 'smaller', and is {response['better']!r}")
  settings = [_setting(name, each, where) for name, each in field["settings"].items()]
  if not settings:
    raise DataError(f"{where}, settings: name at least one")
  limits = tuple(_limit(name, each, where) for name, each in field.get("limits", {}).items())
  trust = float(field.get("trust", 1.0))
  if not 0 < trust <= 1:
    raise DataError(f"{where}: trust must be above 0 and at most 1, a share of each range, and is {trust:g}")
  others = None
  if "others" in field:
    named = _fields(field["others"], f"{where}, others", {"table": str, "plant": str}, {})
    others = Others(path.parent / named["table"], named["plant"])
  trial = None
  if "trial" in field:
    named = _fields(field["trial"], f"{where}, trial", {"cost": float}, {"per": dict, "unit": str})
    names = {setting.name: float for setting, _, _ in settings}
    per = _fields(named.get("per", {}), f"{where}, trial.per", {}, names)
    trial = TrialCost(float(named["cost"]), tuple(float(per.get(n, 0.0)) for n in names), named.get("unit", ""))
  line = Line(
    *(tuple(each) for each in zip(*settings, strict=True)),  # pyright: ignore[reportArgumentType]
    trust=trust,
    response=response["name"],
    unit=response.get("unit", ""),
    larger=response["better"] == "larger",
    limits=limits,
    others=others,
    trial=trial,
  )
  if (cost := cost_of(line)) is not None and not (least := cost[0] + np.minimum(cost[1:], 0.0).sum()) > 0:
    raise DataError(f"{where}, trial: the cheapest trial within the ranges costs {least:g}; it must be above 0")
  columns = [*setting_columns(line), *outcome_columns(line)]
  for name in columns:
    if columns.count(name) > 1:
      raise DataError(f"{where}: {name!r} is there twice; give each setting, limit and the response its own name")
  return line
