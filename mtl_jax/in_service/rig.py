"""A hydraulic rig, cycle by cycle: the state of its valve, from temperatures, cooling, vibration and efficiency.

The cooler at 3 % is history; the rig is then asked with its cooler at 20 % and at 100 %, in the order in which it ran.
A label is what an inspection found, so many cycles later, and somebody has to look. The four states are learned as
numbers, one for each, and the highest names the state.
"""

import numpy as np

from mtl_jax import online
from mtl_jax.build.rig import SENSORS, efficiency
from mtl_jax.data import hydraulic
from mtl_jax.data.table import Table
from mtl_jax.in_service.source import Source, split

STATES = (73, 80, 90, 100)  # % of the valve


def _wrong(prediction: np.ndarray, y: np.ndarray) -> np.ndarray:
  return 1.0 * (prediction.argmax(axis=1) != y.argmax(axis=1))


def rig_of(table: Table, delay: float) -> Source:
  cycle, cooler = table.groups["time"].astype(float), table.labels["cooler"]
  x = [efficiency(table), *(table.columns[f"{name}_{what}"][:, None] for name in SENSORS for what in ("mean", "sd"))]
  y = (table.labels["valve"][:, None] == np.asarray(STATES)).astype(np.float32)
  stream = online.stream(cycle, np.concatenate(x, axis=1).astype(np.float32), y, delay=delay, cost=0.02)
  begins = {f"cooler at {level} %": float(cycle[cooler == level].min()) for level in (20, 100)}
  history, running, asked = split(stream, begins["cooler at 20 %"])
  return Source(
    history,
    running,
    {"last inspection": lambda source: online.last_known(source.history.y[-1], source.running)},
    {"wrongly named": _wrong},
    part=table.groups["recording"][asked],
    changes=begins,
    calm=np.zeros(len(running.time), bool),
    window=50,
    stretch=40,
    refit=168.0,
  )


def load(delay: float) -> Source:
  """Labels `delay` cycles late."""
  return rig_of(hydraulic.load(), delay)
