"""Branin and Hartmann's functions, the benchmarks of global optimisation, and families of shifted and scaled ones.

L. C. W. Dixon, G. P. Szegoe, "Towards global optimisation 2", 1978, with the constants there. Families as in
M. Volpp et al., "Meta-learning acquisition functions for transfer learning in Bayesian optimization", ICLR 2020:
the value is scale f(u - shift), shifted by up to a tenth of the box and scaled by 0.9 to 1.1.

Least values: Branin 0.397887 at (-pi, 12.275), (pi, 2.275), (9.42478, 2.475); Hartmann 3 -3.86278 at
(0.114614, 0.555649, 0.852547); Hartmann 6 -3.32237 at (0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573).
The value is the negative, to be made large.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.tasks.processes.plant import Outcome, Plant, Setting
from mtl_jax.types import Array

_HEIGHTS = (1.0, 1.2, 3.0, 3.2)
_WIDTHS_3 = ((3.0, 10.0, 30.0), (0.1, 10.0, 35.0), (3.0, 10.0, 30.0), (0.1, 10.0, 35.0))
_CENTRES_3 = ((0.3689, 0.117, 0.2673), (0.4699, 0.4387, 0.747), (0.1091, 0.8732, 0.5547), (0.03815, 0.5743, 0.8828))
_WIDTHS_6 = (
  (10.0, 3.0, 17.0, 3.5, 1.7, 8.0),
  (0.05, 10.0, 17.0, 0.1, 8.0, 14.0),
  (3.0, 3.5, 1.7, 10.0, 17.0, 8.0),
  (17.0, 8.0, 0.05, 10.0, 0.1, 14.0),
)
_CENTRES_6 = (
  (0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886),
  (0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991),
  (0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665),
  (0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381),
)


class Task(NamedTuple):
  """One function of a family."""

  shift: Array  # (d,)
  scale: Array  # ()


def branin_function(u: Array) -> Array:
  """(2,) in [-5, 10] x [0, 15] -> ()."""
  x, y = u
  bend = y - 5.1 / (4.0 * jnp.pi**2) * x * x + 5.0 / jnp.pi * x - 6.0
  return bend * bend + 10.0 * (1.0 - 1.0 / (8.0 * jnp.pi)) * jnp.cos(x) + 10.0


def _hartmann(widths: tuple[tuple[float, ...], ...], centres: tuple[tuple[float, ...], ...]):
  def f(u: Array) -> Array:
    """(d,) in the unit box -> ()."""
    a, p, c = (jnp.asarray(numbers, u.dtype) for numbers in (widths, centres, _HEIGHTS))
    return -jnp.sum(c * jnp.exp(-jnp.sum(a * jnp.square(u[None] - p), axis=1)))

  return f


hartmann3_function = _hartmann(_WIDTHS_3, _CENTRES_3)
hartmann6_function = _hartmann(_WIDTHS_6, _CENTRES_6)


def _family(f: Callable[[Array], Array], low: tuple[float, ...], high: tuple[float, ...]) -> Plant:
  d = len(low)
  width = [b - a for a, b in zip(low, high, strict=True)]

  def value(u: Array, task: Task) -> Outcome:
    return Outcome(-task.scale * f(u - task.shift), jnp.zeros((0,), u.dtype))

  def sample_task(key: Array) -> Task:
    shift_key, scale_key = jax.random.split(key)
    shift = jax.random.uniform(shift_key, (d,), minval=-0.1, maxval=0.1) * jnp.asarray(width)
    return Task(shift, jax.random.uniform(scale_key, (), minval=0.9, maxval=1.1))

  settings = tuple(Setting(f"u{i + 1}", "", a, b, (a + b) / 2) for i, (a, b) in enumerate(zip(low, high, strict=True)))
  return Plant(settings, "value", "", (), lambda: Task(jnp.zeros(d), jnp.asarray(1.0)), sample_task, value)


branin = _family(branin_function, (-5.0, 0.0), (10.0, 15.0))
hartmann3 = _family(hartmann3_function, (0.0,) * 3, (1.0,) * 3)
hartmann6 = _family(hartmann6_function, (0.0,) * 6, (1.0,) * 6)
