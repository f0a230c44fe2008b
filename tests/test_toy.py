"""The two-objective problem of CAGrad and Nash-MTL, in float64."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import minimize

from mtl_jax import fit, joint
from mtl_jax.multitask import cagrad
from mtl_jax.tasks import toy

pytestmark = pytest.mark.usefixtures("float64")


def losses(point, scale=1.0):
  return np.asarray(toy.toy(jnp.asarray(point, float), scale))


def test_below_the_axis_the_losses_are_bowls_worked_out_by_hand():
  """At (-8.5, -5): c = tanh 2.5, bowls (15.5^2 + 0.9) / 10 - 20 = 4.115 and (1.5^2 + 0.9) / 10 - 20 = -19.685."""
  np.testing.assert_allclose(losses((-8.5, -5.0)), math.tanh(2.5) * np.array([4.115, -19.685]), rtol=1e-14)


@pytest.mark.parametrize("start", [(-8.5, 7.5), (9.0, 9.0)])
def test_above_the_axis_the_losses_are_valleys_worked_out_by_hand(start):
  """At (-8.5, 7.5) the distances are 3/4 + t' and 23/4 - t' + 2, at (9, 9) -8 + t' and -3 - t' + 2, t' = tanh x_2."""
  bend = math.tanh(start[1])
  distances = {-8.5: (0.75 + bend, 5.75 - bend + 2), 9.0: (-8 + bend, -3 - bend + 2)}[start[0]]
  expected = [math.tanh(start[1] / 2) * (math.log(abs(distance)) + 6) for distance in distances]
  np.testing.assert_allclose(losses(start), expected, rtol=1e-14)
  np.testing.assert_allclose(losses(start, 0.1), [0.1 * expected[0], expected[1]], rtol=1e-14)


def test_the_losses_are_cut_off_in_the_valley_and_zero_on_the_axis():
  """The first valley lies where (x_1 + 7) / 2 = tanh x_2."""
  np.testing.assert_allclose(losses((2 * math.tanh(4.0) - 7, 4.0))[0], math.tanh(2) * (math.log(5e-6) + 6), rtol=1e-12)
  np.testing.assert_array_equal(losses((3.0, 0.0)), 0)


@pytest.mark.parametrize("point", [*toy.STARTS, (0.3, 0.7), (2.0, -0.4), toy.MINIMUM])
def test_gradients_are_those_of_finite_differences(point):
  found = jax.jacrev(toy.toy)(jnp.asarray(point))
  step = 1e-6
  columns = [(losses(point + step * e) - losses(point - step * e)) / (2 * step) for e in np.eye(2)]
  np.testing.assert_allclose(found, np.stack(columns, axis=1), atol=1e-7)


def test_the_mean_is_least_where_the_papers_put_their_star():
  found = minimize(lambda point: losses(point).mean(), (1.0, -6.0), method="Nelder-Mead", options={"xatol": 1e-8})
  np.testing.assert_allclose(found.x, toy.MINIMUM, atol=5e-4)
  assert found.fun < min(losses(start).mean() for start in toy.STARTS)


def test_the_averaged_gradient_gets_stuck_from_two_of_the_three_starts():
  algorithm = joint(toy.apply, toy.LOSSES, outer=optax.adam(1e-3))

  def end(start):
    state = algorithm.init(jnp.asarray(start))
    return fit(jax.random.key(0), algorithm, state, toy.problem(), steps=50_000, tasks_per_step=1, chunk_steps=50_000)

  ends = [np.asarray(end(start)[0].params) for start in toy.STARTS]
  assert np.linalg.norm(ends[1] - toy.MINIMUM) < 0.01
  assert all(np.linalg.norm(ends[i] - toy.MINIMUM) > 8 for i in (0, 2))


def test_cagrad_reaches_the_minimum_from_every_start():
  """CAGrad's figure 1: c = 0.5, both losses at scale 1, Adam of rate 0.001, 100,000 steps."""
  algorithm = joint(toy.apply, toy.LOSSES, outer=optax.adam(1e-3), aggregator=cagrad(c=0.5))
  for start in toy.STARTS:
    state = algorithm.init(jnp.asarray(start))
    state, _ = fit(
      jax.random.key(0), algorithm, state, toy.problem(), steps=100_000, tasks_per_step=1, chunk_steps=100_000
    )
    np.testing.assert_allclose(state.params, toy.MINIMUM, atol=0.02)
