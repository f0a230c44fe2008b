"""What the scripts make of their command line: in this process, with what takes long put aside (cf. test_scripts)."""

import dataclasses
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import numpy as np
import optax
import pandas as pd
import pytest
from conftest import ROOT
from jax.flatten_util import ravel_pytree
from rich.console import Console

import mtl_jax.report
from mtl_jax import build, job
from mtl_jax import config as c
from mtl_jax.config import ConfigError, dump, load
from mtl_jax.data import DataError, Source
from mtl_jax.data.table import Facts, Table
from mtl_jax.fit import Interrupted
from mtl_jax.trust.scores import Score


def script(name: str) -> ModuleType:
  spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / "scripts" / f"{name}.py")
  assert spec is not None and spec.loader is not None
  module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # tyro reads docstrings by module
  spec.loader.exec_module(module)
  return module


CONFIG = c.Config("sines", c.Sinusoid(), c.MLP((4,)), c.Maml())


@pytest.fixture
def done(monkeypatch, tmp_path) -> list[Any]:
  """What was trained and scored, in an empty folder with sines.py: (what, config, folder, resume)."""
  steps: list[Any] = []
  monkeypatch.chdir(tmp_path)
  Path("sines.py").write_text(dump(CONFIG, "Sines."))
  monkeypatch.setattr(build, "folds", lambda config: ["folds of", config])
  monkeypatch.setattr(
    job, "train", lambda config, folds, folder, resume, profile: steps.append(("train", config, folder, resume))
  )
  monkeypatch.setattr(job, "score", lambda config, folds, folder: steps.append(("score", config, folder, folds[1])))
  return steps


def writing(monkeypatch, module: ModuleType) -> list[Any]:
  pages: list[Any] = []
  where = module if hasattr(module, "write_report") else mtl_jax.report
  monkeypatch.setattr(where, "write_report", lambda runs, out: pages.append((list(runs), out)) or out)
  return pages


def run_of(name: str, config: c.Config = CONFIG) -> Path:
  folder = Path("runs") / name
  job.start(config, "Sines.", folder)
  return folder


def test_a_multi_task_config_has_its_own_flags(done, monkeypatch, capsys):
  train = script("train")
  writing(monkeypatch, train)
  config = c.MultiTask("factory", c.Turbine(), (c.Joint(),))
  Path("factory.py").write_text(dump(config, "Made up."))
  monkeypatch.setattr(job, "data", lambda config: ["problem of", config])
  train.main(["factory.py", "--training.rows", "7", "--training.learning-rates", "0.1", "0.2"])
  training = dataclasses.replace(config.training, rows=7, learning_rates=(0.1, 0.2))
  expected = dataclasses.replace(config, training=training)
  (first, trained, folder, resumed), (second, scored, *_) = done
  assert (first, trained, resumed, second, scored) == ("train", expected, False, "score", expected)
  assert load(folder / "config.py")[0] == expected
  with pytest.raises(SystemExit):
    train.main(["factory.py", "--training.tasks-per-step", "7"])  # a flag of few-shot jobs
  assert "tasks-per-step" in capsys.readouterr().err


def test_what_the_command_line_changes_is_trained_scored_and_kept(done, monkeypatch):
  train = script("train")
  pages = writing(monkeypatch, train)
  train.main(["sines.py", "--training.steps", "7", "--algorithm.inner-lr", "0.5", "--seed", "3"])
  expected = dataclasses.replace(
    CONFIG,
    training=dataclasses.replace(CONFIG.training, steps=7),
    algorithm=dataclasses.replace(CONFIG.algorithm, inner_lr=0.5),
    seed=3,
  )
  (folder,) = Path("runs").iterdir()
  assert done == [("train", expected, folder, False), ("score", expected, folder, expected)]
  assert c.load(folder / "config.py")[0] == expected
  assert pages == [([folder], folder / "report.html")]
  assert json.loads((folder / "run.json").read_text())["seconds"].keys() == {"tasks", "training"}


def test_resume_goes_on_with_the_newest_run_of_the_config_or_with_the_one_named(done, monkeypatch):
  train = script("train")
  writing(monkeypatch, train)
  changed = dataclasses.replace(CONFIG, seed=9)
  old = run_of("sines-20260101-120000", changed)
  new = run_of("sines-20260201-120000", dataclasses.replace(CONFIG, seed=8))
  run_of("other-20260301-120000")
  train.main(["sines.py", "--resume"])
  assert done[0] == ("train", dataclasses.replace(CONFIG, seed=8), new, True)
  done.clear()
  train.main([str(old), "--resume"])
  assert done[0] == ("train", changed, old, True)
  assert len(list(Path("runs").iterdir())) == 3


