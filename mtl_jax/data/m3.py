"""M3 competition: 3,003 yearly, quarterly, monthly and other series of six domains.

S. Makridakis, M. Hibon, "The M3-competition: results, conclusions and implications", Int. J. Forecasting 16 (2000).
Publisher: https://forecasters.org/resources/time-series-data/, which states no licence; the project's copy comes
from the R package Mcomp (GPL-3), the other format read here from the Monash forecasting archive (CC BY 4.0).

What a reader must know:
- The last 6 (yearly), 8 (quarterly), 18 (monthly) and 8 (other) values of a series are the competition's test.
- INDUSTRY and MICRO are the domains near to manufacturing.
- Values are positive, in units and scales that are not stated: scale each series by its training part.
- Steps count from 0 in every series. The series begin at different times, which this reader does not give, so equal
  steps of two series are not the same day. "OTHER" periods are neither of the three.
- The Monash files have lost number and domain. Their order is that of the competition, which gives both back.
- The Monash file has -1200 as step 83 of N2786 (monthly T1385), where Mcomp has 1200; the reader puts that right.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_arrays
from mtl_jax.data.series import read_tsf, steps
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame

FILES = (File("m3.npz", 581999, "004ca61636755d54387ff5bbc6c90d065e3aa6adeeb4babf8b50a8f08c732f0a"),)
HORIZONS = {"YEARLY": 6, "QUARTERLY": 8, "MONTHLY": 18, "OTHER": 8}
DOMAINS = ("MICRO", "INDUSTRY", "MACRO", "FINANCE", "DEMOGRAPHIC", "OTHER")
# For each period: the competition's number of the first series of each domain, in the order of DOMAINS, and the end.
_FIRST = {
  "YEARLY": (1, 147, 249, 332, 390, 635, 646),
  "QUARTERLY": (646, 850, 933, 1269, 1345, 1402, 1402),
  "MONTHLY": (1402, 1876, 2210, 2522, 2667, 2778, 2830),
  "OTHER": (2830, 2834, 2834, 2834, 2863, 2863, 3004),
}
FACTS = Facts(
  rows=236_210,
  counts={
    "period": {"MONTHLY": 167_562, "QUARTERLY": 37_004, "YEARLY": 18_319, "OTHER": 13_325},
    "split": {"test": 645 * 6 + 756 * 8 + 1428 * 18 + 174 * 8, "train": 236_210 - 37_014},
  },
)
_VALUE = Column("?", 1, 1e6)
_GROUPS = {
  "unit": Column(kind="text"),
  "period": Column(kind="text", among=tuple(HORIZONS)),
  "domain": Column(kind="text", among=DOMAINS),
  "split": Column(kind="text", among=("train", "test")),
  "time": Column("step", 0, 1000, kind="integer"),
}


def _domain(number: int, period: str) -> str:
  return DOMAINS[int(np.searchsorted(_FIRST[period][1:-1], number, side="right"))]


def _table(series: list[np.ndarray], numbers: list[int], periods: list[str], where: str) -> Table:
  """Series, the competition's numbers and the periods to one row a series and step."""
  lengths = np.array([len(values) for values in series])
  test = np.array([HORIZONS[period] for period in periods])
  if (lengths <= test).any():
    raise DataError(f"{where}: series N{numbers[int((lengths <= test).argmax())]:04d} is no longer than its test part")
  which, step = steps(lengths)
  domains = [_domain(number, period) for number, period in zip(numbers, periods, strict=True)]
  frame = pd.DataFrame(
    {
      "unit": np.array([f"N{number:04d}" for number in numbers], object)[which],
      "period": np.array(periods, object)[which],
      "domain": np.array(domains, object)[which],
      "split": np.where(step < (lengths - test)[which], "train", "test"),
      "time": step,
      "value": np.concatenate(series),
    }
  )
  return of_frame(frame, where, columns={}, labels={"value": _VALUE}, groups=_GROUPS, key=("unit", "time"))


def _read(folder: Path) -> Table:
  path = folder / FILES[0].name
  data = read_arrays(path, ("values", "n_train", "n_test", "id", "period", "type"))
  lengths = data["n_train"].astype(np.int64) + data["n_test"]
  if not len(lengths) == len(data["id"]) == len(data["period"]) == len(data["type"]):
    raise DataError(f"{path}: n_train, n_test, id, period and type differ in length")
  if lengths.sum() != len(data["values"]):
    raise DataError(f"{path}: {len(data['values'])} values, expected {lengths.sum()}")
  numbers, periods = list(range(1, len(lengths) + 1)), data["period"].tolist()
  for at, number in enumerate(numbers):
    stated = (data["id"][at], data["n_test"][at], data["type"][at])
    if periods[at] not in HORIZONS or stated != (f"N{number:04d}", HORIZONS[periods[at]], _domain(number, periods[at])):
      raise DataError(f"{path}: series {number} is {stated}, which does not belong to its place")
  return _table(np.split(data["values"], np.cumsum(lengths)[:-1]), numbers, periods, str(path))


def _original(folder: Path) -> Table:
  """The four files of the Monash archive; number and domain follow from a series' place in them."""
  series, numbers, periods = [], [], []
  for period, horizon in HORIZONS.items():
    path = matching(folder, f"m3_{period.lower()}_dataset.tsf")[0]
    tsf = read_tsf(path)
    if tsf.header.get("horizon", str(horizon)) != str(horizon):
      raise DataError(f"{path}: horizon {tsf.header['horizon']}, expected {horizon}")
    first, end = _FIRST[period][0], _FIRST[period][-1]
    if len(tsf.series) > end - first:
      raise DataError(f"{path}: {len(tsf.series)} series, expected {end - first}")
    series += tsf.series
    numbers += range(first, first + len(tsf.series))
    periods += [period] * len(tsf.series)
  for values, number in zip(series, numbers, strict=True):
    if number == 2786 and len(values) > 83 and values[83] == -1200.0:
      values[83] = 1200.0
  return _table(series, numbers, periods, str(folder))


SOURCE = Source(
  name="m3",
  title="M3 competition: 3,003 business and economic series, 6 domains",
  publisher="https://forecasters.org/resources/time-series-data/",
  licence="none stated for the competition's data; GPL-3 (R package Mcomp); CC BY 4.0 (Monash archive)",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=tuple(
    Remote(f"https://zenodo.org/records/{record}/files/m3_{period}_dataset.zip", None, f"m3_{period}.zip")
    for period, record in (("yearly", 4656222), ("quarterly", 4656262), ("monthly", 4656298), ("other", 4656335))
  ),
)
load = SOURCE.load
