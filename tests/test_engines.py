"""Remaining life: who learns and who is asked, how errors are judged, and a job without any label of the asked unit."""

import dataclasses
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import compiled_again
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor

from mtl_jax import build, clean, job
from mtl_jax.baselines import life
from mtl_jax.build.engines import FEATURES
from mtl_jax.config import MLP, Anil, Config, ConfigError, Evaluation, FewEngines, Finetune, RemainingLife, Training
from mtl_jax.config import validate as checked
from mtl_jax.data import Table, cmapss
from mtl_jax.evaluate import episodes_of, evaluate
from mtl_jax.report import write_report
from mtl_jax.report.run import parse, shortfalls
from mtl_jax.tasks import turbofan
from mtl_jax.tasks.units import every_unit, lay_out
from mtl_jax.types import Batch, Episode

LEARNED, ASKED = 24, 6  # engines of each subset that run to failure, and that stop before
FEW_TASKS = FewEngines(rows=8, shots=(1, 3), queries=2, together=2)
WHOLE_TASKS = RemainingLife(engines=2, rows=4)
FEW = Config(
  "few",
  FEW_TASKS,
  MLP((8,)),
  Anil(),
  training=Training(steps=2, tasks_per_step=2, seeds=1, chunk_steps=2, validation_episodes=2),
  evaluation=Evaluation(shots=(1, 3), adaptation_steps=(0,), adaptation_shots=1),
)
WHOLE = Config(
  "whole",
  WHOLE_TASKS,
  MLP((8,)),
  Finetune(inner_steps=0),
  (),
  training=dataclasses.replace(FEW.training, tasks_per_step=1),
  evaluation=Evaluation(shots=(0,), adaptation_steps=(0,), adaptation_shots=0),
)


def made(seed: int = 0) -> Table:
  """Engines that wear out exponentially; flight conditions move the sensors a hundred times as far."""
  rng, parts = np.random.default_rng(seed), []
  for subset in turbofan.SUBSETS:
    for split, count in (("train", LEARNED), ("test", ASKED)):
      for engine in range(count):
        length = int(rng.integers(60, 160))
        flown = length if split == "train" else int(rng.integers(20, length))
        left = length - np.arange(1, flown + 1)
        condition = rng.integers(0, turbofan.REGIMES[subset], flown)
        sensors = 100.0 * condition[:, None] + np.exp(-left / 50)[:, None] + rng.normal(0, 0.05, (flown, 14))
        name = f"{subset}/{split}/{engine:03d}"
        parts.append((sensors, condition, left, np.arange(1, flown + 1), [name] * flown, [subset] * flown, split))
  sensors, condition, left, time, unit, subset, split = zip(*parts, strict=True)
  splits = np.repeat(split, [len(rows) for rows in left])
  condition = np.concatenate(condition)
  columns = dict(zip(turbofan.SENSORS, np.concatenate(sensors).T, strict=True))
  columns |= {"op1": 10.0 * condition, "op2": 0.1 * condition, "op3": np.full(len(condition), 100.0)}
  groups = {"unit": np.concatenate(unit), "subset": np.concatenate(subset), "split": splits}
  return Table(columns, {"rul": np.concatenate(left)}, groups | {"time": np.concatenate(time)}, {})


@pytest.fixture
def fleet(monkeypatch) -> Table:
  """Engines of ours in place of the recorded ones, and trees that are quickly grown."""
  table = made()
  monkeypatch.setattr(cmapss, "load", lambda: table)
  monkeypatch.setattr(
    life, "_boosted", lambda: HistGradientBoostingRegressor(max_iter=20, max_leaf_nodes=8, early_stopping=False)
  )
  monkeypatch.setattr(life, "_trees", lambda trees=0, seed=0, jobs=None: ExtraTreesRegressor(5, random_state=seed))
  return table


def rows_of(*sides: Batch) -> set[bytes]:
  """What is there of each example, as the baselines read it."""
  found = set()
  for side in sides:
    x = side.x.features if hasattr(side.x, "features") else side.x
    found |= {row.tobytes() for row in np.asarray(x)[np.asarray(side.mask)][:, :FEATURES]}
  return found


