"""Three famous inflations, reproduced: one model, scored as is often done and as it should be.

CWRU by random windows against by bearing (W. A. Smith, R. B. Randall, Mech. Syst. Signal Process. 64-65 (2015)
100-131, name the set's limits), AI4I 2020 with its failure modes among the inputs, and C-MAPSS with the epoch
chosen on the test engines and with clipped test labels.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from sklearn.neural_network import MLPRegressor

from mtl_jax.data import ai4i2020, cmapss, cwru
from mtl_jax.tasks.flat import vibration_features
from mtl_jax.trust import leak_audit
from mtl_jax.trust.audit import audit
from mtl_jax.trust.epochs import best_epoch, by_epoch
from mtl_jax.trust.scores import Drawn, Score, difference, scored
from mtl_jax.trust.splits import split

SEEDS = 5
CAP = 125.0  # cycles
_FITTED = 8_000  # rows of training engines, evenly spread, so that it takes seconds
_EPOCHS = 60


class Line(NamedTuple):
  """A score, or how much of it is not real."""

  what: str
  score: Score


def bearings() -> Iterator[Line]:
  """CWRU, which part is damaged? Without the healthy bearing, of which there is one recording."""
  table = cwru.load()
  table = table.take(table.labels["fault"] != "healthy")
  groups = {"bearing": table.groups["unit"], "diameter": table.columns["diameter_mil"]}
  groups |= {"recording": table.groups["recording"]}
  found = audit(vibration_features(table.columns), table.labels["fault"], groups, repeats=SEEDS)
  for way in ("random rows", "by recording", "by bearing", "by diameter"):
    yield Line(f"CWRU, ball, inner or outer race; {found.method}, {way}", found.score(found.method, way))
  for gap in found.gaps:
    yield Line(f"  inflation: {gap.split}", gap)


def milling() -> Iterator[Line]:
  """AI4I 2020, does the machine fail? With the failure modes among the inputs, and without."""
  table = ai4i2020.load()
  x = pd.DataFrame(table.columns)
  modes = pd.DataFrame({name: values for name, values in table.labels.items() if name != "failure"})
  for what, inputs in (("with the failure modes", pd.concat([x, modes], axis=1)), ("without them", x)):
    found = audit(inputs, table.labels["failure"], {"tool": table.groups["tool"]}, repeats=SEEDS)
    for way in ("random rows", "by tool"):
      yield Line(f"AI4I, failure or not, {what}; extra trees, {way}", found.score("extra trees", way))


def _standardised(subset: str) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
  """Sensors of one subset, standardised in each flight condition by the training engines, and the rows' groups."""
  table = cmapss.load()
  table = table.take(table.groups["subset"] == subset)
  sensors = [name for name in table.columns if name.startswith("s")]
  values = pd.DataFrame(table.matrix(sensors), columns=sensors)
  train, condition = table.groups["split"] == "train", table.groups["condition"]
  known = values[train].groupby(condition[train])
  spread = known.std().replace(0.0, 1.0).loc[condition].to_numpy()
  return (values - known.mean().loc[condition].to_numpy()) / spread, table.groups | {"rul": table.labels["rul"]}


def _inputs(values: pd.DataFrame, engine: np.ndarray, kind: Literal["rolling means", "windows of 30 rows"]):
  """(rows, d) of what each row and the rows before it, of the same engine, say."""
  engines = values.groupby(engine, sort=False)
  if kind == "rolling means":
    parts = [engines.rolling(w, min_periods=1).mean().reset_index(drop=True) for w in (5, 30)]
  else:
    first = engines.transform("first")
    parts = [engines.shift(lag).fillna(first) for lag in range(30)]
  return pd.concat(parts, axis=1).to_numpy()


def engines(subset: str, kind: Literal["rolling means", "windows of 30 rows"]) -> Iterator[Line]:
  """C-MAPSS, cycles left at the last row of each test engine, at the epoch that validation or test engines chose.

  Both choose by the root mean squared error against clipped labels.
  """
  values, groups = _standardised(subset)
  engine, rul = groups["unit"], groups["rul"].astype(float)
  x, clipped, train = _inputs(values, engine, kind), np.minimum(rul, CAP), groups["split"] == "train"
  last = np.flatnonzero(~train & (engine != np.append(engine[1:], "")))
  known, fair, best = np.flatnonzero(train), [], []
  for seed in range(SEEDS):
    sides = {side: known[rows] for side, rows in split(engine[known], {"fit": 0.8, "validation": 0.2}, seed).items()}
    leak_audit({"engine": engine}, sides | {"test": last})
    fit = sides["fit"][:: max(1, len(sides["fit"]) // _FITTED)]
    model = MLPRegressor(hidden_layer_sizes=(64, 32), random_state=seed)
    asked = {"validation": x[sides["validation"]], "test": x[last]}
    told = by_epoch(model, x[fit], clipped[fit] / CAP, asked, _EPOCHS)
    fair.append(CAP * told["test"][best_epoch(told["validation"], clipped[sides["validation"]] / CAP)])
    best.append(CAP * told["test"][best_epoch(told["test"], clipped[last] / CAP)])

  def rmse(predicted: list[np.ndarray], truth: np.ndarray) -> Drawn:
    each = scored(np.stack(predicted), truth, np.arange(len(truth)), 0, "network", "test engines", 0)
    return next(drawn for drawn in each if drawn.score.metric == "rmse")

  honest, capped, picked = rmse(fair, rul[last]), rmse(fair, clipped[last]), rmse(best, clipped[last])
  name = f"C-MAPSS {subset}, network on {kind}"
  yield Line(f"{name}; epoch by validation engines, labels as they are", honest.score)
  yield Line(f"{name}; epoch by validation engines, labels clipped at {CAP:g}", capped.score)
  yield Line(f"{name}; epoch by test engines, labels clipped at {CAP:g}", picked.score)
  yield Line("  inflation: clipped test labels", difference(honest, capped, "as they are minus clipped"))
  yield Line("  inflation: epoch chosen on the test engines", difference(capped, picked, "validation minus test"))
