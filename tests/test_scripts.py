"""The scripts as a user runs them: other processes, a small job, an empty folder to work in.

Processes share a compilation cache, which is most of their time. The small fleet and sinusoid
jobs run once; the other tests look at what they left, or go on from there.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT

from mtl_jax import config as c
from mtl_jax.config import Config, dump, load
from mtl_jax.recorder import read

FLEET = Config(
  "small_fleet",
  c.Fleet(machines=12, test_machines=12, recordings=4, shots=(1, 2), queries=2),
  c.MLP(hidden=(16,)),
  c.ProtoNet(embedding=8),
  controls=(c.Finetune(inner_steps=2),),
  training=c.Training(steps=100, tasks_per_step=2, seeds=2, chunk_steps=20, validation_episodes=20),
  evaluation=c.Evaluation(shots=(1, 2), episodes=3, adaptation_steps=(0, 2), adaptation_shots=2),
)
SINES = Config(
  "small_sines",
  c.Sinusoid(shots=5, queries=5),
  c.MLP(hidden=(16,), norm="none"),
  c.Maml(inner_lr=0.001, inner_steps=1),
  controls=(c.Finetune(inner_lr=0.001),),
  training=c.Training(steps=4, tasks_per_step=2, seeds=2, chunk_steps=2, validation_episodes=10),
  evaluation=c.Evaluation(shots=(5,), episodes=20, adaptation_steps=(0, 1)),
)


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
  # This checkout, wherever the package is installed from; a terminal as wide as most.
  return os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "80", "MTL_JAX_DATA": "no/such/folder"}


@pytest.fixture(scope="module")
def run(environment):
  """run(folder, script, *arguments): the process when it has ended."""

  def run(folder: Path, script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "scripts" / script, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)

  return run


def _write(folder: Path, config: Config) -> Path:
  path = folder / f"{config.name}.py"
  path.write_text(dump(config, f"A small job, {config.name}."))
  return path


def _run_folder(folder: Path) -> Path:
  (found,) = (folder / "runs").iterdir()
  return found.relative_to(folder)


def _rows(run_folder: Path) -> list[dict]:
  return json.loads((run_folder / "scores.json").read_text())


def _untimed(run_folder: Path) -> list[dict]:
  """All that must be the same when a run is scored twice."""
  return [row for row in _rows(run_folder) if row["metric"] != "seconds"]


@pytest.fixture(scope="module")
def fleet_job(run, tmp_path_factory) -> Path:
  """Where train.py ran the fleet job without a break."""
  folder = tmp_path_factory.mktemp("fleet")
  done = run(folder, "train.py", _write(folder, FLEET).name)
  assert done.returncode == 0, done.stderr
  assert f"run folder: {_run_folder(folder)}" in done.stdout
  return folder


@pytest.fixture(scope="module")
def sines_job(run, tmp_path_factory) -> Path:
  folder = tmp_path_factory.mktemp("sines")
  done = run(folder, "train.py", _write(folder, SINES).name)
  assert done.returncode == 0, done.stderr
  return folder


def test_training_leaves_a_config_metrics_checkpoints_scores_and_a_report(fleet_job):
  made = fleet_job / _run_folder(fleet_job)
  assert re.fullmatch(r"small_fleet-\d{8}-\d{6}", made.name)
  assert load(made / "config.py") == (FLEET, "A small job, small_fleet.")
  metrics = read(made / "metrics.jsonl")
  assert {row["method"] for row in metrics} == {"protonet", "finetune"}
  for method in ("protonet", "finetune"):
    assert [row["step"] for row in metrics if row["method"] == method] == list(range(20, 101, 20))
    saved = {int(path.name) for path in (made / "checkpoints" / f"fleet-{method}").iterdir()}
    assert {80, 100} <= saved
    assert len(saved) <= 3
  assert "machines never seen" in (made / "report.html").read_text()
  assert json.loads((made / "run.json").read_text())["seconds"].keys() >= {"training", "evaluation", "baselines"}


def test_each_score_says_what_it_is_of_and_how_sure(fleet_job):
  rows = _rows(fleet_job / _run_folder(fleet_job))
  for row in rows:
    assert row.keys() >= {"method", "kind", "k", "metric", "mean", "low", "high", "seeds", "episodes"}
    assert row["kind"] in ("ours", "baseline")
    assert row["seeds"] == 2
    assert row["episodes"] == 3
    if row["metric"] not in ("confusion", "seconds"):
      assert row["low"] <= row["mean"] <= row["high"]
  scored = {(row["method"], row["k"]) for row in rows if row["metric"] == "macro_f1" and "steps" not in row}
  for method in ("protonet", "pooled network", "pooled network, fine-tuned", "network from scratch"):
    assert {(method, 1), (method, 2)} <= scored
  for method in ("majority class", "nearest centroid, whitened", "boosted trees", "pooled forest"):
    assert {(method, 1), (method, 2)} <= scored
  assert {row["kind"] for row in rows if row["method"] != "protonet"} == {"baseline"}
  assert {row["metric"] for row in rows} >= {"accuracy", "macro_recall", "macro_f1", "macro_f1_gain", "confusion"}


def test_each_method_says_what_it_costs_on_a_new_machine(fleet_job):
  rows = _rows(fleet_job / _run_folder(fleet_job))
  costs = {(row["method"], row["k"], row["metric"]): row["mean"] for row in rows if "steps" not in row}
  methods = {row["method"] for row in rows}
  unlabelled = {"pooled network", "pooled forest", "pooled logistic regression"}
  for method in methods:
    for k in (1, 2):
      assert costs[method, k, "labels"] == (0 if method in unlabelled else 8 * k), method
      assert 0.0 < costs[method, k, "seconds"] < 60.0, method


def test_the_majority_class_scores_what_chance_gives(fleet_job):
  """Eight conditions, two windows asked of each: 1 in 8 right, F1 = 2 * 2 / (2 + 16) / 8."""
  rows = _rows(fleet_job / _run_folder(fleet_job))
  found = {row["metric"]: row["mean"] for row in rows if row["method"] == "majority class" and row["k"] == 1}
  assert found["accuracy"] == pytest.approx(1 / 8)
  assert found["macro_f1"] == pytest.approx(2 * 2 / (2 + 16) / 8)


def test_scoring_again_gives_the_same_scores_and_a_new_report(sines_job, run, tmp_path):
  shutil.copytree(sines_job / "runs", tmp_path / "runs")
  made = _run_folder(tmp_path)
  (tmp_path / made / "scores.json").unlink()
  (tmp_path / made / "report.html").unlink()
  done = run(tmp_path, "evaluate.py", made)
  assert done.returncode == 0, done.stderr
  assert _untimed(tmp_path / made) == _untimed(sines_job / made)
  assert "small_sines" in (tmp_path / made / "report.html").read_text()


def test_a_report_covers_several_runs(fleet_job, sines_job, run, tmp_path):
  folders = [job / _run_folder(job) for job in (fleet_job, sines_job)]
  done = run(tmp_path, "report.py", *folders, "--out", "both.html")
  assert done.returncode == 0, done.stderr
  page = (tmp_path / "both.html").read_text()
  assert "small_fleet" in page
  assert "small_sines" in page


def test_a_terminated_training_says_how_to_go_on_and_then_ends_as_if_it_had_not_been(
  fleet_job, run, environment, tmp_path
):
  command = [sys.executable, ROOT / "scripts" / "train.py", _write(tmp_path, FLEET)]
  process = subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
  deadline = time.monotonic() + 200
  while not (rows := list(tmp_path.glob("runs/*/metrics.jsonl"))) or not rows[0].stat().st_size:
    assert process.poll() is None
    assert time.monotonic() < deadline
    time.sleep(0.01)
  process.send_signal(signal.SIGTERM)
  said, _ = process.communicate(timeout=100)
  assert process.returncode == 130, said
  assert "Traceback" not in said
  made = _run_folder(tmp_path)
  assert f"python scripts/train.py {made} --resume" in said
  assert re.search(r"interrupted after \d+ of 100 steps; saved in", said)
  assert not (tmp_path / made / "scores.json").exists()
  assert (tmp_path / made / "report.html").is_file()

  done = run(tmp_path, "train.py", made, "--resume")
  assert done.returncode == 0, done.stderr
  whole = fleet_job / _run_folder(fleet_job)
  assert _untimed(tmp_path / made) == _untimed(whole)
  resumed, unbroken = (read(folder / "metrics.jsonl") for folder in (tmp_path / made, whole))
  for a, b in zip(resumed, unbroken, strict=True):
    rates = {"steps_per_s", "tasks_per_s"}
    assert {name: a[name] for name in a.keys() - rates} == {name: b[name] for name in b.keys() - rates}


def test_a_diverging_training_names_the_step_the_number_and_the_last_good_checkpoint(sines_job, run, tmp_path):
  shutil.copytree(sines_job / "runs", tmp_path / "runs")
  made = _run_folder(tmp_path)
  arguments = ("--resume", "--training.steps", "8", "--algorithm.inner-lr", "1e30")
  done = run(tmp_path, "train.py", made, *arguments)
  assert done.returncode == 1
  said = " ".join(done.stderr.split())
  assert re.search(r"TrainingError: step 4: \S+ is \S*(nan|inf)", said)
  assert f"the last good checkpoint is {tmp_path / made}/checkpoints/sinusoid-maml/4" in said
  assert "Lower the learning rate" in said
  assert "Traceback" not in done.stderr
  assert [row["step"] for row in read(tmp_path / made / "metrics.jsonl") if row["method"] == "maml"] == [2, 4]


def test_a_regression_job_is_scored_beside_predictors_that_know_no_curve(sines_job):
  rows = _rows(sines_job / _run_folder(sines_job))
  mean = {row["method"]: row["mean"] for row in rows if row["metric"] == "mse" and "steps" not in row}
  assert mean["zero"] > mean["best without adaptation"]
  assert mean["Gaussian process on the support"] < mean["zero"]
  gains = {row["against"]: row for row in rows if row["metric"] == "mse_gain" and row["method"] == "maml"}
  best = min((value, name) for name, value in mean.items() if name != "maml")
  assert gains[best[1]]["mean"] == pytest.approx(best[0] - mean["maml"])


@pytest.mark.parametrize(
  ("arguments", "said"),
  [
    (("--training.stpes", "3"), "--training.steps"),
    (("--training.steps", "many"), "many"),
    (("--algorithm.inner-lr", "nan"), "algorithm.inner_lr=nan"),
    (("--resume",), "no run of"),
  ],
  ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_on_the_command_line_is_answered_in_words(answered, monkeypatch, tmp_path, arguments, said):
  monkeypatch.chdir(tmp_path)
  done = answered("train.py", _write(tmp_path, SINES).name, *arguments)
  assert done.returncode in (1, 2)
  assert said in done.stdout + done.stderr
  assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("script", ["train.py", "evaluate.py"])
def test_a_config_that_is_not_there_and_a_run_that_is_not_there_are_named(answered, monkeypatch, tmp_path, script):
  monkeypatch.chdir(tmp_path)
  done = answered(script, "configs/none.py")
  assert done.returncode == 1
  assert "configs/none.py" in done.stderr


def test_absent_real_data_is_one_line_that_names_the_folder(run, tmp_path):
  done = run(tmp_path, "train.py", ROOT / "configs" / "cwru_few_shot.py")
  assert done.returncode == 1
  assert done.stderr.startswith("DataError: ")
  assert "no/such/folder" in done.stderr
  assert "Traceback" not in done.stderr
