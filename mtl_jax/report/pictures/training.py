"""What was recorded while training, over steps."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mtl_jax.report.pictures.style import INK, WIDTH, End, Style, bare, label_ends, logarithmic, right_of
from mtl_jax.report.run import METRICS, Metric

_PLAIN = Metric("", lower_is_better=True, percent=False)  # of a loss, and of what the protocol does not name
_BINS = 200  # points that a training curve is thinned to

Lines = dict[str, tuple[np.ndarray, np.ndarray]]
"""method -> steps, values"""


def _curve(rows: Iterable[Mapping[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
  """Steps and values of `name`, averaged over rows of the same step (seeds) and into at most _BINS bins."""
  found: dict[int, list[float]] = {}
  for row in rows:
    value = row.get(name)
    if value is not None and math.isfinite(value):
      found.setdefault(row["step"], []).append(value)
  steps = np.asarray(sorted(found), float)
  values = np.asarray([np.mean(found[step]) for step in sorted(found)])
  bins = min(_BINS, len(steps))
  if not bins:
    return steps, values
  return (
    np.asarray([part.mean() for part in np.array_split(steps, bins)]),
    np.asarray([part.mean() for part in np.array_split(values, bins)]),
  )


def training_curves(curves: Sequence[Mapping[str, Any]], style: Mapping[str, Style]) -> Figure | None:
  """Loss, and below it the validation score, of each method; None where there is neither.

  The score is macro-F1 where it was recorded, else the first metric that was. Seeds are averaged.
  """
  numbers = (name for row in curves for name, value in row.items() if isinstance(value, int | float))
  recorded = list(dict.fromkeys(name for name in numbers if name.startswith("validation_")))
  preferred = [f"validation_{metric}" for metric in METRICS]
  validation = sorted(recorded, key=lambda name: preferred.index(name) if name in preferred else len(preferred))[:1]
  panels = {}
  for name in ["loss", *validation]:
    how = METRICS.get(name.removeprefix("validation_"), _PLAIN)
    panels[_panel_title(name, how)] = how, lines_of(curves, name)
  return over_training(panels, style)


def lines_of(curves: Iterable[Mapping[str, Any]], name: str) -> Lines:
  """`name` over steps, of each method that recorded it."""
  methods: dict[str, list[Mapping[str, Any]]] = {}
  for row in curves:
    methods.setdefault(row["method"], []).append(row)
  found = {method: _curve(rows, name) for method, rows in methods.items()}
  return {method: line for method, line in found.items() if len(line[0])}


def over_training(panels: Mapping[str, tuple[Metric, Lines]], style: Mapping[str, Style]) -> Figure | None:
  """One panel a title, below one another; those without a line are left out, and None is left of no panel."""
  panels = {title: panel for title, panel in panels.items() if panel[1]}
  if not panels:
    return None
  height = max(2.7, 0.6 + 0.22 * max(len(drawn) for _, drawn in panels.values()))
  figure = Figure(figsize=(WIDTH, 0.6 + height * len(panels)), facecolor="white")
  grid = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
  inch = 1.0 / figure.get_figheight()
  figure.subplots_adjust(left=0.08, top=1.0 - 0.35 * inch, bottom=0.5 * inch, hspace=0.22)
  labels = {}
  for axes, (title, (how, drawn)) in zip(grid, panels.items(), strict=True):
    bare(axes)
    scale = 100.0 if how.percent else 1.0
    labels[axes] = {}
    for method, (steps, values) in drawn.items():
      look = style[method]
      marker = look.marker if len(steps) <= 30 else None
      (line,) = axes.plot(steps, scale * values, color=look.colour, linewidth=1.7, marker=marker, markersize=4)
      if look.dashes:
        line.set_dashes(look.dashes)
      end = f"{method}  {how.text(values[-1])}"
      labels[axes][method] = End(axes.transData, steps[-1], scale * values[-1], end)
    every = np.concatenate([values for _, values in drawn.values()])
    if how.lower_is_better and not how.percent and every.min() > 0 and every.max() > 30 * every.min():
      logarithmic(axes)
    if every.min() < 0 < every.max():
      axes.axhline(0.0, color="#999999", linewidth=0.8, zorder=1)
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.margins(x=0.02)
  grid[-1].set_xlabel("training step", color=INK)
  figure.subplots_adjust(right=right_of(end.text for ends in labels.values() for end in ends.values()))
  for axes, ends in labels.items():
    label_ends(figure, axes, ends, style)
  return figure


def _panel_title(name: str, how: Metric) -> str:
  if name == "loss":
    return "training loss"
  label = how.label or name.removeprefix("validation_").replace("_", " ")
  return f"validation {label}{',' + how.unit if how.unit else ''}"
