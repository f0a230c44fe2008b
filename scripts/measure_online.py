"""How long a learner on a stream takes to answer and to learn one label, on one core.

OMP_NUM_THREADS=1 taskset -c 0 python scripts/measure_online.py

Two targets, nine inputs, networks and settings as in scripts/replay.py (34 features for the Bayesian learners); the
call from Python included, and one label at a time. Median and 99th percentile of 2,000 calls by the clock, and 99th
percentile of the processor's time, ms, measured 2026-11-27 (JAX 0.10.2) on one core of a quiet machine:

                                 predict            update
  persistence                    0.01 (0.02; 0.02)  0.01 (0.02; 0.02)
  ridge on 168 labels            0.01 (0.03; 0.03)  0.05 (0.11; 0.11)
  alpaca                         0.04 (0.09; 0.09)  0.05 (0.11; 0.11)
  moca, 12 runs                  0.03 (0.07; 0.07)  0.08 (0.16; 0.16)
  steps on head                  0.02 (0.05; 0.05)  0.09 (0.17; 0.17)
  steps on FiLM                  0.03 (0.06; 0.06)  0.12 (0.25; 0.26)
  steps on LoRA                  0.04 (0.10; 0.10)  0.22 (0.42; 0.42)
  r2d2 on 168 labels             0.09 (0.18; 0.18)  0.10 (0.17; 0.17)
  r2d2 on 168 labels, following  0.09 (0.18; 0.18)  1.21 (1.45; 1.45)
  anp on 168 labels              0.13 (0.23; 0.23)  0.23 (0.39; 0.39)
  anp on 168 labels, following   0.12 (0.24; 0.25)  2.25 (2.63; 2.63)

On a core that a dozen other processes shared the clock's 99th percentiles were 9 to 29 ms for an answer and up to 175
ms for an update. Steps are taken at every sixth label, and who follows the leader is updated on four stretches of 192
labels at each.

The transformer, measured 2026-11-28 on a core with others about, following with 300 calls, the quietest of three runs
of each (in the next one answers' 99th percentiles by the clock were 22.6 and 21.5 ms); each was compiled once:

  in_context on 168 labels             2.37 (3.51; 3.19)  0.89 (1.90; 1.70)
  in_context on 168 labels, following  3.50 (6.49; 5.38)  51.91 (71.49; 67.54)

Beside a dozen others and at low priority its 99th percentiles by the clock were 56 and 54 ms, following 0.3 and 3 s.
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from rich.table import Table

from mtl_jax import emissions, online
from mtl_jax.job import console, exit_with_message
from mtl_jax.models import MLP
from mtl_jax.online import linear_and, wide_prior
from mtl_jax.types import Batch, OnlineLearner

INPUTS, TARGETS, WIDTH, CALLS = 9, 2, 34, 2000
FULL = 240  # labels after which every learner does all that it ever does
_NET = MLP((64, 64, WIDTH - INPUTS - 1), norm="none")
_features = linear_and(_NET.apply)


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
  prior = wide_prior(_NET.init(key, x), WIDTH, 1.0, np.ones(TARGETS))
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
  exit_with_message(lambda argv: tyro.cli(main, args=argv, description=__doc__), sys.argv[1:])
