"""Teams never seen before: what may be read of a day, who is asked when, and the rungs around the plan by hand."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import build
from mtl_jax.baselines import History
from mtl_jax.baselines.plan import plan_ladder, trust_in_days
from mtl_jax.config import MLP, Anil, Config, ConfigError, Evaluation, Productivity, validate
from mtl_jax.data import Table, garment_productivity
from mtl_jax.evaluate import episodes_of, evaluate
from mtl_jax.tasks import shifts
from mtl_jax.types import Batch, Episode

CUT = np.datetime64("2015-01-25")
CONFIG = Config(
  "teams",
  Productivity(folds=3, cut=str(CUT), shots=(1, 3), queries=4),
  MLP((8,)),
  Anil(),
  evaluation=Evaluation(shots=(1, 3), adaptation_steps=(0,), adaptation_shots=1),
)


def made(teams: int = 6, days: int = 40) -> Table:
  """Days of teams in both departments; no two have the same productivity."""
  rng, rows = np.random.default_rng(0), []
  for department in ("sewing", "finishing"):
    for team in range(1, teams + 1):
      rows += [(department, team, day) for day in range(days)]
  department, team, day = (np.asarray(column) for column in zip(*rows, strict=True))
  n = len(team)
  columns = {
    "targeted_productivity": rng.choice([0.5, 0.6, 0.7, 0.8], n),
    "smv": rng.uniform(3, 30, n),
    "wip": np.where(department == "sewing", rng.integers(100, 2000, n), np.nan),
    "no_of_style_change": rng.integers(0, 2, n),
    "no_of_workers": rng.integers(5, 60, n).astype(float),
    "quarter": day // 7 + 1,
    "day": np.asarray(shifts.DAYS)[day % 6],
    "over_time": rng.integers(0, 9000, n),
    "idle_time": rng.uniform(0, 9, n),
    "idle_men": rng.integers(0, 9, n),
  }
  labels = {"actual_productivity": rng.uniform(0.3, 1.0, n), "incentive": day}
  time = np.datetime64("2015-01-01") + day.astype("timedelta64[D]")
  unit = np.char.add(np.char.add(department, " "), team.astype(str))
  return Table(columns, labels, {"unit": unit, "department": department, "team": team, "time": time}, {})


@pytest.fixture(scope="module")
def folds() -> list[build.Fold]:
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(garment_productivity, "load", made)
    return build.folds(CONFIG)


def test_what_is_known_only_when_the_day_is_over_is_not_read():
  table = made()
  late = ("over_time", "idle_time", "idle_men")
  other = table._replace(
    columns=dict(table.columns) | {name: 7 * table.columns[name] for name in late},
    labels={"actual_productivity": -table.labels["actual_productivity"], "incentive": -table.labels["incentive"]},
  )
  found = shifts.features(table)
  np.testing.assert_array_equal(found, shifts.features(other))
  assert np.isfinite(found).all() and found.shape == (len(table.labels["incentive"]), len(shifts.FEATURES))


def test_errors_are_shares_of_the_work_allotted_by_hand():
  """Off by +1 and -3 steps of a tenth, the third is masked: mse (0.1^2 + 0.3^2) / 2, mae (0.1 + 0.3) / 2."""
  y = jnp.asarray([[1.0], [2.0], [9.0]])
  query = Batch(jnp.zeros((3, 1)), y, jnp.asarray([True, True, False]))
  found = shifts.judged(y + jnp.asarray([[1.0], [-3.0], [50.0]]), Episode(query, query, jnp.asarray(0)))
  assert {name: float(value) for name, value in found.items()} == pytest.approx({"mse": 0.05, "mae": 0.2})


def test_teams_are_on_one_side_and_questions_lie_after_all_that_is_known_of_others(folds):
  days, asked_of = made(), []
  beyond = 10 * (days.labels["actual_productivity"] - days.columns["targeted_productivity"])

  def rows(side: Batch) -> list[int]:
    y = np.asarray(side.y)[..., 0][np.asarray(side.mask)]
    return np.abs(beyond[None] - y[:, None]).argmin(1).tolist()

  for fold in folds:
    (test,) = fold.tests.values()
    assert fold.train is not None and fold.validation is not None
    sides = {}
    for name, family in (("learn", fold.train), ("check", fold.validation), ("test", test.family(3))):
      episode = episodes_of(jax.random.key(0), family, 60)
      sides[name] = (rows(episode.support), rows(episode.query))
    for name in ("learn", "check"):
      assert days.groups["time"][[*sides[name][0], *sides[name][1]]].max() < CUT
    labelled, questions = sides["test"]
    assert days.groups["time"][questions].min() >= CUT
    teams = {name: set(days.groups["team"][[*both[0], *both[1]]].tolist()) for name, both in sides.items()}
    assert not teams["learn"] & teams["test"] and not teams["check"] & teams["test"]
    assert set(days.groups["team"][labelled]) == teams["test"]
    asked_of.append(teams["test"])
  assert set.union(*asked_of) == {1, 2, 3, 4, 5, 6} and not set.intersection(*asked_of)


def test_more_past_days_are_the_latest_ones_and_the_questions_stay(folds):
  (test,) = folds[0].tests.values()
  one, three = (episodes_of(jax.random.key(0), test.family(k), 20) for k in (1, 3))
  np.testing.assert_array_equal(one.query.y, three.query.y)
  np.testing.assert_array_equal(np.asarray(one.support.mask), [[False, False, True]] * 20)
  np.testing.assert_array_equal(one.support.y[:, -1], three.support.y[:, -1])


def test_how_far_past_days_are_trusted_by_hand():
  """Teams with days (0, 2) and (4, 6): mean squares 2 within and 2 ((1 - 3)^2 + (5 - 3)^2) / 1 = 16 between, so that
  teams have the variance (16 - 2) / 2 = 7. Teams that are alike are not told apart by any number of days."""
  team = np.array([0, 0, 1, 1])
  assert trust_in_days(np.array([0.0, 2.0, 4.0, 6.0]), team) == pytest.approx(2 / 7)
  assert trust_in_days(np.array([0.0, 2.0, 2.0, 0.0]), team) == np.inf


def test_rungs_around_the_plan_by_hand():
  """Two teams with (0, 2) and (4, 6) beyond the plan: 3 in common, and one day of 10 counts 1 / (1 + 2 / 7) = 7 / 9.
  The plan is column 0 of the features."""
  x = np.array([[5.0], [6.0], [7.0], [8.0]])
  ladder = plan_ladder(History(x, np.array([0.0, 2.0, 4.0, 6.0]), np.array([0, 0, 1, 1])), lambda z: z[:, 0])
  day, outcome, q = np.array([[4.0]]), np.array([[10.0]]), np.array([[6.0], [20.0]])
  rungs = {rung.name: rung.predict(day, outcome, q, 0)[:, 0] for rung in ladder.rungs}
  fixed = {rung.name: rung.answer(q)[:, 0] for rung in ladder.fixed}
  np.testing.assert_array_equal(fixed["planned value"], [0.0, 0.0])
  np.testing.assert_allclose(fixed["plan and the mean deviation of other teams"], [3.0, 3.0])
  np.testing.assert_allclose(rungs["mean of the past days"], [14.0 - 6.0, 14.0 - 20.0])
  np.testing.assert_allclose(rungs["plan and the mean deviation of the past days"], [10.0, 10.0])
  np.testing.assert_allclose(
    rungs["plan and the mean deviation, shrunk to that of other teams"], [3.0 + 7.0 * 7 / 9] * 2
  )
  assert all(values.shape == (2,) and np.isfinite(values).all() for values in (rungs | fixed).values())


def test_the_plan_of_the_ladder_is_that_of_the_table(folds):
  """The mean of a day's productivity, asked about the day itself, is right."""
  (test,) = folds[0].tests.values()
  rung = next(rung for rung in test.ladder().rungs if rung.name == "mean of the past days")
  episode = jax.tree.map(np.asarray, episodes_of(jax.random.key(0), test.family(1), 5))
  for i in range(5):
    x, y = episode.query.x[i][:1], episode.query.y[i][:1]
    np.testing.assert_allclose(rung.predict(x, y, x, 0), y, atol=1e-4)


def test_every_method_answers(folds):
  validate(CONFIG)
  (test,) = folds[0].tests.values()
  for what in build.trained(CONFIG)[:1]:
    for method in what.methods:
      algorithm = what.make(method.config)
      state = algorithm.init(what.init(jax.random.key(0)))
      scores = evaluate(jax.random.key(1), algorithm, state, test.family(1), episodes=3, judge=test.judge)
      assert scores.keys() == {"mse", "mae"} and all(np.isfinite(values).all() for values in scores.values())


@pytest.mark.parametrize("count", [2, 13])
def test_groups_that_leave_no_team_to_learn_from_are_refused(count):
  with pytest.raises(ConfigError, match=r"tasks\.folds"):
    validate(dataclasses.replace(CONFIG, tasks=Productivity(folds=count)))
