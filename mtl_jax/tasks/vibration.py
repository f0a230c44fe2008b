"""What a vibration engineer knows: bearing orders, envelopes, spectra, features.

A `Window` is what a condition-monitoring system stores: a stretch of acceleration, the
sampling rate, the shaft speed (tachometer or nameplate) and the bearing's characteristic
orders (from its catalogue). Functions here take one window; batch them with `jax.vmap`.

Sources: R. B. Randall, J. Antoni, "Rolling element bearing diagnostics: a tutorial",
Mech. Syst. Signal Process. 25 (2011) 485-520: eq. 1-4 the characteristic frequencies,
section 5 the squared envelope spectrum.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.linalg import signal_at_a_time
from mtl_jax.types import Array


class Window(NamedTuple):
  """A stretch of vibration and what is known about it."""

  signal: Array  # (samples,) acceleration, g
  sampling_hz: Array  # ()
  shaft_hz: Array  # () shaft revolutions per second
  orders: Array  # (4,) BPFO, BPFI, BSF, FTF, per shaft revolution


def characteristic_orders(balls, diameter_ratio, contact_rad) -> Array:
  """BPFO, BPFI, BSF, FTF in events per shaft revolution, shape (4,).

  Args:
    balls: number of rolling elements.
    diameter_ratio: ball diameter over pitch diameter, dimensionless.
    contact_rad: contact angle, rad.

  Source: Randall and Antoni 2011, eq. 1-4 (outer race fixed). A ball fault strikes twice
  a spin, so its strongest line is usually 2 BSF.
  """
  gamma = diameter_ratio * jnp.cos(contact_rad)
  return jnp.stack(
    [
      0.5 * balls * (1.0 - gamma),
      0.5 * balls * (1.0 + gamma),
      0.5 / diameter_ratio * (1.0 - gamma**2),
      0.5 * (1.0 - gamma),
    ]
  )


def _band_amplitudes(signal: Array, padded: int) -> Array:
  """One-sided amplitude spectrum with a Hann window, (padded // 2 + 1,), unit of the signal."""
  hann = jnp.asarray(np.hanning(signal.shape[0]), signal.dtype)
  lines = signal_at_a_time(lambda x: jnp.fft.rfft(x, padded))((signal - jnp.mean(signal)) * hann)
  return 2.0 * jnp.abs(lines) / jnp.sum(hann)


def squared_envelope(signal: Array, sampling_hz: Array, low_hz: float = 1500.0) -> Array:
  """Squared envelope of the part of `signal` above `low_hz`, (samples,), unit squared.

  The magnitude of the analytic signal (negative frequencies removed), with a smooth
  high-pass that keeps the structural resonances and drops shaft and gear lines.
  Randall and Antoni 2011, section 5.
  """
  samples = signal.shape[0]
  frequency = jnp.fft.rfftfreq(samples) * sampling_hz
  gate = jax.nn.sigmoid((frequency - low_hz) / 100.0)
  # Twice the positive half and nothing of the negative one make the analytic signal; the
  # Nyquist bin of an even length belongs to both.
  halves = np.full(frequency.shape[0], 2.0)
  if samples % 2 == 0:
    halves[-1] = 1.0
  one_sided = signal_at_a_time(jnp.fft.rfft)(signal)
  one_sided = one_sided * (gate * jnp.asarray(halves, gate.dtype)).astype(one_sided.dtype)
  analytic = signal_at_a_time(jnp.fft.ifft)(jnp.pad(one_sided, (0, samples - one_sided.shape[0])))
  return jnp.square(analytic.real) + jnp.square(analytic.imag)


def _at_orders(spectrum: Array, orders: Array, window: Window, padded: int) -> Array:
  """Reads an amplitude spectrum at multiples of the shaft speed, linear between bins."""
  position = jnp.clip(orders * window.shaft_hz / window.sampling_hz * padded, 0.0, padded / 2 - 1.0)
  below = position.astype(jnp.int32)
  share = position - below.astype(position.dtype)
  return spectrum[below] * (1.0 - share) + spectrum[below + 1] * share


def _log_bands(spectrum: Array, bands: int) -> Array:
  """Mean power in equal bands from 0 to the Nyquist frequency, natural log, (bands,)."""
  power = jnp.square(spectrum[1:])
  return jnp.log(jnp.mean(power[: power.shape[0] // bands * bands].reshape(bands, -1), axis=1) + 1e-12)


def _spectra(window: Window) -> tuple[Array, Array, Array, int]:
  """Amplitude spectrum, squared-envelope spectrum over the mean squared envelope, envelope, padded length."""
  padded = 2 * window.signal.shape[0]
  envelope = squared_envelope(window.signal, window.sampling_hz)
  mean = jnp.mean(envelope) + 1e-12
  return _band_amplitudes(window.signal, padded), _band_amplitudes(envelope / mean, padded), envelope, padded


_LOW_ORDERS = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
_SPIN = (1.0, 1.0, 2.0, 1.0)  # a ball fault strikes both races in one spin
_FAULTS = ("bpfo", "bpfi", "bsf", "ftf")
_TIME = ("log_rms", "log_kurtosis", "skewness", "log_crest", "log_shape", "log_impulse")
_BANDS = 12
FEATURE_NAMES: tuple[str, ...] = (
  *_TIME,
  "log_envelope_kurtosis",
  *(f"band_{i}" for i in range(_BANDS)),
  *(f"shaft_{order}x" for order in _LOW_ORDERS),
  *(f"envelope_{fault}_{h}x" for fault in _FAULTS for h in (1, 2, 3, 4)),
  "envelope_shaft_1x",
  "envelope_shaft_2x",
)


def _time_statistics(signal: Array) -> Array:
  """log RMS (g), log kurtosis, skewness, log crest, shape and impulse factors, (6,)."""
  centred = signal - jnp.mean(signal)
  rms = jnp.sqrt(jnp.mean(jnp.square(centred))) + 1e-12
  unit = centred / rms
  peak, mean = jnp.max(jnp.abs(unit)), jnp.mean(jnp.abs(unit)) + 1e-12
  logs = jnp.log(jnp.stack([rms, jnp.mean(unit**4) + 1e-12, peak + 1e-12, 1.0 / mean, peak / mean + 1e-12]))
  return jnp.concatenate([logs[:2], jnp.mean(unit**3)[None], logs[2:]])


def features(window: Window) -> Array:
  """The 44 hand-made features of `FEATURE_NAMES`, (44,).

  Time statistics, log band energies relative to the total, log amplitudes at low shaft
  orders, and log envelope amplitudes at the bearing's characteristic orders and their
  harmonics: what a vibration analyst would compute from the same window, speed and
  catalogue data. Ball lines are read at even multiples of BSF.
  """
  spectrum, envelope_spectrum, envelope, padded = _spectra(window)
  bands = _log_bands(spectrum, _BANDS)
  time = _time_statistics(window.signal)
  envelope_kurtosis = jnp.mean(jnp.square(envelope)) / (jnp.square(jnp.mean(envelope)) + 1e-12)
  low = _at_orders(spectrum, jnp.asarray(_LOW_ORDERS), window, padded)
  lines = (window.orders * jnp.asarray(_SPIN, window.orders.dtype))[:, None] * jnp.arange(1.0, 5.0)[None, :]
  at_faults = _at_orders(envelope_spectrum, lines.reshape(-1), window, padded)
  at_shaft = _at_orders(envelope_spectrum, jnp.asarray([1.0, 2.0]), window, padded)
  return jnp.concatenate(
    [
      time,
      jnp.log(envelope_kurtosis + 1e-12)[None],
      bands - jax.nn.logsumexp(bands),
      jnp.log(low + 1e-6),
      jnp.log(at_faults + 1e-3),
      jnp.log(at_shaft + 1e-3),
    ]
  )


ENVELOPE_ORDERS = np.arange(1, 129) * 0.125  # 0.125 to 16 per revolution
SHAFT_ORDERS = np.arange(1, 49) * 0.25  # 0.25 to 12 per revolution
_FINE_BANDS = 64
SPECTRA_NAMES: tuple[str, ...] = (
  *FEATURE_NAMES,
  *(f"fine_band_{i}" for i in range(_FINE_BANDS)),
  *(f"shaft_order_{order}" for order in SHAFT_ORDERS),
  *(f"envelope_order_{order}" for order in ENVELOPE_ORDERS),
)


def spectra(window: Window) -> Array:
  """`features` beside three log spectra, (284,): what the default models read.

  64 log band energies (Hz), the amplitude spectrum at shaft orders 0.25 to 12 and the
  squared-envelope spectrum at orders 0.125 to 16, so that a machine at another speed
  shows its lines in the same places.
  """
  spectrum, envelope_spectrum, _, padded = _spectra(window)
  bands = _log_bands(spectrum, _FINE_BANDS)
  low = jnp.log(_at_orders(spectrum, jnp.asarray(SHAFT_ORDERS, spectrum.dtype), window, padded) + 1e-6)
  orders = jnp.asarray(ENVELOPE_ORDERS, spectrum.dtype)
  high = jnp.log(_at_orders(envelope_spectrum, orders, window, padded) + 1e-3)
  return jnp.concatenate([features(window), bands - jax.nn.logsumexp(bands), low, high])


def waveform(window: Window) -> Array:
  """The raw signal over its RMS, (samples, 1), for convolutional networks."""
  centred = window.signal - jnp.mean(window.signal)
  return (centred / (jnp.sqrt(jnp.mean(jnp.square(centred))) + 1e-12))[:, None]


_LINES = ("outer race", "inner race", "ball", "cage")  # as in `Window.orders`
_SLIP = 0.02  # rolling elements slip, so a line lies within 1 to 2 % of its kinematic place


def envelope_rule(window: Window, classes: tuple[str, ...], among: tuple[str, ...]) -> Array:
  """What a technician reads off without training: the fault whose envelope line stands out most.

  Args:
    classes: names in the order of the labels.
    among: the faults to choose from, of "outer race", "inner race", "ball" (read at twice
      BSF) and "cage".

  Returns: (len(classes),), the log of the largest squared-envelope amplitude within 2 % of
    the fault's first line; -inf for a class that is not in `among`.

  Raises: ValueError if a name in `among` has no line or is not a class.

  Source: Randall and Antoni 2011, section 5.
  """
  for name in among:
    if name not in _LINES or name not in classes:
      raise ValueError(f"'{name}' is no class of {classes} with a line among {', '.join(_LINES)}")
  _, envelope_spectrum, _, padded = _spectra(window)
  stretch = jnp.linspace(1.0 - _SLIP, 1.0 + _SLIP, 9)
  lines = window.orders * jnp.asarray(_SPIN, window.orders.dtype)
  peaks = jnp.max(_at_orders(envelope_spectrum, (lines[:, None] * stretch[None, :]), window, padded), axis=1)
  scores = [jnp.log(peaks[_LINES.index(name)] + 1e-12) if name in among else -jnp.inf for name in classes]
  return jnp.stack([jnp.asarray(score, peaks.dtype) for score in scores])


class Viewed(NamedTuple):
  """What is kept of a window: the network's input and the features of the baselines."""

  input: Array
  features: Array


def viewed(view: Callable[[Window], Array]) -> Callable[[Window], Viewed]:
  """A view that keeps `view(window)` beside `features(window)`, so that all methods see one draw."""

  def both(window: Window) -> Viewed:
    return Viewed(view(window), features(window))

  return both