def test_without_resume_a_run_folder_is_a_config_like_any_other(done, monkeypatch):
  train = script("train")
  writing(monkeypatch, train)
  old = run_of("sines-20260101-120000")
  train.main([str(old)])
  (_, config, folder, resume), _ = done
  assert (config, resume) == (CONFIG, False)
  assert folder != old


@pytest.mark.parametrize("name", ["train", "evaluate"])
def test_a_config_that_cannot_work_is_refused_before_anything_is_made(done, name):
  where = "sines.py" if name == "train" else str(run_of("sines-20260101-120000"))
  before = sorted(Path().rglob("*"))
  with pytest.raises(ConfigError, match=r"evaluation\.episodes=0"):
    script(name).main([where, "--evaluation.episodes", "0"])
  assert done == []
  assert sorted(Path().rglob("*")) == before


def test_an_interrupted_training_is_not_scored_and_ends_with_130(done, monkeypatch, capsys):
  train = script("train")
  pages = writing(monkeypatch, train)

  def interrupted(*_):
    raise Interrupted.__new__(Interrupted)

  monkeypatch.setattr(job, "train", interrupted)
  with pytest.raises(SystemExit) as ended:
    train.main(["sines.py"])
  (folder,) = Path("runs").iterdir()
  assert ended.value.code == 130
  assert done == []
  assert pages == [([folder], folder / "report.html")]


@pytest.mark.parametrize("name", ["train", "evaluate", "audit", "data"])
def test_without_arguments_a_script_says_how_it_is_used(name):
  module = script(name)
  with pytest.raises(SystemExit) as ended:
    module.main([])
  assert ended.value.code == module.__doc__


def test_a_run_is_scored_again_with_what_the_command_line_changes_and_its_page_renewed(done, monkeypatch):
  evaluate = script("evaluate")
  pages = writing(monkeypatch, evaluate)
  folder = run_of("sines-20260101-120000")
  evaluate.main([str(folder), "--evaluation.episodes", "1000"])
  expected = dataclasses.replace(CONFIG, evaluation=dataclasses.replace(CONFIG.evaluation, episodes=1000))
  assert done == [("score", expected, folder, expected)]
  assert pages == [([folder], folder / "report.html")]
  assert c.load(folder / "config.py")[0] == CONFIG  # what was trained stays written down


def scores(*jobs: str) -> list[dict[str, Any]]:
  common = {"seeds": 5, "episodes": 600, "k": 1, "low": 0.1, "high": 0.9}
  rows = [("ours", "ours", 0.5), ("forest", "baseline", 0.6)]
  return [
    common | {"job": one, "method": method, "kind": kind, "metric": metric, "mean": mean + 0.1 * i}
    for one in jobs
    for method, kind, mean in rows
    for i, metric in enumerate(("macro_f1", "accuracy", "macro_recall"))
  ]


@pytest.fixture
def reporting() -> ModuleType:
  return script("report")


@pytest.fixture
def report(reporting, tmp_path):
  """report(*arguments): runs report.py on a run with two jobs."""
  (tmp_path / "scores.json").write_text(json.dumps(scores("mill", "press")))

  def report(*runs: Path, **options: Any) -> None:
    reporting.main(reporting.Arguments(tuple(runs) or (tmp_path,), **options))

  return report


def test_the_markdown_table_is_of_the_job_and_the_metric_that_were_named(report, tmp_path, capsys):
  report(markdown=True, job="press", metric="accuracy")
  accuracy = capsys.readouterr().out
  report(markdown=True, job="press")
  f1 = capsys.readouterr().out
  assert "**70.0**" in accuracy and "accuracy, %" in accuracy
  assert "**60.0**" in f1 and "macro-F1, %" in f1
  assert not list(tmp_path.glob("*.html"))
  with pytest.raises(ValueError, match="mill"):
    report(markdown=True)


def test_the_picture_is_saved_where_it_was_asked_for(report, tmp_path):
  report(picture=tmp_path / "picture.png", job="mill")
  assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_a_page_stands_in_its_run_folder_and_of_several_beside_them(report, reporting, tmp_path, monkeypatch):
  pages = writing(monkeypatch, reporting)
  one, other = tmp_path / "runs" / "a", tmp_path / "runs" / "b"
  report(one)
  report(one, other)
  report(one, out=tmp_path / "page.html")
  assert [out for _, out in pages] == [one / "report.html", tmp_path / "runs" / "report.html", tmp_path / "page.html"]
  assert [runs for runs, _ in pages] == [[one], [one, other], [one]]


