"""What is believed of a plant along each of its settings, and what its trials gave."""

from pathlib import Path

import numpy as np

from mtl_jax.advise.adviser import Advice
from mtl_jax.advise.history import History
from mtl_jax.advise.line import Line, outcome_columns, ranges, setting_columns

_BELIEVED, _NEW, _PAST, _BROKEN = "#1f5fa8", "#d1660f", "#6f6f6f", "#b3261e"


def picture(line: Line, history: History, advice: Advice, path: Path) -> None:
  """A panel for each setting, through the recommended set-point, and one of all trials in the order of time."""
  from matplotlib.figure import Figure  # `tell` draws none

  d, (low, width) = len(line.settings), ranges(line)
  columns = min(d + 1, 4)
  rows = -(-(d + 1) // columns)
  high = 3.0 * rows + 0.6
  figure = Figure(figsize=(3.2 * columns, high))  # laid out by hand: to find the layout takes as long as to draw it
  room_for = {"left": 0.27 / columns, "right": 1 - 0.04 / columns, "top": 1 - 0.15 / high, "bottom": 1.1 / high}
  figure.subplots_adjust(**room_for, wspace=0.2, hspace=0.3)
  axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
  measured = history.y[:, 0] if line.larger else -history.y[:, 0]
  bad = np.any(history.y[:, 1:] > 0, axis=1)
  u = low + history.x * width
  shown = np.concatenate([measured[np.isfinite(measured)], advice.response, advice.slices[..., 1].ravel()])
  floor, ceiling = shown.min(), shown.max()
  room = 0.08 * (ceiling - floor)
  for j, (axis, setting) in enumerate(zip(axes, line.settings, strict=False)):
    along = np.linspace(setting.low, setting.high, advice.slices.shape[1])
    lower, middle, upper, kept = advice.slices[j].T
    axis.fill_between(along, lower, upper, color=_BELIEVED, alpha=0.18, lw=0, label="believed, 90 %")
    axis.plot(along, middle, color=_BELIEVED, label="believed, middle")
    if line.limits:
      what = {"where": kept < advice.asked_for, "transform": axis.get_xaxis_transform()}
      axis.fill_between(along, 0, 1, **what, color=_BROKEN, alpha=0.12, lw=0, label="not sure enough of the limits")
    axis.plot(u[~bad, j], measured[~bad], "o", color=_PAST, ms=4, label="measured")
    axis.plot(u[bad, j], measured[bad], "x", color=_BROKEN, ms=7, label="broke a limit")
    axis.axvline(advice.u[j], color=_NEW, zorder=3, clip_on=False, label=f"recommendation {advice.number}")
    axis.set(xlabel=setting_columns(line)[j], xlim=(setting.low, setting.high), ylim=(floor - room, ceiling + room))
    axis.tick_params(labelleft=j % columns == 0)
  for axis in axes[::columns]:
    axis.set_ylabel(outcome_columns(line)[0])
  last, trial = axes[d], np.arange(1, len(measured) + 1)
  last.plot(trial, measured, "o-", color=_PAST, ms=4, lw=0.8)
  last.plot(trial[bad], measured[bad], "x", color=_BROKEN, ms=7)
  lower, middle, upper = advice.response
  last.errorbar([len(trial) + 1], [middle], [[middle - lower], [upper - middle]], fmt="D", color=_NEW, ms=5, capsize=3)
  last.set(xlabel="trial", xlim=(0, len(trial) + 2))
  last.xaxis.get_major_locator().set_params(integer=True)
  for axis in axes[d + 1 :]:
    axis.axis("off")
  handles, labels = axes[0].get_legend_handles_labels()
  figure.legend(handles, labels, loc="lower center", ncols=3, frameon=False)
  path.parent.mkdir(parents=True, exist_ok=True)
  figure.savefig(path, dpi=110)
