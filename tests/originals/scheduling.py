"""Small samples of the scheduling instances and the bearing vibration in their publishers' own formats."""

import json
import shutil
from pathlib import Path

import numpy as np
import scipy.io

from mtl_jax.data import Facts, cwru, flexible_jobshop, flowshop, jobshop, mfpt

_FT06 = ("2 1 0 3 1 6 3 7 5 3 4 6", "1 8 2 5 4 10 5 10 0 10 3 4", "2 5 3 4 5 8 0 9 1 1 4 7") + (
  "1 5 0 5 2 5 3 3 4 8 5 9",
  "2 9 1 3 4 5 5 4 0 3 3 1",
  "1 3 3 3 5 9 0 10 4 4 2 1",
)
_PLUS = " +++++++++++++++++++++++++++++"


def _drawn(seed: int, jobs: int, machines: int) -> tuple[str, ...]:
  random = np.random.default_rng(seed)
  lines = []
  for _ in range(jobs):
    order, times = random.permutation(machines), random.integers(10, 40, machines)
    lines.append(" ".join(f"{machine:2d} {time:2d}" for machine, time in zip(order, times, strict=True)))
  return tuple(lines)


def jobshop_text(folder: Path) -> Facts:
  """The collection's one text: words on the sources, then instances in the layout of the OR-Library."""
  some = (
    ("ft06", 6, 6, _FT06, "Fisher and Thompson 6x6 instance, alternate name (mt06)", 55, 55),
    ("dmu01", 20, 5, _drawn(1, 20, 5), "original name: rcmax_20_15_4", 560, 600),
    ("ta01", 5, 7, _drawn(2, 5, 7), "Taillard's instance; lower bound of 1993 not given", 260, 301),
  )
  lines = [
    f"This file contains a set of {len(some)} JSP test instances.",
    "",
    "- Éric Taillard's Page [the ta* instances]",
    "",
    "+" * 70,
    "",
    "Each instance consists of a line of description, a line containing the",
    "number of jobs and the number of machines, and then one line for each job,",
    "The machines are numbered starting with 0.",
    "",
  ]
  for name, jobs, machines, block, words, lower, upper in some:
    lines += [_PLUS, "", f" instance {name}", "", _PLUS]
    lines += [f" {words}; lower bound: {lower}; best known solution: {upper}", f" {jobs} {machines}"]
    lines += [f" {line}" for line in block]
  (folder / "instance_data.txt").write_text("\n".join([*lines, _PLUS, ""]), "utf-8")
  return Facts(36 + 100 + 35, {"unit": {"ft06": 36, "dmu01": 100, "ta01": 35}})


def _taillard(seed: int, jobs: int, machines: int) -> list[str]:
  """Lines of times of the paper's generator, in the form that needs no number above 2^31 (Bratley, Fox, Schrage)."""
  lines = []
  for _ in range(machines):
    line = ""
    for _ in range(jobs):
      high = seed // 127773
      seed = 16807 * (seed - high * 127773) - high * 2836
      seed += (seed < 0) * (2**31 - 1)
      line += f" {1 + int(seed / (2**31 - 1) * 99):2d}"
    lines.append(line)
  return lines


def flowshop_texts(folder: Path) -> Facts:
  """Two of the publisher's files, instances one after another, DOS line ends; the last line of one does not end."""
  head = "number of jobs, number of machines, initial seed, upper bound and lower bound :"
  files = {
    (20, 5): ((873654221, 1278, 1232), (379008056, 1359, 1290), (1866992158, 1081, 1073)),
    (20, 10): ((587595453, 1582, 1448),),
  }
  for (jobs, machines), several in files.items():
    lines = []
    for seed, upper, lower in several:
      lines += [head, f"{jobs:12d}{machines:12d}{seed:12d}{upper:12d}{lower:12d}", "processing times :"]
      lines += _taillard(seed, jobs, machines)
    end = "\r\n" if machines == 10 else ""
    (folder / f"tai{jobs}_{machines}.txt").write_bytes(("\r\n".join(lines) + end).encode())
  return Facts(500, {"unit": {"tai20_5_0": 100, "tai20_5_1": 100, "tai20_5_2": 100, "tai20_10_0": 200}})


def _flexible(seed: int, jobs: int, machines: int) -> str:
  """Up to four operations a job, each on some of the machines."""
  random = np.random.default_rng(seed)
  lines = [f"{jobs} {machines}"]
  for _ in range(jobs):
    count = random.integers(2, 5)
    line = [str(count)]
    for _ in range(count):
      some = np.sort(random.permutation(machines)[: random.integers(1, machines + 1)])
      line += [str(len(some)), *(f"{machine} {random.integers(10, 60)}" for machine in some)]
    lines.append(" ".join(line))
  return "\n".join(lines) + "\n"


