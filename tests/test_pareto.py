"""Weights spread over the simplex, models trained for each, and which of them nothing beats."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtl_jax import fit, joint, replicate
from mtl_jax.losses import squared_error
from mtl_jax.multitask import front, given, simplex
from mtl_jax.types import Batch, TaskFamily

pytestmark = pytest.mark.usefixtures("float64")

KEY = jax.random.key(0)


def test_models_of_many_weights_are_the_pareto_front_of_two_quadratic_losses():
  """L_k = mean (X_k theta - X_k c_k)^2: with H_k = X_k'X_k / n the front is
  theta = (w_1 H_1 + w_2 H_2)^-1 (w_1 H_1 c_1 + w_2 H_2 c_2) over w. One program trains all of its points.
  """
  rng = np.random.default_rng(0)
  x, centres, models = rng.normal(size=(2, 8, 2)), np.array([[1.0, -1.0], [-0.5, 2.0]]), 5
  y = np.einsum("knd,kd->kn", x, centres)
  names = ("left", "right")
  data = {name: Batch(jnp.asarray(x[k]), jnp.asarray(y[k]), jnp.ones(8, bool)) for k, name in enumerate(names)}
  one = joint(
    lambda params, x: {name: leaf @ params for name, leaf in x.items()},
    dict.fromkeys(names, squared_error),
    outer=optax.sgd(0.2),
    weighting=given(),
  )
  algorithm, weights = replicate(one, models), simplex(models, 2)
  state = algorithm.init(jnp.asarray(rng.normal(size=(models, 2))))._replace(weighting=jnp.asarray(weights))
  state, history = fit(KEY, algorithm, state, TaskFamily(lambda key: data), steps=600, tasks_per_step=models)

  hessians = np.einsum("knd,kne->kde", x, x) / 8
  pulls = np.einsum("kde,ke->kd", hessians, centres)
  best = np.stack([np.linalg.solve(np.tensordot(w, hessians, 1), w @ pulls) for w in weights])
  np.testing.assert_allclose(state.params, best, rtol=1e-6)
  np.testing.assert_array_equal(state.weighting, weights)
  losses = history["losses"][-1]
  assert front(losses).all() and (np.diff(losses[:, 0]) < 0).all() and (np.diff(losses[:, 1]) > 0).all()
  aside = ((np.einsum("knd,md->mkn", x, best + 0.05) - y) ** 2).mean(axis=2)
  np.testing.assert_array_equal(front(np.concatenate([losses, losses + 1e-3, aside]))[:10], [True] * 5 + [False] * 5)


def test_given_weights_are_equal_at_first_and_those_of_an_absent_task_go_to_the_others():
  weigh = given().weigh
  start, here = given().init(3), jnp.array([True, False, True])
  np.testing.assert_allclose(start, 1 / 3)
  np.testing.assert_allclose(weigh(KEY, jnp.ones(3), here, start)[0], [0.5, 0, 0.5])
  state = jnp.array([0.5, 0.3, 0.2])
  weights, after = weigh(KEY, jnp.ones(3), here, state)
  np.testing.assert_allclose(weights, [5 / 7, 0, 2 / 7])
  np.testing.assert_array_equal(after, state)
  np.testing.assert_allclose(weigh(KEY, jnp.ones(3), jnp.ones(3, bool), 7 * state)[0], 7 * state)
  np.testing.assert_array_equal(weigh(KEY, jnp.ones(3), here, jnp.array([0.0, 1.0, 0.0]))[0], np.zeros(3))


def test_weights_of_two_tasks_are_an_even_grid():
  np.testing.assert_allclose(simplex(4, 2), [[1 / 8, 7 / 8], [3 / 8, 5 / 8], [5 / 8, 3 / 8], [7 / 8, 1 / 8]])


@pytest.mark.parametrize(("number", "tasks"), [(1, 3), (3, 3), (50, 3), (40, 33)])
def test_weights_of_more_tasks_are_positive_sum_to_one_and_are_spread(number, tasks):
  """Equal, then towards each corner; with 50 of three tasks each task has most of the weight in a fifth or more."""
  weights = simplex(number, tasks)
  assert weights.shape == (number, tasks) and weights.min() > 0
  np.testing.assert_allclose(weights.sum(axis=1), 1.0)
  np.testing.assert_array_equal(weights, simplex(number, tasks))
  np.testing.assert_allclose(weights[0], 1 / tasks)
  corners = weights[1 : tasks + 1]
  np.testing.assert_array_equal(np.argmax(corners, axis=1), np.arange(len(corners)))
  np.testing.assert_allclose(corners.max(axis=1), (1 + 1 / tasks) / 2)
  if number > 20 * tasks / 3:
    assert np.bincount(np.argmax(weights, axis=1), minlength=tasks).min() >= 0.2 * number
  assert len(np.unique(weights.round(12), axis=0)) == number


def test_the_front_is_what_a_loop_over_pairs_says():
  scores = np.random.default_rng(0).integers(0, 4, size=(60, 3)).astype(float)
  lower = np.array([True, False, True])
  cost = np.where(lower, scores, -scores)
  beaten = [any((b <= a).all() and (b < a).any() for b in cost) for a in cost]
  np.testing.assert_array_equal(front(scores, lower), np.logical_not(beaten))
  assert front(np.array([[1.0, 2.0], [2.0, 1.0], [np.nan, 0.0], [2.0, 2.0], [1.0, 2.0]])).tolist() == [
    True, True, False, False, True,
  ]  # fmt: skip
  assert front(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]), False).tolist() == [False, False, True]
