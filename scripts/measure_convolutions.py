"""Times per-task convolutions: grouped, by patches, and as a scan over tasks.

python scripts/measure_convolutions.py
"""

import statistics
import time
from unittest import mock

import jax
import optax
import tyro
from jax import lax
from rich.console import Console
from rich.table import Table

from mtl_jax import models
from mtl_jax.models import conv


def plain(x, kernel, strides, padding):
  """What vmap over kernels turns into a grouped convolution."""
  numbers = ("NWC", "WIO", "NWC") if x.ndim == 3 else ("NHWC", "HWIO", "NHWC")
  return lax.conv_general_dilated(x, kernel, strides, padding, dimension_numbers=numbers)


def scan(function):
  """vmap's meaning, one task after another."""
  return lambda *arguments: lax.map(lambda one: function(*one), arguments)


WAYS = {
  "patches, vmap": (conv.convolve, jax.vmap),
  "patches, scan over tasks": (conv.convolve, scan),
  "convolution, vmap (grouped)": (plain, jax.vmap),
  "convolution, scan over tasks": (plain, scan),
}


def derivatives(model):
  """The loss of one task, its gradient, and the gradient through one inner SGD step."""

  def loss(params, x, y):
    return optax.softmax_cross_entropy_with_integer_labels(model.apply(params, x), y).mean()

  def after_step(params, x, y):
    half = x.shape[0] // 2
    gradient = jax.grad(loss)(params, x[:half], y[:half])
    return loss(jax.tree.map(lambda p, g: p - 0.01 * g, params, gradient), x[half:], y[half:])

  return {"forward": loss, "gradient": jax.grad(loss), "second order": jax.grad(after_step)}


def measure(function, arguments, rounds, seconds):
  """Compile time, temporary memory and run times of each way, run in turn until its seconds are spent."""
  programs, compiling, times = {}, {}, {}
  for way, (convolve, over_tasks) in WAYS.items():
    start = time.perf_counter()
    # The models look `convolve` up when they are traced, so both ways share every other line.
    with mock.patch.object(conv, "convolve", convolve):
      programs[way] = jax.jit(over_tasks(function)).lower(*arguments).compile()
    compiling[way], times[way] = time.perf_counter() - start, []
  for _ in range(rounds + 1):
    for way, program in programs.items():
      if len(times[way]) < 2 or sum(times[way]) < seconds:
        start = time.perf_counter()
        jax.block_until_ready(program(*arguments))
        times[way].append(time.perf_counter() - start)
  memory = {way: program.memory_analysis().temp_size_in_bytes for way, program in programs.items()}
  return {way: (times[way][1:], compiling[way], memory[way]) for way in WAYS}


def main(rounds: int = 5, seconds: float = 10.0):
  """Prints medians of up to `rounds` warm runs; a way that has used `seconds` runs no more."""
  header = ("network", "what", "way", "median ms", "ratio", "runs", "compile s", "temporary MB")
  table = Table(*header, title=f"{jax.devices()[0].device_kind}, JAX {jax.__version__}")
  cases = {
    "Conv1D, 16 x 100 x 1024 x 1": (models.Conv1D(5), (16, 100, 1024, 1)),
    "Conv4, 32 x 80 x 28 x 28 x 1": (models.conv4(5, halve="stride"), (32, 80, 28, 28, 1)),
  }
  for network, (model, shape) in cases.items():
    x = jax.random.normal(jax.random.key(0), shape)
    y = jax.random.randint(jax.random.key(1), shape[:2], 0, 5)
    params = jax.vmap(model.init)(jax.random.split(jax.random.key(2), shape[0]), x)
    for what, function in derivatives(model).items():
      results = measure(function, (params, x, y), rounds, seconds)
      fastest = min(statistics.median(times) for times, _, _ in results.values())
      for way, (times, compiling, memory) in results.items():
        median = statistics.median(times)
        numbers = (median * 1e3, median / fastest, len(times), compiling, memory / 1e6)
        table.add_row(network, what, way, *(f"{number:.3g}" for number in numbers))
  Console(width=140).print(table)


if __name__ == "__main__":
  tyro.cli(main)
