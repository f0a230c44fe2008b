"""Tables of the literature: what is trained, how far, and that a stopped one goes on. Rows without a network where one
is not needed."""

import json
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import reproduce
from mtl_jax.data import Table
from mtl_jax.recorder import read
from mtl_jax.reproduce import Row, omniglot, sinusoid
from mtl_jax.tasks import characters, few_shot
from mtl_jax.types import Algorithm, Batch, Episode, TaskFamily

CHARACTERS = {"train": 5, "val": 5, "test": 5}  # 20 classes each


class State(NamedTuple):
  params: Any
  n: jax.Array


def draw(key) -> Episode:
  x = jax.random.uniform(key, (2, 1))
  batch = Batch(x, jnp.zeros((2, 1)), jnp.ones(2, bool))
  return Episode(batch, batch, {})


def counting(best: float = 100.0) -> Row:
  """A row whose error is (n - best)^2 after n steps."""

  def update(key, state, data):
    return State(state.params, state.n + 1.0), {"loss": state.n}

  def predict(key, state, support, x):
    return jnp.zeros_like(x) + (state.n - best)

  algorithm = Algorithm(lambda params: State(params, jnp.zeros(())), update, predict)
  family = TaskFamily(draw)
  return Row("Counter", "a column", lambda key: {}, algorithm, algorithm, family, family, family, 30, 1, "mse", 2.5, 2)


@pytest.fixture
def clock(monkeypatch):
  """A chunk takes 1 s."""
  monkeypatch.setattr("time.perf_counter", map(float, range(1000)).__next__)


def test_a_row_out_of_time_is_scored_where_it_is_and_goes_on_when_there_is_more(clock, tmp_path):
  row = counting()
  (early,) = reproduce.reproduce([row], tmp_path, minutes=3.5 / 60, episodes=10)
  assert (early["steps"], early["wanted"], early["rising"]) == (8, 30, True)
  stamp = (tmp_path / "scores.json").stat().st_mtime_ns
  assert reproduce.reproduce([row], tmp_path, minutes=3.5 / 60, episodes=10) == [early]
  assert (tmp_path / "scores.json").stat().st_mtime_ns == stamp  # nothing was trained, nothing scored again
  (whole,) = reproduce.reproduce([row], tmp_path, episodes=10)
  (unbroken,) = reproduce.reproduce([row], tmp_path / "unbroken", episodes=10)
  assert whole == unbroken
  assert whole["steps"] == 30 and json.loads((tmp_path / "scores.json").read_text()) == [whole]
  assert [r["step"] for r in read(tmp_path / "metrics.jsonl")] == list(range(2, 31, 2))
  assert "complete" in reproduce.markdown([whole]) and "8 of 30" in reproduce.markdown([early])


def test_the_state_that_validation_picks_is_tested_and_a_row_past_its_best_is_not_on_course(clock, tmp_path):
  """Validated after 10, 20 and 24 steps, best after 10."""
  row = counting(best=10.0)
  (entry,) = reproduce.reproduce([row], tmp_path, minutes=11.5 / 60, episodes=10)
  assert (entry["steps"], entry["picked"], entry["mean"], entry["rising"]) == (24, 10, 0.0, False)
  assert "stopped early, no longer rising" in reproduce.markdown([entry])
  assert "| 2.5 |" in reproduce.markdown([entry])
  (panel,) = reproduce.picture([row], tmp_path).axes
  assert panel.lines[0].get_xydata().tolist() == [[10.0, 0.0], [20.0, 100.0], [24.0, 196.0]]


