# pyright: reportMissingImports=false
"""The contenders of `scripts/benchmark.py` in PyTorch, each as strong as we could make it.

  torch.func    one task's meta-loss under vmap, its inner gradients by torch.func.grad (`higher`'s successor)
  by hand       weights of all tasks stacked, one batched matrix product for all; convolutions as patches
  grouped       as by hand, a convolution being one grouped convolution for all tasks
  task by task  a loop over tasks, clone and adapt, as learn2learn's MAML and `higher` do

Where it says "compiled", torch.compile makes one program of the whole meta-gradient. Each tries one thread and all of
them, and all but the last 8 tasks at once, 64 and all, and keeps the fastest. Adam is the fused one.
"""

import math
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from benchmark_workloads import CONVOLUTIONS, OUTER_LR, Given, Step, Workload
from torch import Tensor

Layers = list[list[Tensor]]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
NAMES = ("torch.func", "torch.func, compiled", "by hand", "by hand, compiled", "grouped", "task by task")


def names(w: Workload, compiled: bool) -> list[str]:
  """The contenders that make sense for a workload."""
  return [
    name for name in NAMES if (compiled or "compiled" not in name) and (name != "grouped" or w.network in CONVOLUTIONS)
  ]


class Peer(NamedTuple):
  step: Step
  tasks: int  # at once
  threads: int


def peer(name: str, w: Workload, g: Given, threads: int) -> Peer:
  """A contender, with what is fastest for it on `threads` cores."""
  net = Network(w)
  layers = [[net.as_torch(a, i).requires_grad_() for a in layer] for i, layer in enumerate(g.layers)]
  flat = [p for layer in layers for p in layer]
  data = [torch.from_numpy(a.astype(np.int64) if a.dtype == np.int32 else a).to(DEVICE) for a in g[1:]]
  adam = torch.optim.Adam(flat, lr=OUTER_LR, fused=True)
  kind, compiled = name.removesuffix(", compiled"), name.endswith("compiled")
  losses = {
    "torch.func": net.by_vmap,
    "by hand": net.by_hand(net.patches, compiled),
    "grouped": net.by_hand(net.grouped, compiled),
    "task by task": net.alone,
  }[kind]

  def gradient(losses: Callable[..., Tensor], at_once: int, tasks: int = w.tasks) -> float:
    """Adds the gradient of the mean loss of the first tasks to that of the parameters."""
    total = 0.0
    for start in range(0, tasks, at_once):
      loss = losses(layers, *(a[start : start + at_once] for a in data)).sum() / w.tasks
      loss.backward()
      total += loss.item()
    return total

  sizes = {1} if kind == "task by task" else {w.tasks, *(n for n in (8, 64) if w.tasks % n == 0)}
  at_once, used = _fastest(lambda *sizes: gradient(losses, *sizes), sizes, {1, threads}, w.tasks)
  adam.zero_grad()

  def compiled_gradient(whole: Callable[..., tuple[Layers, Tensor]]) -> float:
    total = 0.0
    for start in range(0, w.tasks, at_once):
      grads, value = whole(layers, *(a[start : start + at_once] for a in data))
      for p, change in zip(flat, (g for layer in grads for g in layer), strict=True):
        p.grad = change if p.grad is None else p.grad.add_(change)
      total += value.item()
    return total

  if compiled:
    whole = torch.compile(_whole_gradient(losses, w.tasks), fullgraph=True, dynamic=False)
    add_gradient = partial(compiled_gradient, whole)
  else:
    add_gradient = partial(gradient, losses, at_once)
  first = True

  def step() -> tuple[float, float | None]:
    nonlocal first
    loss = add_gradient()
    norm = torch.nn.utils.get_total_norm([p.grad for p in flat if p.grad is not None]).item() if first else None
    first = False
    adam.step()
    adam.zero_grad()
    return loss, norm

  return Peer(step, at_once, used)


def _whole_gradient(losses: Callable[..., Tensor], tasks: int) -> Callable[..., tuple[Layers, Tensor]]:
  return torch.func.grad_and_value(lambda layers, *data: losses(layers, *data).sum() / tasks)


