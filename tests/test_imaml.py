"""Implicit meta-gradients against closed forms, against the unrolled inner loop and against finite differences.

The symbols of `test_gradients`: L(w) = w'Aw - 2b'w + y'y/n for support (s) and query (q), a the inner rate, l the
penalty lambda. The inner problem has the gradient 2(A_s w - b_s) + l (w - theta), zero at

  phi* = (2A_s + l)^-1 (2b_s + l theta),    d phi*/d theta = l (2A_s + l)^-1 = (I + 2A_s / l)^-1.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from scipy.optimize import minimize
from test_gradients import (
  KEY,
  OUTER,
  RATE,
  TASKS,
  WIDTH,
  close,
  dot,
  gradient_by_differences,
  linear_data,
  lost,
  perceptron,
  perceptron_params,
  start,
)

from mtl_jax import imaml, inner_loop, tree
from mtl_jax.losses import squared_error
from mtl_jax.meta import hessian_free
from mtl_jax.meta.hessian_free import conjugate_gradients

PENALTY = 2.0


pytestmark = pytest.mark.usefixtures("float64")


def linear(**options):
  return imaml(dot, squared_error, inner=optax.sgd(RATE), outer=OUTER, penalty=PENALTY, **options)


def test_at_the_solution_the_gradient_is_the_closed_form_and_nothing_is_left():
  """The mean over tasks of l (2A_s + l)^-1 grad L_q(phi*)."""
  data, tasks = linear_data()
  expected = []
  for s, q in tasks:
    curvature = 2 * s.gram + PENALTY * np.eye(WIDTH)
    phi = np.linalg.solve(curvature, 2 * s.moment + PENALTY * start())
    expected.append(PENALTY * np.linalg.solve(curvature, q.gradient(phi)))
  algorithm = linear(inner_steps=400, cg_steps=WIDTH)
  before = algorithm.init(jnp.asarray(start()))
  state, metrics = jax.jit(algorithm.update)(KEY, before, data)
  close(np.asarray(before.params - state.params), np.mean(expected, axis=0))
  assert metrics["inner_stationarity"] < 1e-10
  assert metrics["cg_residual"] < 1e-10
  assert metrics["unsolved"] == 0.0


def test_away_from_it_the_metrics_say_how_far():
  """phi = phi* + (I - a(2A_s + l))^2 (theta - phi*) after two steps; g = grad L_q(phi). One step of conjugate gradients
  gives v = g (g'g) / (g'Mg) with M = I + 2A_s / l, and leaves g - M v.
  """
  data, tasks = linear_data()
  v, left, rest = [], [], []
  for s, q in tasks:
    curvature = 2 * s.gram + PENALTY * np.eye(WIDTH)
    solution = np.linalg.solve(curvature, 2 * s.moment + PENALTY * start())
    step = np.eye(WIDTH) - RATE * curvature
    phi = solution + step @ step @ (start() - solution)
    terms = s.gradient(phi), PENALTY * (phi - start())
    left.append(np.linalg.norm(sum(terms)) / max(map(np.linalg.norm, terms)))
    g, m = q.gradient(phi), curvature / PENALTY
    v.append(g * (g @ g) / (g @ m @ g))
    rest.append(np.linalg.norm(g - m @ v[-1]) / np.linalg.norm(g))
  between = np.sort(np.maximum(left, rest))[:2].mean()
  algorithm = linear(inner_steps=2, cg_steps=1, tolerance=between)
  before = algorithm.init(jnp.asarray(start()))
  state, metrics = jax.jit(algorithm.update)(KEY, before, data)
  close(np.asarray(before.params - state.params), np.mean(v, axis=0))
  found = [np.asarray(metrics[name]) for name in ("inner_stationarity", "cg_residual", "unsolved")]
  close(found, [np.mean(left), np.mean(rest), (TASKS - 1) / TASKS])


@pytest.mark.parametrize("damping", [0.5, 22.0])
def test_damping_is_of_the_system_and_the_residual_is_without_it(damping):
  """The solution of (I + 2A_s / (l + d)) v = g = grad L_q(phi*), and |g - (I + 2A_s / l) v|."""
  data, tasks = linear_data()
  v, rest = [], []
  for s, q in tasks:
    phi = np.linalg.solve(2 * s.gram + PENALTY * np.eye(WIDTH), 2 * s.moment + PENALTY * start())
    g = q.gradient(phi)
    v.append(np.linalg.solve(np.eye(WIDTH) + 2 * s.gram / (PENALTY + damping), g))
    rest.append(np.linalg.norm(g - v[-1] - 2 * s.gram @ v[-1] / PENALTY) / np.linalg.norm(g))
  algorithm = linear(inner_steps=400, cg_steps=WIDTH, damping=damping)
  before = algorithm.init(jnp.asarray(start()))
  state, metrics = jax.jit(algorithm.update)(KEY, before, data)
  close(np.asarray(before.params - state.params), np.mean(v, axis=0))
  close(metrics["cg_residual"], np.mean(rest))


def test_an_inner_problem_that_diverges_is_not_called_solved():
  algorithm = imaml(dot, squared_error, inner=optax.sgd(1e3), inner_steps=400, outer=OUTER, penalty=PENALTY)
  _, metrics = jax.jit(algorithm.update)(KEY, algorithm.init(jnp.asarray(start())), linear_data()[0])
  assert np.isnan(metrics["inner_stationarity"])
  assert metrics["unsolved"] == 1.0


def test_prediction_is_from_the_inner_problems_solution():
  data, tasks = linear_data()
  algorithm = linear(inner_steps=400)
  support, x = jax.tree.map(lambda leaf: leaf[0], (data.support, data.query.x))
  curvature = 2 * tasks[0][0].gram + PENALTY * np.eye(WIDTH)
  phi = np.linalg.solve(curvature, 2 * tasks[0][0].moment + PENALTY * start())
  close(algorithm.predict(KEY, algorithm.init(jnp.asarray(start())), support, x), np.asarray(x) @ phi)


def test_of_a_tanh_network_it_is_that_of_the_unrolled_loop_and_of_finite_differences():
  """Once the inner problem is solved; finite differences go through the solver too."""
  data, _ = linear_data()
  steps, rate, penalty = 80, 0.08, 8.0
  algorithm = imaml(
    perceptron,
    squared_error,
    inner=optax.sgd(rate),
    inner_steps=steps,
    outer=OUTER,
    penalty=penalty,
    cg_steps=20,
    chunk=2,
  )
  first = algorithm.init(perceptron_params())
  found, _ = ravel_pytree(lost(algorithm, perceptron_params(), data))

  def proximal(params, support, key):
    pull = sum(jnp.sum(jnp.square(p - t)) for p, t in zip(*map(jax.tree.leaves, (params, support[1])), strict=True))
    return jnp.mean(jnp.square(perceptron(params, support[0].x) - support[0].y)) + penalty / 2 * pull, None

  unrolled = inner_loop(proximal, optax.sgd(rate), steps, rematerialise=9)

  def value(theta, support, query):
    phi = unrolled(theta, (support, theta), KEY).params
    return jnp.mean(jnp.square(perceptron(phi, query.x) - query.y))

  def mean(theta):
    return jnp.mean(jax.vmap(value, (None, 0, 0))(theta, data.support, data.query))

  through, _ = ravel_pytree(jax.jit(jax.grad(mean))(perceptron_params()))
  assert np.abs(through).max() > 1e-2
  np.testing.assert_allclose(found, through, rtol=1e-6, atol=1e-9)
  np.testing.assert_allclose(found, gradient_by_differences(algorithm, first, data), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("damping", [0.0, 22.0])
def test_what_does_not_adapt_gets_the_mixed_term_of_the_closed_form(damping):
  """f(x) = h x.u, of which h alone adapts: L(h) = h^2 u'Au - 2h b'u + ..., and with c = u'A_s u, m = b_s'u

  h* = (2m + l t) / (2c + l),   dh*/dt = l / (2c + l),   dh*/du = (2 b_s - 4 h* A_s u) / (2c + l),

  of both derivatives l + d in the place of l where the system is damped by d.
  """
  data, tasks = linear_data()
  u, t = start(), 0.7
  expected = []
  for s, q in tasks:
    curvature = 2 * u @ s.gram @ u + PENALTY
    h = (2 * s.moment @ u + PENALTY * t) / curvature
    slope = 2 * (h * u @ q.gram @ u - q.moment @ u)
    mixed = slope * (2 * s.moment - 4 * h * s.gram @ u) / (curvature + damping)
    head = slope * (PENALTY + damping) / (curvature + damping)
    expected.append({"head": head, "trunk": h * q.gradient(h * u) + mixed})
  algorithm = imaml(
    lambda p, x: x @ p["trunk"] * p["head"],
    squared_error,
    inner=optax.sgd(RATE),
    inner_steps=400,
    outer=OUTER,
    penalty=PENALTY,
    adapt=tree.named("head"),
    cg_steps=1,
    damping=damping,
  )
  params = {"head": jnp.asarray(t), "trunk": jnp.asarray(u)}
  state, metrics = jax.jit(algorithm.update)(KEY, algorithm.init(params), data)
  found = jax.tree.map(lambda before, after: np.asarray(before - after), params, state.params)
  close(found, jax.tree.map(lambda *tasks: np.mean(tasks, axis=0), *expected))
  assert metrics["unsolved"] == float(damping > 0)  # which the residual says


def test_conjugate_gradients_solve_a_positive_system_and_stay_there():
  rng = np.random.default_rng(0)
  root = rng.normal(size=(5, 5))
  matrix = root @ root.T + np.eye(5)
  b = {"a": jnp.asarray(rng.normal(size=2)), "b": jnp.asarray(rng.normal(size=3))}
  flat, unravel = ravel_pytree(b)

  def product(v):
    return unravel(jnp.asarray(matrix) @ ravel_pytree(v)[0])

  for steps in (5, 60):
    x, residual = conjugate_gradients(product, b, steps)
    np.testing.assert_allclose(ravel_pytree(x)[0], np.linalg.solve(matrix, flat), rtol=1e-8)
    assert np.abs(ravel_pytree(residual)[0]).max() < 1e-8
  x, residual = conjugate_gradients(product, b, 2)
  close(ravel_pytree(residual)[0], flat - matrix @ ravel_pytree(x)[0])
  zero = jax.tree.map(jnp.zeros_like, b)
  close(conjugate_gradients(product, zero, 3), (zero, zero))


def test_a_hessian_free_step_solves_a_quadratic_and_a_few_solve_logistic_regression():
  """The quadratic is each task's inner problem, its solution (2A_s + l)^-1 (2b_s + l theta), in one step from anywhere.

  Logistic regression with a ridge against SciPy's BFGS on the same loss in NumPy.
  """
  data, tasks = linear_data()
  x = jax.tree.map(lambda leaf: leaf[0], (data.support, data.query.x))
  algorithm = imaml(dot, squared_error, inner=hessian_free(WIDTH), inner_steps=1, outer=OUTER, penalty=PENALTY)
  s = tasks[0][0]
  phi = np.linalg.solve(2 * s.gram + PENALTY * np.eye(WIDTH), 2 * s.moment + PENALTY * start())
  close(algorithm.predict(KEY, algorithm.init(jnp.asarray(start())), *x), np.asarray(x[1]) @ phi)

  rng = np.random.default_rng(4)
  rows, sign = 5 * rng.normal(size=(30, WIDTH)), rng.choice([-1.0, 1.0], 30)

  def value(w: np.ndarray) -> float:
    return float(np.logaddexp(0, -sign * (rows @ w)).mean() + 0.05 * w @ w)

  def slope(w: np.ndarray) -> np.ndarray:
    return -(sign / (1 + np.exp(sign * (rows @ w)))) @ rows / 30 + 0.1 * w

  def loss(w, batch, key):
    return jnp.mean(jnp.logaddexp(0.0, -jnp.asarray(sign) * (jnp.asarray(rows) @ w))) + 0.05 * w @ w, None

  far = np.full(WIDTH, 3.0)  # a full step from here leads further away
  found = inner_loop(loss, hessian_free(WIDTH), 8, first_order=True)(jnp.asarray(far), None, KEY).params
  np.testing.assert_allclose(found, minimize(value, far, jac=slope, tol=1e-10).x, atol=1e-8)


def test_a_direction_of_negative_curvature_is_not_followed():
  b = jnp.asarray([1.0, 2.0])
  close(conjugate_gradients(lambda v: -v, b, 3), (jnp.zeros(2), b))


@pytest.mark.parametrize(
  ("options", "message"),
  [({"penalty": 0.0}, "penalty=0.0"), ({"cg_steps": 0}, "cg_steps=0"), ({"damping": -1.0}, "damping=-1.0")],
)
def test_nonsense_is_refused_with_its_value(options, message):
  with pytest.raises(ValueError, match=message):
    imaml(dot, squared_error, **{"inner": optax.sgd(RATE), "inner_steps": 1, "outer": OUTER, "penalty": 1.0} | options)


def test_a_hessian_free_step_needs_a_product():
  with pytest.raises(ValueError, match="cg_steps=0"):
    hessian_free(0)
