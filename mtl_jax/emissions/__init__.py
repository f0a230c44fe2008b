"""A gas turbine's CO and NOx, hour by hour, with labels that come late.

2011 and 2012 are history, 2013 to 2015 are replayed. Time is the number of the row: hours in which the turbine ran. The
data set has no clock, and a sixth of all hours is missing. Settings are chosen on 2012 after learning from 2011
(`choose`), with labels 24 h late, and never on what is replayed.
"""

from mtl_jax.emissions.choice import CHOSEN, GRID, choose, methods
from mtl_jax.emissions.controls import last_value
from mtl_jax.emissions.learned import FEW_SHOT, PARTS, remembering, stepping
from mtl_jax.emissions.turbine import (
  DAY,
  DELAYS,
  TARGETS,
  Method,
  Past,
  Rows,
  boosted,
  load,
  mean,
  past,
  remembered,
  scores,
)

__all__ = [
  "CHOSEN",
  "DAY",
  "DELAYS",
  "FEW_SHOT",
  "GRID",
  "PARTS",
  "TARGETS",
  "Method",
  "Past",
  "Rows",
  "boosted",
  "choose",
  "last_value",
  "load",
  "mean",
  "methods",
  "past",
  "remembered",
  "remembering",
  "scores",
  "stepping",
]
