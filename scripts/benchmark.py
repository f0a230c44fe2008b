"""One step of training in mtl_jax and in PyTorch: the same work, in turn, on the same cores.

python scripts/benchmark.py                 (needs the extra "bench": pip install -e '.[bench]')
python scripts/benchmark.py --quick         (W1 and W2 once each, nothing of PyTorch compiled)
python scripts/benchmark.py --only "W6, upgrad" --out runs/all     (one workload; others' rows in that folder stay)
taskset -c 0 python scripts/benchmark.py    (on one core)

Ours makes a device of every core, as the other scripts do; "one device" is without. Each contender has a process of its
own, and its own number of threads and of tasks at once (`benchmark_peers.py`). It must find the same first loss (to
1e-5) and norm of the meta-gradient (to 1e-3; of W6 the trunk's alone, since the heads' hides the aggregator) and end
with a finite loss, or the run ends with an error. Columns: the median of a step's milliseconds; how many times ours,
over the same turns; the goal where there is one, for the best of PyTorch; CPU milliseconds of all cores, which other
work disturbs less; matrix products a second against those of a large product in the same run; MB that a warm step needs
beyond what its process holds, by the system's high-water mark; seconds of the first step, compilation included; tasks
at once and threads. All of it is in benchmark.json.

W1 to W4 are a meta-update of second-order MAML (`benchmark_workloads.py`), W5 is the main job's own step, which has no
peer, and W6 a step of 8 tasks on one trunk beside TorchJD's (`benchmark_steps.py`).

Measured 2026-11-28 on 2 quiet CPU cores (x86_64, JAX 0.10.2, PyTorch 2.13.0, --rounds 5 --seconds 2, a workload a
run), as times our milliseconds on two devices; "c" is with torch.compile; CPU milliseconds are ours and those of the
best of PyTorch; of peak: our matrix products. W2 with 32 is of 2026-11-29. The last three rows are of before
`models/product.py`, beside work of lower priority:

                     ours, ms  one dev.  torch.func  c     by hand  c     grouped task by task goal  CPU ms      of peak
  W1, 25, 5 steps      4.34     0.81       5.3       1.65    3.0    1.60             46        4    7.0 / 14      8 %
  W1, 512, 5 steps    26.8      1.70       3.9       2.95    3.6    3.4             146        3    49 / 155     29 %
  W1, 1,024, 5 st.    47.1      1.89       4.1       3.2     4.1    3.8             147        3    85 / 299     30 %
  W2, 256            247        1.78       2.8       2.8     1.96   3.1               8.7      2.5  447 / 970    49 %
  W3, 16             817        1.10       2.1       -       1.91   -       1.56      2.3      2    1490 / 2490  54 %
  W4, 32            1500        1.09       2.1       -       2.25   -       1.98      2.9      2.3  2890 / 6470  44 %
  W2, 32              36.7      1.67       2.4       2.4     2.05   2.2               9.3           68 / 148     50 %
  W1, 25, 1 step       2.60     0.88       2.6       1.44    1.8    1.38             18        4    4.0 / 6.9     4 %
  W1, 512, 1 step     19.9      1.14       2.2       1.64    2.0    2.1              31        3    20 / 61      11 %
  W1, 1,024, 1 step   23.5      1.60       2.6       1.98    2.6    3.1              84        3    33 / 90      17 %

Of the goals, those of 1,024 curves and of task by task on 512 (146 of 100) are reached, that of 512 all but (2.95 of
3). The best of PyTorch takes 1.6 times ours for 25 curves, 1.96 for W2 with 256 tasks, 1.56 for W3 and 1.98 for W4.
PyTorch's own times move: in a run earlier that day its best took 6.8, 65, 127 and 580 ms for 25, 512 and 1,024 curves
and W2, and ours, as it was then, 6.4, 34, 57 and 270. torch.compile took 46 to 61 s for five steps of W1, 59 and 96 for
W2, ours 6 to 8. Of W3 and W4 nothing was compiled: on W3 torch.func, by
hand and grouped had no first step after 480 s each (2026-11-29, beside other work), on W4 torch.func was given up after
300 s of CPU time.
Memory of a warm step, ours / best of PyTorch, MB: W2 256 26 / 333, W3 91 / 327, W4 107 / 556.

W6, ms (CPU ms), mtl_jax / TorchJD, 2026-11-29 on quiet cores (--only W6 --rounds 3 --seconds 1): mean 8.0 / 60 (10 /
116), random 4.6 / 55 (9 / 107), mgda 89 / 99 (150 / 193), pcgrad 70 / 75 (122 / 149), gradvac 85 / 93 (147 / 174),
cagrad 90 / 104 (155 / 193), imtl_g 80 / 87 (136 / 169), nash_mtl 86 / 224 (151 / 299), fairgrad 96 / 84 (160 / 164),
aligned_mtl 94 / 88 (159 / 170), upgrad 86 / 96 (147 / 189), dualproj 86 / 88 (143 / 172), config 91 / 582 (157 / 910),
krum 82 / 85 (139 / 165). Ours is behind for fairgrad, where TorchJD takes 0.88 of our time, and aligned_mtl (0.93),
level within 5 % for two, ahead for ten (pcgrad 1.07 to cagrad 1.15, nash_mtl 2.6, config 6.4); in CPU time behind for
none. The day before, other rows were behind: differences of a tenth are not to be read into. J J' itself, 13 CPU ms of
about 160 in another run, was not beaten by five other ways of writing it. For mean and random, weights ask for no
gradient, and with the loss alone ours makes no J; TorchJD makes it all the same, and to PyTorch alone, which need not,
ours was not compared. With all metrics, as `fit` keeps them, ours makes J J' for mean too, and took 143 ms where
TorchJD took 90, beside other work. TorchJD has sum, constant, trimmed_mean, graddrop, modo, sdmgrad and excess_mtl too,
which are not measured; db_mtl it has not. W5 took 3.3 s of CPU time for its ten steps of five seeds, 3.5 on one device;
cores free enough for its milliseconds were not to be had.

--quick took 92 s, 108 s of CPU time, beside work of lower priority; on quiet cores it has not been timed.

How far ours is from what the machine allows: CPU ms of the matrix products at the speed of a large one in the same run
(56 to 61 GFLOP/s on a core), of the step, and of a step's operations, as `jax.profiler` has them on one busy core, the
share of products; what that leaves as their speed; and the ratio to PyTorch if all else took no time:

                    products at best   step   share   their speed   ratio at most
  W1, 25, 5 steps        0.7            4.5    65 %      24 %          2.5
  W1, 512, 5 steps      14             49      74 %      39 %          4.0
  W1, 1,024, 5 st.      28             85
  W2, 256              247            447      81 %      68 %          2.4
  W3, 16               880           1490      74 %      80 %          2.1
  W4, 32              1320           2890      64 %      71 %          3.1

So 4 times for 25 curves and 2.5 for W2 ask for faster products, of 10 x 40 by 40 x 40 and of 25 x 128 by 128 x 128,
than XLA has. What else W3 and W4 do is to cut patches and to add up their gradients, 25 and 36 % of a step (the rest of
the others is one number at a time): a gradient of patches is a loop that asks of each number which pieces it is in. 25
curves have 281 operations, and a compiled call that adds 1 to one number takes 21 us. Against task by task on W2, 12
times would be 179 ms on both cores, 68 % of the peak.

Tried on one busy core, CPU time after over before: products whose derivatives are of three forms (`models/product.py`),
W3 0.69, W4 0.71, W1 512 0.85 if those of many tasks are transposed by hand, W2 1.0; patches cut from one phase each, W4
0.91; a few steps unrolled, W1 512 0.75, W1 25 0.93, W2 0.95. W2 on two devices by 2, 4 or 8 tasks at once: the same
within 6 %, one by one 1.6 to 1.8 times that. W4 one by one: 0.80 of eight at once. Patches and their sum as a pair of
linear maps, each the other's gradient, the sum taken for one phase at a time, which alone takes a third of the time on
images: a step of W4 0.98, of W3 1.02, and not kept. XLA's flags for oneDNN, XNNPACK and YNNPACK (the last has most of
the products already): 1.01 to 1.07 on W2 and W1 25. Temporaries of W2
(compiled.memory_analysis()): 8 MB at 32 and at 256 tasks, 52 MB at 50 steps and 256 tasks.

W4 compiles in two to four times the 5 s that were the goal: its first step took 18.5 s in the run above with 1.5 s of
the step, 10.5 s in an earlier one. What follows was counted before `models/product.py`, with which a first step on one
busy core took 25 s in place of 29. On busy cores, CPU s: tracing 2.3 to 4, lowering 0.7, XLA 22 to 26, on one device as
on two, of which its passes on the graph take about 1. The rest is machine code for 620 fusions, 361 of them through
MLIR (24 ms of wall time each, the longest for one of 13 operations) and in 424 modules of LLVM (46 ms): they cost by
the piece. 192 are of the inner loop, 156 of its transpose, 180 of the query and the stacks of both, 89 of Adam; 82
write to stacks, 74 are sums of the normalisation, 65 cut patches and pad. At that price 5 s on quiet cores ask for half
as many, and no form was found with so few. Tried, CPU s of XLA: without the fusion emitters
(--xla_cpu_use_fusion_emitters=false) 16.6, but W2's step takes 1.3 times as long; at optimisation level 0 11.3 (its
step was not timed), at level 1 0.77 with a step of 1.13; with --xla_cpu_opt_preset=CPU_OPT_PRESET_FAST_COMPILE
(2026-11-29, a first step of four tasks) 32 for 38 and a step of 1.07; without expensive passes of LLVM or in two parts
of code no gain; rematerialise=1 no gain either, 592 fusions for 584, both with the normalisation's derivative written
by hand. That itself, in turns in one process, 26.2 for 26.2, and a step of 8 tasks 1304 CPU ms for 1189: not kept.
"""

