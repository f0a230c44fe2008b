"""Experts of each task beside shared ones: CGC, and PLE, which stacks it.

H. Tang, J. Liu, M. Zhao, X. Gong, "Progressive layered extraction (PLE): a novel multi-task learning model for
personalized recommendations", RecSys 2020.
"""

import flax.linen as nn
import jax.numpy as jnp
import numpy as np

from mtl_jax.models.multitask.parallel import Networks, Parallel
from mtl_jax.types import Array


class _Level(nn.Module):
  """One extraction network."""

  own: int
  shared: int
  features: tuple[int, ...]

  @nn.compact
  def __call__(self, x: Array, s: Array, tasks: tuple[int, ...], of: int, last: bool) -> tuple[Array, Array, Array]:
    """x[n, d], read by all tasks, or [tasks, n, d], and s[n, d] -> [tasks, n, width], [n, width] and gates.

    The second is what the next level shares; for it all tasks must be asked for. The last level leaves s as it is.
    Gates are (tasks, n, own + shared).
    """
    gates = nn.softmax(Parallel(of, self.own + self.shared, use_bias=False, name="gate")(x, tasks))
    h, experts = jnp.zeros((len(tasks), x.shape[-2], self.features[-1]), x.dtype), []
    if self.own:
      which = tuple(task * self.own + i for task in tasks for i in range(self.own))
      own = Networks(of * self.own, self.features, name="own")(x if x.ndim == 2 else x.repeat(self.own, 0), which)
      h += jnp.einsum("tne,tend->tnd", gates[..., : self.own], own.reshape(len(tasks), self.own, *own.shape[1:]))
      experts.append(own)
    if self.shared:
      shared = Networks(self.shared, self.features, name="shared")(s)
      h += jnp.einsum("tne,end->tnd", gates[..., self.own :], shared)
      experts.append(shared)
    if not last:
      gate = nn.softmax(nn.Dense(of * self.own + self.shared, use_bias=False, name="shared_gate")(s))
      s = jnp.einsum("ne,end->nd", gate, jnp.concatenate(experts))
    return h, s, gates


def _extract(
  path: nn.Module, own: int, shared: int, levels: tuple[tuple[int, ...], ...], z: Array, tasks: tuple[int, ...], of: int
) -> Array:
  """Called inside a compact module, which owns the levels and what they sow."""
  if own + shared < 1 or not levels:
    raise ValueError(f"{own=}, {shared=}, {levels=}: there must be an expert")
  x = s = z
  for place, features in enumerate(levels):
    last, everyone = place == len(levels) - 1, tuple(range(of))
    if last and x.ndim == 3:
      x = x[np.asarray(tasks)]
    level = _Level(own, shared, features, name=f"level_{place}")
    x, s, gates = level(x, s, tasks if last else everyone, of, last)
    gates = gates if last else gates[np.asarray(tasks)]
    of_tasks = jnp.zeros((*gates.shape[:2], of, own), gates.dtype)
    of_tasks = of_tasks.at[np.arange(len(tasks)), :, np.asarray(tasks)].set(gates[..., :own])
    everything = (of_tasks.reshape(*gates.shape[:2], of * own), gates[..., own:])
    path.sow("intermediates", "gates", jnp.concatenate(everything, axis=-1))
  return x


class CGC(nn.Module):
  """Customised gate control: each task's gate chooses among its own and the shared experts, as a gate of `MMoE` does.

  Attributes:
    own: number of experts of each task. Without any this is `MMoE`.
    shared: number of shared experts.
    features: widths of an expert's layers.

  A path of `MultiTask`. Sows "gates" (tasks, n, all experts): every task's own experts in turn, then the shared ones;
  0 for the experts of other tasks.
  Raises (when called): ValueError if there is no expert.
  """

  own: int
  shared: int
  features: tuple[int, ...]

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    return _extract(self, self.own, self.shared, (self.features,), z, tasks, of)


class PLE(nn.Module):
  """Levels of `CGC`, with a shared gate beside those of the tasks, which chooses among the experts of all.

  A task's experts and gate read what it extracted at the level before, the shared ones what was shared there; at the
  first level all read z. The last level has no shared gate. With several sources the lower levels run the experts of
  all tasks on each source, since the shared gate mixes them.

  Attributes:
    own: number of experts of each task, at each level.
    shared: number of shared experts, at each level.
    levels: for each level the widths of an expert's layers.

  A path of `MultiTask`. Sows "gates" as `CGC` does, for each level.
  Raises (when called): ValueError if there is no expert or no level.
  """

  own: int
  shared: int
  levels: tuple[tuple[int, ...], ...]

  @nn.compact
  def __call__(self, z: Array, tasks: tuple[int, ...], of: int) -> Array:
    return _extract(self, self.own, self.shared, self.levels, z, tasks, of)
