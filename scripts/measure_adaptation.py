"""How many machines a second can be learned from, and adapted to, on this device.

python scripts/measure_adaptation.py
python scripts/measure_adaptation.py --tasks 10000 --tasks-per-step 1024      (for a GPU)

The network and the sizes of configs/fleet_diagnosis.py: 284 numbers of a window, eight conditions, five labels and ten
questions of each; random numbers in place of windows, which cost the same. Every number is of compiled programs.

Measured 2026-11-26 on 2 CPU cores (JAX 0.10.2), and with --tasks 10000 --tasks-per-step 1024 on an NVIDIA H100 80GB
(JAX 0.11.2), tasks a second:

                     learned from          adapted to
                     CPU       H100        CPU       H100
  maml, 5 steps      194       23,884      590       146,982
  maml, first order  408       80,136      575       147,344
  anil, 5 steps      1,047     118,618     5,172     939,921
  protonet           1,280     163,859     6,773     1,189,682
  r2d2               666       107,414     6,199     751,457
"""

import sys
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
import tyro
from rich.console import Console
from rich.table import Table

import mtl_jax
from mtl_jax.command import exit_with_message
from mtl_jax.types import Algorithm, Batch, Episode

FEATURES, CLASSES, SHOTS, QUERIES = 284, 8, 5, 10
_HEADED = mtl_jax.models.MLP((256, 128, CLASSES), norm="layer")
_EMBEDDING = mtl_jax.models.MLP((256, 128, 64), norm="layer")


def _apply(params: Any, x: Any) -> jax.Array:
  return jnp.asarray(_HEADED.apply(params, x))


def _embed(params: Any, x: Any) -> jax.Array:
  return jnp.asarray(_EMBEDDING.apply(params, x))


def algorithms() -> dict[str, tuple[Any, Algorithm]]:
  """Name -> network, algorithm."""
  loss, inner, outer = mtl_jax.losses.cross_entropy, optax.sgd(0.1), optax.adam(1e-3)
  steps: dict[str, Any] = {"inner": inner, "inner_steps": 5, "outer": outer}
  return {
    "maml, 5 steps": (_HEADED, mtl_jax.maml(_apply, loss, **steps)),
    "maml, first order": (_HEADED, mtl_jax.maml(_apply, loss, first_order=True, **steps)),
    "anil, 5 steps": (_HEADED, mtl_jax.anil(_apply, loss, **steps)),
    "protonet": (_EMBEDDING, mtl_jax.protonet(_embed, loss, classes=CLASSES, outer=outer)),
    "r2d2": (_EMBEDDING, mtl_jax.r2d2(_embed, loss, classes=CLASSES, outer=outer)),
  }


def episodes(key: jax.Array, tasks: int) -> Episode:
  def side(key: jax.Array, count: int) -> Batch:
    x = jax.random.normal(key, (tasks, CLASSES * count, FEATURES))
    y = jnp.tile(jnp.repeat(jnp.arange(CLASSES), count), (tasks, 1))
    return Batch(x, y, jnp.ones(y.shape, bool))

  support_key, query_key = jax.random.split(key)
  return Episode(side(support_key, SHOTS), side(query_key, QUERIES), jnp.arange(tasks))


def _seconds(f: Callable[[], Any], repeats: int = 5) -> float:
  """The quickest of several calls, the first one left out."""
  jax.block_until_ready(f())
  times = []
  for _ in range(repeats):
    began = time.perf_counter()
    jax.block_until_ready(f())
    times.append(time.perf_counter() - began)
  return min(times)


def main(tasks: int = 1000, tasks_per_step: int = 80, chunk: int = 200) -> None:
  table = Table("method", "learned from, tasks/s", "adapted to, tasks/s", title=str(jax.devices()[0].device_kind))
  learn, asked = (episodes(jax.random.key(i), count) for i, count in enumerate((tasks_per_step, tasks)))
  for name, (net, algorithm) in algorithms().items():
    state = algorithm.init(net.init(jax.random.key(2), jnp.zeros((1, FEATURES))))
    update = jax.jit(algorithm.update)

    @jax.jit
    def adapt(state: Any, asked: Episode, algorithm: Algorithm = algorithm) -> jax.Array:
      def answer(episode: Episode) -> jax.Array:
        return algorithm.predict(jax.random.key(0), state, episode.support, episode.query.x)

      return jax.lax.map(answer, asked, batch_size=chunk)

    learning = _seconds(lambda update=update, state=state: update(jax.random.key(3), state, learn))
    adapting = _seconds(lambda adapt=adapt, state=state: adapt(state, asked))
    table.add_row(name, f"{tasks_per_step / learning:,.0f}", f"{tasks / adapting:,.0f}")
  Console().print(table)


if __name__ == "__main__":
  exit_with_message(lambda argv: tyro.cli(main, args=argv), sys.argv[1:])
