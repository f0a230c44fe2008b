"""Cleaning as fitted steps: `state = step.fit(training)`, then `step.apply(state, anything)`.

`clean.chain(clean.carry_forward(), clean.standardise_per_regime(6), clean.rolling(30))`
"""

from mtl_jax.clean.columns import clip, impute, regime_of, standardise, standardise_per_regime
from mtl_jax.clean.series import carry_forward, resample, rolling, spectra, window_ends, windows
from mtl_jax.clean.step import Rows, Step, beside, chain, rows

__all__ = [
  "Rows",
  "Step",
  "beside",
  "carry_forward",
  "chain",
  "clip",
  "impute",
  "regime_of",
  "resample",
  "rolling",
  "rows",
  "spectra",
  "standardise",
  "standardise_per_regime",
  "window_ends",
  "windows",
]