def engine_numbers(table: Table, subset: str, split: str) -> list[int]:
  number = np.unique(table.groups["unit"], return_inverse=True)[1]
  return np.unique(number[(table.groups["subset"] == subset) & (table.groups["split"] == split)]).tolist()


def lives_left(table: Table, subset: str) -> list[int]:
  last = turbofan.last_cycles(table)
  kept = (table.groups["subset"][last] == subset) & (table.groups["split"][last] == "test")
  return sorted(table.labels["rul"][last][kept].tolist())


def test_errors_in_cycles_by_hand_against_labels_capped_and_not():
  """Predicted 1.2, which is taken as 1, 0.5, 0.2 and -1, which is taken as 0: 125, 62.5, 25 and 0 cycles; left are 150,
  75, 15 and, masked, 0. Capped: d = 0, -12.5, 10. As they are: d = -25, -12.5, 10.
  NASA: exp(12.5/13) - 1 for 12.5 early, e - 1 for 10 late, exp(25/13) - 1 for 25 early."""
  left = np.array([150.0, 75.0, 15.0, 0.0])
  y = np.stack([np.minimum(left, 125.0), left], axis=1) / 125.0
  there = jnp.asarray([True, True, True, False])
  query = Batch(jnp.zeros((4, 1)), jnp.asarray(y, jnp.float32), there)
  found = turbofan.judged(jnp.asarray([[1.2], [0.5], [0.2], [-1.0]]), Episode(query, query, jnp.asarray(0)))
  early, late = math.exp(12.5 / 13) - 1, math.e - 1
  expected = {
    "mse": (12.5**2 + 10**2) / 3,
    "mse_uncapped": (25**2 + 12.5**2 + 10**2) / 3,
    "nasa": (early + late) / 3,
    "nasa_uncapped": (math.exp(25 / 13) - 1 + early + late) / 3,
  }
  assert {name: float(value) for name, value in found.items()} == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("together", [1, 3])
