"""Small samples of the process and engine sets in their publishers' own formats."""

from pathlib import Path

import numpy as np

from mtl_jax.data import Facts, cmapss, hydraulic, tep

_CYCLES = 14


def _short(value: float) -> str:
  """At most three decimals and no trailing zero, as the rig's files have it."""
  return f"{value:.3f}".rstrip("0").rstrip(".")


_FLIGHTS = (  # a row of each condition: op1, op2, op3, s1 to s21
  (0, 0, 100, 518.67, 642, 1588, 1404, 14.62, 21.61, 553.9, 2388, 9050, 1.3, 47.4, 521.6, 2388, 8130, 8.42, 0.03, 392),
  (10, 0.25, 100, 489.05, 605, 1497, 1305, 10.52, 15.49, 394, 2319, 8764, 1.26, 45.6, 372, 2388, 8114, 8.65, 0.03, 369),
  (20, 0.7, 100, 491.19, 608, 1481, 1246, 9.35, 13.65, 334, 2324, 8713, 1.08, 44.3, 315, 2388, 8053, 9.24, 0.02, 364),
  (25, 0.62, 60, 462.54, 537, 1253, 1051, 7.05, 9.03, 176, 1915, 7997, 0.94, 36.8, 165, 2028, 7866, 10.87, 0.02, 305),
  (35, 0.84, 100, 449.44, 556, 1359, 1128, 5.48, 8, 194, 2223, 8340, 1.02, 41.8, 183, 2388, 8053, 9.35, 0.02, 333),
  (42, 0.84, 100, 445, 550.2, 1350, 1128, 3.91, 5.72, 138.7, 2212, 8314, 1.02, 42.2, 130.4, 2388, 8067, 9.4, 0.02, 332),
)  # fmt: skip
_COOLANT = ((39, 23.4), (28.4, 17.2), (24.3, 14.8), (14.3, 8.57), (15, 8.91), (10.4, 6.42))  # s20, s21
_DECIMALS = (4, 4, 1, *(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2), 4, 2, 0, 0, 2, 2, 4)
_NOISE = (3e-3, 3e-4, 0, 0, 0.2, 3, 3, 0, 0, 0.4, 0.05, 8, 0, 0.1, 0.3, 0.05, 6, 0.02, 0, 1, 0, 0, 0.1, 0.05)


def nasa(folder: Path) -> Facts:
  """Two to four engines of each subset and split; a line ends in two blanks, a remaining life in one."""
  rng = np.random.default_rng(6)
  place = folder / "6. Turbofan Engine Degradation Simulation Data Set"
  place.mkdir()
  units = {}
  for subset in ("FD001", "FD002", "FD003", "FD004"):
    for split in ("train", "test"):
      lines = []
      lengths = rng.integers(9, 21, 4)
      for engine, length in enumerate(lengths, 1):
        units[f"{subset}/{split}/{engine:03d}"] = int(length)
        for cycle in range(1, length + 1):
          at = rng.integers(6) if subset in ("FD002", "FD004") else 0
          speed = (1915, 100) if at == 3 else (2388, 100)  # s18, s19: demanded
          flight = np.array([*_FLIGHTS[at], *speed, *_COOLANT[at]]) + rng.normal(size=24) * _NOISE
          flight[19] = round(flight[19])
          numbers = [f"{x:.{d}f}" for x, d in zip(flight, _DECIMALS, strict=True)]
          lines.append(" ".join([str(engine), str(cycle), *numbers]) + "  \n")
      (place / f"{split}_{subset}.txt").write_bytes("".join(lines).encode("ascii"))
    left = rng.integers(6, 146, 4)
    (place / f"RUL_{subset}.txt").write_bytes("".join(f"{rul} \n" for rul in left).encode("ascii"))
  return Facts(sum(units.values()), {"unit": units})


