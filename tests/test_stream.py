"""Rows on disk are drawn as rows in memory are, under the same keys, and a stopped stream goes on as it would have."""

import jax
import numpy as np
import pandas as pd
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from resume_worker import first_params, regression

from mtl_jax.data import Column, DataError, own, stream
from mtl_jax.fit import fit
from mtl_jax.tasks.rows import in_order, lengths, rows_of
from mtl_jax.tasks.stream import batches, streamed
from mtl_jax.types import Algorithm

NAMES = {"unit": "machine", "time": "hour", "features": ("load", "heat", "speed"), "target": "wear"}
MISSING = {name: Column("?", missing=True) for name in ("heat", "wear")}
DRAW = {"shots": (1, 4), "queries": 3, "gap": 1}


def table(seed: int = 0, holes: bool = True) -> pd.DataFrame:
  """Five machines of unlike length, sorted."""
  rng = np.random.default_rng(seed)
  count = {4: 30, 9: 7, 11: 55, 20: 12, 31: 3}
  frame = pd.DataFrame(
    {
      "machine": np.concatenate([np.full(n, m) for m, n in count.items()]),
      "hour": np.concatenate([np.sort(rng.choice(200, n, replace=False)) for n in count.values()]),
    }
  )
  for name in ("load", "heat", "speed", "wear"):
    frame[name] = rng.normal(size=len(frame))
  if holes:
    frame.loc[rng.choice(len(frame), 15, replace=False), "heat"] = np.nan
    frame.loc[[len(frame) - 1, 5], "wear"] = np.nan  # the last row of a machine too
  return frame


def write(frame: pd.DataFrame, path, group: int = 8) -> str:
  parquet.write_table(arrow.Table.from_pandas(frame, preserve_index=False), path, row_group_size=group)
  return str(path)


@pytest.fixture
def both(tmp_path):
  """The same rows on disk and in memory."""
  path = write(table(), tmp_path / "t.parquet")
  on_disk = stream.stored(path, **NAMES, rules=MISSING, cache_bytes=2_000)
  return on_disk, rows_of(own.read(path, **NAMES, rules=MISSING), NAMES["features"], "wear")


def assert_same(one, other):
  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
    assert np.asarray(a).dtype == np.asarray(b).dtype
    np.testing.assert_array_equal(a, b)


def test_units_and_lengths_are_those_of_the_rows_in_memory(both):
  on_disk, rows = both
  np.testing.assert_array_equal(on_disk.unit, rows.unit)
  np.testing.assert_array_equal(on_disk.length, lengths(rows))
  assert on_disk.total == len(table())
  for place, n in enumerate(on_disk.length.tolist()):
    x, y, mask = on_disk.rows(place, 0, n)
    np.testing.assert_array_equal(mask, rows.mask[place, :n])
    np.testing.assert_array_equal(x, np.where(mask[:, None], rows.x[place, :n], 0))
    np.testing.assert_array_equal(y, np.where(mask[:, None], rows.y[place, :n], 0))


@pytest.mark.parametrize("start", [None, 2])
def test_the_same_key_draws_the_same_episode_as_from_memory(both, start):
  on_disk, rows = both
  keys = jax.random.split(jax.random.key(3), 60)
  families = (streamed(on_disk, **DRAW, start=start), in_order(rows, **DRAW, start=start))
  one, other = (jax.jit(jax.vmap(family.sample))(keys) for family in families)
  assert_same(one, other)
  assert_same(families[0].sample(keys[7]), families[1].sample(keys[7]))
  assert not np.asarray(one.query.mask).all() and np.asarray(one.query.mask).any()


def test_classes_are_the_same_as_from_memory(tmp_path):
  frame = table(holes=False)
  frame["wear"] = (frame["wear"] > 0).astype(int)
  path = write(frame, tmp_path / "t.parquet")
  on_disk, rows = stream.stored(path, **NAMES), rows_of(own.read(path, **NAMES), NAMES["features"], "wear")
  keys = jax.random.split(jax.random.key(3), 40)
  one, other = (jax.vmap(f.sample)(keys) for f in (streamed(on_disk, **DRAW), in_order(rows, **DRAW)))
  assert one.query.y.dtype == np.int32
  assert_same(one, other)


def test_files_and_folders_of_a_set_are_one(tmp_path):
  frame = table()
  whole = stream.stored(write(frame, tmp_path / "whole.parquet"), **NAMES, rules=MISSING)
  for half, part in enumerate((frame[:70], frame[70:])):  # in the middle of a machine
    (tmp_path / "set" / f"half={half}").mkdir(parents=True)
    write(part, tmp_path / "set" / f"half={half}" / "part.parquet")
  parts = stream.stored(str(tmp_path / "set"), **NAMES, rules=MISSING)
  np.testing.assert_array_equal(parts.length, whole.length)
  for place, n in enumerate(whole.length.tolist()):
    assert_same(parts.rows(place, 0, n + 2), whole.rows(place, 0, n + 2))


