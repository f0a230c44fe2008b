import shutil
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import orbax.checkpoint as ocp
import pytest

from mtl_jax.checkpoint import CheckpointError, Checkpoints
from mtl_jax.recorder import Recorder, read


class State(NamedTuple):
  params: dict
  optimiser: optax.OptState
  key: jax.Array
  step: jax.Array


def make(value: float = 0.0) -> State:
  params = {
    "dense.0/kernel": jnp.arange(6.0).reshape(2, 3) + value,
    "half": jnp.full(3, value, jnp.bfloat16),
    "mask": jnp.array([True, False]),
    "empty": jnp.zeros((0, 3)),
    "seeds": jnp.arange(3, dtype=jnp.uint32),
  }
  moments = optax.adam(1e-3).init(params["dense.0/kernel"])
  return State(params, moments, jax.random.split(jax.random.key(int(value)), 2), jnp.asarray(3, jnp.int32))


def assert_same(a, b):
  assert jax.tree.structure(a) == jax.tree.structure(b)
  for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
    assert x.dtype == y.dtype and x.shape == y.shape and isinstance(x, jax.Array)
    if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
      x, y = jax.random.key_data(x), jax.random.key_data(y)
    assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


def flipped(path):
  content = bytearray(path.read_bytes())
  content[len(content) // 2] ^= 0x10
  path.write_bytes(bytes(content))


def truncated(path):
  path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def removed(path):
  path.unlink()


def test_what_comes_back_is_what_was_saved_to_the_bit(tmp_path):
  Checkpoints(tmp_path / "new" / "folder").save(5, make(2.0))
  step, state = Checkpoints(tmp_path / "new" / "folder").latest(make())
  assert step == 5
  assert_same(state, make(2.0))


def test_shapes_and_types_alone_say_what_to_restore(tmp_path):
  Checkpoints(tmp_path).save(5, make(2.0))
  assert_same(Checkpoints(tmp_path).latest(jax.eval_shape(make))[1], make(2.0))


def test_a_restored_state_is_as_uncommitted_as_the_one_it_replaces(tmp_path):
  """A committed one would compile every program a second time."""
  Checkpoints(tmp_path).save(1, make())
  like = make()._replace(step=jax.device_put(jnp.asarray(3, jnp.int32), jax.devices()[0]))
  _, state = Checkpoints(tmp_path).latest(like)
  for restored, leaf in zip(jax.tree.leaves(state), jax.tree.leaves(like), strict=True):
    assert restored.committed == leaf.committed


def test_the_last_few_and_the_best_stay(tmp_path):
  checkpoints = Checkpoints(tmp_path, keep=2)
  scores = [0.1, 0.9, None, 0.9, 0.3, None, 0.2]
  for step, score in enumerate(scores, start=1):
    checkpoints.save(step, make(float(step)), score)
  assert checkpoints.steps() == [2, 6, 7]
  assert sorted(entry.name for entry in tmp_path.iterdir()) == ["2", "6", "7"]
  assert checkpoints.latest(make())[0] == 7
  step, best = checkpoints.best(make())
  assert step == 2
  assert_same(best, make(2.0))


def test_nothing_to_restore_is_said_plainly(tmp_path):
  assert Checkpoints(tmp_path / "absent").steps() == []
  with pytest.raises(CheckpointError, match=r"absent has no checkpoint$"):
    Checkpoints(tmp_path / "absent").latest(make())
  Checkpoints(tmp_path).save(1, make())
  with pytest.raises(CheckpointError, match="no checkpoint with a score"):
    Checkpoints(tmp_path).best(make())


def test_a_step_is_saved_once_and_scores_can_be_ranked(tmp_path):
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(1, make())
  with pytest.raises(ValueError, match="exists already"):
    checkpoints.save(1, make())
  with pytest.raises(ValueError, match="cannot be ranked"):
    checkpoints.save(2, make(), float("nan"))
  with pytest.raises(ValueError, match="keep=0"):
    Checkpoints(tmp_path, keep=0)


def test_leftovers_of_a_kill_neither_count_nor_stay(tmp_path):
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(1, make())
  shutil.copytree(tmp_path / "1", tmp_path / "unfinished-2")
  shutil.copytree(tmp_path / "1", tmp_path / "deleted-0")
  assert Checkpoints(tmp_path).latest(make())[0] == 1
  Checkpoints(tmp_path).save(2, make(2.0))
  assert sorted(entry.name for entry in tmp_path.iterdir()) == ["1", "2"]
  assert_same(Checkpoints(tmp_path).latest(make())[1], make(2.0))


@pytest.mark.parametrize("damage", [truncated, flipped, removed])
def test_damage_to_any_file_is_named(tmp_path, damage, caplog):
  """Never a wrong number, another exception or silently an older checkpoint."""
  source, folder = Checkpoints(tmp_path / "source"), tmp_path / "damaged"
  source.save(1, make(1.0), 0.1)
  source.save(2, make(2.0), 0.2)
  files = [path.relative_to(source.path(2)) for path in source.path(2).rglob("*") if path.is_file()]
  assert len(files) > 6
  for file in files:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tmp_path / "source", folder)
    damage(folder / "2" / file)
    for restore in (Checkpoints(folder).latest, Checkpoints(folder).best):
      with pytest.raises(CheckpointError, match="step 1 is intact: delete") as caught:
        restore(make())
      assert str(folder / "2") in str(caught.value) and file.name in str(caught.value)
  assert Checkpoints(folder).steps() == [1, 2] and not caplog.records


