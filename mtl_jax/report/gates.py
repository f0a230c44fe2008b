"""The picture of what each task takes of what is shared."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator


def draw_gates(levels: Sequence[np.ndarray], tasks: Sequence[str]) -> Figure:
  """A heat map of tasks x columns for each level, as `models.multitask.gates` returns them.

  Numbers are written into the cells where there are few columns. What is negative, as a cross-stitch may be, is red.

  Raises: ValueError if a level has not one row for each task.
  """
  levels = [np.asarray(level) for level in levels]
  if any(level.ndim != 2 or len(level) != len(tasks) for level in levels):
    raise ValueError(f"levels of shapes {[level.shape for level in levels]} for the {len(tasks)} tasks {tasks}")
  wide = [min(0.55 * level.shape[1], 6.0) for level in levels]
  figure = Figure(figsize=(sum(wide) + 0.35 * len(levels) + 1.6, 0.45 * len(tasks) + 1.1), layout="constrained")
  panels = figure.subplots(1, len(levels), squeeze=False, width_ratios=wide)[0]
  limit = max(float(np.abs(level).max()) for level in levels)
  for place, (axes, level) in enumerate(zip(panels, levels, strict=True)):
    axes.imshow(level, cmap=matplotlib.colormaps["RdBu"], vmin=-limit, vmax=limit, aspect="auto")
    axes.set_yticks(range(len(tasks)), tasks if place == 0 else [""] * len(tasks))
    axes.tick_params(length=0)
    axes.set_title(f"level {place + 1}" if len(levels) > 1 else "gates", fontsize=10)
    if level.shape[1] <= 16:
      axes.set_xticks(range(level.shape[1]))
      for (row, column), value in np.ndenumerate(level):
        if value:  # exactly 0 is what a task has no gate to
          ink = "white" if abs(value) > 0.6 * limit else "#222222"
          axes.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)
    else:
      axes.xaxis.set_major_locator(MaxNLocator(integer=True))
  colours = figure.colorbar(panels[0].images[0], ax=panels.tolist())
  colours.ax.set_ylim(min(0.0, *(float(level.min()) for level in levels)), limit)
  return figure
