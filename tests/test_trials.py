"""Few-shot regression of plants: what episodes hold, that nothing of a question leaks, rungs by hand, the job."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import build
from mtl_jax.baselines import History
from mtl_jax.baselines.trials import random_coefficients, trials_ladder
from mtl_jax.config import MLP, Anil, Cnp, Config, ConfigError, Evaluation, Process, ProtoNet, R2d2, Residual, validate
from mtl_jax.evaluate import episodes_of, evaluate
from mtl_jax.tasks.processes import PLANTS, from_unit
from mtl_jax.tasks.trials import scale, trials

CONFIG = Config(
  "reactors",
  Process("branin", shots=(2, 6), queries=5),
  MLP((8,)),
  R2d2(embedding=4),
  controls=(),
  evaluation=Evaluation(shots=(2, 6), adaptation_steps=(0,), adaptation_shots=2),
)
PLANT = PLANTS["branin"]
SCALE = jnp.asarray([-50.0, 50.0])


@pytest.fixture(scope="module")
def episodes():
  return {
    k: episodes_of(jax.random.key(0), trials(PLANT, SCALE, shots=k, queries=5, noise=0.1, places=6), 200)
    for k in (2, 6, (2, 6))
  }


def test_questions_are_the_plants_own_response_and_trials_are_noisy(episodes):
  drawn = episodes[6]
  value = jax.vmap(jax.vmap(lambda z, task: PLANT.value(from_unit(PLANT, z), task).value, (0, None)))
  for side, deviation in ((drawn.query, 0.0), (drawn.support, 0.1)):
    off = np.asarray(side.y[..., 0]) - (np.asarray(value(side.x, drawn.task)) + 50.0) / 50.0
    assert off.std() == pytest.approx(deviation, abs=0.01)
    assert 0 <= side.x.min() < 0.02 and 0.98 < side.x.max() < 1
    assert side.x.shape[1:] == (len(side.x[0]), 2) and side.y.shape[2:] == (1,)


def test_more_trials_hold_the_fewer_and_the_questions_stay(episodes):
  two, six, some = episodes[2], episodes[6], episodes[2, 6]
  np.testing.assert_array_equal(two.query.y, six.query.y)
  np.testing.assert_array_equal(two.support.y[:, :2], six.support.y[:, :2])
  np.testing.assert_array_equal(two.support.mask.sum(1), 2)
  assert not np.any(two.support.y[:, 2:]) and not np.any(two.support.x[:, 2:])
  assert set(np.asarray(some.support.mask.sum(1)).tolist()) == {2, 3, 4, 5, 6}


def test_targets_are_standardised_by_other_plants_of_the_family():
  found = scale(jax.random.key(1), PLANT)
  drawn = episodes_of(jax.random.key(2), trials(PLANT, found, shots=1, queries=20, noise=0.0), 400).query.y
  assert np.mean(drawn) == pytest.approx(0.0, abs=0.1) and np.std(drawn) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("wrong", [{"shots": 0}, {"shots": (3, 2)}, {"shots": 7}, {"queries": 0}, {"noise": -0.1}])
def test_numbers_out_of_range_are_refused(wrong):
  with pytest.raises(ValueError, match="need 1 <= low"):
    trials(PLANT, SCALE, **({"shots": 2, "queries": 5, "noise": 0.1, "places": 6} | wrong))


def test_random_coefficients_are_those_of_the_plants():
  """Lines 1 + 2 x and 3 + 6 x without noise: mean (2, 4), covariance ((2, 4), (4, 8)), nothing left."""
  x = np.array([0.0, 0.5, 1.0] * 2)
  y, group = np.where(np.arange(6) < 3, 1 + 2 * x, 3 + 6 * x), np.repeat([0, 1], 3)
  found = random_coefficients(np.stack([np.ones(6), x], axis=1), y, group)
  np.testing.assert_allclose(found.mean, [2.0, 4.0])
  np.testing.assert_allclose(found.covariance, [[2.0, 4.0], [4.0, 8.0]])
  assert found.left == pytest.approx(0.0, abs=1e-12)


@pytest.fixture(scope="module")
def parabolas():
  """Plants a + (x - 0.3)^2 + y, whose level alone differs; the ladder from 20 of them."""
  rng = np.random.default_rng(0)
  x, group = rng.uniform(size=(600, 2)), np.repeat(np.arange(20), 30)

  def response(x, level):
    return level + (x[:, 0] - 0.3) ** 2 + x[:, 1]

  ladder = trials_ladder(History(x, response(x, rng.normal(size=20)[group]), group))
  return ladder, response, rng


def test_a_prior_of_other_plants_makes_one_trial_enough(parabolas):
  ladder, response, rng = parabolas
  rungs = {rung.name: rung for rung in ladder.rungs}
  x, q = rng.uniform(size=(1, 2)), rng.uniform(size=(30, 2))
  answer = rungs["cubic with random coefficients"].predict(x, response(x, 2.0)[:, None], q, 0)
  np.testing.assert_allclose(answer, response(q, 2.0)[:, None], atol=1e-3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # a length at its bound, as in `answers`
def test_rungs_follow_sixteen_trials_better_than_their_mean(parabolas):
  ladder, response, rng = parabolas
  x, q = rng.uniform(size=(16, 2)), rng.uniform(size=(200, 2))
  y, asked = response(x, 2.0)[:, None], response(q, 2.0)[:, None]
  errors = {rung.name: np.mean((rung.predict(x, y, q, 0) - asked) ** 2) for rung in ladder.rungs}
  mean = errors.pop("mean of the support")
  # Pooled trees take the levels of 20 plants for a shape.
  worse = {name for name, error in errors.items() if not error < mean}
  assert worse <= {"pooled boosted trees, corrected", "Gaussian process around pooled boosted trees"}, errors
  assert errors["quadratic ridge"] < 1e-3 > errors["Gaussian process"]


def test_the_job_answers_in_the_plants_unit_about_plants_of_its_own():
  validate(CONFIG)
  (fold,) = build.folds(CONFIG)
  (test,) = fold.tests.values()
  assert fold.train is not None
  (what,) = build.trained(CONFIG)
  algorithm = what.make(what.config)
  state = algorithm.init(what.init(jax.random.key(0)))
  drawn = episodes_of(jax.random.key(1), test.family(2), 50)
  mse = evaluate(jax.random.key(1), algorithm, state, drawn, judge=test.judge)["mse"]
  plain = evaluate(jax.random.key(1), algorithm, state, drawn)["mse"]
  task_key, place_key = jax.random.split(jax.random.key(5))
  task = jax.vmap(PLANT.sample_task)(jax.random.split(task_key, 2000))
  spread = np.std(jax.vmap(PLANT.value)(from_unit(PLANT, jax.random.uniform(place_key, (2000, 2))), task).value)
  np.testing.assert_allclose(np.sqrt(mse / plain), spread, rtol=0.1)
  assert test.unit == PLANT.unit and test.per == "trials"


@pytest.mark.parametrize(
  ("change", "field"),
  [
    ({"tasks": Process(shots=(0, 4))}, r"tasks\.shots"),
    ({"tasks": Process(noise=-1.0)}, r"tasks\.noise"),
    ({"tasks": Process(queries=0)}, r"tasks\.queries"),
    ({"algorithm": ProtoNet()}, "algorithm"),
    ({"algorithm": Cnp(), "model": Residual()}, "model"),
  ],
)
def test_a_job_that_cannot_work_is_refused(change, field):
  validate(dataclasses.replace(CONFIG, algorithm=Anil()))
  with pytest.raises(ConfigError, match=field):
    validate(dataclasses.replace(CONFIG, **change))
