"""Steps of joint training drawn from labelled rows: how many of each source, and which."""

import functools
from collections.abc import Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from mtl_jax.types import Array, Batch, TaskFamily

Sampling = Literal["uniform", "proportional", "temperature", "epochs"]
_SHUFFLES = 16


def shares(sizes: Mapping[str, int], rows: float, sampling: Sampling, temperature: float = 1.0) -> dict[str, float]:
  """{source: rows of it in a step}, `rows` together; fractions are what a step has in the mean.

  Args:
    sizes: {source: rows that there are}.
    sampling: "uniform": every source the same; "proportional" and "epochs": by its size n; "temperature": by
      n^(1 / temperature), between the two (J. Devlin et al., multilingual BERT, 2018; N. Arivazhagan et al.,
      arXiv:1907.05019, section 4).
  """
  power = {"uniform": 0.0, "proportional": 1.0, "epochs": 1.0, "temperature": 1.0 / temperature}[sampling]
  mass = {source: float(size) ** power for source, size in sizes.items()}
  return {source: rows * part / sum(mass.values()) for source, part in mass.items()}


def mixture(data: Mapping[str, Batch], share: Mapping[str, float]) -> TaskFamily:
  """Steps for `joint` whose shapes do not depend on the draw: {source: Batch}, leaves (ceil(share), ...).

  Rows are drawn with replacement. Of a share that is not whole the last row is masked as often as makes the mean right.

  Args:
    data: {source: Batch(x, {task: y}, {task: mask})}, leaves (n, ...).
    share: {source: rows in a step}, of all sources or of some: the others are left out.
  """
  return TaskFamily(Partial(functools.partial(_draw, dict(share)), _on_device(data, share)))


def dealt(data: Mapping[str, Batch], share: Mapping[str, float], streams: int = 1, seed: int = 0) -> TaskFamily:
  """`mixture` in epochs: every row of a source comes once before any comes twice.

  A share is rounded to whole rows, at least one. There are 16 shuffles of a source, used in turn.

  Args:
    streams: draws are dealt to so many epochs in turn: the replicas of `replicate`, each with its own.
  """
  rng = np.random.default_rng(seed)
  kept = _on_device(data, share)
  orders = {}
  for source, batch in kept.items():
    rows = jax.tree.leaves(batch)[0].shape[0]
    orders[source] = jnp.asarray(np.stack([rng.permutation(rows) for _ in range(_SHUFFLES)]).astype(np.int32))
  counts = {source: max(1, round(rows)) for source, rows in share.items()}
  return TaskFamily(Partial(functools.partial(_deal, counts, streams), kept, orders), in_turn=True)


def _on_device(data: Mapping[str, Batch], share: Mapping[str, float]) -> dict[str, Batch]:
  return {source: jax.tree.map(jnp.asarray, data[source]) for source in share}


def _take(batch: Batch, rows: Array, real: Array) -> Batch:
  x, y, mask = jax.tree.map(lambda leaf: leaf[rows], batch)
  return Batch(x, y, {task: here & real for task, here in mask.items()})


def _draw(share: dict[str, float], data: dict[str, Batch], key: Array) -> dict[str, Batch]:
  step = {}
  for source, one in zip(data, jax.random.split(key, len(data)), strict=True):
    which, last = jax.random.split(one)
    places = int(np.ceil(share[source]))
    rows = jax.random.randint(which, (places,), 0, jax.tree.leaves(data[source])[0].shape[0])
    there = jnp.arange(places) < jnp.floor(share[source] + jax.random.uniform(last)).astype(jnp.int32)
    step[source] = _take(data[source], rows, there)
  return step


def _deal(
  counts: dict[str, int], streams: int, data: dict[str, Batch], orders: dict[str, Array], key: Array, place: Array
) -> dict[str, Batch]:
  del key
  step, stream = place // streams, place % streams
  drawn = {}
  for source, batch in data.items():
    n = orders[source].shape[1]
    at = step * counts[source] + jnp.arange(counts[source])
    rows = orders[source][(at // n + stream) % _SHUFFLES, at % n]
    drawn[source] = _take(batch, rows, jnp.ones((counts[source],), bool))
  return drawn
