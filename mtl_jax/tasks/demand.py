"""Demand ahead: the latest observations of a product before a forecast origin, and the periods from it on.

A row is a product and a period, a week, a month or a day. What is predicted of a period is nine deciles and the
mean, in the unit of the data. Time is counted from the origin, so that nothing tells one year, or one product, from
another: -1 is the latest observation's period, 0 the first that is asked about.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from mtl_jax.losses import pinball, poisson_deviance
from mtl_jax.tasks.rows import Rows, in_order
from mtl_jax.types import Apply, Array, Batch, Episode, Metrics, PyTree, TaskFamily

LEVELS = np.linspace(0.1, 0.9, 9, dtype=np.float32)
MEDIAN, HIGHEST, MEAN = 4, 8, 9  # places among the ten numbers predicted
OUTPUTS = len(LEVELS) + 1
TIME, SIZE, CALENDAR = 0, 1, 2  # columns of x; from the last on, what is known of a period beforehand


def size(y: Array, mask: Array) -> Array:
  """(n,), (n,) bool -> (): the mean of what the mask keeps and of one period with one unit, so never 0.

  It is the only scale that a forecast is given, and knows the labelled periods alone.
  """
  return (1.0 + jnp.sum(jnp.where(mask, y, 0.0))) / (1.0 + jnp.sum(mask, dtype=y.dtype))


def _from_origin(drawn: Partial, gap: int, key: Array) -> Episode:
  episode: Episode = drawn(key)
  (_, y, mask), query = episode.support, episode.query
  of_product = size(y[:, 0], mask)

  def told(batch: Batch, time: Array) -> Batch:
    own = jnp.stack([time.astype(batch.y.dtype), jnp.full(time.shape, of_product, batch.y.dtype)], axis=1)
    return batch._replace(x=jnp.where(batch.mask[:, None], jnp.concatenate([own, batch.x[:, 1:]], axis=1), 0.0))

  places, queries = len(mask), len(query.mask)
  return Episode(told(episode.support, jnp.arange(-places, 0)), told(query, gap + jnp.arange(queries)), episode.task)


def ahead(
  rows: Rows, *, shots: int | tuple[int, int], queries: int, places: int | None = None, gap: int = 0
) -> TaskFamily:
  """A family whose tasks are products: the latest `shots` periods before an origin are known, the next are asked.

  `in_order`, with x made over: time from the origin in periods, the `size` of the labelled demand, then the columns
  of `rows.x` from the second on. Origins are drawn wherever a product has room.

  Args:
    rows: x (products, periods, 1 + calendar), whose first column is not used; y (products, periods, 2), demand >= 0 and
      what an error is divided by.
    shots, queries, places, gap: as `in_order`; queries is the horizon.

  Raises: ValueError as `in_order`.
  """
  drawn = in_order(rows, shots=shots, queries=queries, places=places, gap=gap)
  return TaskFamily(Partial(_from_origin, drawn.sample, gap))


def _known(x: Array) -> Array:
  """(n, d) -> (n, d): x as a network reads it.

  Of the size it reads one over the root, the scatter that counting alone gives: that tells a part sold once a
  year from one sold daily, and not one large product from another, by which it could know them again.
  """
  own = jnp.stack([x[:, TIME] / 10.0, jax.lax.rsqrt(jnp.maximum(x[:, SIZE], 1e-3))], axis=1)
  return jnp.concatenate([own, x[:, CALENDAR:]], axis=1)


def pairs(x: Array, y: Array) -> Array:
  """(n, d), (n, 2) -> (n, d + 3): a labelled period as an encoder reads it. What errors are divided by is not read."""
  demand = y[:, :1]
  scaled = demand / jnp.maximum(x[:, SIZE : SIZE + 1], 1e-3)
  return jnp.concatenate([_known(x), scaled, jnp.log1p(scaled), (demand == 0).astype(y.dtype)], axis=1)


def question(x: Array, r: Array) -> Array:
  """(n, d), (e,) or (n, e) -> (n, d + e): what is asked and what is known of the product, as a decoder reads them."""
  return jnp.concatenate([_known(x), jnp.broadcast_to(jnp.atleast_2d(r), (x.shape[0], r.shape[-1]))], axis=1)


def deciles_and_mean(raw: Array, x: Array) -> Array:
  """Any numbers (n, 10) -> nine deciles that never cross and a positive mean, in the unit of the data.

  The deciles are sums of softplus, the mean is one; all are multiples of the `size` that stands in x.
  """
  steps = jax.nn.softplus(raw[:, :MEAN] - 2.0)  # zeros at the start spread the deciles from 0.1 to 1.1 sizes
  found = jnp.concatenate([jnp.cumsum(steps, axis=1), jax.nn.softplus(raw[:, MEAN:])], axis=1)
  return found * x[:, SIZE : SIZE + 1]


def reading(apply: Apply) -> Apply:
  """A network of raw numbers (n, d) -> (n, 10) as one that forecasts: params, x -> deciles and mean."""

  def forecasting(params: PyTree, x: Array) -> Array:
    return deciles_and_mean(apply(params, _known(x)), x)

  return forecasting


def loss(prediction: Array, target: Array) -> Array:
  """Deciles and mean (n, 10), demand and what errors are divided by (n, 2) -> (n,): what networks are trained by."""
  demand, divisor = target[:, 0], jnp.maximum(target[:, 1], 1e-6)
  quantiles = pinball(prediction[:, :MEAN], demand, jnp.asarray(LEVELS))
  # A mean of 0 and a demand above it would be infinitely bad.
  mean = poisson_deviance(jnp.maximum(prediction[:, MEAN], 1e-6), demand)
  return (quantiles + 0.25 * mean) / divisor


def judged(prediction: Array, episode: Episode) -> Metrics:
  """One episode, its errors over what query.y says they are divided by.

  Demand is counted in whole units, so deciles are rounded to the nearest one, whoever gave them.

  Args:
    prediction: (n, 10) deciles and mean, in the unit of the data.
    episode: query.y (n, 2), the demand and what its errors are divided by.

  Returns:
    pinball, the mean over deciles; mae, of the median; mse, of the mean; cost, per period, of a newsvendor who orders
    up to the highest decile where a unit short costs nine times a unit left over, which costs 1.
  """
  return _errors(jnp.concatenate([jnp.round(prediction[:, :MEAN]), prediction[:, MEAN:]], axis=1), episode)


def _errors(prediction: Array, episode: Episode) -> Metrics:
  (_, y, mask), levels = episode.query, jnp.asarray(LEVELS)
  divisor = jnp.where(mask, y[:, 1], 1.0)
  guess, demand = prediction / divisor[:, None], y[:, 0] / divisor

  def mean(values: Array) -> Array:
    return jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask, dtype=values.dtype), 1.0)

  # 0.9 (D - Q) short and 0.1 (Q - D) left over: the pinball loss at 0.9 is a tenth of that cost.
  ordered = pinball(guess[:, HIGHEST : HIGHEST + 1], demand, levels[HIGHEST:])
  return {
    "pinball": mean(pinball(guess[:, :MEAN], demand, levels)),
    "mae": mean(jnp.abs(guess[:, MEDIAN] - demand)),
    "mse": mean(jnp.square(guess[:, MEAN] - demand)),
    "cost": 10.0 * mean(ordered),
  }


def judged_scaled(prediction: Array, episode: Episode) -> Metrics:
  """The same, not rounded, where errors are divided by a mean absolute seasonal difference: mae is then the MASE.

  R. J. Hyndman, A. B. Koehler, "Another look at measures of forecast accuracy", Int. J. Forecasting 22 (2006) 679-688.
  """
  found = _errors(prediction, episode)
  return {"mase": found.pop("mae"), **found}
