"""Lines in use: schedules by hand, answers by the equations of the plants worked out in NumPy, sensors and wear."""

import jax
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from mtl_jax.tasks import in_use
from mtl_jax.tasks.processes import milling, stirred_tank

KEY, HOURS = jax.random.key(3), 600


def settings_of(line: in_use.Line, plant) -> list[np.ndarray]:
  """Settings in their units: x begins with them, from -1 to 1."""
  middle = [(s.low + s.high) / 2 for s in plant.settings]
  half = [(s.high - s.low) / 2 for s in plant.settings]
  return [m + h * column for m, h, column in zip(middle, half, np.float64(line.x.T), strict=False)]


def read_off(line: in_use.Line, plant) -> np.ndarray:
  mean, deviation = in_use._scale(plant)
  return mean + deviation * np.float64(line.y[:, 0])


def test_stages_and_ramps_by_hand():
  hour = np.arange(7)
  assert_array_equal(in_use.stage(hour, (0, 3, 5)), [0, 0, 0, 1, 1, 2, 2])
  assert_array_equal(in_use.since(hour, (0, 3, 5)), [0, 1, 2, 0, 1, 0, 1])
  assert_allclose(in_use.ramp(hour, 2, 4), [0, 0, 0, 0.25, 0.5, 0.75, 1])


def test_fouling_begins_at_its_rate_and_ends_at_its_asymptote():
  """R(0) = 0, R(tau) = R_inf (1 - 1 / e), R' = (R_inf - R) / tau."""
  hours, step = np.array([0.0, 50.0, 200.0, 1e5]), 1e-3
  found = in_use.fouled(hours, 0.4, 200.0)
  assert_allclose(found[[0, 2, 3]], [0, 0.4 * (1 - np.exp(-1)), 0.4])
  slope = (in_use.fouled(hours + step, 0.4, 200.0) - found) / step
  assert_allclose(slope, (0.4 - found) / 200.0, rtol=1e-4, atol=1e-9)


def test_an_edge_is_changed_when_it_is_used_up():
  worn, new = in_use.edges(np.array([0.5, 0.25, 0.25, 0.75, 0.75, 0.1]))
  assert_allclose(worn, [0, 0.5, 0.75, 0, 0.75, 0])
  assert_array_equal(new, [False, False, False, True, False, True])


def test_a_stuck_sensor_shows_what_it_showed_last():
  x = np.arange(12.0).reshape(6, 2)
  assert_array_equal(in_use.stuck(x, 1, 2, 3), [[0, 1], [2, 3], [4, 3], [6, 3], [8, 3], [10, 11]])
  assert x[2, 1] == 5
  with pytest.raises(ValueError, match="begin=0"):
    in_use.stuck(x, 1, 0, 3)


def test_settings_their_squares_and_products():
  assert_allclose(in_use.second_order(np.array([[1.0, 0.25]])), [[1, -0.5, 1, -0.5, 0.25]])


def test_a_worn_edge_takes_more_power_by_the_share_of_its_life_that_is_used():
  """log(P / P_max), P = k_11 f^-m a w (n f z) / 60e6, k_11 a line from once to twice its value over an edge's life."""
  line = in_use.tool_wear(KEY, HOURS, 0.0)
  v, f, a = settings_of(line, in_use.SPINDLE)
  task = jax.tree.map(float, milling.sample_task(jax.random.split(KEY, 3)[0]))
  life = (task.speed / v) ** (1 / task.exponent) * f**-task.by_feed * a**-task.by_depth
  worn, new = in_use.edges(in_use.MINUTES / life)
  feed_rate = 1000 * v / (np.pi * 50) * f * 4
  sharp = np.log(task.force * f**-task.force_exponent * a * 40 * feed_rate / 60e6 / task.power)
  assert_allclose(read_off(line, in_use.SPINDLE) - sharp, np.log(1 + worn), atol=1e-3)
  assert len(line.changes) > 1
  assert_array_equal(line.changes, np.flatnonzero(new))


