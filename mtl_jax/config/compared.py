"""One job for several algorithms."""

import dataclasses
from collections.abc import Sequence
from typing import get_args

from mtl_jax.config.checks import ConfigError, validate
from mtl_jax.config.job import AnyConfig, Config
from mtl_jax.config.methods import Algorithm, Custom, Finetune, name_of
from mtl_jax.config.tasks import FewRows, TennesseeEastman

_ENDLESS = 1_000_000  # steps: more than the minutes allow


def _possible(config: Config, algorithm: Algorithm) -> str:
  """Why the algorithm makes no sense in the job; empty where it does."""
  try:
    validate(dataclasses.replace(config, algorithm=algorithm, controls=()))
  except ConfigError as error:
    return str(error)
  return ""


def compared(config: AnyConfig, names: Sequence[str], minutes: float | None = None, ensemble: bool = False) -> Config:
  """The job with these algorithms in place of its own, the pooled network and its fine-tuning always among them, in
  which one that diverges is left out.

  Args:
    names: as in the reports, FILE.py:FUNCTION for one's own, or "all" that are possible. What the job has keeps its
      settings, others have their defaults.
    minutes: of training for each, in place of the job's steps.
    ensemble: whether all seeds of each also answer together; the job's own setting where it says so already.

  Raises: ConfigError for a name that is unknown or makes no sense here; it lists those that do.
  """
  if not isinstance(config, Config):
    raise ConfigError(f"{config.name}: a multi-task job compares its `methods` already")
  validate(config)
  tasks = config.tasks
  if isinstance(tasks, FewRows) or (isinstance(tasks, TennesseeEastman) and tasks.faults == "all"):
    raise ConfigError(f"{config.name}: no unit to learn from, so no algorithm can be trained. Possible here: nothing")
  own = {name_of(a): a for a in (config.algorithm, *config.controls)}
  known = {name_of(a): a for a in (cls() for cls in get_args(Algorithm) if cls is not Custom)} | own
  possible = [name for name, algorithm in known.items() if not _possible(config, algorithm)]
  chosen: dict[str, Algorithm] = {}
  for given in (each for name in names for each in (possible if name == "all" else [name])):
    name = given.lower().replace("-", "_")
    algorithm = Custom(given) if ":" in given else known.get(name, known.get(name.replace("_", "")))
    why = "no such algorithm" if algorithm is None else _possible(config, algorithm)
    if algorithm is None or why:
      raise ConfigError(f"{given}: {why}. Possible here: {', '.join(possible)}")
    chosen[name_of(algorithm)] = algorithm
  chosen.setdefault("finetune", own.get("finetune", Finetune()))
  first, *others = sorted(chosen.values(), key=lambda a: isinstance(a, Finetune))  # stable: the pooled network last
  training = dataclasses.replace(config.training, go_on=True)
  if minutes is not None:
    training = dataclasses.replace(training, minutes=minutes, steps=_ENDLESS)
  name = f"compare_{config.name}"
  evaluation = dataclasses.replace(config.evaluation, ensemble=ensemble or config.evaluation.ensemble)
  return dataclasses.replace(
    config, name=name, algorithm=first, controls=tuple(others), training=training, evaluation=evaluation
  )