_PLANT = (  # d00's means of XMEAS(1) to XMEAS(41), then XMV(1) to XMV(11)
  *(0.251, 3663.5, 4511.5, 9.344, 26.91, 42.34, 2705.4, 74.98, 120.4, 0.338, 80.09, 50.06, 2634.2, 25.12, 49.99),
  *(3102.5, 22.91, 65.72, 230.3, 341.5, 94.60, 77.29, 32.18, 8.89, 26.38, 6.88, 18.78, 1.65, 33.0, 13.82, 24.02),
  *(1.25, 18.57, 2.26, 4.84, 2.30, 0.0172, 0.836, 0.0993, 53.65, 43.89),
  *(63.03, 54.01, 24.72, 61.32, 22.25, 40.08, 38.29, 46.51, 47.46, 41.09, 18.22),
)


def braatz(folder: Path) -> Facts:
  """The normal run and faults 4 and 11, training and test; only d00.dat is 52 lines of as many numbers as rows."""
  rng = np.random.default_rng(7)
  place = folder / "TE_process"
  place.mkdir()
  units = {"d00": 50, "d00_te": 170, "d04": 40, "d04_te": 171, "d11": 43, "d11_te": 172}
  for name, rows in units.items():
    run = np.array(_PLANT) * (1 + 0.004 * rng.normal(size=(rows, 52)))
    run[:, 22:36] = run[np.arange(rows) // 2 * 2, 22:36]  # analysed every second row
    run[:, 36:41] = run[np.arange(rows) // 5 * 5, 36:41]
    lines = ["".join(f"   {x:.7e}" for x in line) + "\n" for line in (run.T if name == "d00" else run)]
    text = "".join(lines)
    (place / f"{name}.dat").write_bytes((text.lstrip() if name == "d00" else text).encode("ascii"))
  counts = {0: 50 + 170 + 160 + 160, 4: 40 + 11, 11: 43 + 12}
  return Facts(sum(units.values()), {"unit": units, "fault": counts})


def rig(folder: Path) -> Facts:
  """The warm-up of the rig, three combinations of states; tab-separated, shortest decimals, no header."""
  rng = np.random.default_rng(8)
  second = np.arange(_CYCLES * 60).reshape(_CYCLES, 60)

  def noise(scale: float) -> np.ndarray:
    return scale * rng.normal(size=second.shape)

  warm = 35 + 1.3 * second / 60
  ts3 = warm + 2.5 + noise(0.01)
  ts4 = ts3 - 8.2 + 0.35 * second / 60 + noise(0.01)
  se = np.where((second % 60 > 0) & (second % 60 < 9), 0, 60 + noise(0.3))
  se[1:, 0] = se[:-1, -1]
  sensors = {
    "TS1": warm + noise(0.02),
    "TS2": warm + 5.5 + noise(0.02),
    "TS3": ts3,
    "TS4": ts4,
    "VS1": 0.58 + 0.12 * (second % 60 < 10) + noise(0.005),
    "CE": 100 * (ts3 - ts4) / (ts3 - 22),
    "CP": 0.26 * (ts3 - ts4),
    "SE": se,
  }
  for name, cycles in sensors.items():
    text = "".join("\t".join(map(_short, line)) + "\n" for line in cycles)
    (folder / f"{name}.txt").write_bytes(text.encode("ascii"))
  states = [(3, 100, 0, 130, 1)] * 5 + [(3, 90, 0, 130, 0)] * 5 + [(3, 100, 0, 115, 1)] * 4
  (folder / "profile.txt").write_bytes("".join("\t".join(map(str, s)) + "\n" for s in states).encode("ascii"))
  return Facts(_CYCLES, {"unit": {"3/100/0/130": 5, "3/90/0/130": 5, "3/100/0/115": 4}, "stable": {0: 5, 1: 9}})


SAMPLES = [(cmapss.SOURCE, nasa), (tep.SOURCE, braatz), (hydraulic.SOURCE, rig)]
