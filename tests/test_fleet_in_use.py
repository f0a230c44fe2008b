"""A fleet in use: who is recorded when, with which fault and how far grown, and what recordings show of it."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtl_jax.tasks import fleet_in_use
from mtl_jax.tasks.fleet import CONDITIONS
from mtl_jax.tasks.vibration import FEATURE_NAMES

KEY = jax.random.key(3)


def test_what_grows_is_repaired():
  assert_allclose(
    fleet_in_use.share(np.array([0.0, 50, 75, 100, 175]), 100.0, 0.25), [0.25, 0.75, 0, 0.25, 0], atol=1e-9
  )


def test_machines_are_recorded_in_turns_with_the_fault_whose_turn_it_is_and_come_to_turn_faster(monkeypatch):
  """Level in dB: 20 log10 of twice the share of the way to severe; the label has it in deviations, 1 / sqrt(12)."""
  seen = []

  def recorded(key, machines, condition, level_db, view):
    seen.append((machines, condition, level_db))
    return np.zeros((len(condition), 44), np.float32)

  monkeypatch.setattr(fleet_in_use, "one_by_one", recorded)
  monkeypatch.setattr(fleet_in_use, "_scale", lambda: (np.zeros(44), np.ones(44)))
  line = fleet_in_use.rounds(KEY, 800, 0.0, (200, 400, 600), 100)
  ((machines, condition, level_db),) = seen
  names = [CONDITIONS[one] for one in condition[::200]]
  assert names == ["outer race", "imbalance", "outer race", "imbalance"]
  assert_array_equal(condition, np.repeat(condition[::200], 200))
  ratio = machines.speed_hz / np.resize(machines.speed_hz[:8], 800)
  assert_allclose(ratio, np.interp(np.arange(800), [0, 400, 500, 800], [1, 1, 1.3, 1.3]), rtol=1e-5)
  lines = machines.line_g / np.resize(machines.line_g[:8], (800, 10))
  assert_allclose(lines, np.broadcast_to(np.square(ratio)[:, None], lines.shape), rtol=1e-5)
  assert len(np.unique(machines.speed_hz[:8])) == 8
  grown = 0.5 + line.y[:, 0] / 12**0.5
  assert_allclose(level_db, 20 * np.log10(2 * grown), atol=0.01)
  step = grown[8:] - grown[:-8]  # of one machine
  assert ((step > 8 / 300) & (step < 8 / 100) | (step < -0.8)).all()
  assert (step < 0).sum() >= 8 * 2
  assert line.changes == (200, 400, 600)


def test_recordings_show_the_fault_whose_turn_it_is():
  """Its line stands out as it grows: the outer race's in the envelope, that of an imbalance at the shaft's speed."""
  line = fleet_in_use.rounds(KEY, 256, 0.2, (128, 256), 1)
  assert line.x.shape == (256, 44) and line.x.dtype == line.y.dtype == np.float32
  assert np.isfinite(line.x).all()
  assert np.abs(line.x.mean(0)).max() < 1.5 and np.median(line.x.std(0)) == pytest.approx(1.0, abs=0.3)

  def seen(name: str, hours: slice) -> float:
    """The correlation with the label, a machine at a time: they differ in how loud they are."""
    column = line.x[hours, FEATURE_NAMES.index(name)]
    return float(np.mean([np.corrcoef(column[unit::8], line.y[hours][unit::8, 0])[0, 1] for unit in range(8)]))

  race, shaft = "envelope_bpfo_1x", "shaft_1.0x"
  assert seen(race, slice(128)) > 0.5 > seen(race, slice(128, 256))
  assert seen(shaft, slice(128, 256)) > 0.5 > seen(shaft, slice(128))
