"""Gated gradient steps on a stream: each step against NumPy, what the gate does, and what is learned before."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from numpy.testing import assert_allclose

from mtl_jax.losses import squared_error
from mtl_jax.meta import init_rates
from mtl_jax.meta.lora import low_rank, merge
from mtl_jax.models import MLP
from mtl_jax.online import Initial, gradient, replay, stream, unrolled
from mtl_jax.tree import combine, named, partition
from mtl_jax.types import Batch, Episode

KEY = jax.random.key(0)
RNG = np.random.default_rng(0)
RATE, START = 0.3, RNG.normal(size=(2, 2))


def linear(w, x):
  return x @ w


def slope(w, x, y):
  """Of the mean over rows and targets of (x' w - y)^2: 2 / (n targets) X' (X w - Y)."""
  return 2.0 / y.size * x.T @ (x @ w - y)


def learner(**changed):
  settings = {"fast": lambda w: True, "recent": 4, "trial": 3, "inputs": (2,), "targets": 2} | changed
  return gradient(linear, squared_error, **settings)


def initial(w=START, rate=RATE):
  return Initial(jnp.asarray(w), jnp.log(jnp.asarray(rate)))


@pytest.mark.parametrize(("trial", "every", "steps"), [(3, 1, 2), (4, 2, 1), (None, 1, 1)])
def test_every_step_and_every_decision_is_as_by_hand(float64, trial, every, steps):
  """The rule again in NumPy, with lists for the ring, on a line that changes at label 20."""
  x = RNG.normal(size=(40, 2))
  y = np.where(np.arange(40)[:, None] < 20, x @ START, x @ RNG.normal(size=(2, 2))) + 0.3 * RNG.normal(size=(40, 2))
  of = learner(trial=trial, every=every, steps=steps)
  found = replay(KEY, of, of.init(initial()), stream(np.arange(40), x, y))
  w, safe, lost, decisions, said = START, START, np.zeros(3), [], []
  for now in range(40):
    said.append(x[now] @ w)
    three = [w, safe, START]
    lost = lost + [np.square(x[now] @ each - y[now]).mean() for each in three]
    decisions.append(None)
    if trial and (now + 1) % trial == 0:
      decisions[-1] = int(np.argmin(lost))
      w = safe = three[decisions[-1]]
      lost = np.zeros(3)
    if (now + 1) % every == 0:
      recent = slice(max(now - 3, 0), now + 1)
      for _ in range(steps):
        w = w - RATE * slope(w, x[recent], y[recent])
  assert_allclose(found.prediction, said, rtol=1e-8)
  assert_allclose(found.state.fast, w, rtol=1e-8)
  if trial:
    assert_allclose(found.state.safe, safe, rtol=1e-8)
    assert_allclose(found.metrics["kept"], [decision == 0 for decision in decisions])
    assert_allclose(found.metrics["returned"], [decision in (1, 2) for decision in decisions])
    assert {0, 1, 2} <= set(decisions) or trial == 4


def test_steps_that_help_are_kept_steps_that_harm_are_not_and_nothing_infinite_ever_serves():
  """One input, 1 but where said; a step on the last label, and a decision after every two labels: by hand."""
  of = learner(recent=1, trial=2, inputs=(1,), targets=1)
  update = jax.jit(of.update)

  def after(values, rate=0.25):
    state, metrics = of.init(initial(np.zeros((1, 1), np.float32), np.float32(rate))), {}
    for value in values:
      state, metrics = update(KEY, state, Batch(jnp.ones((1, 1)), jnp.full((1, 1), value), jnp.ones(1, bool)))
    return float(state.safe[0, 0]), float(state.fast[0, 0]), float(metrics["kept"]), float(metrics["returned"])

  # 0 answers 2, learns it and is 1, which answers the second 2 better than 0: kept, and a step on to 1.5.
  assert after([2.0, 2.0]) == (1.0, 1.5, 1.0, 0.0)
  # -1, learned from -2, answers 2 worse than 0: back to 0, and a step on to 1.
  assert after([-2.0, 2.0]) == (0.0, 1.0, 0.0, 1.0)
  # 1.5 answers 1 and, at 1.25, again 1 worse than 1 does, which was kept before.
  assert after([2.0, 2.0, 1.0, 1.0]) == (1.0, 1.0, 0.0, 1.0)
  # The line is as it was at the beginning: 1.5 and 0.75 answer 0 worse than theta_0, and so does 1.
  assert after([2.0, 2.0, 0.0, 0.0]) == (0.0, 0.0, 0.0, 1.0)
  assert after([2.0, 2.0], rate=1e38)[:2] == (0.0, 0.0)  # an infinite step is not taken
  assert after([2.0, 2.0, 2.0], rate=1e30)[1] > 1e30 and after([2.0, 2.0, 2.0, 2.0], rate=1e30)[0] == 0.0
  assert after([np.nan, 2.0])[:2] == (0.0, 1.0)


NETWORK, FILM = MLP((3, 2)), MLP((3, 2), context=2)
X = jnp.asarray(RNG.normal(size=(6, 2)), jnp.float32)
PARTS = {
  "head": (NETWORK.apply, NETWORK.init(KEY, X), named("head"), 2),
  "FiLM": (FILM.apply, FILM.init(KEY, X), named("context"), 1),
  "LoRA": (lambda p, x: NETWORK.apply(merge(p, 1.0), x), low_rank(NETWORK.init(KEY, X), 1), named("a", "b"), 4),
}


@pytest.mark.parametrize("name", PARTS)
def test_a_head_a_context_and_thin_matrices_adapt_alone(name):
  apply, params, fast, leaves = PARTS[name]
  of = gradient(apply, squared_error, fast=fast, recent=6, trial=None, inputs=(2,), targets=2)
  state = of.init(Initial(params, init_rates(params, float(np.log(0.1)), per="leaf")))
  batch = Batch(X, jnp.ones((6, 2)), jnp.ones(6, bool))
  after, _ = jax.jit(of.update)(KEY, state, batch)
  assert len(jax.tree.leaves(after.fast)) == leaves

  def loss(fast_leaves):
    return jnp.mean(jnp.square(jnp.asarray(apply(combine(fast_leaves, rest), X)) - batch.y))

  chosen, rest = partition(params, fast)
  expected = jax.tree.map(lambda w, g: w - 0.1 * g, chosen, jax.jit(jax.grad(loss))(chosen))
  jax.tree.map(lambda a, b: assert_allclose(a, b, rtol=1e-5, atol=1e-7), after.fast, expected)
  said = jax.jit(of.predict)(KEY, after, X)
  assert_allclose(said, jax.jit(apply)(combine(expected, rest), X), rtol=1e-4, atol=1e-6)


def test_what_is_learned_before_the_stream_is_learned_through_the_updates(float64):
  """Two steps on two labels each, and a question: by hand, and its slopes by central differences."""
  of, outer = learner(recent=2, trial=None, every=2), optax.sgd(1.0)
  algorithm = unrolled(of, squared_error, outer=outer, at_once=2)
  x, y = RNG.normal(size=(5, 2)), RNG.normal(size=(5, 2))
  support, query = (Batch(jnp.asarray(x[rows]), jnp.asarray(y[rows]), jnp.ones(n, bool)) for rows, n in (
    (slice(0, 4), 4), (slice(4, 5), 1)
  ))  # fmt: skip
  w = START
  for rows in (slice(0, 2), slice(2, 4)):
    w = w - RATE * slope(w, x[rows], y[rows])
  state = algorithm.init(initial())
  assert_allclose(jax.jit(algorithm.predict)(KEY, state, support, query.x), x[4:] @ w, rtol=1e-10)
  episodes = jax.tree.map(lambda leaf: leaf[None], Episode(support, query, jnp.zeros(())))
  update = jax.jit(algorithm.update)
  after, metrics = update(KEY, state, episodes)
  assert float(metrics["loss"]) == pytest.approx(np.square(x[4:] @ w - y[4:]).mean())

  def moved(change_w, change_rate):
    there = Initial(state.params.params + change_w, state.params.log_rates + change_rate)
    return float(update(KEY, state._replace(params=there), episodes)[1]["loss"])

  first = jnp.zeros((2, 2)).at[0, 1].set(1e-5)
  for step, change in (((first, 0.0), "params"), ((jnp.zeros((2, 2)), 1e-5), "log_rates")):
    expected = (moved(*step) - moved(-step[0], -step[1])) / 2e-5
    taken = getattr(state.params, change) - getattr(after.params, change)
    assert float(taken[0, 1] if change == "params" else taken) == pytest.approx(expected, rel=1e-5)
