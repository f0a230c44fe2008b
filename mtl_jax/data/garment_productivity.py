"""Productivity of garment workers: 1,197 days of 12 sewing and 12 finishing teams, Bangladesh, January to March 2015.

A. Al Imran, M. N. Amin, M. R. Islam Rifat, S. Mehreen, "Deep neural network approach for predicting the productivity
of garment employees", CoDIT 2019. Publisher: https://archive.ics.uci.edu/dataset/597, CC BY 4.0.

What a reader must know:
- The unit is a team in a department ("sewing 08"); each has 29 to 59 rows, one a day. Split by time.
- `incentive` is probably paid for the productivity it stands beside. It is a label here, so that it is not an input.
- `targeted_productivity`, the plan, is the strongest simple predictor: a model must beat it to be of use.
- Idle time, idle men and overtime are known only when the day is over.
- `wip` (work in progress) is missing in every row of finishing and in none of sewing: the reader checks that.
- The file spells sewing "sweing", and finishing with and without a blank at the end; both are put right here.
- Actual productivity goes above 1 (to 1.12). Workers come in halves.
- Dates are month/day/year. The reader checks them against the weekday and `quarter`, the week of the month.
- The project's copy has dates with leading zeros and a byte order mark, the publisher's file has neither.
"""

from pathlib import Path

import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_csv
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File("garments_worker_productivity.csv", 96596, "4535b146a3462dce3a43d3b352b2235def269f3ff5255d5b412fca209738b70f"),
)
FACTS = Facts(rows=1197, counts={"department": {"sewing": 691, "finishing": 506}})
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Saturday", "Sunday")
_GIVEN = {
  "date": Column(kind="text"),
  "quarter": Column(kind="text", among=tuple(f"Quarter{week}" for week in range(1, 6))),
  "department": Column(kind="text"),
}
_COLUMNS = {
  "quarter": Column("week", 1, 5, kind="integer"),
  "day": Column(kind="text", among=_DAYS),
  "targeted_productivity": Column("1", 0.01, 1),
  "smv": Column("min", 1, 100),  # standard minute value: time allotted to a piece
  "wip": Column("piece", 1, 50_000, missing=True, kind="integer"),
  "over_time": Column("min", 0, 50_000, kind="integer"),
  "idle_time": Column("min", 0, 1000),
  "idle_men": Column("1", 0, 100, kind="integer"),
  "no_of_style_change": Column("1", 0, 5, kind="integer"),
  "no_of_workers": Column("1", 1, 150),
}
_LABELS = {
  "actual_productivity": Column("1", 0.05, 1.5),
  "incentive": Column("BDT", 0, 10_000, kind="integer"),
}
_GROUPS = {
  "unit": Column(kind="text"),
  "department": Column(kind="text", among=("sewing", "finishing")),
  "team": Column(low=1, high=12, kind="integer"),
  "time": Column("day", kind="date"),
}


def _table(path: Path) -> Table:
  """Comma separated text; dates with or without leading zeros."""
  frame = read_csv(path)
  rules = _COLUMNS | _LABELS | {"team": _GROUPS["team"]} | _GIVEN
  frame = validated(frame, rules, str(path))
  frame = frame.assign(
    department=frame["department"].str.strip().replace({"sweing": "sewing"}),
    time=pd.to_datetime(frame["date"], format="%m/%d/%Y", errors="coerce"),
  )
  week = (frame["time"].dt.day - 1) // 7 + 1
  wrong = {
    "the date is not one of January to March 2015 as month/day/year": ~frame["time"].between(
      "2015-01-01", "2015-03-31"
    ),
    "the weekday is not that of the date": frame["time"].dt.day_name() != frame["day"],
    "the quarter is not the date's week of the month": frame["quarter"].str[-1:].astype(float) != week,
    "wip must be missing in finishing and nowhere else": frame["wip"].isna() != (frame["department"] == "finishing"),
  }
  for what, rows in wrong.items():
    if rows.any():
      raise DataError(f"{path}: row {int(rows.to_numpy().argmax()) + 1}: {what}")
  units = [f"{d} {int(t):02d}" for d, t in zip(frame["department"], frame["team"], strict=True)]
  frame = frame.assign(quarter=week, unit=units)
  return of_frame(frame, str(path), columns=_COLUMNS, labels=_LABELS, groups=_GROUPS, key=("unit", "time"))


def _read(folder: Path) -> Table:
  return _table(folder / FILES[0].name)


def _original(folder: Path) -> Table:
  """The publisher's file, of the same name; nothing that is read differs."""
  return _table(matching(folder, FILES[0].name)[0])


SOURCE = Source(
  name="garment_productivity",
  title="Garment employees: daily productivity of 24 teams, 1,197 rows",
  publisher="https://archive.ics.uci.edu/dataset/597/productivity+prediction+of+garment+employees",
  licence="CC BY 4.0",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote(
      "https://archive.ics.uci.edu/static/public/597/productivity+prediction+of+garment+employees.zip",
      None,
      "garment_productivity.zip",
    ),
  ),
)
load = SOURCE.load
