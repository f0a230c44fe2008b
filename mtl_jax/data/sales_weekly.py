"""Sales transactions: weekly units sold of 811 products over 52 weeks.

J. Tan, J. San Lau, "Time series clustering: a superior alternative for market basket analysis", DaEng 2013.
Publisher: https://archive.ics.uci.edu/dataset/396, CC BY 4.0.

What a reader must know:
- There is no calendar: weeks 0 to 51 have no date, and one year shows no season. Nothing but the units is recorded.
- Products are numbered P1 to P819 with eight numbers missing; no product belongs to a group.
- Many products sell nothing in most weeks: percentage errors are undefined, use scaled ones.
- The publisher's file also has every product's least and greatest week and the units scaled to them, to two
  decimals. The project's copy leaves these out. Where they stand, the reader checks the units against them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_csv
from mtl_jax.data.series import steps
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File("sales_transactions_weekly.csv", 101224, "ce434fa97b3ef7325e493bc9569cc8d0bba8eaa8df502144b251d2a3bc4e3ef3"),
)
WEEKS = 52
FACTS = Facts(rows=811 * WEEKS, counts={"time": dict.fromkeys(range(WEEKS), 811)})
_UNITS = Column("unit", 0, 1000, kind="integer")
_WIDE = {"Product_Code": Column(kind="text")} | {f"W{week}": _UNITS for week in range(WEEKS)}
_DERIVED = {"MIN": _UNITS, "MAX": _UNITS} | {f"Normalized {week}": Column("1", 0, 1) for week in range(WEEKS)}
_GROUPS = {"unit": Column(kind="text"), "time": Column("week", 0, WEEKS - 1, kind="integer")}


def _table(frame: pd.DataFrame, where: str) -> Table:
  """(products, 1 + weeks) checked columns to one row a product and week."""
  wrong = ~frame["Product_Code"].str.fullmatch(r"P[0-9]+")
  if wrong.any():
    raise DataError(f"{where}: {frame['Product_Code'][wrong].iloc[0]!r} is no product: P and a number")
  product, week = steps([WEEKS] * len(frame))
  units = frame[[f"W{week}" for week in range(WEEKS)]].to_numpy().ravel()
  long = pd.DataFrame({"unit": frame["Product_Code"].to_numpy()[product], "time": week, "units_sold": units})
  return of_frame(long, where, columns={}, labels={"units_sold": _UNITS}, groups=_GROUPS, key=("unit", "time"))


def _read(folder: Path) -> Table:
  path = folder / FILES[0].name
  return _table(validated(read_csv(path), _WIDE, str(path)), str(path))


def _original(folder: Path) -> Table:
  """The publisher's file; what it has beyond the units is used to check them."""
  path = matching(folder, "Sales_Transactions_Dataset_Weekly.csv")[0]
  frame = validated(read_csv(path), _WIDE | _DERIVED, str(path))
  units = frame[[f"W{week}" for week in range(WEEKS)]].to_numpy()
  scaled = frame[[f"Normalized {week}" for week in range(WEEKS)]].to_numpy()
  low, high = units.min(1), units.max(1)
  span = np.maximum(high - low, 1)[:, None]
  wrong = {
    "MIN": frame["MIN"].to_numpy() != low,
    "MAX": frame["MAX"].to_numpy() != high,
    "Normalized": (high > low) & (np.abs((units - low[:, None]) / span - scaled) > 0.02).any(1),
  }
  for name, rows in wrong.items():
    if rows.any():
      raise DataError(f"{path}: row {int(rows.argmax()) + 1}: {name} does not agree with W0 to W51")
  return _table(frame, str(path))


SOURCE = Source(
  name="sales_weekly",
  title="Sales transactions: 811 products, 52 weeks of units sold",
  publisher="https://archive.ics.uci.edu/dataset/396/sales+transactions+dataset+weekly",
  licence="CC BY 4.0",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote(
      "https://archive.ics.uci.edu/static/public/396/sales+transactions+dataset+weekly.zip", None, "sales_weekly.zip"
    ),
  ),
)
load = SOURCE.load
