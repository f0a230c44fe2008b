"""Reports on finished runs.

python scripts/report.py runs/NAME-TIME [RUN ...] [--out FILE]      the page
python scripts/report.py runs/NAME-TIME --markdown [--job JOB]      the README's table, printed
python scripts/report.py runs/NAME-TIME --picture FILE [--job JOB]  the README's picture
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import tyro

from mtl_jax.report import many_tasks, markdown_table, tasks_markdown, write_picture, write_report


@dataclass(frozen=True)
class Arguments:
  runs: tyro.conf.Positional[tuple[Path, ...]]
  """Run folders."""
  out: Path | None = None
  """The page; by default report.html in the run's folder, or beside the folders if there are several."""
  markdown: bool = False
  """Print the table in Markdown instead of writing the page."""
  picture: Path | None = None
  """Save the picture of score against labels (PNG) instead of writing the page."""
  job: str | None = None
  """Which job's table or picture, where a run has several."""
  metric: str | None = None
  """What the table compares, such as accuracy or rmse; by default what the job is judged by."""


def main(arguments: Arguments) -> None:
  if not arguments.runs:
    raise ValueError("name at least one run folder")
  if arguments.markdown or arguments.picture:
    if len(arguments.runs) != 1:
      raise ValueError("a table or a picture is of one run")
    rows = json.loads((arguments.runs[0] / "scores.json").read_text("utf-8"))
    if arguments.markdown:
      whole = many_tasks(rows) and arguments.job is None
      print(tasks_markdown(rows) if whole else markdown_table(rows, arguments.job, arguments.metric), end="")
    if arguments.picture:
      print(write_picture(rows, arguments.picture, arguments.job))
    return
  first = arguments.runs[0]
  folder = first if len(arguments.runs) == 1 else first.parent
  print(write_report(arguments.runs, arguments.out or folder / "report.html"))


if __name__ == "__main__":
  try:
    main(tyro.cli(Arguments, description=__doc__))
  except (FileNotFoundError, ValueError) as error:
    sys.exit(f"report: {error}")
