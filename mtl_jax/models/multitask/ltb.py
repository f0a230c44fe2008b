"""Learning to branch: a tree of layers whose branches are chosen by gradient descent."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax.models.multitask.parallel import Networks
from mtl_jax.types import Array


class LTB(nn.Module):
  """Layers of nodes; each node, and each task at the end, chooses the node of the layer before that it reads.

  P. Guo, C.-Y. Lee, D. Ulbricht, "Learning to branch for multi-task learning", ICML 2020. A child reads
  sum_i d_i x_i over its possible parents, with d = softmax((log theta + Gumbel noise) / temperature): a choice that is
  sampled and yet has a gradient. The noise is drawn where a key is given, `model.apply(params, x,
  rngs={"branch": key})`, as in an apply for `joint(..., keyed=True)`: one tree for all that an update learns from.
  Without it d is the softmax alone, and a child reads the mixture; a trained network predicts so. Lower the temperature
  between fits: the shapes of parameters do not depend on it, and near 0 each child reads one parent, which is a tree.

  Attributes:
    features: width of each layer.
    nodes: number of nodes of each layer; those of the first all read z.
    temperature: see above.

  A path of `MultiTask`. Sows "gates", how much of each node reaches a task, (tasks, 1, nodes) for each layer.
  Raises (when called): ValueError if `features` and `nodes` differ in length or are empty.
  """

  features: tuple[int, ...]
  nodes: tuple[int, ...]
  temperature: float = 1.0

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    if len(self.features) != len(self.nodes) or not self.nodes:
      raise ValueError(f"features={self.features} and nodes={self.nodes} need one number for each layer")
    x = Networks(self.nodes[0], self.features[:1], name="layer_0")(z)
    choices = []
    for layer, children in enumerate((*self.nodes[1:], of), start=1):
      log_theta = self.param(f"log_theta_{layer}", nn.initializers.zeros, (children, self.nodes[layer - 1]))
      if self.has_rng("branch"):
        log_theta += jax.random.gumbel(self.make_rng("branch"), log_theta.shape, log_theta.dtype)
      d = nn.softmax(log_theta / self.temperature)
      last = layer == len(self.nodes)
      choices.append(d[np.asarray(tasks)] if last else d)
      x = jnp.einsum("cp,pnd->cnd", choices[-1], x)
      if not last:
        x = Networks(children, self.features[layer : layer + 1], name=f"layer_{layer}")(x)
    reaches = [choices.pop()]
    while choices:
      reaches.append(reaches[-1] @ choices.pop())
    for reach in reversed(reaches):
      self.sow("intermediates", "gates", reach[:, None])
    return x