def fitted(family, **options):
  algorithm = regression()
  # The resume worker's task has y (n,), a table's regression (n, 1).
  flat = Algorithm(algorithm.init, lambda k, s, d: algorithm.update(k, s, _flat(d)), algorithm.predict)
  settings = {"steps": 7, "tasks_per_step": 3, "chunk_steps": 2} | options
  return fit(jax.random.key(1), flat, flat.init(first_params()), family, **settings)


def _flat(data):
  return data._replace(
    support=data.support._replace(y=data.support.y[..., 0]), query=data.query._replace(y=data.query.y[..., 0])
  )


class Memory:
  """Checkpoints of one training."""

  def __init__(self):
    self.saved = {}

  def steps(self):
    return sorted(self.saved)

  def path(self, step):
    return step

  def latest(self, like):
    return self.steps()[-1], self.saved[self.steps()[-1]]

  def save(self, step, state, score=None):
    self.saved[step] = jax.tree.map(lambda leaf: leaf.copy(), state)


def same_bits(one, other):
  one, other = (s._replace(key=jax.random.key_data(s.key)) for s in (one, other))
  assert_same(one, other)


def test_fit_learns_from_disk_what_it_learns_from_memory_to_the_bit(both):
  on_disk, rows = both
  same_bits(fitted(streamed(on_disk, **DRAW))[0], fitted(in_order(rows, **DRAW))[0])


def test_a_resumed_fit_on_disk_ends_with_the_bits_of_one_that_was_never_stopped(both):
  family, store = streamed(both[0], **DRAW), Memory()
  whole = fitted(family)[0]
  fitted(family, steps=4, checkpoints=store)
  same_bits(fitted(family, checkpoints=store, resume=True)[0], whole)


def test_batches_are_what_fit_draws(both):
  pytest.importorskip("grain")
  family, key = streamed(both[0], **DRAW), jax.random.key(1)
  for step, batch in enumerate(batches(key, family, steps=5, tasks_per_step=4)):
    sample_key, _ = jax.random.split(jax.random.fold_in(key, step))
    assert_same(batch, jax.vmap(family.sample)(jax.random.split(sample_key, 4)))
  assert step == 4


def test_an_iterator_that_was_set_goes_on_as_the_one_that_was_asked(both):
  pytest.importorskip("grain")
  family, key = streamed(both[0], **DRAW), jax.random.key(1)

  def stream():
    return iter(batches(key, family, steps=12, tasks_per_step=2))

  whole = list(stream())
  assert len(whole) == 12
  first = stream()
  for _ in range(5):
    next(first)
  state = first.get_state()
  second = stream()
  second.set_state(state)
  rest = list(second)
  assert len(rest) == 7
  for one, other in zip(rest, whole[5:], strict=True):
    assert_same(one, other)


def test_a_family_in_memory_has_nothing_to_read_ahead(both):
  with pytest.raises(ValueError, match="in memory"):
    batches(jax.random.key(0), in_order(both[1], **DRAW), steps=1, tasks_per_step=1)


@pytest.mark.parametrize(
  ("change", "said"),
  [
    (lambda f: f.iloc[::-1], r"t\.parquet, row group \d+, row 2: machine = \d+ has hour = .* sorted by unit and time"),
    (lambda f: f.assign(hour=0), r"row 2: machine = 4 has hour = 0 after 0"),
    (lambda f: pd.concat([f, f.iloc[3:4]]), r"machine = 4 has rows at .* write the set again"),
    (lambda f: f.assign(load="x"), r"row group 1: column 'load', row 1 is 'x', must be a number"),
    (lambda f: f.assign(load=np.where(f.index == 20, np.inf, f.load)), r"row group 3: column 'load', row 5 is inf"),
    (
      lambda f: f.assign(load=np.where(f.index == 20, np.nan, f.load)),
      r"group 3: column 'load', row 5 must not be",
    ),
    (lambda f: f.assign(wear="new"), r"column 'wear' holds text"),
    (lambda f: f.iloc[:0], r"has no rows"),
    (lambda f: f.drop(columns="load"), r"has no column 'load'"),
  ],
)
def test_what_cannot_be_streamed_is_refused_with_its_place(tmp_path, change, said):
  path = write(change(table()), tmp_path / "t.parquet")
  with pytest.raises(DataError, match=said):
    stream.stored(path, **NAMES, rules=MISSING)


def test_rows_of_units_in_turn_are_refused(tmp_path):
  frame = pd.DataFrame({"machine": np.tile(np.arange(4), 3_000), "hour": np.repeat(np.arange(3_000), 4)})
  path = write(frame.assign(load=1.0, heat=1.0, speed=1.0, wear=1.0), tmp_path / "t.parquet", group=6_000)
  with pytest.raises(DataError, match="do not stand together"):
    stream.stored(path, **NAMES)


def test_another_format_is_refused(tmp_path):
  table().to_csv(tmp_path / "t.csv", index=False)
  with pytest.raises(DataError, match="read from Parquet"):
    stream.stored(str(tmp_path / "t.csv"), **NAMES, rules=MISSING)
