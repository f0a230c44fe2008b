"""Tables of which a few rows are labelled, and nothing else is there to learn from."""

import jax.numpy as jnp
import numpy as np

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.build.contract import Fold, HeldOut, asked
from mtl_jax.data import ai4i2020, steel_plates
from mtl_jax.metrics import rare_event
from mtl_jax.tasks.pool import Pool, lay_out
from mtl_jax.tasks.units import few_units
from mtl_jax.tasks.units import lay_out as lay_out_units
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.trust import leak_audit
from mtl_jax.trust.splits import split

MILLING_RAW = ("air_temperature", "process_temperature", "rotational_speed", "torque", "tool_wear")
MILLING_FEATURES = len(MILLING_RAW) + 5
STEEL_FEATURES, STEEL_FAULTS = 27, 7
_HALVES = {"support": 0.5, "query": 0.5}


def milling_features(columns: dict[str, np.ndarray], kind: np.ndarray) -> np.ndarray:
  """(rows, 10): the five columns as measured, then what a machinist would compute from them.

  Power (W), the difference of process and air temperature (K), wear times torque (min Nm), the grade of the product
  (0, 1, 2 for L, M, H), and wear times torque over the limit of that grade. The limits, 11,000, 12,000 and 13,000 min
  Nm for L, M and H, are in the publisher's description of the set, as are the quantities themselves.
  """
  raw = np.stack([np.asarray(columns[name], float) for name in MILLING_RAW], axis=1)
  air, process, speed, torque, wear = raw.T
  grade = np.select([kind == "L", kind == "M"], [0, 1], 2)
  strain = wear * torque
  limit = np.asarray([11_000.0, 12_000.0, 13_000.0])[grade]
  made = (torque * speed * 2 * np.pi / 60, process - air, strain, grade, strain / limit)
  return np.concatenate([raw, np.stack(made, axis=1)], axis=1)


def _standardised(x: np.ndarray, known: np.ndarray) -> np.ndarray:
  """(rows, d) float32 by the mean and deviation of the rows that labels may be bought of; no label is looked at."""
  return ((x - x[known].mean(0)) / x[known].std(0)).astype(np.float32)


def _milling(config: c.Config, tasks: c.FewRows) -> HeldOut:
  table = ai4i2020.load()
  y, tool = table.labels["failure"].astype(float), table.groups["tool"]
  sides = split(tool, _HALVES, config.seed)
  leak_audit({"tool": tool}, sides)
  x = _standardised(milling_features(table.columns, table.groups["type"]), sides["support"])
  support, query = (lay_out_units(x[here], y[here], here, np.zeros_like(here), 1) for here in sides.values())
  places = max(config.evaluation.shots)
  return HeldOut(
    lambda k: few_units(support, query, shots=k, rows=1, queries=tasks.queries, places=places),
    (),
    lambda: baselines.rare_event_ladder(len(MILLING_RAW)),
    judge=rare_event,
  )


def _steel(config: c.Config, tasks: c.FewRows) -> HeldOut:
  table = steel_plates.load()
  names, label = np.unique(table.labels["fault"], return_inverse=True)
  row = np.arange(len(label))
  sides = split(row, _HALVES, config.seed)
  x = table.matrix(table.columns)
  x = _standardised(np.where((x > 10).any(0), np.log1p(x), x), sides["support"])  # areas span four decades

  def side(here: np.ndarray) -> Pool:
    view = Viewed(jnp.asarray(x[here]), jnp.asarray(x[here]))
    return lay_out(view, label[here], np.zeros_like(here), here, len(names))

  support, query = map(side, sides.values())
  test = asked(config, support, query, min(tasks.queries, query.mask.shape[2]))
  return HeldOut(test, tuple(map(str, names)), lambda: baselines.classification_ladder(None), same_labels=False)


def few_rows(config: c.Config, tasks: c.FewRows) -> list[Fold]:
  """One test, and nothing to learn from: one half of the table has labels for sale, the other is asked about."""
  match tasks.data:
    case "ai4i2020":
      tests = {"a failing tool, from rows of other tools": _milling(config, tasks)}
    case "steel_plates":
      tests = {"the fault of a steel plate": _steel(config, tasks)}
  return [Fold(tasks.data, None, None, tests)]
