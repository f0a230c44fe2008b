# pyright: reportMissingImports=false
"""W5 and W6 of `scripts/benchmark.py`: whole training steps, not of MAML on given arrays.

W5: ten steps of the main job, configs/fleet_diagnosis.py, as `fit` takes them: its five seeds, tasks drawn in the step.
Nothing else does the same, so that it has no peer.

W6: a step of 8 tasks on one trunk, for an aggregator: from 64 examples to new parameters by plain gradient descent. The
trunk, 996 x 996 weights and tanh, descends on the combined gradient, each of the 8 heads on its own task's. TorchJD
tries its two ways, on one thread and on all, and keeps the fastest: the trunk's Jacobian (mtl_backward, jac_to_grad),
or, for aggregators that need inner products alone, those first (autogram) and one backward pass of the weighted loss.
Both sides say the norm of the trunk's gradient alone: the heads' is the same for every aggregator, and mostly larger.
Ours, too, returns the loss and no other metric, so that inner products which nobody reads (mean, random) are not made.
"""

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from benchmark_workloads import Step

TASKS, WIDTH, EXAMPLES, RATE = 8, 996, 64, 1e-3
DRAWN = ("random", "pcgrad", "gradvac")  # their gradients differ from call to call
CONFIG = Path(__file__).parents[1] / "configs" / "fleet_diagnosis.py"
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
  "mean": ("Mean", {}),
  "random": ("Random", {}),
  "mgda": ("MGDA", {}),
  "pcgrad": ("PCGrad", {}),
  "gradvac": ("GradVac", {}),
  "cagrad": ("CAGrad", {"c": 0.5}),
  "imtl_g": ("IMTLG", {}),
  "nash_mtl": ("NashMTL", {"n_tasks": TASKS, "max_norm": 0.0}),
  "fairgrad": ("FairGrad", {"alpha": 2.0}),
  "aligned_mtl": ("AlignedMTL", {}),
  "upgrad": ("UPGrad", {}),
  "dualproj": ("DualProj", {}),
  "config": ("ConFIG", {}),
  "krum": ("Krum", {"n_byzantine": 1, "n_selected": 2}),
}
OPTIONS: dict[str, tuple[Any, ...]] = {"fairgrad": (2.0,), "krum": (1, 2)}
"""aggregator -> what ours is called with, in place of its defaults."""


@dataclass(frozen=True)
class MainJob:
  """W5."""

  steps: int = 10
  flops: float | None = None

  @property
  def name(self) -> str:
    return f"W5, {self.steps} steps of the main job"

  def ours(self, devices: int) -> Step:
    import jax
    from jax.sharding import NamedSharding, PartitionSpec

    from mtl_jax import build, job
    from mtl_jax.config import Config, Devices, load
    from mtl_jax.fit import fit
    from mtl_jax.meta import replicate

    mesh, config = job.started(Devices(f"tasks={devices}")), load(CONFIG)[0]
    assert isinstance(config, Config)
    tasks, what, seeds = job.data(config)[0].train, build.trained(config)[0], config.training.seeds
    if mesh is not None:  # once, as in one call of `fit`
      tasks = tasks._replace(sample=jax.device_put(tasks.sample, NamedSharding(mesh, PartitionSpec())))
    algorithm, keys = replicate(what.make(what.config), seeds), jax.random.split(jax.random.key(0), seeds)
    state = jax.jit(lambda keys: algorithm.init(jax.vmap(what.init)(keys)))(keys)

    def step() -> tuple[float, float | None]:
      nonlocal state
      n, together = self.steps, config.training.tasks_per_step * seeds
      with job.on(mesh):
        state, history = fit(
          jax.random.key(1), algorithm, state, tasks, steps=n, tasks_per_step=together, chunk_steps=n
        )
      return float(np.mean(history["loss"][0])), None

    return step


