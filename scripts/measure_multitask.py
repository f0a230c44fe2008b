"""Measures the memory and the time of a multi-task update against the number of tasks, beside the Jacobian held whole.

python scripts/measure_multitask.py
python scripts/measure_multitask.py --width 512 --most 128 --picture memory.png

Tasks are heads on a trunk of eight layers. "one source": all of them read the same examples; "own": each has its own.
"ours" is `mtl_jax.joint` with a mean, "jacobian" makes K x P numbers, their products, and the combination. MB are
the temporary memory of the compiled update, which its parameters and its result are not part of.

Measured 2026-11-26 on one of 2 busy CPU cores (JAX 0.10.2; times are rough), MB and ms at 8, 16, 32 and 64 tasks, with
2.1 MB of parameters:

                 one source                          each its own source
  jacobian       32, 68, 136, 277    25 to 560       32, 68, 136, 277    50 to 460
  ours            6, 12,  12,  12    25 to 270       20, 22,  25,  29    60 to 1,050
  trimmed mean   11, 35,  36,  36    170 to 5,200    34, 37,  40,  44    190 to 2,700
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import tyro
from jax.flatten_util import ravel_pytree
from rich.console import Console
from rich.table import Table

import mtl_jax
from mtl_jax.losses import squared_error
from mtl_jax.multitask import trimmed_mean
from mtl_jax.types import Aggregator, Batch

LAYERS = 8
MEAN = Aggregator(
  lambda tasks: (), lambda key, gram, losses, active, state: (jnp.full_like(losses, 1 / len(losses)), ())
)
AGGREGATORS: dict[str, Any] = {"ours": MEAN, "ours, trimmed mean": trimmed_mean(1)}


def apply(params: Any, x: dict[str, Any]) -> dict[str, jax.Array]:
  found = {}
  for source, leaf in x.items():
    for w in params["trunk"]:
      leaf = jnp.tanh(leaf @ w)
    heads = params["heads"] if source == "all" else {source: params["heads"][source]}
    found |= {name: leaf @ head for name, head in heads.items()}
  return found


def problem(tasks: int, width: int, examples: int, own: bool) -> tuple[Any, dict[str, Batch]]:
  """Parameters, and one micro-batch of data."""
  keys = jax.random.split(jax.random.key(0), LAYERS + 2)
  names = [f"task {k:03d}" for k in range(tasks)]
  trunk = [jax.random.normal(key, (width, width)) / width**0.5 for key in keys[:LAYERS]]
  x, y = jax.random.normal(keys[-1], (1, examples, width)), jnp.zeros((1, examples, 1))
  mask = jnp.ones((1, examples), bool)
  of_all = {"all": Batch(x, dict.fromkeys(names, y), dict.fromkeys(names, mask))}
  heads = {name: jax.random.normal(keys[-2], (width, 1)) for name in names}
  return {"trunk": trunk, "heads": heads}, {name: Batch(x, y, mask) for name in names} if own else of_all


def held(params: Any, data: dict[str, Batch]) -> tuple[Any, jax.Array]:
  """One step with the Jacobian as one matrix."""

  def losses(params: Any, source: str) -> dict[str, jax.Array]:
    return {name: jnp.mean(p**2) for name, p in apply(params, {source: data[source].x[0]}).items()}

  each = [gradient for source in data for gradient in jax.jacrev(losses)(params, source).values()]
  jacobian = jnp.stack([ravel_pytree(gradient)[0] for gradient in each])
  return jnp.mean(jacobian, axis=0), jacobian @ jacobian.T


def cost(f: Callable[..., Any], *arguments: Any) -> tuple[float, float, float]:
  """MB, ms (the quickest of five calls), s to compile."""
  times = [time.perf_counter()]
  compiled = jax.jit(f).lower(*arguments).compile()
  for _ in range(6):
    times.append(time.perf_counter())
    jax.block_until_ready(compiled(*arguments))
  compiling, *calls = np.diff(times)
  memory = compiled.memory_analysis()
  assert memory is not None  # as on some backends
  return memory.temp_size_in_bytes / 1e6, 1e3 * min(calls), compiling


def main(
  width: int = 256, examples: int = 64, most: int = 64, picture: Path = Path("notebooks/multitask_memory.png")
) -> None:
  matplotlib.use("Agg")
  from matplotlib import pyplot

  table = Table("data", "method", "tasks", "MB", "ms", "s to compile", title=str(jax.devices()[0].device_kind))
  figure, panels = pyplot.subplots(1, 2, figsize=(8, 3.5), sharey=True, layout="constrained")
  counts = [2**i for i in range(1, most.bit_length())]
  for panel, where in zip(panels, ("one source", "each its own source"), strict=True):
    for name in ("jacobian", *AGGREGATORS):
      curve = []
      for tasks in counts:
        params, data = problem(tasks, width, examples, own=where != "one source")
        if name == "jacobian":
          curve.append(cost(held, params, data))
        else:
          losses, aggregator = dict.fromkeys(params["heads"], squared_error), AGGREGATORS[name]
          algorithm = mtl_jax.joint(apply, losses, outer=optax.sgd(0.1), aggregator=aggregator)
          curve.append(cost(algorithm.update, jax.random.key(1), algorithm.init(params), data))
        table.add_row(where, name, str(tasks), *(f"{number:,.1f}" for number in curve[-1]))
      panel.plot(counts, [megabytes for megabytes, *_ in curve], "o-", label=name)
    panel.set(title=where, xlabel="tasks", xscale="log", yscale="log", xticks=counts, xticklabels=counts)
    panel.minorticks_off()
  panels[0].set_ylabel("temporary memory, MB")
  panels[0].legend()
  figure.savefig(picture, dpi=150)
  Console().print(table)


if __name__ == "__main__":
  tyro.cli(main)
