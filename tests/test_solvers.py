"""The Karush-Kuhn-Tucker conditions of what the solvers return, in NumPy and from the gradients themselves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jacobians import conflict_averse_direction, jacobians, lengths, min_norm_point, on_dual_cone, units

from mtl_jax.multitask.cagrad import conflict_averse
from mtl_jax.multitask.newton import bargain
from mtl_jax.multitask.rows import rows
from mtl_jax.multitask.solvers import cone, min_norm, solution

NAMES, J = list(jacobians()), list(jacobians().values())
TOLERANCE = 1e-8


def solved(solver, jacobians=J, dtype=np.float64):
  """The solutions for many Gram matrices, in one program, as NumPy arrays."""
  with jax.enable_x64(True):
    gram = jnp.asarray(np.stack([j @ j.T for j in jacobians]).astype(dtype))
    active = jnp.ones(gram.shape[:2], bool)
    found = jax.jit(jax.vmap(lambda g, a: solver(rows(g, a))))(gram, active)
    assert found.value.dtype == found.residual.dtype == dtype
    return jax.tree.map(np.asarray, found)


def crowd(tasks, size, count, seed):
  """Many Jacobians in the shapes that are hard: few dimensions, scales from 1e-3 to 1e3, nearly parallel rows, ties."""
  rng = np.random.default_rng(seed)
  found = rng.normal(size=(count, tasks, size))
  quarter = count // 4
  found[:quarter] *= 10 ** rng.uniform(-3, 3, size=(quarter, tasks, 1))
  found[quarter : 2 * quarter] = rng.normal(size=(quarter, 1, size)) + 0.01 * found[quarter : 2 * quarter]
  found[2 * quarter : 3 * quarter] = np.round(found[2 * quarter : 3 * quarter])
  return list(found)


def vanishing(jacobian):
  """Whether zero is in the convex hull of the gradients that are not zero."""
  unit = units(jacobian)[lengths(jacobian) > 0]
  return len(unit) > 0 and np.linalg.norm(min_norm_point(unit)) < 1e-7


def test_min_norm_point_has_its_smallest_product_with_itself():
  """p is nearest to zero in the hull if and only if g_k'p >= p'p for every k; w >= 0 and sum w = 1 make p one of it."""
  for tasks, size in ((4, None), (8, 3)):
    jacobians = J if size is None else crowd(tasks, size, 200, tasks)
    found = solved(min_norm, jacobians)
    assert found.stationary.all() and found.residual.max() < TOLERANCE
    for j, w in zip(jacobians, found.value, strict=True):
      p = w @ j
      assert w.min() >= 0 and abs(w.sum() - 1) < 1e-12
      assert (j @ p - p @ p >= -1e-12 * lengths(j) * (w @ lengths(j))).all()


def test_projection_on_the_dual_cone_satisfies_moreau():
  """d = x + J'v is the projection of x if and only if J d >= 0, v >= 0 and v_k g_k'd = 0."""
  for tasks, size in ((4, None), (8, 3)):
    jacobians = J if size is None else crowd(tasks, size, 200, tasks)
    found = solved(lambda r: cone(r, r.norm), jacobians)
    assert found.stationary.all() and found.residual.max() < TOLERANCE
    for j, y in zip(jacobians, found.value, strict=True):
      n = lengths(j)
      v = y - n / max(n.max(), 1e-300)
      d = y @ units(j)
      total = np.abs(y).sum() + 1e-300
      assert v.min() >= -1e-15 * np.abs(y).max()
      assert (units(j) @ d >= -1e-12 * total).all()
      assert np.abs(v * (units(j) @ d)).max() <= 1e-12 * total**2


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_bargain_balances_every_task(p):
  """alpha_k^p g_k'd = 1, or no alpha where the hull holds zero. The strictly convex function has one such point."""
  jacobians = J + crowd(4, 3, 40, 1)
  found = solved(lambda r: bargain(r, p), jacobians)
  for name, j, alpha, stationary in zip(NAMES + ["crowd"] * 40, jacobians, found.value, found.stationary, strict=True):
    live = lengths(j) > 0
    assert stationary == (not vanishing(j)), name
    assert not alpha[~live].any()
    if not stationary:
      assert not alpha.any()
      continue
    assert (alpha[live] > 0).all()
    products, wanted = j[live] @ (alpha @ j), alpha[live] ** -p
    # A row far shorter than others asks for a product that is small beside what cancels in it.
    size = np.maximum(wanted, 1e-6 * lengths(j[live]) * (alpha @ lengths(j)))
    assert (np.abs(products - wanted) <= TOLERANCE * size).all(), name
  assert found.residual[found.stationary].max() < TOLERANCE
  assert found.stationary.sum() > 20


def test_conflict_averse_direction_has_no_duality_gap():
  """min_k g_k'd = F(w) proves both optimal: every d of the ball has min_k g_k'd <= F(w) for every w of the simplex."""
  radii = (0.1, 0.5, 1.0, 1.5)
  jacobians = J + crowd(4, 3, 40, 2) + crowd(4, 2, 40, 3)
  found = solved(lambda r: jax.vmap(lambda c: conflict_averse(r, c))(jnp.asarray(radii)), jacobians)
  assert found.stationary.all() and found.residual.max() < TOLERANCE
  for j, solutions in zip(jacobians, found.value, strict=True):
    for c, x in zip(radii, solutions, strict=True):
      no_gap(j, c, x)


def no_gap(j, c, x):
  g_0, longest = j.mean(axis=0), lengths(j).max()
  radius = c * np.linalg.norm(g_0)
  assert x.min() >= 0
  assert np.linalg.norm(x @ j) <= radius * (1 + 1e-9) + 1e-9 * longest
  if not x.any():
    assert radius < 1e-6 * longest or (j @ g_0).min() >= 0
    return
  w = x / x.sum()
  bound = (w @ j) @ g_0 + radius * np.linalg.norm(w @ j)
  if vanishing(j) or (lengths(j) == 0).any():
    bound = min(bound, 0.0)  # the w whose g_w is zero
  assert abs((j @ (g_0 + x @ j)).min() - bound) <= 1e-9 * longest * np.linalg.norm(g_0)


@pytest.mark.parametrize("solver", [min_norm, lambda r: cone(r, r.norm), lambda r: conflict_averse(r, 0.5)])
def test_float32_is_stationary_too(solver):
  found = solved(solver, J, np.float32)
  assert np.isfinite(found.value).all() and found.stationary.all()


def test_what_is_stationary_is_read_off_the_residual():
  for residual, wanted in ((0.0, True), (1e-4, True), (1e-3, False), (np.inf, False), (np.nan, False)):
    assert bool(solution(jnp.ones(2, jnp.float32), jnp.float32(residual)).stationary) == wanted


def test_references_agree_with_one_another():
  """What the tests of the aggregators lean on: three ways to the same vector, where they must meet."""
  for j in J:
    mean, scale = j.mean(axis=0), max(lengths(j).max(), 1e-300)
    d = on_dual_cone(j, mean)
    assert (units(j) @ d >= -1e-12 * scale).all()
    assert abs(d @ (d - mean)) <= 1e-12 * scale**2
    # A ball that reaches the origin holds a direction that harms nobody.
    assert (j @ conflict_averse_direction(j, 1.5)).min() >= -1e-8 * scale * np.linalg.norm(mean)
