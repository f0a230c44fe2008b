"""One rotating machine: its constants, and recordings of it in any condition, generated inside jit from a key.

Its bearing geometry, speed range, structural resonances, transmission paths, baseline vibration
and noise are drawn once and stand in `Machine`; a recording adds its own speed, load, severity,
slip and noise.

The signal is the standard model of localised bearing faults:

  x(t) = sum_k a_k h(t - t_k) + shaft lines + gear lines + noise

- t_k: intervals 1 / (order f_shaft) with random slip, t_{k+1} - t_k = T (1 + N(0, s^2)):
  J. Antoni, R. B. Randall, "A stochastic model for simulation and diagnostics of rolling
  element bearings with localized faults", J. Vib. Acoust. 125 (2003) 282-289, eq. 5-7.
  Orders: Randall and Antoni 2011, eq. 1-4 (`vibration.characteristic_orders`).
- a_k: the load where the contact strikes; Stribeck's load distribution
  q(phi) = (1 - (1 - cos phi) / (2 e))^1.5 inside the load zone, else 0. It modulates an
  inner-race fault at the shaft's rate and a ball fault at the cage's, and leaves an
  outer-race fault constant: P. D. McFadden, J. D. Smith, "Model for the vibration
  produced by a single point defect in a rolling element bearing", J. Sound Vib. 96
  (1984) 69-82, eq. 4-9.
- h: damped resonances in acceleration, H(f) = sum_m g_m f_m^2 / (f_m^2 - f^2 + 2 i z_m f f_m),
  with gains g_m that differ between the places where a fault can sit.
- imbalance raises the line at 1x, misalignment 2x (1x and 3x less), looseness the
  half-orders and a comb of harmonics: R. B. Randall, "Vibration-based Condition
  Monitoring" (Wiley, 2nd ed. 2021), section 2.2. A worn cage rubs: noise through the
  structure, modulated at FTF (section 5.4 ibid.).
"""

import dataclasses
import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.linalg import signal_at_a_time
from mtl_jax.tasks.vibration import Window, characteristic_orders
from mtl_jax.types import Array

CONDITIONS = (
  "healthy",
  "outer race",
  "inner race",
  "ball",
  "cage",
  "imbalance",
  "misalignment",
  "looseness",
)
SAMPLING_HZ = 12_000.0
_STRIKES_HZ = 750.0  # room for strikes; the fastest fault makes 420 a second
_IMPACTS_HZ = 93.75  # room for the impacts of the process; at most 30 a second are usual
_LINES = 10  # harmonics of the shaft
_MOST = 15  # numbers of a machine that are drawn under one key
_INSIDE = 1.0 - 2.0**-24  # the largest float32 below 1


@dataclasses.dataclass(frozen=True)
class Ranges:
  """What machines are drawn from.

  Attributes:
    balls: numbers of rolling elements that occur.
    diameter_ratio: ball over pitch diameter, low and high.
    contact_deg: contact angle, degrees.
    speed_hz: nominal shaft speed, revolutions per second.
  """

  balls: tuple[int, ...]
  diameter_ratio: tuple[float, float]
  contact_deg: tuple[float, float]
  speed_hz: tuple[float, float]


class Machine(NamedTuple):
  """The constants of one machine: the task."""

  orders: Array  # (4,) BPFO, BPFI, BSF, FTF per revolution, from the geometry
  speed_hz: Array  # () nominal shaft speed
  resonance_hz: Array  # (3,) natural frequencies of the structure
  damping: Array  # (3,) damping ratios
  path_gain: Array  # (5, 3) gain of each resonance from outer race, inner race, ball, cage, process
  path_db: Array  # (4,) how much stronger or weaker than usual each bearing fault arrives, dB
  line_g: Array  # (10,) amplitude of shaft harmonics 1x..10x of the healthy machine, g
  line_db: Array  # (3,) the same for imbalance, misalignment, looseness, dB
  gear_teeth: Array  # ()
  gear_g: Array  # (2,) amplitude of the mesh line and of its sidebands, g
  noise_g: Array  # () RMS of the background noise, g
  noise_tilt_db: Array  # () fall of the noise from 0 to the Nyquist frequency, dB
  impact_rate_hz: Array  # () random impacts from the process around it
  impact_db: Array  # () their level over the noise, dB
  load_zone: Array  # () Stribeck's e at full load, 0.2 to 0.5
  fault_angle_rad: Array  # () where an outer-race fault sits in the load zone


def _uniforms(keys: Array, most: int) -> Callable[..., Array]:
  """uniform(low, high, shape=()) of at most so many numbers, each call under the next key.

  One draw for all: twenty small ones take three times as long to compile.
  """
  unit = iter(jax.vmap(lambda key: jax.random.uniform(key, (most,)))(keys))

  def uniform(low, high, shape=()) -> Array:
    return low + (high - low) * next(unit)[: math.prod(shape)].reshape(shape)

  return uniform


def _gain(decibel: Array) -> Array:
  return 10.0 ** (decibel / 20.0)