@dataclass(frozen=True)
class Joint:
  """W6 with one of `THEIRS`."""

  aggregator: str

  @property
  def name(self) -> str:
    return f"W6, {self.aggregator}"

  @property
  def flops(self) -> float:
    """Of the trunk's matrix products that a step cannot do without: forward, and the gradients it needs."""
    return (1 + (1 if self.aggregator in ("mean", "random") else TASKS)) * 2.0 * EXAMPLES * WIDTH**2

  def ours(self, devices: int) -> Step:
    del devices  # the step has no tasks to share out; XLA splits products over the cores itself
    import jax
    import jax.numpy as jnp
    import optax

    import mtl_jax
    from mtl_jax import multitask, tree
    from mtl_jax.types import Batch

    def apply(params: Any, x: Any) -> dict[str, Any]:
      z = jnp.tanh(x["all"] @ params["trunk"])
      return {f"{k}": z @ params["heads"][k][:, None] for k in range(TASKS)}

    def noted(gradient: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
      del state, params
      return gradient, optax.tree.norm(gradient["trunk"])

    x, y, trunk, heads = map(jnp.asarray, _arrays())
    names, known = [f"{k}" for k in range(TASKS)], jnp.ones((1, EXAMPLES), bool)
    labels = {name: y[None, :, k, None] for k, name in enumerate(names)}
    data = {"all": Batch(x[None], labels, dict.fromkeys(names, known))}
    aggregator = getattr(multitask, self.aggregator)(*OPTIONS.get(self.aggregator, ()))
    losses, level = dict.fromkeys(names, mtl_jax.losses.squared_error), tree.named("trunk")
    outer = optax.chain(optax.GradientTransformation(lambda _: jnp.zeros(()), noted), optax.sgd(RATE))
    joint = mtl_jax.joint(apply, losses, outer=outer, aggregator=aggregator, level=level)
    state, key = joint.init({"trunk": trunk, "heads": heads}), jax.random.key(0)

    @jax.jit
    def update(key: Any, state: Any, data: Any) -> tuple[Any, Any]:
      state, metrics = joint.update(key, state, data)
      return state, metrics["loss"]

    def step() -> tuple[float, float | None]:
      nonlocal state
      state, loss = update(key, state, data)
      return float(loss), None if self.aggregator in DRAWN else float(state.opt_state[0])

    return step

  def theirs(self, threads: int) -> tuple[Step, str]:
    """TorchJD's step, and which way on how many threads is the fastest."""
    import torch
    from torchjd.autogram import Engine
    from torchjd.autojac import jac_to_grad, mtl_backward

    kind, options = THEIRS[self.aggregator]
    aggregator = getattr(importlib.import_module("torchjd.aggregation"), kind)(**options)
    x, y, trunk, heads = map(torch.from_numpy, _arrays())
    layer = torch.nn.Linear(WIDTH, WIDTH, bias=False)
    layer.weight.data = trunk.T.contiguous()
    each = [head.requires_grad_() for head in heads]
    optimiser, engine = torch.optim.SGD([layer.weight, *each], lr=RATE), Engine(layer, batch_dim=None)

    def forward(trunk: Callable[[Any], Any]) -> tuple[Any, list[Any]]:
      z = torch.tanh(trunk(x))
      return z, [(z @ head - y[:, k]).square().mean() for k, head in enumerate(each)]

    def jacobian() -> Any:
      z, losses = forward(lambda x: torch.nn.functional.linear(x, layer.weight))  # unseen by the engine, which counts
      mtl_backward(losses, features=z)
      jac_to_grad([layer.weight], aggregator)
      return torch.stack(losses)

    def products() -> Any:
      losses = torch.stack(forward(layer)[1])
      weights = aggregator.gramian_weighting(engine.compute_gramian(losses))
      losses.backward(weights, retain_graph=True, inputs=[layer.weight])
      losses.sum().backward(inputs=each)
      return losses

    ways: dict[str, Callable[[], Any]] = {"Jacobian": jacobian}
    if hasattr(aggregator, "gramian_weighting"):
      ways["products"] = products
    way, used = _fastest(ways, threads)
    optimiser.zero_grad()

    def step() -> tuple[float, float | None]:
      losses = ways[way]()
      norm = torch.linalg.norm(layer.weight.grad)
      optimiser.step()
      optimiser.zero_grad()
      return losses.mean().item(), None if self.aggregator in DRAWN else norm.item()

    return step, f"{way}, {used} threads"


def _arrays() -> list[np.ndarray]:
  """x (n, width), y (n, tasks), trunk (width, width), heads (tasks, width)."""
  rng = np.random.default_rng(0)
  sizes, scales = ((EXAMPLES, WIDTH), (EXAMPLES, TASKS), (WIDTH, WIDTH), (TASKS, WIDTH)), (1.0, 1.0, *[WIDTH**-0.5] * 2)
  return [(scale * rng.normal(size=size)).astype(np.float32) for size, scale in zip(sizes, scales, strict=True)]


def _fastest(ways: dict[str, Callable[[], Any]], threads: int) -> tuple[str, int]:
  """Leaves PyTorch with that number of threads."""
  import torch

  seconds = {}
  for way, run in ways.items():
    for n in {1, threads}:
      torch.set_num_threads(n)
      run()
      began = time.perf_counter()
      for _ in range(5):
        run()
      seconds[way, n] = time.perf_counter() - began
  way, used = min(seconds, key=seconds.__getitem__)
  torch.set_num_threads(used)
  return way, used
