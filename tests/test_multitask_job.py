"""A multi-task job on made-up rows: what is tuned on what, what a gain is, and what the report says of it."""

import dataclasses
import json
from types import SimpleNamespace
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import compiled_again
from jax.tree_util import Partial

from mtl_jax import config as c
from mtl_jax import job
from mtl_jax.baselines.each import NAMES, TRIVIAL
from mtl_jax.build.multitask import SINGLE, Part, Problem, Target, answer, runs, scales
from mtl_jax.build.multitask.contract import audited, split
from mtl_jax.data import DataError
from mtl_jax.fit import TrainingError
from mtl_jax.job import multitask, tasks
from mtl_jax.job.diagnosis import affinity_of
from mtl_jax.job.multitask import Outcome
from mtl_jax.job.tasks import LOST, of_candidate
from mtl_jax.losses import ordinal_log_probabilities
from mtl_jax.report import ALL, tasks_markdown, write_report
from mtl_jax.report.diagnoses import what_diverged
from mtl_jax.report.run import parse
from mtl_jax.report.tasks import tasks_summary, tasks_table
from mtl_jax.trust import LeakError
from mtl_jax.types import Batch, TaskFamily

TARGETS = {
  "sensors": {"wear": Target("number", unit="mm"), "state": Target("rank", ("good", "fair", "bad"))},
  "ledger": {"late": Target("flag", ("no", "yes")), "kind": Target("class", ("a", "b"))},
}
CONFIG = c.MultiTask(
  "made-up",
  c.Turbine(),
  (c.Joint(), c.Joint(weighting="grid"), c.Joint(aggregator="upgrad", paths="mmoe")),
  model=c.Sharing((8,), (8,), 4),
  training=c.JointTraining(steps=60, rows=48, learning_rates=(1e-5, 3e-2), grid=2, seeds=2, chunk_steps=30),
)


