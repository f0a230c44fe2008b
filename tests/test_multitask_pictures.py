"""What the pictures of a multi-task run show, and that they stay legible from 2 to 33 tasks."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mtl_jax.multitask import front
from mtl_jax.report import multitask, pictures

BLUE, ORANGE = pictures.COLOURS[:2]


def names(count):
  return [f"task {i} of a long name indeed" for i in range(count)]


def cosines_of(count, seed=0):
  unit = np.random.default_rng(seed).normal(size=(count, 4))
  unit /= np.linalg.norm(unit, axis=1)[:, None]
  return unit @ unit.T


def off_diagonal(matrix):
  return np.asarray(matrix)[~np.eye(len(matrix), dtype=bool)]


def test_cosines_are_drawn_at_the_start_the_middle_and_the_end_in_the_same_colours():
  matrices = [s * cosines_of(3) for s in (1.0, 0.9, 0.5, 0.3, 0.25)]
  matrices[4][0, 2] = matrices[4][2, 0] = np.nan
  figure = multitask.cosines([100, 200, 300, 400, 1500], [m.tolist() for m in matrices], ["a", "b", "c"])
  *panels, bar = figure.axes
  assert [axes.get_title(loc="left") for axes in panels] == ["step 100", "step 300", "step 1,500"]
  largest = np.abs(off_diagonal(matrices[0])).max()
  for axes, place in zip(panels, (0, 2, 4), strict=True):
    shown = axes.images[0].get_array()
    np.testing.assert_allclose(off_diagonal(np.ma.filled(shown, np.nan)), off_diagonal(matrices[place]))
    assert shown.mask.diagonal().all()  # a cosine with oneself says nothing
    assert axes.images[0].get_clim() == pytest.approx((-largest, largest))
  assert {text.get_text() for text in panels[0].texts} == {
    f"{value:.2f}".replace("-", "−") for value in off_diagonal(matrices[0])
  }
  assert len(panels[2].texts) == 4 and "cosine" in bar.get_ylabel()


def test_tiny_cosines_are_pale():
  figure = multitask.cosines([1], [0.01 * cosines_of(2)], ["a", "b"])
  assert figure.axes[0].images[0].get_clim() == (-0.2, 0.2)
  assert len(figure.axes) == 2


@pytest.mark.parametrize("count", [2, 8, 33])
def test_names_of_all_tasks_are_legible_and_do_not_overlap_and_numbers_stand_only_where_they_fit(count):
  matrix, tasks = cosines_of(count), names(count)
  groups = [range(0, count, 2), range(1, count, 2)]
  for figure in (multitask.cosines([1, 2, 3], [matrix] * 3, tasks), multitask.affinity(matrix, tasks, groups)):
    axes = figure.axes[0]
    figure.draw_without_rendering()
    assert axes.get_yticklabels()[0].get_size() > 7
    boxes = sorted((label.get_window_extent() for label in axes.get_yticklabels()), key=lambda box: box.y0)
    assert len(boxes) == count and min(box.height for box in boxes) > 0
    assert all(below.y1 <= above.y0 + 0.5 for below, above in pairwise(boxes))
    width = axes.get_window_extent().width / count  # of a cell
    assert all(text.get_window_extent().width < width for text in axes.texts)
    assert bool(axes.texts) == (count < 33)


def conflict_rows():
  rows = [{"method": "mean", "step": 100 * i, "conflicts": 0.1 * i, "cosine": 0.2 - 0.1 * i} for i in (1, 2, 3)]
  return [*rows, {"method": "single-task", "step": 300, "loss": 1.0}]


def test_conflicts_are_drawn_of_the_methods_that_recorded_them():
  rows = conflict_rows()
  figure = multitask.conflicts(rows, pictures.styles([], rows))
  assert figure is not None
  rate, cosine = figure.axes
  assert "conflict, %" in rate.get_title(loc="left") and "cosine" in cosine.get_title(loc="left")
  np.testing.assert_allclose(rate.lines[0].get_xydata(), [[100, 10], [200, 20], [300, 30]])
  np.testing.assert_allclose(cosine.lines[0].get_ydata(), [0.1, 0, -0.1], atol=1e-12)
  assert [line.get_ydata() for line in cosine.lines if len(line.get_xdata()) == 2] == [[0.0, 0.0]]  # where they turn
  assert [text.get_text() for text in rate.texts] == ["mean  30.0"]
  assert multitask.conflicts(rows[3:], pictures.styles([], rows)) is None


def test_affinity_is_in_percent_with_each_group_side_by_side_in_a_frame():
  z = np.array([[0.9, -0.01, 0.02], [-0.0004, 0.9, 0.005], [0.03, -0.02, 0.9]])
  figure = multitask.affinity(z, ["a", "b", "c"], ((0, 2), (1,)))
  axes = figure.axes[0]
  assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "c", "b"]
  assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "c", "b"]
  at = {text.get_position(): text.get_text() for text in axes.texts}  # (column, row)
  assert at == {(1, 0): "2.0", (2, 0): "−1.0", (0, 1): "3.0", (2, 1): "−2.0", (0, 2): "0.0", (1, 2): "0.5"}
  assert [(frame.get_xy(), frame.get_width()) for frame in axes.patches] == [((-0.5, -0.5), 2), ((1.5, 1.5), 1)]
  assert axes.images[0].get_clim() == pytest.approx((-3.0, 3.0))  # not the 90 % of a task's own step


def test_transfer_is_in_order_with_what_gets_worse_in_the_colour_of_a_warning():
  gains = {"worse": (-0.2, -0.3, -0.1), "better": (0.1, 0.05, 0.2), "unsure": (0.05, -0.1, 0.1)}
  figure = multitask.transfer(gains | {"unknown": (0.3, np.nan, np.nan)})
  (axes,) = figure.axes
  assert [label.get_text() for label in axes.get_yticklabels()] == ["worse", "unsure", "better", "unknown"]
  np.testing.assert_allclose([bar.get_width() for bar in axes.patches], [-20, 5, 10, 30])
  colours = [to_hex(bar.get_facecolor()) for bar in axes.patches]
  assert (colours[0], colours[2]) == (ORANGE.lower(), BLUE.lower()) and colours[1] == colours[3]
  segments = axes.collections[0].get_segments()
  np.testing.assert_allclose([segment[:, 0] for segment in segments[:3]], [[-30, -10], [-10, 10], [5, 20]])
  assert any((np.asarray(line.get_xdata()) == 0).all() for line in axes.lines)
  assert len(figure.legends[0].get_texts()) == 3
  assert len(multitask.transfer({"better": gains["better"]}).legends[0].get_texts()) == 1


def test_the_front_is_a_filled_line_and_what_is_better_than_single_tasks_is_shaded():
  scores = np.array([[1.0, 5.0], [2.0, 3.0], [4.0, 2.0], [3.0, 4.0]])
  figure = multitask.pareto(scores, front(scores), ("CO", "NOx"), ["", "", "mgda", "mean"], single=(2.5, 4.0))
  (axes,) = figure.axes
  np.testing.assert_allclose(axes.lines[0].get_xydata(), scores[:3])
  weights, methods, shaded = axes.collections
  np.testing.assert_allclose(weights.get_offsets(), scores[:2])
  np.testing.assert_allclose(methods.get_offsets(), scores[2:])
  assert [to_hex(colour) for colour in methods.get_facecolors()] == [BLUE.lower(), "#ffffff"]
  box = shaded.get_datalim(axes.transData)
  np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], [axes.get_xlim()[0], axes.get_ylim()[0], 2.5, 4.0])
  assert {text.get_text() for text in axes.texts} == {"mgda", "mean"}
  assert axes.get_xlabel() == "CO (lower is better)"


def test_where_higher_is_better_the_front_and_the_shade_turn():
  scores = np.array([[0.9, 1.0], [0.8, 0.5], [0.7, 0.7], [np.nan, 0.1]])
  higher = (False, True)
  figure = multitask.pareto(scores, front(scores, higher), ("F1", "RMSE"), ["", "", "", "dead"], higher, (0.75, 0.8))
  (axes,) = figure.axes
  np.testing.assert_allclose(axes.lines[0].get_xydata(), scores[:2])
  box = axes.collections[2].get_datalim(axes.transData)
  np.testing.assert_allclose([box.x0, box.y0, box.x1, box.y1], [0.75, axes.get_ylim()[0], axes.get_xlim()[1], 0.8])
  assert not axes.texts  # what diverged has no place
  assert axes.get_xlabel() == "F1 (higher is better)"


def test_a_front_of_more_tasks_that_folds_in_two_has_no_line():
  scores = np.array([[1.0, 1.0], [2.0, 2.0]])
  figure = multitask.pareto(scores, np.ones(2, bool), ("a", "b"), ["", ""])
  assert not figure.axes[0].lines


def test_what_does_not_fit_together_is_refused():
  square = np.eye(3)
  with pytest.raises(ValueError, match="2 tasks"):
    multitask.cosines([1], [square], ["a", "b"])
  with pytest.raises(ValueError, match="no step"):
    multitask.cosines([], [], ["a", "b"])
  with pytest.raises(ValueError, match="once"):
    multitask.affinity(square, ["a", "b", "c"], ((0, 1), (1, 2)))
  with pytest.raises(ValueError, match="no task"):
    multitask.transfer({})
  with pytest.raises(ValueError, match="labels"):
    multitask.pareto(np.ones((3, 2)), np.ones(3, bool), ("a", "b"), ["", ""])
