"""A conditional neural process that reads the latest periods and says levels, trained on what they cost."""

from functools import cache, lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import Partial

from mtl_jax.fit import fit
from mtl_jax.losses import pinball
from mtl_jax.meta.cnp import cnp as neural_process
from mtl_jax.models import MLP
from mtl_jax.restock.own import track
from mtl_jax.restock.problem import SHORT, Problem, others, ratio, windows
from mtl_jax.tasks import demand
from mtl_jax.tasks.rows import Rows
from mtl_jax.types import Algorithm, Array, Batch, Episode, PyTree, TaskFamily

STEPS = 2_000


def _summed(sample: Partial, key: Array) -> Episode:
  """An episode of `demand.ahead` whose question is all of its periods together."""
  episode: Episode = sample(key)
  total = jnp.sum(episode.query.y[:, 0])
  return episode._replace(query=Batch(episode.query.x[:1], total[None, None], jnp.ones(1, bool)))


_ENCODER, _DECODER = MLP((64, 64, 64), norm="layer"), MLP((64, 64, len(SHORT)), norm="layer")


def _newsvendor(prediction: Array, target: Array) -> Array:
  """Levels for each b (n, SHORT), what they had to cover (n, 1) -> (n,): what they cost."""
  cost = [
    (1.0 + b) * pinball(prediction[:, i : i + 1], target[:, 0], jnp.full(1, ratio(b))) for i, b in enumerate(SHORT)
  ]
  return sum(cost[1:], cost[0])


def _asked(window: Array) -> tuple[Batch, Array]:
  """(memory,) what was sold -> a support set and a question as `demand.ahead` has them."""
  memory = len(window)
  y, known = jnp.stack([window, jnp.ones_like(window)], axis=1), jnp.ones(memory, bool)
  of_product = demand.size(window, known)
  x = jnp.stack([jnp.arange(-memory, 0, dtype=window.dtype), jnp.full(memory, of_product)], axis=1)
  return Batch(x, y, known), jnp.stack([jnp.zeros_like(of_product), of_product])[None]


@lru_cache(maxsize=2)
def _process(span: int) -> Algorithm:
  """Levels that cover `span` periods."""

  def encode(params: PyTree, x: Array, y: Array) -> Array:
    return jnp.asarray(_ENCODER.apply(params["encoder"], demand.pairs(x, y)))

  def decode(params: PyTree, x: Array, r: Array) -> Array:
    raw = jnp.asarray(_DECODER.apply(params["decoder"], demand.question(x, r)))
    return span * x[:, demand.SIZE : demand.SIZE + 1] * jnp.cumsum(jax.nn.softplus(raw), axis=1)

  rate = optax.cosine_decay_schedule(1e-3, STEPS)
  return neural_process(encode, decode, _newsvendor, outer=optax.adamw(rate, weight_decay=0.1))


@jax.jit
def _untrained(key: Array, window: Array) -> PyTree:
  encoder, decoder = jax.random.split(key)
  support, x = _asked(window)
  return {
    "encoder": _ENCODER.init(encoder, demand.pairs(support.x, support.y)),
    "decoder": _DECODER.init(decoder, demand.question(x, jnp.zeros(64))),
  }


@partial(jax.jit, static_argnums=0)
def _answers(algorithm: Algorithm, state: Any, windows: Array) -> Array:
  """(n, memory) -> (n, SHORT)"""
  return jax.lax.map(
    lambda window: algorithm.predict(jax.random.key(0), state, *_asked(window))[0], windows, batch_size=256
  )


@cache
def _levels(problem: Problem, seed: int) -> np.ndarray:
  """(products, periods from `cut` on, SHORT) levels."""
  span, memory = problem.lead + 1, problem.memory
  algorithm = _process(span)
  recent = windows(problem, problem.cut, memory)
  found = np.zeros((*recent.shape[:2], len(SHORT)))
  for turn, (known, test) in enumerate(others(problem)):
    sold = jnp.asarray(problem.sold[known, : problem.cut], jnp.float32)
    rows = Rows(
      jnp.zeros((*sold.shape, 1)), jnp.stack([sold, jnp.ones_like(sold)], axis=2), jnp.ones(sold.shape, bool),
      jnp.asarray(known, jnp.int32),
    )  # fmt: skip
    family = demand.ahead(rows, shots=(memory // 2, memory), queries=span, places=memory)
    family = TaskFamily(Partial(_summed, family.sample))
    first, key = jax.random.split(jax.random.key(2 * seed + turn))
    start = algorithm.init(_untrained(first, sold[0, :memory]))
    state, _ = fit(key, algorithm, start, family, steps=STEPS, tasks_per_step=32, chunk_steps=500)
    flat = _answers(algorithm, state, jnp.asarray(recent[test].reshape(-1, memory)))
    found[test] = np.asarray(flat).reshape(len(test), -1, len(SHORT))
  return found


def cnp(problem: Problem, short: float, seed: int = 0) -> np.ndarray:
  """A conditional neural process of the latest periods, trained on what its levels cost."""
  return _levels(problem, seed)[:, :, SHORT.index(short)]


def conformal_cnp(problem: Problem, short: float, rate: float, seed: int = 0) -> np.ndarray:
  scale = windows(problem, problem.cut, problem.memory).mean(2) + 0.1
  return track(problem, short, cnp(problem, short, seed), scale, rate, 0.0)
