"""Windows of several sensors and their summaries, against NumPy written out."""

import numpy as np
import pytest

from mtl_jax.tasks.series import summary, windows


def test_windows_are_consecutive_and_what_is_left_is_dropped():
  x = np.arange(46.0).reshape(23, 2)
  made = windows(x, 5)
  assert made.shape == (4, 5, 2)
  np.testing.assert_array_equal(made.reshape(20, 2), x[:20])
  np.testing.assert_array_equal(windows(x, 5, 3)[2], x[6:11])


def test_a_record_shorter_than_a_window_is_refused():
  with pytest.raises(ValueError, match="4 samples, a window 5"):
    windows(np.zeros((4, 2)), 5)


def test_the_summary_is_level_trend_spread_and_roughness_in_normal_deviations():
  rng = np.random.default_rng(0)
  x, scale = rng.normal(size=(3, 20, 2)) * 5 + 7, np.asarray([[7.0, 6.0], [5.0, 2.0]])
  made = summary(x, scale)
  assert made.shape == (3, 8) and made.dtype == np.float32
  for w in range(3):
    for s in range(2):
      z = (x[w, :, s] - scale[0, s]) / scale[1, s]
      slope = np.polyfit(np.arange(20), z, 1)[0]
      level, trend, spread, rough = made[w, s::2]
      assert level == pytest.approx(np.sign(z.mean()) * np.log1p(abs(z.mean())), rel=1e-4)
      assert trend == pytest.approx(np.sign(slope) * np.log1p(abs(20 * slope)), rel=1e-4)
      assert spread == pytest.approx(np.log(z.std() + 0.1), rel=1e-4)
      assert rough == pytest.approx(np.log(np.mean(np.abs(z[1:] - z[:-1])) + 0.1), rel=1e-4)