def test_a_fouled_cooler_takes_away_the_heat_that_is_made():
  """Both balances at rest, C = q C_f / (q + k V) and H V k C = q rho c_p (T - T_f) + UA (T - T_c), 1 / UA rising."""
  line = in_use.fouling(KEY, HOURS, 0.0, (400,))
  q, coolant = settings_of(line, in_use.TANK)
  task = jax.tree.map(float, stirred_tank.sample_task(jax.random.split(KEY, 3)[0]))
  t = 400 + read_off(line, in_use.TANK)
  made = task.heat * 100 * (k := task.factor * np.exp(-task.energy / t)) * q * task.feed / (q + 100 * k)
  hours = np.r_[np.arange(400), np.arange(200)]
  more = 1 + 0.4 * (1 - np.exp(-hours / 200))
  assert_allclose(q * 239 * (t - task.feed_temperature) + task.cooling / more * (t - coolant), made, rtol=1e-3)
  assert line.changes == (400,)


def test_a_stuck_thermometer_changes_what_is_shown_and_not_the_reactor():
  line, well = (in_use.stuck_sensor(KEY, HOURS, 0.2, begins, 50) for begins in ((100, 300), ()))
  assert_array_equal(line.y, well.y)
  out = np.r_[100:150, 300:350]
  assert_array_equal(line.x[out, 1], np.repeat(well.x[[99, 299], 1], 50))
  assert_allclose(line.x[:, 3:], in_use.second_order((line.x[:, :2] + 1) / 2)[:, 3:], atol=1e-6)
  others = np.setdiff1d(np.arange(HOURS), out)
  assert_array_equal(line.x[others], well.x[others])
  assert_array_equal(line.x[:, 0], well.x[:, 0])
  assert line.changes == (150, 350)


def test_a_mould_that_comes_back_is_the_same():
  line, one = (in_use.changeovers(KEY, HOURS, 0.2, starts) for starts in ((200, 400), ()))
  same = np.r_[:200, 400:600]
  assert_allclose(line.y[same], one.y[same], atol=1e-5)
  assert np.abs(line.y[200:400] - one.y[200:400]).mean() > 0.1
  assert line.changes == (200, 400)


def test_a_catalyst_decays_to_half_of_its_rate_in_steps_that_are_slow(monkeypatch):
  """Against a reactor that is as it will be at the end from the first hour on."""
  line, fresh = (in_use.decay(KEY, HOURS, 0.0, begins, 50) for begins in ((100, 300), (HOURS, HOURS)))
  spent = in_use.decay(KEY, HOURS, 0.0, (-50, -50), 50)
  lost = line.y - fresh.y
  assert_allclose(lost[:101], 0, atol=1e-5)
  assert_allclose(line.y[350:], spent.y[350:], atol=1e-5)
  steps = [np.abs(lost[part]).mean() for part in (slice(101, 125), slice(125, 150), slice(150, 300), slice(350, None))]
  assert 0 < steps[0] < steps[1] < steps[3] and steps[2] < steps[3]
  monkeypatch.setattr(in_use, "ACTIVITY", 1.0)
  assert_allclose(in_use.decay(KEY, HOURS, 0.0, (100, 300), 50).y, fresh.y, atol=1e-5)


@pytest.mark.parametrize(
  "line",
  [
    in_use.tool_wear,
    lambda *given: in_use.fouling(*given, (300,)),
    lambda *given: in_use.stuck_sensor(*given, (300,), 50),
    lambda *given: in_use.changeovers(*given, (300,)),
    lambda *given: in_use.decay(*given, (300,), 50),
  ],
)
def test_a_line_is_a_function_of_its_key_and_has_the_noise_that_was_asked_for(line):
  given = ((KEY, 0.2), (KEY, 0.2), (KEY, 0.0), (jax.random.key(4), 0.2))
  noisy, again, quiet, other = (line(key, HOURS, noise) for key, noise in given)
  assert_array_equal(noisy.y, again.y)
  assert noisy.x.dtype == noisy.y.dtype == np.float32
  assert noisy.y.shape == (600, 1) and np.isfinite(noisy.y).all()
  assert_array_equal(noisy.x, quiet.x)
  assert np.std(noisy.y - quiet.y) == pytest.approx(0.2, rel=0.15)
  assert not np.isclose(noisy.y, other.y).mean() > 0.1
