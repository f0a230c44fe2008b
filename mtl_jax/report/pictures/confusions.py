"""Which class a method takes for which: the matrix, and its largest mistake."""

from collections.abc import Iterable

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from mtl_jax.report.pictures.style import INK
from mtl_jax.report.run import CONFUSION, Row, best, headline, nearest, scored

_BLUES = LinearSegmentedColormap.from_list("blues", ["#ffffff", "#9ec9e8", "#0072B2", "#003a5c"])


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
