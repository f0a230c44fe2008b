"""From a multi-task config to labelled rows, networks and what is trained."""

from functools import cache

from mtl_jax import config as c
from mtl_jax.build.multitask.contract import Part, Problem, Target
from mtl_jax.build.multitask.methods import SINGLE, Run, answer, runs, scales
from mtl_jax.build.multitask.turbine import turbine


@cache
def problem(tasks: c.JointTasks) -> Problem:
  """The rows that a config's tasks are about. Raises: DataError, LeakError."""
  match tasks:
    case c.Turbine():
      return turbine()


__all__ = ["SINGLE", "Part", "Problem", "Run", "Target", "answer", "problem", "runs", "scales"]
