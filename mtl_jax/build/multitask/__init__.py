"""From a multi-task config to labelled rows, networks and what is trained."""

from functools import cache

from mtl_jax import config as c
from mtl_jax.build.multitask.contract import Part, Problem, Target
from mtl_jax.build.multitask.factory import factory
from mtl_jax.build.multitask.line import line
from mtl_jax.build.multitask.methods import SINGLE, Run, answer, runs, scales
from mtl_jax.build.multitask.pairs import pairs
from mtl_jax.build.multitask.supply import supply
from mtl_jax.build.multitask.turbine import turbine
from mtl_jax.build.multitask.turbofan import turbofan


@cache
def problem(tasks: c.JointTasks) -> Problem:
  """The rows that a config's tasks are about. Raises: DataError, LeakError."""
  match tasks:
    case c.Turbine():
      return turbine()
    case c.Turbofan():
      return turbofan()
    case c.Supply():
      return supply()
    case c.Line():
      return line()
    case c.Factory():
      return factory()
    case c.Pairs():
      return pairs()


__all__ = ["SINGLE", "Part", "Problem", "Run", "Target", "answer", "problem", "runs", "scales"]
