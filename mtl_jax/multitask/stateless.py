"""The form of an aggregator that remembers nothing."""

from collections.abc import Callable

from mtl_jax.types import Aggregator, Array


def stateless(weights: Callable[[Array, Array, Array, Array], Array]) -> Aggregator:
  """An Aggregator with the state () from weights(key, gram[K, K], losses[K], active[K]) -> [K]."""

  def init(tasks: int) -> tuple[()]:
    del tasks
    return ()

  def combine(key: Array, gram: Array, losses: Array, active: Array, state: tuple[()]) -> tuple[Array, tuple[()]]:
    return weights(key, gram, losses, active), state

  return Aggregator(init, combine)
