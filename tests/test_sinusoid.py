"""The sine waves of Finn et al. 2017 against closed forms, and MAML learning on them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import mtl_jax
from mtl_jax.tasks.sinusoid import mean_curve


@pytest.fixture(scope="module")
def curves() -> mtl_jax.Episode:
  family = mtl_jax.tasks.sinusoid(shots=5, queries=50)
  keys = jax.random.split(jax.random.key(0), 20_000)
  return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), jax.jit(jax.vmap(family.sample))(keys))


def _error(curves: mtl_jax.Episode, predict) -> tuple[float, float]:
  """Mean squared error over curves, and its standard error."""
  per_curve = np.square(curves.query.y - predict(curves.query.x)).mean(axis=(1, 2))
  return per_curve.mean(), per_curve.std() / len(per_curve) ** 0.5


def test_the_zero_predictor_misses_by_4_25(curves):
  """E[A^2] E[sin^2(x + p)] = (5^3 - 0.1^3) / (3 * 4.9) / 2."""
  mean, error = _error(curves, np.zeros_like)
  assert mean == pytest.approx((5.0**3 - 0.1**3) / (3 * 4.9) / 2, abs=4 * error)
  assert mean == pytest.approx(4.25, abs=0.15)


def test_the_best_curve_without_adaptation_misses_by_3_01(curves):
  """4.25 less (5.1 / pi)^2 E[cos^2 x], where E[cos^2 x] over [-5, 5] is 1 / 2 + sin(10) / 20."""
  expected = (5.0**3 - 0.1**3) / (3 * 4.9) / 2 - (5.1 / np.pi) ** 2 * (0.5 + np.sin(10.0) / 20)
  mean, error = _error(curves, mean_curve)
  assert mean == pytest.approx(expected, abs=4 * error)
  assert expected == pytest.approx(3.01, abs=0.005)


def test_no_multiple_of_the_mean_curve_is_better(curves):
  best = _error(curves, mean_curve)[0]
  for factor in (0.85, 1.15):
    assert _error(curves, lambda x, factor=factor: factor * mean_curve(x))[0] > best


def test_support_and_query_are_points_of_one_curve_over_the_whole_range(curves):
  amplitude, phase = (curves.task[name][:, None, None] for name in ("amplitude", "phase"))
  for side in (curves.support, curves.query):
    np.testing.assert_allclose(side.y, amplitude * np.sin(side.x + phase), atol=1e-5)
    assert -5.0 <= side.x.min() < -4.99
    assert 4.99 < side.x.max() <= 5.0
    assert side.mask.all()
  for drawn, low, high in ((amplitude, 0.1, 5.0), (phase, 0.0, np.pi)):
    edge = 0.01 * (high - low)
    assert low <= drawn.min() < low + edge
    assert high - edge < drawn.max() <= high + 1e-6
    assert drawn.mean() == pytest.approx((low + high) / 2, abs=edge)
  assert curves.support.x.shape == (20_000, 5, 1)
  assert not np.isin(curves.support.x[0], curves.query.x[0]).any()


def test_a_few_hundred_steps_of_maml_already_adapt_to_a_new_curve():
  """Neither predictor without adaptation gets below 3.01."""
  model = mtl_jax.models.MLP((40, 40, 1), norm="none")

  def maml(inner_steps: int):
    inner, outer = optax.sgd(0.01), optax.adam(3e-3)
    return mtl_jax.maml(model.apply, mtl_jax.losses.squared_error, inner=inner, inner_steps=inner_steps, outer=outer)

  algorithm, tasks = maml(5), mtl_jax.tasks.sinusoid()
  state = algorithm.init(model.init(jax.random.key(0), jnp.zeros((1, 1))))
  state, _ = mtl_jax.fit(jax.random.key(1), algorithm, state, tasks, steps=400, tasks_per_step=25)
  before, after = (
    mtl_jax.evaluate(jax.random.key(2), maml(steps), state, tasks, episodes=300)["mse"] for steps in (0, 5)
  )
  _, _, high = mtl_jax.interval(after)
  assert high < 2.5
  assert mtl_jax.interval(before - after)[1] > 0.5
