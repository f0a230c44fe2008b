"""NASA C-MAPSS: simulated turbofan engines run to failure, subsets FD001 to FD004, 1,416 engines.

One row per flight. Training engines run until they fail; test engines stop some flights earlier, and a separate
file has what was left. A. Saxena, K. Goebel, D. Simon, N. Eklund, "Damage propagation modeling for aircraft engine
run-to-failure simulation", PHM 2008. Publisher: NASA Prognostics Center of Excellence, data set 6,
https://www.nasa.gov/intelligent-systems-division/discovery-and-systems-health/pcoe/pcoe-data-set-repository/,
which states no licence (a work of the U.S. Government, released for public use).

What a reader must know:
- `rul` is in flights and not capped. Much of the literature caps it at 125 or 130, in training only or in the test
  as well; a score means nothing without saying which.
- An engine is a unit, and its rows are near copies. Numbers start again in every file: "FD001/train/001" and
  "FD001/test/001" are different engines.
- Published scores are taken at the last row of each test engine only.
- FD001 and FD002 have one fault (compressor), FD003 and FD004 two (compressor, fan); no file says which engine has
  which.
- FD002 and FD004 fly in six conditions, which move the sensors far more than wear does: scale within `condition`.
- The publisher's readme.txt has FD004's counts the wrong way round: there are 249 training and 248 test engines.
- The project's copy holds FD002 and FD004 as a table recovered from a standardised one: 14 sensors and no third
  setting. All four subsets are therefore read with these columns only; op3 is 60 at 25,000 ft and 100 otherwise.
- The publisher's text has all 21 sensors; seven are checked for being numbers and left out.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as arrow

from mtl_jax.data.folder import DataError, File, matching, read_numbers
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File("FD002_FD004_14sensors.parquet", 4763882, "71eeeef368b8050d2ae3fbf2ad6ea57e7dcdcc34d61cb10b915e7ca274d168db"),
  File("RUL_FD001.txt", 429, "a19c8ec94931949d0485bdc35118206e9c81c4547b422efb9cf86f4ceddbceca"),
  File("RUL_FD002.txt", 1110, "c851dd96a6ea6998d3c4a8f834d3c8013aa90e93a6ed950dc826ad0655b2906b"),
  File("RUL_FD003.txt", 428, "df1e0566306b174a2de41c67a3e7a51877889598b78643fc3e5685259091b7cb"),
  File("RUL_FD004.txt", 1084, "196b836b85a95ac7fdbbf29c5fdf1657382eafa445644d114ffaaf50dc2975e1"),
  File("test_FD001.txt", 2228855, "3cda7109ce17bafb5443f2ac926cfcf88154b941b8c4cf95eb55d1ddd6f52851"),
  File("test_FD003.txt", 2826651, "299babd63c8d987cef079c4a425429f33b3a34797d803bbe2ad48c29dbd0d790"),
  File("train_FD001.txt", 3515356, "963b5e22825b34d8b21c69e1aeb4af3e647050eb672ee8834ba4b5d91d2de0f8"),
  File("train_FD003.txt", 4164422, "ddc59b42c919f8a36883ff01c40555e841d66cf7a705e70d1db5d1e11e57688a"),
)
FACTS = Facts(
  rows=265_256,
  counts={
    "subset": {"FD001": 33_727, "FD002": 87_750, "FD003": 41_316, "FD004": 102_463},
    "split": {"train": 160_359, "test": 104_897},
  },
)
_SUBSETS = ("FD001", "FD002", "FD003", "FD004")
_SPLITS = ("train", "test")
_FILES = tuple((subset, split) for subset in _SUBSETS for split in _SPLITS)
_RECOVERED = FILES[0].name
_CONDITIONS = np.array([(0, 0), (10, 0.25), (20, 0.7), (25, 0.62), (35, 0.84), (42, 0.84)])  # kft, Mach
_TEXT = ("engine", "time", "op1", "op2", "op3", *(f"s{i}" for i in range(1, 22)))
_COLUMNS = {
  "op1": Column("kft", -0.1, 43),
  "op2": Column("Mach", -0.01, 0.9),
  "op3": Column("deg", 60, 100, kind="integer", among=(60, 100)),  # angle of the throttle resolver
  "s2": Column("degR", 500, 680),  # T24, outlet of the low-pressure compressor
  "s3": Column("degR", 1150, 1700),  # T30, outlet of the high-pressure compressor
  "s4": Column("degR", 950, 1530),  # T50, outlet of the low-pressure turbine
  "s7": Column("psia", 110, 620),  # P30, outlet of the high-pressure compressor
  "s8": Column("rpm", 1850, 2450),  # Nf, fan
  "s9": Column("rpm", 7700, 9500),  # Nc, core
  "s11": Column("psia", 32, 52),  # Ps30, static
  "s12": Column("pps/psi", 105, 590),  # phi, fuel flow over Ps30
  "s13": Column("rpm", 1980, 2450),  # NRf, corrected
  "s14": Column("rpm", 7650, 8450),  # NRc, corrected
  "s15": Column("1", 7.5, 12),  # BPR, bypass ratio
  "s17": Column("?", 280, 420, kind="integer"),  # htBleed, enthalpy of the bleed
  "s20": Column("lbm/s", 8, 44),  # W31, coolant of the high-pressure turbine
  "s21": Column("lbm/s", 4.5, 27),  # W32, coolant of the low-pressure turbine
}
_LABELS = {"rul": Column("cycle", 0, 1000, kind="integer")}
_GROUPS = {
  "unit": Column(kind="text"),
  "subset": Column(kind="text", among=_SUBSETS),
  "split": Column(kind="text", among=_SPLITS),
  "time": Column("cycle", 1, 1000, kind="integer"),
  "condition": Column("1", 0, 5, kind="integer"),  # rank of the altitude, 0 at sea level
}


def _numbers(path: Path, columns: int) -> np.ndarray:
  numbers = read_numbers(path, columns)
  if not np.isfinite(numbers).all():
    row, column = np.argwhere(~np.isfinite(numbers))[0] + 1
    raise DataError(f"{path}: row {row}, column {column} is {numbers[row - 1, column - 1]}, must be finite")
  return numbers


def _text(path: Path) -> pd.DataFrame:
  return pd.DataFrame(_numbers(path, len(_TEXT)), columns=list(_TEXT))


def _engines(frame: pd.DataFrame, subset: str, split: str, folder: Path, where: Path) -> pd.DataFrame:
  """The rows of one of the publisher's files, with their groups and `rul`."""
  engine, time = frame["engine"].to_numpy(float), frame["time"].to_numpy(float)
  first = time == 1
  wrong = (engine != np.cumsum(first)) | (~first & (np.diff(time, prepend=0) != 1))
  if wrong.any():
    row = int(wrong.argmax())
    what = f"engine {engine[row]:g}, cycle {time[row]:g}"
    raise DataError(f"{where}: {subset} {split}, row {row + 1} is {what}, which does not follow the row above")
  lengths = time[np.append(first[1:], True)].astype(int)
  left = np.zeros(len(lengths))
  if split == "test":
    path = _one(folder, f"RUL_{subset}.txt")
    left = _numbers(path, 1)[:, 0]
    if len(left) != len(lengths):
      raise DataError(f"{path}: {len(left)} engines, but the test file has {len(lengths)}")
  settings = frame[["op1", "op2"]].to_numpy(float)
  condition = np.abs(settings[:, None, 0] - _CONDITIONS[:, 0]).argmin(1)
  off = (np.abs(settings - _CONDITIONS[condition]) > (0.1, 0.01)).any(1)
  throttle = np.where(condition == 3, 60, 100)
  if "op3" in frame:
    off |= frame["op3"].to_numpy(float) != throttle
  if off.any():
    row = int(off.argmax())
    raise DataError(f"{where}: {subset} {split}, row {row + 1} is in none of the six flight conditions")
  return frame.assign(
    unit=[f"{subset}/{split}/{int(i):03d}" for i in engine],
    subset=subset,
    split=split,
    condition=condition,
    op3=throttle,
    rul=np.repeat(lengths + left, lengths) - time,
  )


