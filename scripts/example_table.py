"""Writes a small table of simulated presses, to try `configs/own_table.py` with.

python scripts/example_table.py runs/presses.parquet

60 presses, 120 hours each. The heat of a press (°C above the hall) follows from its load, speed and oil pressure, with
gains of its own, and creeps up as it wears. `state` is what a fitter would write down: "fine", "worn" or "hot".
"""

from pathlib import Path

import numpy as np
import pandas as pd
import tyro


def presses(count: int = 60, hours: int = 120, seed: int = 0) -> pd.DataFrame:
  """One row per press and hour."""
  rng = np.random.default_rng(seed)
  load, speed, oil = rng.uniform((0.2, 5.0, 2.0), (1.0, 30.0, 6.0), (count, hours, 3)).transpose(2, 0, 1)
  gain, friction, cooling, wear = rng.uniform((20, 0.3, 1, 0), (60, 1.2, 4, 0.15), (count, 3 + 1)).T[:, :, None]
  heat = gain * load + friction * speed - cooling * oil + wear * np.arange(hours) + rng.normal(0, 1, (count, hours))
  worn = wear * np.arange(hours) > 6
  columns = {"load": load, "speed": speed, "oil_bar": oil, "heat": heat}
  frame = pd.DataFrame({name: values.ravel().round(4) for name, values in columns.items()})
  frame.insert(0, "press", np.repeat([f"press {i:02d}" for i in range(count)], hours))
  frame.insert(1, "hour", np.tile(np.arange(hours), count))
  frame["state"] = np.where(heat.ravel() > 65, "hot", np.where(worn.ravel(), "worn", "fine"))
  return frame


def main(path: tyro.conf.Positional[Path]) -> None:
  """Writes .parquet or .csv."""
  path.parent.mkdir(parents=True, exist_ok=True)
  frame = presses()
  if path.suffix == ".csv":
    frame.to_csv(path, index=False)
  else:
    frame.to_parquet(path, index=False)
  print(f"{path}: {len(frame)} rows, columns {', '.join(frame)}")


if __name__ == "__main__":
  tyro.cli(main)
