"""Few-shot faults of the Tennessee Eastman plant: who learns, who is asked, and detection by hand."""

import os

import jax
import numpy as np
import pytest

from mtl_jax import build, detection
from mtl_jax.baselines import Ladder, Rung, minirocket, numbered, with_rocket
from mtl_jax.build import plant as plants
from mtl_jax.build.plant import FAULTS
from mtl_jax.config import Config, Finetune, ProtoNet, R2d2, Residual, TennesseeEastman, validate
from mtl_jax.evaluate import episodes_of, evaluate

recorded = pytest.mark.skipif(
  not os.environ.get("MTL_JAX_DATA"), reason="MTL_JAX_DATA does not name the folder with the recorded data"
)
PLANT = Config(
  "plant", TennesseeEastman(), Residual(8, soft_unit=True), R2d2(penalty=100.0), (ProtoNet(), Finetune(inner_steps=2))
)


@pytest.fixture(scope="module")
def plant():
  return build.folds(PLANT)


def drawn(family, count: int = 30):
  return jax.tree.map(np.asarray, episodes_of(jax.random.key(0), family, count))


@recorded
def test_each_visible_fault_is_asked_about_by_a_model_that_never_saw_it(plant):
  even, odd = plant
  runs = {
    fold.name: np.unique(np.asarray(fold.pooled.sample.args[2].recording)).tolist() for fold in plant
  }  # the queries' pool: test runs, 100 + fault, of the faults that the fold learns from and of normal operation
  assert set(runs["even"]) - {-1, 100} == {100 + fault for fault in FAULTS[::2]}
  assert set(runs["odd"]) - {-1, 100} == {100 + fault for fault in FAULTS[1::2]}
  for fold, own in ((even, FAULTS[1::2]), (odd, FAULTS[::2])):
    (test,) = fold.tests.values()
    support, query = test.family(10).sample.args[1:]
    assert set(np.unique(np.asarray(support.recording))) == set(own)
    assert set(np.unique(np.asarray(query.recording))) == {100 + fault for fault in own}


@pytest.mark.parametrize(("kept_out", "known"), [("odd", FAULTS[1::2]), ("even", FAULTS[::2])])
def test_designs_are_compared_on_every_third_of_one_half_and_nothing_of_the_other(kept_out, known):
  parts = plants._partitions(kept_out)
  assert sorted(fault for _, _, test in parts for fault in test) == sorted(known)
  for _, train, test in parts:
    assert len(test) == 3
    assert sorted((*train, *test)) == sorted(known)


@recorded
def test_episodes_of_the_plant_have_five_faults_and_the_control_learns_all_nine_and_normal_operation(plant):
  episode, pooled = drawn(plant[0].train), drawn(plant[0].pooled)
  assert set(np.unique(episode.support.y).tolist()) == set(range(5))
  assert set(np.unique(pooled.support.y).tolist()) == set(range(10))


@recorded
def test_normal_operation_is_at_the_origin_and_noise_around_a_fault_is_white(plant):
  support = plant[0].pooled.sample.args[1]
  x, mask = np.asarray(support.x)[0], np.asarray(support.mask)[0]
  normal = x[9][mask[9]]
  noise = np.concatenate([x[i][mask[i]] - x[i][mask[i]].mean(0) for i in range(10)])
  assert np.abs(normal.mean(0)).mean() < 0.5
  assert 0.5 < noise.std(0).mean() < 1.5


def test_two_faults_that_come_together_keep_the_noise_white_and_their_runs_apart():
  rng = np.random.default_rng(0)
  label = np.repeat([0, 1, 2], 50)
  x = rng.normal(size=(150, 2)).astype(np.float32) + np.asarray([[40.0, 0.0], [0.0, 40.0], [0.0, 0.0]])[label]
  cut = plants._Cut(np.zeros((150, 20, 1)), label, 100 + label)
  pool = plants._with_made_up(x.astype(np.float32), cut, 2, 0)
  assert pool.mask.shape[1] == 4  # two faults, normal operation, and the two together
  made = np.asarray(pool.x)[0, 3][np.asarray(pool.mask)[0, 3]]
  np.testing.assert_allclose(made.mean(0), 40.0 / np.sqrt(2.0), atol=0.6)
  np.testing.assert_allclose(made.std(0), 1.0, atol=0.3)
  assert len(np.intersect1d(np.asarray(pool.recording)[0, 3], 100 + label)) == 0


