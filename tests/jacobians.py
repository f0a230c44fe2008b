"""Task gradients to try aggregators on: ordinary ones, and all that has broken one somewhere. And references in NumPy
that see the gradients themselves, never the Gram matrix."""

from itertools import combinations

import numpy as np
from scipy.optimize import nnls

TASKS = 4


def jacobians() -> dict[str, np.ndarray]:
  """Rows are the gradients of four tasks."""
  rng = np.random.default_rng(7)
  plain = rng.normal(size=(TASKS, 6))
  found = {f"plain {i}": rng.normal(size=(TASKS, 6)) for i in range(4)}
  found |= {f"rank 3, {i}": rng.normal(size=(TASKS, 3)) for i in range(5)}
  found |= {f"rank 2, {i}": rng.normal(size=(TASKS, 2)) + 0.5 for i in range(3)}

  def changed(name, **rows):
    found[name] = plain.copy()
    for row, value in rows.items():
      found[name][int(row[1:])] = value

  changed("zero row", r1=0.0)
  changed("two zero rows", r1=0.0, r2=0.0)
  changed("identical rows", r1=plain[0])
  changed("opposite rows", r1=-plain[0])
  changed("opposite, of other length", r1=-0.3 * plain[0])
  changed("a sum of two", r3=plain[0] + plain[1])
  changed("minus a sum of two", r3=-plain[0] - plain[1])
  changed("at 170 degrees", r1=-plain[0] + 0.17 * plain[1])
  changed("one tiny row", r2=1e-6 * plain[2])
  found["all zero"] = np.zeros((TASKS, 6))
  found["all the same"] = np.tile(plain[:1], (TASKS, 1))
  found["orthogonal"] = np.diag([1.0, 2.0, 0.5, 3.0])
  bad = np.array([1e-3, 1e3, 1.0, 1e3])[:, None]
  found["bad scales"] = bad * plain
  found["bad scales, conflicting"] = bad * (plain - plain.mean(axis=0) + 0.1 * rng.normal(size=6))
  found["bad scales, opposite"] = bad * np.stack([plain[0], plain[1], plain[2], -plain[1]])
  found["bad scales, identical"] = bad * np.stack([plain[0], plain[1], plain[0], plain[1]])
  found["nearly parallel"] = plain[:1] + 1e-3 * rng.normal(size=(TASKS, 6))
  return found


def lengths(J):
  return np.linalg.norm(J, axis=1)


def units(J):
  n = lengths(J)
  return np.divide(J, n[:, None], out=np.zeros_like(J), where=n[:, None] > 0)


def supports(tasks):
  return [list(s) for size in range(1, tasks + 1) for s in combinations(range(tasks), size)]


def affine_min_norm(rows):
  """The point of the affine hull nearest to zero, its weights, and the projector on the hull's directions."""
  steps = (rows[1:] - rows[0]).T
  if not steps.size:
    return rows[0], np.ones(1), np.zeros((rows.shape[1],) * 2)
  a = np.linalg.lstsq(steps, -rows[0], rcond=1e-10)[0]
  q, s, _ = np.linalg.svd(steps, full_matrices=False)
  q = q[:, s > 1e-10 * s.max()] if s.max() > 0 else q[:, :0]
  return rows[0] - q @ (q.T @ rows[0]), np.append(1 - a.sum(), a), q @ q.T


def min_norm_point(J):
  """By trying every support."""
  found = [affine_min_norm(J[s])[:2] for s in supports(len(J))]
  return min((p for p, w in found if w.min() >= -1e-9), key=np.linalg.norm)


def on_dual_cone(J, x):
  """The projection of x on {d: J d >= 0}, by SciPy's NNLS and Moreau's decomposition."""
  v = nnls(units(J).T, -x)[0] if x.any() else np.zeros(len(J))
  return x + units(J).T @ v


def conflict_averse_direction(J, c):
  """CAGrad by trying every support: on each, the minimum of g_w'g_0 + c |g_0| |g_w| over its affine hull."""
  g_0 = J.mean(axis=0)
  r = c * np.linalg.norm(g_0)
  if r == 0:
    return g_0
  best, direction = 0.0 if np.linalg.norm(min_norm_point(J)) < 1e-9 * lengths(J).max() else np.inf, None
  for s in supports(len(J)):
    p, _, projector = affine_min_norm(J[s])
    along = projector @ g_0
    if r**2 <= along @ along or np.linalg.norm(p) < 1e-9 * lengths(J).max():
      continue
    g = p - np.sqrt(p @ p / (r**2 - along @ along)) * along
    # The weights of g on the support, if it is in the hull.
    top = lengths(J[s]).max()
    w = nnls(np.vstack([J[s].T / top, np.ones(len(s))]), np.append(g / top, 1.0))
    if w[1] > 1e-10:
      continue
    value = g @ g_0 + r * np.linalg.norm(g)
    if value < best - 1e-12 * r * top:
      best, direction = value, g
  return on_dual_cone(J, g_0) if direction is None else g_0 + r * direction / np.linalg.norm(direction)


def equal_angles(J):
  """y with J_unit'y the shortest vector that has product 1 with every unit gradient, in the least-squares sense."""
  inverse = np.linalg.pinv(units(J), rcond=1e-7)
  return inverse.T @ (inverse @ np.where(lengths(J) > 0, 1.0, 0.0))


def aligned(J, preference=None, scale=min):
  """scale: of the singular values that are not zero, in descending order."""
  p = np.full(len(J), 1 / len(J)) if preference is None else np.asarray(preference)
  rank = np.linalg.matrix_rank(units(J), tol=1e-7)
  if rank == 0:
    return p
  u, s, _ = np.linalg.svd(J, full_matrices=False)
  return scale(s[:rank]) * (u[:, :rank] / s[:rank]) @ (p @ u[:, :rank])
