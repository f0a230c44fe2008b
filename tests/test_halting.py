"""A replica that diverges stands still, and the others do not notice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import fit
from mtl_jax.meta import replicate
from mtl_jax.multitask import halting
from mtl_jax.types import Algorithm, TaskFamily

KEY = jax.random.key(0)
START = jnp.array([1.0, 2.0, 1e30])


def square(key, state, data):
  """x <- x^2, which from 1e30 is infinite at once, and y <- 1 / (8 - x / 2), which at x = 16 is."""
  x = state["x"]
  return {"x": x * x, "y": 1 / (8 - x / 2), "n": state["n"] + 1}, {"loss": x, "losses": jnp.stack([x, -x])}


def start(x):
  return {"x": x, "y": x, "n": jnp.zeros((), jnp.int32)}


SQUARES = Algorithm(start, square, lambda key, state, support, x: state["x"])


@pytest.fixture(scope="module")
def trained():
  algorithm = halting(replicate(SQUARES, 3))
  state = algorithm.init(START)
  return algorithm, *fit(KEY, algorithm, state, TaskFamily(lambda key: jnp.zeros(())), steps=5, tasks_per_step=3)


def test_each_stands_still_from_its_first_update_on_that_is_not_finite(trained):
  """Of 2: 4 and 16 are reached; the update at 16 has y = 1 / 0. Of 1e30 no square is finite."""
  _, state, _ = trained
  np.testing.assert_allclose(state.replicas["x"], [1, 16, 1e30])
  assert state.replicas["n"].tolist() == state.steps.tolist() == [5, 2, 0]
  assert state.diverged.tolist() == [False, True, True]


def test_metrics_of_those_that_diverged_are_the_mean_of_the_others(trained):
  _, _, history = trained
  np.testing.assert_allclose(history["loss"], [[1, 2, 1.5], [1, 4, 2.5], *[[1, 1, 1]] * 3])
  np.testing.assert_allclose(history["losses"][1:3, 2], [[2.5, -2.5], [1, -1]])
  np.testing.assert_array_equal(history["diverged"], [[0, 0, 1]] * 2 + [[0, 1, 1]] * 3)


def test_all_may_diverge_and_still_answer(trained):
  algorithm, *_ = trained
  update = jax.jit(algorithm.update)
  state, metrics = update(KEY, algorithm.init(jnp.full(3, 1e30)), jnp.zeros(3))
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state, metrics)))
  np.testing.assert_allclose(algorithm.predict(KEY, state, (), ()), [1e30] * 3)
  # And what has diverged once does not begin anew when an update would be finite.
  before = algorithm.init(jnp.full(3, 2.0))._replace(diverged=jnp.array([True, False, False]))
  state, _ = update(KEY, before, jnp.zeros(3))
  assert state.diverged.tolist() == [True, False, False] and state.replicas["x"].tolist() == [2, 4, 4]