def test_a_table_of_several_runs_is_refused(report, tmp_path):
  with pytest.raises(ValueError, match="of one run"):
    report(tmp_path, tmp_path, markdown=True)


def table(rows: int = 40) -> Table:
  rng = np.random.default_rng(0)
  columns = {"force": rng.uniform(size=rows), "heat": rng.uniform(size=rows)}
  labels = {"fault": rng.integers(0, 2, rows), "wear": rng.uniform(size=rows)}
  groups = {
    "unit": np.arange(rows) // 4,
    "recording": np.arange(rows) // 2,
    "time": np.arange(rows),
    "lot": np.arange(rows) // 8,
  }
  return Table(columns, labels, groups, dict.fromkeys(columns, "1"))


def source(name: str, read=lambda folder: table()) -> Source:
  return Source(name, f"A set of {name}", "https://example.org", "CC0", (), read, Facts(40))


@pytest.fixture
def audited(monkeypatch):
  """audited(*arguments): what audit.py hands to `audit` of a file or of the made-up data set "lathes"."""
  module = script("audit")
  monkeypatch.setattr(module, "SOURCES", (source("lathes")._replace(read=lambda folder: table()),))
  monkeypatch.setattr(Source, "load", lambda self, folder=None: table())
  given: dict[str, Any] = {}
  monkeypatch.setattr(module, "audit", lambda x, y, groups, **more: given.update(more, x=x, y=y, groups=groups))
  monkeypatch.setattr(module, "audit_in_words", lambda found, name: [name])

  def audited(*arguments: str) -> dict[str, Any]:
    given.clear()
    module.main(list(arguments))
    return dict(given)

  return audited


