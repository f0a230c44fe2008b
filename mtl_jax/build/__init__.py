"""From a config to objects, one typed match for each kind of thing."""

from mtl_jax.build.contract import Fold, HeldOut, standardised
from mtl_jax.build.folds import folds, view_of
from mtl_jax.build.methods import Method, Trained, algorithm, at_steps, network, scratch, trained

__all__ = [
  "Fold",
  "HeldOut",
  "Method",
  "Trained",
  "algorithm",
  "at_steps",
  "folds",
  "network",
  "scratch",
  "standardised",
  "trained",
  "view_of",
]
