"""Multi-task learning: one model for many tasks.

`joint` trains; an aggregator looks at the Gram matrix of the task gradients, a weighting at the losses only. `affinity`
and `grouping` say which tasks help one another, `simplex`, `given` and `front` trace the Pareto front.
"""

from mtl_jax.multitask.affinity import affinity, grouping
from mtl_jax.multitask.aligned_mtl import aligned_mtl
from mtl_jax.multitask.averaging import constant, mean, random, sum
from mtl_jax.multitask.cagrad import cagrad
from mtl_jax.multitask.coordinates import CoordinateAggregator, graddrop, trimmed_mean
from mtl_jax.multitask.db_mtl import db_mtl, on_log_loss
from mtl_jax.multitask.equiangular import config, imtl_g
from mtl_jax.multitask.excess_mtl import ExcessMTLState, JacobianAggregator, excess_mtl
from mtl_jax.multitask.gradnorm import GradNormState, gradnorm
from mtl_jax.multitask.halting import HaltingState, begun, halting
from mtl_jax.multitask.joint import JointState, joint
from mtl_jax.multitask.krum import krum
from mtl_jax.multitask.learned_weighting import DWAState, FAMOState, ScaleState, dwa, famo, imtl_l, uncertainty
from mtl_jax.multitask.mgda import mgda
from mtl_jax.multitask.nash_mtl import fairgrad, nash_mtl
from mtl_jax.multitask.pareto import front, given, simplex
from mtl_jax.multitask.pcgrad import GradVacState, gradvac, pcgrad
from mtl_jax.multitask.sources import MultiApply, Split
from mtl_jax.multitask.stochastic import SimplexState, modo, sdmgrad
from mtl_jax.multitask.upgrad import dualproj, upgrad
from mtl_jax.multitask.weighting import equal, gls, log, rlw, stch

__all__ = [
  "CoordinateAggregator",
  "DWAState",
  "ExcessMTLState",
  "FAMOState",
  "GradNormState",
  "GradVacState",
  "HaltingState",
  "JacobianAggregator",
  "JointState",
  "MultiApply",
  "ScaleState",
  "SimplexState",
  "Split",
  "affinity",
  "aligned_mtl",
  "begun",
  "cagrad",
  "config",
  "constant",
  "db_mtl",
  "dualproj",
  "dwa",
  "equal",
  "excess_mtl",
  "fairgrad",
  "famo",
  "front",
  "given",
  "gls",
  "graddrop",
  "gradnorm",
  "gradvac",
  "grouping",
  "halting",
  "imtl_g",
  "imtl_l",
  "joint",
  "krum",
  "log",
  "mean",
  "mgda",
  "modo",
  "nash_mtl",
  "on_log_loss",
  "pcgrad",
  "random",
  "rlw",
  "sdmgrad",
  "simplex",
  "stch",
  "sum",
  "trimmed_mean",
  "uncertainty",
  "upgrad",
]
