"""MAML++: the weights of the multi-step loss and the order of the derivative are annealed, in one program."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from test_gradients import (
  KEY,
  OUTER,
  RATE,
  TASKS,
  WIDTH,
  close,
  dot,
  linear_data,
  lost,
  perceptron,
  perceptron_params,
  start,
)

from mtl_jax import maml
from mtl_jax.losses import squared_error

STEPS = 3


pytestmark = pytest.mark.usefixtures("float64")


def after(state, count: int):
  return state._replace(updates=jnp.asarray(count, jnp.int32))


def test_weights_and_orders_are_annealed_by_the_count_of_meta_updates_in_one_program():
  """Over 4 meta-updates the weights of 3 steps go from (1, 1, 1) / 3 to (0, 0, 1) and stay. With J = I - 2a A_s,

  grad = sum_i w_i (J^i)' grad L_q(theta_i),    the identity in place of J before the second meta-update.
  """
  data, tasks = linear_data()
  algorithm = maml(
    dot,
    squared_error,
    inner=optax.sgd(RATE),
    inner_steps=STEPS,
    outer=OUTER,
    multi_step_loss=4,
    second_order_from=2,
    rematerialise=2,
  )
  first, traces = algorithm.init(jnp.asarray(start())), []

  @jax.jit
  def update(state):
    traces.append(1)
    return algorithm.update(KEY, state, data)

  weights = {0: [1 / 3] * 3, 1: [1 / 4, 1 / 4, 1 / 2], 2: [1 / 6, 1 / 6, 2 / 3], 4: [0, 0, 1], 9: [0, 0, 1]}
  for count, w in weights.items():
    expected, losses = np.zeros(WIDTH), []
    for s, q in tasks:
      theta, power = start(), np.eye(WIDTH)
      for i in range(STEPS):
        theta = theta - RATE * s.gradient(theta)
        power = s.jacobian(RATE) @ power if count >= 2 else power
        expected += w[i] * power.T @ q.gradient(theta) / TASKS
      losses.append(theta)
    state, metrics = update(after(first, count))
    close(np.asarray(first.params - state.params), expected)
    assert int(state.updates) == count + 1
    last = np.mean([np.square(x @ t - y).mean() for t, x, y in zip(losses, data.query.x, data.query.y, strict=True)])
    close(np.asarray(metrics["loss"]), last)
  assert len(traces) == 1


def test_the_gradient_of_a_tanh_network_and_its_rates_is_that_of_finite_differences():
  """Of 0.25 L_q(theta_1) + 0.25 L_q(theta_2) + 0.5 L_q(theta_3), after 1 of 4 meta-updates."""
  data, _ = linear_data()
  algorithm = maml(
    perceptron,
    squared_error,
    inner=optax.sgd(RATE),
    inner_steps=STEPS,
    outer=OUTER,
    multi_step_loss=4,
    learned_rates="leaf",
    per_step_rates=True,
    rematerialise=True,
    chunk=2,
  )
  before = after(algorithm.init(perceptron_params()), 1)
  state, _ = jax.jit(algorithm.update)(KEY, before, data)
  flat, unravel = ravel_pytree((before.params, before.rates))
  found = flat - ravel_pytree((state.params, state.rates))[0]

  def loss(params, x, y):
    return jnp.mean(jnp.square(perceptron(params, x) - y))

  def of_task(params, rates, support, query):
    value = 0.0
    for i, w in enumerate((0.25, 0.25, 0.5)):
      slope = jax.grad(loss)(params, support.x, support.y)
      params = jax.tree.map(lambda p, r, g, i=i: p - RATE * r[i] * g, params, rates, slope)
      value += w * loss(params, query.x, query.y)
    return value

  def value(numbers):
    return jnp.mean(jax.vmap(of_task, (None, None, 0, 0))(*unravel(numbers), data.support, data.query))

  h = 1e-5
  ends = jnp.concatenate([flat[None] + h * jnp.eye(flat.size), flat[None] - h * jnp.eye(flat.size)])
  values = np.asarray(jax.jit(jax.vmap(value))(ends)).reshape(2, -1)
  np.testing.assert_allclose(found, (values[0] - values[1]) / (2 * h), rtol=1e-6, atol=1e-8)


def test_what_does_not_count_is_branched_around_and_not_computed_and_thrown_away():
  """A branch that differed from task to task would have become a choice between two results."""
  data, _ = linear_data()
  shared = {"inner": optax.sgd(RATE), "inner_steps": STEPS, "outer": OUTER}
  for options in ({"multi_step_loss": 4}, {"second_order_from": 2}):
    algorithm = maml(dot, squared_error, **shared, **options)
    program = jax.make_jaxpr(algorithm.update)(KEY, algorithm.init(jnp.asarray(start())), data)
    assert "cond[" in str(program), options


@pytest.mark.parametrize(
  ("options", "message"),
  [
    ({"multi_step_loss": 0}, "multi_step_loss=0"),
    ({"second_order_from": -1}, "second_order_from=-1"),
    ({"second_order_from": 5, "first_order": True}, "choose one"),
    ({"truncate": 2, "first_order": True}, "truncate=2"),
    ({"truncate": 0}, "truncate=0"),
    ({"rematerialise": -1}, "rematerialise=-1"),
  ],
)
def test_nonsense_is_refused_with_its_value(options, message):
  with pytest.raises(ValueError, match=message):
    maml(dot, squared_error, **{"inner": optax.sgd(RATE), "inner_steps": 3, "outer": OUTER} | options)


def test_without_an_inner_step_the_loss_at_the_start_is_all_there_is():
  data, tasks = linear_data()
  algorithm = maml(dot, squared_error, inner=optax.sgd(RATE), inner_steps=0, outer=OUTER, multi_step_loss=4)
  close(lost(algorithm, jnp.asarray(start()), data)[0], np.mean([q.gradient(start()) for _, q in tasks], axis=0))
