"""Four signals of a product a week ahead, and lateness and freight of an order line to a country never seen.

Two sources that share no row and no column: SupplyGraph, whose products make, order, deliver and issue day by day, and
SCMS, whose lines of medicines are ordered once each.

What scikit-learn reaches on validation rows, 2026-11-26, 2 CPU cores; RMSE, and average precision of `late`, 14 % of
which are late. Ridge (logistic for `late`), HistGradientBoosting and 100 extra trees:

              mean   linear  boosted  extra trees
  production  0.677  0.674   0.651    0.637
  orders      0.641  0.504   0.515    0.494
  deliveries  0.559  0.517   0.517    0.500
  issues      0.684  0.661   0.644    0.645
  late        0.140  0.249   0.227    0.249
  freight     0.603  0.447   0.428    0.433
"""

import numpy as np

from mtl_jax.build.multitask.contract import Problem, Target, split
from mtl_jax.build.multitask.sides import Source, joined
from mtl_jax.data import Table, scms_delivery, supplygraph
from mtl_jax.trust import leak_audit
from mtl_jax.types import Batch

SIGNALS = {"production": "production", "orders": "orders", "deliveries": "delivery", "issues": "factory_issue"}
WEEK = 7  # days; also how far ahead is asked
BLOCK = 45  # days
TRAINED = 3  # blocks; one to validate on and one to test follow
ACTIVE = 0.05  # share of the training days below which a signal that is not 0 counts as dead
DEALT = ("training", "validation", "training", "test", "training")
COMMON = 50  # training lines that a vendor, a molecule or the like needs to be told apart

_Sides = dict[str, tuple[Batch, np.ndarray]]


def _products(table: Table) -> _Sides:
  """A row is a product and a day asked about; x is known on the same weekday a week before."""
  count = len(np.unique(table.groups["time"]))
  sold = np.stack([table.columns[name].reshape(-1, count) for name in SIGNALS.values()])  # (signals, products, days)
  known = sold[..., : TRAINED * BLOCK]
  alive = (known > 0).mean(-1) >= ACTIVE
  counts = alive[list(SIGNALS).index("orders")]
  change = np.abs(known[..., WEEK:] - known[..., :-WEEK]).mean(-1)
  scale = np.where(alive, change, np.nan)[:, counts]
  root = np.sqrt(sold[:, counts] / scale[..., None])

  day = np.arange(4 * WEEK, count)  # what is before has no four weeks to look back on
  latest = [root[..., day - WEEK - lag] for lag in range(3 * WEEK)]
  weekday = np.stack([root[..., day - WEEK * weeks] for weeks in (1, 2, 3, 4)])
  past = np.stack([*latest[:WEEK], *weekday[1:], np.median(weekday, axis=0), np.mean(latest, axis=0)])
  past = np.nan_to_num(np.moveaxis(past, (0, 1), (2, 3)))  # (products, days, features, signals)
  shape = past.shape[:2]
  told = np.broadcast_to(np.eye(WEEK)[day % WEEK], (*shape, WEEK))
  size = np.broadcast_to(np.nan_to_num(np.log10(scale.T))[:, None], (*shape, len(SIGNALS)))
  x = np.concatenate([past.reshape(*shape, -1), told, size], axis=-1)

  block = day // BLOCK
  side = np.where(block < TRAINED, "training", np.where(block == TRAINED, "validation", "test"))
  # A forecast is made when the latest label of the side before is known, no earlier.
  side[(block >= TRAINED) & (day % BLOCK < WEEK - 1)] = "left out"
  unit = np.char.add(table.groups["unit"].reshape(-1, count)[counts, :1], np.char.add(", block ", block.astype(str)))
  y = {name: values[:, day].ravel() for name, values in zip(SIGNALS, root, strict=True)}
  return split(np.tile(side, len(unit)), x.reshape(unit.size, -1), y, unit.ravel())


def _order_lines(table: Table) -> _Sides:
  """x is what is known when an order is placed, and says nothing of the country."""
  names, country, lines = np.unique(table.groups["unit"], return_inverse=True, return_counts=True)
  place = np.argsort(np.argsort(-lines, kind="stable"))
  side = np.array(DEALT)[place[country] % len(DEALT)]
  leak_audit({"country": names[country]}, {name: side == name for name in DEALT})
  given, known = table.columns, side == "training"

  def indicators(values: np.ndarray) -> np.ndarray:
    kinds, count = np.unique(values[known], return_counts=True)
    return values[:, None] == kinds[count >= COMMON]

  # Some prices are 0.
  amounts = [np.log10(0.01 + given[n]) for n in ("quantity", "value", "pack_price", "unit_price", "units_per_pack")]
  plan = [given[name] for name in ("first_line", "order_days", "quote_days")]
  kinds = [given[n] for n in ("fulfil_via", "inco_term", "shipment_mode", "sub_classification", "molecule")]
  kinds = [indicators(values) for values in (*kinds, table.groups["vendor"])]
  y = {"late": (table.labels["days_late"] > 0).astype(int), "freight": np.log10(table.labels["freight_cost"])}
  return split(side, np.concatenate([np.stack([*amounts, *plan], axis=1), *kinds], axis=1), y, table.groups["lot"])


def supply() -> Problem:
  """Products are split by time, order lines by country.

  Products: of each day, what was produced, ordered, delivered and issued, from what was known seven days before: the
  latest seven days, the same weekday of four weeks and its median, and the mean of three weeks, of all four signals,
  with the weekday. Amounts are told, and asked, as the root of units over the product's own scale of that signal, its
  mean absolute difference from one week to the next in the training days (what `daily_orders` divides by). The root is
  there as single days reach thirty times the usual amount, and squared errors would see little else. 30 of 41
  products count, those with orders on at least 5 % of the training days; a signal that is dead by the same measure
  has no labels. Blocks of 45 days: three are trained on, one is validated on and one is tested. A unit is a product in
  a block, so that the intervals speak of other products of this maker in the same weeks.

  Order lines: whether one arrives after its scheduled day, and the freight of its shipment, which is billed on one line
  of a shipment and is missing on the others and where it is in the price. Told are amounts and prices, product, vendor,
  terms, mode of transport (as recorded, taken as planned) and days from quote and order to the scheduled day. The day
  of delivery, weight, insurance and how freight is billed are known too late, as is what else the shipment holds. Whole
  countries are held out, dealt to the sides in turn by how many lines they have, over the same years. A unit is a
  shipment: the eight countries tested are too few to resample, so the intervals speak of other shipments to these
  countries and are too narrow for another country.
  """
  signals = {name: Target("number", unit="sqrt(units / scale)") for name in SIGNALS}
  orders = {"late": Target("flag", ("no", "yes")), "freight": Target("number", unit="log10 USD")}
  return joined(
    {
      "products": Source(_products(supplygraph.load()), signals),
      "order lines": Source(_order_lines(scms_delivery.load()), orders),
    }
  )
