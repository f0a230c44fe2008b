"""What `scripts/benchmark.py` has computed: sizes, random data, first parameters, and mtl_jax's own step.

Every contender gets the same arrays. A step is a whole meta-update of MAML, second order: SGD inside, on all
parameters, the mean query loss of the adapted ones, its gradient, one step of Adam.
"""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

OUTER_LR = 1e-3


@dataclasses.dataclass(frozen=True)
class Workload:
  name: str
  network: str  # "mlp", "conv1d" or "conv4"
  tasks: int
  support: int  # examples of a task
  query: int
  shape: tuple[int, ...]  # of an example
  outputs: int  # 1: a number, and squared error; more: classes, and cross-entropy
  inner_lr: float
  inner_steps: int = 5
  hidden: tuple[int, ...] = ()


def w1(tasks: int, inner_steps: int) -> Workload:
  name = f"W1, {tasks:,} tasks, {inner_steps} step{'s' * (inner_steps > 1)}"
  return Workload(name, "mlp", tasks, 10, 10, (1,), 1, 0.01, inner_steps, (40, 40))


def w2(tasks: int, inner_steps: int = 5) -> Workload:
  return Workload(f"W2, {tasks} tasks", "mlp", tasks, 25, 75, (64,), 8, 0.05, inner_steps, (128, 128))


def w3(tasks: int = 16, inner_steps: int = 5) -> Workload:
  return Workload(f"W3, {tasks} tasks", "conv1d", tasks, 25, 75, (1024, 1), 8, 0.05, inner_steps)


def w4(tasks: int = 32, inner_steps: int = 5) -> Workload:
  return Workload(f"W4, {tasks} tasks", "conv4", tasks, 5, 75, (28, 28, 1), 5, 0.05, inner_steps)


CONVOLUTIONS: dict[str, tuple[tuple[int, ...], tuple[tuple[int, ...], ...], tuple[int, ...]]] = {
  "conv1d": ((16, 32, 64), ((15,), (7,), (5,)), (4, 2, 2)),
  "conv4": ((64,) * 4, ((3, 3),) * 4, (2,) * 4),
}
"""network -> features, kernels, strides of its layers, all padded to ceil(size / stride)."""


class Given(NamedTuple):
  """Arrays, the same for everyone."""

  layers: list[list[np.ndarray]]  # of each layer: kernel (*window, in, out), [scale (out,)], bias (out,)
  support_x: np.ndarray  # (tasks, examples, *shape) float32
  support_y: np.ndarray  # (tasks, examples, 1) float32 or (tasks, examples) int32
  query_x: np.ndarray
  query_y: np.ndarray


def model(w: Workload) -> Any:
  from mtl_jax import models

  if w.network == "mlp":
    return models.MLP((*w.hidden, w.outputs))
  if w.network == "conv1d":
    return models.Conv1D(w.outputs, norm="none")
  return models.conv4(w.outputs, halve="stride")


def given(w: Workload) -> Given:
  import jax

  rng = np.random.default_rng(0)

  def side(count: int) -> tuple[np.ndarray, np.ndarray]:
    x = rng.normal(size=(w.tasks, count, *w.shape)).astype(np.float32)
    if w.outputs == 1:
      return x, np.sin(x + np.arange(w.tasks, dtype=np.float32)[:, None, None])
    return x, rng.integers(0, w.outputs, size=(w.tasks, count), dtype=np.int32)

  params = jax.jit(model(w).init)(jax.random.key(0), np.zeros((1, *w.shape), np.float32))["params"]
  hidden = len(CONVOLUTIONS[w.network][0]) if w.network in CONVOLUTIONS else len(w.hidden)
  layers = [_layer(params, i) for i in range(hidden)] + [_arrays(params["head"], "kernel", "bias")]
  return Given(layers, *side(w.support), *side(w.query))


def _layer(params: Any, i: int) -> list[np.ndarray]:
  if f"norm_{i}" in params:
    return _arrays(params[f"conv_{i}"], "kernel") + _arrays(params[f"norm_{i}"], "scale", "bias")
  return _arrays(params[f"dense_{i}" if f"dense_{i}" in params else f"conv_{i}"], "kernel", "bias")


def _arrays(params: Any, *names: str) -> list[np.ndarray]:
  return [np.asarray(params[name]) for name in names]


def flops(w: Workload) -> float:
  """Floating-point operations of the matrix products that a step cannot do without.

  A product x W takes f. Its gradients in W and in x take f each, and the derivatives of all three twice that: 9 f for
  an inner step, 3 f for the query loss. The first layer's x is data: 4 f and 2 f.
  """
  if w.network == "mlp":
    sizes = (math.prod(w.shape), *w.hidden, w.outputs)
    each = [2.0 * a * b for a, b in itertools.pairwise(sizes)]
  else:
    size, channels, each = w.shape[:-1], w.shape[-1], []
    for features, window, stride in zip(*CONVOLUTIONS[w.network], strict=True):
      size = tuple(-(-s // stride) for s in size)
      each.append(2.0 * math.prod(size) * math.prod(window) * channels * features)
      channels = features
    each.append(2.0 * channels * w.outputs)
  rest = sum(each[1:])
  inner, outer = 9.0 * rest + 4.0 * each[0], 3.0 * rest + 2.0 * each[0]
  return w.tasks * (w.inner_steps * w.support * inner + w.query * outer)


Step = Callable[[], tuple[float, float | None]]
"""One meta-update from where the last one ended -> the loss before it, the meta-gradient's norm if known."""


def algorithm(w: Workload, **options: Any) -> Any:
  import optax

  import mtl_jax

  loss = mtl_jax.losses.squared_error if w.outputs == 1 else mtl_jax.losses.cross_entropy
  inner, outer = optax.sgd(w.inner_lr), optax.adam(OUTER_LR)
  return mtl_jax.maml(model(w).apply, loss, inner=inner, inner_steps=w.inner_steps, outer=outer, **options)


def arguments(w: Workload, g: Given, made: Any) -> tuple[Any, Any, Any]:
  """What `made.update` takes: key, state, data."""
  import jax
  import jax.numpy as jnp

  from mtl_jax.types import Batch, Episode

  params = jax.jit(model(w).init)(jax.random.key(0), np.zeros((1, *w.shape), np.float32))

  def side(x: np.ndarray, y: np.ndarray) -> Batch:
    return Batch(jnp.asarray(x), jnp.asarray(y), jnp.ones(x.shape[:2], bool))

  data = Episode(side(g.support_x, g.support_y), side(g.query_x, g.query_y), jnp.arange(w.tasks))
  return jax.random.key(1), made.init(params), data


def ours(w: Workload, g: Given, devices: int = 1) -> Step:
  """mtl_jax as a user calls it, on one device or, as the scripts do, on so many that are made of the CPU's cores."""
  import jax

  from mtl_jax.config import Devices
  from mtl_jax.job import on, started

  mesh = started(Devices(f"tasks={devices}"))
  made = algorithm(w)
  with on(mesh):
    key, state, data = arguments(w, g, made)
  update = jax.jit(made.update)

  def step() -> tuple[float, float | None]:
    nonlocal state
    with on(mesh):
      state, metrics = update(key, state, data)
      return float(metrics["loss"]), float(metrics["gradient_norm"])

  return step
