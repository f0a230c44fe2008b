"""Rows as a table and as plain language."""

import html
import math
import statistics
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mtl_jax.report.run import (
  CONFUSION,
  EPISODES,
  GAIN,
  LABELS,
  METRICS,
  SECONDS,
  SEEDS,
  TOGETHER,
  Metric,
  Row,
  best,
  headline,
  nearest,
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
  """Methods by K, the best first."""

  label: str
  unit: str
  lower_is_better: bool
  per: str  # what K counts
  ks: list[int]
  lines: list[Line]


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

  def rank(line: Line) -> tuple[float, ...]:
    values = [at[line.method, k, metric].value for k in ks if (line.method, k, metric) in at]
    mean = statistics.fmean(values) if values else math.nan
    return (1, 0) if math.isnan(mean) else (0, mean if how.lower_is_better else -mean)

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
  return Table(how.label, how.unit, how.lower_is_better, per(rows, metric), ks, sorted(lines, key=rank))


def took(seconds: float | None) -> str:
  """ "3.2 ms"; empty where not recorded."""
  if seconds is None or not math.isfinite(seconds):
    return ""
  if seconds >= 99.5:
    return f"{seconds:.0f} s"
  return f"{1000 * seconds:.2g} ms" if seconds < 0.0995 else f"{seconds:.2g} s"


def amount(rows: Iterable[Row]) -> str:
  """How much evidence stands behind the rows: "5 seeds, 600 episodes"."""
  rows = [row for row in rows if row.metric in METRICS and row.steps is None]

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

  caption = (
    f"K = {made.per}; {made.label}{',' + made.unit if made.unit else ''}, mean [95 % interval]"
    f"{', lower is better' if made.lower_is_better else ''}; {amount(chosen)}; the best in bold."
  )
  costly = any(line.labels or line.seconds for line in made.lines)

  def row(line: Line) -> str:
    name = plain(line.method) + (" (baseline)" if line.kind == "baseline" else "")
    costs = [line.labels or "–", line.seconds or "–"] if costly else []
    return f"| {' | '.join([name, *costs, *map(text, line.cells)])} |"

  heads = ["method", *(["labels used", "time"] if costly else []), *(f"K = {k}" for k in made.ks)]
  if costly:
    caption += " Time = to adapt to one unit and answer, at the largest K."
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


class Summary(NamedTuple):
  """A job in plain language: the lead, and a line for each K."""

  lead: str
  points: list[tuple[int, str]]


def summary(rows: Iterable[Row]) -> Summary:
  """Who wins at each K, by how much, and whether that is more than chance.

  A claim needs the paired difference to a baseline (`<metric>_gain`, positive where the
  method is better) with an interval that excludes zero, and rows that meet the protocol.
  """
  rows = list(rows)
  metric = headline(rows)
  judged = scored(rows, metric)
  ks = sorted({row.k for row in judged})
  points = [(k, _point(rows, [row for row in judged if row.k == k], metric)) for k in ks]
  lead = _lead(rows, [row for row in judged if row.k == nearest(ks)], metric)
  return Summary(_unbroken(lead), [(k, _unbroken(point)) for k, point in points])


def _unbroken(text: str) -> str:
  """Without line breaks between a number and its percent sign."""
  return text.replace(" %", "\N{NO-BREAK SPACE}%")


def _called(row: Row) -> str:
  return f"{row.method} (a baseline)" if row.kind == "baseline" else row.method


def _between(row: Row, metric: str) -> str:
  if row.interval is None:
    return "no interval"
  how = METRICS[metric]
  return f"95 % interval {how.text(row.interval[0])} to {how.text(row.interval[1])}"


def _lead(rows: list[Row], judged: list[Row], metric: str) -> str:
  top = best(judged)
  if not top:
    return "No method gave a number."
  row, how = top[0], METRICS[metric]
  opening = f"Preliminary ({row.shortfall}), not a result: with" if row.shortfall else "With"
  if metric not in TOGETHER:
    given = f"K = {row.k} ({per(rows, metric)})" if row.k else "no label"
    return (
      f"{opening} {given} from a unit never seen before, {_called(row)} predicts with "
      f"{how.label} {how.text(row.value)}{how.unit} ({_between(row, metric)})."
    )
  labels = next((r.labels for r in rows if r.metric == CONFUSION and r.labels), None)
  others = {r.metric: r for r in rows if (r.method, r.k, r.steps) == (row.method, row.k, None)}
  right = others.get("accuracy")
  recall = f"; macro recall {how.text(others['macro_recall'].value)} %" if "macro_recall" in others else ""
  does = (
    f"names the right {'class' if labels is None else f'one of {len(labels)} classes'} in "
    f"{how.text(right.value)} % of cases"
    if right
    else "leaves its accuracy unrecorded"
  )
  return (
    f"{opening} {row.k} labelled {'example' if row.k == 1 else 'examples'} of each class from a unit never "
    f"seen before, {_called(row)} {does} "
    f"({how.label} {how.text(row.value)} %, {_between(row, metric)}{recall})."
  )


def _point(rows: list[Row], judged: list[Row], metric: str) -> str:
  """One K: the winner, and the best of ours against the baselines."""
  how = METRICS[metric]
  top = best(judged)
  if not top:
    return "No method gave a number."
  wins = f"{' and '.join(map(_called, top))} {'is' if len(top) == 1 else 'are'} best"
  wins += f" ({how.label} {how.text(top[0].value)}{how.unit})."
  ours = best(row for row in judged if row.kind == "ours")
  base = best(row for row in judged if row.kind == "baseline")
  if not base:
    return f"{wins} No baseline was run, so there is nothing to compare it with."
  if not ours:
    return f"{wins} Only baselines were run."
  gains = [row for row in scored(rows, metric + GAIN) if row.k == judged[0].k and row.interval]
  tested = best(row for row in judged if row.kind == "ours" and row.method in {gain.method for gain in gains})
  if not tested:
    points = " points" if how.percent else ""
    apart = how.text(abs(ours[0].value - base[0].value)) + points
    ahead = "ahead of" if best([ours[0], base[0]])[0] is ours[0] else "behind"
    return (
      f"{wins} {ours[0].method} is {apart} {ahead} {base[0].method}, the best baseline; no paired test was "
      "recorded, so nothing is claimed."
    )
  gain = next(row for row in gains if row.method == tested[0].method)
  subject = "It" if [row.method for row in top] == [gain.method] else gain.method
  more = "".join(
    f" Over {other.against} the difference is {_signed(other.value, how)} ({_between(other, metric)})."
    for other in gains
    if other.method == gain.method and other is not gain and not other.shortfall
  )
  return f"{wins} {_verdict(subject, gain, base[0].method, [*ours, *base, gain], metric)}{more}"


def _signed(value: float, how: Metric) -> str:
  """With a true minus, and with a digit more where one decimal would read as zero."""
  scaled = 100 * value if how.percent else value
  text = f"{scaled:.2f}" if how.percent and abs(scaled) < 0.05 else how.text(value)
  return text.replace("-", "−")


def _verdict(subject: str, gain: Row, best_baseline: str, involved: list[Row], metric: str) -> str:
  how = METRICS[metric]
  low, high = gain.interval or (math.nan, math.nan)
  against = f"{gain.against}, the best baseline," if gain.against == best_baseline else f"{gain.against}"
  points = " points" if how.percent else ""
  apart = f"{how.text(abs(gain.value))}{points}"
  between = f"95 % interval of the paired difference {_signed(low, how)} to {_signed(high, how)}"
  if low > 0:
    said = f"{subject} beats {against} by {apart} ({between})."
    means = "The interval excludes zero: the lead is more than chance."
  elif high < 0:
    said = f"{subject} falls behind {against} by {apart} ({between})."
    means = f"The interval excludes zero: {gain.against} is the better choice."
  else:
    direction = "ahead of" if gain.value >= 0 else "behind"
    said = f"{subject} is {apart} {direction} {against.rstrip(',')} ({between})."
    means = "The interval includes zero: this run does not tell the two apart."
  if any(row.shortfall for row in involved):
    return f"{said} Preliminary: too little evidence for a conclusion."
  return f"{said} {means}"


def training_table(curves: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
  """One line a method: steps, last loss, and the median speed."""
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
        "loss": f"{statistics.fmean(losses):.3g}" if losses else "–",
        "steps_per_s": median(rows, "steps_per_s"),
        "tasks_per_s": median(rows, "tasks_per_s"),
      }
    )
  return lines
