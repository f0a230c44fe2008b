"""The pictures of a report.

Colours: M. Okabe, K. Ito, "Color Universal Design" (2008), without the yellow, which is too
faint for lines. Ours are coloured and solid, baselines grey and dashed.
"""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation, Transform

from mtl_jax.report.run import CONFUSION, METRICS, Metric, Row, best, headline, nearest, per, scored

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_GREYS = ("#6e6e6e", "#8c8c8c", "#555555")
_MARKERS = "osD^vP"
_DASHES = ((5, 2), (2, 2), (7, 2, 2, 2))
INK, FAINT = "#222222", "#dddddd"
_BLUES = LinearSegmentedColormap.from_list("blues", ["#ffffff", "#9ec9e8", "#0072B2", "#003a5c"])
WIDTH = 8.4  # of a picture with lines, inch
_PLAIN = Metric("", lower_is_better=True, percent=False)  # of a loss, and of what the protocol does not name
_BINS = 200  # points that a training curve is thinned to


class Style(NamedTuple):
  """How a method is drawn, the same in every picture of a run."""

  colour: str
  marker: str
  dashes: tuple[float, ...]
  ours: bool

  @property
  def ink(self) -> tuple[float, ...]:
    """Dark enough for text on white."""
    return tuple(0.7 * part for part in to_rgb(self.colour))


