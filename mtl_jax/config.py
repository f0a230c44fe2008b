"""Configs: frozen dataclasses that know no JAX. A file in configs/ defines `config`, one `Config`."""

import dataclasses
import importlib.util
from pathlib import Path
from typing import Literal


class ConfigError(ValueError):
  """A config that cannot work; the message names the field, the value and the way out."""


def _require(condition: bool, field: str, value: object, way_out: str) -> None:
  if not condition:
    raise ConfigError(f"{field}={value!r}: {way_out}")


# Where tasks come from.


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
  rotations: int = 1
  """how many of five groups of products are tested in turn"""
  split_seed: int = 0
  """which products those are"""


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
  | Own
)
WITHOUT_LABELS: tuple[type, ...] = (RemainingLife,)  # jobs that also make sense with no label of the new unit: K = 0


# Networks.


@dataclasses.dataclass(frozen=True)
class MLP:
  """Dense layers on the spectra of a window, or on x of the sinusoid."""

  hidden: tuple[int, ...] = (256, 128)
  norm: Literal["none", "layer"] = "layer"


@dataclasses.dataclass(frozen=True)
class Conv1D:
  """Convolutions on the raw waveform."""

  features: tuple[int, ...] = (16, 32, 64)
  kernels: tuple[int, ...] = (15, 7, 5)
  strides: tuple[int, ...] = (4, 2, 2)


@dataclasses.dataclass(frozen=True)
class Residual:
  """The inputs themselves, whitened, as the embedding, and what is learned on top; see models/residual.py."""

  hidden: int = 0
  soft_unit: bool = False


Model = MLP | Conv1D | Residual


# Algorithms.


@dataclasses.dataclass(frozen=True)
class Maml:
  inner_lr: float = 0.1
  inner_steps: int = 3
  outer_lr: float = 1e-3
  first_order: bool = False
  learned_rates: Literal["scalar", "leaf", "parameter"] | None = None
  per_step_rates: bool = False
  rematerialise: bool = False
  clip: float | None = None


@dataclasses.dataclass(frozen=True)
class Anil:
  inner_lr: float = 0.1
  inner_steps: int = 5
  outer_lr: float = 3e-3
  first_order: bool = False


@dataclasses.dataclass(frozen=True)
class Reptile:
  inner_lr: float = 0.05
  inner_steps: int = 5
  outer_lr: float = 0.5
  batch_size: int | None = 32
  predict_steps: int | None = None


@dataclasses.dataclass(frozen=True)
class ProtoNet:
  outer_lr: float = 3e-3
  embedding: int = 64


@dataclasses.dataclass(frozen=True)
class Cnp:
  outer_lr: float = 1e-3
  decay_steps: int | None = None
  """meta-updates over which the rate falls to 0 along a cosine; None: it stays"""
  weight_decay: float = 0.0
  embedding: int = 64
  """width of the mean of encoded examples"""


@dataclasses.dataclass(frozen=True)
class R2d2:
  outer_lr: float = 3e-3
  embedding: int = 64
  penalty: float = 1.0
  """where lambda starts"""
  alpha: float = 1.0
  """where the scale of the logits starts"""
  common: bool = False
  """whether the penalty pulls to a learned ridge, where a label means the same in every task, or to zero"""


@dataclasses.dataclass(frozen=True)
class Finetune:
  inner_lr: float = 0.1
  inner_steps: int = 20
  outer_lr: float = 3e-3
  head_only: bool = False


Algorithm = Maml | Anil | Reptile | ProtoNet | R2d2 | Cnp | Finetune


@dataclasses.dataclass(frozen=True)
class Training:
  steps: int = 600
  """meta-updates"""
  tasks_per_step: int = 16
  """tasks in each meta-update, for each seed"""
  seeds: int = 5
  chunk_steps: int = 100
  """steps between two looks at the host: progress, checkpoint, Ctrl-C"""
  validation_episodes: int = 60
  keep: int = 2
  """checkpoints kept beside the best"""


