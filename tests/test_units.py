"""Episodes over whole lives: units on one side only, rows of their own unit, and what is too little."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax.tasks.units import Lives, few_units, lay_out
from mtl_jax.trust import LeakError

GROUPS, UNITS, ROWS = 2, 6, 8


def lives(first: int = 0, length: int = 20) -> Lives:
  """x = (group, unit, time), y = 1000 unit + time; unit u of group g is number first + 10 g + u, and u rows shorter."""
  rows = []
  for g in range(GROUPS):
    for u in range(UNITS):
      number = first + 10 * g + u
      rows += [(g, number, t, 1000 * number + t) for t in range(length - u)]
  g, u, t, y = np.asarray(rows).T
  return lay_out(np.stack([g, u, t], 1).astype(np.float32), y.astype(float), u, g, ROWS)


def draw(family, n: int = 100):
  return jax.jit(jax.vmap(family.sample))(jax.random.split(jax.random.key(0), n))


def test_rows_are_spread_over_the_life_with_its_last_one():
  made = lives()
  time = np.asarray(made.x[..., 2])
  assert (time[:, :, -1] == 19 - np.arange(UNITS)[None, :]).all()
  assert (time[:, :, 0] == 0).all()
  steps = np.diff(time, axis=-1)
  assert steps.min() >= 1 and np.ptp(steps, axis=-1).max() <= 1


def test_a_short_life_is_kept_whole_and_padded():
  made = lives(length=9)
  assert np.asarray(made.mask.sum(-1)).tolist() == [[8, 8, 7, 6, 5, 4]] * GROUPS


def test_an_example_is_of_the_group_and_unit_that_it_says_and_no_unit_is_on_both_sides():
  episode = draw(few_units(lives(), shots=2, rows=3, queries=3))
  for side in episode[:2]:
    np.testing.assert_array_equal(side.y[..., 0], 1000 * side.x[..., 1] + side.x[..., 2])
    np.testing.assert_array_equal(side.x[..., 0], np.broadcast_to(episode.task[:, None], side.mask.shape))
    assert bool(side.mask.all())
  for support, query in zip(episode.support.x[..., 1], episode.query.x[..., 1], strict=True):
    assert len(set(np.asarray(support).tolist())) == 2 and len(set(np.asarray(query).tolist())) == 3
    assert not set(np.asarray(support).tolist()) & set(np.asarray(query).tolist())
  assert set(np.asarray(episode.task).tolist()) == {0, 1}


def test_rows_of_a_unit_are_distinct():
  episode = draw(few_units(lives(), shots=2, rows=5, queries=1))
  pairs = np.asarray(episode.support.x[..., 1:]).reshape(-1, 10, 2)
  assert all(len(np.unique(one, axis=0)) == 10 for one in pairs)


def test_two_sides_ask_about_the_units_of_the_second():
  other = lives(first=500)
  episode = draw(few_units(lives(), other, shots=2, rows=3, queries=4))
  assert float(episode.support.x[..., 1].max()) < 500 <= float(episode.query.x[..., 1].min())
  np.testing.assert_array_equal(episode.support.x[:, 0, 0], episode.query.x[:, 0, 0])


def test_with_the_same_places_fewer_units_are_a_part_of_the_same_and_the_questions_stay():
  few, many = (draw(few_units(lives(), shots=k, rows=2, queries=2, places=4)) for k in (1, 4))
  np.testing.assert_array_equal(few.query.x, many.query.x)
  kept = np.asarray(few.support.mask)
  np.testing.assert_array_equal(np.asarray(few.support.x)[kept], np.asarray(many.support.x)[kept])
  assert kept.sum(1).tolist() == [2] * len(kept) and np.asarray(many.support.mask).all()


def test_the_number_of_units_covers_its_range():
  episode = draw(few_units(lives(), shots=(1, 3), rows=2, queries=1), 200)
  assert set((np.asarray(episode.support.mask).sum(1) // 2).tolist()) == {1, 2, 3}


def test_a_unit_on_both_sides_is_a_leak():
  with pytest.raises(LeakError, match="unit"):
    few_units(lives(), lives(), shots=1, rows=1, queries=1)


@pytest.mark.parametrize(
  ("more", "match"),
  [
    ({"shots": 0}, "shots=0"),
    ({"shots": 4, "places": 3}, "places=3"),
    ({"rows": 9}, "1 <= rows <= 8"),
    ({"queries": 0}, "queries=0"),
    ({"shots": 4, "queries": 3}, "has 6 units; places=4 and queries=3 need 7"),
  ],
)
def test_too_little_of_something_is_named(more, match):
  with pytest.raises(ValueError, match=match):
    few_units(lives(), **({"shots": 1, "rows": 1, "queries": 1} | more))


def test_other_groups_on_the_other_side_are_refused():
  other = lives(first=500)
  with pytest.raises(ValueError, match="the same groups"):
    few_units(lives(), other._replace(group=other.group + 7), shots=1, rows=1, queries=1)


def test_another_number_of_units_compiles_nothing():
  made = lives()
  sample = jax.jit(lambda family, key: family(key))
  for shots in (1, 2, 3):
    sample(few_units(made, shots=shots, rows=2, queries=1, places=3).sample, jax.random.key(shots))
  assert sample._cache_size() == 1
  assert bool(
    jnp.isfinite(
      sample(few_units(made, shots=1, rows=2, queries=1, places=3).sample, jax.random.key(0)).support.x
    ).all()
  )
