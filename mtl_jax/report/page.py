"""The page a run is judged by: `report.html`, the README's table and its picture.

Everything shown comes from a run's `scores.json`, `metrics.jsonl` and `run.json`. What
falls short of the protocol (5 seeds, 600 episodes, an interval, accuracy and recall beside
macro-F1) is shown, but marked as preliminary wherever it appears and never called a result.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from matplotlib.figure import Figure

from mtl_jax.disk import replacing
from mtl_jax.report import pictures
from mtl_jax.report.diagnoses import diagnoses, what_diverged
from mtl_jax.report.run import (
  EPISODES,
  SEEDS,
  Row,
  Run,
  by_job,
  headline,
  only_job,
  parse,
  read_run,
  shortfalls,
)
from mtl_jax.report.tables import amount, table, took, training_table
from mtl_jax.report.tasks import details, many_tasks, tasks_summary, tasks_table
from mtl_jax.report.words import summary


def write_report(runs: Sequence[Path], out: Path) -> Path:
  """Writes one self-contained HTML page about `runs`, a section each, and returns `out`.

  A run that stopped before its evaluation gets its training curves and a note.

  Raises:
    FileNotFoundError: a run is no folder, or has neither scores.json nor metrics.jsonl.
    ValueError: no run is given, or a file of a run cannot be read as what it should be.
  """
  if not runs:
    raise ValueError("a report needs at least one run folder")
  sections = [_section(read_run(Path(folder))) for folder in runs]
  environment = jinja2.Environment(
    autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
  )
  template = environment.from_string(files("mtl_jax.report").joinpath("report.html.j2").read_text("utf-8"))
  with replacing(out) as file:
    file.write(template.render(sections=sections, seeds=SEEDS, episodes=EPISODES).encode())
  return out


def write_picture(rows: Iterable[Mapping[str, Any]], out: Path, job: str | None = None) -> Path:
  """Writes the picture of score against labels of one job as a PNG, and returns `out`.

  Args:
    rows: as in scores.json.
    job: may be None where the rows are of one job.

  Raises: ValueError if there is no such job or no number in it, or `job` is None and there are several.
  """
  parsed = parse(rows)
  figure = pictures.score_against_labels(only_job(parsed, job), pictures.styles(parsed))
  if figure is None:
    raise ValueError("there is nothing to draw: no score is a number")
  with replacing(out) as file:
    file.write(pictures.png(figure))
  return out


def _picture(figure: Figure | None, caption: str) -> dict[str, Any] | None:
  if figure is None:
    return None
  width, height = figure.get_size_inches()
  content = b64encode(pictures.png(figure)).decode()
  return {"caption": caption, "source": f"data:image/png;base64,{content}", "square": width < 1.3 * height}


def _section(run: Run) -> dict[str, Any]:
  """What the template shows of one run."""
  styles = pictures.styles(run.rows, run.curves)
  about = run.about
  facts = {
    "Started": str(about.get("started", ""))[:16].replace("T", " "),
    "Finished": str(about.get("finished", ""))[:16].replace("T", " "),
    "Device": about.get("device", ""),
    "Time": ", ".join(f"{part} {took(s)}" for part, s in about.get("seconds", {}).items()),
    "Left out": "; ".join(f"{method}: {why}" for method, why in about.get("left_out", {}).items()),
  }
  return {
    "name": run.name,
    "intro": (about.get("docstring") or "").strip().split("\n\n")[0],
    "facts": {name: fact for name, fact in facts.items() if fact},
    "command": about.get("command", ""),
    "versions": about.get("versions", {}),
    "config": about.get("config", ""),
    "shortfalls": shortfalls(run.rows),
    "scored": bool(run.rows),
    "tasks": _tasks(run, styles) if many_tasks(run.rows) else None,
    "jobs": [] if many_tasks(run.rows) else [_job(name, rows, styles) for name, rows in by_job(run.rows).items()],
    "curves": _picture(
      pictures.training_curves([row for row in run.curves if ": " not in row["method"]], styles),
      "Training: the loss on training tasks, and the score on validation units, which are neither trained on "
      "nor tested on.",
    ),
    "training": training_table(run.curves),
  }


def _tasks(run: Run, styles: dict[str, pictures.Style]) -> dict[str, Any]:
  """What the template shows of a multi-task run."""
  lead, points = tasks_summary(run.rows)
  drawn = diagnoses(run, styles)
  return {
    "lead": lead,
    "points": points + what_diverged(run.diagnosis),
    "table": tasks_table(run.rows),
    "details": details(run.rows),
    "pictures": [picture for figure, caption in drawn if (picture := _picture(figure, caption))],
  }


def _job(name: str, rows: list[Row], styles: dict[str, pictures.Style]) -> dict[str, Any]:
  drawn = [
    _picture(
      pictures.score_against_labels(rows, styles),
      "Score against the number of labels. Bars are 95 % intervals; baselines are grey and dashed.",
    ),
    _picture(
      pictures.score_against_steps(rows, styles),
      "Score against the number of adaptation steps on the new unit. Bars are 95 % intervals.",
    ),
  ]
  matrix = pictures.chosen_confusion(rows)
  if matrix:
    explained = f"What {matrix.method} takes for what: a row is the true class, its cells add up to 100 %."
    drawn.append(_picture(pictures.confusion(matrix), f"{explained} {pictures.worst_confusion(matrix)}"))
  return {
    "name": name,
    "summary": summary(rows),
    "table": table(rows, headline(rows)),
    "evidence": amount(rows),
    "pictures": [picture for picture in drawn if picture],
  }
