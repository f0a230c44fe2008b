"""Set-points for a plant never seen before, from few noisy trials."""

from mtl_jax.tuning.acquisition import Acquisition, expected_improvement, nearest, thompson, upper_bound
from mtl_jax.tuning.campaign import Campaign, campaign, candidates, drifting, logs, responses_of, sobol
from mtl_jax.tuning.coregional import coregional_surrogate
from mtl_jax.tuning.family import Family, family_surrogate, fit_family
from mtl_jax.tuning.gp import Belief, Surrogate, gp_surrogate, log_marginal, matern, posterior
from mtl_jax.tuning.network import Network, adapted, network_surrogate, train_network, transformer
from mtl_jax.tuning.plant_controls import ewma_errors, modifier_adaptation, run_to_run
from mtl_jax.tuning.proposal import Cost, Proposal, Rules, believe, expectation, probability_kept, propose
from mtl_jax.tuning.rgpe import rgpe_surrogate
from mtl_jax.tuning.safety import CONFIDENCES, Bound, bound_of, broken, clopper_pearson, replay
from mtl_jax.tuning.scale import Scale, restore, scale_of, standardise

__all__ = [
  "CONFIDENCES",
  "Acquisition",
  "Belief",
  "Bound",
  "Campaign",
  "Cost",
  "Family",
  "Network",
  "Proposal",
  "Rules",
  "Scale",
  "Surrogate",
  "adapted",
  "believe",
  "bound_of",
  "broken",
  "campaign",
  "candidates",
  "clopper_pearson",
  "coregional_surrogate",
  "drifting",
  "ewma_errors",
  "expectation",
  "expected_improvement",
  "family_surrogate",
  "fit_family",
  "gp_surrogate",
  "log_marginal",
  "logs",
  "matern",
  "modifier_adaptation",
  "nearest",
  "network_surrogate",
  "posterior",
  "probability_kept",
  "propose",
  "replay",
  "responses_of",
  "restore",
  "rgpe_surrogate",
  "run_to_run",
  "scale_of",
  "sobol",
  "standardise",
  "thompson",
  "train_network",
  "transformer",
  "upper_bound",
]
