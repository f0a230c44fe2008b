"""What plants use where there is no surrogate: modifier adaptation, and EWMA from run to run."""

from functools import partial

import jax
import jax.numpy as jnp

from mtl_jax.tasks.processes import Plant, box, from_unit, wafer
from mtl_jax.tuning.campaign import Campaign, Responses, responses_of
from mtl_jax.tuning.safety import broken
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
  filtered: float = 0.3,
) -> Campaign:
  """Real-time optimisation with the nominal plant as the model, put right by what is measured.

  A. Marchetti, B. Chachuat, D. Bonvin, "Modifier-adaptation methodology for real-time optimization", Ind. Eng. Chem.
  Res. 48 (2009): u_{k+1} is where model(u) + epsilon_k + lambda_k (u - u_k) has the largest response of all that keep
  the limits, or u_k where none does; epsilon_k is what the plant gives less what the model does, lambda_k the same of
  their slopes, by finite differences of `step` of each range (1 + d trials an iteration), both filtered. The defaults
  are the best of four steps and four filters on 40 reactors that stand in no table.

  Args:
    z: (q, d) candidates in the unit box.
  """
  d = z.shape[1]
  of_nominal = responses_of(plant, plant.nominal())
  model = lambda z: of_nominal(z, jnp.asarray(0))  # noqa: E731
  of_model = jax.vmap(model)(z)
  errors = noise[None] * jax.random.normal(key, (trials, len(noise)))

  def best(expected: Array, otherwise: Array) -> Array:
    kept = ~broken(expected)
    return jnp.where(jnp.any(kept), z[jnp.argmax(jnp.where(kept, expected[:, 0], -jnp.inf))], otherwise)

  def trial(carry: tuple[Array, ...], made: Array):
    base, offset, modifier, measured = carry
    k = made % (d + 1)
    side = jnp.where(base + step <= 1.0, step, -step)
    where = base + jnp.where(jnp.arange(d) + 1 == k, side, 0.0)
    gave, would_give = responses(where, made), responses(base, made)
    y = gave + errors[made]
    measured = measured.at[k].set(y)
    slopes = (measured[1:] - measured[:1]) / side[:, None] - jax.jacfwd(model)(base).T
    found = tuple(
      (1 - filtered) * before + filtered * now
      for before, now in ((offset, measured[0] - model(base)), (modifier, slopes))
    )
    following = best(of_model + found[0][None] + (z - base[None]) @ found[1], base)
    done = k == d
    carry = jax.tree.map(partial(jnp.where, done), (following, *found), (base, offset, modifier))
    return (*carry, measured), (where, y, gave, base, would_give)

  start = best(of_model, z[0]), jnp.zeros(len(noise)), jnp.zeros((d, len(noise))), jnp.zeros((d + 1, len(noise)))
  (base, *_), (tried, y, gave, advised, would_give) = jax.lax.scan(trial, start, jnp.arange(trials))
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