def test_a_changed_score_is_damage(tmp_path):
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(1, make(), 0.25)
  about = checkpoints.path(1) / "about.json"
  about.write_text(about.read_text().replace("0.25", "0.95"))
  with pytest.raises(CheckpointError, match=r"1 is damaged: about\.json: its checksum is wrong"):
    checkpoints.best(make())


def test_an_intact_checkpoint_is_looked_for_past_other_damaged_ones(tmp_path):
  checkpoints = Checkpoints(tmp_path)
  for step in (1, 2, 3):
    checkpoints.save(step, make(float(step)), float(step))
  for step in (2, 3):
    shutil.rmtree(checkpoints.path(step) / "state")
  with pytest.raises(CheckpointError, match=r"3 is damaged.*step 1 is intact: delete .*3 to go on"):
    checkpoints.latest(make())
  removed(checkpoints.path(1) / "about.json")
  with pytest.raises(CheckpointError, match="No earlier checkpoint is intact"):
    checkpoints.latest(make())
  checkpoints.save(4, make(4.0), 0.0)  # and training goes on
  assert_same(checkpoints.latest(make())[1], make(4.0))


@pytest.mark.parametrize(
  ("change", "said"),
  [
    ({"half": jnp.zeros(4, jnp.bfloat16)}, r"\['half'\]: expected bfloat16\[4\], found bfloat16\[3\]"),
    ({"half": jnp.zeros(3)}, r"\['half'\]: expected float32\[3\], found bfloat16\[3\]"),
    ({"new": jnp.zeros(2)}, r"\['new'\]: expected float32\[2\], found nothing"),
    ({"half": None}, r"\['half'\]: expected nothing, found bfloat16\[3\]"),
    ({"empty": jnp.zeros((0, 4))}, r"\['empty'\]: expected float32\[0,4\], found float32\[0,3\]"),
    ({"half": jax.random.key(0)}, r"\['half'\]: expected key<fry>\[\], found bfloat16\[3\]"),
  ],
)
def test_a_foreign_state_is_refused_by_leaf(tmp_path, change, said):
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(1, make())
  like = make()
  with pytest.raises(CheckpointError, match=said) as caught:
    checkpoints.latest(like._replace(params=like.params | change))
  assert str(tmp_path / "1") in str(caught.value) and "config.py" in str(caught.value)