@recorded
def test_a_ridge_on_whitened_windows_of_the_plant_reaches_what_careful_methods_reach(plant):
  """0.71 at one label and 0.88 at five, macro-F1, were measured independently with a whitened centroid."""
  right = {1: [], 5: []}
  for fold in plant:
    (test,) = fold.tests.values()
    rung = next(rung for rung in test.ladder().rungs if rung.name == "ridge, whitened")
    for k in right:
      episode = drawn(test.family(k))
      for i, mask in enumerate(episode.support.mask):
        asked = (episode.support.x.features[i][mask], episode.support.y[i][mask], episode.query.x.features[i])
        right[k].append((rung.predict(*asked, 0) == episode.query.y[i]).mean())
  assert np.mean(right[1]) > 0.66 and np.mean(right[5]) > 0.83


@recorded
def test_every_method_of_the_plant_answers_and_an_embedding_that_learned_nothing_is_a_good_one(plant):
  validate(PLANT)
  (test,) = plant[1].tests.values()
  for what in build.trained(PLANT):
    for method in what.methods:
      algorithm = what.make(method.config)
      state = algorithm.init(what.init(jax.random.key(0)))
      scores = evaluate(jax.random.key(1), algorithm, state, test.family(1), episodes=20)
      assert all(np.isfinite(values).all() for values in scores.values())
      assert method.kind == "baseline" or scores["macro_f1"].mean() > 0.55


def test_rungs_beside_minirocket_do_not_see_the_number_of_a_window_and_minirocket_sees_nothing_else():
  x = numbered(np.asarray([[3.0], [5.0], [7.0]], np.float32))
  first = Ladder((Rung("sum", lambda x, y, q, seed: q.sum(1)),), ())
  ladder = with_rocket(first, np.asarray([[0.0, 1.0], [9.0, 9.0], [0.0, 1.1]], np.float32))
  np.testing.assert_array_equal(ladder.rungs[0].predict(x, np.zeros(3), x, 0), [3.0, 5.0, 7.0])
  assert ladder.rungs[1].predict(x[:2], np.asarray([4, 6]), x[2:], 0).tolist() == [4]


def test_minirocket_tells_shapes_apart_whose_sensors_have_one_mean_and_one_spread():
  rng = np.random.default_rng(0)
  wave = np.sin(np.arange(30) * 2 * np.pi / 10)
  x = np.stack([rng.permutation(wave) if i % 2 else np.roll(wave, i) for i in range(40)])[:, :, None]
  x = np.concatenate([x, rng.normal(size=(40, 30, 1))], axis=2)
  features = minirocket(x[:20], x, features=504)
  assert features.shape == (40, 504) and features.dtype == np.float32
  ladder = with_rocket(Ladder((), ()), features)
  number, label = numbered(np.zeros((40, 1), np.float32)), np.arange(40) % 2
  assert (ladder.rungs[0].predict(number[:20], label[:20], number[20:], 0) == label[20:]).mean() > 0.9
  with pytest.raises(ValueError, match="8 samples; a kernel has 9"):
    minirocket(x[:, :8], x)


def test_a_fault_is_found_at_the_first_of_six_rows_in_a_row():
  above = np.asarray([1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0], bool)
  assert detection.first_alarm(above) == 3 * 8
  assert np.isnan(detection.first_alarm(above[:12]))


def test_lags_and_smoothing_look_back_only():
  run = np.arange(8.0).reshape(4, 2)
  np.testing.assert_array_equal(detection.lagged(run, 1), [[0, 1, 0, 1], [2, 3, 0, 1], [4, 5, 2, 3], [6, 7, 4, 5]])
  np.testing.assert_array_equal(detection.smoothed(run, 0.5)[:2], [[0.0, 0.5], [1.0, 1.75]])


@recorded
def test_a_step_in_the_cooling_water_is_found_and_normal_operation_is_left_alone():
  """Fault 4, a step in the temperature of the reactor's cooling water, breaks how variables go together."""
  detectors = tuple(one for one in detection.DETECTORS if one.name == "PCA, SPE")
  (found,) = detection.detect(detectors)
  assert found.rate[3] > 0.95 and found.delay[3] <= 30.0
  assert found.false_alarms < 0.05 and found.rate[2] < 0.2
