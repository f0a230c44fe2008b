"""A job: what to learn from, with what, for how long, and how to score it."""

import dataclasses

from mtl_jax.config.methods import Algorithm, Finetune, Model
from mtl_jax.config.multitask import MultiTask
from mtl_jax.config.tasks import Tasks


@dataclasses.dataclass(frozen=True)
class Training:
  steps: int = 600
  """meta-updates"""
  minutes: float | None = None
  """of training for each algorithm and fold, after which it ends though not all steps are taken"""
  tasks_per_step: int = 16
  """tasks in each meta-update, for each seed"""
  seeds: int = 5
  chunk_steps: int = 100
  """steps between two looks at the host: progress, checkpoint, Ctrl-C"""
  validation_episodes: int = 60
  keep: int = 2
  """checkpoints kept beside the best"""
  go_on: bool = False
  """a method whose training diverges is left out of the scores and the others go on, as in scripts/compare.py; but for
  the fine-tuned control, and unless all of them do"""


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
  ensemble: bool = False
  """whether all seeds of each network also answer together; such a row is one trained ensemble, and no rival"""


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


AnyConfig = Config | MultiTask
