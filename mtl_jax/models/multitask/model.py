"""One model for many tasks and many kinds of input."""

from collections.abc import Mapping
from typing import Any

import flax.linen as nn

from mtl_jax.types import Array


class MultiTask(nn.Module):
  """Stems, one for each source; a trunk that all share; a path and a head for each task.

  `model.apply(params, {source: x[n, ...]}) -> {task: prediction[n, ...]}`, of the sources that are asked for, in the
  form that `mtl_jax.joint` takes. `init` must be given all sources, since it makes the parameters of those it sees.

  Without `paths` this is hard parameter sharing (R. Caruana, "Multitask learning", Machine Learning 28 (1997) 41-75):
  all tasks read what the trunk gives. With `paths` each task reads something of its own:
  `paths(z[n, d], tasks, of) -> h[len(tasks), n, width]`, where `tasks` are the places of the source's tasks among
  all `of` tasks, counted through `heads`. The paths of this package are `CrossStitch`, `MMoE`, `DSelectK`, `CGC`,
  `PLE`, `MTAN`, `LTB`, `FiLM` and `LoRA`.

  The model comes in two parts where gradients are compared on what all tasks share, whatever the paths:
  `multitask.Split(partial(model.apply, method="represent"), partial(model.apply, method="predict"))`.

  Attributes:
    stems: {source: any Linen module x[n, ...] -> [n, d]}, the same d for all, such as `MLP`, `Conv1D`, `Conv2D`.
    heads: {source: {task: any Linen module h[n, width] -> prediction[n, ...]}}, such as `nn.Dense(outputs)`.
    trunk: Linen module z[n, d] -> [n, width], such as `MLP`; None leaves it out.
    paths: see above; None lets all tasks read the same.

  A ReLU follows each stem and the trunk, which end in a linear layer. A path brings its own.
  Raises (when called): ValueError if a source is not known, sources of stems and heads differ, or a task has two heads.
  """

  stems: Mapping[str, nn.Module]
  heads: Mapping[str, Mapping[str, nn.Module]]
  trunk: nn.Module | None = None
  paths: nn.Module | None = None

  def tasks(self) -> tuple[str, ...]:
    """All tasks, in the order in which `paths` counts them."""
    return tuple(task for heads in self.heads.values() for task in heads)

  def __call__(self, x: Mapping[str, Any]) -> dict[str, Array]:
    return self.predict(self.represent(x))

  def represent(self, x: Mapping[str, Any]) -> dict[str, Array]:
    """{source: x[n, ...]} -> {source: z[n, d]}, what all tasks share."""
    names = self.tasks()
    if set(self.stems) != set(self.heads) or len(set(names)) != len(names):
      raise ValueError(f"stems of {sorted(self.stems)}, heads of {sorted(self.heads)} for {names}: one head for a task")
    if not set(x) <= set(self.stems):
      raise ValueError(f"asked for the sources {sorted(x)}, of which only {sorted(self.stems)} have a stem")
    z = {source: nn.relu(self.stems[source](leaf)) for source, leaf in x.items()}
    return z if self.trunk is None else {source: nn.relu(self.trunk(leaf)) for source, leaf in z.items()}

  def predict(self, z: Mapping[str, Array]) -> dict[str, Array]:
    """{source: z[n, d]} -> {task: prediction[n, ...]}."""
    names, found = self.tasks(), {}
    for source, leaf in z.items():
      heads = self.heads[source]
      places = tuple(names.index(task) for task in heads)
      own = [leaf] * len(heads) if self.paths is None else self.paths(leaf, places, len(names))
      found |= {task: head(h) for (task, head), h in zip(heads.items(), own, strict=True)}
    return found