@dataclasses.dataclass(frozen=True)
class Evaluation:
  shots: tuple[int, ...] = (1, 5, 10)
  """labels per condition"""
  episodes: int = 600
  adaptation_steps: tuple[int, ...] = (0, 1, 3, 10, 30)
  """the points of the picture score against adaptation steps"""
  adaptation_shots: int = 5
  """labels per condition in that picture"""
  baselines: bool = True


@dataclasses.dataclass(frozen=True)
class Config:
  """A job: tasks, a network, the algorithm and its controls, and how to score them."""

  name: str
  tasks: Tasks
  model: Model
  algorithm: Algorithm
  controls: tuple[Algorithm, ...] = (Finetune(),)
  """trained and scored beside `algorithm` with the same data"""
  training: Training = Training()
  evaluation: Evaluation = Evaluation()
  seed: int = 0


def _validate_own(tasks: Own, model: Model) -> None:
  _require(isinstance(model, MLP), "model", model, "rows of a table are read by an MLP")
  low, high = tasks.shots
  _require(1 <= low <= high, "tasks.shots", tasks.shots, "a range (low, high) with 1 <= low <= high")
  _require(tasks.queries >= 1, "tasks.queries", tasks.queries, "must be at least 1")
  _require(tasks.gap >= 0, "tasks.gap", tasks.gap, "cannot be negative")
  for field in ("validation", "test"):
    value = getattr(tasks, field)
    _require(0.0 < value < 1.0, f"tasks.{field}", value, "a share of the units, between 0 and 1")
  both = tasks.validation + tasks.test
  _require(both < 1.0, "tasks.test", tasks.test, f"with tasks.validation, {both:g}: leave some units to learn from")
  _require(len(tasks.features) > 0, "tasks.features", tasks.features, "name at least one column")
  roles = (tasks.unit, tasks.time, tasks.target)
  _require(len(set(roles)) == 3, "tasks.target", tasks.target, f"unit, time and target must differ, not be {roles}")
  for name in (tasks.unit, tasks.target):
    _require(name not in tasks.features, "tasks.features", tasks.features, f"{name!r} is the unit or the target")
  _require(len(set(tasks.features)) == len(tasks.features), "tasks.features", tasks.features, "name each column once")
  columns = {*roles, *tasks.features}
  for i, rule in enumerate(tasks.rules):
    known = f"must be one of {', '.join(sorted(columns))}"
    _require(rule.column in columns, f"tasks.rules.{i}.column", rule.column, known)


def _validate_demand(tasks: Demand, config: Config) -> None:
  _require(isinstance(config.model, MLP), "model", config.model, "periods are read by an MLP")
  low, high = tasks.shots
  _require(1 <= low <= high, "tasks.shots", tasks.shots, "a range (low, high) with 1 <= low <= high")
  _require(tasks.horizon >= 1, "tasks.horizon", tasks.horizon, "must be at least 1")
  least = f"must be at least the horizon, {tasks.horizon}"
  _require(tasks.held_back >= tasks.horizon, "tasks.held_back", tasks.held_back, least)
  _require(1 <= tasks.rotations <= 5, "tasks.rotations", tasks.rotations, "there are five groups of products: 1 to 5")