def machine(key: Array, ranges: Ranges) -> Machine:
  """Draws one machine."""
  keys = jax.random.split(key, 24)
  balls = jax.random.choice(keys[0], jnp.asarray(ranges.balls, jnp.float32))
  uniform = _uniforms(keys[1:], _MOST)

  def log_uniform(low: float, high: float, shape=()) -> Array:
    return jnp.exp(uniform(math.log(low), math.log(high), shape))

  ratio = uniform(*ranges.diameter_ratio)
  contact = jnp.deg2rad(uniform(*ranges.contact_deg))
  lines = log_uniform(0.004, 0.08) / jnp.arange(1.0, _LINES + 1.0) ** uniform(0.3, 1.5)
  return Machine(
    orders=characteristic_orders(balls, ratio, contact),
    speed_hz=uniform(*ranges.speed_hz),
    resonance_hz=jnp.asarray([2000.0, 3200.0, 4600.0]) * uniform(0.7, 1.25, (3,)),
    damping=log_uniform(0.015, 0.08, (3,)),
    path_gain=log_uniform(0.1, 1.0, (5, 3)),
    path_db=uniform(-6.0, 6.0, (4,)),
    line_g=lines * log_uniform(0.4, 2.5, (_LINES,)),
    line_db=uniform(-6.0, 6.0, (3,)),
    gear_teeth=jnp.round(uniform(15.0, 45.0)),
    gear_g=log_uniform(0.003, 0.05) * jnp.stack([1.0, uniform(0.1, 0.5)]),
    noise_g=log_uniform(0.03, 0.12),
    noise_tilt_db=uniform(0.0, 20.0),
    impact_rate_hz=log_uniform(1.0, 30.0),
    impact_db=uniform(-15.0, 3.0),
    load_zone=uniform(0.25, 0.5),
    fault_angle_rad=uniform(-0.8, 0.8),
  )


def _stribeck(angle: Array, extent: Array) -> Array:
  """Load at `angle` from the load direction, 1 at its centre, 0 outside the zone."""
  inside = jnp.maximum(1.0 - (1.0 - jnp.cos(angle)) / (2.0 * extent), 0.0)
  return inside**1.5


def _impulses(times: Array, amplitudes: Array, samples: int) -> Array:
  """A train of impulses on the sampling grid, each shared linearly between two samples."""
  position = times * SAMPLING_HZ
  inside = (position >= 0.0) & (position < samples - 1.0)
  below = jnp.where(inside, position, 0.0).astype(jnp.int32)
  share = jnp.where(inside, position - below.astype(position.dtype), 0.0)
  amplitude = jnp.where(inside, amplitudes, 0.0)
  train = jnp.zeros((samples,)).at[below].add(amplitude * (1.0 - share))
  return train.at[below + 1].add(amplitude * share)


def _complex(x: Array) -> Array:
  return x.astype(jnp.complex64)


def _cis(angle: Array) -> Array:
  """exp(i angle); of a complex argument it takes up to three times as long."""
  return jax.lax.complex(jnp.cos(angle), jnp.sin(angle))


def _response(m: Machine, place: Array, frequency: Array) -> Array:
  """H(f) from a place (row of `path_gain`) to the sensor, complex (bins,)."""
  real, imaginary = jnp.zeros_like(frequency), jnp.zeros_like(frequency)
  for fm, z, gain in zip(m.resonance_hz, m.damping, m.path_gain[place], strict=True):
    # 1 / (a + i b) = (a - i b) / (a^2 + b^2), which a complex division does at five times the cost.
    a, b = fm**2 - frequency**2, 2.0 * z * frequency * fm
    scale = gain * fm**2 / (a**2 + b**2)
    real, imaginary = real + scale * a, imaginary - scale * b
  return jax.lax.complex(real, imaginary)


def _unit_rms(signal: Array) -> Array:
  return signal / (jnp.sqrt(jnp.mean(jnp.square(signal))) + 1e-12)