import ctypes
import importlib.metadata
import json
import math
import multiprocessing
import os
import platform
import time
from collections.abc import Callable
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import benchmark_workloads as workloads
import numpy as np
import tyro
from benchmark_steps import THEIRS, Joint, MainJob
from benchmark_workloads import Given, Step, Workload
from rich.console import Console
from rich.table import Table

OURS, ALONE, PRODUCT, TORCHJD = "mtl_jax", "mtl_jax, one device", "matrix product", "TorchJD"
LOSS_WITHIN, NORM_WITHIN = 1e-5, 1e-3
PRODUCT_SIZE = 2048
TURN = 0.5  # seconds: shorter steps are repeated within a turn, so that threads which slept are on cores of their own
GOALS = {"W1, 25": 4.0, "W1, 512": 3.0, "W1, 1,024": 3.0, "W2, 256": 2.5, "W3": 2.0, "W4": 2.3}
"""How many times faster than the fastest of PyTorch mtl_jax ought to be on two cores, by a workload's name."""

Row = dict[str, Any]
AnyWorkload = Workload | MainJob | Joint


def _memory_of(step: Callable[[], Any]) -> float | None:
  """MB that a warm step needs beyond what the process holds before it; None where the system does not say."""
  if not (reset := Path("/proc/self/clear_refs")).exists():
    step()
    return None

  def resident(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1e3 for line in lines if line.startswith(name))

  ctypes.CDLL(None).malloc_trim(0)  # what is free goes back to the system
  reset.write_text("5")  # the high-water mark starts anew
  before = resident("VmRSS")
  step()
  return resident("VmHWM") - before


