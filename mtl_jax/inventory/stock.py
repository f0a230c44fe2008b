"""One product's stock: orders that take time to come, demand that does not wait, and what both cost.

Reviewed once a period. At its beginning the inventory position, what is on hand less what is owed to customers plus all
that is on its way, is compared with a reorder point; from below it an order brings it up to a level. Then what is due
comes, then customers do, and then costs are counted (P. H. Zipkin, "Foundations of inventory management", 2000, chapter
9; L. V. Snyder, Z.-J. M. Shen, "Fundamentals of supply chain theory", 2019, chapter 4):

  IP = net + sum(coming),   order = level - IP where IP < reorder, else 0
  net <- net + what is due - demand;   where sales are lost, net <- max(net, 0)
  cost = h max(net, 0) + b short + K (order > 0)

`short` is what is owed at the end of the period, and where sales are lost what was asked and not there. With level =
reorder it is a base-stock policy, which with backorders, lead time L and K = 0 is optimal for the level that covers the
demand of L + 1 periods with probability b / (b + h), the newsvendor's critical ratio; with level above reorder it is
(s, S), with s = reorder - 1 in whole units.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from mtl_jax.types import Array


class Costs(NamedTuple):
  """In money."""

  holding: Array | float  # h, of a unit left at the end of a period
  short: Array | float  # b, of a unit owed at the end of a period, or of a lost sale
  order: Array | float = 0.0  # K, of an order, however large


class Stock(NamedTuple):
  """Between two periods."""

  net: Array  # () on hand less what is owed, units
  coming: Array  # (longest lead time + 1,) due in the next period, in the one after it, ...


class Period(NamedTuple):
  """What a period was like."""

  cost: Array  # () money
  order: Array  # () units
  short: Array  # () units
  served: Array  # () units that customers were given at once


def step(
  stock: Stock, reorder: Array, level: Array, demand: Array, lead: Array, costs: Costs, lost: bool = False
) -> tuple[Stock, Period]:
  """One period.

  Args:
    stock: one product's.
    reorder, level: () units; an order is placed below `reorder` and brings the position up to `level`.
    demand: () units.
    lead: () int, periods that this order takes, 0 to the longest; orders may overtake each other.
    costs: of this product.
    lost: whether what is not there is lost; else customers wait.
  """
  position = stock.net + jnp.sum(stock.coming)
  order = jnp.where(position < reorder, jnp.maximum(level - position, 0.0), 0.0)
  coming = stock.coming.at[lead].add(order)
  there = stock.net + coming[0]
  served = jnp.minimum(jnp.maximum(there, 0.0), demand)
  net = jnp.maximum(there - demand, 0.0) if lost else there - demand
  short = demand - served if lost else jnp.maximum(-net, 0.0)
  placed = jnp.where(order > 0, costs.order, 0.0)
  cost = costs.holding * jnp.maximum(net, 0.0) + costs.short * short + placed
  return Stock(net, jnp.append(coming[1:], 0.0)), Period(cost, order, short, served)


def simulate(
  stock: Stock, reorder: Array, level: Array, demand: Array, lead: Array, costs: Costs, lost: bool = False
) -> tuple[Stock, Period]:
  """Periods one after the other, all arguments but the stock and the costs (periods,); vmap makes many products.

  Returns: the stock at the end, and leaves (periods,).
  """

  def one(stock: Stock, each: tuple[Array, Array, Array, Array]) -> tuple[Stock, Period]:
    return step(stock, *each, costs, lost)

  return jax.lax.scan(one, stock, (reorder, level, demand, lead))
