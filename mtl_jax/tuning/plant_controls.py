"""What plants use where there is no surrogate: modifier adaptation, and EWMA from run to run."""

from functools import partial

import jax
import jax.numpy as jnp

from mtl_jax.tasks.processes import Plant, box, from_unit, wafer
from mtl_jax.tuning.campaign import Campaign, Responses
from mtl_jax.types import Array


def modifier_adaptation(
  key: Array,
  responses: Responses,
  plant: Plant,
  z: Array,
  *,
  trials: int,
  noise: Array,
  step: float = 0.1,
  filtered: float = 0.5,
) -> Campaign:
  """Real-time optimisation with the nominal plant as the model, whose slopes are put right by measured ones.

  A. Marchetti, B. Chachuat, D. Bonvin, "Modifier-adaptation methodology for real-time optimization", Ind. Eng. Chem.
  Res. 48 (2009), for plants without limits: u_{k+1} is where model(u) + lambda_k (u - u_k) is largest, lambda_k the
  plant's slopes less the model's, by finite differences of `step` of each range (1 + d trials an iteration), filtered.

  Args:
    z: (q, d) candidates in the unit box; the first is where the plant runs.
  """
  d = z.shape[1]
  nominal = plant.nominal()
  model = lambda z: plant.value(from_unit(plant, z), nominal).value  # noqa: E731
  of_model = jax.vmap(model)(z)
  errors = noise[None] * jax.random.normal(key, (trials, len(noise)))

  def trial(carry: tuple[Array, ...], made: Array):
    base, modifier, measured = carry
    k = made % (d + 1)
    side = jnp.where(base + step <= 1.0, step, -step)
    where = base + jnp.where(jnp.arange(d) + 1 == k, side, 0.0)
    gave, would_give = responses(where, made), responses(base, made)
    y = gave + errors[made]
    measured = measured.at[k].set(y[0])
    slope = (measured[1:] - measured[0]) / side
    found = (1 - filtered) * modifier + filtered * (slope - jax.grad(model)(base))
    following = z[jnp.argmax(of_model + (z - base[None]) @ found)]
    done = k == d
    carry = jnp.where(done, following, base), jnp.where(done, found, modifier), measured
    return carry, (where, y, gave, base, would_give)

  start = z[jnp.argmax(of_model)], jnp.zeros(d), jnp.zeros(d + 1)
  (base, _, _), (tried, y, gave, advised, would_give) = jax.lax.scan(trial, start, jnp.arange(trials))
  last = responses(base, jnp.asarray(trials))
  return Campaign(tried, y, gave, jnp.vstack([advised, base[None]]), jnp.vstack([would_give, last[None]]))


def run_to_run(key: Array, task: wafer.Task, trials: int) -> Responses:
  """Of a wafer tool: the error of each run in nm, with its drift and its disturbance."""
  shocks = task.noise * jax.random.normal(key, (trials + 1,))
  disturbance = jnp.cumsum(shocks - task.smoothing * jnp.concatenate([jnp.zeros(1), shocks[:-1]]))

  def responses(z: Array, made: Array) -> Array:
    drift = task.drift * (made.astype(jnp.float32) + 1.0)
    error = task.intercept + task.gain * from_unit(wafer.plant, z)[0] + drift + disturbance[made] - wafer.TARGET
    return error[None]

  return responses


@partial(jax.jit, static_argnames="runs")
def ewma_errors(key: Array, task: wafer.Task, weight: Array, runs: int) -> Array:
  """(runs,) errors in nm of a tool under `wafer.ewma`, kept in the box, from the recipe's author's intercept on."""
  low, high = (side[0] for side in box(wafer.plant))
  state, _ = wafer.reset(key, task)
  start = wafer.TARGET - wafer.ASSUMED * wafer.plant.settings[0].nominal

  def run(carry, key: Array):
    state, intercept, setting = carry
    state, error, _, _ = wafer.step(key, state, setting, task)
    # y - b u = error + target - b u, with the setting that was applied and not the one that was wanted
    intercept = weight * (error + wafer.TARGET - wafer.ASSUMED * setting) + (1.0 - weight) * intercept
    return (state, intercept, jnp.clip((wafer.TARGET - intercept) / wafer.ASSUMED, low, high)), error

  first = jnp.asarray(wafer.plant.settings[0].nominal)
  return jax.lax.scan(run, (state, jnp.asarray(start), first), jax.random.split(key, runs))[1]
