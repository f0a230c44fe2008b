"""A factory: twelve tasks on nine sources, three of them of images."""

from mtl_jax.build.multitask import equipment, inspection, progress, quality
from mtl_jax.build.multitask.contract import Problem
from mtl_jax.build.multitask.sides import joined


def factory() -> Problem:
  """Inspection of three surfaces, progress of teams and of products, state of equipment, quality of products.

  Nothing is labelled with everything: a row has the tasks of its own source, and of the rig's four components each
  training combination has those that were inspected (`equipment.rig`).
  """
  return joined(
    {
      "steel strip": inspection.strip(),
      "magnetic tile": inspection.tile(),
      "circuit board": inspection.board(),
      "team": progress.team(),
      "product": progress.production(),
      "rig": equipment.rig(),
      "engine": equipment.engine(),
      "moulding": quality.moulding(),
      "steel plate": quality.plate(),
    }
  )
