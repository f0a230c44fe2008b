"""From a multi-task config to labelled rows, networks and what is trained."""

from functools import cache

from mtl_jax import config as c
from mtl_jax.build.multitask import factory, line, pairs, supply, turbine, turbofan
from mtl_jax.build.multitask.contract import Part, Problem, Target
from mtl_jax.build.multitask.methods import SINGLE, Run, answer, predicted, runs, scales


@cache
def problem(tasks: c.JointTasks) -> Problem:
  """The rows that a config's tasks are about. Raises: DataError, LeakError."""
  match tasks:
    case c.Turbine():
      return turbine.turbine()
    case c.Turbofan():
      return turbofan.turbofan()
    case c.Supply():
      return supply.supply()
    case c.Line():
      return line.line()
    case c.Factory():
      return factory.factory()
    case c.Pairs():
      return pairs.pairs()


__all__ = ["SINGLE", "Part", "Problem", "Run", "Target", "answer", "predicted", "problem", "runs", "scales"]
