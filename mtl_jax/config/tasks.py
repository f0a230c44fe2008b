"""Where tasks come from."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class Sinusoid:
  """Sine waves with their own amplitude and phase; shots and queries are points."""

  shots: int = 10
  queries: int = 10


@dataclasses.dataclass(frozen=True)
class Fleet:
  """Simulated rotating machines; see tasks/fleet.py."""

  machines: int = 256
  """machines with history (meta-training)"""
  test_machines: int = 600
  """machines never seen before; one episode or a few each"""
  recordings: int = 24
  """recordings of each condition on each machine of meta-training"""
  shots: tuple[int, int] = (1, 10)
  """labels per condition in training: a range, drawn anew for each task"""
  queries: int = 10
  """asked windows per condition"""


@dataclasses.dataclass(frozen=True)
class Bearings:
  """Real bearings: CWRU by fault diameter, rotated, and MFPT; see tasks/bearings.py."""

  diameters: tuple[int, ...] = (7, 14, 21)
  """fault diameters, thousandths of an inch; each is left out once"""
  shots: tuple[int, int] = (1, 10)
  queries: int = 10


@dataclasses.dataclass(frozen=True)
class FleetToBearings:
  """Meta-train on the simulated fleet, adapt to the real bearings."""

  fleet: Fleet = Fleet()
  bearings: Bearings = Bearings()


@dataclasses.dataclass(frozen=True)
class TennesseeEastman:
  """Faults of a simulated chemical plant from windows of 52 variables; see data/tep.py."""

  window: int = 20
  """samples, 3 minutes apart"""
  faults: Literal["new", "all"] = "new"
  """new: those never trained on; all: every one at once, with nothing to learn from"""
  ways: int = 5
  """faults in an episode of new ones"""
  kept_out: Literal["", "odd", "even"] = ""
  """faults that are not looked at: three of the others at a time are asked about, to compare designs without them"""
  shots: tuple[int, int] = (1, 10)
  queries: int = 10


@dataclasses.dataclass(frozen=True)
class Hydraulic:
  """The state of one component of a hydraulic rig, where others are as never before; see data/hydraulic.py."""

  target: Literal["valve", "accumulator"] = "valve"
  split: Literal["cooler", "combination"] = "cooler"
  """what was never seen: a cooler level, or a combination of component states"""
  shots: tuple[int, int] = (1, 10)
  queries: int = 10


@dataclasses.dataclass(frozen=True)
class Surface:
  """Defects of steel strip, magnetic tiles and circuit boards, on a set never trained on; see build/surface.py."""

  ways: int = 5
  """of the six defects of a set, in an episode"""
  splits: int = 8
  """ways in which the groups of the test set are dealt out to labels and questions"""
  features: tuple[Literal["radial", "angular", "patterns 1", "patterns 2", "bands", "scales", "profiles"], ...] = ()
  """groups of texture features, in that order; () for all"""
  shrinkage: float = 0.3
  """of the whitening towards a sphere, 0 to 1"""
  kept_out: Literal["", "NEU steel strip", "magnetic tile", "DeepPCB"] = ""
  """a set that is not looked at: the other two are asked about in turn, to compare designs without it"""
  shots: tuple[int, int] = (1, 10)
  queries: int = 10


@dataclasses.dataclass(frozen=True)
class FewEngines:
  """Remaining life of C-MAPSS engines, on a subset never trained on; a label is the whole life of an engine."""

  subsets: tuple[str, ...] = ("FD001", "FD002", "FD003", "FD004")
  """each is left out once"""
  rows: int = 24
  """cycles of an engine's life in a support set"""
  shots: tuple[int, int] = (1, 10)
  """engines in a support set of training: a range, drawn anew for each task"""
  queries: int = 20
  """asked engines in training"""
  together: int = 7
  """test engines that are asked about from one draw of labelled ones: the largest divisor of their number up to this"""


