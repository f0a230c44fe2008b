"""Several algorithms on one job, and one of one's own among them."""

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conftest import ROOT

from mtl_jax import build, job
from mtl_jax import config as c
from mtl_jax.config import Config, ConfigError, compared, dump, load, name_of, validate
from mtl_jax.fit import TrainingError

SINES = Config(
  "small_sines",
  c.Sinusoid(shots=5, queries=5),
  c.MLP(hidden=(8,), norm="none"),
  c.Maml(inner_lr=0.001, inner_steps=1),
  controls=(c.Finetune(inner_lr=0.002, inner_steps=1),),
  training=c.Training(steps=4, tasks_per_step=2, seeds=2, chunk_steps=2, validation_episodes=4),
  evaluation=c.Evaluation(shots=(5,), episodes=6, adaptation_steps=()),
)
FLEET = dataclasses.replace(SINES, name="fleet", tasks=c.Fleet(), algorithm=c.Anil(inner_lr=0.3))
OWN = '''
import jax.numpy as jnp
from mtl_jax import Algorithm

def constant(apply, loss, *, classes, value=0.0):
  """Answers one number, which training does not change."""
  def update(key, state, data):
    return state, {"loss": jnp.zeros(()), "gradient_norm": jnp.zeros(())}
  return Algorithm(
    lambda params: {"params": params, "value": jnp.full((classes,), value)},
    update,
    lambda key, state, support, x: 0.0 * apply(state["params"], x)[:, :1] + state["value"][None],
  )

def broken(apply, loss, *, classes):
  return constant
'''


@pytest.fixture
def own(tmp_path) -> str:
  (tmp_path / "own.py").write_text(OWN)
  return f"{tmp_path}/own.py"


def test_the_algorithms_of_a_comparison_keep_the_settings_of_the_job_and_the_pooled_network_is_among_them():
  made = compared(FLEET, ["protonet", "anil", "R2-D2"])
  assert made == dataclasses.replace(
    FLEET,
    name="compare_fleet",
    algorithm=c.ProtoNet(),
    controls=(c.Anil(inner_lr=0.3), c.R2d2(), c.Finetune(inner_lr=0.002, inner_steps=1)),
    training=dataclasses.replace(FLEET.training, go_on=True),
  )
  assert compared(FLEET, ["finetune", "anil"]).algorithm == c.Anil(inner_lr=0.3)
  every = compared(SINES, ["all"])
  found = {name_of(a) for a in (every.algorithm, *every.controls)}
  without = {"protonet"}  # which needs classes
  assert found == {name_of(cls()) for cls in get_args(c.Algorithm) if cls is not c.Custom} - without
  on_bearings = compared(dataclasses.replace(FLEET, tasks=c.Bearings(), model=c.Residual(soft_unit=True)), ["all"])
  of_classes = {name_of(a) for a in (on_bearings.algorithm, *on_bearings.controls)}
  assert of_classes == (found | without) - {"cnp", "anp"}  # which predict numbers
  timed = compared(FLEET, ["anil"], minutes=2.0).training
  assert timed.minutes == 2.0 and timed.steps > 100_000
  assert compared(FLEET, ["anil"], ensemble=True).evaluation == dataclasses.replace(FLEET.evaluation, ensemble=True)


@pytest.mark.parametrize(
  ("config", "name", "why", "able", "unable"),
  [
    (FLEET, "perceptron", "no such algorithm", "protonet", "cnp"),
    (FLEET, "cnp", "neural process predicts numbers", "protonet", "cnp"),
    (SINES, "protonet", "prototypes need classes", "reptile", "protonet"),
    (dataclasses.replace(SINES, tasks=c.Process()), "protonet", "prototypes need classes", "cnp", "protonet"),
  ],
)
def test_what_makes_no_sense_on_a_job_is_refused_and_what_does_is_named(config, name, why, able, unable):
  with pytest.raises(ConfigError) as refused:
    compared(config, ["anil", name])
  said, _, possible = str(refused.value).partition("Possible here: ")
  assert said.startswith(f"{name}: ") and why in said
  assert able in possible.split(", ") and unable not in possible.split(", ")


def test_jobs_that_learn_from_nothing_and_multi_task_jobs_are_refused():
  for tasks in (c.FewRows("steel_plates"), c.TennesseeEastman(faults="all")):
    with pytest.raises(ConfigError, match="no unit to learn from"):
      compared(dataclasses.replace(FLEET, tasks=tasks), ["anil"])
  with pytest.raises(ConfigError, match="multi-task"):
    compared(c.MultiTask("many", c.Turbine(), methods=(c.Joint(),)), ["anil"])


