"""An audit in words that someone in a plant can follow: printed, as a page, as JSON."""

import io
import json
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mtl_jax.trust.audit import BY_TIME, RANDOM, SHUFFLED, Audit, leaky_beside
from mtl_jax.trust.scores import Score

_METRICS = {"macro_f1": "macro-F1", "accuracy": "accuracy", "r2": "R2", "rmse": "RMSE"}
_COLOURS = {"leak": "bold red", "warning": "yellow", "note": "dim"}
_WIDTH = 110  # characters of the page


def _meaning(way: str, groups: dict[str, int]) -> str:
  if way == RANDOM:
    return "rows like those asked about were learnt from: memory counts"
  if way == SHUFFLED:
    return "as by time and with as few rows to learn from, but shuffled"
  if way == BY_TIME:
    return "learn from the past, be asked about what came later"
  group = way.removeprefix("by ")
  return f"asked only about a {group} that was never seen ({groups[group]:,} of them)"


def _number(score: Score) -> str:
  return f"{score.mean:.3g} [{score.low:.3g}, {score.high:.3g}]" if score.metric == "rmse" else _share(score)


def _share(score: Score) -> str:
  return f"{score.mean:.3f} [{score.low:.3f}, {score.high:.3f}]"


def verdict(audit: Audit) -> str:
  """The one sentence to remember."""
  metric = _METRICS[audit.metric]
  way = leaky_beside(audit.fair or "")
  leaky = audit.score(audit.method, way)
  if audit.fair is None:
    return (
      f"{metric} {leaky.mean:.3f}, {way}, and no fair score: name what rows share (the machine, the product, "
      "the recording) or a time."
    )
  fair = audit.score(audit.method, audit.fair)
  if any(finding.kind in ("label column", "columns that make up the label") for finding in audit.findings):
    return (
      f"No score of this table counts, {metric} {fair.mean:.3f} {audit.fair} included: columns give the label away."
    )
  if any(finding.kind == "random rows flatter" for finding in audit.findings):
    return f"Quote {metric} {fair.mean:.3f}, {audit.fair}, and not {leaky.mean:.3f}, {way}."
  said = f"{metric} {leaky.mean:.3f}, {way}, and {fair.mean:.3f}, {audit.fair}: the split adds nothing to speak of."
  for finding in audit.findings:
    if finding.kind.startswith("random rows flatter, "):
      other = finding.kind.split(", ")[1]
      said += f" But {other} it is {audit.score(audit.method, other).mean:.3f}."
  return said


def audit_in_words(audit: Audit, name: str) -> list[RenderableType]:
  """What to print, from top to bottom.

  Args:
    name: of the table.
  """
  ways = list(dict.fromkeys(score.split for score in audit.scores))
  methods = list(dict.fromkeys(score.method for score in audit.scores))
  metrics = list(dict.fromkeys(score.metric for score in audit.scores))
  kind = f"{len(audit.classes)} classes" if audit.classes else "a quantity"
  groups = "".join(f", {many:,} {group}{'s' if many > 1 else ''}" for group, many in audit.groups.items())
  used = "" if audit.scored_rows == audit.rows else f"; scores on {audit.scored_rows:,} of them, drawn at random"
  split = Table("rows split", "what the score means", *(_METRICS[m] for m in metrics), title=audit.method)
  for way in ways:
    cells = (_number(audit.score(audit.method, way, metric)) for metric in metrics)
    split.add_row(way, _meaning(way, audit.groups), *cells, style="bold" if way == audit.fair else "")
  steps = Table(f"{_METRICS[audit.metric]} of", *ways, title="simple methods, to compare with")
  best = max(methods, key=lambda method: audit.score(method, audit.fair or RANDOM).mean)
  for method in methods:
    cells = (_share(audit.score(method, way)) for way in ways)
    steps.add_row(method, *cells, style="bold" if method == best else "")
  found: list[RenderableType] = []
  for finding in audit.findings:
    rows = f" (rows {', '.join(map(str, finding.rows))})" if finding.rows else ""
    found.append(Text(f"{finding.severity}: {finding.kind}", style=_COLOURS[finding.severity]))
    found.append(Padding(Text(finding.text + rows), (0, 0, 0, 2)))
  return [
    Text(f"{name}: {audit.rows:,} rows{groups}; to predict: {kind}{used}"),
    split,
    steps,
    Text("Intervals: 95 %, over units and repeats." if audit.fair not in (None, BY_TIME) else _OVER_ROWS),
    *(found or [Text("Nothing was found that gives the label away.")]),
    Text(verdict(audit), style="bold"),
  ]


_OVER_ROWS = "Intervals: 95 %, over rows and repeats; too narrow where rows resemble each other."


def _plain(audit: Audit, name: str) -> dict[str, Any]:
  told = audit._asdict() | {
    part: [entry._asdict() for entry in getattr(audit, part)] for part in ("gaps", "scores", "findings")
  }
  return {"table": name, "verdict": verdict(audit)} | told


def write_audit(audit: Audit, name: str, out: Path) -> Path:
  """Writes a self-contained page (.html) or everything in numbers (.json), and returns `out`.

  Raises: ValueError if the name ends in neither.
  """
  if out.suffix == ".json":
    out.write_text(json.dumps(_plain(audit, name), indent=1, default=float) + "\n", "utf-8")
  elif out.suffix == ".html":
    page = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True)
    page.print(*audit_in_words(audit, name), sep="\n")
    out.write_text(page.export_html(inline_styles=True), "utf-8")
  else:
    raise ValueError(f"{out} must end in .html or .json")
  return out
