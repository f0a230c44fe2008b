"""M4 competition, hourly and weekly: 414 series of 700 to 960 hours and 359 of 80 to 2,597 weeks.

S. Makridakis, E. Spiliotis, V. Assimakopoulos, "The M4 competition: 100,000 time series and 61 forecasting methods",
Int. J. Forecasting 36 (2020). Publisher: https://github.com/Mcompetitions/M4-methods, which states no licence.

What a reader must know:
- The last 48 hours and 13 weeks of each series are the competition's test, in files of their own.
- Only these two of the six frequencies: the others are not in the project's copy.
- Values are positive, in units and scales that are not stated: scale each series by its training part.
- Some weekly series are nearly the same: W15 and W16, and W71 to W73, share their whole test part and most of their
  history. A split by series leaks there.
- Steps count from 0 in every series; when they begin is not read, so equal steps of two series are not the same hour.
- The publisher's files have a series a line, quoted, with empty fields behind the end of the shorter ones.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_arrays, read_csv
from mtl_jax.data.series import lengths_of, steps
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File("m4_hourly.npz", 638407, "0e1014dbc9596424e6dd99123551e84f89fb4728ae8cd84f0c022f0162480797"),
  File("m4_weekly.npz", 1246057, "e532e8a4c56734475cc3763a614a96e944d7ae52166e501cc525ee9ec1fa4f92"),
)
HORIZONS = {"hourly": 48, "weekly": 13}
_TEST = {"hourly": 414 * 48, "weekly": 359 * 13}
_TRAIN = {"hourly": 353_500, "weekly": 366_912}
FACTS = Facts(
  rows=sum(_TEST.values()) + sum(_TRAIN.values()),
  counts={
    "frequency": {name: _TEST[name] + _TRAIN[name] for name in HORIZONS},
    "split": {"test": sum(_TEST.values()), "train": sum(_TRAIN.values())},
  },
)
_VALUE = Column("?", 1, 1e7)
_GROUPS = {
  "unit": Column(kind="text"),
  "frequency": Column(kind="text", among=tuple(HORIZONS)),
  "split": Column(kind="text", among=("train", "test")),
  "time": Column("step", 0, 10_000, kind="integer"),
}
_Part = tuple[list[np.ndarray], np.ndarray]  # the training series; (series, horizon) of the test


def _table(parts: dict[str, _Part], where: str) -> Table:
  """Training and test part of each frequency to one row a series and step."""
  frames = []
  for frequency, (train, test) in parts.items():
    before = np.array([len(values) for values in train])
    which, step = steps(before + test.shape[1])
    names = np.array([f"{frequency[0].upper()}{i + 1}" for i in range(len(train))], object)
    values = [np.concatenate(pair) for pair in zip(train, test, strict=True)]
    split = np.where(step < before[which], "train", "test")
    columns = {"unit": names[which], "frequency": frequency, "split": split, "time": step}
    frames.append(pd.DataFrame(columns | {"value": np.concatenate(values)}))
  frame = pd.concat(frames, ignore_index=True)
  return of_frame(frame, where, columns={}, labels={"value": _VALUE}, groups=_GROUPS, key=("unit", "time"))


def _in_order(names: list[str], frequency: str, path: Path) -> None:
  for at, name in enumerate(names, 1):
    if name != f"{frequency[0].upper()}{at}":
      raise DataError(f"{path}: series {at} is {name!r}, expected {frequency[0].upper()}{at}")


def _read(folder: Path) -> Table:
  parts = {}
  for frequency, horizon in HORIZONS.items():
    path = folder / f"m4_{frequency}.npz"
    data = read_arrays(path, ("train_values", "train_len", "test", "id"))
    lengths = data["train_len"].astype(np.int64)
    _in_order(data["id"].tolist(), frequency, path)
    if data["test"].shape != (len(lengths), horizon) or len(data["id"]) != len(lengths):
      raise DataError(f"{path}: test has shape {data['test'].shape}, expected {(len(lengths), horizon)}")
    if lengths.sum() != len(data["train_values"]):
      raise DataError(f"{path}: {len(data['train_values'])} values, expected {lengths.sum()}")
    parts[frequency] = (np.split(data["train_values"], np.cumsum(lengths)[:-1]), data["test"])
  return _table(parts, str(folder))


def _wide(path: Path, frequency: str, value: Column) -> np.ndarray:
  """(series, steps) of a file of the publisher; NaN behind the end of a series."""
  frame = read_csv(path)
  expected = [f"V{i + 1}" for i in range(frame.shape[1])]
  if list(frame) != expected:
    raise DataError(f"{path}: the header is not V1, V2, ...")
  frame = validated(frame, {"V1": Column(kind="text")} | dict.fromkeys(expected[1:], value), str(path))
  _in_order(frame["V1"].tolist(), frequency, path)
  return frame[expected[1:]].to_numpy(np.float64)


def _original(folder: Path) -> Table:
  """The publisher's four files; nothing that is read differs."""
  parts = {}
  for frequency, horizon in HORIZONS.items():
    path = matching(folder, f"{frequency.capitalize()}-train.csv")[0]
    beside = matching(folder, f"{frequency.capitalize()}-test.csv")[0]
    train = _wide(path, frequency, _VALUE._replace(missing=True))
    test = _wide(beside, frequency, _VALUE)
    if test.shape != (len(train), horizon):
      raise DataError(f"{beside}: {test.shape[0]} series of {test.shape[1]}, expected {len(train)} of {horizon}")
    lengths = lengths_of(train, str(path))
    parts[frequency] = ([values[:length] for values, length in zip(train, lengths, strict=True)], test)
  return _table(parts, str(folder))


SOURCE = Source(
  name="m4_hourly_weekly",
  title="M4 competition: 414 hourly and 359 weekly series",
  publisher="https://github.com/Mcompetitions/M4-methods",
  licence="not stated",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=tuple(
    Remote(
      f"https://raw.githubusercontent.com/Mcompetitions/M4-methods/master/Dataset/{part}/{name}-{part.lower()}.csv",
      None,
      f"{name}-{part.lower()}.csv",
    )
    for name in ("Hourly", "Weekly")
    for part in ("Train", "Test")
  ),
)
load = SOURCE.load
