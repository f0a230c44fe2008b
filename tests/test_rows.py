"""Episodes in the order of time: nothing asked is older than what is labelled, and what is absent is masked."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax.data import Table
from mtl_jax.tasks.rows import Rows, in_order, laid_out, lengths, rows_of
from mtl_jax.types import Episode

LENGTHS = {7: 12, 3: 9, 20: 5}  # unit -> rows


def listed(lengths=LENGTHS, seed: int | None = 0):
  """unit, time, x, y of every row in any order; x = (unit, row of the unit), time = 10 row."""
  unit = np.concatenate([np.full(n, u) for u, n in lengths.items()])
  row = np.concatenate([np.arange(n) for n in lengths.values()])
  order = np.random.default_rng(seed).permutation(len(unit)) if seed is not None else np.arange(len(unit))
  unit, row = unit[order], row[order]
  return unit, 10.0 * row, np.stack([unit, row], 1).astype(np.float32), row[:, None] / 2.0


@jax.jit
def drawn(sample, keys) -> Episode:
  """A program for each shape of episodes: what else the families differ in is an argument."""
  return jax.vmap(sample)(keys)


def draw(family, n: int = 200) -> Episode:
  return drawn(family.sample, jax.random.split(jax.random.key(0), n))


def test_rows_of_a_unit_stand_in_the_order_of_time_whatever_their_order_was():
  for seed in range(3):
    rows = laid_out(*listed(seed=seed))
    assert rows.unit.tolist() == [3, 7, 20]
    assert rows.mask.sum(1).tolist() == lengths(rows).tolist() == [9, 12, 5]
    for u, (x, mask) in enumerate(zip(np.asarray(rows.x), np.asarray(rows.mask), strict=True)):
      n = LENGTHS[int(rows.unit[u])]
      np.testing.assert_array_equal(mask, np.arange(12) < n)
      np.testing.assert_array_equal(x[:n, 1], np.arange(n))
      assert (x[:n, 0] == int(rows.unit[u])).all()
      assert (x[n:] == 0).all()


@pytest.mark.parametrize("gap", [0, 2])
def test_questions_follow_on_the_labels_after_the_gap_and_all_are_of_one_unit(gap):
  episode = draw(in_order(laid_out(*listed()), shots=3, queries=2, gap=gap))
  labelled, asked = np.asarray(episode.support.x), np.asarray(episode.query.x)
  for side in (labelled, asked):
    real = side[..., 0] != 0
    np.testing.assert_array_equal(side[..., 0], np.where(real, np.asarray(episode.task)[:, None], 0))
  enough = np.asarray(episode.query.mask.all(1))  # unit 20 has five rows
  np.testing.assert_array_equal(enough, (np.asarray(episode.task) != 20) | (gap == 0))
  first = labelled[:, :1, 1]
  np.testing.assert_array_equal(labelled[..., 1], first + np.arange(3))
  np.testing.assert_array_equal(asked[enough, :, 1], (first + 3 + gap + np.arange(2))[enough])
  assert set(episode.task.tolist()) == {3, 7, 20}


@pytest.mark.parametrize("shots", [1, 4, (0, 4)])
@pytest.mark.parametrize("start", [None, 0, 3])
def test_no_question_is_older_than_a_label_and_no_row_stands_on_both_sides(shots, start):
  episode = draw(in_order(laid_out(*listed()), shots=shots, queries=3, places=5, start=start))
  for one in range(200):
    labelled = np.asarray(episode.support.x[one, :, 1])[np.asarray(episode.support.mask[one])]
    asked = np.asarray(episode.query.x[one, :, 1])[np.asarray(episode.query.mask[one])]
    assert not set(labelled.tolist()) & set(asked.tolist())
    if len(labelled) and len(asked):
      assert labelled.max() < asked.min()


def test_every_start_with_room_is_drawn_about_equally_often():
  episode = draw(in_order(laid_out(*listed({1: 8})), shots=2, queries=2, gap=1), 4000)
  counts = np.bincount(np.asarray(episode.support.x[:, 0, 1]).astype(int))
  assert len(counts) == 8 - 2 - 1 - 2 + 1
  assert (np.abs(counts - 1000) < 5 * 1000**0.5).all()


def test_a_unit_without_room_starts_with_its_first_row_and_masks_what_it_does_not_have():
  episode = draw(in_order(laid_out(*listed()), shots=4, queries=4))
  short = np.asarray(episode.task) == 20
  assert short.any()
  np.testing.assert_array_equal(np.asarray(episode.support.x)[short, 0, 1], 0)
  np.testing.assert_array_equal(np.asarray(episode.query.mask)[short], [[True, False, False, False]] * short.sum())
  assert (np.asarray(episode.query.x)[short, 1:] == 0).all()


def test_a_start_that_was_asked_for_is_the_first_place():
  episode = draw(in_order(laid_out(*listed()), shots=2, queries=1, places=3, start=1))
  assert (np.asarray(episode.support.x[..., 1]) == [0, 2, 3]).all()
  assert np.asarray(episode.support.mask).tolist() == [[False, True, True]] * 200


def test_fewer_shots_label_a_part_of_the_same_rows_and_ask_the_same():
  rows = laid_out(*listed())
  one, three = (draw(in_order(rows, shots=k, queries=2, places=3)) for k in (1, 3))
  assert one.support.mask.sum(1).tolist() == [1] * 200
  labelled = np.asarray(one.support.mask)
  np.testing.assert_array_equal(np.asarray(one.support.x)[labelled], np.asarray(three.support.x)[labelled])
  for ours, theirs in zip(one.query, three.query, strict=True):
    np.testing.assert_array_equal(ours, theirs)


def test_the_number_of_shots_covers_its_range():
  episode = draw(in_order(laid_out(*listed()), shots=(0, 3), queries=1))
  assert set(episode.support.mask.sum(1).tolist()) == {0, 1, 2, 3}


def test_many_under_vmap_are_one_after_another():
  family = in_order(laid_out(*listed()), shots=(1, 3), queries=2, gap=1)
  keys = jax.random.split(jax.random.key(4), 20)
  one = jax.jit(lambda sample, key: sample(key))
  together, alone = drawn(family.sample, keys), [one(family.sample, key) for key in keys]
  for leaf, parts in zip(jax.tree.leaves(together), zip(*map(jax.tree.leaves, alone), strict=True), strict=True):
    np.testing.assert_array_equal(leaf, np.stack(parts))


def test_families_that_differ_in_shots_gap_or_start_alone_share_a_compiled_program():
  traces, rows = [], laid_out(*listed())

  @jax.jit
  def sample(family, key):
    traces.append(1)
    return family(key)

  for k, gap, start in ((1, 0, None), (2, 1, None), (3, 0, 2)):
    sample(in_order(rows, shots=k, queries=2, places=3, gap=gap, start=start).sample, jax.random.key(0))
  assert len(traces) == 1


@pytest.mark.parametrize("where", ["x", "y"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_with_a_missing_value_keeps_its_place_and_is_masked(where, value):
  unit, time, x, y = listed({1: 6}, seed=None)
  (x if where == "x" else y)[2, 0] = value
  rows = laid_out(unit, time, x, y)
  assert rows.mask.tolist() == [[True, True, False, True, True, True]]
  episode = draw(in_order(rows, shots=4, queries=2, start=0))
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(episode))
  assert episode.support.mask[0].tolist() == [True, True, False, True]
  assert episode.query.x[0, :, 1].tolist() == [4, 5]


def test_classes_stay_integers_and_a_regression_has_a_target_axis():
  unit, time, x, y = listed()
  table = Table(
    {"a": x[:, 1].astype(np.float64), "b": x[:, 0].astype(np.float64)},
    {"state": (y[:, 0] > 2).astype(np.int64), "level": y[:, 0], "other": -y[:, 0]},
    {"unit": unit, "time": time},
    {},
  )
  classes = rows_of(table, ("a", "b"), "state")
  assert classes.y.shape == (3, 12) and classes.y.dtype == jnp.int32
  assert classes.x.shape == (3, 12, 2) and classes.x.dtype == jnp.float32
  np.testing.assert_array_equal(classes.x[..., 0], laid_out(unit, time, x, y).x[..., 1])
  one, two = rows_of(table, ("a",), "level"), rows_of(table, ("a",), ("level", "other"))
  assert one.y.shape == (3, 12, 1) and one.y.dtype == jnp.float32
  np.testing.assert_array_equal(two.y[..., :1], one.y)
  np.testing.assert_array_equal(two.y[..., 1:], -one.y)
  assert draw(in_order(classes, shots=2, queries=1)).query.y.dtype == jnp.int32


def test_units_may_have_names_and_times_may_be_dates():
  unit, time, x, y = listed()
  named = np.array([f"press {u:02d}" for u in unit])
  dated = np.datetime64("2026-01-01") + time.astype("timedelta64[s]")
  rows, plain = laid_out(named, dated, x, y), laid_out(unit, time, x, y)
  assert rows.unit.tolist() == [0, 1, 2]
  np.testing.assert_array_equal(rows.x, plain.x)


def test_two_rows_of_a_unit_at_one_time_are_refused_by_name():
  unit, time, x, y = listed({1: 4, 2: 4}, seed=None)
  time[6] = time[5]
  with pytest.raises(ValueError, match=r"unit 2 has two rows at time 10\.0: rows 6 and 7 \(1 such"):
    laid_out(unit, time, x, y)


@pytest.mark.parametrize("missing", [np.nan, np.datetime64("NaT", "s")])
def test_a_row_without_a_time_is_refused(missing):
  unit, time, x, y = listed({5: 4}, seed=None)
  time = time if isinstance(missing, float) else time.astype("datetime64[s]")
  time[2] = missing
  with pytest.raises(ValueError, match=r"row 3 \(unit 5\) has no time"):
    laid_out(unit, time, x, y)


def test_a_value_that_is_not_finite_under_the_mask_is_refused():
  rows = laid_out(*listed())
  with pytest.raises(ValueError, match="not masked"):
    in_order(rows._replace(x=rows.x.at[0, 0, 0].set(jnp.nan)), shots=1, queries=1)


def test_rows_too_few_to_ask_anything_are_refused():
  with pytest.raises(ValueError, match="the longest has 12 rows, and 12 lie before"):
    in_order(laid_out(*listed()), shots=10, gap=2, queries=1)


def test_no_rows_and_unequal_lengths_are_refused():
  unit, time, x, y = listed()
  with pytest.raises(ValueError, match="need rows"):
    laid_out(unit[:0], time[:0], x[:0], y[:0])
  with pytest.raises(ValueError, match="need rows"):
    laid_out(unit, time[1:], x, y)
  rows = laid_out(unit, time, x, y)
  with pytest.raises(ValueError, match="must agree"):
    in_order(Rows(rows.x[:, 1:], *rows[1:]), shots=1, queries=1)


@pytest.mark.parametrize(
  "wrong",
  [
    {"shots": 0},
    {"shots": (2, 1)},
    {"shots": (-1, 1)},
    {"queries": 0},
    {"places": 1},
    {"gap": -1},
    {"start": -1},
  ],
)
def test_numbers_out_of_range_are_refused(wrong):
  with pytest.raises(ValueError, match="need 0 <= low"):
    in_order(laid_out(*listed()), **{"shots": 2, "queries": 1} | wrong)
