"""Remaining life: features against pandas, the metrics by hand, and what flight conditions are worth on FD002."""

from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error

from mtl_jax import clean, metrics
from mtl_jax.data import cmapss
from mtl_jax.tasks import turbofan


class Made(NamedTuple):
  columns: dict
  labels: dict
  groups: dict


def made(seed: int = 0, engines: int = 4) -> Made:
  rng = np.random.default_rng(seed)
  lengths = rng.integers(5, 40, engines)
  n = lengths.sum()
  high = rng.integers(0, 2, n)
  sensors = {name: rng.normal(500 + 100 * high, 0.5) for name in turbofan.SENSORS}
  settings = {"op1": 42.0 * high + rng.uniform(-0.01, 0.01, n), "op2": 0.84 * high, "op3": np.full(n, 100)}
  time = np.concatenate([np.arange(1, length + 1) for length in lengths])
  unit = np.repeat([f"made/{i}" for i in rng.permutation(engines)], lengths)
  return Made(sensors | settings, {"rul": np.repeat(lengths, lengths) - time}, {"unit": unit, "time": time})


def test_features_are_the_standardised_sensors_their_rolling_statistics_and_the_cycle():
  table = made()
  step = turbofan.features(2, (3, 7), ("mean", "slope"))
  flights = turbofan.flights(table)
  found = pd.DataFrame(step.apply(step.fit(flights), flights).x, columns=list(turbofan.feature_names((3, 7))))
  frame = pd.DataFrame(table.columns)
  s11 = frame["s11"].groupby(frame["op1"] > 20).transform(lambda own: (own - own.mean()) / own.std(ddof=0))
  rolled = s11.groupby(table.groups["unit"], sort=False).rolling(7, min_periods=1)
  np.testing.assert_allclose(found["s11"], s11, atol=1e-3)
  np.testing.assert_allclose(found["s11_mean_7"], rolled.mean(), atol=1e-3)
  slope = np.polyfit([0, 1, 2], s11[2:5], 1)[0]  # of the fifth cycle of the first engine
  np.testing.assert_allclose(found["s11_slope_3"][4], slope, atol=1e-3)
  np.testing.assert_array_equal(found["cycle"], table.groups["time"])
  assert len(turbofan.feature_names()) == 14 * (1 + 4 * 2) + 1


def test_features_of_training_engines_do_not_depend_on_test_engines_nor_on_their_own_future():
  step, train, test = turbofan.features(2), turbofan.flights(made(0)), turbofan.flights(made(1))
  state = step.fit(train)
  whole = step.apply(state, test).x
  early = np.flatnonzero(test.time <= 4)
  ended = clean.Rows(*(own[early] for own in test))
  np.testing.assert_allclose(step.apply(state, ended).x, whole[early], rtol=1e-9, atol=1e-9)
  before = step.apply(state, train).x
  step.apply(state, test._replace(x=test.x + 1e6))
  np.testing.assert_array_equal(step.apply(step.fit(train), train).x, before)


def test_the_last_cycle_of_each_engine_has_the_highest_time_and_the_labels_are_capped():
  table = made(3)
  frame = pd.DataFrame({"unit": table.groups["unit"], "time": table.groups["time"]})
  expected = frame.groupby("unit", sort=False)["time"].idxmax()
  np.testing.assert_array_equal(turbofan.last_cycles(table), expected)
  nobody = Made({}, {}, {"unit": np.array([], str)})
  assert turbofan.last_cycles(nobody).shape == (0,)
  np.testing.assert_array_equal(turbofan.capped(np.array([0, 125, 126])), [0.0, 125.0, 125.0])


def test_the_nasa_score_by_hand():
  """13 cycles early cost e - 1, 10 late cost e - 1, 20 late e^2 - 1, on the spot nothing; the last is masked."""
  true = np.array([50.0, 50.0, 50.0, 50.0, 50.0], np.float32)
  predicted = np.array([37.0, 60.0, 70.0, 50.0, 500.0], np.float32)
  mask = np.array([True, True, True, True, False])
  expected = 2 * (np.e - 1) + np.e**2 - 1
  assert float(metrics.nasa_score(predicted, true, mask)) == pytest.approx(expected, rel=1e-6)
  assert float(jax.jit(metrics.nasa_score)(predicted, true, mask)) == pytest.approx(expected, rel=1e-6)
  assert float(metrics.nasa_score(predicted, true, np.zeros(5, bool))) == 0


def test_rmse_is_that_of_scikit_learn_on_what_is_not_masked():
  rng = np.random.default_rng(0)
  predicted, true = rng.normal(size=(2, 20)).astype(np.float32) * 30
  mask = rng.uniform(size=20) < 0.7
  found = jax.vmap(metrics.rmse)(predicted[None], true[None], mask[None])[0]
  assert float(found) == pytest.approx(root_mean_squared_error(true[mask], predicted[mask]), rel=1e-6)
  unknown = np.where(mask, true, np.nan)
  assert float(metrics.rmse(predicted, unknown, mask)) == pytest.approx(float(found), rel=1e-6)


@pytest.mark.parametrize("metric", [metrics.rmse, metrics.nasa_score])
def test_predictions_of_another_shape_are_refused(metric):
  with pytest.raises(ValueError, match="expected"):
    metric(np.zeros((3, 1), np.float32), np.zeros(3, np.float32), np.ones(3, bool))


def test_scaling_within_flight_conditions_is_worth_cycles_on_fd002(data_folder):
  """On held-out training engines; the test engines are not looked at."""
  table = cmapss.load(data_folder / "cmapss")
  engine = np.char.partition(table.groups["unit"], "train/")[:, 2]
  engine = np.where((table.groups["subset"] == "FD002") & (table.groups["split"] == "train"), engine, "1000").astype(
    int
  )
  train, held_out = table.take(engine <= 60), table.take((engine > 60) & (engine <= 120))
  asked = held_out.labels["rul"] % 10 == 5

  def error(regimes: int) -> float:
    step = turbofan.features(regimes, (10, 50))
    flights = turbofan.flights(train)
    state = step.fit(flights)
    x, q = step.apply(state, flights).x, step.apply(state, turbofan.flights(held_out)).x[asked]
    model = HistGradientBoostingRegressor(max_iter=60, early_stopping=False, random_state=0)
    found = model.fit(x, turbofan.capped(train.labels["rul"])).predict(q)
    return root_mean_squared_error(turbofan.capped(held_out.labels["rul"])[asked], found)

  assert error(turbofan.REGIMES["FD002"]) < error(1) - 3.0
