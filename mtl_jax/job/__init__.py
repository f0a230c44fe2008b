"""A job: train what a config asks for, score it beside its baselines, write the run folder.

Everything here can be stopped and resumed.
"""

import time
from pathlib import Path
from typing import Any

from mtl_jax import build, report
from mtl_jax.build import multitask as joint
from mtl_jax.command import asked_for, console, exit_with_message
from mtl_jax.config import AT_HAND, AnyConfig, Devices, MultiTask, validate
from mtl_jax.fit import Interrupted
from mtl_jax.job import few_shot, multitask
from mtl_jax.job.devices import agreed_time, first, on, room_for_programs, started
from mtl_jax.job.folder import note, start


def data(config: AnyConfig) -> Any:
  """What the config learns from and is scored on."""
  return joint.problem(config.tasks) if isinstance(config, MultiTask) else build.folds(config)


def train(config: AnyConfig, given: Any, folder: Path, resume: bool, profile: bool = False) -> None:
  """Trains everything on `data(config)`, with traces in folder/profile where asked; see `fit` for what it raises."""
  if isinstance(config, MultiTask):
    multitask.train(config, given, folder, resume, profile)
  else:
    few_shot.train(config, given, folder, resume, profile)


def score(config: AnyConfig, given: Any, folder: Path) -> list[dict[str, Any]]:
  """Scores every method on every test, writes scores.json and returns its rows."""
  if isinstance(config, MultiTask):
    return multitask.score(config, given, folder)
  return few_shot.score(config, given, folder)


def run(
  config: AnyConfig,
  docstring: str,
  folder: Path | None,
  resume: bool,
  devices: Devices = AT_HAND,
  profile: bool = False,
) -> None:
  """All of a job: a run folder, or `folder` to go on with, training, scores and the report; SystemExit if stopped."""
  validate(config)
  mesh = started(devices, config)
  began = time.perf_counter()
  given = data(config)  # on one device, which alone keeps what is only needed to make it
  if folder is None:
    folder = Path("runs") / f"{config.name}-{agreed_time():%Y%m%d-%H%M%S}"
    start(config, docstring, folder)
  console.print(f"run folder: {folder}")
  prepared = time.perf_counter()
  try:
    with on(mesh):
      train(config, given, folder, resume, profile)
  except Interrupted as error:
    _report(folder)
    console.print(f"{error}\ngo on with: python scripts/train.py {folder} --resume", soft_wrap=True)
    raise SystemExit(130) from None
  note(folder, tasks=prepared - began, training=time.perf_counter() - prepared)
  with on(mesh):
    score(config, given, folder)
  console.print(f"report: {_report(folder)}")


def _report(folder: Path) -> Path:
  return report.write_report([folder], folder / "report.html") if first() else folder


__all__ = [
  "asked_for",
  "console",
  "data",
  "exit_with_message",
  "first",
  "note",
  "on",
  "room_for_programs",
  "run",
  "score",
  "start",
  "started",
  "train",
]
