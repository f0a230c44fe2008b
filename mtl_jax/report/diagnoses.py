"""The pictures of a multi-task run, each with what it shows."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mtl_jax.multitask import front
from mtl_jax.report import multitask
from mtl_jax.report.gates import draw_gates
from mtl_jax.report.pictures import Style
from mtl_jax.report.run import METRICS, Row, Run, best, by_job, headline
from mtl_jax.report.tasks import ALL


def diagnoses(run: Run, style: Mapping[str, Style]) -> Iterator[tuple[Figure | None, str]]:
  """Gains over single-task networks, losses, conflicts, cosines, affinity and the Pareto front: what was recorded."""
  jobs = by_job(run.rows)
  overall = jobs.pop(ALL)
  tasks = list(jobs)
  gains = [row for row in overall if row.metric == "delta_m" and row.kind == "ours"]
  if gains:
    method = best(gains)[0].method
    of = {job: row for job, rows in jobs.items() for row in rows if (row.method, row.metric) == (method, "relative")}
    yield (
      multitask.transfer({job: (row.value, *(row.interval or (np.nan, np.nan))) for job, row in of.items()}),
      f"What each task gains from being learned with the others: {method} over the single-task networks. Orange: it is "
      "worse off than alone by more than chance.",
    )
  yield (
    multitask.task_losses(run.curves, tasks, style),
    "Training loss of every task, the mean over all learning rates and seeds that were tried.",
  )
  yield (
    multitask.conflicts(run.curves, style),
    "How often the gradients of two tasks point apart, and how far, of every method that compares them.",
  )
  compared = [row for row in run.curves if "cosines" in row]
  if compared:
    method = compared[0]["method"]
    rows = [row for row in compared if row["method"] == method]
    means = [_share(np.asarray(row["cosines"]), np.asarray(row["pairs"])) for row in rows]
    yield (
      multitask.cosines([row["step"] for row in rows], means, tasks),
      f"Cosines between the gradients of two tasks, {method}: blue pull together, red apart.",
    )
  found = run.diagnosis
  if "groups" in found:
    yield (
      multitask.affinity(found["affinity"], found["tasks"], found["groups"]),
      "Affinity: the share of the column's loss that a step for the row's task takes away (blue) or adds (red), "
      f"averaged over training: {found['checks']} checks of {found['method']}, each at the learning rate that then led "
      "on validation. Frames: the groups it proposes, to be learned as one network each.",
    )
  for method, levels in found.get("gates", {}).items():
    yield (
      draw_gates([np.asarray(level) for level in levels], tasks),
      f"What each task takes of what is shared: the gates of {method}, the mean over up to 512 validation rows of a "
      "source, one seed.",
    )
  if "front" in found:
    yield _front(found, jobs)


def what_diverged(found: Mapping[str, Any]) -> list[str]:
  """A sentence for each method of which a learning rate diverged, as `diagnosis.json` lists them."""
  said = []
  for method, rates in found.get("diverged", {}).items():
    numbers = ", ".join(f"{rate:g}" for rate in rates)
    lost = method in found["lost"]
    said.append(f"{method} diverged at {numbers}" + (": it is left out." if lost else ", which could not win."))
  return said


def _share(total: np.ndarray, count: np.ndarray) -> np.ndarray:
  return np.where(count > 0, total / np.where(count > 0, count, 1.0), np.nan)


def _front(found: Mapping[str, Any], jobs: Mapping[str, list[Row]]) -> tuple[Figure, str]:
  """The two tasks that help one another least, over all weights of the grid and all methods."""
  names = found["tasks"]
  of = {job: headline(rows) for job, rows in jobs.items()}
  lower = [METRICS[of[task]].lower_is_better for task in names]
  points = {(row.method, job): row for job, rows in jobs.items() for row in rows if row.metric == of[job]}
  ours = list(dict.fromkeys(row.method for row in points.values() if row.kind == "ours" and row.method != "grid"))
  scores = np.asarray([*found["front"]["scores"], *([points[m, task].value for task in names] for m in ours)])
  mutual = np.asarray(found["affinity"]) if "affinity" in found else np.zeros((len(names), len(names)))
  mutual = mutual + mutual.T + np.where(np.eye(len(names), dtype=bool), np.inf, 0.0)
  pair = list(np.unravel_index(np.argmin(mutual), mutual.shape))
  alone = [points.get(("single-task networks", names[i])) for i in pair]
  first, second = (names[i] for i in pair)
  figure = multitask.pareto(
    scores[:, pair],
    front(scores, lower),
    (f"{first}: {METRICS[of[first]].label}", f"{second}: {METRICS[of[second]].label}"),
    [""] * len(found["front"]["scores"]) + ours,
    (lower[pair[0]], lower[pair[1]]),
    (alone[0].value, alone[1].value) if alone[0] and alone[1] else None,
  )
  return figure, (
    f"What {first} pays for {second}, the two tasks that help one another least: circles are the weights of the grid, "
    "diamonds the other methods; filled is what no other model beats in every task."
  )