def _worker(pipe: Connection, name: str, w: AnyWorkload, g: Given | None, threads: int) -> None:
  """A contender's process: says what its first step found, then for every turn seconds, CPU seconds and loss."""
  try:
    step, said = _contender(name, w, g, threads)
    began = time.perf_counter()
    loss, norm = step()
    said |= {"first_s": time.perf_counter() - began, "loss": loss, "norm": norm, "memory_mb": _memory_of(step)}
    began = time.perf_counter()
    step()
    repeats = max(1, round(TURN / (time.perf_counter() - began)))
    pipe.send(said)
  except Exception as error:
    pipe.send({"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:200]}"})
    return
  while pipe.recv():
    began = time.perf_counter(), time.process_time()
    for _ in range(repeats):
      loss, _ = step()
    pipe.send(((time.perf_counter() - began[0]) / repeats, (time.process_time() - began[1]) / repeats, loss))


def _contender(name: str, w: Any, g: Given | None, threads: int) -> tuple[Step, Row]:
  if name in (OURS, ALONE):
    import jax

    jax.config.update("jax_enable_compilation_cache", False)  # the time of a first start is asked for
    jax.config.update("jax_default_matmul_precision", "highest")  # a GPU's default is ten bits of mantissa
    devices = 1 if name == ALONE else threads
    return w.ours(devices) if g is None else workloads.ours(w, g, devices), {}
  import benchmark_peers as peers

  if name == PRODUCT:
    product = peers.matrix_product(threads, PRODUCT_SIZE)

    def step() -> tuple[float, float | None]:
      product()
      return 0.0, None

    return step, {}
  if g is None:
    step, at_once = w.theirs(threads)
    return step, {"at_once": at_once}
  made = peers.peer(name, w, g, threads)
  return made.step, {"at_once": f"{made.tasks}, {made.threads} threads"}


def contenders(w: AnyWorkload, compiled: bool, quick: bool) -> list[str]:
  """Those beside mtl_jax."""
  if isinstance(w, Joint):
    return [TORCHJD]
  if isinstance(w, MainJob):
    return [ALONE]
  if quick:
    return ["torch.func", "by hand"]
  import benchmark_peers as peers

  return [ALONE, *peers.names(w, compiled)]


