"""Optax under strict dtype promotion."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

from mtl_jax.types import PyTree


def start(optimiser: optax.GradientTransformation, params: PyTree) -> tuple[PyTree, optax.OptState]:
  """The parameters, as arrays of a fixed dtype, and the optimiser's state.

  A weakly typed leaf, such as `jnp.full((2,), 1.0)`, would be of another type after the first
  step, and the second step would compile again.
  """
  params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.result_type(leaf)), params)
  return params, optimiser.init(params)


def updates(
  optimiser: optax.GradientTransformation, gradient: Any, opt_state: optax.OptState, params: Any, **extra: Any
) -> tuple[PyTree, optax.OptState]:
  """optimiser.update; Optax mixes dtypes (`decay ** count`), so its own promotion is allowed there alone."""
  with jax.numpy_dtype_promotion("standard"):
    return optimiser.update(gradient, opt_state, params, **extra)


def step(
  optimiser: optax.GradientTransformation, gradient: Any, opt_state: optax.OptState, params: Any
) -> tuple[PyTree, optax.OptState]:
  """One step: the parameters after it, and the optimiser's state."""
  change, opt_state = updates(optimiser, gradient, opt_state, params)
  return optax.apply_updates(params, change), opt_state
