"""A multi-task job: one model for many tasks, and what it is compared with."""

import dataclasses
from typing import Literal

Aggregating = Literal[
  "mean", "mgda", "pcgrad", "gradvac", "cagrad", "imtl_g", "nash_mtl", "fairgrad", "aligned_mtl", "upgrad", "dualproj",
  "config", "db_mtl", "gradnorm", "graddrop",
]  # fmt: skip
Weighing = Literal["equal", "log", "uncertainty", "dwa", "rlw", "gls", "imtl_l", "famo", "stch", "grid"]
Paths = Literal["shared", "cross_stitch", "mmoe", "dselect_k", "cgc", "ple", "mtan", "ltb", "film", "lora"]


@dataclasses.dataclass(frozen=True)
class Joint:
  """One way to train one model on all tasks: its table's rows are named after what differs from the default."""

  aggregator: Aggregating = "mean"
  """of the tasks' gradients"""
  weighting: Weighing = "equal"
  """of the tasks' losses; grid: fixed weights, tuned on validation like the learning rate"""
  paths: Paths = "shared"
  """what lies between the shared trunk and a task's head"""


METHODS = (
  Joint(),
  *(Joint(weighting=name) for name in ("grid", "log", "uncertainty", "dwa", "famo")),
  *(Joint(name) for name in ("upgrad", "cagrad", "nash_mtl", "imtl_g", "aligned_mtl", "pcgrad", "db_mtl")),
  *(Joint(paths=name) for name in ("mmoe", "cgc", "mtan", "film", "lora")),
)
"""What a table compares: scalarisations first, then what looks at gradients, then other ways to share."""


@dataclasses.dataclass(frozen=True)
class Sharing:
  """Widths of the one network; single-task networks have the same."""

  stem: tuple[int, ...] = (64,)
  """of each source's own layers; those of images and windows are convolutions"""
  trunk: tuple[int, ...] = (64,)
  path: int = 32
  """of a path's layer, where `paths` is not shared"""


@dataclasses.dataclass(frozen=True)
class JointTraining:
  steps: int = 1000
  rows: int = 128
  """examples in a step, shared out among the sources"""
  sampling: Literal["uniform", "proportional", "temperature", "epochs"] = "temperature"
  """share of a source: equal, by its rows n, by n^(1/temperature), by n with each row once before any comes twice"""
  temperature: float = 2.0
  learning_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2)
  """tuned on validation, for every method and every single-task model alike"""
  grid: int = 8
  """weights that the grid tries, each at every learning rate"""
  seeds: int = 5
  chunk_steps: int = 100
  keep: int = 1
  """checkpoints kept beside the best"""


@dataclasses.dataclass(frozen=True)
class Turbine:
  """Emissions and yield of a gas turbine, years held out."""


@dataclasses.dataclass(frozen=True)
class Turbofan:
  """Remaining life, health state and flight condition of turbofan engines never seen."""


@dataclasses.dataclass(frozen=True)
class Supply:
  """Two sources: signals of products a week ahead, and order lines to countries never seen."""


@dataclasses.dataclass(frozen=True)
class Line:
  """30 measurements of a production line, most of which its readings hardly predict."""


@dataclasses.dataclass(frozen=True)
class Factory:
  """Twelve tasks of a factory on nine sources: inspection, progress, equipment and quality."""


@dataclasses.dataclass(frozen=True)
class Pairs:
  """Which article of Fashion-MNIST is at the top left of a picture and which at the bottom right."""


JointTasks = Turbine | Turbofan | Supply | Line | Factory | Pairs


@dataclasses.dataclass(frozen=True)
class MultiTask:
  """A multi-task job."""

  name: str
  tasks: JointTasks
  methods: tuple[Joint, ...] = METHODS
  model: Sharing = Sharing()
  training: JointTraining = JointTraining()
  baselines: bool = True
  """trees and linear models, one for each task, and single-task networks"""
  groups: int = 3
  """the most groups of tasks that the report may propose"""
  seed: int = 0