def measure(
  w: AnyWorkload, names: list[str], threads: int, rounds: int, seconds: float, patience: float = math.inf
) -> list[Row]:
  """Medians of all contenders, which take turns until each has used its seconds or had its rounds.

  Raises: RuntimeError if mtl_jax fails, one computes another first loss or gradient, or a last loss is not finite.
  """
  given, spawn = workloads.given(w) if isinstance(w, Workload) else None, multiprocessing.get_context("spawn")
  pipes, rows, times = {}, {}, {}
  processes = []
  for name in (OURS, PRODUCT, *names):  # one after the other: a first step compiles, and tries what is fastest
    pipes[name], theirs = spawn.Pipe()
    processes.append(spawn.Process(target=_worker, args=(theirs, name, w, given, threads), daemon=True))
    processes[-1].start()
    theirs.close()  # now the process alone holds this end: where it dies, `recv` raises EOFError
    in_time = pipes[name].poll(None if math.isinf(patience) else patience)
    if not in_time:
      processes[-1].kill()
    said = pipes[name].recv() if in_time else {"error": f"no first step after {patience:g} s"}
    rows[name] = {"workload": w.name, "contender": name} | said
    times[name] = []
  if "error" in rows[OURS]:
    raise RuntimeError(f"{w.name}: {rows[OURS]['error']}")
  running = [name for name in rows if "error" not in rows[name]]
  for name in running:
    if name != PRODUCT:
      require_same(w, name, rows[name], rows[OURS])
  for i in range(rounds):
    for name in running if i % 2 == 0 else reversed(running):
      if len(times[name]) < 3 or name in (OURS, ALONE, PRODUCT) or sum(wall for wall, _ in times[name]) < seconds:
        pipes[name].send(True)
        *took, rows[name]["last_loss"] = pipes[name].recv()
        times[name].append(took)
  for name, process in zip(pipes, processes, strict=True):
    if name in running:
      pipes[name].send(False)
    process.join()
  for name in running:
    if not math.isfinite(rows[name]["last_loss"]):
      raise RuntimeError(f"{w.name}: {name} diverged, to a loss of {rows[name]['last_loss']}")
  median = {name: np.median(times[name], axis=0) for name in running}
  peak = 2.0 * PRODUCT_SIZE**3 / median[PRODUCT][0]
  flops = workloads.flops(w) if isinstance(w, Workload) else w.flops
  for name in running:
    ratio = median[name] / np.median(times[OURS][: len(times[name])], axis=0)
    rows[name] |= {
      "ms": 1e3 * median[name][0],
      "cpu_ms": 1e3 * median[name][1],
      "quickest_ms": 1e3 * min(wall for wall, _ in times[name]),
      "turns": len(times[name]),
      "times_ours": ratio[0],
      "cpu_times_ours": ratio[1],
      "share_of_peak": None if flops is None else flops / median[name][0] / peak,
      "peak_gflops": peak / 1e9,
    }
  return [row for name, row in rows.items() if name != PRODUCT]


def require_same(w: AnyWorkload, name: str, row: Row, reference: Row) -> None:
  for what, within in (("loss", LOSS_WITHIN), ("norm", NORM_WITHIN)):
    if reference[what] is not None and not abs(row[what] - reference[what]) <= within * max(1.0, abs(reference[what])):
      raise RuntimeError(f"{w.name}: the first {what} of {name} is {row[what]} and ours {reference[what]}")


def goal(w: str) -> float | None:
  return next((ratio for start, ratio in GOALS.items() if w.startswith(start)), None)


def title(rows: list[Row]) -> str:
  """Where, with what and when the rows were measured: a line for each that differs."""
  of = ("device", "versions", "date")
  return "\n".join(dict.fromkeys(", ".join(row.get(what, f"{what} unknown") for what in of) for row in rows))


def print_table(console: Console, rows: list[Row], heading: str) -> None:
  columns = ("workload", "contender", "ms", "x ours", "goal", "CPU ms", "x ours", "of peak", "MB", "first s", "at once")
  table = Table(*columns, title=heading)
  for name in dict.fromkeys(row["workload"] for row in rows):
    mine = [row for row in rows if row["workload"] == name]
    best = min((row["ms"] for row in mine if "ms" in row and row["contender"] not in (OURS, ALONE)), default=None)
    for i, row in enumerate(mine):
      first = name if i == 0 else ""
      if "error" in row:
        table.add_row(first, row["contender"], "not available", row["error"])
        continue
      asked = f"{goal(name):g}" if row["ms"] == best and goal(name) else ""
      share = "" if row["share_of_peak"] is None else f"{row['share_of_peak']:.0%}"
      numbers = (f"{row['ms']:.3g}", f"{row['times_ours']:.2f}", asked, f"{row['cpu_ms']:.3g}")
      numbers += (f"{row['cpu_times_ours']:.2f}", share)
      cost = (f"{row['memory_mb']:,.1f}" if row["memory_mb"] is not None else "", f"{row['first_s']:.1f}")
      table.add_row(first, row["contender"], *numbers, *cost, row.get("at_once", ""), end_section=i == len(mine) - 1)
  console.print(table)