def record(key: Array, m: Machine, condition: Array, severity_db: Array, samples: int) -> Window:
  """One recording of machine `m` in `condition` (index into CONDITIONS).

  Args:
    key: draws speed, load, slip, phases and noise.
    m: the machine.
    condition: () int.
    severity_db: () size of the fault's signature over its usual size, dB.
    samples: length of the window; it lasts samples / 12000 s.
  """
  time = jnp.arange(samples, dtype=jnp.float32) / SAMPLING_HZ
  frequency = jnp.fft.rfftfreq(samples) * SAMPLING_HZ
  events, bumps = (math.ceil(samples * rate / SAMPLING_HZ) for rate in (_STRIKES_HZ, _IMPACTS_HZ))
  keys = jax.random.split(key, 16)
  uniform = _uniforms(keys[jnp.asarray([0, 1, 2, 3, 4, 6, 9, 10, 11, 12])], max(bumps, 2 * _LINES + 3))
  jitters, heights = jax.vmap(lambda key: jax.random.normal(key, (events,)))(keys[jnp.asarray([5, 7])])
  noises = jax.random.normal(keys[8], (2, samples))

  speed = m.speed_hz * uniform(0.85, 1.15)
  load = uniform(0.3, 1.0)
  shaft_phase = uniform(0.0, 2 * jnp.pi)

  # Bearing faults: condition 1 outer, 2 inner, 3 ball (two strikes a spin), 4 cage.
  bearing = (condition >= 1) & (condition <= 4)
  place = jnp.clip(condition - 1, 0, 3)
  slip = 1.0 - uniform(0.0, 0.02)
  order = m.orders[place] * jnp.asarray([1.0, 1.0, 2.0, 1.0])[place]
  interval = 1.0 / (order * speed * slip)
  jitter = 1.0 + uniform(0.003, 0.02) * jitters
  strikes = jnp.cumsum(interval * jitter) - interval * uniform(0.0, 1.0)
  extent = m.load_zone * (0.6 + 0.4 * load)
  cage_angle = 2 * jnp.pi * m.orders[3] * speed * slip * strikes + shaft_phase
  zone = jnp.stack(
    [
      jnp.full((events,), 0.3) + 0.7 * _stribeck(m.fault_angle_rad, extent),
      0.08 + _stribeck(2 * jnp.pi * speed * strikes + shaft_phase, extent),
      (0.15 + _stribeck(cage_angle, extent)) * jnp.where(jnp.arange(events) % 2 == 0, 1.0, 0.6),
      jnp.zeros((events,)),
    ]
  )[place]
  strength = zone * (1.0 + 0.15 * heights)
  rub_envelope = jnp.maximum(jnp.cos(2 * jnp.pi * m.orders[3] * speed * slip * time + shaft_phase), 0.0) ** 2
  excitation = jnp.where(condition == 4, rub_envelope * noises[0], _impulses(strikes, strength, samples))
  fault_level = m.noise_g * _gain(severity_db + m.path_db[place] + 6.0 * (load - 0.65))
  fault_level = jnp.where(bearing, fault_level, 0.0)

  # Random impacts of the process, through its own path.
  impacts = jnp.cumsum(-jnp.log1p(-uniform(0.0, 1.0, (bumps,)))) / m.impact_rate_hz
  sides = uniform(-1.0, 1.0, (bumps,))  # Laplace's distribution, by its inverse
  impact_train = _impulses(impacts, jnp.sign(sides) * jnp.log1p(-jnp.minimum(jnp.abs(sides), _INSIDE)), samples)
  tilt = _gain(-m.noise_tilt_db * frequency / (SAMPLING_HZ / 2))
  through = signal_at_a_time(lambda x, response: jnp.fft.irfft(jnp.fft.rfft(x) * response, samples))
  # Not as one stack of three: to fill it costs more than all the rest.
  fault = _unit_rms(through(excitation, _response(m, place, frequency)))
  bumpy = through(impact_train, _response(m, jnp.asarray(4), frequency))
  hiss = through(noises[1], _complex(tilt))
  happened = jnp.sum(jnp.abs(impact_train)) > 0
  noise = m.noise_g * (_unit_rms(hiss) + jnp.where(happened, _gain(m.impact_db) * _unit_rms(bumpy), 0.0))

  # Shaft and gear lines; conditions 5 imbalance, 6 misalignment, 7 looseness raise some.
  harmonic = jnp.arange(1.0, _LINES + 1.0)
  usual = m.noise_g * _gain(severity_db + m.line_db[jnp.clip(condition - 5, 0, 2)])
  squared_speed = (speed / m.speed_hz) ** 2
  pattern = jnp.stack(
    [
      jnp.zeros(_LINES).at[0].set(squared_speed),
      jnp.zeros(_LINES).at[:4].set(jnp.asarray([0.5, 1.0, 0.4, 0.2])) * (0.7 + 0.6 * load),
      0.45 / harmonic**0.5,
    ]
  )[jnp.clip(condition - 5, 0, 2)]
  added = jnp.where(condition >= 5, usual, 0.0)
  halves = jnp.where(condition == 7, 0.35 * added, 0.0) / harmonic**0.5
  amplitude = jnp.stack([halves, m.line_g * squared_speed + added * pattern], axis=1).reshape(-1)
  phases = uniform(0.0, 2 * jnp.pi, (2 * _LINES + 3,))
  wander = jnp.exp(uniform(math.log(0.7), math.log(1.4), (2 * _LINES,)))
  gear = m.gear_g[jnp.asarray([1, 0, 1])] * (0.5 + load)
  # Lines at orders 0.5, 1, ..., 10 are a polynomial in exp(i angle / 2); gear lines sit around the mesh.
  angle = 2 * jnp.pi * speed * time
  half_turn = _cis(0.5 * angle)
  coefficient = _complex(jnp.concatenate([amplitude * wander, gear])) * _cis(phases)
  lines = jnp.zeros_like(half_turn)
  for c in coefficient[: 2 * _LINES][::-1]:
    lines = (lines + c) * half_turn
  turn = half_turn * half_turn
  low, mesh, high = coefficient[2 * _LINES :]
  lines += _cis(m.gear_teeth * angle) * (low * jnp.conj(turn) + mesh + high * turn)
  return Window(fault_level * fault + noise + lines.imag, jnp.asarray(SAMPLING_HZ), speed, m.orders)
