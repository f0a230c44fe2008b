"""Sine waves of their own amplitude and phase: the reference problem of few-shot regression.

y = A sin(x + p), A ~ U[0.1, 5], p ~ U[0, pi], x ~ U[-5, 5]. C. Finn, P. Abbeel, S. Levine,
"Model-agnostic meta-learning for fast adaptation of deep networks", ICML 2017, section 5.1
(the phase enters there as sin(x - p) in the code; the distribution of curves differs by a
reflection, which changes no error). The zero predictor's mean squared error is
E[A^2] E[sin^2] = 8.503 / 2 = 4.25.
"""

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.types import Array, Batch, Episode, TaskFamily


def sinusoid(shots: int = 10, queries: int = 10) -> TaskFamily:
  """Episodes of one curve each; x and y are (n, 1), the task is {amplitude, phase}."""

  def sample(key: Array) -> Episode:
    amplitude_key, phase_key, x_key = jax.random.split(key, 3)
    amplitude = jax.random.uniform(amplitude_key, (), minval=0.1, maxval=5.0)
    phase = jax.random.uniform(phase_key, (), minval=0.0, maxval=jnp.pi)
    x = jax.random.uniform(x_key, (shots + queries, 1), minval=-5.0, maxval=5.0)
    y = amplitude * jnp.sin(x + phase)
    return Episode(
      Batch(x[:shots], y[:shots], jnp.ones((shots,), bool)),
      Batch(x[shots:], y[shots:], jnp.ones((queries,), bool)),
      {"amplitude": amplitude, "phase": phase},
    )

  return TaskFamily(sample)


def mean_curve(x: np.ndarray) -> np.ndarray:
  """The best prediction that knows no task: E[A sin(x + p)] = 2.55 (2 / pi) cos x.

  Its error is E[A^2] / 2 - (5.1 / pi)^2 E[cos^2 x] = 3.01.
  """
  return 5.1 / np.pi * np.cos(x)
