"""Every aggregator against a reference that sees the gradients themselves, and against what its paper promises.

The references (jacobians.py) are SciPy's NNLS, the trying of every support, NumPy's SVD, and closed forms, in float64;
they never see the Gram matrix. Directions are compared, weights only where they are unique.
"""

import inspect
from functools import cache
from itertools import permutations, product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jacobians import (
  TASKS,
  aligned,
  conflict_averse_direction,
  equal_angles,
  jacobians,
  lengths,
  min_norm_point,
  on_dual_cone,
  units,
)

from mtl_jax import multitask
from mtl_jax.types import Aggregator

NAMED = jacobians()
J = list(NAMED.values())
RNG = np.random.default_rng(3)
LOSSES = RNG.uniform(0.5, 2.0, size=(len(J), TASKS))
WEIGHTS = (1.0, 2.0, 0.5, 4.0)
PREFERENCE = (0.5, 0.1, 0.0, 0.7)
FIRST_TWO = np.tile([True, True, False, False], (len(J), 1))

FACTORIES = {
  "mean": multitask.mean,
  "sum": multitask.sum,
  "constant": lambda: multitask.constant(WEIGHTS),
  "random": multitask.random,
  "mgda": multitask.mgda,
  "pcgrad": multitask.pcgrad,
  "gradvac": multitask.gradvac,
  "cagrad": multitask.cagrad,
  "imtl_g": multitask.imtl_g,
  "nash_mtl": multitask.nash_mtl,
  "fairgrad": lambda: multitask.fairgrad(2.0),
  "aligned_mtl": multitask.aligned_mtl,
  "upgrad": multitask.upgrad,
  "dualproj": multitask.dualproj,
  "config": multitask.config,
  "sdmgrad": multitask.sdmgrad,
  "modo": lambda: multitask.modo(0.1),
  "db_mtl": multitask.db_mtl,
  "gradnorm": multitask.gradnorm,
  "krum": lambda: multitask.krum(1, 2),
}
DRAWN = {"random", "pcgrad", "gradvac"}  # depend on the key
VARIANTS = {
  "cagrad 1.5": lambda: multitask.cagrad(1.5),
  "fairgrad 1": lambda: multitask.fairgrad(1.0),
  "sdmgrad to the end": lambda: multitask.sdmgrad(0.3, steps=4000),
  "upgrad with a preference": lambda: multitask.upgrad(PREFERENCE),
  "dualproj with a preference": lambda: multitask.dualproj(PREFERENCE),
  "aligned_mtl by the median": lambda: multitask.aligned_mtl(PREFERENCE, scale="median"),
  "aligned_mtl by the rmse": lambda: multitask.aligned_mtl(scale="rmse"),
  "mgda l2": lambda: multitask.mgda(normalise="l2"),
  "mgda loss": lambda: multitask.mgda(normalise="loss"),
  "mgda loss+": lambda: multitask.mgda(normalise="loss+"),
  "nash_mtl clipped": lambda: multitask.nash_mtl(max_norm=1.5),
}

pytestmark = pytest.mark.usefixtures("float64")


@cache
def compiled(name: str):
  """combine over a batch of Gram matrices, from the first state on: one program per name, shape and dtype."""
  aggregator = (FACTORIES | VARIANTS)[name]()

  def combine(key, gram, losses, active):
    state = aggregator.init(gram.shape[-1])
    return jax.vmap(aggregator.combine, in_axes=(None, 0, 0, 0, None))(key, gram, losses, active, state)

  return jax.jit(combine)


def weigh(name, jacobians=J, losses=LOSSES, *, active=None, seed=0, scale=1.0):
  """The weights of many Jacobians, [N, K]."""
  gram = np.stack([j @ j.T for j in jacobians]) * scale**2
  active = np.ones(gram.shape[:2], bool) if active is None else active
  weights, _ = compiled(name)(jax.random.key(seed), gram, losses, active)
  assert weights.dtype == np.float64 and weights.shape == gram.shape[:2]
  return np.asarray(weights)


def check(name, reference, *, tolerance=1e-8):
  """Every direction against reference(J[K, P], losses[K]) -> [P], relative to the longest of both and the gradients."""
  for label, j, losses, w in zip(NAMED, J, LOSSES, weigh(name), strict=True):
    wanted = reference(j, losses)
    size = max(lengths(j).max(), np.linalg.norm(wanted))
    assert np.linalg.norm(w @ j - wanted) <= tolerance * size, (name, label)


