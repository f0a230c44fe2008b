"""A run folder as rows, and what the protocol of evidence says about them."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SEEDS, EPISODES = 5, 600  # the least that the protocol of evidence calls a result


class Metric(NamedTuple):
  """How a metric is read."""

  label: str
  lower_is_better: bool
  percent: bool
  ranked: bool = True  # whether one value is better than another

  def text(self, value: float) -> str:
    """91.2 for a share of 0.912, three significant digits for anything else."""
    return f"{100 * value:.1f}" if self.percent else f"{value:#.3g}".rstrip(".")

  @property
  def unit(self) -> str:
    return " %" if self.percent else ""


METRICS = {  # the first that a job has is its headline
  "auprc": Metric("average precision", False, True),
  "macro_f1": Metric("macro-F1", False, True),
  "detection": Metric("detection rate at 1 % false alarms", False, True),
  "pinball": Metric("pinball loss, mean over deciles", True, False),
  "mase": Metric("mean absolute scaled error", True, False),
  "rmse": Metric("root mean squared error", True, False),
  "mse": Metric("mean squared error", True, False),
  "mae": Metric("mean absolute error", True, False),
  "rmse_uncapped": Metric("root mean squared error, labels not capped", True, False),
  "mse_uncapped": Metric("mean squared error, labels not capped", True, False),
  "nasa": Metric("NASA score per engine", True, False),
  "nasa_uncapped": Metric("NASA score per engine, labels not capped", True, False),
  "nll": Metric("negative log-likelihood", True, False),
  "coverage": Metric("coverage of the central 90 %", False, True, ranked=False),  # 90 % is right
  "cost": Metric("inventory cost", True, False),
  "false_alarms": Metric("false alarms", True, True),
  "delay": Metric("detection delay", True, False),
  "accuracy": Metric("accuracy", False, True),
  "macro_recall": Metric("macro recall", False, True),
  "delta_m": Metric("mean gain over single-task networks", False, True),
  "ahead": Metric("mean gain beyond that of the best baseline", False, True),
  "worst": Metric("gain of the task that gains least", False, True),
  "relative": Metric("gain over the single-task network", False, True),
}
TOGETHER = ("macro_f1", "accuracy", "macro_recall")  # none of these is printed without the others
CONFUSION, GAIN = "confusion", "_gain"
LABELS, SECONDS = "labels", "seconds"  # what a method costs on a new unit: labels used, time to adapt and answer
# Of a multi-task method: temporary memory of an update, MB; gradients in a step; what validation chose.
MEMORY, GRADIENTS, RATE = "memory", "gradients", "learning_rate"
COSTS = (LABELS, SECONDS, MEMORY, GRADIENTS, RATE)  # these have no interval


@dataclass(frozen=True)
class Row:
  """One number of scores.json with its interval (`confusion`: a matrix, without one)."""

  method: str
  kind: str  # "ours" or "baseline"
  k: int  # labels per class, or support points of a regression
  metric: str
  mean: Any
  low: float | None
  high: float | None
  seeds: int
  episodes: int
  job: str = ""
  steps: int | None = None
  against: str | None = None
  labels: tuple[str, ...] | None = None
  complete: bool = False  # the episodes are all units of a test set, each once
  unit: str = ""  # physical unit of an error
  over: str = ""  # "rows" where an interval is over rows, the units being too few
  per: str = ""  # what K counts, where it is neither labels per class nor labelled points
  joint: bool = False  # all seeds of a method answer together: one ensemble, in the table beside the methods, no rival

  @property
  def value(self) -> float:
    """The mean; NaN where a method gave none."""
    return math.nan if self.mean is None else float(self.mean)

  @property
  def interval(self) -> tuple[float, float] | None:
    if self.low is None or self.high is None or not math.isfinite(self.low + self.high):
      return None
    return self.low, self.high

  @property
  def shortfall(self) -> str:
    """What the protocol misses in this row; empty for a result."""
    short = [
      f"{have} of {need} {what}"
      for have, need, what in ((self.seeds, SEEDS, "seeds"), (self.episodes, EPISODES, "episodes"))
      if have < need and not (self.complete and what == "episodes")
    ]
    if self.metric not in (CONFUSION, *COSTS) and self.interval is None:
      short.append("no interval")
    return ", ".join(short)


class Run(NamedTuple):
  """A run folder."""

  name: str
  rows: list[Row]
  curves: list[dict[str, Any]]
  about: dict[str, Any]
  diagnosis: dict[str, Any]  # of a multi-task run


def parse(rows: Iterable[Mapping[str, Any]]) -> list[Row]:
  """Rows of scores.json, checked. Raises: ValueError naming the row and what is wrong with it."""
  names = [field.name for field in fields(Row)]
  known = {*METRICS, CONFUSION, *COSTS, *(metric + GAIN for metric in METRICS)}
  parsed, seen = [], set()
  for number, raw in enumerate(rows):
    missing = [name for name in names[:9] if name not in raw]
    if missing:
      raise ValueError(f"row {number} of the scores has no {', '.join(missing)}: {dict(raw)}")
    row = Row(**{name: raw[name] for name in names if raw.get(name) is not None or name in names[:9]})
    if row.kind not in ("ours", "baseline"):
      raise ValueError(f"row {number} of the scores: kind is {row.kind!r}, not 'ours' or 'baseline'")
    if row.metric not in known:
      raise ValueError(f"row {number} of the scores: unknown metric {row.metric!r}; known: {', '.join(sorted(known))}")
    identity = (row.job, row.method, row.k, row.metric, row.steps, row.against)
    if identity in seen:
      raise ValueError(f"row {number} of the scores repeats {row.method}, k={row.k}, {row.metric}")
    seen.add(identity)
    parsed.append(row)
  return parsed


def _curves(path: Path) -> list[dict[str, Any]]:
  lines = path.read_text("utf-8").splitlines()
  curves = []
  for number, line in enumerate(lines, 1):
    try:
      row = json.loads(line)
    except json.JSONDecodeError as error:
      if number == len(lines):  # a run that was killed while writing
        break
      raise ValueError(f"{path}, line {number}: {error}") from error
    if "method" not in row or "step" not in row:
      raise ValueError(f"{path}, line {number}: a row needs method and step")
    # One number per seed, or one array, becomes their mean.
    means = {name: np.mean(value, axis=0).tolist() for name, value in row.items() if isinstance(value, list)}
    curves.append(row | means)
  return curves


def read_run(folder: Path) -> Run:
  """Reads scores.json, metrics.jsonl, run.json and diagnosis.json; each may be absent, the first two not both.

  Raises:
    FileNotFoundError: no such folder, or nothing in it to show.
    ValueError: a file is not what it should be.
  """
  if not folder.is_dir():
    raise FileNotFoundError(f"{folder} is not a run folder: no such folder")
  scores, metrics = folder / "scores.json", folder / "metrics.jsonl"
  try:
    rows = parse(json.loads(scores.read_text("utf-8"))) if scores.exists() else []
    described, diagnosis = (
      json.loads(path.read_text("utf-8")) if path.exists() else {}
      for path in (folder / "run.json", folder / "diagnosis.json")
    )
  except ValueError as error:
    raise ValueError(f"{folder}: {error}") from error
  curves = _curves(metrics) if metrics.exists() else []
  if not rows and not curves:
    raise FileNotFoundError(f"{folder} has nothing to show: no rows in scores.json and none in metrics.jsonl")
  return Run(described.get("name", folder.resolve().name), rows, curves, described, diagnosis)


def by_job(rows: Iterable[Row]) -> dict[str, list[Row]]:
  """Rows of each job, in the order in which the jobs first appear."""
  jobs: dict[str, list[Row]] = {}
  for row in rows:
    jobs.setdefault(row.job, []).append(row)
  return jobs


def only_job(rows: Iterable[Row], job: str | None) -> list[Row]:
  """Rows of `job`, or of the only job there is. Raises: ValueError naming the jobs."""
  jobs = by_job(rows)
  if job is None and len(jobs) == 1:
    return next(iter(jobs.values()))
  if job not in jobs:
    raise ValueError(f"which job? {job!r} is none of {', '.join(map(repr, jobs)) or 'no rows at all'}")
  return jobs[job]


def headline(rows: Iterable[Row]) -> str:
  """The metric that a job is judged by. Raises: ValueError if it has no score."""
  have = {row.metric for row in rows if row.steps is None}
  for metric in METRICS:
    if metric in have:
      return metric
  raise ValueError(f"a job needs one of {', '.join(METRICS)}; it has {', '.join(sorted(have))}")


def per(rows: Iterable[Row], metric: str) -> str:
  """What K counts in a job."""
  usual = "labels per class" if metric in TOGETHER else "labelled points"
  return next((row.per for row in rows if row.per), usual)


def scored(rows: Iterable[Row], metric: str) -> list[Row]:
  """The rows of the table: `metric`, without those against adaptation steps."""
  return [row for row in rows if row.metric == metric and row.steps is None]


def best(rows: Iterable[Row]) -> list[Row]:
  """The winners among rows of one metric: one row, more where they tie, none without a number or where none is better.

  Seeds that answer together never win.
  """
  finite = [row for row in rows if math.isfinite(row.value) and not row.joint]
  if not finite or not METRICS[finite[0].metric].ranked:
    return []
  choose = min if METRICS[finite[0].metric].lower_is_better else max
  top = choose(row.value for row in finite)
  return [row for row in finite if row.value == top]


def nearest(ks: Iterable[int], target: int = 5) -> int:
  """The K nearest to `target`, the smaller of two."""
  return min(sorted(ks), key=lambda k: abs(k - target))


def shortfalls(rows: Iterable[Row]) -> list[str]:
  """What is missing before the rows are a result, one line for each way of falling short.

  Seeds that answer together are left out: their cells say what they lack, and no result rests on them.
  """
  rows = [row for row in rows if not row.joint]
  groups: dict[str, dict[str, None]] = {}
  together: dict[tuple[str, str, int], set[str]] = {}
  for row in rows:
    if row.shortfall:
      groups.setdefault(row.shortfall, {})[row.method] = None
    if row.metric in TOGETHER and row.steps is None:
      together.setdefault((row.job, row.method, row.k), set()).add(row.metric)
  for (_, method, _), have in together.items():
    missing = [METRICS[metric].label for metric in TOGETHER if metric not in have]
    if missing:
      groups.setdefault(f"no {' and no '.join(missing)}", {})[method] = None
  return [f"{what}: {', '.join(methods)}" for what, methods in groups.items()]
