"""The contracts: small tuples of pure functions over pytrees, in the manner of Optax.

Key first, then state; metrics last. Everything that works with an algorithm, a task
family or an environment relies on these names and on nothing else.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

Array = jax.Array
PyTree = Any
Metrics = dict[str, Array]

Apply = Callable[[PyTree, PyTree], Array]
"""apply(params, x[n, ...]) -> prediction[n, ...]"""

ExampleLoss = Callable[[Array, Array], Array]
"""loss(prediction[n, ...], target[n, ...]) -> [n], one number per example"""

BatchLoss = Callable[[PyTree, Any, Array], tuple[Array, Any]]
"""loss(params, batch, key) -> (scalar, aux), the general form that `inner_loop` takes"""


class Batch(NamedTuple):
  """Examples of one task. Where several share them, for `joint`, y and mask are {task: array}."""

  x: PyTree  # leaves (n, ...)
  y: PyTree  # (n, ...)
  mask: PyTree  # (n,) bool: False marks padding and missing labels


class Episode(NamedTuple):
  """One task: what is labelled, what is asked, and who it is."""

  support: Batch
  query: Batch
  task: PyTree  # what identifies the unit: simulator constants, group ids


class TaskFamily(NamedTuple):
  """A distribution of tasks.

  Attributes:
    sample: sample(key) -> Episode of one task, or for `joint` {source: Batch}, examples of all;
      traceable, so that it runs inside jit and many tasks are one vmap. A family that holds
      arrays wraps them as `jax.tree_util.Partial(function, arrays)`: they then enter compiled
      programs as arguments and not as constants.
    in_turn: sample is sample(key, place), where place counts the draws of a run from 0: for a family
      that deals its rows out instead of drawing them.
  """

  sample: Callable[..., Any]
  in_turn: bool = False


class Algorithm(NamedTuple):
  """How to learn from a family and how to adapt to one task.

  Attributes:
    init: init(params) -> state
    update: update(key, state, data) -> (state, metrics); `data` is what the family
      sampled, with tasks (for `joint` micro-batches) on the leading axis.
    predict: predict(key, state, support, x) -> prediction[n, ...]; adapts inside, and
      is vmap-able over tasks. `joint` takes {source: x} and gives {task: prediction}.
  """

  init: Callable[[PyTree], Any]
  update: Callable[[Array, Any, Any], tuple[Any, Metrics]]
  predict: Callable[[Array, Any, Any, PyTree], Any]


class Aggregator(NamedTuple):
  """How K task gradients become one.

  Attributes:
    init: init(tasks: int) -> state
    combine: combine(key, gram[K, K], losses[K], active[K], state) -> (weights[K], state)
  """

  init: Callable[[int], Any]
  combine: Callable[[Array, Array, Array, Array, Any], tuple[Array, Any]]


class Weighting(NamedTuple):
  """How K task losses become one: the training gradient is sum_k weights[k] grad L_k, the weights held constant.

  Attributes:
    init: init(tasks: int) -> state
    weigh: weigh(key, losses[K], active[K], state) -> (weights[K], state); tasks that are not active have weight 0.
  """

  init: Callable[[int], Any]
  weigh: Callable[[Array, Array, Array, Any], tuple[Array, Any]]


class OnlineLearner(NamedTuple):
  """A learner on a stream, with a state of fixed size, that runs under scan.

  Attributes:
    init: init(params) -> state
    predict: predict(key, state, x) -> prediction, an array or, of those that know their uncertainty, a pytree
    update: update(key, state, batch) -> (state, metrics); labels may be late or absent
      (`batch.mask`).
  """

  init: Callable[[PyTree], Any]
  predict: Callable[[Array, Any, PyTree], Any]
  update: Callable[[Array, Any, Batch], tuple[Any, Metrics]]


class Environment(NamedTuple):
  """A plant to act on. Every number that differs between plants is in `task`.

  Attributes:
    sample_task: sample_task(key) -> task
    reset: reset(key, task) -> (state, observation)
    step: step(key, state, action, task) -> (state, observation, reward, done)
  """

  sample_task: Callable[[Array], PyTree]
  reset: Callable[[Array, PyTree], tuple[Any, Array]]
  step: Callable[[Array, Any, Array, PyTree], tuple[Any, Array, Array, Array]]