def _fastest(run: Callable[[int, int], Any], sizes: set[int], threads: set[int], tasks: int) -> tuple[int, int]:
  """How many tasks at once, on how many threads, are the fastest; leaves PyTorch with that number of threads."""
  seconds = {}
  for at_once in sizes:
    count = max(at_once, min(tasks, 64) // at_once * at_once)
    run(at_once, at_once)
    for n in threads:
      torch.set_num_threads(n)
      began = time.perf_counter()
      run(at_once, count)
      seconds[at_once, n] = (time.perf_counter() - began) / count
  best = min(seconds, key=seconds.__getitem__)
  torch.set_num_threads(best[1])
  return best


def matrix_product(threads: int, size: int) -> Callable[[], Any]:
  """The product of two square matrices: what the cores can do at most."""
  torch.set_num_threads(threads)
  a, b = torch.randn(size, size, device=DEVICE), torch.randn(size, size, device=DEVICE)
  return lambda: torch.mm(a, b)[0, 0].item()


class Network:
  """The networks of the workloads, written for one task and for stacked ones."""

  def __init__(self, w: Workload):
    self.w = w
    self.convolutions = list(zip(*CONVOLUTIONS[w.network], strict=True)) if w.network in CONVOLUTIONS else []

  def as_torch(self, a: np.ndarray, layer: int) -> Tensor:
    """(*window, in, out) -> (out, in, *window) for a convolution."""
    t = torch.from_numpy(np.array(a))
    if layer < len(self.convolutions) and t.ndim > 1:
      t = t.permute(-1, -2, *range(t.ndim - 2)).contiguous()
    return t.to(DEVICE)

  def padding(self, size: tuple[int, ...], layer: int) -> list[int]:
    """What F.pad takes, last axis first, so that ceil(size / stride) places come out."""
    _, window, stride = self.convolutions[layer]
    result = []
    for s, k in reversed(list(zip(size, window, strict=True))):
      total = max((-(-s // stride) - 1) * stride + k - s, 0)
      result += [total // 2, total - total // 2]
    return result

  def loss(self, prediction: Tensor, y: Tensor) -> Tensor:
    """Predictions (..., n, outputs) -> (...,)."""
    if self.w.outputs == 1:
      return (prediction - y).square().mean((-2, -1))
    each = F.cross_entropy(prediction.flatten(0, -2), y.flatten(), reduction="none")
    return each.view(y.shape).mean(-1)

  # One task.

  def one(self, layers: Layers, x: Tensor) -> Tensor:
    if not self.convolutions:
      x = x.flatten(1)
    else:
      x = x.movedim(-1, 1)
      convolve = F.conv1d if x.ndim == 3 else F.conv2d
      for i, (kernel, *rest) in enumerate(layers[:-1]):
        x = F.pad(x, self.padding(tuple(x.shape[2:]), i))
        bias = rest[0] if len(rest) == 1 else None
        x = convolve(x, kernel, bias, stride=self.convolutions[i][2])
        x = F.relu(x if bias is not None else F.batch_norm(x, None, None, *rest, training=True))
      x = x.flatten(2).mean(-1)
    for kernel, bias in layers[len(self.convolutions) : -1]:
      x = F.relu(torch.addmm(bias, x, kernel))
    kernel, bias = layers[-1]
    return torch.addmm(bias, x, kernel)

  def one_loss(self, layers: Layers, x: Tensor, y: Tensor) -> Tensor:
    return self.loss(self.one(layers, x), y)

  def descend(self, layers: Layers, gradients: Layers) -> Layers:
    rate = self.w.inner_lr
    return [
      [p - rate * g for p, g in zip(layer, change, strict=True)]
      for layer, change in zip(layers, gradients, strict=True)
    ]

  def by_vmap(self, layers: Layers, *data: Tensor) -> Tensor:
    def one_task(layers: Layers, x: Tensor, y: Tensor, query_x: Tensor, query_y: Tensor) -> Tensor:
      for _ in range(self.w.inner_steps):
        layers = self.descend(layers, torch.func.grad(self.one_loss)(layers, x, y))
      return self.one_loss(layers, query_x, query_y)

    return torch.func.vmap(one_task, (None, 0, 0, 0, 0))(layers, *data)

  def alone(self, layers: Layers, x: Tensor, y: Tensor, query_x: Tensor, query_y: Tensor) -> Tensor:
    """The first of the tasks given."""
    layers = [[p.clone() for p in layer] for layer in layers]
    for _ in range(self.w.inner_steps):
      layers = self.descend(layers, _gradients(self.one_loss(layers, x[0], y[0]), layers))
    return self.one_loss(layers, query_x[0], query_y[0])

  # All tasks, their weights stacked on a leading axis.

  def by_hand(self, forward: Callable[[Layers, Tensor], Tensor], functional: bool) -> Callable[..., Tensor]:
    def losses(layers: Layers, x: Tensor, y: Tensor, query_x: Tensor, query_y: Tensor) -> Tensor:
      def summed(layers: Layers) -> Tensor:  # tasks do not meet, so that its gradient is every task's own
        return self.loss(forward(layers, x), y).sum()

      layers = [[p.expand(x.shape[0], *p.shape) for p in layer] for layer in layers]
      for _ in range(self.w.inner_steps):
        gradients = torch.func.grad(summed)(layers) if functional else _gradients(summed(layers), layers)
        layers = self.descend(layers, gradients)
      return self.loss(forward(layers, query_x), query_y)

    return losses

  def patches(self, layers: Layers, x: Tensor) -> Tensor:
    """x (tasks, n, *space, channels) -> (tasks, n, outputs); windows are views, and one copy makes rows of them."""
    tasks, n = x.shape[:2]
    if not self.convolutions:
      x = x.flatten(2)
    for i, (kernel, *rest) in enumerate(layers[: len(self.convolutions)]):
      _, window, stride = self.convolutions[i]
      x = F.pad(x, [0, 0, *self.padding(tuple(x.shape[2:-1]), i)])
      for axis, k in enumerate(window, start=2):
        x = x.unfold(axis, k, stride)
      space = x.shape[2 : 2 + len(window)]
      rows, kernel = x.reshape(tasks, n * math.prod(space), -1), kernel.flatten(2).transpose(1, 2)
      if len(rest) == 1:
        x = torch.baddbmm(rest[0][:, None], rows, kernel)
      else:
        x = torch.bmm(rows, kernel)
        variance, mean = torch.var_mean(x, 1, correction=0, keepdim=True)
        x = (x - mean) * ((variance + 1e-5).rsqrt() * rest[0][:, None]) + rest[1][:, None]
      x = F.relu(x).view(tasks, n, *space, -1)
    return self._rest(layers, x.flatten(2, -2).mean(2) if self.convolutions else x)

  def grouped(self, layers: Layers, x: Tensor) -> Tensor:
    """As `patches`, with the tasks side by side in the channels."""
    tasks, n = x.shape[:2]
    x = x.movedim(-1, 2).transpose(0, 1).flatten(1, 2)
    convolve = F.conv1d if x.ndim == 3 else F.conv2d
    for i, (kernel, *rest) in enumerate(layers[:-1]):
      x = F.pad(x, self.padding(tuple(x.shape[2:]), i))
      bias = rest[0].flatten() if len(rest) == 1 else None
      x = convolve(x, kernel.flatten(0, 1), bias, stride=self.convolutions[i][2], groups=tasks)
      x = F.relu(x if bias is not None else F.batch_norm(x, None, None, *(r.flatten() for r in rest), training=True))
    return self._rest(layers, x.flatten(2).mean(-1).view(n, tasks, -1).transpose(0, 1))

  def _rest(self, layers: Layers, x: Tensor) -> Tensor:
    """The dense layers, x (tasks, n, inputs)."""
    for kernel, bias in layers[len(self.convolutions) : -1]:
      x = F.relu(torch.baddbmm(bias[:, None], x, kernel))
    kernel, bias = layers[-1]
    return torch.baddbmm(bias[:, None], x, kernel)


def _gradients(loss: Tensor, layers: Layers) -> Layers:
  grads = iter(torch.autograd.grad(loss, [p for layer in layers for p in layer], create_graph=True))
  return [[next(grads) for _ in layer] for layer in layers]


# All of float32, as on a CPU; mtl_jax is asked for the same by JAX_DEFAULT_MATMUL_PRECISION=highest.
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
# The compile time that is printed is that of a first start.
os.environ.setdefault("TORCHINDUCTOR_FORCE_DISABLE_CACHES", "1")