def styles(rows: Iterable[Row], curves: Iterable[Mapping[str, Any]] = ()) -> dict[str, Style]:
  """A style for each method; one that was trained and not yet scored counts as ours."""
  kinds = {row.method: row.kind for row in rows}
  kinds |= {row["method"]: "ours" for row in curves if row["method"] not in kinds}
  made, count = {}, {"ours": 0, "baseline": 0}
  for method, kind in kinds.items():
    i, ours = count[kind], kind == "ours"
    colours = COLOURS if ours else _GREYS
    made[method] = Style(
      colours[i % len(colours)],
      _MARKERS[(i // len(colours) if ours else i) % len(_MARKERS)],
      () if ours else _DASHES[i % len(_DASHES)],
      ours,
    )
    count[kind] += 1
  return made


def png(figure: Figure) -> bytes:
  """The figure as a PNG, without a date, so that equal pictures are equal bytes."""
  content = io.BytesIO()
  figure.savefig(content, format="png", dpi=150, bbox_inches="tight", metadata={"Software": None})
  return content.getvalue()


def bare(axes: Axes) -> None:
  """A quiet frame: no lines above and at the right, faint ones across."""
  axes.spines[["top", "right"]].set_visible(False)
  axes.spines[["left", "bottom"]].set_color("#999999")
  axes.grid(axis="y", color=FAINT, linewidth=0.7)
  axes.set_axisbelow(True)
  axes.tick_params(colors=INK, labelsize=10)


def _log(axes: Axes) -> None:
  axes.set_yscale("log")
  axes.yaxis.set_major_formatter("{x:g}")  # 0.01 and not a power of ten


def _apart(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
  """Moves `positions` as little as need be to lie `gap` apart, within low and high where there is room."""
  order = np.argsort(positions, kind="stable")
  wanted = np.asarray(positions, float)[order]
  steps = gap * np.arange(len(wanted))
  # Pushing up from below and down from above both keep the gap, and so does their mean.
  up = np.maximum.accumulate(wanted - steps) + steps
  down = np.minimum.accumulate((wanted - steps)[::-1])[::-1] + steps
  placed = np.maximum(np.minimum((up + down) / 2, high - steps[::-1]), low + steps)
  result = np.empty_like(placed)
  result[order] = placed
  return result.tolist()


class End(NamedTuple):
  """Where a line ends, and what to write there."""

  transform: Transform
  x: float
  y: float
  text: str


def right_of(texts: Iterable[str]) -> float:
  """Where the axes end, as a share of the figure's width, so that `texts` fit beside them."""
  return max(0.5, 1.0 - (0.5 + 0.077 * max(map(len, texts))) / WIDTH)


def label_ends(figure: Figure, axes: Axes, ends: Mapping[str, End], style: Mapping[str, Style]) -> None:
  """Writes each line's name at the right, at the height where the line ends, without overlaps."""
  figure.draw_without_rendering()  # fixes the limits and the layout that the positions below rest on
  to_axes = axes.transAxes.inverted()
  points = {method: to_axes.transform(end.transform.transform((end.x, end.y))) for method, end in ends.items()}
  height = axes.get_window_extent().height * 72.0 / figure.dpi
  heights = _apart([point[1] for point in points.values()], 13.5 / height, 0.0, 1.0)
  for (method, point), at in zip(points.items(), heights, strict=True):
    look = style[method]
    axes.plot(
      [point[0] + 0.012, 1.035, 1.05],
      [point[1], at, at],
      transform=axes.transAxes,
      color=look.colour,
      linewidth=0.6,
      alpha=0.7,
      clip_on=False,
    )
    axes.text(
      1.058,
      at,
      ends[method].text,
      transform=axes.transAxes,
      va="center",
      fontsize=9.5,
      color=look.ink,
      weight="bold" if look.ours else "normal",
    )


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
    _log(axes)
    axes.set_ylim(low / 1.3, high * 1.3)
  else:
    margin = 0.04 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_ylim(low - margin, high + margin)
  axes.set_xlabel(x_label, color=INK)
  better = "lower is better" if how.lower_is_better else "higher is better"
  title = f"{how.label}{',' + how.unit if how.unit else ''} ({better})"
  if any(row.shortfall for row in rows):
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


def chosen_confusion(rows: Iterable[Row]) -> Row | None:
  """The matrix of the best of ours at the K nearest 5, of a baseline if ours have none."""
  rows = list(rows)
  matrices = [row for row in rows if row.metric == CONFUSION and row.steps is None]
  matrices = [row for row in matrices if row.kind == "ours"] or matrices
  if not matrices:
    return None
  k = nearest({row.k for row in matrices})
  here = {row.method: row for row in matrices if row.k == k}
  top = best(row for row in scored(rows, headline(rows)) if row.k == k and row.method in here)
  return here[top[0].method] if top else next(iter(here.values()))


def _shares(row: Row) -> tuple[np.ndarray, list[str]]:
  """(classes, classes), true x predicted, NaN where unknown, and the classes' names."""
  matrix = np.asarray(row.mean, dtype=float)
  if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
    raise ValueError(f"the confusion of {row.method} at k={row.k} has shape {matrix.shape}, not (classes, classes)")
  names = [str(label) for label in row.labels or range(len(matrix))]
  if len(names) != len(matrix):
    raise ValueError(f"the confusion of {row.method} at k={row.k} has {len(names)} labels for {len(matrix)} classes")
  return matrix, names


def worst_confusion(row: Row) -> str:
  """The largest mistake in words."""
  matrix, names = _shares(row)
  wrong = np.where(np.eye(len(matrix), dtype=bool), 0.0, np.nan_to_num(matrix))
  true, predicted = np.unravel_index(np.argmax(wrong), wrong.shape)
  if wrong[true, predicted] == 0.0:
    return "There are no mistakes."
  share = 100 * wrong[true, predicted]
  return f"The most frequent mistake: {share:.1f} % of {names[true]} taken for {names[predicted]}."


def confusion(row: Row) -> Figure:
  """The matrix of shares, true x predicted, in percent. Raises: ValueError if it is not square."""
  matrix, names = _shares(row)
  count = len(matrix)
  side = min(max(4.2, 0.62 * count + 2.0), 9.0)
  figure = Figure(figsize=(side + 0.8, side), facecolor="white", layout="constrained")
  axes = figure.subplots()
  axes.set_facecolor("#eeeeee")
  axes.imshow(matrix, cmap=_BLUES, vmin=0.0, vmax=1.0)
  if count <= 16:
    for (true, predicted), share in np.ndenumerate(matrix):
      if np.isfinite(share) and share >= 0.005:
        axes.text(
          predicted,
          true,
          f"{100 * share:.0f}",
          ha="center",
          va="center",
          fontsize=12,
          color="white" if share > 0.5 else INK,
          weight="bold" if true == predicted else "normal",
        )
  every = range(0, count, max(1, count // 30))
  axes.set_xticks(every, [names[i] for i in every], rotation=35, ha="right", rotation_mode="anchor")
  axes.set_yticks(every, [names[i] for i in every])
  axes.set_xticks(np.arange(count + 1) - 0.5, minor=True)
  axes.set_yticks(np.arange(count + 1) - 0.5, minor=True)
  axes.grid(which="minor", color="white", linewidth=1.5)
  axes.tick_params(which="both", length=0, colors=INK, labelsize=11)
  axes.spines[:].set_visible(False)
  axes.set_xlabel("predicted", color=INK, fontsize=11)
  axes.set_ylabel("true", color=INK, fontsize=11)
  title = f"{row.method}, K = {row.k}, % of each true class"
  axes.set_title(title + ("\nPRELIMINARY, not a result" if row.shortfall else ""), loc="left", fontsize=11, color=INK)
  return figure


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


Lines = dict[str, tuple[np.ndarray, np.ndarray]]
"""method -> steps, values"""


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
      _log(axes)
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
