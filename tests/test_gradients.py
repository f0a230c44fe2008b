"""Meta-gradients against closed forms worked out by hand and against finite differences, in float64.

The hand calculations use a linear model f(x) = x.w with the mean squared error. With the Gram
matrix A = X'X/n and b = X'y/n of a data set, L(w) = w'Aw - 2b'w + y'y/n and

  grad L(w) = 2 (A w - b),    Hessian 2A.

Subscripts s and q say support and query; a is the inner rate. With `outer = optax.sgd(1.0)` the
meta-gradient is what the parameters lose in one update.
"""

from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conftest import optimised
from jax.flatten_util import ravel_pytree

from mtl_jax import anil, cavia, finetune, lora, maml, protonet, r2d2, reptile, tree
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.types import Batch, Episode

RATE, TASKS, SUPPORT, QUERY, WIDTH = 0.1, 3, 5, 4, 3
KEY = jax.random.key(0)
OUTER = optax.sgd(1.0)

pytestmark = pytest.mark.usefixtures("float64")


class Quadratic(NamedTuple):
  """The mean squared error of a linear model on one data set, in NumPy."""

  gram: np.ndarray
  moment: np.ndarray

  def gradient(self, w):
    return 2 * (self.gram @ w - self.moment)

  def jacobian(self, rate):
    """Of one step w - rate * gradient(w); `rate` may be one per parameter."""
    return np.eye(len(self.moment)) - 2 * np.asarray(rate)[..., None] * self.gram


def quadratic(x, y) -> Quadratic:
  return Quadratic(x.T @ x / len(x), x.T @ y / len(x))


def linear_data(width: int = WIDTH) -> tuple[Episode, list[tuple[Quadratic, Quadratic]]]:
  """Regression tasks, and each one's (support, query) as quadratics."""
  rng = np.random.default_rng(0)
  x, y = rng.normal(size=(TASKS, SUPPORT + QUERY, width)), rng.normal(size=(TASKS, SUPPORT + QUERY))
  keep = jnp.ones((TASKS, SUPPORT + QUERY), bool)
  support, query = (
    Batch(jnp.asarray(x[:, s]), jnp.asarray(y[:, s]), keep[:, s]) for s in (slice(SUPPORT), slice(SUPPORT, None))
  )
  parts = [
    (quadratic(xi[:SUPPORT], yi[:SUPPORT]), quadratic(xi[SUPPORT:], yi[SUPPORT:])) for xi, yi in zip(x, y, strict=True)
  ]
  return Episode(support, query, jnp.arange(TASKS)), parts


def ragged() -> Episode:
  """The same, of which the first task lacks its last support example and the second its last two queries."""
  data, _ = linear_data()
  support, query = (side.mask for side in data[:2])
  return data._replace(
    support=data.support._replace(mask=support.at[0, -1].set(False)),
    query=data.query._replace(mask=query.at[1, -2:].set(False)),
  )


def dot(w, x):
  return x @ w


def learned(state) -> list[str]:
  """The fields that the outer optimiser moves; a `solver` is the one of `r2d2`."""
  return [name for name in ("params", "rates", "solver") if name in state._fields]


def lost(algorithm, params, data, **state) -> Any:
  """What (parameters, rates or solver) lose in one update with the outer rate 1, as NumPy arrays."""
  before = algorithm.init(params)._replace(**state)
  after, _ = jax.jit(algorithm.update)(KEY, before, data)
  names = learned(before)
  change = jax.tree.map(
    lambda b, a: np.asarray(b - a), [getattr(before, n) for n in names], [getattr(after, n) for n in names]
  )
  return change if len(change) > 1 else change[0]


def close(found, expected):
  jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, rtol=1e-10, atol=1e-12), found, expected)


def start(width: int = WIDTH) -> np.ndarray:
  return np.random.default_rng(1).normal(size=width)


