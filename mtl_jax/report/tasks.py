"""The table of a multi-task job, methods by tasks, and what it says in plain language."""

import html
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from mtl_jax.report.run import COSTS, GRADIENTS, MEMORY, METRICS, RATE, SECONDS, Row, best, by_job, headline, parse
from mtl_jax.report.tables import took

ALL = "all tasks"


class Cell(NamedTuple):
  """One method at one task, or over all of them."""

  value: str
  interval: str
  gain: str  # over the single-task network; empty where it is not known
  best: bool
  worse: bool  # than the single-task network, by more than its interval


class Line(NamedTuple):
  """One method."""

  method: str
  kind: str
  costs: list[str]  # learning rate that validation chose; time to train once; MB and gradients of a step
  overall: list[Cell | None]  # mean gain, least gain
  cells: list[Cell | None]


class Column(NamedTuple):
  """One task."""

  task: str
  metric: str
  lower_is_better: bool


class TasksTable(NamedTuple):
  """Methods by tasks, the best mean gain first."""

  columns: list[Column]
  lines: list[Line]


def many_tasks(rows: Iterable[Row | Mapping[str, Any]]) -> bool:
  """Whether the rows, as in scores.json or parsed, are of a multi-task job."""
  return any((row.job if isinstance(row, Row) else row.get("job")) == ALL for row in rows)


def _interval(row: Row) -> str:
  how = METRICS[row.metric]
  return f"{how.text(row.interval[0])} to {how.text(row.interval[1])}" if row.interval else ""


def _metric(row: Row, metric: str) -> str:
  """Its label and unit in a job."""
  how = METRICS[metric]
  few = "; interval over rows" if row.over else ""
  return f"{how.label}{how.unit or (f', {row.unit}' if row.unit else '')}{few}"


def _percent(value: float) -> str:
  return f"{100 * value:+.1f} %".replace("-", "−")


def tasks_table(rows: Iterable[Row]) -> TasksTable:
  """The table of all tasks: each task's headline with its interval and its gain over the single-task network."""
  jobs = by_job(rows)
  overall = {(row.method, row.metric): row for row in jobs.pop(ALL)}
  at = {(job, row.method, row.metric): row for job, found in jobs.items() for row in found}
  judged = {job: headline(found) for job, found in jobs.items()}
  winners = {id(row) for job, found in jobs.items() for row in best(r for r in found if r.metric == judged[job])}
  winners |= {id(row) for row in best(row for row in overall.values() if row.metric == "delta_m")}

  def cell(job: str, method: str) -> Cell:
    row, gain = at[job, method, judged[job]], at.get((job, method, "relative"))
    worse = gain is not None and gain.interval is not None and gain.interval[1] < 0
    value = METRICS[row.metric].text(row.value)
    return Cell(value, _interval(row), _percent(gain.value) if gain else "", id(row) in winners, worse)

  def over_all(method: str, metric: str) -> Cell | None:
    row = overall.get((method, metric))
    if row is None:
      return None
    between = " to ".join(map(_percent, row.interval)) if row.interval else ""
    name = row.labels[0] if row.labels else ""
    worse = row.interval is not None and row.interval[1] < 0
    return Cell(_percent(row.value), between, name, id(row) in winners, worse)

  def line(method: str, kind: str) -> Line:
    known = {name: overall[method, name].value for name in COSTS if (method, name) in overall}
    plain = [f"{known[name]:.3g}" if name in known else "–" for name in (RATE, MEMORY, GRADIENTS)]
    costs = [plain[0], took(known.get(SECONDS)) or "–", *plain[1:]]
    return Line(
      method,
      kind,
      costs,
      [over_all(method, "delta_m"), over_all(method, "worst")],
      [cell(job, method) for job in jobs],
    )

  kinds = {row.method: row.kind for found in jobs.values() for row in found}

  def rank(line: Line) -> float:
    row = overall.get((line.method, "delta_m"))
    return -row.value if row else 0.0

  columns = [
    Column(job, _metric(jobs[job][0], metric), METRICS[metric].lower_is_better) for job, metric in judged.items()
  ]
  return TasksTable(columns, sorted((line(*one) for one in kinds.items()), key=rank))


class Detail(NamedTuple):
  """Every metric of one task."""

  task: str
  metrics: list[str]
  lines: list[tuple[str, list[str]]]  # method, its values


