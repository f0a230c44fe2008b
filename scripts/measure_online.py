"""How long a learner on a stream takes to answer and to learn one label, on one core.

OMP_NUM_THREADS=1 taskset -c 0 python scripts/measure_online.py

Two targets, nine inputs, 34 features (a network's 24 beside the inputs and a constant) for the Bayesian learners, as in
scripts/replay.py; the call from Python included. Median and 99th percentile of 2,000 calls, ms, measured 2026-11-27 on
a CPU core that other work shared, of which the high percentiles tell:

                       predict      update
  persistence          0.01 (0.07)  0.01 (0.02)
  ridge on 168 labels  0.01 (1.20)  0.04 (11.68)
  alpaca               0.03 (0.08)  0.05 (0.09)
  moca, 12 runs        0.03 (0.30)  0.08 (3.36)
"""

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table

from mtl_jax import emissions, online
from mtl_jax.job import console
from mtl_jax.models import MLP
from mtl_jax.online import Prior
from mtl_jax.types import Batch, OnlineLearner

INPUTS, TARGETS, WIDTH, CALLS = 9, 2, 34, 2000
FULL = 240  # labels after which every learner does all that it ever does
_NET = MLP((64, 64, WIDTH - INPUTS - 1), norm="none")


def _features(net: Any, x: jax.Array) -> jax.Array:
  return jnp.concatenate([jnp.ones((len(x), 1)), x, jnp.asarray(_NET.apply(net, x))], axis=1)


def timed(call: Callable[[], Any]) -> str:
  """Median and 99th percentile of the time on the clock, and 99th percentile of the processor's, ms."""
  clock, processor = [], []
  for _ in range(CALLS):
    began, used = time.perf_counter(), time.process_time()
    jax.block_until_ready(call())
    clock.append(time.perf_counter() - began)
    processor.append(time.process_time() - used)
  numbers = (*np.quantile(clock, (0.5, 0.99)), np.quantile(processor, 0.99))
  return "{:.2f} ({:.2f}; {:.2f})".format(*(1e3 * seconds for seconds in numbers))


def few_shot(key: jax.Array) -> dict[str, tuple[OnlineLearner, Any]]:
  """Few-shot algorithms on the last labels, which stay as they are, or follow the leader."""
  found = {}
  for kind, make in emissions.FEW_SHOT.items():
    algorithm, first = make(3e-4)
    for name, delay in (("", None), (", following", 24)):
      found[f"{kind} on 168 labels{name}"] = emissions.remembering(algorithm, delay), algorithm.init(first(key))
  return found


def main() -> None:
  key, x = jax.random.key(0), jnp.ones((1, INPUTS))
  prior = Prior(_NET.init(key, x), jnp.zeros((WIDTH, TARGETS)), jnp.zeros(WIDTH), jnp.zeros(TARGETS))
  ridge = online.window_ridge(lambda params, x: x, window=168, penalty=100.0, features=INPUTS, targets=TARGETS)
  steps = {part: emissions.stepping(part, 12, 168) for part in emissions.PARTS}
  learners: dict[str, tuple[OnlineLearner, Any]] = {
    "persistence": (online.persistence(), jnp.zeros(TARGETS)),
    "ridge on 168 labels": (ridge, ()),
    "alpaca": (online.alpaca(_features, kept=0.98), prior),
    "moca, 12 runs": (online.moca(_features, hazard=0.01, runs=12), prior),
    **{f"steps on {part}": (learner, first(key)) for part, (learner, first) in steps.items()},
    **few_shot(key),
  }
  table = Table("learner", "predict", "update")
  for name, (learner, start) in learners.items():
    state, label = learner.init(start), Batch(x, jnp.ones((1, TARGETS)), jnp.ones(1, bool))
    predict, update = jax.jit(learner.predict), jax.jit(learner.update)

    def learn(update=update, label=label) -> Any:
      nonlocal state
      state, _ = update(key, state, label)
      return state

    for _ in range(FULL):
      learn()
    jax.block_until_ready(predict(key, state, x))
    answers = timed(lambda predict=predict, state=state: predict(key, state, x))
    table.add_row(name, answers, timed(learn))
  console.print("median (99th percentile; that of processor time), ms", table)


if __name__ == "__main__":
  main()
