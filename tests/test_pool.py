"""Episodes from pools: disjoint, masked where data is bad, and errors that name the fault."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax.tasks.pool import Pool, check_episode, few_shot, lay_out, usable
from mtl_jax.trust import LeakError
from mtl_jax.types import Batch, Episode

UNITS, CLASSES, WINDOWS = 3, 4, 6


def pool(first_recording: int = 0, windows: int = WINDOWS) -> Pool:
  """x = (unit, class, window): an episode tells where each example came from."""
  shape = (UNITS, CLASSES, windows)
  x = jnp.stack(jnp.meshgrid(*(jnp.arange(n, dtype=jnp.float32) for n in shape), indexing="ij"), -1)
  recording = first_recording + jnp.arange(np.prod(shape)).reshape(shape)
  return Pool(x, jnp.ones(shape, bool), recording, jnp.asarray([10, 20, 30]))


def draw(family, n: int = 50) -> Episode:
  return jax.jit(jax.vmap(family.sample))(jax.random.split(jax.random.key(0), n))


def spoilt(value: float) -> Pool:
  """Class 2 of every unit has two intact windows only."""
  good = pool()
  return good._replace(x=good.x.at[:, 2, 2:, 0].set(value))


def test_an_example_comes_from_the_unit_and_class_that_it_says():
  episode = draw(few_shot(pool(), shots=2, queries=3))
  for side in episode[:2]:
    np.testing.assert_array_equal(side.x[..., 1], side.y)
    np.testing.assert_array_equal(10 * (side.x[..., 0] + 1), np.broadcast_to(episode.task[:, None], side.y.shape))
  assert set(np.asarray(episode.task).tolist()) == {10, 20, 30}


def test_one_pool_gives_support_and_query_without_a_window_in_common():
  episode = draw(few_shot(pool(), shots=2, queries=4))
  both = np.concatenate([episode.support.x, episode.query.x], axis=1)
  assert all(len(np.unique(one, axis=0)) == CLASSES * 6 for one in both)


def test_two_pools_are_each_used_for_their_own_side():
  other = pool(first_recording=1000)
  episode = draw(few_shot(pool(), other._replace(x=other.x + 100.0), shots=1, queries=2))
  assert float(episode.support.x.max()) < 100.0 <= float(episode.query.x.min())


def test_which_window_is_asked_does_not_follow_from_which_is_labelled():
  episode = draw(few_shot(pool(), pool(first_recording=1000), shots=1, queries=1), 200)
  same = np.asarray(episode.support.x[..., 2] == episode.query.x[..., 2]).mean()
  assert same == pytest.approx(1 / WINDOWS, abs=5 * (1 / WINDOWS / 800) ** 0.5)


def test_the_number_of_shots_covers_its_range_and_is_the_same_for_every_class():
  episode = draw(few_shot(pool(), shots=(0, 3), queries=1), 200)
  per_class = np.asarray(episode.support.mask).reshape(-1, CLASSES, 3).sum(-1)
  assert (per_class == per_class[:, :1]).all()
  assert set(per_class[:, 0].tolist()) == {0, 1, 2, 3}


def test_with_the_same_places_fewer_shots_label_a_part_of_the_same_windows_and_ask_the_same():
  one, three = (draw(few_shot(pool(), shots=k, queries=2, places=3)) for k in (1, 3))
  assert np.asarray(one.support.mask).reshape(-1, CLASSES, 3).sum(-1).tolist() == [[1] * CLASSES] * 50
  labelled = np.asarray(one.support.mask)
  np.testing.assert_array_equal(np.asarray(one.support.x)[labelled], np.asarray(three.support.x)[labelled])
  for ours, theirs in zip(one.query, three.query, strict=True):
    np.testing.assert_array_equal(ours, theirs)


def test_families_that_differ_in_shots_alone_share_a_compiled_program():
  traces = []

  @jax.jit
  def sample(family, key):
    traces.append(1)
    return family(key)

  for k in (1, 2, 3):
    sample(few_shot(pool(), shots=k, queries=2, places=3).sample, jax.random.key(0))
  assert len(traces) == 1


def test_fewer_places_than_shots_are_refused():
  with pytest.raises(ValueError, match="places=1"):
    few_shot(pool(), shots=2, queries=1, places=1)


def test_every_window_of_a_class_is_drawn_about_equally_often():
  episode = draw(few_shot(pool(), shots=1, queries=1), 3000)
  counts = np.bincount(np.asarray(episode.support.x[..., 2]).astype(int).ravel(), minlength=WINDOWS)
  expected = counts.sum() / WINDOWS
  assert (np.abs(counts - expected) < 5 * expected**0.5).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_window_that_is_not_finite_is_never_drawn_even_if_its_mask_says_so(value):
  episode = draw(few_shot(spoilt(value), shots=2, queries=3))
  for side in episode[:2]:
    assert np.isfinite(side.x).all()
  real = np.asarray(episode.support.mask & (episode.support.y == 2))
  assert (real.sum(1) == 2).all()
  assert not np.asarray(episode.query.mask & (episode.query.y == 2)).any()


def test_a_window_that_is_not_finite_is_never_asked_where_questions_have_a_pool_of_their_own():
  query = spoilt(np.nan)._replace(recording=1000 + pool().recording)
  episode = draw(few_shot(pool(), query, shots=1, queries=3))
  assert np.isfinite(episode.query.x).all()
  asked = np.asarray(episode.query.mask & (episode.query.y == 2))
  assert (asked.sum(1) == 2).all()


def test_a_class_without_a_support_window_is_masked_and_not_asked():
  support, query = pool(), pool(first_recording=1000)
  support = support._replace(mask=support.mask.at[1, 3].set(False))
  episode = draw(few_shot(support, query, shots=2, queries=2))
  for side in episode[:2]:
    absent = (side.y == 3) & (episode.task == 20)[:, None]
    np.testing.assert_array_equal(side.mask, ~absent)
    assert (np.asarray(side.x)[np.asarray(absent)] == 0).all()


def test_usable_asks_every_leaf():
  a = jnp.zeros((1, 1, 3, 2)).at[0, 0, 0, 1].set(jnp.nan)
  b = jnp.zeros((1, 1, 3)).at[0, 0, 2].set(jnp.inf)
  assert usable({"a": a, "b": b}).tolist() == [[[False, True, False]]]


def test_a_recording_on_both_sides_is_a_leak():
  with pytest.raises(LeakError, match="recording"):
    few_shot(pool(), pool(), shots=1, queries=1)


def test_one_pool_with_several_windows_of_a_recording_is_refused():
  with pytest.raises(ValueError, match="pass two pools"):
    few_shot(pool()._replace(recording=jnp.zeros((UNITS, CLASSES, WINDOWS), int)), shots=1, queries=1)


def test_sides_with_their_units_in_another_order_are_refused():
  other = pool(first_recording=1000)
  with pytest.raises(ValueError, match="same unit"):
    few_shot(pool(), other._replace(unit=other.unit[::-1]), shots=1, queries=1)


def test_a_pool_without_a_usable_window_is_refused():
  with pytest.raises(ValueError, match="no usable window"):
    few_shot(pool()._replace(x=jnp.full((UNITS, CLASSES, WINDOWS, 3), jnp.nan)), shots=1, queries=1)


def test_a_pool_with_too_few_windows_is_refused():
  with pytest.raises(ValueError, match="6 windows per class"):
    few_shot(pool(), shots=4, queries=3)


@pytest.mark.parametrize(("shots", "queries"), [(0, 1), ((2, 1), 1), ((-1, 1), 1), (1, 0)])
def test_shots_and_queries_out_of_range_are_refused(shots, queries):
  with pytest.raises(ValueError, match="need 0 <= low"):
    few_shot(pool(), shots=shots, queries=queries)


def batch(labels, mask=None) -> Batch:
  y = jnp.asarray(labels)
  keep = jnp.ones(len(y), bool) if mask is None else jnp.asarray(mask)
  return Batch({"signal": np.ones((len(y), 4), np.float32)}, y, keep)


def test_a_sound_episode_passes():
  check_episode(Episode(batch([0, 1, 2]), batch([0, 2, 2]), 0), classes=3)


@pytest.mark.parametrize("side", ["support", "query"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_window_that_is_not_finite_is_named(side, value):
  episode = Episode(batch([0, 1]), batch([0, 1]), 0)
  getattr(episode, side).x["signal"][1, 2] = value
  with pytest.raises(ValueError, match=f"{side} example 1 has a NaN or an infinity"):
    check_episode(episode, classes=2)


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_out_of_range_is_named(label):
  with pytest.raises(ValueError, match=rf"query example 1 has a label outside 0\.\.1 \(label {label}"):
    check_episode(Episode(batch([0, 1]), batch([0, label]), 0), classes=2)


def test_masked_examples_may_hold_anything():
  query = batch([0, 7], mask=[True, False])
  query.x["signal"][1] = np.nan
  check_episode(Episode(batch([0, 1, -1], mask=[True, True, False]), query, 0), classes=2)


@pytest.mark.parametrize("support", [batch([0, 0]), batch([0, 1], mask=[True, False])])
def test_a_class_that_is_asked_without_an_example_is_named(support):
  with pytest.raises(ValueError, match="query example 1 asks for class 1"):
    check_episode(Episode(support, batch([0, 1]), 0), classes=2)


@pytest.mark.parametrize(
  ("bad", "rule"),
  [
    (batch([0.0, 1.0]), "labels must be integers"),
    (batch([0, 1], mask=[1, 0]), "mask must be bool"),
    (batch([0, 1], mask=[True]), "one length"),
  ],
)
def test_a_batch_of_the_wrong_types_or_lengths_is_refused(bad, rule):
  with pytest.raises(ValueError, match=rule):
    check_episode(Episode(bad, batch([0, 1]), 0), classes=2)


def test_ways_draws_distinct_classes_and_numbers_them_in_the_order_drawn():
  family = few_shot(pool(), shots=2, queries=3, ways=3)
  episode = draw(family, 300)
  drawn = np.asarray(episode.support.x[..., 1]).reshape(-1, 3, 2)
  asked = np.asarray(episode.query.x[..., 1]).reshape(-1, 3, 3)
  assert (drawn == drawn[..., :1]).all()
  np.testing.assert_array_equal(drawn[..., 0], asked[..., 0])
  assert (np.asarray(episode.support.y).reshape(-1, 3, 2) == np.arange(3)[None, :, None]).all()
  orders = {tuple(row) for row in drawn[..., 0].astype(int).tolist()}
  assert all(len(set(order)) == 3 for order in orders)
  assert len(orders) == 24  # every ordered choice of 3 from 4


def test_ways_passes_over_a_class_without_a_usable_window():
  blank = spoilt(np.nan)
  blank = blank._replace(x=blank.x.at[:, 2, :, 0].set(np.nan))
  episode = draw(few_shot(blank, shots=1, queries=2, ways=3), 100)
  assert 2 not in np.unique(np.asarray(episode.support.x[..., 1]))
  assert bool(episode.support.mask.all())


@pytest.mark.parametrize("ways", [0, 1, CLASSES + 1])
def test_an_impossible_number_of_ways_is_refused(ways):
  with pytest.raises(ValueError, match=f"ways={ways}: must lie between 2 and the {CLASSES} classes"):
    few_shot(pool(), shots=1, queries=1, ways=ways)


def test_rows_in_any_order_are_laid_out_by_unit_and_class():
  rng = np.random.default_rng(0)
  unit, label = rng.choice([7, 3, 9], 40), rng.integers(0, 4, 40)
  keep = ~((unit == 3) & (label == 2))  # a class that one unit does not have
  unit, label = unit[keep], label[keep]
  rows = np.arange(len(unit))
  made = lay_out(np.stack([unit, label, rows], 1).astype(np.float32), label, unit, 100 + rows, 4)
  assert np.asarray(made.unit).tolist() == [3, 7, 9]
  assert not bool(made.mask[0, 2].any())
  u, k, _ = np.nonzero(np.asarray(made.mask))
  x, mask = np.asarray(made.x), np.asarray(made.mask)
  np.testing.assert_array_equal(x[mask][:, 0], np.asarray(made.unit)[u])
  np.testing.assert_array_equal(x[mask][:, 1], k)
  np.testing.assert_array_equal(np.asarray(made.recording)[mask], 100 + x[mask][:, 2])
  assert sorted(x[mask][:, 2].astype(int).tolist()) == rows.tolist()
  assert (np.asarray(made.recording)[~mask] == -1).all() and (x[~mask] == 0).all()
