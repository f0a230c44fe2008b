"""How far production gets: the day of a sewing team, and what a factory makes of a product the next day."""

import numpy as np
import pandas as pd

from mtl_jax.build.multitask.contract import Target, split
from mtl_jax.build.multitask.sides import SIDES, Source, by_side, dealt
from mtl_jax.data import garment_productivity, supplygraph
from mtl_jax.tasks import shifts
from mtl_jax.trust import leak_audit

CUT = np.datetime64("2015-02-10")  # as `config.Productivity`
PAST_SHIFTS = 5  # days of a team
SIGNALS = ("production", "orders", "delivery", "factory_issue")
PAST_DAYS = 14  # of a product
BLOCK = 14  # days of a product that stand and fall together
VALIDATED, TESTED = 10 * BLOCK, 13 * BLOCK  # the first days, of 221
ACTIVE = 0.4  # share of the days learned from on which a product must have been made


def team() -> Source:
  """Productivity, as a share of the work allotted, of teams never seen, on days never seen; 4 groups of 3 teams.

  Teams learned from and validated on are known up to the day before `CUT`, questions are about days from then on. Known
  in the morning are the plan and the like (`shifts.features`), and how far past days went beyond plan: the day before,
  and the mean of the last five; 0 on a first day. Sewing and finishing of a team stand on one side and are two units.
  """
  table = garment_productivity.load()
  unit, number = table.groups["unit"], table.groups["team"]
  early = table.groups["time"] < CUT
  side = dealt(number, number, folds=4, classes=False)
  side = np.where(early == (side != "test"), side, "")
  leak_audit({"team": number}, by_side(np.arange(len(side)), side))
  beyond = pd.DataFrame({"unit": unit, "time": table.groups["time"], "beyond": shifts.beyond_plan(table)})
  past = beyond.sort_values("time", kind="stable").groupby("unit")["beyond"]
  before = [past.transform(lambda days, n=n: days.shift().rolling(n, 1).mean()).sort_index() for n in (1, PAST_SHIFTS)]
  x = np.column_stack([shifts.features(table), *(column.fillna(0) for column in before)])
  y = {"team productivity": table.labels["actual_productivity"]}
  return Source(split(side, x, y, unit), {"team productivity": Target("number", unit="of the work allotted")})


def production() -> Source:
  """What is made of a product on a day, from the 14 days before; 1 is the product's mean day learned from.

  Days 15 to 140 are learned from, the next 42 validate, the last 39 are tested; a unit is two weeks of a product. Read
  are the four signals over the product's own mean day, as logarithms, and the weekday. Products that are hardly ever
  made do not count: divided by next to nothing they would be all of the error.
  """
  table = supplygraph.load()
  days = len(np.unique(table.groups["time"]))
  signals = np.stack([table.columns[name].reshape(-1, days) for name in SIGNALS], axis=-1)  # (products, days, 4)
  known = signals[:, :VALIDATED]
  made = np.flatnonzero((known[..., 0] > 0).mean(1) >= ACTIVE)
  ratio = signals[made] / np.maximum(known[made].mean(1, keepdims=True), 1e-9)
  day = np.arange(PAST_DAYS, days)
  past = np.lib.stride_tricks.sliding_window_view(np.log1p(ratio[:, :-1]), PAST_DAYS, axis=1)  # (products, day, 4, 14)
  weekday = np.eye(7)[(table.groups["time"][day].astype("datetime64[D]").astype(int) + 3) % 7]  # Monday is 0
  x = np.concatenate([past.reshape(-1, len(SIGNALS) * PAST_DAYS), np.tile(weekday, (len(made), 1))], axis=1)
  side = np.tile(np.select([day < VALIDATED, day < TESTED], SIDES[:2], SIDES[2]), len(made))
  product = np.repeat(table.groups["unit"].reshape(-1, days)[made, 0], len(day))
  unit = np.char.add(np.char.add(product, "/"), np.tile(day // BLOCK, len(made)).astype(str))
  y = {"production": ratio[:, PAST_DAYS:, 0].reshape(-1)}
  return Source(split(side, x, y, unit), {"production": Target("number", unit="of the product's mean day")})