@pytest.mark.parametrize(("steps", "first_order"), [(0, False), (1, False), (4, False), (4, True)])
def test_maml_on_a_linear_model_has_the_gradient_of_the_closed_form(steps, first_order):
  """theta_{i+1} = theta_i - 2a (A_s theta_i - b_s), so d theta_k / d theta = (I - 2a A_s)^k and

    grad_theta L_q(theta_k) = (I - 2a A_s)^k' grad L_q(theta_k);

  first order puts the identity in place of the power.
  """
  data, tasks = linear_data()
  expected = []
  for s, q in tasks:
    theta = start()
    for _ in range(steps):
      theta = theta - RATE * s.gradient(theta)
    power = np.eye(WIDTH) if first_order else np.linalg.matrix_power(s.jacobian(RATE), steps)
    expected.append(power.T @ q.gradient(theta))
  algorithm = maml(dot, squared_error, inner=optax.sgd(RATE), inner_steps=steps, outer=OUTER, first_order=first_order)
  close(lost(algorithm, jnp.asarray(start()), data)[0], np.mean(expected, axis=0))


@pytest.mark.parametrize(
  ("back", "options"),
  [
    (5, {"rematerialise": 1}),
    (5, {"rematerialise": 2}),
    (5, {"rematerialise": 9}),
    (5, {"truncate": 8}),
    (2, {"truncate": 2}),
    (3, {"truncate": 3, "rematerialise": 2}),
  ],
)
def test_truncated_and_rematerialised_steps_have_the_gradient_of_the_closed_form(back, options):
  """With rates a_i that differ from step to step and J_i = I - 2a_i A_s, the gradient is

  (J_4 J_3 ... J_{5 - back})' grad L_q(theta_5):    the identity in place of the steps before.
  """
  data, tasks = linear_data()
  expected = []
  for s, q in tasks:
    theta, product = start(), np.eye(WIDTH)
    for i in range(5):
      theta = theta - RATE / (1 + i) * s.gradient(theta)
      product = s.jacobian(RATE / (1 + i)) @ product if i >= 5 - back else product
    expected.append(product.T @ q.gradient(theta))
  inner = optax.sgd(lambda count: RATE / (1.0 + count))
  algorithm = maml(dot, squared_error, inner=inner, inner_steps=5, outer=OUTER, **options)
  close(lost(algorithm, jnp.asarray(start()), data)[0], np.mean(expected, axis=0))


@pytest.mark.parametrize("first_order", [False, True])
def test_meta_sgd_has_the_gradient_of_the_closed_form_in_parameters_and_rates(first_order):
  """theta' = theta - a r * grad L_s(theta), elementwise in r. Then, with g = grad L_q(theta'),

  grad_r = -a grad L_s(theta) * g,    grad_theta = (I - a diag(r) 2A_s)' g   (first order: g).
  """
  data, tasks = linear_data()
  theta, rates = start(), np.asarray([0.5, 1.0, 2.0])
  expected = []
  for s, q in tasks:
    g = q.gradient(theta - RATE * rates * s.gradient(theta))
    jacobian = np.eye(WIDTH) if first_order else s.jacobian(RATE * rates)
    expected.append((jacobian.T @ g, -RATE * s.gradient(theta) * g))
  algorithm = maml(
    dot,
    squared_error,
    inner=optax.sgd(RATE),
    inner_steps=1,
    outer=OUTER,
    first_order=first_order,
    learned_rates="parameter",
  )
  found = lost(algorithm, jnp.asarray(theta), data, rates=jnp.asarray(rates))
  close(found, [np.mean(part, axis=0) for part in zip(*expected, strict=True)])