@pytest.fixture
def line(tmp_path) -> str:
  frame = pd.DataFrame(table().columns | table().labels)
  frame = frame.assign(machine=np.arange(40) // 4, run=np.arange(40) // 2, when=np.arange(40), note=1)
  frame.to_csv(tmp_path / "line.csv", index=False)
  return str(tmp_path / "line.csv")


def test_an_audit_gets_the_columns_in_the_roles_that_they_were_given_and_no_other(audited, line):
  roles = ("--unit", "machine", "--recording", "run", "--time", "when", "--target", "fault", "--drop", "note", "wear")
  given = audited(line, *roles, "--rows", "30", "--seed", "5")
  assert list(given["x"]) == ["force", "heat"]
  assert {role: values.tolist() for role, values in given["groups"].items()} == {
    "unit": (np.arange(40) // 4).tolist(),
    "recording": (np.arange(40) // 2).tolist(),
    "time": list(range(40)),
  }
  assert given["y"].tolist() == table().labels["fault"].tolist()
  assert (given["rows"], given["seed"], given["regression"]) == (30, 5, None)


@pytest.mark.parametrize(("predict", "regression"), [("classes", False), ("quantity", True)])
def test_an_audit_is_told_what_the_target_is(audited, line, predict, regression):
  assert audited(line, "--target", "fault", "--predict", predict)["regression"] is regression


def test_an_audit_of_a_data_set_takes_its_first_label_and_hides_the_others_unless_asked(audited):
  given = audited("lathes")
  assert list(given["x"]) == ["force", "heat"]
  assert given["y"].tolist() == table().labels["fault"].tolist()
  assert list(given["groups"]) == ["unit", "recording", "time"]
  assert list(audited("lathes", "--other-labels")["x"]) == ["force", "heat", "wear"]
  other = audited("lathes", "--target", "wear", "--unit", "recording")
  assert other["y"].tolist() == table().labels["wear"].tolist()
  assert other["groups"]["unit"].tolist() == (np.arange(40) // 2).tolist()
  assert list(other["x"]) == ["force", "heat"]


@pytest.fixture
def data(monkeypatch, tmp_path):
  """data.py on three made-up sets, of which one is here and right, one here and damaged and one absent."""
  module = script("data")

  def damaged(folder):
    raise DataError(f"{folder} is cut short")

  reads = {"lathes": lambda folder: table(), "mills": damaged, "presses": damaged}
  monkeypatch.setattr(module, "SOURCES", tuple(source(name, read) for name, read in reads.items()))
  monkeypatch.setattr(Source, "load", lambda self, folder=None: self.read(folder))
  monkeypatch.setattr(module, "console", Console(width=120))
  for name in ("lathes", "mills"):
    (tmp_path / name).mkdir()
  monkeypatch.setenv("MTL_JAX_DATA", str(tmp_path))
  return module


def test_the_list_says_which_sets_are_here(data, capsys):
  data.main(["list"])
  lines = {name: line for line in capsys.readouterr().out.splitlines() for name in data_names(line)}
  assert ["yes" in lines[name] for name in ("lathes", "mills", "presses")] == [True, True, False]
  assert all("CC0" in line and "by hand" in line for line in lines.values())


def data_names(line: str) -> list[str]:
  return [name for name in ("lathes", "mills", "presses") if f"of {name}" in line]


def test_a_check_counts_what_is_here_and_ends_as_an_error_if_a_set_is_damaged(data, capsys):
  data.main(["check", "lathes"])
  said = capsys.readouterr().out
  assert all(word in said for word in ("40", "10", "fault, wear", "as published"))
  for arguments in (["check"], ["check", "lathes", "mills"]):
    with pytest.raises(DataError, match="mills is cut short") as error:
      data.main(arguments)
    assert "presses" not in str(error.value)
  assert "wrong" in capsys.readouterr().out


def test_sets_are_fetched_into_the_folder_of_the_variable(data, monkeypatch, tmp_path):
  fetched = []
  monkeypatch.setattr(data, "fetch", lambda what, root, console: fetched.append((what.name, root)))
  data.main(["fetch", "presses", "mills"])
  assert fetched == [("presses", tmp_path), ("mills", tmp_path)]


@pytest.mark.parametrize("command", ["check", "fetch"])
def test_an_unknown_set_and_a_variable_that_is_not_set_are_answered_in_words(data, command, monkeypatch):
  with pytest.raises(DataError, match="no data set 'lathe'; did you mean lathes"):
    data.main([command, "lathe"])
  monkeypatch.delenv("MTL_JAX_DATA")
  with pytest.raises(DataError, match="MTL_JAX_DATA is not set"):
    data.main([command, "mills"])


def test_inflations_are_of_the_sets_that_were_named_and_print_each_score(monkeypatch, capsys):
  module = script("inflations")

  def lines(name: str):
    return lambda: [
      module.Line(f"{name} leaky", Score("m", "s", "macro_f1", 0.98765, 0.9, 1.0)),
      module.Line(f"{name} error", Score("m", "s", "rmse", 12.3456, 11.0, 13.0)),
    ]

  monkeypatch.setattr(module, "console", Console(width=120))
  monkeypatch.setattr(module, "RUNS", {name: (lines(name),) for name in ("cwru", "ai4i2020", "cmapss")})
  module.main(["cmapss"])
  said = capsys.readouterr().out
  assert "cmapss leaky" in said and "cwru" not in said
  assert all(word in said for word in ("0.988", "0.900 to 1.000", "12.35", "11.00 to 13.00"))
  module.main([])
  assert all(f"{name} leaky" in said for said in [capsys.readouterr().out] for name in module.RUNS)


def test_the_example_table_is_the_same_each_time_and_reads_back_in_both_formats(tmp_path):
  module = script("example_table")
  frame = module.presses()
  pd.testing.assert_frame_equal(frame, module.presses())
  assert frame.groupby("press")["hour"].apply(list).tolist() == [list(range(120))] * 60
  assert set(frame["state"]) == {"fine", "worn", "hot"}
  assert ((frame["state"] == "hot") == (frame["heat"] > 65)).all()
  for ending, read in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
    path = tmp_path / "made" / f"presses{ending}"
    module.main(path)
    pd.testing.assert_frame_equal(read(path), frame, check_dtype=False)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc, as on Linux")
def test_memory_is_read_in_megabytes():
  """A block of 64 MB that is written to raises it by about as much."""
  resident = script("measure_streaming").resident
  before = resident()
  block = np.ones(8_000_000)
  assert 0.5 * 64 < resident() - before < 2 * 64
  assert block.sum() == 8_000_000


def test_adaptation_is_measured_on_episodes_that_can_be_learned_from(monkeypatch, capsys):
  measure = script("measure_adaptation")
  for name, small in (("FEATURES", 6), ("SHOTS", 1), ("QUERIES", 1)):
    monkeypatch.setattr(measure, name, small)
  drawn = measure.episodes(jax.random.key(0), 3)
  assert drawn.support.x.shape == (3, 8, 6)
  assert drawn.support.y.tolist() == [list(range(8))] * 3
  two = {name: made for name, made in measure.algorithms().items() if name in ("anil, 5 steps", "protonet")}
  monkeypatch.setattr(measure, "algorithms", lambda: two)
  monkeypatch.setattr(measure, "_seconds", lambda f: float(all(np.isfinite(a).all() for a in jax.tree.leaves(f()))))
  measure.main(tasks=4, tasks_per_step=2, chunk=2)
  lines = [line for line in capsys.readouterr().out.splitlines() if "│" in line]
  assert [line.split("│")[2].strip() for line in lines] == ["2"] * 2  # finite, as if it had taken a second
  assert [line.split("│")[3].strip() for line in lines] == ["4"] * 2


@pytest.mark.parametrize("own", [False, True])
def test_memory_of_many_tasks_is_measured_on_updates_that_do_the_same(own):
  measure = script("measure_multitask")
  params, data = measure.problem(3, 4, 5, own)
  expected, _ = measure.held(params, data)
  losses = dict.fromkeys(params["heads"], mtl_jax.losses.squared_error)
  algorithm = mtl_jax.joint(measure.apply, losses, outer=optax.sgd(1.0), aggregator=measure.MEAN)
  state, _ = jax.jit(algorithm.update)(jax.random.key(0), algorithm.init(params), data)
  found, _ = ravel_pytree(jax.tree.map(np.subtract, params, state.params))
  np.testing.assert_allclose(found, expected, atol=1e-6)


def test_trajectories_begin_at_the_starts_and_end_where_fit_ends():
  toy = mtl_jax.tasks.toy
  found = script("toy_trajectories").trajectories(None, 800)
  assert found.shape == (3, 401, 2)
  np.testing.assert_array_equal(found[:, 0], np.asarray(toy.STARTS, np.float32))
  algorithm = mtl_jax.joint(toy.apply, toy.LOSSES, outer=optax.adam(1e-3))
  first = algorithm.init(jax.numpy.asarray(toy.STARTS[2]))
  state, _ = mtl_jax.fit(jax.random.key(0), algorithm, first, toy.problem(), steps=800, tasks_per_step=1)
  np.testing.assert_allclose(found[2, -1], state.params, atol=1e-4)


def test_the_design_that_is_best_where_a_part_is_kept_out_is_scored_once_where_that_part_is_asked(
  monkeypatch, tmp_path
):
  """The first design is better with the even faults kept out, the second with the odd ones."""
  choose = script("choose_design")
  config = c.Config("plant", c.TennesseeEastman(), c.Residual(), c.R2d2(), (c.Finetune(),))
  designs = {
    name: dataclasses.replace(config, algorithm=c.R2d2(penalty=p)) for name, p in (("stiff", 10.0), ("soft", 1.0))
  }
  monkeypatch.setattr(choose, "load_designs", lambda path: designs)
  asked, pages = [], writing(monkeypatch, choose)

  def run(config, docstring, folder, mesh, part=None):
    asked.append((config, part))
    folder.mkdir(parents=True)
    good = (config.algorithm.penalty == 10.0) == (config.tasks.kept_out == "even")
    rows = [
      {"metric": "macro_f1", "kind": "ours", "mean": mean + 0.1 * good} for mean in (0.3, 0.5)
    ]  # the rest must not count
    rows += [{"metric": "accuracy", "kind": "ours", "mean": 1.0 - good}]
    rows += [{"metric": "macro_f1", "kind": "baseline", "mean": 1.0 - good}]
    rows += [{"metric": "macro_f1", "kind": "ours", "mean": 1.0 - good, "steps": 3}]
    (folder / "scores.json").write_text(json.dumps(rows))

  monkeypatch.setattr(choose, "run", run)
  choose.main(["plant.py", "--out", str(tmp_path), "--seeds", "3"])
  compared = [one for one, part in asked if part is None]
  assert [(one.tasks.kept_out, one.algorithm.penalty) for one in compared] == [
    (out, p) for out in ("odd", "even") for p in (10.0, 1.0)
  ]
  assert {(one.training.seeds, one.controls, one.evaluation.baselines) for one in compared} == {(3, (), False)}
  chosen = {part: one for one, part in asked if part is not None}
  assert chosen == {
    part: dataclasses.replace(designs[name], seed=1) for part, name in (("odd", "soft"), ("even", "stiff"))
  }
  assert [out.parent.parent.name for _, out in pages] == ["odd", "even"]
