"""Meta-learning: algorithms under one contract, on one differentiable inner loop."""

from mtl_jax.meta.anil import anil
from mtl_jax.meta.anp import Embed, Latent, anp
from mtl_jax.meta.cavia import cavia
from mtl_jax.meta.cnp import Decode, Encode, cnp
from mtl_jax.meta.ensemble import disagreement, ensemble, mean_and_spread, mean_probability, one_normal
from mtl_jax.meta.finetune import finetune
from mtl_jax.meta.hessian_free import hessian_free
from mtl_jax.meta.imaml import imaml
from mtl_jax.meta.in_context import Answer, in_context
from mtl_jax.meta.inner_loop import Adapted, init_rates, inner_loop
from mtl_jax.meta.lora import lora
from mtl_jax.meta.maml import maml
from mtl_jax.meta.precision import computed_in
from mtl_jax.meta.protonet import protonet
from mtl_jax.meta.r2d2 import fit_ridge, r2d2
from mtl_jax.meta.replicate import replicate
from mtl_jax.meta.reptile import reptile
from mtl_jax.meta.task_map import masked_loss, task_gradient, task_mean

__all__ = [
  "Adapted",
  "Answer",
  "Decode",
  "Embed",
  "Encode",
  "Latent",
  "anil",
  "anp",
  "cavia",
  "cnp",
  "computed_in",
  "disagreement",
  "ensemble",
  "finetune",
  "fit_ridge",
  "hessian_free",
  "imaml",
  "in_context",
  "init_rates",
  "inner_loop",
  "lora",
  "maml",
  "masked_loss",
  "mean_and_spread",
  "mean_probability",
  "one_normal",
  "protonet",
  "r2d2",
  "replicate",
  "reptile",
  "task_gradient",
  "task_mean",
]
