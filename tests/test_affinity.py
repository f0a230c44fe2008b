"""Inter-task affinity against a plain loop and a closed form, and groupings against every partition."""

from functools import partial
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax import tree
from mtl_jax.losses import squared_error
from mtl_jax.multitask import affinity, grouping
from mtl_jax.types import Batch

pytestmark = pytest.mark.usefixtures("float64")

TASKS = ("wear", "load", "heat")
LOSSES = dict.fromkeys(TASKS, squared_error)
LR = 0.1


def test_affinity_is_that_of_a_plain_loop_over_tasks():
  """Two sources, two micro-batches, labels missing; only the trunk is shared, and heat has no label at all."""
  rng = np.random.default_rng(0)
  params = {"trunk": rng.normal(size=(3, 4)), "heads": {task: rng.normal(size=(4, 1)) for task in TASKS}}
  params = jax.tree.map(jnp.asarray, params)
  of = {"rig": ("load", "wear"), "oven": ("heat",)}

  def apply(params, x):
    z = {source: jnp.tanh(leaf @ params["trunk"]) for source, leaf in x.items()}
    return {task: z[source] @ params["heads"][task] for source in x for task in of[source]}

  def batch(tasks):
    y = {task: jnp.asarray(rng.normal(size=(2, 5, 1))) for task in tasks}
    return Batch(
      jnp.asarray(rng.normal(size=(2, 5, 3))), y, {task: jnp.asarray(rng.random((2, 5)) < 0.7) for task in y}
    )

  data = {source: batch(tasks) for source, tasks in of.items()}
  absent = data["oven"]._replace(mask={"heat": np.zeros((2, 5), bool)})

  @jax.jit
  def both(params, data):
    return [affinity(apply, LOSSES, params, data, lr=LR, level=level) for level in (tree.named("trunk"), None)]

  def loss(task, params):
    batch = data["oven" if task == "heat" else "rig"]
    mask = batch.mask[task]
    found = apply(params, {"oven" if task == "heat" else "rig": batch.x[mask]})[task]
    return jnp.mean(squared_error(found, jnp.asarray(batch.y[task][mask])))

  def expected(i, j, shared_only):
    slope = jax.grad(partial(loss, i))(params)
    if shared_only:
      slope["heads"] = jax.tree.map(jnp.zeros_like, slope["heads"])
    return 1 - loss(j, jax.tree.map(lambda p, g: p - LR * g, params, slope)) / loss(j, params)

  shared, everything = both(params, data)
  loop = [[[expected(i, j, only) for j in TASKS] for i in TASKS] for only in (True, False)]
  np.testing.assert_allclose(shared, loop[0], rtol=1e-10)
  np.testing.assert_allclose(everything, loop[1], rtol=1e-10)
  assert not np.allclose(np.diagonal(shared), np.diagonal(everything))
  unlabelled, _ = both(params, data | {"oven": absent})
  np.testing.assert_array_equal(np.isnan(unlabelled), [[False, False, True], [False, False, True], [True] * 3])
  np.testing.assert_allclose(np.asarray(unlabelled)[:2, :2], np.asarray(shared)[:2, :2], rtol=1e-12)


def test_affinity_of_quadratic_losses_is_the_second_order_expansion_and_a_loss_of_zero_has_none():
  """L_j = mean (X_j theta - y_j)^2: Z[i, j] = (lr g_i'g_j - lr^2 g_i'H_j g_i / 2) / L_j with H_j = 2 X_j'X_j / n."""
  rng = np.random.default_rng(1)
  x, y, theta = rng.normal(size=(3, 6, 2)), rng.normal(size=(3, 6)), rng.normal(size=2)
  x[2] = 0
  y[2] = 0
  data = {task: Batch(x[k][None], y[k][None], np.ones((1, 6), bool)) for k, task in enumerate(TASKS)}
  found = affinity(lambda params, x: {task: leaf @ params for task, leaf in x.items()}, LOSSES, theta, data, lr=LR)
  residual = np.einsum("knd,d->kn", x, theta) - y
  losses, g = (residual**2).mean(axis=1), 2 * np.einsum("knd,kn->kd", x, residual) / 6
  hessian = 2 * np.einsum("knd,kne->kde", x, x) / 6
  gained = LR * g @ g.T - LR**2 / 2 * np.einsum("id,jde,ie->ij", g, hessian, g)
  np.testing.assert_allclose(np.asarray(found)[:, :2], gained[:, :2] / losses[:2], rtol=1e-10, atol=1e-14)
  assert np.isnan(found[:, 2]).all()


def objective(z, labels):
  """The sum over tasks of the mean affinity towards it of the others in its group; 0 for a task alone."""
  others = [[i for i in range(len(z)) if i != j and labels[i] == labels[j]] for j in range(len(z))]
  return sum(np.mean([z[i, j] for i in group]) for j, group in enumerate(others) if group)


@pytest.mark.parametrize("tasks", [1, 2, 5])
def test_the_grouping_is_the_best_of_all_partitions(tasks):
  rng = np.random.default_rng(tasks)
  for shift in (-0.5, 0.0, 0.5, -2.0):
    z = rng.normal(size=(tasks, tasks)) + shift
    for groups in (1, 2, 3, 5):
      found = grouping(z, groups)
      assert sorted(task for group in found for task in group) == list(range(tasks)) and len(found) <= groups
      assert found == tuple(sorted(tuple(sorted(group)) for group in found))
      labels = [next(place for place, group in enumerate(found) if j in group) for j in range(tasks)]
      best = max(objective(z, other) for other in product(range(min(groups, tasks)), repeat=tasks))
      np.testing.assert_allclose(objective(z, labels), best, atol=1e-12)


def test_a_task_that_nothing_helps_stays_alone():
  z = np.array([[9.0, 0.2, -0.1], [0.3, 9.0, -0.2], [-0.3, 0.0, 9.0]])
  assert grouping(z, 3) == ((0, 1), (2,))


def test_groups_of_many_tasks_are_found():
  """Thirty tasks in three groups that help one another and harm the others, with noise; and thirty that harm."""
  rng = np.random.default_rng(0)
  group, noise = rng.permutation(np.arange(30) % 3), 0.1 * rng.normal(size=(30, 30))
  planted = tuple(sorted(tuple(np.flatnonzero(group == g).tolist()) for g in range(3)))
  assert grouping(np.where(group[:, None] == group, 0.3, -0.1) + noise, 3) == planted
  assert grouping(np.full((30, 30), -0.2), 30) == tuple((task,) for task in range(30))
  assert len(grouping(np.full((30, 30), -0.2), 4)) == 4


def test_an_affinity_that_is_not_known_is_refused():
  with pytest.raises(ValueError, match="never together"):
    grouping(np.array([[0.0, np.nan], [0.1, 0.0]]), 2)
  assert grouping(np.array([[np.nan, 0.1], [0.1, np.nan]]), 2) == ((0, 1),)
  for wrong in (np.zeros((2, 3)), np.zeros(2)):
    with pytest.raises(ValueError, match="shape"):
      grouping(wrong, 2)
  with pytest.raises(ValueError, match="0 groups"):
    grouping(np.zeros((2, 2)), 0)
