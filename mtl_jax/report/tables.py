"""Rows as a table: of one job with K labels, in Markdown for the README, and of what training took."""

import html
import itertools
import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mtl_jax.report.run import (
  EPISODES,
  LABELS,
  METRICS,
  SECONDS,
  SEEDS,
  TOGETHER,
  Row,
  best,
  headline,
  only_job,
  parse,
  per,
  scored,
)


class Cell(NamedTuple):
  """One method at one K."""

  value: str
  interval: tuple[str, str] | None
  others: list[tuple[str, str]]  # label and value of the other metrics
  best: bool
  shortfall: str  # why this is preliminary; empty for a result


class Line(NamedTuple):
  """One method."""

  method: str
  kind: str
  labels: str  # of the new unit that it used, at each K; empty where not recorded
  seconds: str  # to adapt to the new unit and answer, at the largest K
  cells: list[Cell | None]


class Table(NamedTuple):
  """Methods by K, the best first, seeds that answer together last."""

  label: str
  unit: str
  lower_is_better: bool
  per: str  # what K counts
  ks: list[int]
  lines: list[Line]
  note: str  # about seeds that answer together; empty where none do


_JOINT = (
  "Seeds that answer together are one draw of an ensemble: they stand last, are never called the best, and no method "
  "is compared with them."
)


def table(rows: Iterable[Row], metric: str) -> Table:
  """The table of one job: `metric` with its interval, and the other metrics beside it.

  Raises: ValueError if no row has the metric.
  """
  rows = [row for row in rows if row.steps is None]
  costs = {(row.method, row.k, row.metric): row.value for row in rows if row.metric in (LABELS, SECONDS)}
  rows = [row for row in rows if row.metric in METRICS]
  judged = scored(rows, metric)
  if not judged:
    raise ValueError(f"no row has the metric {metric!r}")
  how = METRICS[metric]
  ks = sorted({row.k for row in rows})
  winners = [row for k in ks for row in best(row for row in judged if row.k == k)]
  at = {(row.method, row.k, row.metric): row for row in rows}

  def cell(method: str, k: int) -> Cell | None:
    here = {name: at[method, k, name] for name in METRICS if (method, k, name) in at}
    if not here:
      return None
    main = here.get(metric)
    missing = [METRICS[m].label for m in TOGETHER if metric in TOGETHER and m not in here]
    short = dict.fromkeys(row.shortfall for row in here.values() if row.shortfall)
    return Cell(
      how.text(main.value) if main and math.isfinite(main.value) else "–",
      (how.text(main.interval[0]), how.text(main.interval[1])) if main and main.interval else None,
      [(METRICS[name].label, METRICS[name].text(row.value)) for name, row in here.items() if name != metric],
      main in winners,
      ", ".join([*short, *(f"no {label}" for label in missing)]),
    )

  joint = {row.method for row in rows if row.joint}

  def rank(line: Line) -> tuple[float, ...]:
    last = line.method in joint
    values = [at[line.method, k, metric].value for k in ks if (line.method, k, metric) in at]
    mean = statistics.fmean(values) if values else math.nan
    if math.isnan(mean):
      return last, 1, 0
    return last, 0, (mean if how.lower_is_better else -mean) if how.ranked else 0

  kinds = {row.method: row.kind for row in rows}
  lines = [
    Line(
      method,
      kind,
      " / ".join(f"{costs[method, k, LABELS]:.3g}" for k in ks if (method, k, LABELS) in costs),
      took(costs.get((method, ks[-1], SECONDS))),
      [cell(method, k) for k in ks],
    )
    for method, kind in kinds.items()
  ]
  lines = sorted(lines, key=rank)
  return Table(how.label, how.unit, how.lower_is_better, per(rows, metric), ks, lines, _JOINT if joint else "")


def took(seconds: float | None) -> str:
  """ "3.2 ms", "2 h 0 min"; empty where not recorded."""
  if seconds is None or not math.isfinite(seconds):
    return ""
  if seconds >= 600:
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
  if seconds >= 99.5:
    return f"{seconds:.0f} s"
  return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{seconds:.2g} s"