def test_an_algorithm_of_ones_own_is_built_with_its_options_and_survives_being_written_out(own, tmp_path):
  mine = c.Custom(f"{own}:constant", options=(("value", 2.5),))
  config = dataclasses.replace(SINES, algorithm=mine)
  validate(config)
  (tmp_path / "config.py").write_text(dump(config, "Mine."))
  assert load(tmp_path / "config.py")[0] == config
  what = build.trained(config)[0]
  assert what.name == what.methods[0].name == name_of(mine) == "constant"
  algorithm = what.make(what.config)
  state = algorithm.init(what.init(jax.random.key(0)))
  answer = algorithm.predict(jax.random.key(0), state, None, jnp.ones((3, 1)))  # pyright: ignore[reportArgumentType]
  np.testing.assert_array_equal(answer, np.full((3, 1), 2.5))


@pytest.mark.parametrize(
  ("factory", "said"),
  [
    ("own.py", "FILE.py:FUNCTION"),
    ("no_such_file.py:constant", "FILE.py:FUNCTION"),
    ("own.py:absent", "defines no function 'absent'"),
    ("own.py:broken", "made a function and not"),
  ],
)
def test_a_factory_that_is_not_there_or_makes_something_else_is_named(own, monkeypatch, factory, said):
  monkeypatch.chdir(Path(own).parent)
  config = dataclasses.replace(SINES, algorithm=c.Custom(factory))
  with pytest.raises(ConfigError, match=said):
    validate(config)
    what = build.trained(config)[0]
    what.make(what.config)


@pytest.fixture
def script():
  spec = importlib.util.spec_from_file_location("compare", ROOT / "scripts" / "compare.py")
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def test_an_own_algorithm_stands_in_one_table_with_the_pooled_network_and_every_baseline_once(
  script, own, monkeypatch, tmp_path
):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "sines.py").write_text(dump(SINES, "Sine waves."))
  script.main(["sines.py", "--evaluation.episodes", "5", "--algorithms", f"{own}:constant"])
  (folder,) = (tmp_path / "runs").iterdir()
  assert load(folder / "config.py")[0].evaluation.episodes == 5
  rows = [row for row in json.loads((folder / "scores.json").read_text()) if row["metric"] == "mse"]
  found = {row["method"]: row for row in rows}
  assert len(found) == len(rows)  # every baseline once
  assert {name for name, row in found.items() if row["kind"] == "ours"} == {"constant"}
  assert {"pooled network", "pooled network, fine-tuned", "zero", "network from scratch"} <= found.keys()
  assert found["constant"]["mean"] == pytest.approx(found["zero"]["mean"])  # the same episodes
  page = (folder / "report.html").read_text()
  assert "Compared on sines.py --evaluation.episodes 5 --algorithms" in page and ":constant" in page


def test_an_algorithm_that_diverges_is_left_out_until_it_no_longer_does_and_the_report_says_so(
  script, own, monkeypatch, tmp_path, capsys
):
  """MAML by steps of 1e30 has an infinite gradient from the first on."""
  wild = dataclasses.replace(SINES, algorithm=c.Maml(inner_lr=1e30, inner_steps=1))
  monkeypatch.chdir(tmp_path)
  (tmp_path / "sines.py").write_text(dump(wild, "Sine waves."))
  script.main(["sines.py", "--algorithms", "maml", f"{own}:constant"])
  assert "maml is left out: step 0" in capsys.readouterr().out
  (folder,) = (tmp_path / "runs").iterdir()

  def scored() -> set[str]:
    return {row["method"] for row in json.loads((folder / "scores.json").read_text())}

  assert {"constant", "pooled network", "zero"} <= scored() and "maml" not in scored()
  assert "maml: gradient_norm was not finite at step 0" in (folder / "report.html").read_text()
  mended = dataclasses.replace(load(folder / "config.py")[0], algorithm=SINES.algorithm)
  job.run(mended, "Mended.", folder, resume=True)
  assert "maml" in scored() and "Left out" not in (folder / "report.html").read_text()


@pytest.mark.parametrize(
  ("changed", "algorithms"),
  [
    ({"algorithm": c.Maml(inner_lr=1e30, inner_steps=1)}, ["maml"]),
    ({"controls": (c.Finetune(outer_lr=1e30),)}, ["maml", "anil"]),
  ],
  ids=["the only one", "the control"],
)
def test_a_comparison_ends_where_all_algorithms_diverge_or_the_control_does(
  script, monkeypatch, tmp_path, changed, algorithms
):
  monkeypatch.chdir(tmp_path)
  (tmp_path / "sines.py").write_text(dump(dataclasses.replace(SINES, **changed), "Sine waves."))
  with pytest.raises(TrainingError, match="step"):
    script.main(["sines.py", "--algorithms", *algorithms])