def test_another_optimiser_is_refused(tmp_path):
  checkpoints = Checkpoints(tmp_path)
  checkpoints.save(1, make())
  like = make()
  momentum = optax.sgd(1e-3, momentum=0.9).init(like.params["dense.0/kernel"])
  with pytest.raises(CheckpointError, match=r"\.optimiser\[0\]\.nu: expected nothing, found float32\[2,3\]"):
    checkpoints.latest(like._replace(optimiser=momentum))


def test_a_checkpoint_that_something_else_wrote_is_refused(tmp_path):
  with ocp.StandardCheckpointer() as other:
    other.save(tmp_path / "7", {"w": np.zeros(3, np.float32)})
  with pytest.raises(CheckpointError, match="7 is damaged, or not ours"):
    Checkpoints(tmp_path).latest(make())


def test_saving_and_restoring_say_nothing(tmp_path, capfd, caplog):
  checkpoints = Checkpoints(tmp_path)
  for step in (1, 2, 3, 4, 5):
    checkpoints.save(step, make(), 0.5)
  checkpoints.best(make())
  assert capfd.readouterr() == ("", "")
  assert [record for record in caplog.records if record.levelname not in ("DEBUG", "INFO")] == []


def test_rows_come_back_as_written(tmp_path):
  path = tmp_path / "run" / "metrics.jsonl"
  recorder = Recorder(path, method="maml", seed=3)
  recorder.write({"step": 10, "loss": np.float32(0.5), "per_seed": jnp.array([1.0, 2.0])})
  recorder.write({"step": 20, "loss": 0.25})
  assert read(path) == [
    {"method": "maml", "seed": 3, "step": 10, "loss": 0.5, "per_seed": [1.0, 2.0]},
    {"method": "maml", "seed": 3, "step": 20, "loss": 0.25},
  ]


def test_rewind_drops_only_its_own_later_rows(tmp_path):
  path = tmp_path / "metrics.jsonl"
  one, other = Recorder(path, seed=0), Recorder(path, seed=1)
  for step in (10, 20, 30):
    one.write({"step": step})
    other.write({"step": step})
  one.write({"note": "no step"})
  one.rewind(20)
  assert [(row["seed"], row.get("step")) for row in read(path)] == [
    (0, 10), (1, 10), (0, 20), (1, 20), (1, 30), (0, None),
  ]  # fmt: skip
  assert [entry.name for entry in tmp_path.iterdir()] == ["metrics.jsonl"]
  one.write({"step": 30})
  assert read(path)[-1] == {"seed": 0, "step": 30}


def test_a_half_written_last_line_is_not_read_and_does_not_spoil_the_next(tmp_path):
  path = tmp_path / "metrics.jsonl"
  Recorder(path).write({"step": 10})
  with path.open("ab") as file:
    file.write(b'{"step": 20, "lo')
  assert read(path) == [{"step": 10}]
  Recorder(path).write({"step": 20})
  assert read(path) == [{"step": 10}, {"step": 20}]


@pytest.mark.parametrize("bad", [float("nan"), np.inf, np.array([1.0, np.nan])])
def test_a_row_with_a_nan_is_refused_and_leaves_the_file_as_it_was(tmp_path, bad):
  recorder = Recorder(tmp_path / "metrics.jsonl")
  recorder.write({"step": 1})
  with pytest.raises(ValueError, match=r"finite.*loss"):
    recorder.write({"step": 2, "loss": bad})
  assert read(tmp_path / "metrics.jsonl") == [{"step": 1}]


def test_a_broken_line_in_the_middle_is_named(tmp_path):
  path = tmp_path / "metrics.jsonl"
  path.write_text('{"step": 1}\nnot json\n{"step": 3}\n')
  with pytest.raises(ValueError, match=r"metrics\.jsonl, line 2"):
    read(path)
