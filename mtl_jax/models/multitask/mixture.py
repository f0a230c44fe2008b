"""Experts that all tasks share, mixed by a gate of each task: MMoE and DSelect-k."""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from mtl_jax.models.multitask.parallel import Networks, Parallel
from mtl_jax.types import Array


class MMoE(nn.Module):
  """Multi-gate mixture of experts: h_k = sum_e g_k(z)_e f_e(z), g_k(z) = softmax(W_k z).

  J. Ma et al., "Modeling task relationships in multi-task learning with multi-gate mixture-of-experts", KDD 2018.

  Attributes:
    experts: number of experts.
    features: widths of an expert's layers.

  A path of `MultiTask`. Sows "gates" (tasks, n, experts).
  """

  experts: int
  features: tuple[int, ...]

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    gates = nn.softmax(Parallel(of, self.experts, use_bias=False, name="gate")(z, tasks))
    self.sow("intermediates", "gates", gates)
    return jnp.einsum("tne,end->tnd", gates, Networks(self.experts, self.features, name="experts")(z))


def smooth_step(t: Array, width: float) -> Array:
  """0 below -width / 2, 1 above width / 2, the cubic with a continuous derivative between: exactly 0 and 1 are reached.

  H. Hazimeh et al. 2020, "The tree ensemble layer", ICML, and the paper of `DSelectK`.
  """
  s = jnp.clip(t / width + 0.5, 0.0, 1.0)
  return s * s * (3.0 - 2.0 * s)


class DSelectK(nn.Module):
  """MMoE with sparse gates: each task mixes at most k experts once its selectors have settled.

  H. Hazimeh et al., "DSelect-k: differentiable selection in the mixture of experts with applications to multi-task
  learning", NeurIPS 2021. Each of k selectors writes the number of an expert in binary, bit j being the smooth step of
  a linear function of z: expert e is selected to the degree prod_j (s_j where bit j of e is one, 1 - s_j elsewhere).
  The k selections are weighed by a softmax, linear in z too. Weights sum to one at every moment. The gate depends on
  the example; the biases alone are the paper's static gate. The paper's entropy penalty, which hurries the bits to
  0 and 1, is not part of a model: what it needs is sown.

  Attributes:
    experts: number of experts, a power of two.
    k: number of selectors.
    features: widths of an expert's layers.
    gamma: width of the smooth step, the paper's gamma; a bit outside it is settled, and has no gradient.

  A path of `MultiTask`. Sows "gates" (tasks, n, experts).
  Raises (when called): ValueError if `experts` is not a power of two, at least 2.
  """

  experts: int
  k: int
  features: tuple[int, ...]
  gamma: float = 1.0

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    bits = self.experts.bit_length() - 1
    if self.experts < 2 or self.experts != 2**bits:
      raise ValueError(f"{self.experts} experts: a selector writes a number of bits, so that a power of two is needed")
    # In the middle of the step at the start: a bit that starts settled would never learn.
    middle = nn.initializers.normal(self.gamma / 100)
    selectors = Parallel(of, self.k * bits, kernel_init=middle, name="selectors")(z, tasks)
    s = smooth_step(selectors, self.gamma).reshape(*selectors.shape[:2], self.k, bits)
    one = (np.arange(self.experts)[:, None] >> np.arange(bits)) & 1 == 1  # (experts, bits)
    selected = jnp.ones((*s.shape[:3], self.experts), s.dtype)
    for j in range(bits):
      bit = s[..., j, None]
      selected *= jnp.where(one[None, None, None, :, j], bit, 1.0 - bit)
    weights = nn.softmax(Parallel(of, self.k, name="weights")(z, tasks))
    gates = jnp.einsum("tnk,tnke->tne", weights, selected)
    self.sow("intermediates", "gates", gates)
    return jnp.einsum("tne,end->tnd", gates, Networks(self.experts, self.features, name="experts")(z))
