"""Tool wear in a CNC mill: 18 experiments on wax blocks, motors of three axes and the spindle at 10 Hz.

Publisher: https://www.kaggle.com/datasets/shasun/tool-wear-detection-in-cnc-mill (System-level Manufacturing and
Automation Research Testbed, University of Michigan, 2018), which states no licence in its README.

What a reader must know:
- The unit is the experiment. Rows of one are near copies, and wear, feed rate and clamp pressure are constant within
  it: there are 18 examples of wear, not 25,286.
- In experiments 2 to 18 the rows stand permuted in chunks of about ten while Machining_Process runs in time order. The
  stage is therefore no usable label there, and a window mixes chunks. `row` is the place in the file, not the time;
  only in experiment 01 is it the time in steps of 0.1 s.
- Experiments 04, 05, 07 and 16 were stopped before they were finished and have no visual inspection.
- Some rows do not describe the machine: M1_CURRENT_FEEDRATE is 50, X1_ActualPosition is 198, or
  M1_CURRENT_PROGRAM_NUMBER is not 0, says the publisher; but it is 1 in 96 % of the rows, so the last cannot be meant.
  All rows are kept; 331 repeat another of their experiment.
- Feed rates of 12 and 15 mm/s were run with worn tools only, and commanded velocities tell the feed rate: see whether a
  score outlives leaving such columns out before calling it wear.
- Units are the publisher's. The columns called DCBusVoltage (0 to 3) and OutputCurrent (290 to 333) seem to have each
  other's names. Current and voltage of the Z axis are 0 throughout.
- The stage "end" is also spelt "End"; it is "end" here.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, read_csv
from mtl_jax.data.source import Source
from mtl_jax.data.table import Column, Facts, Table, of_frame, validated

FILES = (
  File("experiment_01.csv", 466137, "6d144d70b1bd93d728dcf349490221f2e1ce1bbcfedb6d7328017fbd35b593f6"),
  File("experiment_02.csv", 734790, "1d04df9e4c33b6d24defef702f72ab09325a2ed56af8ba9e0cb804fd2ec3a4d5"),
  File("experiment_03.csv", 670463, "aadd06b2b0cd08f67f962c7bb5473aa8fc26b0093cff137c40bf61578bd06078"),
  File("experiment_04.csv", 233663, "15a5b8bce1d0aeb25eab8cdb318d39a755e8ed91f2279300135e9ae9bb6bd87e"),
  File("experiment_05.csv", 201857, "2e2e511d8fa30ce4ef209d2538ebfea335149b140371ac82ddb7b1fc7a1a3fd3"),
  File("experiment_06.csv", 572999, "516240342890e878083bbc5da3726aba1a58bef42cf14103ac21cb38d33cbb25"),
  File("experiment_07.csv", 250294, "24bfae764aec247a08c422b6300cb6df8b6c355183cec42ab164f475309520ca"),
  File("experiment_08.csv", 267214, "9057675c30eed183bfc5a4193c00beb8791ba3326d7de13f9076a1c78d06c1e3"),
  File("experiment_09.csv", 328146, "51ee4beda3894c45d91ccf3489a377f65f31338e3d2da0f202cc68961909abaf"),
  File("experiment_10.csv", 573293, "6bebf50a7eb79f8f3c032fda2d4d6aa3ed1b36c7210957fc7bcc99fb8ab80c15"),
  File("experiment_11.csv", 1020230, "72cb766f1d4f953c11a85684a5ea57bfe93489f6c7a1bacfe85c899c85efa6b1"),
  File("experiment_12.csv", 1004981, "26094bd290a1aa98342f944fd2bbe40a3e4311074d022bb33fa8cefff59ce3d5"),
  File("experiment_13.csv", 985419, "3f2ec69fec40fa1e77f793bd53fea3db28a8b097497e32bda6fa0b5be506cc79"),
  File("experiment_14.csv", 1028462, "e1c746c0c093ba41af120374796f78012f1fc89d0f0940d76c7d0a33a062141f"),
  File("experiment_15.csv", 607501, "66723f87b38254b196976423be78ca3aaeaac6f448e317f196769b679f054f07"),
  File("experiment_16.csv", 263888, "f91b939e80855d38d030aedc055281a585890a92a247b6c562edd8e5c614d5a7"),
  File("experiment_17.csv", 946697, "691f1dd97c3011a53691e250e7e4b795fb803f2dbf28df680b72b274d97e7441"),
  File("experiment_18.csv", 993807, "568791927cf17596367ee90bebf7794ce82d9f5fc4d458ded7b566ce53305ec2"),
  File("train.csv", 528, "0b32fa625c7b3ec9b969b5c0281d17cdab55f77e639a625377215793600158bc"),
)
FACTS = Facts(rows=25_286, counts={"tool_condition": {"unworn": 11_978, "worn": 13_308}})
_AXIS = {
  "ActualPosition": Column("mm", 0, 250),
  "ActualVelocity": Column("mm/s", -80, 80),
  "ActualAcceleration": Column("mm/s2", -3000, 3000),
  "CommandPosition": Column("mm", 0, 250),
  "CommandVelocity": Column("mm/s", -80, 80),
  "CommandAcceleration": Column("mm/s2", -1500, 1500),
  "CurrentFeedback": Column("A", -60, 60),
  "DCBusVoltage": Column("V", 0, 2),
  "OutputCurrent": Column("A", 250, 400),
  "OutputVoltage": Column("V", 0, 150),
  "OutputPower": Column("kW", -0.1, 0.2),
}
_IDLE = {  # the Z axis is not measured
  "CurrentFeedback": Column("A", 0, 0),
  "DCBusVoltage": Column("V", 0, 0),
  "OutputCurrent": Column("A", 0, 0),
  "OutputVoltage": Column("V", 0, 0),
}
_SPINDLE = {
  "ActualPosition": Column("mm", -3000, 3000),
  "ActualVelocity": Column("mm/s", -1, 80),
  "ActualAcceleration": Column("mm/s2", -300, 300),
  "CommandPosition": Column("mm", -3000, 3000),
  "CommandVelocity": Column("mm/s", 0, 80),
  "CommandAcceleration": Column("mm/s2", -1, 200),
  "CurrentFeedback": Column("A", -30, 120),
  "DCBusVoltage": Column("V", 0, 6),
  "OutputCurrent": Column("A", 250, 400),
  "OutputVoltage": Column("V", 0, 200),
  "OutputPower": Column("kW", -0.1, 1),
  "SystemInertia": Column("kg m2", 12, 12),
}
_MOTORS = {"X1": _AXIS, "Y1": _AXIS, "Z1": {n: _IDLE.get(n, r) for n, r in _AXIS.items() if n != "OutputPower"}}
_SIGNALS = {
  f"{motor}_{name}": rule for motor, some in (_MOTORS | {"S1": _SPINDLE}).items() for name, rule in some.items()
}
_SIGNALS |= {
  "M1_CURRENT_PROGRAM_NUMBER": Column("1", 0, 10, kind="integer"),
  "M1_sequence_number": Column("line", 0, 500, kind="integer"),  # of the G-code
  "M1_CURRENT_FEEDRATE": Column("mm/s", 1, 60),
}
_COLUMNS = _SIGNALS | {
  "feedrate": Column("mm/s", 1, 30),
  "clamp_pressure": Column("bar", 2, 5),
}
_LAYERS = tuple(f"Layer {layer} {way}" for layer in (1, 2, 3) for way in ("Up", "Down"))
_STAGE = {"Machining_Process": Column(kind="text", among=("Starting", "Prep", *_LAYERS, "Repositioning", "end"))}
_OUTCOMES = {
  "tool_condition": Column(kind="text", among=("unworn", "worn")),
  "machining_finalized": Column(kind="text", among=("yes", "no")),
  "passed_visual_inspection": Column(kind="text", among=("yes", "no", "not inspected")),
}
_GROUPS = {"unit": Column(kind="text"), "row": Column("1", 1, kind="integer")}


def _experiments(path: Path) -> pd.DataFrame:
  """One row an experiment."""
  frame = read_csv(path)
  if "passed_visual_inspection" in frame:
    frame["passed_visual_inspection"] = frame["passed_visual_inspection"].fillna("not inspected")
  rules = {
    "No": Column("1", 1, 99, kind="integer"),
    "material": Column(kind="text", among=("wax",)),
    "feedrate": _COLUMNS["feedrate"],
    "clamp_pressure": _COLUMNS["clamp_pressure"],
  }
  frame = validated(frame, rules | _OUTCOMES, str(path))
  stopped = frame["machining_finalized"] == "no"
  wrong = stopped != (frame["passed_visual_inspection"] == "not inspected")
  if frame["No"].duplicated().any():
    raise DataError(f"{path}: an experiment stands twice in the column 'No'")
  if wrong.any():
    row = int(wrong.to_numpy().argmax()) + 1
    raise DataError(f"{path}: row {row}: only what was not finished may be without a visual inspection")
  return frame.assign(unit=[f"{int(number):02d}" for number in frame["No"]])


def _read(folder: Path) -> Table:
  """The publisher's files: train.csv lists the experiments, each has its own experiment_NN.csv."""
  experiments = _experiments(folder / "train.csv")
  listed = {f"experiment_{unit}.csv" for unit in experiments["unit"]}
  extra = sorted({path.name for path in folder.glob("experiment_*.csv")} - listed)
  if extra:
    raise DataError(f"{folder}: {extra[0]} is not listed in train.csv")
  runs = []
  for _, experiment in experiments.iterrows():
    path = folder / f"experiment_{experiment['unit']}.csv"
    frame = read_csv(path, ended=False).replace({"Machining_Process": {"End": "end"}})
    frame = validated(frame, _SIGNALS | _STAGE, str(path))
    runs.append(frame.assign(row=np.arange(1, len(frame) + 1), **experiment))
  frame = pd.concat(runs, ignore_index=True)
  return of_frame(frame, str(folder), columns=_COLUMNS, labels=_OUTCOMES | _STAGE, groups=_GROUPS, key=("unit", "row"))


SOURCE = Source(
  name="cnc_mill_wear",
  title="Tool wear in a CNC mill: 18 experiments at 10 Hz, worn and unworn tools",
  publisher="https://www.kaggle.com/datasets/shasun/tool-wear-detection-in-cnc-mill",
  licence="not stated in the publisher's README",
  files=FILES,
  read=_read,
  facts=FACTS,
  by_hand="download it from Kaggle, which asks for a login, and unpack train.csv and the experiments here",
)
load = SOURCE.load
