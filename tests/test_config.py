"""Config files come back as they were written, and bad values are refused with a way out."""

import dataclasses
import math
from pathlib import Path

import pytest
from conftest import ROOT

from mtl_jax import config as c
from mtl_jax.config import Config, ConfigError, dump, load, validate

FILES = sorted((ROOT / "configs").glob("*.py"))
GOOD = Config("good", c.Sinusoid(), c.MLP(), c.Maml())


def changed(**fields) -> Config:
  """GOOD with `part__field=value` put in."""
  config = GOOD
  for name, value in fields.items():
    part, _, field = name.partition("__")
    new = dataclasses.replace(getattr(config, part), **{field: value}) if field else value
    config = dataclasses.replace(config, **{part: new})
  return config


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_config_file_of_the_repository_works_and_survives_being_written_out(path, tmp_path):
  config, docstring = load(path)
  validate(config)
  assert config.name == path.stem
  assert docstring
  copy = tmp_path / "config.py"
  copy.write_text(dump(config, docstring))
  assert load(copy) == (config, docstring)


@pytest.mark.parametrize("docstring", ["", "a \\n b", "'single' and \"double\"", 'ends with "', "µm, °C,\nlines"])
def test_every_docstring_survives_being_written_out(docstring, tmp_path):
  copy = tmp_path / "config.py"
  copy.write_text(dump(GOOD, docstring), encoding="utf-8")
  assert load(copy) == (GOOD, docstring.strip())


def test_a_docstring_cannot_break_out_of_its_quotes(tmp_path):
  copy = tmp_path / "config.py"
  copy.write_text(dump(GOOD, '"""\nraise SystemExit\n"""'))
  assert load(copy)[0] == GOOD


@pytest.mark.parametrize(
  ("config", "field", "value"),
  [
    (changed(algorithm__inner_lr=math.nan), "algorithm.inner_lr", "nan"),
    (changed(algorithm__inner_lr=math.inf), "algorithm.inner_lr", "inf"),
    (changed(algorithm__outer_lr=0.0), "algorithm.outer_lr", "0.0"),
    (changed(algorithm__outer_lr=-1e-3), "algorithm.outer_lr", "-0.001"),
    (changed(algorithm__inner_steps=-1), "algorithm.inner_steps", "-1"),
    (changed(controls=(c.Finetune(), c.Anil(inner_lr=math.nan))), "controls.1.inner_lr", "nan"),
    (changed(training__steps=0), "training.steps", "0"),
    (changed(training__seeds=-2), "training.seeds", "-2"),
    (changed(training__tasks_per_step=0), "training.tasks_per_step", "0"),
    (changed(training__chunk_steps=0), "training.chunk_steps", "0"),
    (changed(training__keep=0), "training.keep", "0"),
    (changed(evaluation__episodes=0), "evaluation.episodes", "0"),
    (changed(evaluation__shots=()), "evaluation.shots", "()"),
    (changed(evaluation__shots=(5, 0)), "evaluation.shots", "(5, 0)"),
    (changed(evaluation__adaptation_shots=11), "evaluation.adaptation_shots", "11"),
    (changed(evaluation__adaptation_shots=0), "evaluation.adaptation_shots", "0"),
    (changed(training__validation_episodes=0), "training.validation_episodes", "0"),
    (changed(evaluation__ensemble=True, training__seeds=1), "evaluation.ensemble", "True"),
    (changed(evaluation__ensemble=True, tasks=c.Demand("car_parts", (4, 12), 6, 12)), "evaluation.ensemble", "True"),
    (changed(controls=(c.Maml(first_order=True),)), "controls", "maml"),
    (changed(algorithm=c.Imaml(penalty=0.0)), "algorithm.penalty", "0.0"),
    (changed(algorithm=c.Imaml(cg_steps=0)), "algorithm.cg_steps", "0"),
    (changed(algorithm=c.Imaml(damping=-0.1)), "algorithm.damping", "-0.1"),
    (changed(algorithm=c.Imaml(damping=math.inf)), "algorithm.damping", "inf"),
    (changed(algorithm=c.Maml(truncate=0)), "algorithm.truncate", "0"),
    (changed(tasks=c.Fleet(recordings=19)), "tasks.recordings", "19"),
    (changed(tasks=c.Fleet(test_machines=0)), "tasks.test_machines", "0"),
    (changed(tasks=c.FleetToBearings(c.Fleet(recordings=19))), "tasks.fleet.recordings", "19"),
    (changed(algorithm=c.ProtoNet()), "algorithm", "ProtoNet"),
    (changed(algorithm=c.Cavia(context=0)), "algorithm.context", "0"),
    (changed(controls=(c.Lora(rank=0),)), "controls.0.rank", "0"),
    (changed(algorithm=c.Anp(heads=0)), "algorithm.heads", "0"),
    (changed(algorithm=c.Anp(embedding=6)), "algorithm.embedding", "6"),
    (changed(algorithm=c.Anp(latent=-1)), "algorithm.latent", "-1"),
    (changed(algorithm=c.InContext(layers=0)), "algorithm.layers", "0"),
    (changed(algorithm=c.InContext(width=30)), "algorithm.width", "30"),
    (changed(algorithm=c.InContext(), tasks=c.Fleet(), model=c.Conv1D()), "model", "Conv1D"),
    (changed(model=c.Conv1D()), "model", "Conv1D"),
    (changed(algorithm=c.InContext(), tasks=c.Fleet(), model=c.GRU()), "model", "GRU"),
    (changed(model=c.GRU(frame=4096), tasks=c.Fleet()), "model.frame", "4096"),
    (changed(controls=(c.Cnp(),), tasks=c.Fleet()), "controls.0", "Cnp"),
    (changed(algorithm=c.Anp(), model=c.Residual()), "model", "Residual"),
    (changed(algorithm=c.ProtoNet(), tasks=c.FewEngines()), "algorithm", "ProtoNet"),
  ],
)
def test_a_bad_value_is_refused_with_its_field_its_value_and_the_way_out(config, field, value):
  with pytest.raises(ConfigError) as error:
    validate(config)
  name, _, rest = str(error.value).partition("=")
  said, _, way_out = rest.rpartition(": ")
  assert name == field
  assert value in said
  assert len(way_out) > 10


def test_as_many_recordings_as_labels_and_questions_need_are_enough():
  validate(changed(tasks=c.Fleet(recordings=20, shots=(1, 10), queries=10)))
  validate(changed(evaluation__adaptation_shots=10))


def test_a_missing_file_lists_what_there_is(tmp_path, monkeypatch):
  (tmp_path / "configs").mkdir()
  (tmp_path / "configs" / "known.py").write_text(dump(GOOD, ""))
  monkeypatch.chdir(tmp_path)
  with pytest.raises(ConfigError, match=r"configs/knwon\.py: no such config file\. There are: configs/known\.py"):
    load(Path("configs/knwon.py"))


@pytest.mark.parametrize("text", ["", "config = {'steps': 3}\n"])
def test_a_file_that_defines_no_config_is_refused_by_name(tmp_path, text):
  (tmp_path / "empty.py").write_text(text)
  with pytest.raises(ConfigError, match=r"empty\.py: defines no `config = Config"):
    load(tmp_path / "empty.py")


def test_configs_cannot_be_changed_in_place():
  with pytest.raises(dataclasses.FrozenInstanceError):
    GOOD.training.steps = 3  # pyright: ignore[reportAttributeAccessIssue]
