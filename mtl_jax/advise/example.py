"""Files to start from: thirty simulated presses have logs, and a thirty-first has had three trials."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from mtl_jax import tuning
from mtl_jax.advise.history import append
from mtl_jax.advise.line import of_plant, outcome_columns, setting_columns
from mtl_jax.tasks.processes import PLANTS, from_unit

_SETTINGS = """trust = 0.5          # a trial lies within half of each range from the best one so far

[others]             # logs of other plants
table = "others.parquet"
plant = "press"

[response]
name = "margin"
unit = "EUR/h"
better = "larger"

[settings]           # step: the most it moves from one trial to the next
melt = { unit = "C", low = 200, high = 260, nominal = 230, step = 30 }
mould = { unit = "C", low = 20, high = 60, nominal = 40 }
"packing pressure" = { unit = "MPa", low = 20, high = 80, nominal = 50 }
"packing time" = { unit = "s", low = 1, high = 8, nominal = 4 }

[limits]
"pressure over what the clamp holds" = { most = 0 }
"packing over cooling" = { most = 0 }
"""


def write_example(folder: Path, presses: int = 30, trials: int = 30) -> None:
  """settings.toml, others.parquet and log.jsonl; files that are there already stay."""
  folder.mkdir(parents=True, exist_ok=True)
  plant = PLANTS["injection"]
  line = of_plant(plant)
  logs, _ = tuning.logs(jax.random.key(1), plant, presses + 1, trials, 0.05)
  columns = [*setting_columns(line), *outcome_columns(line)]
  rows = np.concatenate([np.asarray(from_unit(plant, jnp.asarray(logs.x))), np.asarray(logs.y)], axis=2).round(4)
  if not (folder / "settings.toml").exists():
    (folder / "settings.toml").write_text(_SETTINGS)
  if not (folder / "others.parquet").exists():
    others = pd.DataFrame(rows[:presses].reshape(-1, len(columns)), columns=columns)
    others.insert(0, "press", np.repeat([f"press {n:02d}" for n in range(presses)], trials))
    others.to_parquet(folder / "others.parquet", index=False)
  if not (folder / "log.jsonl").exists():
    for row in rows[presses, :3]:
      append(folder / "log.jsonl", dict(zip(columns, row.tolist(), strict=True)))