def test_a_character_and_its_turns_are_four_classes():
  """The corner with ink goes from top left to bottom left, bottom right and top right: against the clock."""
  images = np.zeros((4, 5, 5), np.uint8)
  images[:, 0, 0] = 1
  images[:, 2, 2] = np.arange(4)  # which drawing, whatever the turn
  pool = characters.pool(images, np.asarray(["b", "a", "b", "a"]))
  assert pool.x.shape == (1, 8, 2, 5, 5, 1) and bool(pool.mask.all())
  corners = [(0, 0), (4, 0), (4, 4), (0, 4)]
  for name, drawings in enumerate(([1, 3], [0, 2])):
    for turn, corner in enumerate(corners):
      found = np.asarray(pool.x[0, 4 * name + turn, :, :, :, 0])
      assert sorted(found[:, 2, 2].tolist()) == drawings
      assert all(found[:, i, j].all() == ((i, j) == corner) for i, j in corners)
  episode = few_shot(pool, shots=1, queries=1, ways=8).sample(jax.random.key(0))
  assert (np.asarray(episode.support.x) != np.asarray(episode.query.x)).any(axis=(1, 2, 3)).all()


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
  """The table of Omniglot on made-up characters: a block of ink in a place of its own, with noise."""
  rng = np.random.default_rng(0)
  split = np.concatenate([np.repeat(name, 20 * count) for name, count in CHARACTERS.items()])
  character = np.repeat([f"character{i}" for i in range(sum(CHARACTERS.values()))], 20)
  images = (rng.random((len(split), 28, 28)) < 0.05).astype(np.uint8)
  for i in range(len(images)):
    place = i // 20
    images[i, place : place + 6, 2:12] = 1
  table = Table({"image": images}, {"character": character}, {"split": split}, {})
  return {row.name: row for row in omniglot.rows(table, filters=4, ways=6)}


def test_the_table_of_omniglot_has_six_methods_in_four_columns_with_what_their_papers_report(rows):
  methods = ("MAML", "MAML first order", "Reptile", "iMAML", "iMAML Hessian-free", "ProtoNet")
  columns = ("5-way 1-shot", "5-way 5-shot", "20-way 1-shot", "20-way 5-shot")
  assert [*rows] == [f"{method}, {column}" for column in columns for method in methods]
  for name, row in rows.items():
    ways, shots = (int("".join(filter(str.isdigit, part))) for part in row.column.split())
    episode = row.test.sample(jax.random.key(0))
    assert [int(side.mask.sum()) for side in episode[:2]] == [ways * shots, ways * 5], name
    assert row.published is not None and 88.0 < row.published < 100.0
  assert rows["MAML, 20-way 1-shot"].published == 95.8


def shapes(row):
  """Of the loss and of what is said of a test task, after one update; nothing is compiled."""

  def whole(key):
    state = row.algorithm.init(row.init(key))
    state, metrics = row.algorithm.update(key, state, jax.vmap(row.train.sample)(jax.random.split(key, 2)))
    asked = row.test.sample(key)
    return metrics["loss"], row.tested.predict(key, state, asked.support, asked.query.x)

  return jax.eval_shape(whole, jax.random.key(0))


def test_each_row_of_omniglot_learns_from_what_it_draws_and_says_a_class_for_each_question(rows):
  """Shapes alone: to compile the convolutional networks would take minutes."""
  for name, row in ((name, row) for name, row in rows.items() if "5-way 1-shot" in name):
    loss, said = shapes(row)
    # Prototypes are learned from more ways than are asked about.
    assert loss.shape == () and said.shape == (25, 6 if row.method == "ProtoNet" else 5), name


def test_the_rows_of_sine_waves_have_no_published_number_and_say_so_with_an_empty_cell():
  assert {row.method for row in sinusoid.rows()} == {"MAML", "Reptile", "CAVIA", "CNP"}
  assert all(row.published is None and row.metric == "mse" for row in sinusoid.rows())


def test_each_row_of_sine_waves_learns_from_what_it_draws_and_says_a_number_for_each_question():
  for row in sinusoid.rows():
    loss, said = shapes(row)
    assert loss.shape == () and said.shape == (100, 2 if row.method == "CNP" else 1), row.name