def _one(folder: Path, name: str) -> Path:
  found = matching(folder, name)
  if len(found) > 1:
    raise DataError(f"{folder} has {name} {len(found)} times: {found[0]}, {found[1]}")
  return found[0]


def _table(parts: dict[str, pd.DataFrame], folder: Path) -> Table:
  frame = pd.concat(parts.values(), ignore_index=True)
  try:
    return of_frame(frame, str(folder), columns=_COLUMNS, labels=_LABELS, groups=_GROUPS, key=("unit", "time"))
  except DataError:
    for where, part in parts.items():  # again one by one, to name the file and its row
      validated(part, _COLUMNS | _LABELS | _GROUPS, where)
    raise


def _recovered(path: Path) -> dict[tuple[str, str], pd.DataFrame]:
  try:
    names = ["subset", "split", "unit", "cycle", *(name for name in _COLUMNS if name != "op3")]
    frame = pd.read_parquet(path, columns=names).rename(columns={"unit": "engine", "cycle": "time"})
    return {(a, b): rows for (a, b), rows in frame.groupby(["subset", "split"], observed=True)}  # pyright: ignore[reportGeneralTypeIssues]
  except (arrow.ArrowInvalid, OSError, KeyError) as error:
    raise DataError(f"{path} is not the table of FD002 and FD004: {error}") from None


def _read(folder: Path) -> Table:
  """FD001 and FD003 from the publisher's text, FD002 and FD004 from the recovered table."""
  path, parts = folder / _RECOVERED, {}
  recovered = _recovered(path)
  for subset, split in _FILES:
    if (subset, split) in recovered:
      parts[f"{path}, {split}_{subset}"] = _engines(recovered[subset, split], subset, split, folder, path)
    else:
      text = folder / f"{split}_{subset}.txt"
      parts[str(text)] = _engines(_text(text), subset, split, folder, text)
  return _table(parts, folder)


def _original(folder: Path) -> Table:
  """All four subsets from the publisher's text files, without the seven sensors that the project's copy lacks.

  Nothing else differs: the copy's FD002 and FD004 are the same decimals.
  """
  parts = {}
  for subset, split in _FILES:
    path = _one(folder, f"{split}_{subset}.txt")
    parts[str(path)] = _engines(_text(path), subset, split, folder, path)
  return _table(parts, folder)


SOURCE = Source(
  name="cmapss",
  title="C-MAPSS turbofan engines run to failure, FD001 to FD004",
  publisher="https://www.nasa.gov/intelligent-systems-division/discovery-and-systems-health/pcoe/pcoe-data-set-repository/",
  licence="not stated (U.S. Government work released for public use)",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote(
      "https://phm-datasets.s3.amazonaws.com/NASA/6.+Turbofan+Engine+Degradation+Simulation+Data+Set.zip",
      None,
      "cmapss.zip",
    ),
  ),
)
load = SOURCE.load
