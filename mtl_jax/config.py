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
  ways: int = 5
  """faults in an episode"""
  shots: tuple[int, int] = (1, 10)
  queries: int = 10


@dataclasses.dataclass(frozen=True)
class Hydraulic:
  """The state of one component of a hydraulic rig, at a cooler level never trained on; see data/hydraulic.py."""

  target: Literal["valve", "accumulator"] = "valve"
  shots: tuple[int, int] = (1, 10)
  queries: int = 10


@dataclasses.dataclass(frozen=True)
class FewEngines:
  """Remaining life of C-MAPSS engines, on a subset never trained on; a label is the whole life of an engine."""

  rows: int = 24
  """cycles of an engine's life in a support set"""
  shots: tuple[int, int] = (1, 10)
  """engines in a support set of training: a range, drawn anew for each task"""
  queries: int = 20
  """asked engines"""


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


Tasks = Sinusoid | Fleet | Bearings | FleetToBearings | TennesseeEastman | Hydraulic | FewEngines | Own
WITHOUT_LABELS: tuple[type, ...] = ()  # jobs that also make sense with no label of the new unit: K = 0


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


Model = MLP | Conv1D


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
class Finetune:
  inner_lr: float = 0.1
  inner_steps: int = 20
  outer_lr: float = 3e-3
  head_only: bool = False


Algorithm = Maml | Anil | Reptile | ProtoNet | Finetune


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
  if isinstance(tasks, Sinusoid | FewEngines):
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