def test_one_rate_per_step_and_leaf_has_the_gradient_of_the_closed_form():
  """f(x) = x.w + c is f(x) = (x, 1).(w, c). Two steps with a rate r_i per leaf, spread over the
  leaf's parameters, and J_1 = I - a diag(r_1) 2A_s:

    grad_{r_1} = -a grad L_s(theta_1) * g,    grad_{r_0} = -a grad L_s(theta_0) * J_1' g,

  elementwise, then summed over the leaf.
  """
  data, _ = linear_data()
  rates = {"c": np.asarray([0.3, 1.5]), "w": np.asarray([0.7, 1.2])}
  spread = [np.append(np.full(WIDTH, rates["w"][i]), rates["c"][i]) for i in range(2)]
  expected = []
  for t in range(TASKS):
    s, q = (
      quadratic(np.append(side.x[t], np.ones((side.x.shape[1], 1)), axis=1), np.asarray(side.y[t])) for side in data[:2]
    )
    thetas = [np.append(start(), 0.5)]
    for r in spread:
      thetas.append(thetas[-1] - RATE * r * s.gradient(thetas[-1]))
    g = q.gradient(thetas[2])
    by_step = [
      -RATE * s.gradient(thetas[0]) * (s.jacobian(RATE * spread[1]).T @ g),
      -RATE * s.gradient(thetas[1]) * g,
    ]
    expected.append({"c": [e[-1] for e in by_step], "w": [e[:-1].sum() for e in by_step]})
  algorithm = maml(
    lambda p, x: x @ p["w"] + p["c"],
    squared_error,
    inner=optax.sgd(RATE),
    inner_steps=2,
    outer=OUTER,
    learned_rates="leaf",
    per_step_rates=True,
  )
  params = {"c": jnp.asarray(0.5), "w": jnp.asarray(start())}
  found = lost(algorithm, params, data, rates=jax.tree.map(jnp.asarray, rates))[1]
  for leaf in rates:
    close(found[leaf], np.mean([e[leaf] for e in expected], axis=0))


@pytest.mark.parametrize("first_order", [False, True])
def test_anil_on_a_linear_trunk_and_head_has_the_gradient_of_the_closed_form(first_order):
  """f(x) = x B h; only the head h adapts: h' = h - 2a B'r with r = A_s B h - b_s.
  With e = A_q B h' - b_q and g = dL_q/dh' = 2 B'e:

    grad_h = (I - 2a B'A_s B) g,
    grad_B = 2 e h''  -  2a (r g' + A_s B g h')        (h'' is the transpose of h').

  The first term is the direct one: L_q depends on B at fixed h'. The rest comes from
  dh' = -2a (dB'r + B'A_s dB h). First order drops the rest, and the Hessian in grad_h.
  """
  data, tasks = linear_data()
  rng = np.random.default_rng(2)
  body, head = rng.normal(size=(WIDTH, 2)), rng.normal(size=2)
  expected = []
  for s, q in tasks:
    r = s.gram @ body @ head - s.moment
    adapted = head - 2 * RATE * body.T @ r
    e = q.gram @ body @ adapted - q.moment
    g = 2 * body.T @ e
    grad_body, grad_head = 2 * np.outer(e, adapted), g
    if not first_order:
      grad_body = grad_body - 2 * RATE * (np.outer(r, g) + np.outer(s.gram @ body @ g, head))
      grad_head = g - 2 * RATE * body.T @ s.gram @ body @ g
    expected.append((grad_body, grad_head))
  algorithm = anil(
    lambda p, x: x @ p["body"] @ p["head"],
    squared_error,
    inner=optax.sgd(RATE),
    inner_steps=1,
    outer=OUTER,
    first_order=first_order,
  )
  found = lost(algorithm, {"body": jnp.asarray(body), "head": jnp.asarray(head)}, data)[0]
  close([found["body"], found["head"]], [np.mean(part, axis=0) for part in zip(*expected, strict=True)])


def joined(data: Episode, t: int) -> Quadratic:
  return quadratic(*(np.concatenate([getattr(side, f)[t] for side in data[:2]]) for f in ("x", "y")))


@pytest.mark.parametrize("steps", [1, 5])
def test_reptile_moves_to_the_mean_of_the_closed_forms_of_gradient_descent(steps):
  """On support and query together, w* = A^-1 b and phi = w* + (I - 2a A)^k (theta - w*).
  With the outer rate 1, theta - mean(theta - phi) = mean(phi).
  """
  data, _ = linear_data()
  phi = []
  for t in range(TASKS):
    task = joined(data, t)
    best = np.linalg.solve(task.gram, task.moment)
    phi.append(best + np.linalg.matrix_power(task.jacobian(RATE), steps) @ (start() - best))
  algorithm = reptile(dot, squared_error, inner=optax.sgd(RATE), inner_steps=steps, outer=OUTER)
  close(lost(algorithm, jnp.asarray(start()), data), start() - np.mean(phi, axis=0))


