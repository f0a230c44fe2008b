"""Measures a step of every aggregator at K = 8 tasks and P = 1e6 parameters, beside TorchJD where it is installed.

python scripts/measure_aggregators.py
python scripts/measure_aggregators.py --repeats 51     # with the extra "bench": pip install -e '.[bench]'

Columns, ms, medians of repeats in which all columns of all aggregators take turns:

  weights    weights from a ready Gram matrix (K x K)
  on J       from a Jacobian J (K x P, float32): its Gram matrix, the weights, and the combined gradient
  joint      a whole update of `mtl_jax.joint`, from 64 examples to new parameters
  TorchJD    its aggregator of the same name called on the same J, on the CPU: compare it with "on J"
  differs    how far its combined gradient is from ours, relative to the length of its own; not for those that draw

Measured 2026-11-27 on 2 CPU cores of an x86_64 virtual machine beside one other job (JAX 0.10.2, TorchJD 0.18.0,
PyTorch 2.13.0, 5 repeats; only columns beside one another compare):

  weights    0.21 to 0.60, whichever aggregator
  on J       17.6 to 19.3, about all of it J J'; 2.3 to 2.4 for mean, sum, random, constant and gradnorm, whose weights
             do not look at it in a first step, so that the compiler leaves it out
  joint      60 to 62 for every aggregator: the Gram matrix and the gradient, of which weights are at most 1 %
  TorchJD    8.7 to 14.8, and nash_mtl 28 and config 492; 2.9 to 3.0 for mean, sum and random: on a ready J its product
             J J' is twice as fast as XLA's, and ours is ahead where a host solver or a pseudo-inverse of J is called.
             What it takes to make J is not in here; ours never makes it
  differs    at most 6e-6 of the gradient's length; cagrad 6e-5, config 4e-5, and mgda 2e-3, a likely
             reason for which is that it makes at most 100 Frank-Wolfe steps
"""

import importlib
import importlib.util
import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import tyro
from rich.console import Console
from rich.table import Table

import mtl_jax
from mtl_jax import multitask
from mtl_jax.command import exit_with_message
from mtl_jax.losses import squared_error
from mtl_jax.types import Aggregator, Batch

TASKS, WIDTH, EXAMPLES = 8, 996, 64  # 996 (996 + 8) = 999,984 parameters
OURS: dict[str, Aggregator] = {
  name: getattr(multitask, name)()
  for name in (
    *("mean", "sum", "random", "mgda", "pcgrad", "gradvac", "cagrad", "imtl_g", "nash_mtl", "aligned_mtl"),
    *("upgrad", "dualproj", "config", "sdmgrad", "db_mtl", "gradnorm"),
  )
}
OURS |= {
  "constant": multitask.constant((1.0,) * TASKS),
  "fairgrad": multitask.fairgrad(2.0),
  "modo": multitask.modo(0.1),
  "krum": multitask.krum(1, 2),
}
THEIRS: dict[str, tuple[str, dict[str, Any]]] = {
  "mean": ("Mean", {}),
  "sum": ("Sum", {}),
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
DRAWN = ("random", "pcgrad", "gradvac")  # compared in time only
COLUMNS = ("weights", "on J", "joint", "TorchJD")
Call = Callable[[], Any]


def apply(params: Any, x: dict[str, jax.Array]) -> dict[str, jax.Array]:
  z = jnp.tanh(x["all"] @ params["trunk"])
  return {f"{k}": z @ params["heads"][k][:, None] for k in range(TASKS)}


def ours(aggregator: Aggregator, jacobian: jax.Array) -> dict[str, Call]:
  """{column: a call that waits for its result}."""
  key, state = jax.random.key(0), aggregator.init(TASKS)
  losses, active = jnp.ones(TASKS), jnp.ones(TASKS, bool)

  def on_jacobian(jacobian: jax.Array) -> jax.Array:
    return aggregator.combine(key, jacobian @ jacobian.T, losses, active, state)[0] @ jacobian

  rng = np.random.default_rng(1)
  x, y = (jnp.asarray(rng.normal(size=(1, EXAMPLES, n)), jnp.float32) for n in (WIDTH, 1))
  names = [f"{k}" for k in range(TASKS)]
  labels, everything = {name: (k + 1.0) * y for k, name in enumerate(names)}, jnp.ones((1, EXAMPLES), bool)
  data = {"all": Batch(x, labels, dict.fromkeys(names, everything))}
  trunk, heads = (jnp.asarray(rng.normal(size=(n, WIDTH)) / WIDTH**0.5, jnp.float32) for n in (WIDTH, TASKS))
  joint = mtl_jax.joint(apply, dict.fromkeys(names, squared_error), outer=optax.sgd(0.1), aggregator=aggregator)
  combine, whole, update = jax.jit(aggregator.combine), jax.jit(on_jacobian), jax.jit(joint.update)
  gram, start = jacobian @ jacobian.T, joint.init({"trunk": trunk, "heads": heads})
  return {
    "weights": lambda: jax.block_until_ready(combine(key, gram, losses, active, state)),
    "on J": lambda: jax.block_until_ready(whole(jacobian)),
    "joint": lambda: jax.block_until_ready(update(key, start, data)),
  }


def theirs(name: str, jacobian: jax.Array) -> dict[str, Call]:
  """As `ours`; empty where TorchJD has no such aggregator."""
  if name not in THEIRS or importlib.util.find_spec("torchjd") is None:
    return {}
  torch, aggregation = importlib.import_module("torch"), importlib.import_module("torchjd.aggregation")
  kind, options = THEIRS[name]
  aggregator, matrix = getattr(aggregation, kind)(**options), torch.from_numpy(np.array(jacobian))
  return {"TorchJD": lambda: aggregator(matrix)}


def main(repeats: int = 21) -> None:
  jacobian = jnp.asarray(np.random.default_rng(0).normal(size=(TASKS, WIDTH * (WIDTH + TASKS))), jnp.float32)
  calls = {name: ours(one, jacobian) | theirs(name, jacobian) for name, one in OURS.items()}
  times: dict[tuple[str, str], list[float]] = {(name, column): [] for name, of in calls.items() for column in of}
  for _ in range(repeats + 1):  # the first compiles
    for name, column in times:
      began = time.perf_counter()
      calls[name][column]()
      times[name, column].append(1e3 * (time.perf_counter() - began))
  absent = "not installed" if importlib.util.find_spec("torchjd") is None else "–"
  table = Table("aggregator", *COLUMNS, "differs", title=str(jax.devices()[0].device_kind))
  for name in OURS:
    cells = {column: f"{np.median(times[name, column][1:]):.3g}" for column in calls[name]}
    if "TorchJD" in calls[name] and name not in DRAWN:
      one, other = (np.asarray(calls[name][column](), np.float64) for column in ("on J", "TorchJD"))
      cells["differs"] = f"{np.linalg.norm(one - other) / np.linalg.norm(other):.1g}"
    table.add_row(name, *(cells.get(column, absent) for column in (*COLUMNS, "differs")))
  Console().print(table)


if __name__ == "__main__":
  exit_with_message(lambda argv: tyro.cli(main, args=argv), sys.argv[1:])
