"""scripts/drifts.py: what a number in its table is, by hand, and what is run, kept and drawn."""

import importlib.util
import json
import sys

import numpy as np
import pytest
from conftest import ROOT
from numpy.testing import assert_allclose, assert_array_equal

from mtl_jax import online
from mtl_jax.tasks.in_use import Line


@pytest.fixture(scope="module")
def drifts():
  spec = importlib.util.spec_from_file_location("script_drifts", ROOT / "scripts" / "drifts.py")
  assert spec is not None and spec.loader is not None
  module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # tyro reads docstrings by module
  spec.loader.exec_module(module)
  return module


@pytest.fixture
def small(drifts, monkeypatch):
  """400 hours with changes at 100, 200 and 300, two seeds."""
  monkeypatch.setattr(drifts, "HOURS", 400)
  monkeypatch.setattr(drifts, "CHANGES", (100, 200, 300))
  monkeypatch.setattr(drifts, "SEEDS", 2)

  def line(seed: int) -> Line:
    draw, there = np.random.default_rng(seed), np.arange(400) // 100 % 2
    x = draw.normal(size=(400, 2))
    y = np.where(there, 1.0, -1.0) * x[:, 0] + 0.2 * draw.normal(size=400)
    return Line(x.astype(np.float32), y[:, None].astype(np.float32), (100, 200, 300))

  monkeypatch.setattr(
    drifts, "KINDS", {"recurring": drifts.Kind(line, 0.2), "product changeovers": drifts.Kind(line, 0.2)}
  )
  return drifts


def test_error_recovery_and_cost_by_hand(drifts):
  """Errors of 0.1, but of 1 in the 100 hours after a change at 2,000; noise of 0.2, so the level is 0.239.

  Of twelve hours one may be bad, so that it has recovered with hour 2,110; the one of 1,000 in its first twelve hours.
  Frozen pays for no label, the others a tenth of the noise for each.
  """
  x = np.zeros((4000, 1), np.float32)
  line = Line(x, x, (1000, 2000))
  stream = online.stream(np.arange(4000), line.x, line.y, delay=24, cost=drifts.PRICE)
  found = np.full((4000, 1), 0.1)
  found[2000:2100] = 1.0
  kind = drifts.Kind(lambda seed: line, 0.2)
  row = drifts.scored(kind, line, stream, found, pays=True)
  assert row["error"] == pytest.approx((3900 * 0.1 + 100) / 4000)
  assert row["hours"] == pytest.approx((11 + 110) / 2)
  assert len(row["cost"]) == drifts.COURSE
  assert row["cost"][-1] == pytest.approx((390 + 100) / 0.2 + 0.1 * 4000)
  assert row["cost"][0] == pytest.approx(40 * (0.1 / 0.2 + 0.1))
  assert drifts.scored(kind, line, stream, found, pays=False)["cost"][-1] == pytest.approx(490 / 0.2)
  late = drifts.scored(kind._replace(lasts=50), line, stream, found, pays=True)["hours"]
  assert late == pytest.approx((11 + 60) / 2)  # counted from the end of the change
  never = drifts.scored(kind, line, stream, np.ones((4000, 1)), pays=True)["hours"]
  assert never == (1000 + 2000) / 2  # until the next change, or the end


def test_linear_plants_change_as_their_names_say(drifts):
  """The weights of each stage by least squares on 1,000 hours, to within 0.1, and what they leave is the noise."""

  def weights(name: str, hours: slice) -> np.ndarray:
    line = drifts.KINDS[name].line(0)
    a = np.c_[np.ones(len(line.x)), line.x][hours]
    found = np.linalg.lstsq(a, line.y[hours], rcond=None)[0][:, 0]
    if name != "gradual":
      assert np.std(a @ found - line.y[hours, 0]) == pytest.approx(drifts.KINDS[name].noise, rel=0.1)
      assert np.mean(np.square(found)) == pytest.approx(1.0, abs=0.7)
    return found

  stages = [slice(begin, begin + 1000) for begin in (0, 1000, 2000, 3000)]
  first, second, third, fourth = (weights("recurring", part) for part in stages)
  assert_allclose(first, third, atol=0.1)
  assert_allclose(second, fourth, atol=0.1)
  assert np.abs(first - second).max() > 1
  assert np.abs(weights("abrupt", stages[0]) - weights("abrupt", stages[2])).max() > 1
  ends = [weights("gradual", slice(begin + 500, begin + 1000)) for begin in (0, 1000)]
  assert_allclose(weights("abrupt", stages[0]), ends[0], atol=0.15)
  assert_allclose(weights("abrupt", stages[1]), ends[1], atol=0.15)
  middle = weights("gradual", slice(1200, 1300))
  assert_allclose(middle, (ends[0] + ends[1]) / 2, atol=0.6)


