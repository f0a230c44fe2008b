"""SCMS delivery history: 10,324 order lines of medicines and test kits for HIV, to 43 countries, 2006 to 2015.

The Supply Chain Management System of USAID bought antiretroviral medicines and test kits. Publisher:
https://data.usaid.gov/HIV-AIDS/Supply-Chain-Shipment-Pricing-Dataset/a3rc-nmf6, U.S. government open data.

What a reader must know:
- `days_late` is delivered minus scheduled: 61 % are 0, 11 % late, the rest early, by up to a year.
- The lines of a shipment (`lot`) arrive together and share their freight: split by lot or by time, never by line.
- Only one line of a lot has its freight and weight; the others say "See ASN-93 (ID#:1281)" and are NaN. So are those
  with freight in the price or invoiced separately: 4,126 lines without freight, 3,952 without weight. `freight`
  says which it is, "billed" being the lines with a number; a number is that of the whole lot.
- Insurance is a label like freight: both are known when all is over. It is missing in 287 lines
  of 2006 and 2007, and the reader checks that it is in none later.
- Weight is known when a shipment is packed. Weights of 0 kg stand as they are.
- 5,404 lines come from a regional distribution centre ("From RDC"). They have no order to a vendor and their vendor
  is "SCMS from RDC". `order_days`, from the order to the scheduled day, is NaN for these and for 328 that were not
  captured; `quote_days`, from the first quote, for 2,681. Some are negative: the plan came before the order.
- Countries are of very different size: 1,406 lines to 1.
- Dates are 2-Jun-06 or 11/13/06, by column. The project's copy has short years, "Yes" and "N/A"; the publisher's
  file has lower case names, 11/13/2006, true and false, and an empty field for "N/A".
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_csv
from mtl_jax.data.source import Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File(
    "SCMS_Delivery_History_Dataset.csv", 3799936, "73a09a12930cb3644fbf30c72dfda06e4177d0649c0711b21d7061825ef0dc09"
  ),
)
FACTS = Facts(
  rows=10_324,
  counts={
    "fulfil_via": {"From RDC": 5404, "Direct Drop": 4920},
    "freight": {"billed": 6198, "other line": 2445, "in price": 1442, "separate": 239},
    "product_group": {"ARV": 8550, "HRDT": 1728, "ANTM": 22, "ACT": 16, "MRDT": 8},
  },
)
_SHORT_DAY = r"(\d{1,2}-[A-Z][a-z]{2}-\d{2})"
_TERMS = ("EXW", "DDP", "FCA", "CIP", "DDU", "DAP", "CIF", "N/A - From RDC")
_COLUMNS = {
  "quantity": Column("pack", 1, 1e7, kind="integer"),
  "value": Column("USD", 0, 1e8),
  "pack_price": Column("USD", 0, 1e4),
  "unit_price": Column("USD", 0, 1e3),
  "units_per_pack": Column("unit", 1, 1e4, kind="integer"),
  "weight": Column("kg", 0, 1e6, missing=True),
  "order_days": Column("day", -1000, 2000, missing=True),
  "quote_days": Column("day", -1000, 2000, missing=True),
  "fulfil_via": Column(kind="text", among=("From RDC", "Direct Drop")),
  "inco_term": Column(kind="text", among=_TERMS),
  "shipment_mode": Column(kind="text", among=("Air", "Truck", "Air Charter", "Ocean", "N/A")),
  "product_group": Column(kind="text", among=("ARV", "HRDT", "ANTM", "ACT", "MRDT")),
  "sub_classification": Column(
    kind="text", among=("Adult", "Pediatric", "HIV test", "HIV test - Ancillary", "Malaria", "ACT")
  ),
  "molecule": Column(kind="text"),
  "first_line": Column("1", 0, 1, kind="integer"),
  "freight": Column(kind="text", among=("billed", "other line", "in price", "separate")),
}
_LABELS = {
  "days_late": Column("day", -1000, 1000, kind="integer"),
  "freight_cost": Column("USD", 0, 1e6, missing=True),
  "insurance": Column("USD", 0, 1e5, missing=True),
}
_GROUPS = {
  "unit": Column(kind="text"),
  "vendor": Column(kind="text"),
  "lot": Column(kind="text"),
  "line": Column(low=1, high=1_000_000, kind="integer"),
  "time": Column("day", kind="date"),
}
_PLAIN = {  # what is read as it stands: the file's name, in lower case, and ours
  "line item quantity": "quantity",
  "line item value": "value",
  "pack price": "pack_price",
  "unit price": "unit_price",
  "unit of measure (per pack)": "units_per_pack",
  "line item insurance (usd)": "insurance",
  "fulfill via": "fulfil_via",
  "vendor inco term": "inco_term",
  "product group": "product_group",
  "sub classification": "sub_classification",
  "molecule/test type": "molecule",
  "country": "unit",
  "vendor": "vendor",
  "asn/dn #": "lot",
  "id": "line",
}
_TEXT = Column(kind="text")
_RULES = {name: {**_COLUMNS, **_LABELS, **_GROUPS}[ours] for name, ours in _PLAIN.items()} | {
  "shipment mode": _TEXT._replace(missing=True),
  "first line designation": _TEXT,
  "weight (kilograms)": _TEXT,
  "freight cost (usd)": _TEXT,
  "pq first sent to client date": _TEXT,
  "po sent to vendor date": _TEXT,
  "scheduled delivery date": _TEXT,
  "delivered to client date": _TEXT,
}


def _kinds(frame: pd.DataFrame, name: str, kinds: dict[str, str], where: str) -> pd.Series:
  """Which of the forms a text has; DataError where it has none of them."""
  found = pd.Series("", frame.index)
  for kind, form in kinds.items():
    found[frame[name].str.fullmatch(form)] = kind
  if (found == "").any():
    row = int((found == "").to_numpy().argmax())
    raise DataError(f"{where}: column '{name}', row {row + 1} is {frame[name].iloc[row]!r}, none of the known forms")
  return found


def _days(frame: pd.DataFrame, name: str, absent: str, where: str) -> pd.Series:
  """Dates, strictly; NaT for the texts that say that there is none."""
  forms = {"%d-%b-%y": _SHORT_DAY, "%m/%d/%y": r"\d{1,2}/\d{1,2}/\d{2}", "%m/%d/%Y": r"\d{1,2}/\d{1,2}/\d{4}"}
  kind = _kinds(frame, name, forms | {"absent": absent}, where)
  days = pd.Series(pd.NaT, frame.index, dtype="datetime64[ns]")
  for form in forms:
    days[kind == form] = pd.to_datetime(frame.loc[kind == form, name], format=form, errors="coerce")
  wrong = (kind != "absent") & ~days.between("2005-01-01", "2016-12-31")
  if wrong.any():
    row = int(wrong.to_numpy().argmax())
    raise DataError(f"{where}: column '{name}', row {row + 1}: {frame[name].iloc[row]!r} is no day of 2005 to 2016")
  return days


def _table(path: Path) -> Table:
  where = str(path)
  raw = read_csv(path)
  raw = raw.rename(columns={name: name.lower() for name in raw})
  if raw.columns.duplicated().any():
    raise DataError(f"{where}: column {raw.columns[raw.columns.duplicated()][0]!r} stands twice in the header")
  if "first line designation" in raw:  # a reader may have taken true and false as such
    raw["first line designation"] = raw["first line designation"].astype(str).str.lower()
  raw = validated(raw, _RULES, where)
  for name in (name for name, rule in _RULES.items() if rule.kind == "text"):
    odd = raw[name].fillna("").str.contains(r'[\x00-\x1f"]')
    if odd.any():
      row = int(odd.to_numpy().argmax())
      raise DataError(f"{where}: column '{name}', row {row + 1}: {raw[name].iloc[row]!r} has a quote or control sign")
  money = r"\d+(\.\d+)?"
  other = r"See (DN|ASN)-\d+ \(ID#:\d+\)"
  freight = {"billed": money, "other line": other, "in price": "Freight Included in Commodity Cost"}
  freight_kind = _kinds(raw, "freight cost (usd)", freight | {"separate": "Invoiced Separately"}, where)
  weight_kind = _kinds(
    raw, "weight (kilograms)", {"number": money, "other line": other, "separate": "Weight Captured Separately"}, where
  )
  first = _kinds(raw, "first line designation", {"1": "yes|true", "0": "no|false"}, where)
  scheduled = _days(raw, "scheduled delivery date", "(?!)", where)
  delivered = _days(raw, "delivered to client date", "(?!)", where)
  quoted = _days(raw, "pq first sent to client date", "Pre-PQ Process|Date Not Captured", where)
  ordered = _days(raw, "po sent to vendor date", "N/A - From RDC|Date Not Captured", where)
  frame = raw[list(_PLAIN)].rename(columns=_PLAIN)
  frame = frame.assign(
    shipment_mode=raw["shipment mode"].fillna("N/A"),
    first_line=first.astype(int),
    freight=freight_kind,
    freight_cost=pd.to_numeric(raw["freight cost (usd)"].where(freight_kind == "billed")),
    weight=pd.to_numeric(raw["weight (kilograms)"].where(weight_kind == "number")),
    days_late=(delivered - scheduled).dt.days,
    order_days=(scheduled - ordered).dt.days,
    quote_days=(scheduled - quoted).dt.days,
    time=scheduled,
  )
  wrong = {
    "insurance is missing after 2007": frame["insurance"].isna() & (scheduled >= "2008-01-01"),
    "quantity times pack price is not the value": np.abs(frame["quantity"] * frame["pack_price"] - frame["value"])
    > 0.01 * frame["value"] + 1,
    "pack price by units per pack is not the unit price": np.abs(
      frame["pack_price"] / frame["units_per_pack"] - frame["unit_price"]
    )
    > 0.006,
    "only lines from a distribution centre have no order": (
      ordered.isna() & (raw["po sent to vendor date"].str[0] == "N")
    )
    != (frame["fulfil_via"] == "From RDC"),
  }
  for what, rows in wrong.items():
    if rows.any():
      raise DataError(f"{where}: row {int(rows.to_numpy().argmax()) + 1}: {what}")
  return of_frame(frame, where, columns=_COLUMNS, labels=_LABELS, groups=_GROUPS, key=("line",))


def _read(folder: Path) -> Table:
  return _table(folder / FILES[0].name)


def _original(folder: Path) -> Table:
  """The publisher's file, the one .csv in the folder; nothing that is read differs."""
  found = matching(folder, "*.csv")
  if len(found) > 1:
    raise DataError(f"{folder} has {len(found)} .csv files, expected one: {found[0].name} and {found[1].name}")
  return _table(found[0])


SOURCE = Source(
  name="scms_delivery",
  title="SCMS delivery history: 10,324 order lines of medicines to 43 countries",
  publisher="https://data.usaid.gov/HIV-AIDS/Supply-Chain-Shipment-Pricing-Dataset/a3rc-nmf6",
  licence="U.S. government open data (licence text not checked)",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  by_hand=(
    "The publisher's site is said to be closed. Find an archived copy of "
    "https://data.usaid.gov/api/views/a3rc-nmf6/rows.csv?accessType=DOWNLOAD and put it in the folder as rows.csv, "
    "the only .csv there."
  ),
)
load = SOURCE.load