def test_serial_reptile_goes_on_from_where_the_last_task_led():
  """theta_{t+1} = theta_t + e (phi_t - theta_t), phi_t of task t from theta_t, with the outer rate e."""
  data, _ = linear_data()
  theta, outer = start(), 0.4
  for t in range(TASKS):
    task = joined(data, t)
    best = np.linalg.solve(task.gram, task.moment)
    phi = best + np.linalg.matrix_power(task.jacobian(RATE), 3) @ (theta - best)
    theta = theta + outer * (phi - theta)
  algorithm = reptile(dot, squared_error, inner=optax.sgd(RATE), inner_steps=3, outer=optax.sgd(outer), serial=True)
  close(lost(algorithm, jnp.asarray(start()), data), start() - theta)


def test_reptile_that_keeps_the_inner_state_goes_on_with_its_mean_over_tasks_also_when_it_predicts():
  """Adam without momentum in NumPy: v <- b v + (1 - b) g^2, a step of rate g / (sqrt(v / (1 - b^n)) + eps)."""
  data, parts = linear_data()
  b, eps, steps = 0.9, 1e-3, 2

  def descend(task, theta, v, n):
    for _ in range(steps):
      g = task.gradient(theta)
      v, n = b * v + (1 - b) * g**2, n + 1
      theta = theta - RATE * g / (np.sqrt(v / (1 - b**n)) + eps)
    return theta, v, n

  theta, v, n = start(), np.zeros(WIDTH), 0
  for _ in range(2):
    ends = [descend(joined(data, t), theta, v, n) for t in range(TASKS)]
    theta, v, n = np.mean([e[0] for e in ends], axis=0), np.mean([e[1] for e in ends], axis=0), n + steps
  inner = optax.adam(RATE, b1=0.0, b2=b, eps=eps)
  algorithm = reptile(dot, squared_error, inner=inner, inner_steps=steps, outer=OUTER, keep_inner_state=True)
  state = algorithm.init(jnp.asarray(start()))
  for _ in range(2):
    state, _ = algorithm.update(KEY, state, data)
  close(state.params, theta)
  found = algorithm.predict(KEY, state, jax.tree.map(lambda leaf: leaf[0], data.support), data.query.x[0])
  close(found, np.asarray(data.query.x[0]) @ descend(parts[0][0], theta, v, n)[0])


def test_finetune_trains_on_support_and_query_together():
  """grad L of the joined data at theta, averaged over tasks."""
  data, _ = linear_data()
  expected = np.mean([joined(data, t).gradient(start()) for t in range(TASKS)], axis=0)
  algorithm = finetune(dot, squared_error, inner=optax.sgd(RATE), inner_steps=3, outer=OUTER)
  close(lost(algorithm, jnp.asarray(start()), data), expected)


@pytest.mark.parametrize(
  ("factory", "steps"),
  [
    (maml, {"inner_steps": 3}),
    (reptile, {"inner_steps": 3}),
    (reptile, {"inner_steps": 1, "predict_steps": 3}),
    (finetune, {"inner_steps": 3}),
  ],
)
def test_prediction_is_the_closed_form_of_gradient_descent_on_the_support_set(factory, steps):
  """phi = w* + (I - 2a A_s)^k (theta - w*) with A_s w* = b_s; the prediction is x.phi."""
  data, tasks = linear_data()
  algorithm = factory(dot, squared_error, inner=optax.sgd(RATE), outer=OUTER, **steps)
  state = algorithm.init(jnp.asarray(start()))
  found = jax.vmap(algorithm.predict, (None, None, 0, 0))(KEY, state, data.support, data.query.x)
  for t, (s, _) in enumerate(tasks):
    best = np.linalg.solve(s.gram, s.moment)
    phi = best + np.linalg.matrix_power(s.jacobian(RATE), 3) @ (start() - best)
    close(found[t], np.asarray(data.query.x[t]) @ phi)


