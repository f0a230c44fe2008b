"""The headline score of every method over the number of labels, or of adaptation steps."""

import math
from collections.abc import Iterable, Mapping

from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from mtl_jax.report.pictures.style import INK, WIDTH, End, Style, bare, label_ends, logarithmic, right_of
from mtl_jax.report.run import METRICS, Row, headline, nearest, per, scored


def _against(where: Mapping[str, list[tuple[int, Row]]], style: Mapping[str, Style], x_label: str) -> Figure | None:
  """Lines with intervals over a count that may be 0; `where` gives method -> (count, row) of one metric.

  None where no row has a number.
  """
  rows = [row for points in where.values() for _, row in points if math.isfinite(row.value)]
  if not rows:
    return None
  how = METRICS[rows[0].metric]
  figure = Figure(figsize=(WIDTH, max(4.4, 1.2 + 0.27 * len(where))), facecolor="white")
  axes = figure.subplots()
  bare(axes)
  ends: dict[str, End] = {}
  drawn: list[float] = []
  scale = 100.0 if how.percent else 1.0
  ordered = sorted(where, key=lambda method: style[method].ours)  # ours on top
  for i, method in enumerate(ordered):
    look = style[method]
    points = sorted(((count, row) for count, row in where[method] if math.isfinite(row.value)), key=lambda p: p[0])
    if not points:
      continue
    x = [count for count, _ in points]
    y = [scale * row.value for _, row in points]
    bounds = [row.interval or (row.value, row.value) for _, row in points]
    drawn += [scale * bound for pair in bounds for bound in pair] + y
    error = [
      [max(0.0, v - scale * low) for v, (low, _) in zip(y, bounds, strict=True)],
      [max(0.0, scale * high - v) for v, (_, high) in zip(y, bounds, strict=True)],
    ]
    # Methods step aside by some points, so that equal scores do not hide one another; many by less, so that all
    # stay at their count and inside the axes.
    aside = min(2.2, 14.0 / max(len(where) - 1, 1)) * (i - (len(where) - 1) / 2) / 72.0
    transform = axes.transData + ScaledTranslation(aside, 0.0, figure.dpi_scale_trans)
    preliminary = any(row.shortfall for _, row in points)
    lines = axes.errorbar(
      x,
      y,
      yerr=error,
      transform=transform,
      color=look.colour,
      marker=look.marker,
      markersize=5.5 if look.ours else 4.5,
      capsize=2.5,
      markerfacecolor="white" if preliminary else look.colour,
      elinewidth=1.0,
      capthick=1.0,
      linewidth=2.2 if look.ours else 1.2,
      zorder=3 if look.ours else 2,
    )
    if look.dashes:
      lines[0].set_dashes(look.dashes)
    ends[method] = End(transform, x[-1], y[-1], f"{method}  {how.text(points[-1][1].value)}")
  counts = sorted({count for points in where.values() for count, _ in points})
  axes.set_xscale("symlog", linthresh=1.0, base=2)
  axes.set_xticks(counts, [str(count) for count in counts])
  axes.set_xticks([], minor=True)
  axes.set_xlim(counts[0] - 0.2 * max(counts[0], 1), 1.1 * counts[-1] + 0.1)
  # The shift above hides the data from autoscaling.
  low, high = min(drawn), max(drawn)
  if not how.percent and low > 0 and high > 30 * low:
    logarithmic(axes)
    axes.set_ylim(low / 1.3, high * 1.3)
  else:
    margin = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
  axes.set_xlabel(x_label, color=INK)
  better = " (lower is better)" if how.lower_is_better else " (higher is better)"
  title = f"{how.label}{',' + how.unit if how.unit else ''}{better if how.ranked else ''}"
  if any(row.shortfall for row in rows if not row.joint):
    title += " · PRELIMINARY, not a result"
  axes.set_title(title, loc="left", fontsize=11, color=INK)
  inch = 1.0 / figure.get_figheight()
  figure.subplots_adjust(
    left=0.08, right=right_of(end.text for end in ends.values()), top=1.0 - 0.35 * inch, bottom=0.5 * inch
  )
  label_ends(figure, axes, ends, style)
  return figure


def score_against_labels(rows: Iterable[Row], style: Mapping[str, Style]) -> Figure | None:
  """The headline metric of one job over K, a line a method; None where no score is a number."""
  rows = list(rows)
  metric = headline(rows)
  where: dict[str, list[tuple[int, Row]]] = {}
  for row in scored(rows, metric):
    where.setdefault(row.method, []).append((row.k, row))
  return _against(where, style, per(rows, metric))


def score_against_steps(rows: Iterable[Row], style: Mapping[str, Style]) -> Figure | None:
  """The headline metric of one job over adaptation steps at the K nearest 5; None without such rows."""
  rows = list(rows)
  metric = headline(rows)
  stepped = [row for row in rows if row.steps is not None and row.metric == metric]
  if not stepped:
    return None
  k = nearest(row.k for row in stepped)
  where: dict[str, list[tuple[int, Row]]] = {}
  for row in stepped:
    if row.k == k and row.steps is not None:
      where.setdefault(row.method, []).append((row.steps, row))
  return _against(where, style, f"adaptation steps (K = {k})")