def test_every_unit_is_asked_about_once_at_its_last_row_from_its_own_draw(together):
  def lives(first: int, units: int, length: int):
    unit = np.repeat(np.arange(first, first + units), length)
    time = np.tile(np.arange(length), units)
    return lay_out(np.stack([unit, time], 1).astype(np.float32), time.astype(float), unit, np.zeros_like(unit), 5)

  own, asked = lives(0, 7, 20), lives(50, 6, 9)
  few, many, none = (
    every_unit(jax.random.key(1), own, asked, shots=k, rows=2, places=3, together=together) for k in (1, 3, 0)
  )
  assert sorted(np.asarray(few.task).reshape(-1).tolist()) == list(range(50, 56))
  np.testing.assert_array_equal(np.asarray(few.query.x)[..., 0].reshape(-1), np.asarray(few.task).reshape(-1))
  assert few.query.x.shape == (6 // together, together, 2) and (np.asarray(few.query.x)[..., 1] == 8).all()
  kept = np.asarray(few.support.mask)
  assert (kept.sum(1) == 2).all() and np.asarray(many.support.mask).all() and not np.asarray(none.support.mask).any()
  np.testing.assert_array_equal(np.asarray(few.support.x)[kept], np.asarray(many.support.x)[kept])
  np.testing.assert_array_equal(few.query.x, none.query.x)
  assert len(np.unique(np.asarray(many.support.x), axis=0)) == 6 // together


def test_units_that_cannot_be_divided_are_refused():
  unit = np.repeat(np.arange(10), 3)
  own, asked = (
    lay_out(np.zeros((15, 1), np.float32), np.zeros(15), part, np.zeros(15, int), 3) for part in (unit[:15], unit[15:])
  )
  with pytest.raises(ValueError, match="together=2 of 5 units"):
    every_unit(jax.random.key(0), own, asked, shots=1, rows=1, places=1, together=2)
  with pytest.raises(ValueError, match="shots=2"):
    every_unit(jax.random.key(0), own, asked, shots=2, rows=1, places=1)


def test_a_subset_is_asked_about_by_a_model_of_the_other_three_and_each_engine_once(fleet):
  folds = build.folds(dataclasses.replace(FEW, tasks=dataclasses.replace(FEW_TASKS, subsets=turbofan.SUBSETS[1:3])))
  assert [fold.name for fold in folds] == ["FD002", "FD003"]
  for i, fold in enumerate(folds, 1):
    (test,) = fold.tests.values()
    assert test.every is not None and fold.train is not None and fold.validation is not None
    asked = test.every(3)
    assert sorted(np.asarray(asked.task).reshape(-1).tolist()) == engine_numbers(fleet, fold.name, "test")
    left = np.sort(np.asarray(asked.query.y)[..., 1].reshape(-1) * turbofan.CAP)
    np.testing.assert_allclose(left, lives_left(fleet, fold.name), rtol=1e-5)
    assert float(asked.query.y[..., 0].max()) <= 1.0
    assert (np.asarray(asked.support.mask).sum(1) == 3 * FEW_TASKS.rows).all()
    learn, check = (episodes_of(jax.random.key(0), family, 60) for family in (fold.train, fold.validation))
    for family in (learn, check):
      assert set(np.asarray(family.task).tolist()) == set(range(4)) - {i}
    sides = [rows_of(*learn[:2]), rows_of(*check[:2]), rows_of(asked.support), rows_of(asked.query)]
    for a in range(4):
      for b in range(a):
        assert not sides[a] & sides[b]


def test_scales_and_conditions_come_from_engines_that_are_learned_from(fleet, monkeypatch):
  config = dataclasses.replace(FEW, tasks=dataclasses.replace(FEW_TASKS, subsets=("FD001",)))
  (first,) = build.folds(config)
  learned = np.char.startswith(fleet.groups["unit"], "FD001") | (fleet.groups["split"] == "test")
  moved = {name: np.where(learned, 5.0 * column + 3.0, column) for name, column in fleet.columns.items()}
  other = fleet._replace(columns=moved)
  monkeypatch.setattr(cmapss, "load", lambda: other)
  (second,) = build.folds(config)
  assert first.train is not None and second.train is not None
  jax.tree.map(np.testing.assert_array_equal, first.train.sample, second.train.sample)


def test_each_subset_as_published_asks_about_all_its_test_engines_without_a_label(fleet):
  for fold in build.folds(
    dataclasses.replace(WHOLE, tasks=dataclasses.replace(WHOLE_TASKS, subsets=("FD001", "FD004")))
  ):
    (test,) = fold.tests.values()
    assert test.every is not None and fold.train is not None and fold.validation is not None
    asked = test.every(0)
    assert np.asarray(asked.task).tolist() == engine_numbers(fleet, fold.name, "test")
    assert not np.asarray(asked.support.mask).any() and np.asarray(asked.query.mask).all()
    left = np.sort(np.asarray(asked.query.y)[:, 0, 1] * turbofan.CAP)
    np.testing.assert_allclose(left, lives_left(fleet, fold.name), rtol=1e-5)
    learn, check = (episodes_of(jax.random.key(0), family, 60) for family in (fold.train, fold.validation))
    sides = [rows_of(*learn[:2]), rows_of(*check[:2]), rows_of(asked.query)]
    assert not sides[0] & sides[1] and not (sides[0] | sides[1]) & sides[2]
    one = episodes_of(jax.random.key(0), test.family(0), 3)
    assert rows_of(one.query) <= sides[2]


def test_standardising_within_flight_conditions_is_a_rung_where_there_are_several_and_wins_there(fleet):
  plain = "boosted trees, not standardised within flight conditions"
  for fold in build.folds(WHOLE):
    (test,) = fold.tests.values()
    assert test.every is not None
    rungs = {fixed.name: fixed for fixed in test.ladder().fixed}
    assert (plain in rungs) == (turbofan.REGIMES[fold.name] > 1)
    query = test.every(0).query
    features, y = np.asarray(query.x.features)[:, 0], np.asarray(query.y)[:, 0, :1]
    error = {name: np.square(rung.answer(features) - y).mean() for name, rung in rungs.items()}
    assert error["boosted trees"] < error["mean of the training engines"]
    if plain in rungs:
      assert error["boosted trees"] < error[plain]


def test_a_job_without_labels_runs_from_end_to_end_and_its_report_misses_seeds_and_not_episodes(fleet, tmp_path):
  config = dataclasses.replace(WHOLE, tasks=dataclasses.replace(WHOLE_TASKS, subsets=("FD002",)))
  checked(config)
  folder, folds = tmp_path / "run", build.folds(config)
  job.start(config, "a test", folder)
  with compiled_again() as again:
    job.train(config, folds, folder, resume=False)
    rows = parse(job.score(config, folds, folder))
  assert not again
  assert {row.k for row in rows} == {0}
  assert {"rmse", "rmse_uncapped", "nasa", "nasa_uncapped"} <= {row.metric for row in rows}
  assert {row.method for row in rows} > {"pooled network", "boosted trees"}
  assert not {row.method for row in rows} & {"network from scratch", "pooled network, fine-tuned"}
  missed = "".join(shortfalls(rows))
  assert "1 of 5 seeds" in missed and "episodes" not in missed
  found = {(row.method, row.k, row.metric): row for row in rows}
  for (method, k, metric), row in found.items():
    if metric == "rmse":
      assert row.value == pytest.approx(math.sqrt(found[method, k, "mse"].value))
  assert json.loads((folder / "scores.json").read_text())
  write_report([folder], folder / "report.html")
  assert (folder / "report.html").stat().st_size > 1000


def test_every_method_of_the_few_engines_answers(fleet):
  config = dataclasses.replace(FEW, tasks=dataclasses.replace(FEW_TASKS, subsets=("FD001",)))
  (test,) = build.folds(config)[0].tests.values()
  for what in build.trained(config)[:1]:
    for method in what.methods:
      algorithm = what.make(method.config)
      state = algorithm.init(what.init(jax.random.key(0)))
      scores = evaluate(jax.random.key(1), algorithm, state, test.family(1), episodes=3, judge=test.judge)
      assert all(np.isfinite(values).all() for values in scores.values())


@pytest.mark.parametrize(
  ("config", "change", "match"),
  [
    (WHOLE, {"evaluation": Evaluation(shots=(0, 1), adaptation_shots=1)}, "no label"),
    (WHOLE, {"algorithm": Anil()}, "Finetune alone"),
    (WHOLE, {"tasks": RemainingLife(subsets=("FD005",))}, "FD001"),
    (FEW, {"tasks": FewEngines(subsets=())}, "FD001"),
  ],
)
def test_what_cannot_work_is_refused(config, change, match):
  with pytest.raises(ConfigError, match=match):
    checked(dataclasses.replace(config, **change))


def test_fitting_a_chain_does_not_apply_its_last_step():
  def never(state, rows):
    raise AssertionError("applied")

  last = clean.Step(lambda rows: (), never)
  assert clean.chain(clean.standardise(), last).fit(clean.rows(np.arange(6.0).reshape(3, 2)))[1] == ()


def test_boosted_trees_are_as_good_as_careful_ones_on_fd001(data_folder, monkeypatch):
  """11.6 cycles at the last cycle of the test engines, capped labels, were measured independently."""
  monkeypatch.setenv("MTL_JAX_DATA", str(data_folder))
  monkeypatch.setattr(life, "_trees", lambda: ExtraTreesRegressor(2, max_depth=3))
  config = dataclasses.replace(WHOLE, tasks=RemainingLife(subsets=("FD001",)))
  (test,) = build.folds(config)[0].tests.values()
  assert test.every is not None
  query = test.every(0).query
  rung = next(fixed for fixed in test.ladder().fixed if fixed.name == "boosted trees")
  error = rung.answer(np.asarray(query.x.features)[:, 0]) - np.asarray(query.y)[:, 0, :1]
  assert turbofan.CAP * np.sqrt(np.square(error).mean()) < 13.0