def test_prediction_uses_the_rates_that_were_learned():
  """theta' = theta - a r * grad L_s(theta), elementwise in r; the prediction is x.theta'."""
  data, tasks = linear_data()
  algorithm = maml(dot, squared_error, inner=optax.sgd(RATE), inner_steps=1, outer=OUTER, learned_rates="parameter")
  rates = np.asarray([0.5, 1.0, 2.0])
  state = algorithm.init(jnp.asarray(start()))._replace(rates=jnp.asarray(rates))
  support, x = jax.tree.map(lambda leaf: leaf[0], (data.support, data.query.x))
  expected = start() - RATE * rates * tasks[0][0].gradient(start())
  close(algorithm.predict(KEY, state, support, x), np.asarray(x) @ expected)


def perceptron(params, x):
  return jnp.tanh(x @ params["body"]["w"] + params["body"]["b"][None]) @ params["head"]


def perceptron_params():
  rng = np.random.default_rng(3)
  w, b, head = (jnp.asarray(rng.normal(size=shape)) for shape in ((WIDTH, 4), 4, 4))
  return {"body": {"w": w, "b": b}, "head": head}


def gradient_by_differences(algorithm, state, data) -> np.ndarray:
  """Central differences of the metric `loss` in all that is learned."""
  names = learned(state)
  flat, unravel = ravel_pytree([getattr(state, name) for name in names])
  update = jax.jit(algorithm.update)  # the program that `lost` has compiled

  def value(numbers):
    return update(KEY, state._replace(**dict(zip(names, unravel(numbers), strict=True))), data)[1]["loss"]

  h = 1e-5
  return np.asarray([value(flat + d) - value(flat - d) for d in h * np.eye(flat.size)]) / (2 * h)


NETWORK = {"apply": perceptron, "loss": squared_error, "inner_steps": 3, "outer": OUTER}
NESTEROV = optax.sgd(RATE, momentum=0.9, nesterov=True)


@pytest.mark.parametrize(
  "algorithm",
  [
    maml(inner=optax.sgd(RATE), **NETWORK),
    maml(inner=optax.adam(RATE, eps_root=1e-8), **NETWORK),
    maml(inner=NESTEROV, clip=0.5, **NETWORK),
    maml(inner=optax.sgd(RATE), adapt=tree.named("w", "head"), **NETWORK),
    maml(inner=optax.sgd(RATE), learned_rates="leaf", per_step_rates=True, **NETWORK),
    maml(
      inner=optax.adam(RATE, eps_root=1e-8), learned_rates="parameter", adapt=tree.named("body"), clip=1.0, **NETWORK
    ),
    anil(inner=optax.sgd(RATE), **NETWORK),
    anil(inner=NESTEROV, head=tree.named("b", "head"), **NETWORK),
    finetune(inner=optax.sgd(RATE), **NETWORK),
  ],
  ids=["sgd", "adam", "clipped", "masked", "per step", "all together", "anil", "anil, two leaves", "finetune"],
)
def test_the_meta_gradient_of_a_tanh_network_is_that_of_finite_differences(algorithm):
  """Of `finetune`, whose update has no inner loop, the gradient of what all tasks lose together."""
  data = ragged()
  state = algorithm.init(perceptron_params())
  found, _ = ravel_pytree(lost(algorithm, perceptron_params(), data))
  expected = gradient_by_differences(algorithm, state, data)
  assert np.abs(expected).max() > 1e-2
  np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
  "factory", [anil, partial(cavia, context=tree.named("b")), partial(lora, rank=1)], ids=["anil", "cavia", "lora"]
)
@optimised()
def test_rematerialised_steps_have_the_gradient_of_stored_ones_in_less_memory(factory):
  """Forty steps on 90 examples, whose activations are larger than the parameters."""
  data, _ = linear_data()
  support = jax.tree.map(lambda leaf: jnp.tile(leaf, (1, 18, *[1] * (leaf.ndim - 2))), data.support)

  def trained(**options):
    algorithm = factory(**NETWORK | {"inner": optax.sgd(RATE), "inner_steps": 40} | options)
    arguments = (KEY, algorithm.init(perceptron_params()), data._replace(support=support))
    program = jax.jit(algorithm.update).lower(*arguments).compile()
    return program(*arguments)[0].params, program.memory_analysis().temp_size_in_bytes

  (stored, much), (again, less) = trained(), trained(rematerialise=4)
  close(again, stored)
  assert less < 0.5 * much


