"""The pictures of a multi-task run: which tasks pull apart, which help, what sharing gains, what is traded for what."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from mtl_jax.report.pictures import (
  COLOURS,
  FAINT,
  INK,
  WIDTH,
  End,
  Style,
  bare,
  label_ends,
  lines_of,
  over_training,
  right_of,
)
from mtl_jax.report.run import Metric

_GOOD, _BAD = COLOURS[0], COLOURS[1]
_UNSURE = "#b8b8b8"
# Without the darkest ends, in which neither letters nor differences are seen.
_DIVERGING = ListedColormap(matplotlib.colormaps["RdBu"](np.linspace(0.1, 0.9, 255))).with_extremes(bad="#e9e9e9")
_NAME = 24  # characters of a task that are shown
_LEGIBLE = 8.0  # points; smaller numbers are left out


def _short(names: Iterable[str]) -> list[str]:
  return [name if len(name) <= _NAME else name[: _NAME - 1] + "…" for name in names]


def _square(matrix: Any, tasks: Sequence[str]) -> np.ndarray:
  """(K, K), NaN on the diagonal. Raises: ValueError if it has not a row and a column for each task."""
  matrix = np.array(matrix, dtype=float)
  if matrix.shape != (len(tasks), len(tasks)):
    raise ValueError(f"a matrix of shape {matrix.shape} for {len(tasks)} tasks")
  np.fill_diagonal(matrix, np.nan)
  return matrix


def _limit(matrices: Sequence[np.ndarray]) -> float:
  """The largest size of a number, which the colours end at."""
  return max((float(np.nanmax(np.abs(m))) for m in matrices if np.isfinite(m).any()), default=0.0) or 1.0


def _letters(count: int, inches: float) -> float:
  """Points of the letters of `count` names that share `inches`."""
  return float(np.clip(0.8 * 72.0 * inches / count, 4.0, 10.0))


def _beside(names: Sequence[str], inches: float) -> float:
  """Inches that the longest name takes beside a matrix; a letter is about 0.6 of its height wide."""
  return 0.6 / 72.0 * _letters(len(names), inches) * max(map(len, names))


def _heat(axes: Axes, matrix: np.ndarray, limit: float, names: Sequence[str], inches: float, digits: int) -> None:
  """Tasks x tasks, blue above 0 and red below, with numbers where there is room; grey where there is no number."""
  count = len(names)
  axes.imshow(matrix, cmap=_DIVERGING, vmin=-limit, vmax=limit)
  size = _letters(count, inches)
  axes.set_xticks(range(count), names, rotation=90, fontsize=size)
  axes.set_yticks(range(count), names, fontsize=size)
  axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
  axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
  axes.grid(which="minor", color="white", linewidth=min(1.5, 12.0 / count))
  axes.tick_params(which="both", length=0, colors=INK)
  axes.spines[:].set_visible(False)
  room = 0.9 * 72.0 * inches / count / (5 * 0.6)  # points of five characters that fill a cell
  if room >= _LEGIBLE:
    for (row, column), value in np.ndenumerate(matrix):
      if np.isfinite(value):
        text = f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")
        ink = "white" if abs(value) > 0.7 * limit else INK
        axes.text(column, row, text, ha="center", va="center", fontsize=min(room, 10.0), color=ink)


def cosines(steps: Sequence[int], matrices: Sequence[Any], tasks: Sequence[str]) -> Figure:
  """How the tasks' gradients stand to one another at the first, the middle and the last of `steps`.

  Many tasks, whose names need room, leave out the middle. Grey: a task with itself, and pairs without a number.

  Args:
    matrices: (K, K) each, the mean cosine of every pair around a step; NaN where a pair was never there.

  Raises: ValueError if a matrix has not a row and a column for each task, or there is none.
  """
  if not len(steps):
    raise ValueError("no step has a matrix of cosines")
  many = len(tasks) > 15
  places = sorted({0, len(steps) - 1} if many else {0, len(steps) // 2, len(steps) - 1})
  drawn = [_square(matrices[place], tasks) for place in places]
  # Gradients of unrelated tasks are nearly orthogonal: a cosine of a hundredth is not coloured like a conflict.
  limit, inches = max(0.2, _limit(drawn)), 4.8 if many else min(3.2, 1.2 + 0.35 * len(tasks))
  names = _short(tasks)
  beside = _beside(names, inches)
  size = (beside + (inches + 0.1) * len(drawn) + 1.2, inches + beside + 0.6)
  figure = Figure(figsize=size, facecolor="white", layout="constrained")
  panels = figure.subplots(1, len(drawn), squeeze=False)[0]
  for axes, place, matrix in zip(panels, places, drawn, strict=True):
    _heat(axes, matrix, limit, names, inches, 2)
    if axes is not panels[0]:
      axes.set_yticklabels([])
    axes.set_title(f"step {steps[place]:,}", loc="left", fontsize=11, color=INK)
  bar = figure.colorbar(panels[0].images[0], ax=panels.tolist(), shrink=0.8)
  bar.set_label("conflict  ←  cosine  →  agreement", color=INK)
  return figure


def task_losses(curves: Iterable[Mapping[str, Any]], tasks: Sequence[str], style: Mapping[str, Style]) -> Figure | None:
  """The training loss of every task over steps, a panel each and a line a method; None if unrecorded.

  Args:
    curves: rows of metrics.jsonl with `losses`, of all `tasks` in their order or, of a single-task network, of the task
      that its method ends in.
  """
  lines: dict[str, dict[str, tuple[list[int], list[float]]]] = {task: {} for task in tasks}
  for row in curves:
    losses = row.get("losses", [])
    mine = tasks if len(losses) == len(tasks) else [task for task in tasks if row["method"].endswith(f": {task}")]
    for task, loss in zip(mine, losses, strict=False):
      steps, values = lines[task].setdefault(row["method"], ([], []))
      steps.append(row["step"])
      values.append(loss)
  if not any(lines.values()):
    return None
  columns = min(4, len(tasks))
  deep = -(-len(tasks) // columns)
  methods = list(dict.fromkeys(method.split(": ")[0] for drawn in lines.values() for method in drawn))
  figure = Figure(
    figsize=(WIDTH, 1.9 * deep + 0.22 * -(-len(methods) // 3) + 0.4), facecolor="white", layout="constrained"
  )
  panels = figure.subplots(deep, columns, sharex=True, squeeze=False)
  shown: dict[str, Artist] = {}
  for axes, task in zip(panels.flat, tasks, strict=False):
    bare(axes)
    for method, (steps, values) in lines[task].items():
      alone = ": " in method
      look = {"color": "#222222", "linestyle": "--"} if alone else {"color": style[method].colour}
      (line,) = axes.plot(steps, values, linewidth=1.3, **look)
      shown.setdefault(method.split(": ")[0], line)
    axes.set_title(_short([task])[0], loc="left", fontsize=9.5, color=INK)
    axes.tick_params(labelsize=8)
    if all(min(values) > 0 for _, values in lines[task].values()):
      axes.set_yscale("log")
  for axes in list(panels.flat)[len(tasks) :]:
    axes.set_visible(False)
  figure.supxlabel("training step", fontsize=9.5, color=INK)
  figure.legend(list(shown.values()), list(shown), loc="outside lower center", ncols=3, frameon=False, fontsize=9)
  return figure


def conflicts(curves: Iterable[Mapping[str, Any]], style: Mapping[str, Style]) -> Figure | None:
  """The share of pairs of tasks whose gradients conflict, and the mean cosine, of each method; None if unrecorded.

  Args:
    curves: rows of metrics.jsonl with `conflicts` and `cosine`, as `joint` gives them.
  """
  curves = list(curves)
  panels = {
    "pairs of tasks whose gradients conflict, %": (Metric("", True, True), lines_of(curves, "conflicts")),
    "mean cosine between gradients of two tasks": (Metric("", False, False), lines_of(curves, "cosine")),
  }
  return over_training(panels, style)


def affinity(matrix: Any, tasks: Sequence[str], groups: Sequence[Sequence[int]]) -> Figure:
  """What a step for one task does to the loss of another, with the proposed groups side by side and framed.

  Args:
    matrix: (K, K) as `multitask.affinity` gives it: the row's task takes the step.
    groups: of task places, as `multitask.grouping` gives them.

  Raises: ValueError if the matrix has not a row and a column for each task, or a task is not in one group.
  """
  order = [place for group in groups for place in group]
  if sorted(order) != list(range(len(tasks))):
    raise ValueError(f"the groups {groups} do not hold each of {len(tasks)} tasks once")
  percent = 100.0 * _square(matrix, tasks)[np.ix_(order, order)]
  limit, inches = _limit([percent]), float(np.clip(0.6 * len(tasks), 2.4, 6.4))
  names = _short(tasks[place] for place in order)
  beside = _beside(names, inches)
  figure = Figure(figsize=(beside + inches + 1.6, beside + inches + 0.9), facecolor="white", layout="constrained")
  axes = figure.subplots()
  decimals = max(0, 1 - int(np.floor(np.log10(limit))))
  _heat(axes, percent, limit, names, inches, decimals)
  start = 0
  for group in groups:
    corner, side = (start - 0.5, start - 0.5), len(group)
    axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=INK, linewidth=2.4, zorder=4, clip_on=False))
    start += len(group)
  axes.set_ylabel("a step for …", color=INK, fontsize=10)
  axes.set_xlabel("… takes this share off the loss of", color=INK, fontsize=10)
  axes.set_title("Frames: tasks proposed to be trained together", loc="left", fontsize=11, color=INK)
  bar = figure.colorbar(axes.images[0], ax=axes, shrink=0.8)
  bar.set_label("harms  ←  % of the loss  →  helps", color=INK)
  return figure


def transfer(gains: Mapping[str, tuple[float, float, float]]) -> Figure:
  """What each task gains from being learned with the others.

  Args:
    gains: {task: (gain, low, high)} over its single-task model, as a share (0.05 is 5 % better), and its interval.
      NaN where there is none. From the largest to the smallest; coloured where the interval is on one side of zero.

  Raises: ValueError if there is none.
  """
  if not gains:
    raise ValueError("no task has a gain")
  ordered = sorted(gains, key=lambda task: gains[task][0])
  values = 100.0 * np.asarray([gains[task] for task in ordered])
  gain, low, high = values.T
  colours = np.where(low > 0, _GOOD, np.where(high < 0, _BAD, _UNSURE))
  figure = Figure(figsize=(WIDTH, 1.3 + 0.28 * max(len(ordered), 3)), facecolor="white", layout="constrained")
  axes = figure.subplots()
  bare(axes)
  axes.grid(visible=False, axis="y")
  axes.grid(axis="x", color=FAINT, linewidth=0.7)
  place = np.arange(len(ordered))
  axes.barh(place, gain, height=0.66, color=colours.tolist())
  error = np.maximum([gain - low, high - gain], 0.0)
  axes.errorbar(gain, place, xerr=error, fmt="none", ecolor=INK, elinewidth=1.1, capsize=2.5)
  axes.axvline(0.0, color=INK, linewidth=1.2)
  axes.set_yticks(place, _short(ordered))
  axes.set_ylim(-0.6, len(ordered) - 0.4)
  axes.tick_params(axis="y", length=0)
  axes.spines["left"].set_visible(False)
  axes.set_xlabel("gain over a model of the task alone, % (lines: 95 % interval)", color=INK)
  shown = {_GOOD: "better together", _UNSURE: "no clear difference", _BAD: "worse together (negative transfer)"}
  patches = [Patch(color=colour, label=text) for colour, text in shown.items() if colour in colours]
  figure.legend(handles=patches, loc="outside upper left", ncols=3, frameon=False, fontsize=9.5)
  return figure


def pareto(
  scores: np.ndarray,
  front: np.ndarray,
  names: tuple[str, str],
  labels: Sequence[str],
  lower_is_better: tuple[bool, bool] = (True, True),
  single: tuple[float, float] | None = None,
) -> Figure:
  """What one task pays for another: a point a model, and a line along those that no other model beats.

  The line is left out where the front is of more tasks and folds in these two.

  Args:
    scores: (n, 2), of the two tasks.
    front: (n,) as `multitask.front` gives it.
    names: of the axes, with their units.
    labels: (n,) written beside a diamond; "" for a circle, one of many weights.
    single: the scores of the two single-task models, dashed.

  Raises: ValueError if there are not as many of each as points.
  """
  if scores.shape != (len(labels), 2) or front.shape != (len(labels),):
    raise ValueError(f"scores of shape {scores.shape}, a front of {front.shape} and {len(labels)} labels")
  figure = Figure(figsize=(WIDTH, max(4.8, 1.2 + 0.2 * sum(map(bool, labels)))), facecolor="white")
  axes = figure.subplots()
  bare(axes)
  axes.grid(axis="x", color=FAINT, linewidth=0.7)
  costs = scores * np.where(lower_is_better, 1.0, -1.0)
  order = np.flatnonzero(front)[np.lexsort(costs[front].T[::-1])]
  line = (np.diff(costs[order, 1]) <= 0).all()
  if line:
    axes.plot(*scores[order].T, drawstyle="steps-post", color=_GOOD, linewidth=1.4, alpha=0.6)
  named = np.asarray([bool(label) for label in labels])
  for here, marker, size in ((~named, "o", 34), (named, "D", 46)):
    colours = np.where(front[here], _GOOD, "#8c8c8c").tolist()
    faces = np.where(front[here], _GOOD, "white").tolist()
    axes.scatter(*scores[here].T, s=size, marker=marker, edgecolors=colours, facecolors=faces, zorder=3)
  axes.margins(0.08)
  known: list[Artist] = [
    Line2D([], [], color=_GOOD, marker="o", linewidth=1.4 if line else 0.0, label="beaten by no other model"),
    Line2D([], [], color="#8c8c8c", marker="o", markerfacecolor="white", linestyle="", label="beaten by another"),
  ]
  if single is not None:
    axes.update_datalim([single])
    axes.autoscale_view()
    limits = axes.get_xlim(), axes.get_ylim()
    axes.axhline(single[1], color=_BAD, linewidth=1.3, dashes=(5, 3), zorder=1)
    dashed = axes.axvline(single[0], color=_BAD, linewidth=1.3, dashes=(5, 3), zorder=1)
    dashed.set_label("a model for each task alone")
    x, y = (
      (bound[0], at) if lower else (at, bound[1])
      for bound, at, lower in zip(limits, single, lower_is_better, strict=True)
    )
    better = axes.fill_between(x, *y, color=_GOOD, alpha=0.08, linewidth=0, label="better at both")
    known += [dashed, better]
    axes.set(xlim=limits[0], ylim=limits[1])
  for axis, name, lower in zip("xy", names, lower_is_better, strict=True):
    axes.set(**{f"{axis}label": f"{name} ({'lower' if lower else 'higher'} is better)"})
  style = {
    label: Style(_GOOD if ahead else "#6e6e6e", "D", (), bool(ahead))
    for label, ahead in zip(labels, front, strict=True)
  }
  inch = 1.0 / figure.get_figheight()
  figure.subplots_adjust(left=0.1, right=right_of(labels), top=1.0 - 0.5 * inch, bottom=0.55 * inch)
  figure.legend(handles=known, loc="upper left", bbox_to_anchor=(0.09, 1.0), ncols=4, frameon=False, fontsize=9.5)
  placed = {label: point for label, point in zip(labels, scores, strict=True) if label and np.isfinite(point).all()}
  ends = {label: End(axes.transData, x, y, label) for label, (x, y) in placed.items()}
  label_ends(figure, axes, ends, style)
  return figure
