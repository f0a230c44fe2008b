"""Draws how much memory it takes to train from a set that is larger than memory.

python scripts/measure_streaming.py        (10 GB in the temporary folder, deleted afterwards)
python scripts/measure_streaming.py --gigabytes 1 --steps 200 --picture streaming.png

Another process writes Parquet files of random rows. This one checks them, trains a few steps of MAML from them and
reads as many batches ahead, while a thread notes the resident memory (Linux only). Tasks fall anywhere in the set, so
that almost every one reads a row group for itself: the slowest case.
"""

import itertools
import multiprocessing
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import optax
import pyarrow as arrow
import pyarrow.parquet as parquet
import tyro

import mtl_jax
from mtl_jax.data import stream
from mtl_jax.tasks.stream import batches, streamed

FEATURES = tuple(f"sensor_{i}" for i in range(12))
GROUP, PER_UNIT, UNITS_PER_FILE = 10_000, 50_000, 40  # rows, rows, units


def write(folder: str, gigabytes: float) -> None:
  """Files of 40 machines until there are so many 10**9 bytes."""
  rng, written, file = np.random.default_rng(0), 0, 0
  while written < gigabytes * 1e9:
    path = Path(folder) / f"part-{file:04d}.parquet"
    schema = arrow.schema(
      [("machine", arrow.int32()), ("second", arrow.int32()), *((name, arrow.float64()) for name in (*FEATURES, "y"))]
    )
    with parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False) as out:
      for machine in range(UNITS_PER_FILE * file, UNITS_PER_FILE * (file + 1)):
        x = rng.normal(size=(len(FEATURES), PER_UNIT))
        columns = [np.full(PER_UNIT, machine, np.int32), np.arange(PER_UNIT, dtype=np.int32), *x, rng.normal() * x[0]]
        out.write_table(arrow.table(columns, schema=schema), row_group_size=GROUP)
        if written + out.file_handle.tell() >= gigabytes * 1e9:
          break
    written, file = written + path.stat().st_size, file + 1


_MODEL = mtl_jax.models.MLP((32, 1))


def _apply(params: Any, x: Any) -> jax.Array:
  return jnp.asarray(_MODEL.apply(params, x))


def resident() -> float:
  """MB."""
  return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@contextmanager
def noted(curve: list[tuple[float, float]], began: float) -> Iterator[None]:
  """Adds (s, MB) to `curve` five times a second."""
  done = threading.Event()

  def note() -> None:
    while not done.wait(0.2):
      curve.append((time.perf_counter() - began, resident()))

  thread = threading.Thread(target=note)
  thread.start()
  try:
    yield
  finally:
    done.set()
    thread.join()


def main(
  gigabytes: float = 10.0,
  steps: int = 200,
  tasks_per_step: int = 16,
  cache_megabytes: int = 64,
  folder: Path | None = None,
  picture: Path = Path("streaming.png"),
) -> None:
  place = tempfile.mkdtemp(dir=folder)
  try:
    writer = multiprocessing.get_context("spawn").Process(target=write, args=(place, gigabytes))
    writer.start()
    writer.join()
    size = sum(file.stat().st_size for file in Path(place).iterdir())
    curve, phases, began = [], [("start", 0.0)], time.perf_counter()

    def phase(name: str) -> float:
      phases.append((name, time.perf_counter() - began))
      return time.perf_counter()

    with noted(curve, began):
      since = phase("check and index")
      on_disk = stream.stored(
        place, unit="machine", time="second", features=FEATURES, target="y", cache_bytes=cache_megabytes * 10**6
      )
      print(f"{size / 1e9:.2f} GB, {on_disk.total:,} rows, {len(on_disk.unit)} units")
      print(f"check and index: {time.perf_counter() - since:.1f} s")
      family = streamed(on_disk, shots=(1, 10), queries=10)
      inner, outer = optax.sgd(0.01), optax.adam(1e-3)
      algorithm = mtl_jax.maml(_apply, mtl_jax.losses.squared_error, inner=inner, inner_steps=2, outer=outer)
      state = algorithm.init(_MODEL.init(jax.random.key(0), jnp.zeros((1, len(FEATURES)))))
      since = phase("fit")
      key = jax.random.key(1)
      mtl_jax.fit(key, algorithm, state, family, steps=steps, tasks_per_step=tasks_per_step, chunk_steps=20)
      print(f"fit: {steps * tasks_per_step / (time.perf_counter() - since):.0f} tasks/s, compiling included")
      since = phase("Grain")
      for _ in batches(jax.random.key(2), family, steps=steps, tasks_per_step=tasks_per_step):
        pass
      print(f"Grain, read ahead: {steps * tasks_per_step / (time.perf_counter() - since):.0f} tasks/s")
    phases.append(("end", time.perf_counter() - began))
  finally:
    shutil.rmtree(place)
  times, memory = np.asarray(curve).T
  for (name, start), (_, stop) in itertools.pairwise(phases[1:]):
    here = memory[(times >= start) & (times < stop)]
    if not len(here):
      continue
    quarters = ", ".join(f"{part.mean():.0f}" for part in np.array_split(here, 4) if len(part))
    print(f"resident memory, {name}: most {here.max():.0f} MB, mean of each quarter {quarters} MB")
  matplotlib.use("Agg")
  from matplotlib import pyplot

  figure, axes = pyplot.subplots(figsize=(7, 3.5), layout="constrained")
  axes.plot(times, memory)
  for name, start in phases[1:-1]:
    axes.axvline(start, color="0.7", linewidth=0.8)
    axes.text(start, axes.get_ylim()[1], f" {name}", va="top", fontsize=8)
  axes.set(xlabel="seconds", ylabel="resident memory, MB", ylim=(0, None), title=f"{size / 1e9:.1f} GB streamed")
  figure.savefig(picture, dpi=150)
  print(f"curve: {picture}")


if __name__ == "__main__":
  tyro.cli(main)
