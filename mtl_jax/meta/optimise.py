"""Optax under strict dtype promotion."""

import jax
import optax

from mtl_jax.types import PyTree


def updates(
  optimiser: optax.GradientTransformation, gradient: PyTree, opt_state: optax.OptState, params: PyTree
) -> tuple[PyTree, optax.OptState]:
  """optimiser.update; Optax mixes dtypes (`decay ** count`), so its own promotion is allowed there alone."""
  with jax.numpy_dtype_promotion("standard"):
    return optimiser.update(gradient, opt_state, params)


def step(
  optimiser: optax.GradientTransformation, gradient: PyTree, opt_state: optax.OptState, params: PyTree
) -> tuple[PyTree, optax.OptState]:
  """One step: the parameters after it, and the optimiser's state."""
  change, opt_state = updates(optimiser, gradient, opt_state, params)
  return optax.apply_updates(params, change), opt_state
