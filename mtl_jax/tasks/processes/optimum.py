"""The best set-point of one plant by a reference method outside the compiled path, to measure regret against."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize
from scipy.stats import qmc

from mtl_jax.tasks.processes.plant import Plant, box, from_unit
from mtl_jax.types import PyTree


class Optimum(NamedTuple):
  """A best set-point.

  Attributes:
    u: (d,) in physical units; value: what it gives, in the plant's unit.
    violation: of the limits, at most 1e-6 where a set-point that keeps them was found.
  """

  u: np.ndarray
  value: float
  violation: float


def optimum(plant: Plant, task: PyTree, *, starts: int = 16) -> Optimum:
  """The best that keeps the limits, of SciPy's SLSQP from the nominal set-point and Sobol points, on JAX's gradients.

  Call it under float64: SLSQP stops on float32's rounding.
  """
  low, high = (np.asarray(side, float) for side in box(plant))
  width, d = high - low, len(low)

  @jax.jit
  def both(z):
    return plant.value(from_unit(plant, z), task)

  slopes = jax.jit(jax.jacrev(lambda z: plant.value(from_unit(plant, z), task)))
  first = (np.asarray([s.nominal for s in plant.settings]) - low) / width
  points = [first, *qmc.Sobol(d, scramble=False).random_base2(int(np.ceil(np.log2(starts))))]
  values = [abs(float(both(jnp.asarray(z)).value)) for z in points]
  scale = max(float(np.nanmedian(values)), 1e-6)
  limits = {
    "type": "ineq",
    "fun": lambda z: -np.asarray(both(jnp.asarray(z)).constraints, float),
    "jac": lambda z: -np.asarray(slopes(jnp.asarray(z)).constraints, float),
  }
  found = []
  for start in points:
    end = minimize(
      lambda z: -float(both(jnp.asarray(z)).value) / scale,
      start,
      jac=lambda z: -np.asarray(slopes(jnp.asarray(z)).value, float) / scale,
      method="SLSQP",
      bounds=[(0.0, 1.0)] * d,
      constraints=[limits] if plant.constraints else [],
      options={"maxiter": 200, "ftol": 1e-12},
    )
    z = np.clip(end.x, 0.0, 1.0)
    outcome = both(jnp.asarray(z))
    violation = max(0.0, *np.asarray(outcome.constraints, float)) if plant.constraints else 0.0
    found.append(Optimum(low + z * width, float(outcome.value), violation))
  kept = [one for one in found if one.violation <= 1e-6]
  return max(kept, key=lambda one: one.value) if kept else min(found, key=lambda one: one.violation)