@dataclasses.dataclass(frozen=True)
class RemainingLife:
  """Remaining life of the test engines of C-MAPSS, each subset by itself, as published: no label of a test engine."""

  subsets: tuple[str, ...] = ("FD001", "FD002", "FD003", "FD004")
  engines: int = 16
  """training engines in a step of a network"""
  rows: int = 16
  """cycles of each of them"""


@dataclasses.dataclass(frozen=True)
class Productivity:
  """The day's productivity of a sewing or finishing team never seen before, from its past days; see data/garment_*."""

  folds: int = 4
  """groups of teams, each tested once"""
  cut: str = "2015-02-10"
  """questions are about days from here on; the other teams are known up to the day before"""
  shots: tuple[int, int] = (1, 10)
  queries: int = 10
  """days asked, those that follow on the labelled ones"""


@dataclasses.dataclass(frozen=True)
class FewRows:
  """A table of which a few rows are labelled, and no other unit to learn from; see build/few_rows.py."""

  data: Literal["ai4i2020", "steel_plates"]
  queries: int = 1_000
  """asked rows of ai4i2020; of each class of steel_plates, as far as there are"""


@dataclasses.dataclass(frozen=True)
class Demand:
  """Demand of a product never seen before, from its latest few observations; see tasks/demand.py."""

  data: Literal["weekly_sales", "car_parts", "daily_orders"]
  shots: tuple[int, int]
  """observations in training: a range, drawn anew for each task"""
  horizon: int
  """periods asked: weeks, months or days, from the forecast origin on"""
  held_back: int
  """the latest periods, in which all test questions lie and which no training product shows"""
  since: int = 0
  """the first period that is learned from; older ones may be of a market that is gone"""
  rotations: int = 1
  """how many of five groups of products are tested in turn"""
  split_seed: int = 0
  """which products those are"""


@dataclasses.dataclass(frozen=True)
class Process:
  """Response of a simulated plant never seen before, from a few noisy trials; see tasks/processes/."""

  plant: Literal[
    "williams_otto", "stirred_tank", "milling", "injection", "wafer", "branin", "hartmann3", "hartmann6"
  ] = "williams_otto"
  shots: tuple[int, int] = (2, 16)
  """trials in training: a range, drawn anew for each plant"""
  queries: int = 32
  """set-points asked in training"""
  noise: float = 0.05
  """deviation of a trial's noise, in deviations of the response over plants and set-points"""


@dataclasses.dataclass(frozen=True)
class Rule:
  """What a column of one's own table may hold."""

  column: str
  low: float | None = None
  high: float | None = None
  missing: bool = False
  """whether values may be missing; a row with a missing value is left out"""


@dataclasses.dataclass(frozen=True)
class Own:
  """One's own table: Parquet, CSV or Arrow, a file or a partitioned folder, local or remote; see data/own.py."""

  path: str
  """a path, or an address that fsspec knows: s3://bucket/folder, gs://, hdfs://"""
  unit: str
  """column that names the physical unit"""
  time: str
  """column that orders the rows of a unit: numbers or dates"""
  features: tuple[str, ...]
  """columns of numbers that are known before the target"""
  target: str
  """column to predict"""
  predict: Literal["auto", "classes", "values"] = "auto"
  """auto: classes where the target is text or has at most 20 different whole numbers"""
  rules: tuple[Rule, ...] = ()
  shots: tuple[int, int] = (1, 10)
  """labelled rows in training: a range, drawn anew for each task"""
  queries: int = 10
  """the rows that follow, which are asked"""
  gap: int = 0
  """rows between them that are neither, where labels come late"""
  validation: float = 0.2
  """share of the units that picks the checkpoint"""
  test: float = 0.2
  """share of the units that is scored, and never seen before"""
  split_seed: int = 0
  """which units those are"""


Tasks = (
  Sinusoid
  | Fleet
  | Bearings
  | FleetToBearings
  | TennesseeEastman
  | Hydraulic
  | Surface
  | FewEngines
  | RemainingLife
  | Productivity
  | FewRows
  | Demand
  | Process
  | Own
)
WITHOUT_LABELS: tuple[type, ...] = (RemainingLife,)  # jobs that also make sense with no label of the new unit: K = 0