def draw(rows: list[Row], picture: Path, heading: str) -> None:
  import matplotlib

  matplotlib.use("Agg")
  from matplotlib import pyplot

  of = list(dict.fromkeys(row["workload"] for row in rows))
  columns = min(3, len(of))
  lines = -(-len(of) // columns)
  figure, panels = pyplot.subplots(lines, columns, figsize=(4.2 * columns, 2.1 * lines), layout="constrained")
  for axes in panels.flat if len(of) > 1 else [panels]:
    axes.set_visible(False)
  for axes, name in zip(panels.flat if len(of) > 1 else [panels], of, strict=False):
    mine = [row for row in rows if row["workload"] == name and "ms" in row][::-1]
    axes.set_visible(True)
    end = 1.1 * max(row["ms"] for row in mine if row["contender"] != "task by task")  # its bar is cut off
    bars = axes.barh(
      [row["contender"] for row in mine],
      [min(row["ms"], end) for row in mine],
      color=["C1" if row["contender"] in (OURS, ALONE) else "C0" for row in mine],
    )
    labels = [f" {ms:,.0f} ms" if (ms := row["ms"]) >= 100 else f" {ms:.3g} ms" for row in mine]
    axes.bar_label(bars, labels, fontsize=7)
    axes.set(title=name, xlim=(0, 1.3 * end))
    axes.title.set_fontsize(9)
    axes.tick_params(labelsize=7)
  figure.suptitle(heading, fontsize=10)
  figure.savefig(picture, dpi=150)


def main(
  quick: bool = False,
  only: tuple[str, ...] = (),
  compiled: bool = True,
  rounds: int = 21,
  seconds: float = 20.0,
  patience: float = math.inf,
  out: Path | None = None,
) -> None:
  """Prints a table and writes it, a picture and all numbers into a run folder.

  Args:
    quick: W1 with 512 curves and W2 with 32 tasks in three rounds, beside torch.func and by hand, not compiled.
    only: workloads whose names start so, as in --only W1 "W2, 32".
    compiled: with torch.compile.
    rounds: turns of each contender.
    seconds: of warm steps after which a slow contender has no more turns.
    patience: seconds after which a contender whose first step is not through, compilation included, is given up.
    out: the run folder, in which rows of other workloads stay; runs/benchmark-TIME if not given.
  """
  from mtl_jax.disk import replacing  # here, so that contenders of PyTorch do not load JAX

  threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
  chosen = [workloads.w1(n, steps) for n in (25, 512, 1024) for steps in (1, 5)]
  chosen += [workloads.w2(32), workloads.w2(256), workloads.w3(), workloads.w4(), MainJob(), *map(Joint, THEIRS)]
  if quick:
    chosen, rounds = [workloads.w1(512, 5), workloads.w2(32)], min(rounds, 3)
  chosen = [w for w in chosen if not only or w.name.startswith(only)]
  folder = out or Path("runs") / f"benchmark-{datetime.now():%Y%m%d-%H%M%S}"
  folder.mkdir(parents=True, exist_ok=True)
  console = Console(width=150)
  versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("jax", "torch"))
  where = {"device": f"{platform.machine()}, {threads} cores", "versions": versions}
  numbers = folder / "benchmark.json"
  names = [w.name for w in chosen]
  rows = [r for r in json.loads(numbers.read_text())["rows"] if r["workload"] not in names] if numbers.exists() else []
  for w in chosen:
    measured = measure(w, contenders(w, compiled, quick), threads, rounds, seconds, patience)
    rows += [row | where | {"date": f"{datetime.now():%Y-%m-%d}"} for row in measured]
    print_table(console, [row for row in rows if row["workload"] == w.name], w.name)
    with replacing(numbers) as file:
      file.write(json.dumps({"title": title(rows), "rows": rows}, indent=1).encode())
  print_table(console, rows, title(rows))
  draw(rows, folder / "benchmark.png", title(rows))
  console.print(f"table and picture: {folder}")


if __name__ == "__main__":
  tyro.cli(main)
