"""A meta-step of Conv4 on an accelerator: which way of convolving is the fastest, and how far it is from the memory.

python scripts/measure_gpu.py
python scripts/measure_gpu.py --tasks 2 --seconds 0.1     (a try, anywhere)

The workload is W4 of benchmark_workloads.py: MAML of second order through five steps, 5 ways, 5 labels and 75 questions
of 28 x 28. Ways: patches, what the library does; taps, a sum of nine matrix products without patches; grouped, what
vmap makes of a convolution. "unrolled" has the inner steps one after the other and not in a loop. Share of the floor:
the seconds that the bytes of the compiled program take at the speed of a large copy, over the seconds of a step; bytes
are XLA's own count, which takes a loop's body once, and so they are left out where there is a loop.

Not measured yet: on an H100 (2026-11-27, JAX 0.11.2, no Triton products) all ways together were not compiled within 70
seconds of a first start, and there was no more time. It runs on a CPU.
"""

import importlib
import itertools
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest import mock

import benchmark_workloads as workloads
import jax
import jax.numpy as jnp
import tyro
from rich.console import Console
from rich.table import Table

from mtl_jax.models import conv

inner_loop = importlib.import_module("mtl_jax.meta.inner_loop")  # the package has a function of that name
console = Console(width=130)
Step = Any


def taps(x, kernel, strides, padding):
  """One matrix product for each place of the kernel, added up."""
  space, window, channels = x.shape[1:-1], kernel.shape[:-2], x.shape[-1]
  pads = jax.lax.padtype_to_pads(space, window, strides, padding)
  each = zip(space, pads, window, strides, strict=True)
  out = [(n + low + high - k) // s + 1 for n, (low, high), k, s in each]
  x = jnp.pad(x, [(0, 0), *pads, (0, 0)])
  total = jnp.zeros((), x.dtype)
  for place in itertools.product(*map(range, window)):
    last = [p + (o - 1) * s + 1 for p, o, s in zip(place, out, strides, strict=True)]
    total += jax.lax.slice(x, (0, *place, 0), (x.shape[0], *last, channels), (1, *strides, 1)) @ kernel[place]
  return total


def grouped(x, kernel, strides, padding):
  return jax.lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


CONVOLVE = {"patches": conv.convolve, "taps": taps, "grouped": grouped}


def ways(tasks: int) -> list[tuple[str, str, bool, int]]:
  """Way, type, whether unrolled, tasks at once."""
  found = [("patches", dtype, unrolled, tasks) for dtype in ("float32", "bfloat16") for unrolled in (False, True)]
  found += [("taps", "bfloat16", True, tasks)]
  found += [("grouped", dtype, False, tasks) for dtype in ("float32", "bfloat16") if tasks < 256]
  return found + [("patches", "bfloat16", False, chunk) for chunk in (64, 128) if chunk < tasks]


def lowered(w: workloads.Workload, way: str, dtype: str, unrolled: bool, chunk: int) -> tuple[Any, Any]:
  """The traced step and what it takes."""
  made = workloads.algorithm(w, compute_dtype=jnp.dtype(dtype), chunk=chunk)
  arguments = workloads.arguments(w, workloads.given(w), made)
  few = 2**40 if unrolled else inner_loop._SMALL
  with mock.patch.object(conv, "convolve", CONVOLVE[way]), mock.patch.object(inner_loop, "_SMALL", few):
    return jax.jit(made.update).lower(*arguments), arguments


def compiled(given: tuple[Any, Any]) -> tuple[Any, Any, float]:
  began = time.perf_counter()
  return given[0].compile(), given[1], time.perf_counter() - began


def seconds_of(step: Step, seconds: float) -> float:
  jax.block_until_ready(step())
  times, until = [], time.perf_counter() + seconds
  while not times or time.perf_counter() < until:
    began = time.perf_counter()
    jax.block_until_ready([step() for _ in range(5)])
    times.append((time.perf_counter() - began) / 5)
  return statistics.median(times)


def copy_speed(seconds: float, size: int) -> float:
  """Bytes a second, read and written."""
  x, plus_one = jnp.ones(size, jnp.float32), jax.jit(lambda x: x + 1.0)
  return 8 * size / seconds_of(lambda: plus_one(x), seconds)


def top_kernels(step: Step, folder: Path, count: int = 12) -> list[tuple[str, float]]:
  """Names of kernels with their shares of the time on the device, of five steps; empty where there is no GPU."""
  with jax.profiler.trace(str(folder)):
    jax.block_until_ready([step() for _ in range(5)])
  times: dict[str, float] = {}
  for plane in jax.profiler.ProfileData.from_file(str(max(folder.rglob("*.xplane.pb")))).planes:
    streams = [line for line in plane.lines if "GPU" in plane.name and line.name.startswith("Stream")]
    for event in itertools.chain.from_iterable(line.events for line in streams):
      name = event.name.split("(")[0][:70]
      times[name] = times.get(name, 0.0) + event.duration_ns
  whole = sum(times.values())
  return [(name, t / whole) for name, t in sorted(times.items(), key=lambda pair: -pair[1])[:count]]


def measure(tasks: int, seconds: float, threads: int, speed: float, profile: Path | None) -> None:
  """Prints the table of a number of tasks."""
  w = workloads.w4(tasks)
  with ThreadPoolExecutor(threads) as pool:
    programs = list(pool.map(compiled, [lowered(w, *way) for way in ways(tasks)]))
  table = Table(f"{tasks} tasks", "ms a step", "compile s", "temporaries, GB", "bytes, GB", "share of the floor")
  steps: dict[str, tuple[float, Step]] = {}
  for (way, dtype, unrolled, chunk), (program, arguments, took) in zip(ways(tasks), programs, strict=True):
    name = f"{way}, {dtype}" + ", unrolled" * unrolled + f", {chunk} at once" * (chunk < tasks)

    def step(program=program, arguments=arguments):
      return program(*arguments)

    s = seconds_of(step, seconds)
    steps[name] = s, step
    moved = program.cost_analysis()["bytes accessed"]
    floor = (f"{moved / 1e9:.2f}", f"{moved / speed / s:.0%}") if unrolled and chunk == tasks else ()
    temporaries = program.memory_analysis().temp_size_in_bytes / 1e9
    table.add_row(name, f"{1e3 * s:.2f}", f"{took:.0f}", f"{temporaries:.2f}", *floor)
  console.print(table)
  if profile:
    name, (_, step) = min(steps.items(), key=lambda item: item[1][0])
    console.print(f"kernels of {name}:")
    for kernel, share in top_kernels(step, profile / str(tasks)):
      console.print(f"  {share:6.1%}  {kernel}", soft_wrap=True, markup=False)


def main(
  tasks: tuple[int, ...] = (32, 512), seconds: float = 0.5, threads: int = 8, profile: Path | None = None
) -> None:
  """Args:
  tasks: of a meta-step.
  seconds: of warm steps for each way.
  threads: that compile at once.
  profile: a folder for traces; the kernels of the fastest way are then printed.
  """
  speed = copy_speed(seconds, 2**24 if jax.default_backend() == "cpu" else 2**28)
  console.print(f"{jax.devices()[0].device_kind}, JAX {jax.__version__}, a copy moves {speed / 1e9:,.0f} GB/s")
  for n in tasks:
    measure(n, seconds, threads, speed, profile)


if __name__ == "__main__":
  tyro.cli(main, description=__doc__)