def flexible_jobshop_repository(folder: Path) -> Facts:
  """The publisher's repository as it is unpacked, with a family that is not read and two of its four slips."""
  texts = {
    "dauzere/03a.txt": _flexible(3, 6, 4),
    "dauzere/04a.txt": _flexible(4, 5, 4),
    "fattahi/sfjs01.txt": "2 2\n2 2 0 25 1 37 2 0 32 1 24\n2 2 0 45 1 65 2 0 21 1 65\n",
    "fattahi/sfjs04.txt": "3 2\n2 2 0 54 1 63 2 0 87 1 95\n2 1 1 120 1 1 152\n2 2 0 125 1 135 2 0 143 1 124\n",
  }
  root = folder / "fjsp-instances-main"
  for name, text in texts.items():
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)
  entries = (
    ("dpp03", 6, 4, {"upper": 420, "lower": 180}, "dauzere/03a.txt"),
    ("dpp04", 5, 4, 260, "dauzere/03a.txt"),
    ("e-mt06", 6, 6, 55, "hurink/edata/mt06.txt"),
    ("sfjs01", 2, 2, 66, "fattahi/sfjs01.txt"),
    ("sfjs04", 3, 2, {"upper": 331, "lower": 355}, "fattahi/sfjs04.txt"),
  )
  index = []
  for name, jobs, machines, bound, path in entries:
    known = {"optimum": bound} if isinstance(bound, int) else {"optimum": None, "bounds": bound}
    index.append({"name": name, "jobs": jobs, "machines": machines, **known, "path": path})
  (root / "instances.json").write_text(json.dumps(index, indent=2) + "\n")

  def rows(name: str) -> int:
    """A line has 1 number, 1 for each operation and 2 for each alternative."""
    lines = [line.split() for line in texts[name].splitlines()[1:]]
    return sum((len(line) - 1 - int(line[0])) // 2 for line in lines)

  units = {"dpp03": rows("dauzere/03a.txt"), "dpp04": rows("dauzere/04a.txt"), "sfjs01": 8, "sfjs04": 10}
  return Facts(sum(units.values()), {"unit": units})


def _vibration(seed: int, samples: int, deviation: float) -> np.ndarray:
  """A line at 10 times the shaft's speed, and noise; in g."""
  random = np.random.default_rng(seed)
  return deviation * (np.sin(np.arange(samples) * 0.157) + random.normal(0, 0.5, samples))


def cwru_matlab(folder: Path) -> Facts:
  """Four of the publisher's files: the healthy one at 48 kHz, and one whose variables are named after another."""
  rows = {"97": 2, "105": 3, "130": 2, "3005": 1}
  for i, (name, windows) in enumerate(rows.items()):
    samples = (windows * 2048 + 77) * (4 if name == "97" else 1)
    number = "056" if name == "3005" else f"{int(name):03d}"
    variables = {f"X{number}_{place}_time": _vibration(i, samples, 0.3)[:, None] for place in ("DE", "FE")}
    if name != "3005":
      variables[f"X{number}RPM"] = np.array([[1796]], np.uint16)
    scipy.io.savemat(folder / f"{name}.mat", variables)
  shutil.copy(folder / "105.mat", folder / "109.mat")  # a recording at 48 kHz, not of this set
  return Facts(8, {"recording": rows, "fault": {"healthy": 2, "inner race": 3, "outer race": 2, "ball": 1}})


def mfpt_matlab(folder: Path) -> Facts:
  """The publisher's folders, with a baseline that is not read and a copy; numbers are stored now so, now so."""
  root = folder / "MFPT Fault Data Sets"
  inner, outer = root / "4 - Seven Inner Race Fault Conditions", root / "3 - Seven More Outer Race Fault Conditions"
  rest = root / "1 - Three Baseline Conditions", root / "5 - Analyses"
  for place in (inner, outer, *rest):
    place.mkdir(parents=True)
  rows = {"InnerRaceFault_vload_1": 2, "InnerRaceFault_vload_6": 1, "OuterRaceFault_vload_3": 2}
  for i, (name, load) in enumerate(zip(rows, (0, np.uint8(250), "100"), strict=True)):
    gs = _vibration(10 + i, 4 * (rows[name] * 2048 + 33), 3.0)[:, None]
    bearing = {"sr": 48828.0 if i else 48828, "gs": gs, "load": load, "rate": np.uint8(25)}
    scipy.io.savemat((inner if name.startswith("Inner") else outer) / f"{name}.mat", {"bearing": bearing})
  baseline = {"sr": 97656, "gs": _vibration(20, 15_000, 1.0)[:, None], "load": 270, "rate": 25}
  scipy.io.savemat(rest[0] / "baseline_1.mat", {"bearing": baseline})
  shutil.copy(outer / "OuterRaceFault_vload_3.mat", rest[1])
  return Facts(5, {"recording": rows, "load": {0.0: 2, 250.0: 1, 100.0: 2}})


SAMPLES = [
  (jobshop.SOURCE, jobshop_text),
  (flowshop.SOURCE, flowshop_texts),
  (flexible_jobshop.SOURCE, flexible_jobshop_repository),
  (cwru.SOURCE, cwru_matlab),
  (mfpt.SOURCE, mfpt_matlab),
]