def amount(rows: Iterable[Row]) -> str:
  """How much evidence stands behind the rows, but for seeds that answer together: "5 seeds, 600 episodes"."""
  rows = [row for row in rows if row.metric in METRICS and row.steps is None and not row.joint]

  def span(values: list[int]) -> str:
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"

  return f"{span([r.seeds for r in rows])} seeds, {span([r.episodes for r in rows])} test episodes"


def markdown_table(rows: Iterable[Mapping[str, Any]], job: str | None = None, metric: str | None = None) -> str:
  """The README's table: the winner of each column in bold, whoever it is.

  Args:
    rows: as in scores.json.
    job: may be None where the rows are of one job.
    metric: what is compared, None: what the job is judged by; its other metrics stand beside it in small type.

  Raises: ValueError if there is no such job or metric, or `job` is None and there are several.
  """
  chosen = only_job(parse(rows), job)
  made = table(chosen, headline(chosen) if metric is None else metric)
  preliminary = False

  def text(cell: Cell | None) -> str:
    nonlocal preliminary
    if cell is None:
      return "–"
    preliminary = preliminary or bool(cell.shortfall)
    value = f"**{cell.value}**" if cell.best else cell.value
    interval = f" [{cell.interval[0]}, {cell.interval[1]}]" if cell.interval else ""
    others = f"<br><sub>{', '.join(f'{label} {value}' for label, value in cell.others)}</sub>" if cell.others else ""
    return value + ("†" if cell.shortfall else "") + interval + others

  def plain(name: str) -> str:
    return html.escape(name, quote=False).replace("|", "\\|")

  bold = "; the best in bold" if any(cell and cell.best for line in made.lines for cell in line.cells) else ""
  caption = (
    f"K = {made.per}; {made.label}{',' + made.unit if made.unit else ''}, mean [95 % interval]"
    f"{', lower is better' if made.lower_is_better else ''}; {amount(chosen)}{bold}."
  )
  costly = any(line.labels or line.seconds for line in made.lines)

  def row(line: Line) -> str:
    name = plain(line.method) + (" (baseline)" if line.kind == "baseline" else "")
    costs = [line.labels or "–", line.seconds or "–"] if costly else []
    return f"| {' | '.join([name, *costs, *map(text, line.cells)])} |"

  heads = ["method", *(["labels used", "time"] if costly else []), *(f"K = {k}" for k in made.ks)]
  if costly:
    caption += " Time = to adapt to one unit and answer, at the largest K."
  if made.note:
    caption += f" {made.note}"
  lines = [
    f"| {' | '.join(heads)} |",
    f"|{'---|' * len(heads)}",
    *map(row, made.lines),
    "",
    caption,
  ]
  if preliminary:
    lines.append(
      f"\n† Preliminary, not a result: the protocol asks for {SEEDS} seeds, {EPISODES} episodes and an "
      "interval, with accuracy and recall beside macro-F1."
    )
  return "\n".join(lines) + "\n"


def _spent(rows: Iterable[Mapping[str, Any]]) -> float | None:
  """Seconds in steps, as `fit` counts them; None where a speed is missing."""
  rates = {row["step"]: row.get("steps_per_s") or 0.0 for row in rows}
  if not all(rates.values()):
    return None
  return sum((b - a) / rates[b] for a, b in itertools.pairwise([0, *sorted(rates)]))


def training_table(curves: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
  """One line a method: steps, the time they took with their compilation, last loss, and the median speed."""
  methods: dict[str, list[Mapping[str, Any]]] = {}
  for row in curves:
    methods.setdefault(row["method"], []).append(row)

  def median(rows: list[Mapping[str, Any]], name: str) -> str:
    values = [row[name] for row in rows if row.get(name) is not None]
    if not values:
      return "–"
    middle = statistics.median(values)
    return f"{middle:,.0f}" if middle >= 100 else f"{middle:.3g}"

  lines = []
  for method, rows in methods.items():
    last = max(row["step"] for row in rows)
    losses = [row["loss"] for row in rows if row["step"] == last and row.get("loss") is not None]  # a row a seed
    lines.append(
      {
        "method": method,
        "steps": f"{last:,}",
        "time": took(_spent(rows)) or "–",
        "loss": f"{statistics.fmean(losses):.3g}" if losses else "–",
        "steps_per_s": median(rows, "steps_per_s"),
        "tasks_per_s": median(rows, "tasks_per_s"),
      }
    )
  return lines