def part(seed: int, n: int = 90) -> Part:
  rng = np.random.default_rng(seed)
  x, z = rng.normal(size=(n, 3)).astype(np.float32), rng.normal(size=(n, 2)).astype(np.float32)
  known = rng.random(n) < 0.7
  wear = np.where(known, 100 + 10 * x[:, 0], 0).astype(np.float32)
  state = np.digitize(x[:, 0], [-0.5, 0.5]).astype(np.int32)
  late, kind = ((z[:, i] > 1 - i).astype(np.int32) for i in range(2))
  every = np.ones(n, bool)
  data = {
    "sensors": Batch(x, {"wear": wear, "state": state}, {"wear": known, "state": every}),
    "ledger": Batch(z, {"late": late, "kind": kind}, {"late": every, "kind": every}),
  }
  return Part(data, {source: seed * n + np.arange(n) // 2 for source in data})


PROBLEM = Problem(part(0), part(1), part(2), TARGETS)


@pytest.fixture(scope="module")
def again() -> list[str]:
  """What the job of `finished` compiled twice."""
  return []


@pytest.fixture(scope="module")
def finished(tmp_path_factory, again):
  """A run folder: trained, scored, and its rows."""
  folder = tmp_path_factory.mktemp("runs") / "run"
  job.start(CONFIG, "Made up.\n\nMore.", folder)
  with compiled_again() as found:
    job.train(CONFIG, PROBLEM, folder, False)
    rows = job.score(CONFIG, PROBLEM, folder)
  again.extend(found)
  return folder, rows


def test_a_job_compiles_nothing_twice(finished, again):
  assert not again


def one(rows, **wanted):
  (found,) = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
  return found


def test_every_method_has_every_task_and_learns_it(finished):
  folder, rows = finished
  assert json.loads((folder / "scores.json").read_text()) == rows
  methods = (
    "mean",
    "grid",
    "mmoe, upgrad",
    SINGLE,
    *(name if name == TRIVIAL else f"{name} for each task" for name in NAMES),
  )
  headline = {"wear": "rmse", "state": "macro_f1", "late": "auprc", "kind": "macro_f1"}
  for method in methods:
    assert one(rows, job=ALL, method=method, metric="delta_m")["seeds"] == 2
    for task, metric in headline.items():
      value, floor = (one(rows, job=task, method=m, metric=metric)["mean"] for m in (method, TRIVIAL))
      if method != TRIVIAL:
        assert value < 0.7 * floor if metric == "rmse" else value > floor + 0.15, (method, task)
  assert one(rows, job="wear", method="mean", metric="rmse")["unit"] == "mm"
  assert one(rows, job="wear", method="mean", metric="rmse")["episodes"] <= 45


def test_the_learning_rate_is_tuned_and_no_test_label_is_looked_at(finished):
  folder, rows = finished
  assert one(rows, job=ALL, method="mean", metric="learning_rate")["mean"] == 3e-2
  flipped = {
    source: batch._replace(y={task: y.max() - y for task, y in batch.y.items()})
    for source, batch in PROBLEM.test.data.items()
  }
  wrong = PROBLEM._replace(test=PROBLEM.test._replace(data=flipped))
  bare = dataclasses.replace(CONFIG, methods=CONFIG.methods[:1], baselines=False)
  found, _, _ = multitask._trained(bare, wrong, folder)
  assert found["mean"].costs["learning_rate"] == 3e-2


def test_single_task_networks_are_each_others_equals_in_size_and_budget():
  found = runs(CONFIG, PROBLEM)
  singles = [run for run in found if run.name == SINGLE]
  assert [run.tasks for run in singles] == [("wear",), ("state",), ("late",), ("kind",)]
  whole = jax.eval_shape(found[0].family.sample, jax.random.key(0))
  assert sum(len(step.x) for step in whole.values()) == CONFIG.training.rows
  for run, source in zip(singles, ("sensors", "sensors", "ledger", "ledger"), strict=True):
    (step,) = jax.eval_shape(run.family.sample, jax.random.key(0)).values()
    assert step.x.shape == whole[source].x.shape
    assert [candidate.learning_rate for candidate in run.candidates] == [1e-5, 3e-2]
  sizes = [sum(leaf.size for leaf in jax.tree.leaves(run.one[1]().params)) for run in (found[0], singles[0])]
  assert sizes[1] < sizes[0]
  assert [run.gradients for run in found] == [1, 1, 5, 1, 1, 1, 1]


def test_replicas_of_a_seed_start_alike_and_have_their_candidates_rate():
  run = runs(CONFIG, PROBLEM)[0]
  state = run.init().replicas
  np.testing.assert_allclose(state.opt_state.hyperparams["learning_rate"], [1e-5, 1e-5, 3e-2, 3e-2])
  for leaf in jax.tree.leaves(state.params):
    np.testing.assert_array_equal(leaf[:2], leaf[2:])
  assert any((leaf[0] != leaf[1]).any() for leaf in jax.tree.leaves(state.params))


@pytest.mark.parametrize(
  "method",
  [
    *(c.Joint(aggregator=name) for name in get_args(c.multitask.Aggregating)),
    *(c.Joint(weighting=name) for name in get_args(c.multitask.Weighing)),
    *(c.Joint(paths=name) for name in get_args(c.multitask.Paths)),
  ],
  ids=str,
)
def test_everything_that_a_config_can_name_makes_a_step(method):
  (run,) = runs(dataclasses.replace(CONFIG, methods=(method,), baselines=False), PROBLEM)
  algorithm, start = run.one
  state, key = jax.eval_shape(start), jax.random.key(0)
  step = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), jax.eval_shape(run.family.sample, key)
  )
  after, metrics = jax.eval_shape(algorithm.update, key, state, step)
  assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), after) == jax.tree.map(
    lambda leaf: (leaf.shape, leaf.dtype), state
  )
  assert metrics["losses"].shape == (4,)


def test_the_states_of_a_candidate_are_those_of_its_seeds():
  assert of_candidate({"w": jnp.arange(6)}, 1, 2)["w"].tolist() == [2, 3]


