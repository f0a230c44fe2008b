"""Car parts: monthly units sold of 2,674 parts, January 1998 to March 2002, most of them zero.

R. J. Hyndman, A. B. Koehler, J. K. Ord, R. D. Snyder, "Forecasting with exponential smoothing", Springer 2008; data
of the R package expsmooth (GPL), also in the Monash forecasting archive (CC BY 4.0): https://forecastingdata.org

What a reader must know:
- 71 % of the months are zero: use losses for counts (Poisson, negative binomial) and scaled errors.
- 165 parts end early: from some month on nothing is recorded. Such months are NaN and their `recorded` is 0; they
  are not zeros. A part never begins late and has no gaps, and the reader checks that.
- The publishers hold out the last 12 months.
- A part is a number and nothing else is known of it.
- The Monash file names its parts T1 to T2674 and has lost their numbers: `unit` is then that name.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_csv
from mtl_jax.data.series import lengths_of, read_tsf, steps
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (File("carparts_monthly.csv", 291505, "fa7b0669fe88b2ae00d88e9da82153e55728cafb23cd792afe4238999ab76102"),)
MONTHS = np.arange("1998-01", "2002-04", dtype="datetime64[M]")
FACTS = Facts(rows=2674 * len(MONTHS), counts={"recorded": {0: 6122, 1: 2674 * len(MONTHS) - 6122}})
_SOLD = Column("unit", 0, 10_000, missing=True, kind="integer")
_COLUMNS = {"recorded": Column("1", 0, 1, kind="integer")}
_GROUPS = {"unit": Column(kind="text"), "time": Column("month", kind="date")}


def _table(parts: pd.Series, wide: np.ndarray, where: str) -> Table:
  """(parts, months) to one row a part and month."""
  frame = validated(pd.DataFrame(wide, columns=MONTHS.astype(str)), dict.fromkeys(MONTHS.astype(str), _SOLD), where)
  wide = frame.to_numpy()
  lengths_of(wide, where)
  part, month = steps([len(MONTHS)] * len(wide))
  long = pd.DataFrame(
    {
      "unit": parts.to_numpy()[part],
      "time": MONTHS.astype("datetime64[ns]")[month],
      "units_sold": wide.ravel(),
      "recorded": ~np.isnan(wide.ravel()),
    }
  )
  return of_frame(long, where, columns=_COLUMNS, labels={"units_sold": _SOLD}, groups=_GROUPS, key=("unit", "time"))


def _read(folder: Path) -> Table:
  path = folder / FILES[0].name
  rules = {"part": Column(kind="text")} | dict.fromkeys(MONTHS.astype(str), _SOLD)
  frame = validated(read_csv(path), rules, str(path))
  return _table(frame["part"], frame[MONTHS.astype(str)].to_numpy(), str(path))


def _original(folder: Path) -> Table:
  """The Monash archive's file with missing values; `unit` is T1 to T2674, the parts' numbers are not in it."""
  path = matching(folder, "car_parts_dataset_with_missing_values.tsf")[0]
  tsf = read_tsf(path)
  wrong = [name for name, start in zip(tsf.names, tsf.starts, strict=True) if start != "1998-01-01 00-00-00"]
  wrong += [name for name, values in zip(tsf.names, tsf.series, strict=True) if len(values) != len(MONTHS)]
  if wrong:
    raise DataError(f"{path}: {wrong[0]} is not {len(MONTHS)} months from 1998-01-01 on")
  return _table(pd.Series(tsf.names), np.stack(tsf.series), str(path))


SOURCE = Source(
  name="carparts",
  title="Car parts: 2,674 parts, 51 months of intermittent demand",
  publisher="https://forecastingdata.org",
  licence="GPL (R package expsmooth); CC BY 4.0 (Monash archive)",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote("https://zenodo.org/records/4656022/files/car_parts_dataset_with_missing_values.zip", None, "carparts.zip"),
  ),
)
load = SOURCE.load
