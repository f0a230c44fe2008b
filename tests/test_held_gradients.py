"""What keeps K x P numbers, Adam before aggregation, MoCo, DB-MTL and ExcessMTL, against the papers in NumPy.

Three tasks share the examples x and the parameters w, b: L_k = mean (x w + b - y_k)^2 has the gradients
(2 / n) x' r_k and (2 / n) sum r_k, r_k the residuals, so that nothing of the references goes through JAX.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtl_jax import joint, multitask, tree
from mtl_jax.losses import squared_error
from mtl_jax.types import Batch

RNG = np.random.default_rng(0)
STEPS, TASKS, N = 5, 3, 6
X = RNG.normal(size=(STEPS, N, 4))
Y = RNG.normal(size=(STEPS, TASKS, N)) * np.array([1.0, 3.0, 0.3])[:, None]
NAMES = ("wear", "load", "heat")
RATE = 0.05

pytestmark = pytest.mark.usefixtures("float64")


def start():
  return {"w": np.full((4, 1), 0.5), "b": np.full(1, 0.1)}


def trained(absent=(), **options):
  """The parameters after each step and the last state; `absent` holds pairs (step, task) without labels."""
  apply = lambda params, x: dict.fromkeys(NAMES, x["rig"] @ params["w"] + params["b"][None])  # noqa: E731
  algorithm = joint(apply, dict.fromkeys(NAMES, squared_error), outer=optax.sgd(RATE), **options)
  state, update, found = algorithm.init(jax.tree.map(jnp.asarray, start())), jax.jit(algorithm.update), []
  for t in range(STEPS):
    y = {name: Y[t, k][None, :, None] for k, name in enumerate(NAMES)}
    mask = {name: np.full((1, N), (t, k) not in absent) for k, name in enumerate(NAMES)}
    state, _ = update(jax.random.key(t), state, {"rig": Batch(X[t][None], y, mask)})
    found.append(np.append(state.params["w"], state.params["b"]))
  assert update._cache_size() == 1
  return np.stack(found), state


def losses_and_gradients(t, params):
  residual = X[t] @ params[:4] + params[4] - Y[t]
  return (residual**2).mean(axis=1), 2 / N * np.column_stack([residual @ X[t], residual.sum(axis=1)])


def descended(direction):
  """The parameters after each step of params -= RATE direction(t, losses[K], gradients[K, P])."""
  params, found = np.append(start()["w"], start()["b"]), []
  for t in range(STEPS):
    params = params - RATE * direction(t, *losses_and_gradients(t, params))
    found.append(params)
  return np.stack(found)


def on_simplex(v):
  """The projection, by bisection on its threshold."""
  low, high = v.min() - 1, v.max()
  for _ in range(100):
    middle = 0.5 * (low + high)
    low, high = (middle, high) if np.maximum(v - middle, 0).sum() > 1 else (low, middle)
  return np.maximum(v - low, 0)


def test_adam_before_aggregation_is_an_adam_for_each_task():
  """The task that is absent in the first step starts its Adam in the second."""
  m, v, steps = np.zeros((TASKS, 5)), np.zeros((TASKS, 5)), np.zeros((TASKS, 1))

  def adam(t, losses, g):
    here = np.array([[(t, k) != (0, 1)] for k in range(TASKS)])
    m[:], v[:] = np.where(here, 0.9 * m + 0.1 * g, m), np.where(here, 0.999 * v + 0.001 * g**2, v)
    steps[:] += here
    n = np.maximum(steps, 1)
    change = m / (1 - 0.9**n) / (np.sqrt(v / (1 - 0.999**n)) + 1e-8)
    return (change * here).sum(axis=0)

  found, _ = trained({(0, 1)}, aggregator=multitask.sum(), before=optax.scale_by_adam())
  np.testing.assert_allclose(found, descended(adam), rtol=1e-10)


def test_modo_after_a_moving_average_is_moco():
  beta, gamma, rho = 0.3, 0.2, 0.1
  y, w = np.zeros((TASKS, 5)), np.full(TASKS, 1 / TASKS)

  def moco(t, losses, g):
    nonlocal y, w
    y = y - beta * (y - g)
    w = on_simplex(w - gamma * (y @ y.T + rho * np.eye(TASKS)) @ w)
    return w @ y

  expected = descended(moco)
  assert w.max() > 0.4, "the weights hardly move"
  found, state = trained(aggregator=multitask.modo(gamma, rho=rho), before=optax.ema(1 - beta, debias=False))
  np.testing.assert_allclose(found, expected, rtol=1e-10)
  np.testing.assert_allclose(state.aggregator.w, w, rtol=1e-10)


@pytest.mark.parametrize("sigma", [0.0, 0.5])
def test_db_mtl_takes_a_moving_average_of_the_gradients_of_log_losses(sigma):
  beta, average = 0.9, np.zeros((TASKS, 5))

  def db_mtl(t, losses, g):
    nonlocal average
    log_g = g / losses[:, None]
    average = log_g + beta / (t + 1) ** sigma * (average - log_g)
    norms = np.linalg.norm(average, axis=1)
    return norms.max() / norms @ average

  ema = optax.ema(beta, debias=False)
  if sigma:
    ema = optax.inject_hyperparams(optax.ema)(decay=lambda step: beta / (step + 1).astype(float) ** sigma, debias=False)
  found, _ = trained(aggregator=multitask.db_mtl(), before=multitask.on_log_loss(ema))
  np.testing.assert_allclose(found, descended(db_mtl), rtol=1e-10)


@pytest.mark.parametrize("inside", [("w", "b"), ("w",)], ids=["all", "at a level"])
def test_excess_mtl_weighs_by_excess_risk(inside):
  """Of log losses, and with one task away for a step: the others share the weight that they held together. At the level
  of w alone, b descends on the sum of the log losses."""
  level, away = np.array([name in inside for name in "wwwwb"]), (2, 0)
  squares, first, w = np.zeros((TASKS, 5)), None, np.full(TASKS, 1 / TASKS)

  def excess_mtl(t, losses, g):
    nonlocal squares, first, w
    here = np.array([(t, k) != away for k in range(TASKS)])
    log_g = np.where(here[:, None], g / losses[:, None], 0.0)
    squares = squares + log_g**2
    excess = (log_g**2 / np.sqrt(squares))[:, level].sum(axis=1)
    if first is None:
      first = excess
    else:
      moved = w * np.exp(0.5 * excess / first)
      w = np.where(here, moved / moved[here].sum() * w[here].sum(), w)
    weights = here * w / w[here].sum() * here.sum()
    return np.where(level, weights @ log_g, log_g.sum(axis=0))

  expected = descended(excess_mtl)
  assert w.max() > 0.4, "the weights hardly move"
  found, state = trained(
    {away},
    aggregator=multitask.excess_mtl(0.5),
    weighting=multitask.log(),
    level=None if level.all() else tree.named(*inside),
  )
  np.testing.assert_allclose(found, expected, rtol=1e-10)
  sums = jax.tree.leaves(state.aggregator.squares)
  assert sum(leaf.size for leaf in sums) == TASKS * level.sum()


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_excess_mtl_keeps_to_the_contract_of_its_kind_at_every_scale(scale):
  """In float32: arguments, dtypes, the same weights in every unit, and nothing to weigh, or no gradient, is finite."""
  aggregator = multitask.excess_mtl(0.5)
  assert isinstance(aggregator, multitask.JacobianAggregator)
  assert list(inspect.signature(aggregator.init).parameters) == ["tasks", "params"]
  assert list(inspect.signature(aggregator.combine).parameters) == ["key", "jacobian", "losses", "active", "state"]
  losses, key, everyone = jnp.ones(2, jnp.float32), jax.random.key(0), jnp.ones(2, bool)
  state = aggregator.init(2, {"a": jnp.zeros(2, jnp.float32), "b": None})
  shapes = jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state)
  for row in ((1.0, 0.0), (0.0, 0.0), (0.5, 0.0)):  # the second task has no gradient at all
    jacobian = {"a": jnp.asarray([row, (0.0, 0.0)], jnp.float32) * scale, "b": None}
    weights, state = aggregator.combine(key, jacobian, losses, everyone, state)
    assert weights.dtype == np.float32 and jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), state) == shapes
  # e_1 / e_1(0) is 1, 0 and 0.25 / sqrt(1.25); e_2 is 0.
  odds = np.exp(0.5 * (1 + 0.25 / np.sqrt(1.25)))
  np.testing.assert_allclose(weights, 2 * np.array([odds, 1]) / (odds + 1), rtol=1e-6)
  jacobian = {"a": jnp.zeros((2, 2), jnp.float32), "b": None}
  weights, after = aggregator.combine(key, jacobian, losses, ~everyone, state)
  assert not weights.any()
  jax.tree.map(np.testing.assert_array_equal, after, state)