def test_an_interval_over_rows_is_marked(monkeypatch):
  """Three units: rows are drawn."""
  rows_of = PROBLEM.test._replace(unit={source: np.arange(90) // 30 for source in TARGETS})
  said = {task: np.zeros((1, int(batch.mask[task].sum()))) for batch in rows_of.data.values() for task in batch.y}
  rows = multitask._rows(CONFIG, PROBLEM._replace(test=rows_of), {"mean": Outcome("ours", said, {})})
  assert {row["over"] for row in rows} == {"rows"}
  assert "over" not in one(
    multitask._rows(CONFIG, PROBLEM, {"mean": Outcome("ours", said, {})}), job="wear", metric="rmse"
  )


def test_the_grid_tries_every_weight_at_every_rate():
  method = c.Joint(weighting="grid")
  config = dataclasses.replace(CONFIG, methods=(method,), baselines=False, training=c.JointTraining(grid=3, seeds=2))
  (run,) = runs(config, PROBLEM)
  state = run.init().replicas
  assert len(run.candidates) == 9
  assert state.weighting.shape == (18, 4)
  np.testing.assert_allclose(state.weighting.sum(1), 1, rtol=1e-6)
  assert len({tuple(row) for row in state.weighting.tolist()}) == 3


def test_a_gain_is_relative_to_the_single_task_network_and_positive_where_it_is_better():
  """RMSE 2 against 4: +1/2. Accuracy-like 0.9 against 0.6: +1/2. Both together +1/2; least 0.2."""
  number, flag = Target("number"), Target("class", ("a", "b"))
  np.testing.assert_allclose(multitask._gain(number, np.array([2.0, 5.0]), np.array([4.0, 4.0])), [0.5, -0.25])
  np.testing.assert_allclose(multitask._gain(flag, np.array([0.9]), np.array([0.6])), [0.5])


def test_the_mean_gain_and_the_least_are_over_tasks(monkeypatch):
  """Truth 0 and answers of one size make RMSE that size: 2, 3 against 4, 4 is +1/2 and +1/4."""
  n = 64
  data = {
    "s": Batch(
      np.zeros((n, 1), np.float32), *(dict.fromkeys("ab", v) for v in (np.zeros(n, np.float32), np.ones(n, bool)))
    )
  }
  rows_of = Part(data, {"s": np.arange(n)})
  problem = Problem(rows_of, rows_of, rows_of, {"s": {t: Target("number") for t in "ab"}})

  def says(a: float, b: float) -> dict[str, np.ndarray]:
    return {"a": np.full((1, n), a), "b": np.full((2, n), b)}

  tested = {"mean": Outcome("ours", says(2, 3), {"seconds": 1.5}), SINGLE: Outcome("baseline", says(4, 4), {})}
  tested["trees"] = Outcome("baseline", says(3, 3), {})  # +1/4 and +1/4
  rows = multitask._rows(CONFIG, problem, tested)
  assert one(rows, job=ALL, method="mean", metric="delta_m")["mean"] == pytest.approx(0.375)
  worst = one(rows, job=ALL, method="mean", metric="worst")
  assert (worst["mean"], worst["labels"]) == (pytest.approx(0.25), ["b"])
  assert one(rows, job=ALL, method="mean", metric="seconds")["mean"] == 1.5
  assert one(rows, job=ALL, method=SINGLE, metric="delta_m")["mean"] == 0
  ahead = one(rows, job=ALL, method="mean", metric="ahead")
  assert (ahead["mean"], ahead["against"]) == (pytest.approx(0.125), "trees")
  assert tasks_summary(parse(rows))[0].endswith("Beside trees: +12.5 % (+12.5 % to +12.5 %).")


def test_answers_come_back_in_the_units_of_the_target():
  scale = scales(PROBLEM)["wear"]
  known = PROBLEM.train.data["sensors"]
  assert scale.mean == pytest.approx(known.y["wear"][known.mask["wear"]].mean())
  z = np.array([[[0.0], [1.0]]])
  np.testing.assert_allclose(answer(TARGETS["sensors"]["wear"], scale, z), [[scale.mean, scale.mean + scale.deviation]])
  assert answer(TARGETS["ledger"]["kind"], None, np.array([[[0.0, 1.0], [2.0, 1.0]]])).tolist() == [[1, 0]]
  assert answer(TARGETS["ledger"]["late"], None, np.array([[[0.0, 1.5]]])).tolist() == [[1.5]]
  ranks = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
  each = [np.asarray(ordinal_log_probabilities(jnp.asarray(one))).argmax(1) for one in ranks]
  np.testing.assert_array_equal(answer(TARGETS["sensors"]["state"], None, ranks), each)


def test_the_record_has_the_loss_and_the_validation_score_of_every_task(finished):
  folder, _ = finished
  rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
  mine = [row for row in rows if row["method"] == "mean"]
  assert [row["step"] for row in mine] == [30, 60]
  assert np.shape(mine[-1]["losses"]) == (4, 4)  # replicas, tasks
  tasks = ("wear", "state", "late", "kind")
  assert mine[-1]["validation_score"] == pytest.approx(np.mean([mine[-1][f"validation_{task}"] for task in tasks]))


def test_the_affinity_is_the_mean_over_the_checks_of_training(finished):
  folder, _ = finished
  found = json.loads((folder / "diagnosis.json").read_text())
  rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
  checks = [row for row in rows if "validation_affinity" in row]
  assert {row["method"] for row in checks} == {"mean"} and [row["step"] for row in checks] == [30, 60]
  early, late = (np.array(row["validation_affinity"]) / np.array(row["validation_together"]) for row in checks)
  np.testing.assert_allclose(found["affinity"], (early + late) / 2, rtol=1e-6)
  assert not np.allclose(early, late)


def test_an_affinity_at_a_check_is_the_mean_over_seeds_and_batches():
  """Of a family that always draws the same rows: L = (w x - y)^2 / 2 of one row, whose closed form is below.

  Both tasks read one weight: g_i = w - y_i for x = 1, and Z[i, j] = 1 - (w - lr g_i - y_j)^2 / (w - y_j)^2.
  """
  y = {"a": 1.0, "b": -2.0}
  one = Batch(jnp.ones((1, 1)), {t: jnp.full((1, 1), v) for t, v in y.items()}, dict.fromkeys(y, jnp.ones(1, bool)))
  run = SimpleNamespace(
    family=TaskFamily(Partial(lambda key: {"s": one})),
    apply=lambda w, x: dict.fromkeys(y, w * x["s"]),
    losses=dict.fromkeys(y, lambda p, target: 0.5 * jnp.square(p - target)[:, 0]),
  )
  w, targets = np.array([0.5, 3.0]), np.array(list(y.values()))
  gap = w[:, None] - targets[None]  # seeds, tasks
  stepped = w[:, None] - 0.01 * gap
  expected = (1 - (stepped[:, :, None] - targets) ** 2 / gap[:, None] ** 2).mean(0)
  found = affinity_of(run)(jnp.asarray(w, jnp.float32), 7)
  np.testing.assert_allclose(found["affinity"], expected, rtol=1e-3)
  np.testing.assert_array_equal(found["together"], np.ones((2, 2)))


def test_the_report_says_who_wins_and_who_is_worse_off_than_alone(finished, tmp_path):
  folder, _ = finished
  page = write_report([folder], tmp_path / "report.html").read_text()
  assert "All tasks" in page
  assert page.count('class="worse"') > 0  # the mean or majority
  assert "every metric" in page
  for picture in (
    "Training loss of every task",
    "Cosines between",
    "Affinity:",
    "What each task gains",
    "the two tasks that",
  ):
    assert picture in page
  found = json.loads((folder / "diagnosis.json").read_text())
  assert np.shape(found["affinity"]) == (4, 4)
  assert np.shape(found["front"]["scores"]) == (2, 4)
  (level,) = found["gates"]["mmoe, upgrad"]
  np.testing.assert_allclose(np.sum(level, axis=1), np.ones(4), rtol=1e-5)  # each task's experts
  assert "the gates of mmoe, upgrad" in page
  assert "averaged over training: 2 checks of mean" in page


def gained(method, kind, gain, half, task="a"):
  about = {"method": method, "kind": kind, "k": 0, "seeds": 5, "episodes": 40, "complete": True}
  ends = {"mean": gain, "low": gain - half, "high": gain + half}
  return [
    about | ends | {"job": ALL, "metric": "delta_m"},
    about | ends | {"job": task, "metric": "relative", "against": SINGLE},
    about | {"mean": 2 - gain, "low": 1.9 - gain, "high": 2.1 - gain, "job": task, "metric": "rmse", "unit": "mm"},
  ]


@pytest.fixture(scope="module")
def partly_diverged(tmp_path_factory):
  """One task, two methods, and of two learning rates one that is absurd."""
  folder = tmp_path_factory.mktemp("runs") / "run"
  both = {"sensors": {"wear": TARGETS["sensors"]["wear"]}}

  def only(part: Part) -> Part:
    x, y, mask = part.data["sensors"]
    return Part({"sensors": Batch(x, {"wear": y["wear"]}, {"wear": mask["wear"]})}, {"sensors": part.unit["sensors"]})

  problem = Problem(*map(only, PROBLEM[:3]), both)
  training = c.JointTraining(steps=20, rows=16, learning_rates=(3e-2, 1e6), seeds=2, chunk_steps=10)
  methods = c.Joint(), c.Joint(weighting="log")
  config = dataclasses.replace(CONFIG, methods=methods, baselines=False, training=training)
  job.start(config, "Made up.", folder)
  job.train(config, problem, folder, False)
  return config, problem, folder


def test_a_learning_rate_that_diverges_loses_and_the_others_go_on(partly_diverged, tmp_path):
  config, problem, folder = partly_diverged
  rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
  assert [row["diverged"] for row in rows if row["step"] == 20] == [[0, 0, 1, 1]] * 2
  assert all(np.isfinite(row["losses"]).all() and row["validation_score"] > 0 for row in rows)
  scored = job.score(config, problem, folder)
  for method in ("mean", "log"):
    assert one(scored, job=ALL, method=method, metric="learning_rate")["mean"] == 3e-2
  found = json.loads((folder / "diagnosis.json").read_text())
  assert found["diverged"] == {"mean": [1e6], "log": [1e6]} and found["lost"] == []
  page = write_report([folder], tmp_path / "report.html").read_text()
  assert "mean diverged at 1e+06, which could not win." in page


def test_a_method_of_which_every_rate_diverged_is_left_out_and_said(partly_diverged, monkeypatch):
  config, problem, folder = partly_diverged
  skills = multitask.skills
  gone = ["log"]
  monkeypatch.setattr(
    multitask,
    "skills",
    lambda config, run, *rest: np.full((2, 1), LOST) if run.name in gone else skills(config, run, *rest),
  )
  found, kept, about = multitask._trained(config, problem, folder)
  assert list(found) == ["mean"] and [one.run.name for one in kept] == ["mean"] and about["lost"] == ["log"]
  assert "log diverged at 1e+06: it is left out." in what_diverged(about)
  gone.append("mean")
  with pytest.raises(TrainingError, match=r"at all learning rates \(mean: 1000000.0; log: 1000000.0\)"):
    multitask._trained(config, problem, folder)


def test_what_has_diverged_or_answers_without_a_number_is_worth_less_than_anything(partly_diverged, monkeypatch):
  """Four replicas, two of which are of the first candidate; one says infinity, another has diverged."""
  config, problem, _ = partly_diverged
  truth = tasks.asked(problem, problem.validation)["wear"].truth
  run = SimpleNamespace(tasks=("wear",), candidates=(0, 1))

  def worth(diverged, spoilt=()):
    said = np.tile(truth, (4, 1))
    said[list(spoilt)] = np.inf
    monkeypatch.setattr(tasks, "answers", lambda *_: {"wear": said})
    state = SimpleNamespace(diverged=np.array(diverged), replicas=SimpleNamespace(params=None))
    return tasks.skills(config, run, state, problem, {"wear": 1.0})[:, 0]

  assert worth([False] * 4).tolist() == [1, 1]
  assert worth([False, True, False, False]).tolist() == [LOST, 1]
  assert worth([False] * 4, [3]).tolist() == [1, pytest.approx(LOST / 2)]


def test_a_table_marks_the_best_and_what_is_worse_than_alone():
  rows = gained("mean", "ours", -0.2, 0.1) + gained("upgrad", "ours", -0.05, 0.1) + gained(SINGLE, "baseline", 0.0, 0.0)
  made = tasks_table(parse(rows))
  assert [line.method for line in made.lines] == [SINGLE, "upgrad", "mean"]
  assert [line.cells[0].worse for line in made.lines] == [False, False, True]
  assert [line.cells[0].best for line in made.lines] == [True, False, False]
  lead, points = tasks_summary(parse(rows))
  assert lead.startswith(f"{SINGLE} (a baseline) is best over the 1 tasks")
  assert "upgrad: −5.0 % over single-task networks (95 % interval −15.0 % to +5.0 %: within chance)" in points[0]
  assert "no task is worse off" in points[1]
  assert "| **2.00** [1.90, 2.10] |" in tasks_markdown(rows)
  _, points = tasks_summary(parse(gained("mean", "ours", -0.2, 0.1) + gained(SINGLE, "baseline", 0.0, 0.0)))
  assert "these tasks are worse off than alone by more than chance: a" in points[1]


def test_a_task_without_labels_or_with_one_class_on_a_side_is_refused_by_name():
  batch = PROBLEM.validation.data["ledger"]

  def validated(**change) -> Problem:
    data = PROBLEM.validation.data | {"ledger": batch._replace(**change)}
    return PROBLEM._replace(validation=PROBLEM.validation._replace(data=data))

  with pytest.raises(DataError, match="ledger: the validation rows have no label of 'late'"):
    audited(validated(mask=batch.mask | {"late": np.zeros(90, bool)}))
  with pytest.raises(DataError, match="only 0 among its labels of 'kind'"):
    audited(validated(y=batch.y | {"kind": np.zeros(90, np.int32)}))


def test_a_constant_column_is_zero_wherever_its_value_changes_later():
  side = np.repeat(["training", "validation", "test"], [1000, 10, 10])
  x = np.where(side == "test", 0.2, 0.1)[:, None]  # the deviation of a thousand 0.1 is not 0 in floating point
  parts = split(side, x, {"y": np.zeros(1020)}, np.arange(1020))
  assert abs(parts["training"][0].x).max() < 1e-6
  assert abs(parts["test"][0].x).max() < 1


def test_a_unit_on_two_sides_is_refused():
  with pytest.raises(LeakError, match="ledger"):
    both = PROBLEM.validation.unit | {"ledger": PROBLEM.test.unit["ledger"]}
    audited(PROBLEM._replace(validation=PROBLEM.validation._replace(unit=both)))


@pytest.mark.parametrize(
  ("change", "field"),
  [
    ({"methods": ()}, "methods"),
    ({"methods": (c.Joint(), c.Joint())}, "methods"),
    ({"methods": (c.Joint("upgrad", "grid"),)}, "methods.0.aggregator"),
    ({"training": c.JointTraining(learning_rates=())}, "training.learning_rates"),
    ({"training": c.JointTraining(learning_rates=(1e-3, 1e-3))}, "training.learning_rates"),
    ({"training": c.JointTraining(rows=0)}, "training.rows"),
    ({"training": c.JointTraining(temperature=0.0)}, "training.temperature"),
    ({"model": c.Sharing(trunk=())}, "model.trunk"),
    ({"model": c.Sharing(path=0)}, "model.path"),
  ],
)
def test_a_config_that_cannot_work_is_refused_by_name(change, field):
  with pytest.raises(c.ConfigError, match=f"^{field}="):
    c.validate(dataclasses.replace(CONFIG, **change))