def details(rows: Iterable[Row]) -> list[Detail]:
  """All metrics of every task, in the order in which methods were scored."""
  found = []
  for job, here in by_job(rows).items():
    if job == ALL:
      continue
    metrics = [name for name in dict.fromkeys(row.metric for row in here) if name != "relative"]
    at = {(row.method, row.metric): row for row in here}
    lines = [
      (method, [f"{METRICS[m].text(at[method, m].value)} ({_interval(at[method, m])})" for m in metrics])
      for method in dict.fromkeys(row.method for row in here)
    ]
    found.append(Detail(job, [_metric(here[0], m) for m in metrics], lines))
  return found


def tasks_summary(rows: Iterable[Row]) -> tuple[str, list[str]]:
  """The lead and some points: who is best over all, who is left worse off than alone, and who wins each task."""
  rows = list(rows)
  jobs = by_job(rows)
  overall = jobs.pop(ALL)
  gains = [row for row in overall if row.metric == "delta_m"]
  points = []
  if gains:
    top, ours = best(gains)[0], best(row for row in gains if row.kind == "ours")[0]
    how = f"{_over_alone(ours)}{_beside(ours, overall)}"
    lead = f"{_named(top)} is best over the {len(jobs)} tasks: {how if top is ours else _over_alone(top)}"
    if ours is not top:
      points.append(f"The best of ours is {ours.method}: {how}")
    worse = [
      job
      for job, found in jobs.items()
      for row in found
      if (row.method, row.metric) == (ours.method, "relative") and row.interval and row.interval[1] < 0
    ]
    left = (
      f"these tasks are worse off than alone by more than chance: {', '.join(worse)}"
      if worse
      else ("no task is worse off than alone by more than chance")
    )
    points.append(f"With {ours.method} {left}.")
  else:
    lead = "Single-task networks were not trained, so that no gain over them is known."
  wins: dict[str, list[str]] = {}
  for job, found in jobs.items():
    for row in best(row for row in found if row.metric == headline(found)):
      wins.setdefault(_named(row), []).append(job)
  points.append("Best by task: " + "; ".join(f"{name}: {', '.join(tasks)}" for name, tasks in wins.items()) + ".")
  return lead, points


def _named(row: Row) -> str:
  return f"{row.method} (a baseline)" if row.kind == "baseline" else row.method


def _over_alone(row: Row) -> str:
  if row.interval is None:
    return f"{_percent(row.value)} over single-task networks, without an interval."
  low, high = map(_percent, row.interval)
  chance = "more than chance" if row.interval[0] > 0 or row.interval[1] < 0 else "within chance"
  return f"{_percent(row.value)} over single-task networks (95 % interval {low} to {high}: {chance})."


def _beside(row: Row, overall: Iterable[Row]) -> str:
  """The difference to the best baseline in the mean gain, on the same draws of units and seeds."""
  for ahead in overall:
    if (ahead.method, ahead.metric) == (row.method, "ahead") and ahead.interval:
      return f" Beside {ahead.against}: {_percent(ahead.value)} ({' to '.join(map(_percent, ahead.interval))})."
  return ""


def tasks_markdown(rows: Iterable[Mapping[str, Any]]) -> str:
  """The README's table of a multi-task job: the winner of each column in bold, whoever it is."""
  made = tasks_table(parse(rows))
  heads = ["method", "time", "mean gain", "least gain", *(f"{c.task}<br><sub>{c.metric}</sub>" for c in made.columns)]
  lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
  for line in made.lines:
    name = html.escape(line.method, quote=False) + (" (baseline)" if line.kind == "baseline" else "")
    over = [_marked(cell) + (f" {cell.gain}" if cell.gain else "") if cell else "–" for cell in line.overall]
    lines.append(f"| {' | '.join([name, line.costs[1], *over, *(_marked(cell) for cell in line.cells if cell)])} |")
  caption = (
    "Gain = relative, over single-task networks of the same layers and learning rates, + is better; a grid has as many "
    "times the tuning as it has weights; mean [95 % interval] over seeds and, unless said, units; time to train once; "
    "the best in bold; * = worse than the single-task network by more than the interval of the gain."
  )
  return "\n".join([*lines, "", caption]) + "\n"


def _marked(cell: Cell) -> str:
  interval = f" [{cell.interval.replace(' to ', ', ')}]" if cell.interval else ""
  return (f"**{cell.value}**" if cell.best else cell.value) + ("\\*" if cell.worse else "") + interval