REFERENCES = {
  "mean": lambda j, losses: j.mean(axis=0),
  "sum": lambda j, losses: j.sum(axis=0),
  "constant": lambda j, losses: np.array(WEIGHTS) @ j,
  "mgda": lambda j, losses: min_norm_point(j),
  "cagrad": lambda j, losses: conflict_averse_direction(j, 0.5),
  "cagrad 1.5": lambda j, losses: conflict_averse_direction(j, 1.5),
  "aligned_mtl": lambda j, losses: aligned(j) @ j,
  "upgrad": lambda j, losses: sum(on_dual_cone(j, g) for g in j) / len(j),
  "dualproj": lambda j, losses: on_dual_cone(j, j.mean(axis=0)),
  "upgrad with a preference": lambda j, losses: sum(p * on_dual_cone(j, g) for p, g in zip(PREFERENCE, j, strict=True)),
  "dualproj with a preference": lambda j, losses: on_dual_cone(j, PREFERENCE @ j),
  "aligned_mtl by the median": lambda j, losses: aligned(j, PREFERENCE, lambda s: np.sort(s)[(len(s) - 1) // 2]) @ j,
  "aligned_mtl by the rmse": lambda j, losses: aligned(j, scale=lambda s: np.sqrt(np.mean(s**2))) @ j,
}


def test_there_are_at_least_twenty_matrices():
  assert len(J) >= 20


@pytest.mark.parametrize("name", REFERENCES)
def test_direction_is_that_of_the_reference(name):
  check(name, REFERENCES[name])


@pytest.mark.parametrize("name", ["mgda l2", "mgda loss", "mgda loss+"])
def test_mgda_weighs_by_the_shortest_vector_of_the_normalised_gradients(name):
  """p is nearest to zero in the hull of the u_k if and only if u_k'p >= p'p for every k."""
  for j, losses, w in zip(J, LOSSES, weigh(name), strict=True):
    size = {"l2": lengths(j), "loss": losses, "loss+": losses * lengths(j)}[name.split()[1]]
    u = np.divide(j, size[:, None], out=np.zeros_like(j), where=size[:, None] > 0)
    p = w @ u
    assert w.min() >= 0 and abs(w.sum() - 1) < 1e-12
    assert (u @ p - p @ p >= -1e-12 * lengths(u) * (w @ lengths(u))).all()


def test_nash_direction_is_scaled_down_to_the_largest_norm():
  """Its own norm is the root of the number of tasks, of which there are two to four."""
  for j, plain, w in zip(J, weigh("nash_mtl"), weigh("nash_mtl clipped"), strict=True):
    size = np.linalg.norm(plain @ j)
    np.testing.assert_allclose(w, plain if size < 1.5 else plain * 1.5 / size, rtol=1e-10)


def test_sdmgrad_converges_to_the_nearest_point_of_the_shifted_hull():
  """min over w of |g_w + lambda g_0|; gradient steps cannot get there where the scales are far apart."""
  for (label, j), w in zip(NAMED.items(), weigh("sdmgrad to the end"), strict=True):
    if label.startswith(("plain", "zero", "identical", "opposite", "at 170", "orthogonal")):
      wanted = min_norm_point(j + 0.3 * j.mean(axis=0)) / 1.3
      assert np.linalg.norm(w @ j - wanted) <= 1e-8 * lengths(j).max(), label


def test_imtl_g_is_the_closed_form():
  def reference(j, losses):
    v = np.divide(equal_angles(j), lengths(j), out=np.zeros(len(j)), where=lengths(j) > 0)
    return v / v.sum() @ j if abs(v.sum()) > 1e-10 * np.abs(v).sum() else np.zeros(j.shape[1])

  check("imtl_g", reference)
  total = weigh("imtl_g").sum(axis=1)
  assert ((np.abs(total - 1) < 1e-12) | (total == 0)).all() and (total != 0).sum() > 20


def test_config_is_the_published_operator():
  def reference(j, losses):
    direction = np.linalg.pinv(units(j), rcond=1e-7) @ np.ones(len(j))
    size = np.linalg.norm(direction)
    return np.zeros(j.shape[1]) if size < 1e-10 else (j @ direction).sum() * direction / size**2

  check("config", reference)


def balanced(name, exponent):
  """alpha_k g_k'd = alpha_k^(1 - p) for p = exponent: the equation has one positive solution."""
  count = 0
  for j, alpha in zip(J, weigh(name), strict=True):
    live = lengths(j) > 0
    if not live.any() or np.linalg.norm(min_norm_point(units(j)[live])) < 1e-7:
      assert not alpha.any()  # a convex combination vanishes: nothing to bargain for
      continue
    wanted = alpha[live] ** -exponent
    assert np.abs(j[live] @ (alpha @ j) / wanted - 1).max() < 1e-8
    count += 1
  assert count > 15


def test_nash_direction_has_norm_sqrt_k_and_balances_all_tasks():
  balanced("nash_mtl", 1.0)
  for j, alpha in zip(J, weigh("nash_mtl"), strict=True):
    if alpha.any():
      assert abs(np.linalg.norm(alpha @ j) - np.sqrt((lengths(j) > 0).sum())) < 1e-8


def test_fairgrad_balances_all_tasks_and_is_nash_at_one():
  balanced("fairgrad", 0.5)
  np.testing.assert_allclose(weigh("fairgrad 1"), weigh("nash_mtl"), rtol=1e-12)


def test_nash_of_two_tasks_is_the_closed_form():
  """alpha_i = 1 / (|g_i| sqrt(1 + cos)): the bisector, in units of the gradients."""
  for name, alpha in zip(NAMED, weigh("nash_mtl", active=FIRST_TWO), strict=True):
    if name.startswith("plain"):
      g = NAMED[name][:2]
      cosine = units(g)[0] @ units(g)[1]
      np.testing.assert_allclose(alpha[:2], 1 / (lengths(g) * np.sqrt(1 + cosine)), rtol=1e-10)


def pcgrad_turn(g, other):
  conflict = min(g @ other, 0.0)
  return g - other * conflict / (other @ other) if conflict < 0 else g


def gradvac_turn(g, other):
  """For the target 0 that every pair starts with."""
  a, b = np.linalg.norm(g), np.linalg.norm(other)
  if a < 1e-12 * b or b == 0:
    return g
  phi = g @ other / (a * b)
  return g - other * a * phi / b if phi < 0 else g


@pytest.mark.parametrize(("name", "turn"), [("pcgrad", pcgrad_turn), ("gradvac", gradvac_turn)])
def test_turned_gradients_are_those_of_some_order(name, turn):
  """Three tasks: each gradient meets the two others in one of two orders, so that one of eight sums is right."""
  chosen = [set() for _ in J]
  few = [j[:3] for j in J]
  for seed in range(6):
    for n, (j, w) in enumerate(zip(few, weigh(name, few, LOSSES[:, :3], seed=seed), strict=True)):
      turned = []
      for task in range(3):
        turned.append([])
        for order in permutations([k for k in range(3) if k != task]):
          g = j[task]
          for other in order:
            g = turn(g, j[other]) if j[other].any() else g
          turned[-1].append(g)
      sums = [sum(choice) for choice in product(*turned)]
      away = [np.linalg.norm(w @ j - s) for s in sums]
      assert min(away) <= 1e-8 * max(lengths(j).max(), 1e-300), (name, list(NAMED)[n])
      chosen[n].add(int(np.argmin(away)))
  assert max(len(c) for c in chosen) > 2, "the orders never change"


def test_gradvac_turns_to_the_running_cosine():
  """After a step with beta = 0.5 at the cosine phi, the target is phi / 2; a gradient below it is turned up to it."""
  aggregator = multitask.gradvac(0.5)
  before, now = np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([[2.0, 0.0], [0.1, 1.0]])
  combine, key, losses, active = jax.jit(aggregator.combine), jax.random.key(0), jnp.ones(2), jnp.ones(2, bool)
  _, state = combine(key, jnp.asarray(before @ before.T), losses, active, aggregator.init(2))
  np.testing.assert_allclose(state.target, [[0.0, 0.3], [0.3, 0.0]], atol=1e-15)
  weights, state = combine(key, jnp.asarray(now @ now.T), losses, active, state)
  np.testing.assert_allclose(state.target[0, 1], 0.5 * 0.3 + 0.5 * units(now)[0] @ units(now)[1], rtol=1e-12)
  # g_1 + a g_2 has the cosine 0.3 with g_2, and the other way round: the roots of that in a, by bisection.
  total = np.zeros(2)
  for g, other in ((now[0], now[1]), (now[1], now[0])):
    low, high = 0.0, 10.0
    for _ in range(100):
      a = 0.5 * (low + high)
      moved = g + a * other
      low, high = (a, high) if moved @ other < 0.3 * np.linalg.norm(moved) * np.linalg.norm(other) else (low, a)
    total += g + low * other
  np.testing.assert_allclose(weights @ now, total, rtol=1e-8)


def test_pcgrad_of_two_tasks_is_twice_upgrad():
  for j, a, b in zip(J, weigh("pcgrad", active=FIRST_TWO), weigh("upgrad", active=FIRST_TWO), strict=True):
    assert np.linalg.norm(a @ j - 2 * b @ j) <= 1e-10 * lengths(j[:2]).max()


def test_db_mtl_makes_all_log_gradients_as_long_as_the_longest():
  for j, losses, w in zip(J, LOSSES, weigh("db_mtl"), strict=True):
    live = lengths(j) > 0
    np.testing.assert_allclose((w * lengths(j))[live], (lengths(j) / losses).max(), rtol=1e-12)
    assert not w[~live].any()


def test_gradnorm_steps_down_its_loss():
  """Two steps; the weights' gradient is that of the paper's loss, by finite differences, over mean(G)."""
  aggregator = multitask.gradnorm(1.5, learning_rate=0.01)
  key, active, state = jax.random.key(0), jnp.ones(TASKS, bool), aggregator.init(TASKS)
  n, gram, combine = lengths(J[0]), jnp.asarray(J[0] @ J[0].T), jax.jit(aggregator.combine)
  w = np.ones(TASKS)
  for losses in LOSSES[:3]:
    used, state = combine(key, gram, jnp.asarray(losses), active, state)
    np.testing.assert_allclose(used, w, rtol=1e-10)
    rate = losses / LOSSES[0] / np.mean(losses / LOSSES[0])
    target = np.mean(w * n) * rate**1.5

    def loss(w, target=target):
      return np.abs(w * n - target).sum()

    slope = [(loss(w + h) - loss(w - h)) / 2e-6 for h in 1e-6 * np.eye(TASKS)]
    w = w - 0.01 * np.array(slope) / np.mean(w * n)
    w *= TASKS / w.sum()
  assert not np.allclose(w, 1.0)


def test_modo_takes_projected_steps():
  """The projection by bisection on its threshold; gram may be the product of two batches' gradients."""
  aggregator, w = multitask.modo(0.1, rho=0.5), np.full(TASKS, 0.25)
  combine, state = jax.jit(aggregator.combine), aggregator.init(TASKS)
  for one, other in ((J[0], J[1]), (J[2], J[3]), (J[4], J[5])):
    cross = 0.1 * one[:, :3] @ other[:, :3].T
    weights, state = combine(jax.random.key(0), cross, LOSSES[0], np.ones(TASKS, bool), state)
    v = w - 0.1 * (cross @ w + 0.5 * w)
    low, high = v.min() - 1, v.max()
    for _ in range(100):
      middle = 0.5 * (low + high)
      low, high = (middle, high) if np.maximum(v - middle, 0).sum() > 1 else (low, middle)
    w = np.maximum(v - low, 0)
    np.testing.assert_allclose(weights, w, atol=1e-12)


def test_krum_selects_by_distance_to_the_nearest():
  """Byzantine 1, select 2, of 4: the score is the squared distance to the one nearest neighbour."""
  for name in ("plain 0", "plain 1", "rank 3, 0", "bad scales", "one tiny row"):
    j, w = NAMED[name], weigh("krum")[list(NAMED).index(name)]
    distance = ((j[:, None] - j[None]) ** 2).sum(axis=2)
    score = np.sort(distance, axis=1)[:, 1]
    wanted = np.zeros(TASKS)
    wanted[np.argsort(score, kind="stable")[:2]] = 0.5
    np.testing.assert_array_equal(w, wanted)


def test_random_weights_are_a_new_point_of_the_simplex_each_time():
  a, b = weigh("random", seed=1)[0], weigh("random", seed=2)[0]
  assert a.min() > 0 and abs(a.sum() - 1) < 1e-12 and not np.allclose(a, b)


@pytest.mark.parametrize("name", ["upgrad", "dualproj", "mgda", "cagrad 1.5"])
def test_no_task_is_harmed(name):
  for j, w in zip(J, weigh(name), strict=True):
    assert (units(j) @ (w @ j)).min() >= -1e-9 * lengths(j).max()


def test_averaging_does_harm():
  """The test above can fail."""
  assert min((j @ j.mean(axis=0)).min() for j in J) < -0.1


def test_upgrad_is_linear_under_scaling():
  """A(diag(a + b) J) = A(diag(a) J) + A(diag(b) J) for positive a and b."""
  a, b = 10 ** RNG.uniform(-2, 2, size=(2, len(J), TASKS, 1))

  def direction(c):
    scaled = [r * j for r, j in zip(c, J, strict=True)]
    return [w @ j for w, j in zip(weigh("upgrad", scaled), scaled, strict=True)]

  for n, (both, one, other) in enumerate(zip(direction(a + b), direction(a), direction(b), strict=True)):
    assert np.linalg.norm(both - one - other) <= 1e-10 * (lengths((a + b)[n] * J[n]).max())


# Krum breaks ties by place, and some matrices have them; a weight of `constant` belongs to a place.
@pytest.mark.parametrize("name", [n for n in FACTORIES if n not in DRAWN | {"constant", "krum"}])
def test_order_of_the_tasks_does_not_matter(name):
  order = np.array([2, 0, 3, 1])
  for j, one, other in zip(J, weigh(name), weigh(name, [j[order] for j in J], LOSSES[:, order]), strict=True):
    size = max(lengths(j).max(), np.linalg.norm(one @ j))
    assert np.linalg.norm(one @ j - other @ j[order]) <= 1e-8 * size


# The weights of s J are s^-degree those of J. MoDo's rate has a unit; see its file.
DEGREES = {name: 0.0 for name in FACTORIES if name != "modo"} | {"nash_mtl": 1.0, "fairgrad": 2 / 1.5}


@pytest.mark.parametrize("name", DEGREES)
def test_scale_of_the_gradients_does_not_matter(name):
  usual = weigh(name)
  for scale in (1e-12, 1e-6, 1e6, 1e12):
    for j, one, other in zip(J, usual, weigh(name, scale=scale), strict=True):
      direction = one @ j
      size = max(lengths(j).max(), np.linalg.norm(direction))
      assert np.linalg.norm(direction - scale ** DEGREES[name] * other @ j) <= 1e-8 * size


@pytest.mark.parametrize("name", [n for n in FACTORIES if n not in DRAWN | {"constant"}])
def test_an_absent_task_leaves_the_problem(name):
  """As if it had never been there, whatever its entries hold: the reference, or the aggregator itself, without it."""
  few, few_losses = [np.delete(j, 1, axis=0) for j in J], np.delete(LOSSES, 1, axis=1)
  if name in REFERENCES:
    wanted = [REFERENCES[name](j, losses) for j, losses in zip(few, few_losses, strict=True)]
  else:
    wanted = [w @ j for w, j in zip(weigh(name, few, few_losses), few, strict=True)]
  grams = np.stack([j @ j.T for j in J])
  grams[:, 1, :] = grams[:, :, 1] = np.nan
  losses = LOSSES.copy()
  losses[:, 1] = np.nan
  active = np.tile([True, False, True, True], (len(J), 1))
  weights, _ = compiled(name)(jax.random.key(0), grams, losses, active)
  assert not np.asarray(weights)[:, 1].any()
  for j, direction, w in zip(few, wanted, np.delete(weights, 1, axis=1), strict=True):
    size = max(lengths(j).max(), np.linalg.norm(direction))
    assert np.linalg.norm(w @ j - direction) <= 1e-8 * size


@pytest.mark.parametrize(("name", "turn"), [("pcgrad", pcgrad_turn), ("gradvac", gradvac_turn)])
def test_absent_tasks_turn_nobody(name, turn):
  """With two of four left there is no order to draw."""
  for j, w in zip(J, weigh(name, active=FIRST_TWO), strict=True):
    g, h = j[:2]
    wanted = (turn(g, h) if h.any() else g) + (turn(h, g) if g.any() else h)
    assert not w[2:].any()
    assert np.linalg.norm(w @ j - wanted) <= 1e-10 * lengths(j).max()


@pytest.mark.parametrize("name", FACTORIES)
def test_contract(name):
  """Names, dtypes, no second compilation, finite weights for every matrix at every scale, and vmap is a loop.

  The loop is in float32 and the batch in float64: each program is compiled once.
  """
  aggregator = FACTORIES[name]()
  assert isinstance(aggregator, Aggregator)
  assert list(inspect.signature(aggregator.init).parameters) == ["tasks"]
  assert list(inspect.signature(aggregator.combine).parameters) == ["key", "gram", "losses", "active", "state"]
  state, active, key = aggregator.init(TASKS), np.ones(TASKS, bool), jax.random.key(0)
  after, single, batched = state, jax.jit(aggregator.combine), weigh(name)
  for scale in (1.0, 1e-12, 1e12):
    for label, j, losses, together in zip(NAMED, J, LOSSES, batched, strict=True):
      gram = (j @ j.T * scale**2).astype(np.float32)
      weights, after = single(key, gram, losses.astype(np.float32), active, state if scale == 1.0 else after)
      assert weights.shape == (TASKS,) and weights.dtype == np.float32
      assert np.isfinite(weights).all() and all(np.isfinite(a).all() for a in jax.tree.leaves(after))
      if scale == 1.0 and label.startswith("plain") and name != "random":
        np.testing.assert_allclose(weights, together, rtol=1e-3, atol=1e-4)
  assert single._cache_size() == 1
  assert jax.tree.map(lambda a: (a.shape, a.dtype), after) == jax.tree.map(lambda a: (a.shape, a.dtype), state)
  assert np.isfinite(batched).all()
  assert not weigh(name, active=np.zeros((len(J), TASKS), bool)).any()


@pytest.mark.parametrize("name", [n for n in FACTORIES if n != "constant"])
def test_one_task_alone_keeps_its_direction(name):
  """K = 1: the weight is 1 unless the paper sets the length; CAGrad's ball has the radius c |g|."""
  one = jax.ShapeDtypeStruct((2, 1, 1), np.float64), jax.ShapeDtypeStruct((2, 1), np.float64)
  assert jax.eval_shape(compiled(name), jax.random.key(0), *one, np.ones((2, 1), bool))[0].shape == (2, 1)
  # The values with three tasks absent, which are as if they were not there: no program of its own.
  j, losses = np.zeros((len(J), TASKS, 2)), np.full((len(J), TASKS), 0.5)
  j[0, 0] = 3.0, 4.0
  w = weigh(name, j, losses, active=np.tile([True, False, False, False], (len(J), 1)))[:, 0]
  assert np.isfinite(w).all()
  wanted = {"nash_mtl": 1 / 5, "fairgrad": 25 ** (-1 / 1.5), "db_mtl": 2.0, "cagrad": 1.5}.get(name, 1.0)
  np.testing.assert_allclose(w[0], wanted, rtol=1e-12)


def test_wrong_arguments_are_refused():
  key, some = jax.random.key(0), jnp.ones(2)
  for wrong in (
    lambda: multitask.mgda(normalise="L2"),
    lambda: multitask.nash_mtl(0.0),
    lambda: multitask.aligned_mtl(scale="max"),
    lambda: multitask.upgrad((1.0, 1.0, 1.0)).combine(key, jnp.eye(2), some, some > 0, ()),
    lambda: multitask.upgrad((1.0, -1.0)).combine(key, jnp.eye(2), some, some > 0, ()),
    lambda: multitask.cagrad(-0.1),
    lambda: multitask.fairgrad(0.0),
    lambda: multitask.krum(-1),
    lambda: multitask.constant((1.0,)).init(2),
  ):
    with pytest.raises(ValueError, match=r"cagrad|fairgrad|krum|constant|mgda|nash_mtl|aligned_mtl|preferences"):
      wrong()
