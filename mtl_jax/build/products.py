"""Forecasting jobs: demand of a product never seen before, week by week, month by month and day by day."""

from functools import cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.build.contract import Fold, HeldOut
from mtl_jax.data import carparts, sales_weekly, supplygraph
from mtl_jax.evaluate import episodes_of
from mtl_jax.tasks import demand
from mtl_jax.tasks.rows import Rows
from mtl_jax.trust import leak_audit
from mtl_jax.types import TaskFamily

GROUPS = 5  # of products: one is tested, the next one picks the checkpoint, the others are learned from
WEEK = 7
ACTIVE = 0.05  # products with orders on fewer of the days that are learned from do not count
LEARNED_FROM = 3_000  # windows of training products that the ladder is fitted on


class Series(NamedTuple):
  """Demand by product, period by period."""

  sold: np.ndarray  # (products, periods), NaN where nothing is recorded
  calendar: np.ndarray  # (periods, d) what is known of a period beforehand
  divisor: np.ndarray  # (products,) what errors are divided by
  product: np.ndarray  # (products,) int


def dated(tasks: c.Demand) -> Series:
  """The series of a data set that count."""
  if tasks.data == "daily_orders":
    table = supplygraph.load()
    days = len(np.unique(table.groups["time"]))
    orders = table.columns["orders"].reshape(-1, days)
    before = orders[:, : days - tasks.held_back]
    counts = (before > 0).mean(1) >= ACTIVE
    day = table.groups["time"][:days].astype("datetime64[D]").astype(int)
    weekday = np.eye(WEEK)[(day + 3) % WEEK]  # 1970-01-01 was a Thursday; Monday is 0
    seasonal = np.abs(before[:, WEEK:] - before[:, :-WEEK]).mean(1)
    return Series(orders[counts], weekday, seasonal[counts], np.flatnonzero(counts))
  source, periods = (sales_weekly, 52) if tasks.data == "weekly_sales" else (carparts, 51)
  sold = source.load().labels["units_sold"].reshape(-1, periods)
  return Series(sold, np.zeros((periods, 0)), np.ones(len(sold)), np.arange(len(sold)))


def calendar(tasks: c.Demand) -> int:
  """How many numbers are known of a period beforehand."""
  return WEEK if tasks.data == "daily_orders" else 0


def _rows(series: Series, products: np.ndarray, periods: slice) -> Rows:
  sold = series.sold[products, periods]
  known = ~np.isnan(sold)
  told = np.broadcast_to(series.calendar[periods], (*sold.shape, series.calendar.shape[1]))
  x = np.concatenate([np.zeros((*sold.shape, 1)), told], axis=2)
  y = np.stack([sold, np.broadcast_to(series.divisor[products][:, None], sold.shape)], axis=2)
  mask = jnp.asarray(known)
  x, y = (jnp.asarray(np.where(known[..., None], leaf, 0.0), jnp.float32) for leaf in (x, y))
  return Rows(x, y, mask, jnp.asarray(series.product[products], jnp.int32))


def _groups(tasks: c.Demand, products: int) -> np.ndarray:
  """(products,) which of the five groups."""
  order = np.random.default_rng(tasks.split_seed).permutation(products)
  group = np.empty(products, int)
  group[order] = np.arange(products) % GROUPS
  return group


_JOBS = {
  "weekly_sales": ("weekly sales of a product never seen", "units", demand.judged),
  "car_parts": ("monthly sales of a car part never seen", "units", demand.judged),
  "daily_orders": ("orders of a product never seen, seven days ahead", "", demand.judged_scaled),
}


def new_products(config: c.Config, tasks: c.Demand) -> list[Fold]:
  """Learn from some products, pick by others, be asked about products never seen, in periods never seen.

  Products are disjoint, and so are periods: no training or validation window reaches into the latest
  `tasks.held_back` periods, and every test question lies there. What a test product sold just before
  may be among its labels. Nothing before `tasks.since` is learned from or picked by, networks and ladder alike.
  """
  series = dated(tasks)
  job, unit, judge = _JOBS[tasks.data]
  places, queries = max(*config.evaluation.shots, tasks.shots[1]), tasks.horizon
  end = series.sold.shape[1]
  cut = end - tasks.held_back
  if cut - tasks.since < places + queries:
    raise c.ConfigError(
      f"tasks.since = {tasks.since}: a window takes {places + queries} periods, and only {max(cut - tasks.since, 0)} "
      f"are left before the {tasks.held_back} held back; at most {cut - places - queries} leaves room for one"
    )
  early, late = slice(tasks.since, cut), slice(cut - places, end)
  # A part that is no longer recorded has nothing to ask.
  recorded = (~np.isnan(series.sold[:, late])).sum(1) >= places + queries
  long = (~np.isnan(series.sold[:, early])).sum(1) >= places + queries
  group = _groups(tasks, len(series.sold))

  def family(rows: Rows, shots: int | tuple[int, int]) -> TaskFamily:
    return demand.ahead(rows, shots=shots, queries=queries, places=places)

  folds = []
  for turn in range(tasks.rotations):
    sides = {
      "test": np.flatnonzero((group == turn) & recorded),
      "validation": np.flatnonzero((group == (turn + 1) % GROUPS) & long),
      "training": np.flatnonzero((group != turn) & (group != (turn + 1) % GROUPS) & long),
    }
    leak_audit("unit", {name: series.product[rows] for name, rows in sides.items()})
    train, validation = (family(_rows(series, sides[s], early), tasks.shots) for s in ("training", "validation"))
    held = _rows(series, sides["test"], late)
    asked = cache(lambda k, held=held: family(held, k))
    windows = jax.tree.map(np.asarray, episodes_of(jax.random.key(0), train, LEARNED_FROM))
    ladder = baselines.forecasting_ladder(windows, season=WEEK if tasks.data == "daily_orders" else None)
    test = HeldOut(asked, (), lambda ladder=ladder: ladder, unit=unit, judge=judge)
    name = tasks.data if tasks.rotations == 1 else f"{tasks.data}-{turn}"
    folds.append(Fold(name, train, validation, {job: test}, judge=judge))
  return folds
