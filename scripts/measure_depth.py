"""Draws what depth costs: memory and time of a meta-gradient through 1 to 100 inner steps.

python scripts/measure_depth.py

One machine of 40 labelled windows of 2048 samples, eight conditions. Measured 2026-11-29 on 2 CPU
cores (JAX 0.10.2), MB of temporaries (seconds of CPU, the quickest of three):

                     1           5           20          100 steps
  everything stored  72 (0.29)   177 (0.74)  688 (3.35)  3,275 (14.9)
  each step again    72 (0.30)    41 (1.00)   42 (3.31)     48 (15.5)
  segments again     72 (0.30)    72 (1.08)   41 (3.66)     42 (19.4)
  last 5 steps       72 (0.26)   177 (0.76)  177 (1.39)    177 (4.8)
  implicit           71 (0.42)    71 (0.59)   71 (1.29)     71 (4.4)
  first order        41 (0.13)    41 (0.33)   41 (0.92)     41 (4.2)

Two days before, other work beside it, an older version had taken 0.6 to 1.0 of these seconds. Beside each other, a
program on each core, the version before `models/product.py` and this one take 0.73 and 0.79 s for 20 steps of first
order, 0.77 and 0.57 for five of which each is computed again: it is the machine that differs from day to day.

A hundred second-order steps take less than a tenth of what twenty take when all is stored. This network's weights are
few beside its activations, so that segments save little over each step again.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib
import optax
import tyro
from rich.console import Console
from rich.progress import track
from rich.table import Table

import mtl_jax
from mtl_jax.types import Algorithm, Batch, Episode

SAMPLES, CLASSES, SHOTS, QUERIES = 2048, 8, 5, 10
LAST = 5  # steps that truncated back-propagation goes through
_MODEL = mtl_jax.models.Conv1D(CLASSES)


def _apply(params: Any, x: Any) -> jax.Array:
  return jnp.asarray(_MODEL.apply(params, x))


def _maml(steps: int, **options: Any) -> Algorithm:
  loss = mtl_jax.losses.cross_entropy
  return mtl_jax.maml(_apply, loss, inner=optax.sgd(0.01), inner_steps=steps, outer=optax.sgd(0.1), **options)


def _imaml(steps: int) -> Algorithm:
  loss, inner, outer = mtl_jax.losses.cross_entropy, optax.sgd(0.01), optax.sgd(0.1)
  return mtl_jax.imaml(_apply, loss, inner=inner, inner_steps=steps, outer=outer, penalty=1.0)


WAYS: dict[str, Callable[[int], Algorithm]] = {
  "everything stored": _maml,
  "each step again": lambda steps: _maml(steps, rematerialise=1),
  "segments again": lambda steps: _maml(steps, rematerialise=max(2, math.isqrt(steps))),
  f"last {LAST} steps": lambda steps: _maml(steps, truncate=LAST),
  "implicit": _imaml,
  "first order": lambda steps: _maml(steps, first_order=True),
}


def episode(key: jax.Array) -> Episode:
  """One machine, with a leading axis of one task."""

  def side(key: jax.Array, count: int) -> Batch:
    y = jnp.repeat(jnp.arange(CLASSES), count)[None]
    return Batch(jax.random.normal(key, (*y.shape, SAMPLES, 1)), y, jnp.ones(y.shape, bool))

  support_key, query_key = jax.random.split(key)
  return Episode(side(support_key, SHOTS), side(query_key, QUERIES), jnp.zeros(1))


def measured(algorithm: Algorithm, data: Episode, repeats: int) -> tuple[float, float]:
  """Temporary memory in MB and seconds of an update, the quickest of several.

  On a CPU, which other work may share, these are seconds of its cores and not of the wall clock.
  """
  clock = time.process_time if jax.default_backend() == "cpu" else time.perf_counter
  state = algorithm.init(_MODEL.init(jax.random.key(1), data.support.x[0, :1]))
  program = jax.jit(algorithm.update).lower(jax.random.key(2), state, data).compile()
  times = []
  for _ in range(repeats):
    began = clock()
    jax.block_until_ready(program(jax.random.key(2), state, data))
    times.append(clock() - began)
  memory = program.memory_analysis()
  assert memory is not None  # every backend of today has one
  return memory.temp_size_in_bytes / 1e6, min(times)


def draw(results: dict[str, list[tuple[float, float]]], steps: tuple[int, ...], picture: Path) -> None:
  matplotlib.use("Agg")
  from matplotlib import pyplot

  figure, panels = pyplot.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
  for axes, column, label in zip(panels, (0, 1), ("temporary memory, MB", "seconds"), strict=True):
    for way, numbers in results.items():
      axes.plot(steps, [row[column] for row in numbers], marker="o", markersize=3, label=way)
    axes.set(xscale="log", yscale="log", xlabel="inner steps", ylabel=label, xticks=steps, xticklabels=steps)
    axes.minorticks_off()
  panels[0].legend(fontsize=8)
  figure.suptitle("Meta-gradient of one machine, 1-D convolutional network", fontsize=10)
  figure.savefig(picture, dpi=150)


def main(
  steps: tuple[int, ...] = (1, 5, 20, 100), repeats: int = 3, picture: Path = Path("notebooks/depth.png")
) -> None:
  data = episode(jax.random.key(0))
  table = Table("MB (s)", *map(str, steps), title=f"{jax.devices()[0].device_kind}, JAX {jax.__version__}")
  results = {}
  for way, made in WAYS.items():
    results[way] = [measured(made(count), data, repeats) for count in track(steps, way)]
    table.add_row(way, *(f"{memory:,.0f} ({seconds:.2f})" for memory, seconds in results[way]))
  Console(width=120).print(table)
  draw(results, steps, picture)


if __name__ == "__main__":
  tyro.cli(main)