def validate(config: Config) -> None:
  """Raises ConfigError for a value that cannot work."""
  t, e = config.training, config.evaluation
  for field in ("steps", "tasks_per_step", "seeds", "chunk_steps", "validation_episodes", "keep"):
    value = getattr(t, field)
    _require(value >= 1, f"training.{field}", value, "must be at least 1")
  _require(e.episodes >= 1, "evaluation.episodes", e.episodes, "must be at least 1")
  fewest = 0 if isinstance(config.tasks, WITHOUT_LABELS) else 1
  named = f"name at least one count, each at least {fewest}"
  _require(len(e.shots) > 0 and min(e.shots) >= fewest, "evaluation.shots", e.shots, named)
  _require(
    min(1, max(e.shots)) <= e.adaptation_shots <= max(e.shots),
    "evaluation.adaptation_shots",
    e.adaptation_shots,
    f"must lie between {min(1, max(e.shots))} and the largest of evaluation.shots, {max(e.shots)}",
  )
  kinds = [type(algorithm).__name__ for algorithm in (config.algorithm, *config.controls)]
  _require(len(set(kinds)) == len(kinds), "controls", kinds[1:], "each algorithm can stand in a job once")
  for i, algorithm in enumerate((config.algorithm, *config.controls)):
    where = "algorithm" if i == 0 else f"controls.{i - 1}"
    for field in ("inner_lr", "outer_lr"):
      value = getattr(algorithm, field, 1.0)
      _require(0.0 < value < float("inf"), f"{where}.{field}", value, "a learning rate must be positive and finite")
    steps = getattr(algorithm, "inner_steps", 1)
    _require(steps >= 0, f"{where}.inner_steps", steps, "cannot be negative")
  tasks = config.tasks
  if isinstance(tasks, Fleet | FleetToBearings):
    where, simulated = ("tasks", tasks) if isinstance(tasks, Fleet) else ("tasks.fleet", tasks.fleet)
    need = simulated.shots[1] + simulated.queries
    _require(
      simulated.recordings >= need,
      f"{where}.recordings",
      simulated.recordings,
      f"must be at least {need}: the most labels, {simulated.shots[1]}, and queries, {simulated.queries}",
    )
  if isinstance(tasks, Own):
    _validate_own(tasks, config.model)
  if isinstance(tasks, Demand):
    _validate_demand(tasks, config)
  else:
    _require("Cnp" not in kinds, "algorithm", kinds, "a neural process is made for forecasts: tasks must be a Demand")
  if isinstance(tasks, Surface):
    _require(2 <= tasks.ways <= 6, "tasks.ways", tasks.ways, "2 to 6: each set has six defects")
    _require(tasks.splits >= 1, "tasks.splits", tasks.splits, "must be at least 1")
    _require(isinstance(config.model, MLP | Residual), "model", config.model, "features are read by an MLP or Residual")
  if isinstance(tasks, FewEngines | RemainingLife | Productivity):
    _require(isinstance(config.model, MLP), "model", config.model, "rows of a table are read by an MLP")
  if isinstance(tasks, RemainingLife):
    _require(e.shots == (0,), "evaluation.shots", e.shots, "a test engine has no label: (0,)")
    _require(len(kinds) == 1 and kinds[0] == "Finetune", "algorithm", kinds, "nothing to adapt to: Finetune alone")
  if isinstance(tasks, FewEngines | RemainingLife):
    known = ("FD001", "FD002", "FD003", "FD004")
    named = len(tasks.subsets) > 0 and set(tasks.subsets) <= set(known)
    _require(named, "tasks.subsets", tasks.subsets, f"some of {', '.join(known)}")
  if isinstance(tasks, Productivity):
    _require(3 <= tasks.folds <= 12, "tasks.folds", tasks.folds, "12 teams make 3 to 12 groups")
  if isinstance(tasks, Sinusoid | FewEngines | RemainingLife | Productivity | Demand):
    _require("ProtoNet" not in kinds, "algorithm", kinds, "prototypes need classes; this is a regression")


def load(path: Path) -> tuple[Config, str]:
  """The `config` of a config file, and the file's docstring.

  Raises:
    ConfigError: no such file, or it defines no `config`.
  """
  if not path.is_file():
    known = sorted(str(p) for p in Path("configs").glob("*.py"))
    hint = f" There are: {', '.join(known)}." if known else ""
    raise ConfigError(f"{path}: no such config file.{hint}")
  spec = importlib.util.spec_from_file_location(path.stem, path)
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  config = getattr(module, "config", None)
  if not isinstance(config, Config):
    raise ConfigError(f"{path}: defines no `config = Config(...)`")
  return config, (module.__doc__ or "").strip()


def dump(config: Config, docstring: str) -> str:
  """The text of a config file that defines an equal `config`."""
  quoted = docstring.replace("\\", "\\\\").replace('"""', "'''")
  return f'"""{quoted}\n"""\n\nfrom mtl_jax.config import *  # noqa: F403\n\nconfig = {config!r}\n'
