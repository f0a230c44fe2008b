"""Multi-task problems on real data: what rows hold, who is on which side, and what a row must not know."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mtl_jax.build.multitask.contract import Part, Problem, audited, split
from mtl_jax.build.multitask.line import line
from mtl_jax.build.multitask.supply import supply
from mtl_jax.build.multitask.turbine import turbine
from mtl_jax.build.multitask.turbofan import turbofan
from mtl_jax.data import Table, cmapss, gas_turbine, liveline_multistage, scms_delivery, supplygraph
from mtl_jax.trust import LeakError

BUILDERS: dict[str, Callable[[], Problem]] = {one.__name__: one for one in (turbine, turbofan, supply, line)}
LOADERS = (gas_turbine, cmapss, supplygraph, scms_delivery, liveline_multistage)
SIDES = ("train", "validation", "test")


@pytest.fixture(scope="module")
def tables(data_folder) -> dict[str, Table]:
  """What each reader returns."""
  return {module.SOURCE.name: module.load(data_folder / module.SOURCE.name) for module in LOADERS}


@pytest.fixture(scope="module")
def built(tables) -> Callable[..., Problem]:
  """built("line") and, with other tables, built("line", liveline_multistage=other)."""
  found = {}

  def build(name: str, **changed: Table) -> Problem:
    if name in found and not changed:
      return found[name]
    with pytest.MonkeyPatch.context() as patch:
      for module in LOADERS:
        table = (tables | changed)[module.SOURCE.name]
        patch.setattr(module, "load", lambda table=table: table)
      problem = BUILDERS[name]()
    return problem if changed else found.setdefault(name, problem)

  return build


def parts(problem: Problem) -> list[Part]:
  return [getattr(problem, side) for side in SIDES]


@pytest.mark.parametrize("name", BUILDERS)
def test_rows_labels_and_masks_are_what_the_contract_says(built, name):
  problem = built(name)
  tasks = [task for targets in problem.targets.values() for task in targets]
  assert len(set(tasks)) == len(tasks)
  for part in parts(problem):
    assert part.data.keys() == part.unit.keys() == problem.targets.keys()
    for source, targets in problem.targets.items():
      x, y, mask = part.data[source]
      assert x.dtype == np.float32 and x.ndim == 2 and np.isfinite(x).all()
      assert x.shape[1] == problem.train.data[source].x.shape[1] and part.unit[source].shape == (len(x),)
      assert y.keys() == mask.keys() == targets.keys()
      for task, target in targets.items():
        assert y[task].shape == mask[task].shape == (len(x),) and mask[task].dtype == bool
        assert (y[task][~mask[task]] == 0).all() and np.isfinite(y[task]).all()
        if target.kind == "number":
          assert y[task].dtype == np.float32 and target.unit and not target.classes
        else:
          assert y[task].dtype == np.int32
          np.testing.assert_array_equal(np.unique(y[task][mask[task]]), np.arange(len(target.classes)))


@pytest.mark.parametrize("name", BUILDERS)
def test_inputs_are_scaled_by_training_rows_and_by_no_others(built, name):
  problem = built(name)
  for source in problem.targets:
    x, asked = (getattr(problem, side).data[source].x.astype(np.float64) for side in ("train", "test"))
    deviation = x.std(0)
    np.testing.assert_allclose(x.mean(0), 0.0, atol=1e-4)
    assert (np.isclose(deviation, 1.0, atol=1e-3) | (deviation < 1)).all()  # below 1 where values are missing
    assert np.abs(asked.mean(0)).max() > 0.05


def test_a_missing_value_is_the_mean_of_training_rows_and_other_sides_do_not_move_it():
  """Training rows 1, 3 and none: mean 2, deviation 1. So 5 becomes 3, and a missing value 0 on every side."""
  side = np.array(["training"] * 3 + ["validation", "test", "no side"])
  x = np.array([[1.0], [3.0], [np.nan], [5.0], [np.nan], [1e9]])
  y = {"a": np.array([1.0, np.nan, 3.0, 4.0, 5.0, 6.0]), "b": np.array([0, 1, -1, 1, 1, 1])}
  found = split(side, x, y, np.arange(6))
  np.testing.assert_allclose(found["training"][0].x, [[-1.0], [1.0], [0.0]])
  assert found["validation"][0].x.item() == 3.0 and found["test"][0].x.item() == 0.0
  np.testing.assert_array_equal(found["training"][0].mask["a"], [True, False, True])
  np.testing.assert_array_equal(found["training"][0].y["b"], [0, 1, 0])
  np.testing.assert_array_equal(found["test"][1], [4])


@pytest.mark.parametrize("name", BUILDERS)
def test_a_unit_on_two_sides_is_refused(built, name):
  problem = built(name)
  for source in problem.targets:
    unit = problem.test.unit[source].astype(object)
    unit[-1] = problem.train.unit[source][0]
    leaky = problem._replace(test=problem.test._replace(unit=problem.test.unit | {source: unit.astype(str)}))
    with pytest.raises(LeakError, match=source):
      audited(leaky._replace(train=as_text(problem.train), validation=as_text(problem.validation)))


def as_text(part: Part) -> Part:
  return part._replace(unit={source: unit.astype(str) for source, unit in part.unit.items()})


def test_years_of_the_turbine_are_on_one_side_and_labels_are_those_of_the_table(built, tables):
  problem, table = built("turbine"), tables["gas_turbine"]
  for side in SIDES:
    rows = table.groups["split"] == side
    y = getattr(problem, side).data["turbine"].y
    np.testing.assert_array_equal(y["yield"], table.columns["TEY"][rows].astype(np.float32))
    np.testing.assert_array_equal(y["NOx"], table.labels["NOX"][rows].astype(np.float32))


def test_engines_of_the_test_are_the_publishers_and_their_labels_come_from_the_lives(built, tables):
  problem, table = built("turbofan"), tables["cmapss"]
  groups = {name: table.groups[name] for name in ("unit", "time", "subset", "split", "condition")}
  frame = pd.DataFrame(groups | {"rul": table.labels["rul"]})
  frame = frame[frame["subset"].isin(["FD002", "FD004"])]
  kept = frame[(frame["time"] % 5 == 0) | ~frame.duplicated("unit", keep="last")].set_index("unit")
  assert len(problem.train.data["engines"].x) < 20_000
  of = {side: np.unique(part.unit["engines"]) for side, part in zip(SIDES, parts(problem), strict=True)}
  assert set(of["test"]) == set(frame["unit"][frame["split"] == "test"])
  assert set(of["train"]) | set(of["validation"]) == set(frame["unit"][frame["split"] == "train"])
  for part in parts(problem):
    units, data = part.unit["engines"], part.data["engines"]
    rows = kept.loc[pd.unique(units)]
    np.testing.assert_array_equal(rows.index, units)
    np.testing.assert_array_equal(data.y["life"], np.minimum(rows["rul"], 125))
    np.testing.assert_array_equal(data.y["condition"], rows["condition"])
    state = pd.cut(rows["rul"], [-1, 50, 125, 1000], labels=False).to_numpy()
    np.testing.assert_array_equal(data.y["health"], np.where(data.mask["health"], state, 0))
    seen = rows["time"] % 20 == 0 if part is not problem.test else np.ones(len(rows), bool)
    np.testing.assert_array_equal(data.mask["health"], seen)


def test_what_an_engine_does_later_and_its_settings_do_not_enter_its_rows(built, tables):
  """All test engines change from cycle 100 on, and the settings of every row."""
  table = tables["cmapss"]
  later = (table.groups["split"] == "test") & (table.groups["time"] > 100)
  columns = {name: np.where(later, 1.1 * values, values) for name, values in table.columns.items()}
  columns |= {name: np.zeros_like(table.columns[name]) for name in ("op1", "op2", "op3")}
  before, after = built("turbofan"), built("turbofan", cmapss=table._replace(columns=columns))
  np.testing.assert_array_equal(after.train.data["engines"].x, before.train.data["engines"].x)
  x, y = before.test.data["engines"].x, after.test.data["engines"].x
  kept = (table.groups["time"] % 5 == 0) | (table.groups["unit"] != np.append(table.groups["unit"][1:], ""))
  kept &= (table.groups["split"] == "test") & np.isin(table.groups["subset"], ("FD002", "FD004"))
  late = table.groups["time"][kept] > 100
  np.testing.assert_allclose(y[~late], x[~late], atol=1e-4)
  assert (np.abs(y[late] - x[late]).max(1) > 0.01).all()


def by_product(table: Table, name: str) -> pd.DataFrame:
  """(days, products) of a signal."""
  frame = pd.DataFrame({"unit": table.groups["unit"], "time": table.groups["time"], name: table.columns[name]})
  return frame.pivot(index="time", columns="unit", values=name)[pd.unique(frame["unit"])].reset_index(drop=True)


@pytest.mark.parametrize("signal", ["production", "orders"])
def test_signals_are_the_root_of_units_over_the_weekly_change_of_training_days(built, tables, signal):
  problem, table = built("supply"), tables["supplygraph"]
  of, orders = by_product(table, signal), by_product(table, "orders")
  alive = ((of[:135] > 0).mean() >= 0.05) & ((orders[:135] > 0).mean() >= 0.05)
  scaled = np.sqrt(of / of[:135].diff(7).abs().mean()).loc[:, alive]
  assert scaled.shape[1] == {"production": 28, "orders": 30}[signal]
  # Days asked: with four weeks before; then from the seventh on after the latest label of the side before.
  days = {"train": range(28, 135), "validation": range(141, 180), "test": range(186, 221)}
  for side, part in zip(SIDES, parts(problem), strict=True):
    _, y, mask = part.data["products"]
    unit, y = part.unit["products"][mask[signal]], y[signal][mask[signal]]
    np.testing.assert_allclose(y, scaled.loc[days[side]].to_numpy().T.ravel(), rtol=1e-5)
    expected = [f"{product}, block {day // 45}" for product in scaled for day in days[side]]
    np.testing.assert_array_equal(unit, expected)


def test_days_after_the_origin_do_not_enter_a_products_row(built, tables):
  """Everything from day 190 on is different: rows of day 196, known to day 189, are alike, and those of day 197 not."""
  table = tables["supplygraph"]
  day = (table.groups["time"] - table.groups["time"].min()).astype("timedelta64[D]").astype(int)
  columns = {name: np.where(day >= 190, 3 * values + 50, values) for name, values in table.columns.items()}
  before, after = built("supply"), built("supply", supplygraph=table._replace(columns=columns))
  for side in ("train", "validation"):
    np.testing.assert_array_equal(getattr(before, side).data["products"].x, getattr(after, side).data["products"].x)
  x, y = (one.test.data["products"].x.reshape(30, 35, -1) for one in (before, after))  # days 186 to 220
  np.testing.assert_array_equal(y[:, :11], x[:, :11])
  assert (np.abs(y[:, 11:] - x[:, 11:]).max(2) > 0.01).all()


def test_order_lines_go_to_other_countries_and_have_the_tables_lateness_and_freight(built, tables):
  problem, table = built("supply"), tables["scms_delivery"]
  lot, country = table.groups["lot"], table.groups["unit"]
  reached = []
  for part in parts(problem):
    rows = np.isin(lot, part.unit["order lines"])
    np.testing.assert_array_equal(lot[rows], part.unit["order lines"])
    reached.append(set(country[rows]))
    _, y, mask = part.data["order lines"]
    np.testing.assert_array_equal(y["late"], table.labels["days_late"][rows] > 0)
    cost = table.labels["freight_cost"][rows]
    np.testing.assert_array_equal(mask["freight"], ~np.isnan(cost))
    np.testing.assert_allclose(10.0 ** y["freight"][mask["freight"]], cost[mask["freight"]], rtol=1e-4)
  assert not reached[0] & reached[1] and not reached[0] & reached[2] and not reached[1] & reached[2]
  assert set.union(*reached) == set(country)


def test_what_is_known_after_the_order_does_not_enter_an_order_line(built, tables):
  table = tables["scms_delivery"]
  late = {name: np.roll(table.columns[name], 1) for name in ("weight", "freight")}
  other = table._replace(
    columns=table.columns | late,
    labels={name: 1.0 + np.roll(values, 1) for name, values in table.labels.items()},
    groups=table.groups | {"time": np.roll(table.groups["time"], 5)},
  )
  before, after = built("supply"), built("supply", scms_delivery=other)
  for side in SIDES:
    one, two = (getattr(problem, side).data["order lines"] for problem in (before, after))
    np.testing.assert_array_equal(one.x, two.x)
    assert (one.y["late"] != two.y["late"]).any()


def test_order_lines_of_other_countries_do_not_move_those_that_are_learned_from(built, tables):
  problem, table = built("supply"), tables["scms_delivery"]
  held_out = ~np.isin(table.groups["lot"], problem.train.unit["order lines"])
  vendor = np.where(held_out, "one vendor of theirs", table.groups["vendor"])
  quantity = np.where(held_out, 1, table.columns["quantity"])
  other = table._replace(columns=table.columns | {"quantity": quantity}, groups=table.groups | {"vendor": vendor})
  after = built("supply", scms_delivery=other)
  np.testing.assert_array_equal(after.train.data["order lines"].x, problem.train.data["order lines"].x)


def test_minutes_of_the_line_are_on_one_side_and_no_input_is_a_label_or_the_time(built, tables):
  problem, table = built("line"), tables["liveline_multistage"]
  minute = (table.groups["time"] - table.groups["time"].min()).astype("timedelta64[m]").astype(int)
  clock = table.groups["time"].astype("datetime64[m]").astype(int) // 10
  assert [len(np.unique(part.unit["line"])) for part in parts(problem)] == [12, 6, 6]
  for part, places in zip(parts(problem), ((0, 2), (1,), (3,)), strict=True):
    rows = np.isin((clock - clock.min()) % 4, places)
    data = part.data["line"]
    for stage in (1, 2):
      for i in range(15):
        values = table.labels[f"Stage{stage}_Output_Measurement{i}_U_Actual"][rows]
        mask = data.mask[f"stage{stage}_{i}"]
        np.testing.assert_array_equal(data.y[f"stage{stage}_{i}"][mask], values[mask].astype(np.float32))
        assert not mask[values <= 0].any() and mask[values > 0.5 * np.median(values[values > 0])].all()
    told = data.x.T.astype(np.float64)
    told = told[told.std(1) > 0]
    assert np.abs(np.corrcoef(told, minute[rows])[-1, :-1]).max() < 0.999
    labels = np.stack([values[rows] for values in table.labels.values()])
    assert np.abs(np.corrcoef(told, labels)[: len(told), len(told) :]).max() < 0.999
