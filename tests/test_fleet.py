"""The simulated fleet against what the literature says of each fault, read off with SciPy.

Draws do not depend on the condition, so that a recording of a faulty machine less the one of
the healthy machine under the same key is the fault alone.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
import scipy.stats

from mtl_jax.tasks import fleet
from mtl_jax.tasks.fleet import CONDITIONS, RANGES, SAMPLING_HZ, record
from mtl_jax.tasks.pool import few_shot
from mtl_jax.tasks.vibration import Window

MACHINES, SAMPLES, SEVERITY_DB = 48, 16_384, 10.0
FREQUENCY = np.fft.rfftfreq(SAMPLES, 1 / SAMPLING_HZ)
LINES = {"outer race": (0, 1.0), "inner race": (1, 1.0), "ball": (2, 2.0), "cage": (3, 1.0)}  # of `orders`

machines = jax.jit(lambda key, ranges: jax.vmap(partial(fleet.machine, ranges=ranges))(key), static_argnums=1)
recordings = jax.jit(
  jax.vmap(lambda key, m, condition, severity: record(key, m, condition, severity, SAMPLES), (0, 0, None, None))
)


@pytest.fixture(scope="module")
def train() -> fleet.Machine:
  return machines(jax.random.split(jax.random.key(0), MACHINES), RANGES["train"])


@pytest.fixture(scope="module")
def windows(train) -> dict[str, Window]:
  """One recording of each machine in each condition, under the same keys."""
  return {name: _windows(train, i, SEVERITY_DB) for i, name in enumerate(CONDITIONS)}


def _windows(m: fleet.Machine, condition: int, severity_db: float) -> Window:
  keys = jax.random.split(jax.random.key(1), MACHINES)
  return jax.tree.map(np.asarray, recordings(keys, m, jnp.int32(condition), jnp.float32(severity_db)))


def _alone(windows, condition: str) -> np.ndarray:
  return np.asarray(windows[condition].signal - windows["healthy"].signal, np.float64)


def _rms(signal) -> np.ndarray:
  return np.sqrt(np.mean(np.square(signal, dtype=np.float64), axis=-1))


def _envelope_spectrum(signal) -> np.ndarray:
  """Squared envelope spectrum of the Hilbert transform, (machines, bins)."""
  envelope = np.abs(np.asarray(scipy.signal.hilbert(signal))) ** 2
  return scipy.signal.periodogram(envelope, SAMPLING_HZ, "hann", scaling="spectrum")[1] ** 0.5


def _peak(spectrum, low_hz, high_hz) -> tuple[np.ndarray, np.ndarray]:
  """The largest line between two frequencies, one pair for each row: its place, Hz, and its height."""
  inside = (np.asarray(low_hz)[:, None] <= FREQUENCY) & (np.asarray(high_hz)[:, None] >= FREQUENCY)
  rows = np.where(inside, spectrum, 0.0)
  return FREQUENCY[rows.argmax(axis=1)], rows.max(axis=1)


def _line_hz(window: Window, fault: str) -> np.ndarray:
  index, multiple = LINES[fault]
  return window.orders[:, index] * multiple * window.shaft_hz


@pytest.mark.parametrize("fault", ["outer race", "inner race", "ball"])
def test_the_envelope_of_a_race_or_ball_fault_has_its_line_where_kinematics_and_slip_put_it(windows, fault):
  place = _line_hz(windows[fault], fault)
  found, height = _peak(_envelope_spectrum(windows[fault].signal), 0.9 * place, 1.1 * place)
  _, usual = _peak(_envelope_spectrum(windows["healthy"].signal), 0.9 * place, 1.1 * place)
  ratio = found / place
  right = (ratio > 0.97) & (ratio < 1.01)  # 0 to 2 % of slip, with the line's own width
  assert right.mean() > 0.9
  assert np.median(height / usual) > 2.5
  assert ratio[right].std() > 0.004  # uniform slip of 0 to 2 % has a deviation of 0.0058
  assert ratio[right].mean() == pytest.approx(0.99, abs=0.003)


def test_a_ball_strikes_both_races_in_each_of_its_turns(windows):
  """The larger of the two in turn, so that the line at twice the spin exceeds the one at the spin."""
  spectrum, place = _envelope_spectrum(_alone(windows, "ball")), _line_hz(windows["ball"], "ball")
  twice, once = (_peak(spectrum, 0.97 * share * place, 1.01 * share * place)[1] for share in (1.0, 0.5))
  assert np.median(twice / once) > 1.5


def test_the_noise_of_a_worn_cage_swells_once_per_turn_of_the_cage(windows):
  place = _line_hz(windows["cage"], "cage")
  found, _ = _peak(_envelope_spectrum(_alone(windows, "cage")), 0.5 * place, 1.5 * place)
  np.testing.assert_allclose(found / place, 0.99, atol=0.02 + SAMPLING_HZ / SAMPLES / place.min())


def test_only_an_inner_race_fault_is_modulated_by_the_shaft(windows):
  """McFadden and Smith 1984: the point passes through the load zone once per turn."""
  spectra = {fault: _envelope_spectrum(_alone(windows, fault)) for fault in ("inner race", "outer race")}
  for side in (-1, 1):
    share = {}
    for fault, spectrum in spectra.items():
      place, shaft = _line_hz(windows[fault], fault), windows[fault].shaft_hz
      main = _peak(spectrum, 0.97 * place, 1.01 * place)[1]
      centre = 0.99 * place + side * shaft
      share[fault] = _peak(spectrum, centre - 0.02 * place, centre + 0.02 * place)[1] / main
    assert np.median(share["inner race"]) > 0.5 > 2 * np.median(share["outer race"])


@pytest.mark.parametrize(("fault", "order"), [("imbalance", 1.0), ("misalignment", 2.0)])
def test_imbalance_raises_once_the_shaft_speed_and_misalignment_twice(windows, fault, order):
  spectrum = scipy.signal.periodogram(_alone(windows, fault), SAMPLING_HZ, "hann", scaling="spectrum")[1]
  found, _ = _peak(spectrum, np.zeros(MACHINES), np.full(MACHINES, SAMPLING_HZ))
  np.testing.assert_allclose(found, order * windows[fault].shaft_hz, atol=SAMPLING_HZ / SAMPLES)


def test_only_looseness_has_half_orders(windows):
  shaft = windows["healthy"].shaft_hz

  def height(fault: str, order: float) -> np.ndarray:
    spectrum = scipy.signal.periodogram(_alone(windows, fault), SAMPLING_HZ, "hann", scaling="spectrum")[1]
    return _peak(spectrum, (order - 0.1) * shaft, (order + 0.1) * shaft)[1] ** 0.5

  for order in (0.5, 1.5):
    assert (height("looseness", order) > 0.1 * height("looseness", 1.0)).all()
    for fault in ("imbalance", "misalignment"):
      assert (height(fault, order) < 1e-2 * height(fault, 1.0)).all()


def test_imbalance_grows_with_the_square_of_the_speed(train, windows):
  """Amplitude noise 10^((severity + line_db) / 20) (speed / nominal)^2, times 0.7 to 1.4 in each recording."""
  spectrum = scipy.signal.periodogram(_alone(windows, "imbalance"), SAMPLING_HZ, "flattop", scaling="spectrum")[1]
  amplitude = (2 * spectrum.max(axis=1)) ** 0.5  # a flat-top window reads amplitudes to 0.1 %
  level = train.noise_g * 10 ** ((SEVERITY_DB + train.line_db[:, 0]) / 20)
  wander = amplitude / np.asarray(level * (windows["imbalance"].shaft_hz / train.speed_hz) ** 2)
  assert wander.min() > 0.69
  assert wander.max() < 1.41


@pytest.mark.parametrize("fault", CONDITIONS[1:])
def test_six_more_decibels_of_severity_double_the_fault(train, windows, fault):
  at_ten, at_sixteen = windows[fault].signal, _windows(train, CONDITIONS.index(fault), SEVERITY_DB + 6.0).signal
  healthy = windows["healthy"].signal
  decibel = 20 * np.log10(_rms(at_sixteen - healthy) / _rms(at_ten - healthy))
  np.testing.assert_allclose(decibel, 6.0, atol=1e-2)


def test_a_healthy_machine_has_no_severity(train, windows):
  np.testing.assert_array_equal(_windows(train, 0, 40.0).signal, windows["healthy"].signal)


@pytest.mark.parametrize("fault", list(LINES))
def test_a_bearing_fault_arrives_as_strong_as_severity_path_and_load_say(train, windows, fault):
  """Load between 0.3 and 1 moves the level by 6 (load - 0.65) dB, which is at most 2.1."""
  decibel = 20 * np.log10(_rms(_alone(windows, fault)) / np.asarray(train.noise_g))
  off = decibel - SEVERITY_DB - np.asarray(train.path_db)[:, LINES[fault][0]]
  assert np.abs(off).max() < 2.15
  assert off.std() > 0.5


def test_strikes_ring_at_the_machines_resonances(train, windows):
  frequency, power = scipy.signal.welch(_alone(windows, "outer race"), SAMPLING_HZ, nperseg=1024)
  found = frequency[power.argmax(axis=1)]
  nearest = np.abs(np.asarray(train.resonance_hz) / found[:, None] - 1.0).min(axis=1)
  assert (nearest < 0.05).mean() > 0.9


def test_strikes_go_on_to_the_end_of_a_long_window(windows):
  for fault in LINES:
    alone = _alone(windows, fault)
    last = _rms(alone[:, -SAMPLES // 8 :]) / _rms(alone)
    assert last.min() > 0.3, fault


def test_the_gear_mesh_has_its_line_at_teeth_times_the_shaft_speed(train, windows):
  """Amplitude gear_g (0.5 + load), load 0.3 to 1; where it stands clear of the noise."""
  shaft, teeth = windows["healthy"].shaft_hz, np.asarray(train.gear_teeth)
  spectrum = scipy.signal.periodogram(windows["healthy"].signal, SAMPLING_HZ, "flattop", scaling="spectrum")[1]
  _, power = _peak(spectrum, (teeth - 0.2) * shaft, (teeth + 0.2) * shaft)
  mesh = np.asarray(train.gear_g)[:, 0]
  ratio = ((2 * power) ** 0.5 / mesh)[mesh > 0.015]
  assert len(ratio) > 10
  assert ratio.min() > 0.7
  assert ratio.max() < 1.7


def test_background_noise_has_its_level_and_falls_by_its_tilt_to_the_nyquist_frequency(train):
  still = train._replace(impact_db=train.impact_db - 200.0, line_g=0 * train.line_g, gear_g=0 * train.gear_g)
  signal = _windows(still, 0, SEVERITY_DB).signal
  np.testing.assert_allclose(_rms(signal), train.noise_g, rtol=1e-3)
  frequency, power = scipy.signal.welch(signal, SAMPLING_HZ, nperseg=512)
  inside = slice(4, -4)
  slope = np.polyfit(frequency[inside] / (SAMPLING_HZ / 2), 10 * np.log10(power[:, inside]).T, 1)[0]
  np.testing.assert_allclose(slope, -np.asarray(train.noise_tilt_db), atol=1.5)


def test_impacts_of_the_process_are_as_loud_as_the_machine_says(train, windows):
  without = _windows(train._replace(impact_db=train.impact_db - 200.0), 0, SEVERITY_DB)
  level = _rms(np.asarray(windows["healthy"].signal, np.float64) - without.signal) / np.asarray(train.noise_g)
  happened = level > 1e-3
  assert happened.mean() > 0.7
  found = 20 * np.log10(level[happened])
  np.testing.assert_allclose(found, np.asarray(train.impact_db)[happened], atol=0.1)


def test_severities_are_incipient_moderate_and_severe_with_something_between(train, monkeypatch):
  monkeypatch.setattr(fleet, "record", lambda key, m, condition, severity_db, samples: severity_db)
  keys = jax.random.split(jax.random.key(3), 900)
  first = jax.tree.map(lambda leaf: leaf[0], train)
  found = np.asarray(jax.vmap(lambda key: fleet.recorded(key, first, jnp.int32(1), lambda level: level, 8))(keys))
  for level in fleet.SEVERITIES_DB:
    near = found[np.abs(found - level) <= 2.0] - level
    assert abs(len(near) - 300) < 5 * 200**0.5
    assert near.std() == pytest.approx(4 / 12**0.5, rel=0.1)
  assert min(fleet.SEVERITIES_DB) - 2 <= found.min() < found.max() <= max(fleet.SEVERITIES_DB) + 2


def test_an_endless_fleet_asks_other_recordings_of_the_same_machine_than_it_labels(monkeypatch):
  """A recording is told by its key, its machine and its condition."""
  told = lambda key, m, condition, view, samples: (jax.random.key_data(key), m.speed_hz, condition)  # noqa: E731
  monkeypatch.setattr(fleet, "recorded", told)
  sample = jax.jit(jax.vmap(fleet.family("test", shots=2, queries=3).sample))
  episode = jax.tree.map(np.asarray, sample(jax.random.split(jax.random.key(0), 100)))
  sides = zip(episode.support.x, episode.query.x, strict=True)
  keys, speed, condition = (np.concatenate(both, axis=1) for both in sides)
  assert all(len(np.unique(one, axis=0)) == 5 * len(CONDITIONS) for one in keys)
  np.testing.assert_array_equal(condition, np.concatenate([episode.support.y, episode.query.y], axis=1))
  np.testing.assert_array_equal(speed, np.broadcast_to(episode.task.speed_hz[:, None], speed.shape))
  low, high = RANGES["test"].speed_hz
  assert low <= speed.min() < low + 0.1 * (high - low)
  assert high - 0.1 * (high - low) < speed.max() <= high
  assert episode.support.mask.all() and episode.query.mask.all()


def test_a_healthy_machine_vibrates_by_tenths_of_a_g(windows):
  rms = _rms(windows["healthy"].signal)
  assert 0.02 < rms.min() < rms.max() < 0.5


def test_every_recording_has_its_own_speed_near_the_nominal_one(train, windows):
  ratio = windows["healthy"].shaft_hz / np.asarray(train.speed_hz)
  assert 0.85 <= ratio.min() < 0.9
  assert 1.1 < ratio.max() <= 1.15


@pytest.mark.parametrize("split", list(RANGES))
def test_machines_keep_to_the_ranges_of_their_split(split):
  """BPFO + BPFI is the number of balls; FTF = (1 - g) / 2 and BSF = (1 - g^2) / (2 d) give d, g = d cos(contact)."""
  ranges = RANGES[split]
  m = jax.tree.map(np.asarray, machines(jax.random.split(jax.random.key(2), 400), ranges))
  outer, inner, spin, cage = m.orders.T.astype(np.float64)
  balls, g = outer + inner, 1 - 2 * cage
  ratio = (1 - g**2) / (2 * spin)
  np.testing.assert_allclose(balls, balls.round(), atol=1e-4)
  np.testing.assert_allclose(outer, balls * cage, rtol=1e-5)  # each ball passes the outer race once per cage turn
  assert set(balls.round().astype(int).tolist()) == set(ranges.balls)
  contact = np.rad2deg(np.arccos(np.clip(g / ratio, -1, 1)))
  spans = {"diameter_ratio": ratio, "contact_deg": contact, "speed_hz": m.speed_hz}
  for name, found in spans.items():
    low, high = getattr(ranges, name)
    slack = 0.02 * (high - low)  # the arc cosine of a float32 near 1 is good to 0.05 degrees
    assert low - slack <= found.min() < low + 3 * slack, name
    assert high - 3 * slack < found.max() <= high + slack, name


def test_no_two_numbers_of_a_machine_are_drawn_together():
  """Rank correlations of 4,096 independent draws have a deviation of 1 / 64."""
  m = machines(jax.random.split(jax.random.key(5), 4096), RANGES["train"])
  # The others of these three follow from their first.
  apart = m._replace(orders=m.orders[:, :1], line_g=m.line_g[:, :1], gear_g=m.gear_g[:, :1])
  columns = np.concatenate([np.asarray(leaf).reshape(4096, -1) for leaf in apart], axis=1)
  ranks = scipy.stats.spearmanr(columns).statistic
  assert np.abs(ranks[np.triu_indices(len(ranks), 1)]).max() < 0.1


def test_bearings_and_speeds_of_the_test_machines_were_never_trained_on():
  assert not set(RANGES["train"].balls) & {*RANGES["validation"].balls, *RANGES["test"].balls}
  assert RANGES["test"].speed_hz[0] >= RANGES["train"].speed_hz[1]


def whole(window: Window) -> Window:
  return window


@pytest.fixture(scope="module")
def small():
  return fleet.pool(jax.random.key(5), "train", machines=5, recordings=9, view=whole)  # 360 windows: two calls


def test_a_pool_is_a_function_of_its_key(small):
  same = fleet.pool(jax.random.key(5), "train", machines=5, recordings=9, view=whole)
  jax.tree.map(np.testing.assert_array_equal, same, small)
  other = fleet.pool(jax.random.key(6), "train", machines=5, recordings=9, view=whole)
  assert not np.isclose(other.x.shaft_hz, small.x.shaft_hz, rtol=1e-6).any()


def test_a_pool_does_not_depend_on_how_many_windows_are_made_at_once(small, monkeypatch):
  monkeypatch.setattr(fleet, "_AT_ONCE", 50)
  again = fleet.pool(jax.random.key(5), "train", machines=5, recordings=9, view=whole)
  jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-4), again, small)


def test_no_two_windows_of_a_pool_are_one_recording(small):
  assert len(np.unique(small.recording)) == small.recording.size
  signals = np.asarray(small.x.signal).reshape(-1, small.x.signal.shape[-1])
  similar = np.corrcoef(signals) - np.eye(len(signals))
  assert np.abs(similar).max() < 0.999
  assert len(np.unique(small.x.shaft_hz)) == small.recording.size


def test_each_row_of_a_pool_is_one_machine_in_the_condition_of_its_column(small):
  orders = np.asarray(small.x.orders)
  assert (orders == orders[:, :1, :1]).all()
  assert len(np.unique(orders[:, 0, 0], axis=0)) == 5
  raised = _rms(small.x.signal).mean(axis=(0, 2))
  assert (raised[1:] > raised[0]).all()


def test_the_shaft_lines_that_stand_out_name_the_condition(small):
  samples = small.x.signal.shape[-1]
  amplitude = np.abs(np.fft.rfft(np.asarray(small.x.signal) * np.hanning(samples)))
  for condition, order in (("imbalance", 1.0), ("misalignment", 2.0), ("looseness", 5.5)):
    at = np.rint(order * np.asarray(small.x.shaft_hz) / SAMPLING_HZ * samples).astype(int)
    line = np.take_along_axis(amplitude, at[..., None], axis=-1).mean(axis=(0, 2, 3))
    assert CONDITIONS[int(line.argmax())] == condition


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_window_of_two_hundred_machines_is_finite_and_of_a_bearing_of_its_split(split):
  pool = fleet.pool(jax.random.key(7), split, machines=200, recordings=1, view=whole)
  assert bool(pool.mask.all())
  assert pool.x.signal.shape == (200, len(CONDITIONS), 1, 2048)
  assert float(_rms(pool.x.signal).min()) > 0.01
  assert float(np.abs(pool.x.signal).max()) < 50.0
  outer, inner = np.asarray(pool.x.orders)[..., 0], np.asarray(pool.x.orders)[..., 1]
  assert set((outer + inner).round().astype(int).ravel().tolist()) == set(RANGES[split].balls)


def test_episodes_of_a_fleet_are_drawn_inside_jit(small):
  family = few_shot(small, shots=2, queries=3)
  episode = jax.jit(jax.vmap(family.sample))(jax.random.split(jax.random.key(0), 4))
  assert episode.support.x.signal.shape == (4, 2 * len(CONDITIONS), 2048)
  assert bool(jnp.isfinite(episode.query.x.signal).all())
