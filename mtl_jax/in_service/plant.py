"""The Tennessee Eastman plant with faults switched on: component E in the product, from what is measured at once.

XMEAS(38), mol%, is sampled every 15 minutes and shown 15 minutes later (Downs and Vogel, 1993). Of 22 fast
measurements and 11 valve positions the mean over the last 15 minutes and the value now are read. A question is asked
when the sample is taken; its answer is what the analyser shows 15 minutes later, or a laboratory says later still.
An analysis costs.

History: normal operation (d00, d00_te), then the training runs of faults 1 to 10. Service: the test runs of faults 11
to 21 one after another, each 8 hours of normal operation and 40 hours with its fault. Runs are put end to end, as if
the plant had been started anew at once.
"""

import numpy as np

from mtl_jax import online
from mtl_jax.config import ConfigError
from mtl_jax.data import tep
from mtl_jax.data.table import Table
from mtl_jax.in_service.source import Source, absolute, split

QUALITY, EVERY = "xmeas_38", 5  # analysed every so many rows, and shown so many rows later
FAST = tuple(f"xmeas_{i}" for i in range(1, 23)) + tuple(f"xmv_{i}" for i in range(1, 12))
HISTORY = ("d00", "d00_te", *(f"d{i:02d}" for i in range(1, 11)))
SERVICE = tuple(f"d{i:02d}_te" for i in range(11, 22))
NORMAL, BLOCK = 480, 480  # min of normal operation at the start of a test run; that intervals resample


def plant_of(table: Table, history: tuple[str, ...], service: tuple[str, ...], delay: float) -> Source:
  """Runs of a table, end to end; `delay` in min, 15 or more."""
  time, x, y, begins, now = [], [], [], {}, 0.0
  for name in (*history, *service):
    run = table.take(table.groups["unit"] == name)
    fast, quality = run.matrix(FAST), run.columns[QUALITY]
    taken = np.arange(EVERY, len(quality) - EVERY, EVERY)  # rows in which a new analysis is shown, and the next sampled
    means = np.stack([fast[row - EVERY + 1 : row + 1].mean(0) for row in taken])
    time.append(now + tep.MINUTES * (taken + 1))
    x.append(np.concatenate([fast[taken], means], axis=1))
    y.append(quality[taken + EVERY])
    begins[name] = now
    now += tep.MINUTES * len(quality)
  when = np.concatenate(time)
  stream = online.stream(
    when, np.concatenate(x).astype(np.float32), np.concatenate(y)[:, None].astype(np.float32), delay=delay, cost=0.001
  )
  past, running, _ = split(stream, begins[service[0]])
  return Source(
    past,
    running,
    {"last analysis": lambda source: online.last_known(source.history.y[-1], source.running)},
    {"MAE, mol%": absolute},
    part=running.time // BLOCK,
    changes={f"fault {int(name[1:3])}": begins[name] + NORMAL for name in service},
    calm=np.any([(running.time >= begins[name]) & (running.time < begins[name] + NORMAL) for name in service], axis=0),
    window=16,
    stretch=64,
    refit=1440.0,
  )


def load(delay: float) -> Source:
  """Analyses `delay` minutes late; ConfigError below 15, when the analyser shows them."""
  if delay < EVERY * tep.MINUTES:
    raise ConfigError(f"--delays {delay:g}: an analysis takes {EVERY * tep.MINUTES:g} min; give that or more")
  return plant_of(tep.load(), HISTORY, SERVICE, delay)
