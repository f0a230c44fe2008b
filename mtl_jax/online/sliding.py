"""Any few-shot algorithm on a stream: what came last is its support set.

A transformer that learns in context, a neural process, a ridge on learned features or a few gradient steps then adapt
to a line that drifts, with a memory of fixed size. Where `episodes` are asked for, the algorithm also goes on learning
how to adapt: after each label it is updated on stretches of the stream drawn from a longer history, labels and the
questions that followed them. That is to follow the meta-leader (C. Finn, A. Rajeswaran, S. Kakade, S. Levine, "Online
meta-learning", ICML 2019, algorithm 1), with stretches for tasks, since a line does not say where one ends.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.online.ring import Ring, empty, remember, stretch
from mtl_jax.types import Algorithm, Array, Batch, Episode, Metrics, OnlineLearner, PyTree


class SlidingState(NamedTuple):
  """The state of `sliding`.

  Attributes:
    learned: the algorithm's own.
    ring: the last `history` labels.
  """

  learned: Any
  ring: Ring


def sliding(
  algorithm: Algorithm,
  *,
  memory: int,
  inputs: tuple[int, ...],
  targets: int,
  history: int | None = None,
  episodes: int = 0,
  queries: int = 8,
  gap: int = 0,
) -> OnlineLearner:
  """Adapts to the last `memory` labels at every prediction.

  Args:
    algorithm: for regression; it has learned before from what came before the stream.
    memory: labels of the support set.
    inputs, targets: shape of a row's x, and how many numbers there are to predict.
    history: labels that are kept to go on learning from; None: `memory`.
    episodes: stretches that the algorithm is updated on after each label; 0: it stays as it is.
    queries: the labels after the support of a stretch, which it is to foresee.
    gap: labels left out between the two, as many as come while one waits for a label.

  Returns:
    An OnlineLearner whose init takes the algorithm's state. Metrics: those of its update, zeros before there are
    `memory` + `gap` + `queries` labels; none without episodes.

  Raises: ValueError if the history is too short for a stretch.
  """
  history = memory if history is None else history
  length = memory + (gap + queries if episodes else 0)
  if history < length:
    parts = f"memory={memory}" + f" + gap={gap} + queries={queries}" * bool(episodes)
    raise ValueError(f"history={history}: a stretch takes {parts}")

  def init(learned: Any) -> SlidingState:
    return SlidingState(learned, empty(history, inputs, targets))

  def predict(key: Array, state: SlidingState, x: PyTree) -> Array:
    support = stretch(state.ring, state.ring.labels - memory, memory)
    return algorithm.predict(key, state.learned, support, x)

  def learn(key: Array, state: SlidingState) -> tuple[Any, Metrics]:
    key, first_key = jax.random.split(key)
    oldest = jnp.maximum(state.ring.labels - history, 0)
    first = jax.random.randint(first_key, (episodes,), oldest, state.ring.labels - length + 1)
    support, query = (
      jax.vmap(lambda f, count=count: stretch(state.ring, f, count))(first + after)
      for after, count in ((0, memory), (memory + gap, queries))
    )
    return algorithm.update(key, state.learned, Episode(support, query, jnp.zeros(episodes, jnp.int32)))

  def update(key: Array, state: SlidingState, batch: Batch) -> tuple[SlidingState, Metrics]:
    state = SlidingState(state.learned, remember(state.ring, batch))
    if not episodes:
      return state, {}
    silent = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(learn, key, state)[1])
    enough = jnp.any(batch.mask) & (state.ring.labels >= length)
    learned, metrics = jax.lax.cond(enough, lambda: learn(key, state), lambda: (state.learned, silent))
    return state._replace(learned=learned), metrics

  return OnlineLearner(init, predict, update)