def test_the_meta_gradient_of_a_recurrent_network_is_that_of_finite_differences():
  """A GRU over four time steps of two sensors, through two second-order steps."""
  cell = nn.GRUCell(3, param_dtype=jnp.float64)
  network = nn.Sequential([nn.RNN(cell), lambda h: h[:, -1], nn.Dense(1, param_dtype=jnp.float64)])
  rng = np.random.default_rng(4)
  sides = [
    Batch(jnp.asarray(rng.normal(size=(2, 3, 4, 2))), jnp.asarray(rng.normal(size=(2, 3, 1))), jnp.ones((2, 3), bool))
    for _ in range(2)
  ]
  data = Episode(*sides, jnp.arange(2))
  params = jax.jit(network.init)(KEY, sides[0].x[0])
  algorithm = maml(network.apply, squared_error, inner=optax.sgd(0.3), inner_steps=2, outer=OUTER, rematerialise=1)
  found, _ = ravel_pytree(lost(algorithm, params, data))
  expected = gradient_by_differences(algorithm, algorithm.init(params), data)
  assert np.abs(expected).max() > 1e-2
  np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)


def test_the_gradient_of_a_prototypical_network_is_that_of_finite_differences():
  data, _ = linear_data()
  label = [jnp.arange(side.y.size).reshape(side.y.shape) % 2 for side in data[:2]]
  data = Episode(data.support._replace(y=label[0]), data.query._replace(y=label[1]), data.task)
  algorithm = protonet(
    lambda p, x: jnp.tanh(x @ p["body"]["w"] + p["body"]["b"][None]), cross_entropy, classes=2, outer=OUTER
  )
  params = {"body": perceptron_params()["body"]}
  found, _ = ravel_pytree(lost(algorithm, params, data))
  expected = gradient_by_differences(algorithm, algorithm.init(params), data)
  assert np.abs(expected).max() > 1e-2
  np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize(
  ("classes", "width", "common"),
  [(None, 2, False), (None, SUPPORT + 1, True), (2, 2, True)],
  ids=["regression", "common, fewer examples than features", "common, classes"],
)
def test_the_gradient_of_a_ridge_head_is_that_of_finite_differences(classes, width, common):
  """In the embedding, log lambda, alpha and the common weights, from values of their own for each."""
  data, rng = ragged(), np.random.default_rng(5)
  outputs = classes or 1
  side = (lambda y: y[..., None]) if classes is None else (lambda y: jnp.arange(y.size).reshape(y.shape) % classes)
  data = data._replace(**{name: (b := getattr(data, name))._replace(y=side(b.y)) for name in ("support", "query")})
  algorithm = r2d2(
    lambda p, x: jnp.tanh(x @ p["w"] + p["b"][None]),
    squared_error if classes is None else cross_entropy,
    classes=classes,
    outer=OUTER,
    penalty=0.6,
    alpha=1.3,
    common=(width, outputs) if common else None,
  )
  params = {"w": jnp.asarray(rng.normal(size=(WIDTH, width))), "b": jnp.asarray(rng.normal(size=width))}
  state = algorithm.init(params)
  if common:
    first = jnp.asarray(rng.normal(size=state.solver.common.shape))
    state = state._replace(solver=state.solver._replace(common=first))
  found = lost(algorithm, params, data, solver=state.solver)
  assert all(np.abs(leaf).max() > 1e-2 for leaf in jax.tree.leaves(found))
  expected = gradient_by_differences(algorithm, state, data)
  np.testing.assert_allclose(ravel_pytree(found)[0], expected, rtol=1e-6, atol=1e-8)
