"""Every loss weighting against the derivative of the function that its paper minimises, or a hand-made run of it."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import multitask
from mtl_jax.types import Weighting

TASKS = 4
KEY = jax.random.key(0)
LOSSES = np.random.default_rng(0).uniform(0.2, 3.0, size=(7, TASKS))
ALL = np.ones(TASKS, bool)

FACTORIES = {
  "equal": multitask.equal,
  "log": multitask.log,
  "uncertainty": lambda: multitask.uncertainty(0.1),
  "dwa": lambda: multitask.dwa(2),
  "rlw": multitask.rlw,
  "gls": multitask.gls,
  "imtl_l": lambda: multitask.imtl_l(0.1),
  "famo": lambda: multitask.famo(0.5),
  "stch": lambda: multitask.stch(0.2),
  "given": multitask.given,
}

pytestmark = pytest.mark.usefixtures("float64")


def run(name, losses=LOSSES, active=None):
  """The weights of a sequence of steps, [steps, K], and the state after it."""
  weighting = FACTORIES[name]()
  active = np.ones(losses.shape, bool) if active is None else active

  def step(state, data):
    weights, state = weighting.weigh(KEY, *data, state)
    return state, weights

  state, weights = jax.jit(lambda *data: jax.lax.scan(step, weighting.init(losses.shape[1]), data))(losses, active)
  return np.asarray(weights), state


def softmax(x):
  e = np.exp(x - x.max())
  return e / e.sum()


SCALARISATIONS = {
  "equal": lambda losses: losses.sum(),
  "log": lambda losses: np.log(losses).sum(),
  "gls": lambda losses: np.prod(losses) ** (1 / TASKS),
  "stch": lambda losses: 0.2 * np.log(np.exp(losses / TASKS / 0.2).sum()),
}


@pytest.mark.parametrize("name", SCALARISATIONS)
def test_weights_are_the_derivative_of_the_scalarisation(name):
  """By central differences."""
  weights, _ = run(name)
  for losses, w in zip(LOSSES, weights, strict=True):
    f, steps = SCALARISATIONS[name], 1e-5 * np.eye(TASKS)
    slope = [(f(losses + h) - f(losses - h)) / 2e-5 for h in steps]
    np.testing.assert_allclose(w, slope, rtol=1e-7)


def test_stch_takes_a_preference_and_an_ideal():
  lambda_, z, losses = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.0, 0.2]), np.array([1.0, 2.0, 0.5])
  weighting = multitask.stch(0.1, preference=lambda_, ideal=z)
  weights, _ = weighting.weigh(KEY, jnp.asarray(losses), jnp.ones(3, bool), ())
  np.testing.assert_allclose(weights, lambda_ * softmax(lambda_ * (losses - z) / 0.1), rtol=1e-12)


def test_uncertainty_descends_its_own_loss():
  """sum exp(-s) L / 2 + s / 2: s -= rate (1 - exp(-s) L) / 2, after the weights are out."""
  weights, state = run("uncertainty")
  s = np.zeros(TASKS)
  for losses, w in zip(LOSSES, weights, strict=True):
    np.testing.assert_allclose(w, np.exp(-s) / 2, rtol=1e-12)
    s -= 0.1 * (1 - np.exp(-s) * losses) / 2
  np.testing.assert_allclose(state.s, s, rtol=1e-12)


def test_imtl_l_descends_its_own_loss():
  """sum exp(s) L - s: s -= rate (exp(s) L - 1)."""
  weights, state = run("imtl_l")
  s = np.zeros(TASKS)
  for losses, w in zip(LOSSES, weights, strict=True):
    np.testing.assert_allclose(w, np.exp(s), rtol=1e-12)
    s -= 0.1 * (np.exp(s) * losses - 1)
  np.testing.assert_allclose(state.s, s, rtol=1e-12)


@pytest.mark.parametrize(("name", "limit"), [("uncertainty", 0.5), ("imtl_l", 1.0)])
def test_learned_scales_settle_where_the_paper_says(name, limit):
  """At constant losses, L times the weight goes to 1/2 for uncertainty and to 1 for IMTL-L."""
  weights, _ = run(name, np.tile(LOSSES[:1], (2000, 1)))
  np.testing.assert_allclose(weights[-1] * LOSSES[0], limit, rtol=1e-8)


def test_dwa_weighs_by_the_fall_over_two_periods():
  """Periods of two steps: equal weights for two periods, then K softmax(r / 2) of the means."""
  weights, _ = run("dwa")
  means = LOSSES[:6].reshape(3, 2, TASKS).mean(axis=1)
  np.testing.assert_allclose(weights[:4], 1.0)
  np.testing.assert_allclose(weights[4:6], np.tile(TASKS * softmax(means[1] / means[0] / 2), (2, 1)), rtol=1e-12)
  np.testing.assert_allclose(weights[6], TASKS * softmax(means[2] / means[1] / 2), rtol=1e-12)


def test_dwa_averages_over_the_steps_with_the_task():
  """Task 0 is in one step of the first period only: the mean is that step's loss, not half of it."""
  active = np.ones(LOSSES.shape, bool)
  active[0, 0] = False
  weights, _ = run("dwa", LOSSES, active)
  pairs = LOSSES[:4].reshape(2, 2, TASKS)
  rate = pairs[1].mean(axis=0) / pairs[0].mean(axis=0)
  rate[0] = pairs[1].mean(axis=0)[0] / LOSSES[1, 0]
  np.testing.assert_allclose(weights[5], TASKS * softmax(rate / 2), rtol=1e-12)


