"""Vibration features against published figures, SciPy and signals known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.fft
import scipy.signal
import scipy.stats

from mtl_jax.tasks import vibration
from mtl_jax.tasks.vibration import FEATURE_NAMES, Window

RATE, SHAFT, SAMPLES = 12_000.0, 30.0, 2048
features, spectra = jax.jit(vibration.features), jax.jit(vibration.spectra)
rule = jax.jit(vibration.envelope_rule, static_argnums=(1, 2))
ORDERS = np.asarray([3.5848, 5.4152, 2.3568, 0.3983], np.float32)


def window(signal) -> Window:
  return Window(jnp.asarray(signal, jnp.float32), jnp.float32(RATE), jnp.float32(SHAFT), jnp.asarray(ORDERS))


def noise(seed: int = 0) -> np.ndarray:
  return np.random.default_rng(seed).standard_t(5, SAMPLES)


def feature(values, *names: str) -> np.ndarray:
  return np.asarray(values)[[FEATURE_NAMES.index(name) for name in names]]


def modulated(order: float) -> np.ndarray:
  """A 4 kHz resonance whose amplitude follows `order` times the shaft."""
  t = np.arange(SAMPLES) / RATE
  return (1.0 + 0.8 * np.cos(2 * np.pi * order * SHAFT * t)) * np.cos(2 * np.pi * 4000.0 * t)


def test_characteristic_orders_are_the_published_ones_of_the_skf_6205():
  outer, inner, spin, cage = np.asarray(
    vibration.characteristic_orders(jnp.float32(9), jnp.float32(0.3126 / 1.537), jnp.float32(0.0))
  )
  assert [inner, outer, cage, 2 * spin] == pytest.approx([5.4152, 3.5848, 0.39828, 4.7135], abs=2e-4)


def test_a_contact_angle_brings_outer_and_inner_orders_together_around_half_the_balls():
  at = [vibration.characteristic_orders(jnp.float32(9), jnp.float32(0.2), jnp.float32(a)) for a in (0.0, 0.5)]
  assert float(at[1][1] - at[1][0]) < float(at[0][1] - at[0][0])
  assert float(at[1][1] + at[1][0]) == pytest.approx(9.0, abs=1e-5)


def test_the_contact_angle_is_in_radians():
  """At 60 degrees and a ratio of 0.2, d cos(contact) is 0.1."""
  found = vibration.characteristic_orders(jnp.float32(9), jnp.float32(0.2), jnp.float32(np.pi / 3))
  assert np.asarray(found).tolist() == pytest.approx([4.05, 4.95, 2.5 * 0.99, 0.45], rel=1e-5)


def test_squared_envelope_is_that_of_the_hilbert_transform_on_a_band_above_the_cut():
  spectrum = np.fft.rfft(noise())
  frequency = np.fft.rfftfreq(SAMPLES, 1 / RATE)
  # The gate is a sigmoid 100 Hz wide at 1.5 kHz, so 3 kHz passes to within exp(-15).
  band = np.fft.irfft(np.where((frequency > 3000) & (frequency < 4500), spectrum, 0))
  found = vibration.squared_envelope(jnp.asarray(band, jnp.float32), jnp.float32(RATE))
  expected = np.abs(np.asarray(scipy.signal.hilbert(band))) ** 2
  np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


@pytest.mark.parametrize("samples", [256, 255])
def test_squared_envelope_up_to_the_nyquist_frequency_is_that_of_the_hilbert_transform(samples):
  signal = np.random.default_rng(1).normal(size=samples)
  centred = signal - signal.mean()  # DC counts twice here and once in SciPy, were there any
  found = vibration.squared_envelope(jnp.asarray(centred, jnp.float32), jnp.float32(RATE), low_hz=-5000.0)
  np.testing.assert_allclose(found, np.abs(np.asarray(scipy.signal.hilbert(centred))) ** 2, rtol=1e-3, atol=1e-4)


def test_time_statistics_are_scipys():
  signal = noise() + 0.3
  values = features(window(signal))
  rms, kurtosis, skewness = feature(values, "log_rms", "log_kurtosis", "skewness")
  assert np.exp(rms) == pytest.approx(signal.std(), rel=1e-4)
  assert np.exp(kurtosis) == pytest.approx(scipy.stats.kurtosis(signal, fisher=False), rel=1e-4)
  assert skewness == pytest.approx(scipy.stats.skew(signal), abs=1e-4)


def test_factors_of_a_sine_are_the_textbook_ones():
  """Crest sqrt(2), shape pi / (2 sqrt 2), impulse pi / 2."""
  sine = np.sin(2 * np.pi * 63 * np.arange(SAMPLES) / SAMPLES)
  values = features(window(sine))
  found = np.exp(feature(values, "log_crest", "log_shape", "log_impulse"))
  assert found == pytest.approx([2**0.5, np.pi / 8**0.5, np.pi / 2], rel=1e-3)


def test_log_band_energies_are_the_share_of_scipys_power_spectrum():
  signal = noise()
  tapered = (signal - signal.mean()) * np.hanning(SAMPLES)
  power = np.abs(np.asarray(scipy.fft.rfft(tapered, 2 * SAMPLES))) ** 2
  power = power[1:]
  share = np.asarray([band.sum() for band in np.split(power[: power.size // 12 * 12], 12)])
  found = feature(features(window(signal)), *(f"band_{i}" for i in range(12)))
  np.testing.assert_allclose(np.exp(found), share / share.sum(), rtol=1e-3)


@pytest.mark.parametrize(("fault", "order"), [("bpfo", 3.5848), ("bpfi", 5.4152), ("bsf", 4.7136)])
def test_an_amplitude_modulated_carrier_shows_its_line_at_its_fault(fault, order):
  values = features(window(modulated(order)))
  first = {name: feature(values, f"envelope_{name}_1x")[0] for name in ("bpfo", "bpfi", "bsf", "ftf")}
  assert max(first, key=lambda name: first[name]) == fault
  # (1 + m cos)^2 / 2 over its mean has amplitude 2 m / (1 + m^2 / 2); interpolation loses a little.
  assert np.exp(first[fault]) == pytest.approx(2 * 0.8 / (1 + 0.32), rel=0.05)


@pytest.mark.parametrize("times", [1, 2, 3, 4])
@pytest.mark.parametrize(("fault", "order"), [("bpfo", 3.5848), ("bpfi", 5.4152), ("bsf", 4.7136)])
def test_each_envelope_feature_reads_its_own_harmonic(fault, order, times):
  values = features(window(modulated(order * times)))
  names = [f"envelope_{fault}_{h}x" for h in (1, 2, 3, 4)]
  found = feature(values, *names)
  assert found.argmax() == times - 1
  assert np.exp(found[times - 1]) == pytest.approx(2 * 0.8 / (1 + 0.32), rel=0.05)


@pytest.mark.parametrize("times", [1, 2])
def test_the_envelope_at_the_shafts_speed_and_at_twice_it_are_told_apart(times):
  found = feature(features(window(modulated(times))), "envelope_shaft_1x", "envelope_shaft_2x")
  assert np.exp(found[times - 1]) == pytest.approx(2 * 0.8 / (1 + 0.32), rel=0.1)  # between two bins
  assert np.exp(found).sum() - np.exp(found[times - 1]) < 0.6


def test_the_kurtosis_of_an_envelope_is_the_one_in_closed_form():
  """Of (1 + m cos)^2: E[.^2] / E[.]^2 = (1 + 3 m^2 + 3 m^4 / 8) / (1 + m^2 / 2)^2."""
  (found,) = feature(features(window(modulated(64 * RATE / SAMPLES / SHAFT))), "log_envelope_kurtosis")
  assert np.exp(found) == pytest.approx((1 + 3 * 0.64 + 3 * 0.4096 / 8) / 1.32**2, rel=0.02)


def test_what_lies_below_the_resonances_does_not_reach_the_envelope():
  """A loud 600 Hz tone that swells at the outer race's rate, and a faint 4 kHz one at the inner race's."""
  t = np.arange(SAMPLES) / RATE
  loud = (1.0 + 0.8 * np.cos(2 * np.pi * 3.5848 * SHAFT * t)) * np.cos(2 * np.pi * 600.0 * t)
  scores = rule(window(10.0 * loud + modulated(5.4152)), CLASSES, ("inner race", "outer race"))
  assert CLASSES[int(jnp.argmax(scores))] == "inner race"


def test_the_fine_bands_are_shares_of_the_power_in_the_order_of_frequency():
  values = np.asarray(spectra(window(np.sin(2 * np.pi * 3000.0 * np.arange(SAMPLES) / RATE) + 1e-3 * noise())))
  share = np.exp(values[[i for i, name in enumerate(vibration.SPECTRA_NAMES) if name.startswith("fine_band")]])
  assert share.sum() == pytest.approx(1.0, rel=1e-4)
  assert share[31:33].sum() > 0.99  # 3 kHz is the middle of 0 to 6 kHz


def test_a_view_keeps_the_networks_input_beside_the_features_of_the_baselines():
  kept = jax.jit(vibration.viewed(vibration.waveform))(window(noise()))
  np.testing.assert_allclose(kept.input, vibration.waveform(window(noise())), rtol=1e-5, atol=1e-5)
  np.testing.assert_allclose(kept.features, features(window(noise())), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("order", [2.0, 5.5, 11.0])
def test_the_envelope_part_of_the_spectra_peaks_at_the_modulating_order(order):
  values = np.asarray(spectra(window(modulated(order))))
  envelope = values[-len(vibration.ENVELOPE_ORDERS) :]
  assert vibration.ENVELOPE_ORDERS[envelope.argmax()] == pytest.approx(order)


@pytest.mark.parametrize("order", [1.0, 2.5, 8.0])
def test_the_shaft_part_of_the_spectra_peaks_at_the_order_of_a_sine(order):
  t = np.arange(SAMPLES) / RATE
  values = np.asarray(spectra(window(np.sin(2 * np.pi * order * SHAFT * t))))
  orders = len(vibration.SHAFT_ORDERS)
  low = values[-len(vibration.ENVELOPE_ORDERS) - orders :][:orders]
  assert vibration.SHAFT_ORDERS[low.argmax()] == pytest.approx(order)


def test_features_and_spectra_have_their_stated_lengths_and_stay_finite_on_a_dead_sensor():
  for signal in (noise(), np.zeros(SAMPLES)):
    values, longer = features(window(signal)), spectra(window(signal))
    assert values.shape == (44,) == (len(FEATURE_NAMES),)
    assert longer.shape == (284,)
    assert np.isfinite(longer).all()


def test_only_the_level_changes_when_the_signal_is_scaled():
  one, two = (np.asarray(features(window(gain * noise()))) for gain in (1.0, 2.0))
  level = np.asarray([name == "log_rms" or name.startswith("shaft_") for name in FEATURE_NAMES])
  np.testing.assert_allclose((two - one)[~level], 0.0, atol=1e-3)
  np.testing.assert_allclose((two - one)[level], np.log(2.0), atol=1e-2)


def test_the_waveform_has_unit_rms_and_no_offset():
  values = vibration.waveform(window(5.0 * noise() + 3.0))
  assert values.shape == (SAMPLES, 1)
  assert [float(values.mean()), float(values.std())] == pytest.approx([0.0, 1.0], abs=1e-4)


CLASSES = ("healthy", "ball", "inner race", "outer race")


@pytest.mark.parametrize(("fault", "order"), [("outer race", 3.5848), ("inner race", 5.4152), ("ball", 4.7136)])
@pytest.mark.parametrize("slip", [0.99, 1.0, 1.015])
def test_the_envelope_rule_finds_the_fault_although_elements_slip(fault, order, slip):
  scores = rule(window(modulated(order * slip)), CLASSES, CLASSES[1:])
  assert CLASSES[int(jnp.argmax(scores))] == fault
  assert float(scores[0]) == -np.inf


def test_the_envelope_rule_chooses_among_what_it_is_told():
  scores = rule(window(modulated(4.7136)), CLASSES, ("inner race", "outer race"))
  assert np.isfinite(scores).tolist() == [False, False, True, True]


@pytest.mark.parametrize("name", ["healthy", "cage"])
def test_the_envelope_rule_names_a_fault_it_cannot_judge(name):
  with pytest.raises(ValueError, match=name):
    vibration.envelope_rule(window(noise()), CLASSES, (name,))


def test_a_batch_of_windows_gives_what_each_window_gives():
  batch = jax.tree.map(lambda *leaves: jnp.stack(leaves), window(noise(1)), window(noise(2)))
  together = jax.vmap(spectra)(batch)
  np.testing.assert_allclose(together[1], spectra(window(noise(2))), rtol=1e-4, atol=1e-4)
