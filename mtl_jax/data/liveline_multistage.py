"""A multi-stage continuous-flow line near Detroit: 41 inputs of stage 1, 14 of stage 2, 15 measurements after each.

Three machines in parallel feed a combiner (stage 1), two in series follow (stage 2). Publisher:
https://www.kaggle.com/datasets/supergus/multistage-continuousflow-manufacturing-process (Liveline Technologies); its
licence was not verified.

What a reader must know:
- The project's copy is a random sample of 4,500 of the 14,088 rows, shuffled, rounded to two decimals, its time cut to
  the minute. There are no dynamics in it. The publisher's own file, all rows in order and to the second, is read too.
- Four hours of one day: under a random split the minute alone predicts as well as all inputs. Split by `block` (ten
  minutes) or by time; then few measurements can be predicted at all.
- A 0 (or a tiny number, also below 0) in a measurement is a sensor that dropped out, not a size: some are out for 95 %
  of the rows. They are kept. The full file has filtered values in which a drop-out decays over some rows.
- The measurements of stage 1 are labels here; they are inputs of a model of stage 2.
- Setpoints are columns. Those of stage 2 are constant, those of stage 1 too but for zeros.
- Machine4_Temperature4 equals Machine4_Pressure in every row.
- Units are hidden by the publisher ("?"); the names say C for controlled and U for uncontrolled.
- The line is one unit. 14 seconds of the full file stand twice and 14 are skipped.
"""

from pathlib import Path

import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_csv
from mtl_jax.data.source import Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File(
    "continuous_factory_process_sample4500.csv",
    2909179,
    "59fc3c32376211ed262b02e47bdfd3d56c6b831eb59418064a05c6bee04aec51",
  ),
)
FACTS = Facts(rows=4500)
FULL_FACTS = Facts(rows=14_088)
_WARM = Column("?", 20, 150)
_HOT = Column("?", 0, 600)
_MACHINE = {  # of stage 1
  "RawMaterial_Property1": Column("?", 1, 100),
  "RawMaterial_Property2": Column("?", 50, 1000),
  "RawMaterial_Property3": Column("?", 100, 5000),
  "RawMaterial_Property4": Column("?", 50, 1000),
  "RawMaterialFeederParameter_U_Actual": Column("?", -10, 5000),
  "Zone1Temperature_C_Actual": _WARM,
  "Zone2Temperature_C_Actual": _WARM,
  "MotorAmperage_U_Actual": Column("?", 0, 1000),
  "MotorRPM_C_Actual": Column("?", 0, 100),
  "MaterialPressure_U_Actual": Column("?", 0, 2000),
  "MaterialTemperature_U_Actual": _WARM,
  "ExitZoneTemperature_C_Actual": _WARM,
}
_COLUMNS = {
  "AmbientConditions_AmbientHumidity_U_Actual": Column("?", 0, 100),
  "AmbientConditions_AmbientTemperature_U_Actual": Column("?", 0, 60),
  **{f"Machine{machine}_{name}": rule for machine in (1, 2, 3) for name, rule in _MACHINE.items()},
  "FirstStage_CombinerOperation_Temperature1_U_Actual": Column("?", 0, 300),
  "FirstStage_CombinerOperation_Temperature2_U_Actual": Column("?", 0, 300),
  "FirstStage_CombinerOperation_Temperature3_C_Actual": _WARM,
  **{f"Stage1_Output_Measurement{i}_U_Setpoint": Column("?", 0, 50) for i in range(15)},
  "Machine4_Temperature1_C_Actual": _HOT,
  "Machine4_Temperature2_C_Actual": _HOT,
  "Machine4_Pressure_C_Actual": Column("?", 0, 100),
  "Machine4_Temperature3_C_Actual": _HOT,
  "Machine4_Temperature4_C_Actual": Column("?", 0, 100),
  "Machine4_Temperature5_C_Actual": _HOT,
  "Machine4_ExitTemperature_U_Actual": _HOT,
  **{f"Machine5_Temperature{i}_C_Actual": _HOT for i in range(1, 7)},
  "Machine5_ExitTemperature_U_Actual": _HOT,
  **{f"Stage2_Output_Measurement{i}_U_Setpoint": Column("?", 0, 50) for i in range(15)},
}
_LABELS = {f"Stage{s}_Output_Measurement{i}_U_Actual": Column("?", -20, 100) for s in (1, 2) for i in range(15)}
_GROUPS = {
  "unit": Column(kind="text"),
  "block": Column("10 min", 0, kind="integer"),
  "time": Column("s", kind="date"),
}
_BEGIN, _END = pd.Timestamp("2019-03-06 10:52"), pd.Timestamp("2019-03-06 14:48")


def _table(path: Path, pattern: str) -> Table:
  frame = read_csv(path)
  frame.columns = frame.columns.str.replace(".", "_")
  stamp = validated(frame, {"time_stamp": Column(kind="text")}, str(path))["time_stamp"]
  time = pd.to_datetime(stamp, format=pattern, errors="coerce")
  wrong = ~time.between(_BEGIN, _END)
  if wrong.any():
    row = int(wrong.to_numpy().argmax())
    raise DataError(f"{path}: row {row + 1} has time {stamp[row]!r}, expected {pattern} in {_BEGIN} to {_END}")
  blocks = (time - _BEGIN.floor("10min")) // pd.Timedelta("10min")
  frame = frame.assign(unit="line", block=blocks, time=time)
  return of_frame(frame, str(path), columns=_COLUMNS, labels=_LABELS, groups=_GROUPS)


def _read(folder: Path) -> Table:
  """The sample; names have underscores where the publisher's have dots."""
  return _table(folder / FILES[0].name, "%d-%m-%Y %H:%M")


def _original(folder: Path) -> Table:
  """The publisher's continuous_factory_process.csv: all rows in order of time, unrounded, to the second."""
  path = matching(folder, "continuous_factory_process.csv")[0]
  table = _table(path, "%Y-%m-%d %H:%M:%S")
  back = table.groups["time"][1:] < table.groups["time"][:-1]
  if back.any():
    raise DataError(f"{path}: row {int(back.argmax()) + 2} lies before the row above: rows are out of order")
  return table


SOURCE = Source(
  name="liveline_multistage",
  title="Multi-stage continuous-flow manufacturing, a random sample of 4,500 rows",
  publisher="https://www.kaggle.com/datasets/supergus/multistage-continuousflow-manufacturing-process",
  licence="not verified",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  original_facts=FULL_FACTS,
  by_hand="download continuous_factory_process.csv from Kaggle, which asks for a login, into the folder",
)
load = SOURCE.load
