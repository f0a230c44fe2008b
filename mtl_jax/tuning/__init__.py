"""Set-points for a plant never seen before, from few noisy trials."""

from mtl_jax.tuning.acquisition import expected_improvement, upper_bound
from mtl_jax.tuning.campaign import Campaign, campaign, candidates, logs
from mtl_jax.tuning.family import Family, family_surrogate, fit_family
from mtl_jax.tuning.gp import Belief, Surrogate, gp_surrogate, log_marginal, matern, posterior

__all__ = [
  "Belief",
  "Campaign",
  "Family",
  "Surrogate",
  "campaign",
  "candidates",
  "expected_improvement",
  "family_surrogate",
  "fit_family",
  "gp_surrogate",
  "log_marginal",
  "logs",
  "matern",
  "posterior",
  "upper_bound",
]
