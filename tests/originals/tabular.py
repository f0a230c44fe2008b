"""Small samples of the machining, emission, quality and productivity sets in their publishers' own formats."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from mtl_jax.data import (
  Facts,
  ai4i2020,
  cnc_mill_wear,
  garment_productivity,
  gas_turbine,
  injection_molding,
  liveline_multistage,
  steel_plates,
)

_MOTOR = ("Position", "Velocity", "Acceleration")
_DRIVE = ("CurrentFeedback", "DCBusVoltage", "OutputCurrent", "OutputVoltage")
_PLANNED = tuple(f"{kind}{name}" for kind in ("Actual", "Command") for name in _MOTOR)
_EXPERIMENTS = (  # feed rate, pressure, condition, finished, inspection, rows, last stage
  ("6", "4", "unworn", "yes", "yes", 40, "end"),
  ("20", "2.5", "worn", "no", "", 25, "End"),
  ("15", "3", "worn", "yes", "no", 33, "End"),
)


def michigan(folder: Path) -> Facts:
  """Three experiments of the mill; numbers in scientific notation with three digits."""
  rng = np.random.default_rng(11)
  names = [f"{motor}_{name}" for motor in ("X1", "Y1") for name in (*_PLANNED, *_DRIVE, "OutputPower")]
  names += [f"Z1_{name}" for name in (*_PLANNED, *_DRIVE)]
  names += [f"S1_{name}" for name in (*_PLANNED, *_DRIVE, "OutputPower", "SystemInertia")]
  names += ["M1_CURRENT_PROGRAM_NUMBER", "M1_sequence_number", "M1_CURRENT_FEEDRATE", "Machining_Process"]
  listed = ["No,material,feedrate,clamp_pressure,tool_condition,machining_finalized,passed_visual_inspection\n"]
  units = {}
  for number, (feed, pressure, tool, finished, passed, rows, last) in enumerate(_EXPERIMENTS, 1):
    listed.append(f"{number},wax,{feed},{pressure},{tool},{finished},{passed}\n")
    units[f"{number:02d}"] = rows
    lines = [",".join(names) + "\n"]
    for row in range(rows):
      axes = []
      for home, idle in ((198, False), (158, False), (119, True)):
        at, speed, push = home - row, rng.normal(0, 8), rng.normal(0, 200)
        moves = [at, speed, push, at, speed + 0.1, push + 3]
        drive = [0, 0, 0, 0] if idle else [rng.normal(0, 5), rng.uniform(0, 0.3), rng.normal(327, 1), 20, 2e-3]
        axes += [*moves, *drive]
      spindle = [rng.uniform(-2e3, 2e3), 53.3, 0.25, rng.uniform(-2e3, 2e3), 53.3, 0, 20.1, 1.1, 322, 118, 0.18, 12]
      numbers = [*axes, *spindle, 1, row, int(feed)]
      stage = "Prep" if row < 5 else last if row >= rows - 4 else "Layer 1 Up" if row < 20 else "Repositioning"
      lines.append(",".join([*(f"{value:.2E}" for value in numbers), stage]) + "\n")
    (folder / f"experiment_{number:02d}.csv").write_text("".join(lines), encoding="ascii", newline="")
  (folder / "train.csv").write_text("".join(listed), encoding="ascii", newline="")
  return Facts(98, {"unit": units, "tool_condition": {"unworn": 40, "worn": 58}, "Machining_Process": _stages(units)})


def _stages(units: dict[str, int]) -> dict[str, int]:
  few = len(units)
  return {
    "Prep": 5 * few,
    "Layer 1 Up": 15 * few,
    "Repositioning": sum(units.values()) - 24 * few,
    "end": 4 * few,
  }


def matzka(folder: Path) -> Facts:
  """60 products made with four tools; starts with a byte order mark, lines end in CR LF."""
  rng = np.random.default_rng(12)
  header = (
    "UDI,Product ID,Type,Air temperature [K],Process temperature [K],Rotational speed [rpm],Torque [Nm],"
    "Tool wear [min],Machine failure,TWF,HDF,PWF,OSF,RNF"
  )
  first = {"L": 47179, "M": 14859, "H": 29413}
  lines, wear, types, failures = [header], 0, dict.fromkeys(first, 0), 0
  for udi in range(1, 61):
    kind = "LLMLLHLMLM"[udi % 10]
    types[kind] += 1
    wear = 0 if udi in (17, 33, 50) else wear + {"L": 2, "M": 3, "H": 5}[kind]
    air = 298 + rng.normal(0, 0.5)
    modes = [int(udi == 16), int(udi == 30), 0, int(udi in (30, 44)), int(udi == 50)]
    failed = int(any(modes[:4]))
    failures += failed
    lines.append(
      f"{udi},{kind}{first[kind] + udi},{kind},{air:.1f},{air + 10:.1f},{round(rng.normal(1540, 90))},"
      f"{rng.normal(40, 8):.1f},{wear},{failed},{','.join(map(str, modes))}"
    )
  (folder / "ai4i2020.csv").write_bytes(("\ufeff" + "\r\n".join(lines) + "\r\n").encode("utf-8"))
  tools = {1: 16, 2: 16, 3: 17, 4: 11}
  return Facts(60, {"type": types, "failure": {0: 60 - failures, 1: failures}, "tool": tools})


def _digits(value: float, decimals: int = 4) -> str:
  return f"{value:.{decimals}f}".rstrip("0").rstrip(".")


def semeion(folder: Path) -> Facts:
  """70 defects as Faults.NNA: tab separated, no header, sorted by class."""
  rng = np.random.default_rng(13)
  lines, faults = [], {}
  for at, name in enumerate(("Pastry", "Z_Scratch", "K_Scatch", "Stains", "Dirtiness", "Bumps", "Other")):
    faults[name] = 7 + at
    for _ in range(7 + at):
      x, y = int(rng.integers(0, 1600)), int(rng.integers(7000, 12_000_000))
      width, height = int(rng.integers(4, 60)), int(rng.integers(3, 200))
      area = int(max(2, 0.6 * width * height))
      dark, bright = int(rng.integers(40, 100)), int(rng.integers(105, 150))
      mean, old = (dark + bright) / 2, int(rng.integers(2))
      conveyer = int(rng.choice([1353, 1687]))
      numbers = [x, x + width, y, y + height, area, width + 3, height + 2, round(mean * area), dark, bright, conveyer]
      numbers += [old, 1 - old, int(rng.choice([40, 80, 200])), min(x, 1000) / 1000, 0.4, min(width / height, 1)]
      numbers += [width / conveyer, width / (width + 3), height / (height + 2), (0.5, 0, 1)[np.sign(height - width)]]
      numbers += [np.log10(area), np.log10(width), np.log10(height), (height - width) / max(height, width)]
      numbers += [mean / 128 - 1, 1 / (1 + np.exp(-area / 400))]
      numbers += [int(i == at) for i in range(7)]
      lines.append("\t".join(_digits(value) for value in numbers) + "\n")
  place = folder / "steel+plates+faults"
  place.mkdir()
  (place / "Faults.NNA").write_text("".join(lines), encoding="ascii", newline="")
  return Facts(70, {"fault": faults})


def kaya(folder: Path) -> Facts:
  """Five years of 8 to 20 hours."""
  rng = np.random.default_rng(14)
  mean = np.array([17.7, 1013, 77.9, 3.9, 25.6, 1081, 546, 133.5, 12.1, 2.4, 65.3])
  spread = np.array([4, 6, 9, 0.4, 3, 12, 2, 12, 0.7, 0.6, 8])
  units = {}
  for year, rows in zip(range(2011, 2016), (20, 17, 8, 14, 11), strict=True):
    units[str(year)] = rows
    lines = ["AT,AP,AH,AFDP,GTEP,TIT,TAT,TEY,CDP,CO,NOX\n"]
    for hour in mean + spread * np.clip(rng.normal(size=(rows, 11)), -2, 2):
      lines.append(",".join(f"{value:.5g}" for value in hour) + "\n")
    (folder / f"gt_{year}.csv").write_text("".join(lines), encoding="ascii", newline="")
  return Facts(70, {"unit": units, "split": {"train": 37, "validation": 8, "test": 25}})


def imran(folder: Path) -> Facts:
  """Two sewing and two finishing teams on 20 working days; dates without leading zeros, lines end in CR LF."""
  rng = np.random.default_rng(15)
  lines = [
    "date,quarter,department,day,team,targeted_productivity,smv,wip,over_time,incentive,idle_time,idle_men,"
    "no_of_style_change,no_of_workers,actual_productivity"
  ]
  days = [date(2015, 1, 1) + timedelta(n) for n in range(23)]
  days = [day for day in days if day.strftime("%A") != "Friday"]
  for n, day in enumerate(days):
    start = f"{day.month}/{day.day}/{day.year},Quarter{(day.day - 1) // 7 + 1}"
    for team in (1, 12):
      finishing = "finishing " if n % 3 else "finishing"
      name = day.strftime("%A")
      wip, pay = rng.integers(300, 1500), int(rng.choice([0, 50, 63]))
      lines.append(f"{start},sweing,{name},{team},0.8,26.16,{wip},7080,{pay},0,0,0,58.5,{rng.uniform(0.5, 0.9):.9f}")
      lines.append(f"{start},{finishing},{name},{team},0.75,3.94,,960,0,4.5,10,1,8,{rng.uniform(0.3, 1.1):.9f}")
  (folder / "garments_worker_productivity.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("ascii"))
  rows = len(days)
  units = {"sewing 01": rows, "sewing 12": rows, "finishing 01": rows, "finishing 12": rows}
  return Facts(4 * rows, {"unit": units, "department": {"sewing": 2 * rows, "finishing": 2 * rows}})


_LENS = (106.0, 81.2, 6.97, 3.16, 74.83, 903.0, 919.0, 116.9, 104.3, 145.6, 902.3, 8.82, 18.73)
_LENS_SPREAD = (2.0, 0.4, 0.3, 0.1, 0.2, 4.0, 4.0, 3.0, 2.0, 0.4, 12.0, 0.05, 0.05)
_LENS_NAMES = (
  "Melt temperature",
  "Mold temperature",
  "time_to_fill",
  "ZDx - Plasticizing time",
  "ZUx - Cycle time",
  "SKx - Closing force",
  "SKs - Clamping force peak value",
  "Ms - Torque peak value current cycle",
  "Mm - Torque mean value current cycle",
  "APSs - Specific back pressure peak value",
  "APVs - Specific injection pressure peak value",
  "CPn - Screw position at the end of hold pressure",
  "SVo - Shot volume",
  "quality",
)


def polenta(folder: Path) -> Facts:
  """60 lenses; semicolons, quoted names, the class as 1.0 to 4.0."""
  rng = np.random.default_rng(16)
  lines = [";".join(f'"{name}"' for name in _LENS_NAMES) + "\n"]
  for row in range(60):
    shot = np.array(_LENS) + np.array(_LENS_SPREAD) * np.clip(rng.normal(size=13), -2, 2)
    places = (13, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 2, 2)  # a few values are filled in and have all digits
    numbers = [_digits(value, places[i]) for i, value in enumerate(shot)]
    lines.append(";".join([*numbers, f"{1 + row % 4}.0"]) + "\n")
  (folder / "data.csv").write_text("".join(lines), encoding="ascii", newline="")
  return Facts(60, {"quality": {1: 15, 2: 15, 3: 15, 4: 15}})


_EXTRUDER = {
  "RawMaterial.Property1": 11.54,
  "RawMaterial.Property2": 200,
  "RawMaterial.Property3": 963.0,
  "RawMaterial.Property4": 247,
  "RawMaterialFeederParameter.U.Actual": 441.3,
  "Zone1Temperature.C.Actual": 72.0,
  "Zone2Temperature.C.Actual": 72.3,
  "MotorAmperage.U.Actual": 68.03,
  "MotorRPM.C.Actual": 10.48,
  "MaterialPressure.U.Actual": 436.76,
  "MaterialTemperature.U.Actual": 76.3,
  "ExitZoneTemperature.C.Actual": 75.1,
}


def _measurements(stage: int) -> dict[str, float]:
  sizes = (12.8, 13.8, 11.4, 21.5, 33.2, 2.5, 2.0, 2.9, 20.9, 18.9, 7.8, 5.8, 1.5, 2.9, 15.4)
  found = {}
  for i, size in enumerate(sizes):
    found |= {f"Stage{stage}.Output.Measurement{i}.U.{kind}": size for kind in ("Actual", "Setpoint")}
  return found


def liveline(folder: Path) -> Facts:
  """Three stretches of 30 seconds in three blocks of ten minutes; names with dots, unrounded, drop-outs."""
  rng = np.random.default_rng(17)
  machine4 = ("Temperature1.C", "Temperature2.C", "Pressure.C", "Temperature3.C", "Temperature4.C", "Temperature5.C")
  line: dict[str, float] = {
    "AmbientConditions.AmbientHumidity.U.Actual": 17.2,
    "AmbientConditions.AmbientTemperature.U.Actual": 23.5,
  }
  line |= {f"Machine{machine}.{name}": value for machine in (1, 2, 3) for name, value in _EXTRUDER.items()}
  line |= {
    f"FirstStage.CombinerOperation.Temperature{i + 1}.{'UUC'[i]}.Actual": (99.1, 108.2, 80.0)[i] for i in range(3)
  }
  line |= _measurements(1)
  line |= {f"Machine4.{name}.Actual": (350.0, 330.0, 21.0, 300.0, 21.0, 299.0)[i] for i, name in enumerate(machine4)}
  line |= {"Machine4.ExitTemperature.U.Actual": 165.0}
  line |= {f"Machine5.Temperature{i + 1}.C.Actual": (309.8, 289.9, 263.9, 238.6, 245.0, 66.1)[i] for i in range(6)}
  line |= {"Machine5.ExitTemperature.U.Actual": 150.0}
  line |= _measurements(2)
  lines = [",".join(["time_stamp", *line]) + "\n"]
  start = datetime(2019, 3, 6, 10, 52, 33)
  for second in range(90):
    stamp = start + timedelta(minutes=10 * (second // 30), seconds=second - int(second == 40))  # 40 stands twice
    values = []
    for name, size in line.items():
      value = size if ".Setpoint" in name or "Property" in name else size * (1 + 0.004 * rng.normal())
      if "Measurement" in name and name.endswith("Actual") and rng.random() < 0.1:
        value = rng.choice([0.0, -5.36e-07])
      values.append(f"{value:.10g}")
    lines.append(",".join([f"{stamp:%Y-%m-%d %H:%M:%S}", *values]) + "\n")
  (folder / "continuous_factory_process.csv").write_text("".join(lines), encoding="ascii", newline="")
  return Facts(90, {"block": {0: 30, 1: 30, 2: 30}})


SAMPLES = [
  (cnc_mill_wear.SOURCE, michigan),
  (ai4i2020.SOURCE, matzka),
  (steel_plates.SOURCE, semeion),
  (gas_turbine.SOURCE, kaya),
  (garment_productivity.SOURCE, imran),
  (injection_molding.SOURCE, polenta),
  (liveline_multistage.SOURCE, liveline),
]