def test_famo_follows_the_paper_with_the_next_call_as_the_loss_after_the_step():
  weights, state = run("famo")
  xi = np.zeros(TASKS)
  for n, (losses, w) in enumerate(zip(LOSSES, weights, strict=True)):
    if n > 0:
      z = softmax(xi)
      jacobian = np.diag(z) - np.outer(z, z)
      xi = xi - 0.5 * (jacobian @ (np.log(LOSSES[n - 1]) - np.log(losses)) + 0.001 * xi)
    z = softmax(xi)
    np.testing.assert_allclose(w, z / losses / (z / losses).sum(), rtol=1e-10)
  np.testing.assert_allclose(state.xi, xi, rtol=1e-10)


def test_famo_lifts_the_task_that_falls_least():
  """Task 0 stands still while the others halve at each step."""
  losses = 0.5 ** np.arange(7.0)[:, None] * np.ones((7, TASKS))
  losses[:, 0] = 1.0
  _, state = run("famo", losses)
  assert np.asarray(state.xi)[0] > 0 > np.asarray(state.xi)[1:].max()


def test_rlw_draws_a_new_point_of_the_simplex():
  weigh = multitask.rlw().weigh
  a, b = (np.asarray(weigh(jax.random.key(k), jnp.ones(TASKS), jnp.ones(TASKS, bool), ())[0]) for k in (1, 2))
  assert a.min() > 0 and abs(a.sum() - 1) < 1e-12 and not np.allclose(a, b)


@pytest.mark.parametrize("name", [n for n in FACTORIES if n != "rlw"])
def test_an_absent_task_leaves_and_keeps_its_state(name):
  """The others' weights are those of the smaller problem; its own state stays that of the start. Its loss is NaN."""
  losses, active = LOSSES.copy(), np.ones(LOSSES.shape, bool)
  losses[:, 1], active[:, 1] = np.nan, False
  weights, state = run(name, losses, active)
  wanted, _ = run(name, np.delete(LOSSES, 1, axis=1))
  assert not weights[:, 1].any()
  np.testing.assert_allclose(np.delete(weights, 1, axis=1), wanted, rtol=1e-12)
  for before, after in zip(jax.tree.leaves(FACTORIES[name]().init(TASKS)), jax.tree.leaves(state), strict=True):
    if before.ndim == 1:
      assert before[1] == after[1]


@pytest.mark.parametrize("name", ["log", "gls", "famo"])
def test_units_of_the_losses_do_not_change_the_balance(name):
  """w L, each task's share, is the same in other units, up to a common factor."""
  unit = np.array([1e-3, 1e3, 1.0, 1e6])
  one, other = run(name)[0] * LOSSES, run(name, LOSSES * unit)[0] * LOSSES * unit
  np.testing.assert_allclose(one / one[:, :1], other / other[:, :1], rtol=1e-8)


@pytest.mark.parametrize("name", FACTORIES)
def test_contract(name):
  """Names, dtypes, vmap is a loop, no second compilation, nothing to weigh is no weight."""
  weighting = FACTORIES[name]()
  assert isinstance(weighting, Weighting)
  assert list(inspect.signature(weighting.init).parameters) == ["tasks"]
  assert list(inspect.signature(weighting.weigh).parameters) == ["key", "losses", "active", "state"]
  losses, state, single = LOSSES.astype(np.float32), weighting.init(TASKS), jax.jit(weighting.weigh)
  together, _ = jax.jit(jax.vmap(weighting.weigh, in_axes=(None, 0, None, None)))(KEY, losses, ALL, state)
  for row, batched in zip(losses, together, strict=True):
    weights, after = single(KEY, row, ALL, state)
    assert weights.dtype == np.float32 and weights.shape == (TASKS,)
    np.testing.assert_allclose(weights, batched, rtol=1e-6)
  weights, after = single(KEY, losses[0], ~ALL, after)
  assert not weights.any() and all(np.isfinite(a).all() for a in jax.tree.leaves(after))
  assert jax.tree.map(lambda a: (a.shape, a.dtype), after) == jax.tree.map(lambda a: (a.shape, a.dtype), state)
  single(KEY, losses[1], ALL, after)
  assert single._cache_size() == 1


def test_a_loss_of_zero_leaves_every_weight_and_what_is_remembered_finite():
  """Cross-entropy of a sure network is exactly 0, and so is its gradient."""
  zero, some = jnp.asarray([1.0, 0.0], jnp.float32), jnp.ones(2, bool)
  for name in ("log", "gls", "famo"):
    weighting = FACTORIES[name]()
    state, weigh = weighting.init(2), jax.jit(weighting.weigh)
    for losses in (zero, zero / 2, zero):
      weights, state = weigh(KEY, losses, some, state)
      assert np.isfinite(weights).all(), name
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state)), name
  gram = jnp.asarray([[1.0, 0.0], [0.0, 0.0]], jnp.float32)
  np.testing.assert_array_equal(jax.jit(multitask.db_mtl().combine)(KEY, gram, zero, some, ())[0], [1.0, 0.0])


def test_gradnorm_survives_a_loss_below_zero():
  gradnorm = multitask.gradnorm()
  state, combine = gradnorm.init(2), jax.jit(gradnorm.combine)
  for losses in ([1.0, 1.0], [-0.1, 1.0], [0.5, 1.0]):
    weights, state = combine(KEY, jnp.eye(2), jnp.asarray(losses), jnp.ones(2, bool), state)
    assert np.isfinite(weights).all()
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


def test_wrong_arguments_are_refused():
  with pytest.raises(ValueError, match="mu"):
    multitask.stch(0.0)
  with pytest.raises(ValueError, match="preferences"):
    multitask.stch(0.1, preference=(1.0,)).weigh(KEY, jnp.ones(2), jnp.ones(2, bool), ())
