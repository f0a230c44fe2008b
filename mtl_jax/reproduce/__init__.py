"""Standard tables of the literature: train every row as its paper did, or as far as the time allows, and compare.

A table's file lists its rows. Everything can be killed and goes on: training from its checkpoints, and what was scored
stays in scores.json until its row has taken more steps.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import jax
from matplotlib.figure import Figure

from mtl_jax.checkpoint import Checkpoints
from mtl_jax.disk import write_json
from mtl_jax.evaluate import evaluate, interval
from mtl_jax.fit import fit
from mtl_jax.job import folder as files
from mtl_jax.recorder import Recorder, read
from mtl_jax.types import Algorithm, Array, PyTree, TaskFamily


class Row(NamedTuple):
  """A method in a column of the table.

  Attributes:
    init: init(key) -> params.
    algorithm: what is trained; `tested` predicts from its state.
    train, validation, test: validation picks the state that the test is asked with.
    steps, tasks_per_step: of the paper.
    metric: of `evaluate`: "accuracy" or "mse".
    published: what the paper reports; None where it has no number.
    chunk_steps: steps between two looks at the clock on a CPU, and on an accelerator at least a hundredth of all; every
      fifth look validates.
  """

  method: str
  column: str
  init: Callable[[Array], PyTree]
  algorithm: Algorithm
  tested: Algorithm
  train: TaskFamily
  validation: TaskFamily
  test: TaskFamily
  steps: int
  tasks_per_step: int
  metric: str = "accuracy"
  published: float | None = None
  chunk_steps: int = 50

  @property
  def name(self) -> str:
    return f"{self.method}, {self.column}"

  @property
  def sign(self) -> float:
    return 1.0 if self.metric == "accuracy" else -1.0


def reproduce(
  rows: Sequence[Row], folder: Path, minutes: float | None = None, episodes: int = 1000
) -> list[dict[str, Any]]:
  """Trains and scores every row in turn; returns their entries of scores.json, which are renewed after each row.

  Args:
    minutes: of training for each row, over all calls together; None: the steps of the paper.
    episodes: of a test; a fifth of them validate.
  """
  path = folder / "scores.json"
  folder.mkdir(parents=True, exist_ok=True)
  entries = {entry["name"]: entry for entry in json.loads(path.read_text())} if path.exists() else {}
  for row in rows:
    store = Checkpoints(folder / "checkpoints" / row.name.replace(", ", "-").replace(" ", "-"), keep=1)
    _train(row, store, folder, minutes, episodes // 5)
    if store.steps()[-1] != entries.get(row.name, {}).get("steps"):
      entries[row.name] = _entry(row, store, folder, episodes)
      write_json(path, list(entries.values()))
  return [entries[row.name] for row in rows]


def _train(row: Row, store: Checkpoints, folder: Path, minutes: float | None, episodes: int) -> None:
  def validate(state: PyTree) -> dict[str, float]:
    value = float(evaluate(jax.random.key(1), row.tested, state, row.validation, episodes=episodes)[row.metric].mean())
    return {"score": row.sign * value, row.metric: value}

  fit(
    jax.random.key(0),
    row.algorithm,
    row.algorithm.init(row.init(jax.random.key(2))),
    row.train,
    steps=row.steps,
    tasks_per_step=row.tasks_per_step,
    chunk_steps=max(row.chunk_steps, 0 if jax.default_backend() == "cpu" else row.steps // 100),
    check_every=5,
    checkpoints=store,
    recorder=Recorder(folder / "metrics.jsonl", method=row.name),
    validate=validate,
    progress=row.name,
    resume=True,
    seconds=None if minutes is None else 60.0 * minutes,
  )


def curve(row: Row, folder: Path) -> list[dict[str, Any]]:
  """The rows of metrics.jsonl in which a row of the table was validated."""
  return [m for m in read(folder / "metrics.jsonl") if m["method"] == row.name and f"validation_{row.metric}" in m]


def _entry(row: Row, store: Checkpoints, folder: Path, episodes: int) -> dict[str, Any]:
  like = jax.eval_shape(lambda: row.algorithm.init(row.init(jax.random.key(2))))
  picked, state = store.best(like)
  scores = evaluate(jax.random.key(3), row.tested, state, row.test, episodes=episodes)[row.metric]
  mean, low, high = interval(scores)
  checks = [check["validation_score"] for check in curve(row, folder)]
  return {
    "name": row.name,
    "metric": row.metric,
    "steps": store.steps()[-1],
    "wanted": row.steps,
    "picked": picked,
    # The best check is among the last third of them: more steps would have helped.
    "rising": checks.index(max(checks)) >= 2 * len(checks) // 3,
    "mean": mean,
    "low": low,
    "high": high,
    "episodes": episodes,
    "published": row.published,
    "date": date.today().isoformat(),
    "device": files.device(),
  }


def markdown(entries: Sequence[Mapping[str, Any]]) -> str:
  """The entries as a table, with what they are of."""
  lines = ["| row | meta-updates | here, mean [95 % interval] | published | how far |", "|---|---|---|---|---|"]
  for entry in entries:
    scale, digits = (100.0, 1) if entry["metric"] == "accuracy" else (1.0, 3)
    mean, low, high = (f"{scale * entry[end]:.{digits}f}" for end in ("mean", "low", "high"))
    published = "" if entry["published"] is None else f"{entry['published']:g}"
    came = f"stopped early, {'on course' if entry['rising'] else 'no longer rising'}"
    came = "complete" if entry["steps"] == entry["wanted"] else came
    steps = f"{entry['steps']:,} of {entry['wanted']:,}"
    lines.append(f"| {entry['name']} | {steps} | {mean} [{low}, {high}] | {published} | {came} |")
  what = "accuracy, %" if entries[0]["metric"] == "accuracy" else "mean squared error"
  of = ", ".join(dict.fromkeys(f"{entry['date']} on {entry['device']}" for entry in entries))
  return "\n".join([*lines, "", f"{what}, one seed, {entries[0]['episodes']:,} test episodes; measured {of}.", ""])


def picture(rows: Sequence[Row], folder: Path) -> Figure:
  """Validation against steps, one panel for each column; dashed: what was published, on test tasks."""
  columns = list(dict.fromkeys(row.column for row in rows))
  figure = Figure(figsize=(4.2 * len(columns), 3.4), layout="constrained")
  panels = figure.subplots(1, len(columns), squeeze=False)[0]
  for column, panel in zip(columns, panels, strict=True):
    for i, row in enumerate(row for row in rows if row.column == column):
      checks, scale = curve(row, folder), 100.0 if row.metric == "accuracy" else 1.0
      values = [scale * check[f"validation_{row.metric}"] for check in checks]
      panel.plot([check["step"] for check in checks], values, f"C{i}-", marker=".", label=row.method)
      if row.published is not None:
        panel.axhline(row.published, color=f"C{i}", linestyle="--", linewidth=0.8)
    what = "accuracy on validation characters, %" if rows[0].metric == "accuracy" else "mean squared error"
    panel.set(title=column, xlabel="meta-updates", ylabel=what)
    panel.legend(frameon=False)
  return figure