def test_a_nightly_model_knows_nothing_on_the_first_day_and_the_labels_of_the_days_before_on_others(small):
  kind = small.KINDS["recurring"]
  line = kind.line(0)
  stream = online.stream(np.arange(400), line.x, line.y, delay=24)
  predict = small.methods(kind, line, river=False)[small.NIGHTLY]
  later = predict(online.stream(np.arange(400), line.x, line.y, delay=72))
  found = predict(stream)
  assert_array_equal(found[:48], 0.0)  # labels of the first day come on the second, and the model is fitted at midnight
  errors = np.abs(found - line.y)[:, 0]
  assert errors[72:100].mean() < 0.5 * np.abs(line.y[72:100]).mean()
  assert errors[100:124].mean() > 2 * errors[72:100].mean()
  assert_array_equal(later, online.retrained(small._trees, stream._replace(matures=stream.time + 72), 24.0))


def test_what_is_there_is_kept_and_what_is_missing_is_run(small, tmp_path, monkeypatch, capsys):
  small.main(small.Arguments(out=tmp_path))
  rows = json.loads((tmp_path / "scores.json").read_text())
  count = {method: sum(row["method"] == method for row in rows) for method in {row["method"] for row in rows}}
  assert set(count.values()) == {2 * 2 * 4}
  assert {"frozen at the prior", "persistence", "moca that recalls", small.NIGHTLY} <= count.keys()
  for row in rows:
    if row["method"] == "persistence":  # a label that is d h late is known to whoever is asked d + 1 h after it
      y, late = small.KINDS[row["kind"]].line(row["seed"]).y[:, 0], row["delay"] + 1
      said = np.concatenate([np.zeros(late), y])[: len(y)]
      assert row["error"] == pytest.approx(np.abs(said - y).mean(), rel=1e-5)
  assert (tmp_path / "drifts.png").read_bytes().startswith(b"\x89PNG")
  said = capsys.readouterr().out
  assert "recurring" in said and "after each" in said

  def refused(stream):
    raise AssertionError("what is there is run again")

  every = small.methods
  monkeypatch.setattr(small, "methods", lambda *given: dict.fromkeys(every(*given), refused))
  small.main(small.Arguments(out=tmp_path))
  assert json.loads((tmp_path / "scores.json").read_text()) == rows


def test_river_stands_beside_the_others_when_it_is_asked_for(small):
  pytest.importorskip("river", reason="needs the extra `online`")
  kind = small.KINDS["recurring"]
  line = kind.line(0)
  stream = online.stream(np.arange(400), line.x, line.y)
  added = small.methods(kind, line, river=True)
  assert small.FOREST in added
  (name,) = added.keys() - small.methods(kind, line, river=False).keys() - {small.FOREST}
  found = added[name](stream)
  assert found.shape == (400, 1)
  assert np.abs(found - line.y)[60:100].mean() < np.abs(line.y)[60:100].mean()


def test_a_picture_has_a_panel_for_every_kind_and_a_line_for_every_method_of_its_delay(drifts):
  rows = [
    {"kind": kind, "method": method, "delay": delay, "seed": seed, "cost": [1000.0 * (seed + 1)] * drifts.COURSE}
    for kind in ("abrupt", "fouling")
    for method in ("moca", "alpaca")
    for delay in (0, drifts.DRAWN)
    for seed in (0, 1)
  ]
  axes = drifts.picture(rows).axes
  assert [panel.get_title().split(":")[0] for panel in axes] == ["abrupt", "fouling"]
  assert [len(panel.lines) for panel in axes] == [2, 2]
  assert_allclose(axes[0].lines[0].get_ydata(), 1.5)


def test_what_is_remembered_of_a_stage_stands_below_the_diagonal(small):
  """Row 0 is before anything is learned, row i after i stages; the plant of stages 0 and 2 is not that of 1 and 3."""
  found = small.remembered("recurring")
  columns = [list(column.cells) for column in found.columns]
  assert [name for name in columns[0] if name] == ["alpaca", "alpaca that forgets", "moca", "moca that recalls"]
  matrix = np.asarray(columns[2:], float).T.reshape(4, 5, 4)
  assert_allclose(matrix[:, 0], np.repeat(matrix[:1, 0], 4, axis=0))  # all begin with the same prior
  forgets = matrix[1]
  assert forgets[1, [0, 2]].max() < 0.3  # learned
  assert forgets[2, [0, 2]].min() > 1.0  # and gone after the other plant
  assert forgets[2, [1, 3]].max() < 0.3
