"""A job: train what a config asks for, score it beside its baselines, write the run folder.

Everything here can be stopped and resumed.
"""

from pathlib import Path
from typing import Any

from mtl_jax import build
from mtl_jax.build import multitask as joint
from mtl_jax.config import AnyConfig, MultiTask
from mtl_jax.job import few_shot, multitask
from mtl_jax.job.folder import console, exit_with_message, note, start


def data(config: AnyConfig) -> Any:
  """What the config learns from and is scored on."""
  return joint.problem(config.tasks) if isinstance(config, MultiTask) else build.folds(config)


def train(config: AnyConfig, given: Any, folder: Path, resume: bool) -> None:
  """Trains everything on `data(config)`; see `fit` for what it raises."""
  if isinstance(config, MultiTask):
    multitask.train(config, given, folder, resume)
  else:
    few_shot.train(config, given, folder, resume)


def score(config: AnyConfig, given: Any, folder: Path) -> list[dict[str, Any]]:
  """Scores every method on every test, writes scores.json and returns its rows."""
  if isinstance(config, MultiTask):
    return multitask.score(config, given, folder)
  return few_shot.score(config, given, folder)


__all__ = ["console", "data", "exit_with_message", "note", "score", "start", "train"]
