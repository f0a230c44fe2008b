"""How everything in a report is drawn: a style for each method, a quiet frame, and names where lines end.

Colours: M. Okabe, K. Ito, "Color Universal Design" (2008), without the yellow, which is too
faint for lines. Ours are coloured and solid, baselines grey and dashed.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from mtl_jax.report.run import Row

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_GREYS = ("#6e6e6e", "#8c8c8c", "#555555")
_MARKERS = "osD^vP"
_DASHES = ((5, 2), (2, 2), (7, 2, 2, 2))
INK, FAINT = "#222222", "#dddddd"
WIDTH = 8.4  # of a picture with lines, inch


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


def logarithmic(axes: Axes) -> None:
  """The axis of values, in plain numbers."""
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
