"""Context parameters and low-rank factors: closed forms of one inner step, finite differences of several, in float64.

With `outer = optax.sgd(1.0)` the meta-gradient is what the parameters lose in one update.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from mtl_jax import cavia, lora
from mtl_jax.losses import squared_error
from mtl_jax.meta.lora import LowRank
from mtl_jax.models import MLP, Conv1D
from mtl_jax.models.conv import convolve
from mtl_jax.tree import named
from mtl_jax.types import Batch, Episode

RATE, TASKS, SUPPORT, QUERY, INPUTS, OUTPUTS = 0.2, 3, 5, 4, 4, 3
KEY = jax.random.key(0)
OUTER = optax.sgd(1.0)

pytestmark = pytest.mark.usefixtures("float64")


def tasks(masked: bool = False) -> Episode:
  rng = np.random.default_rng(0)

  def side(count):
    mask = np.ones((TASKS, count), bool)
    mask[:, count - 1] = not masked
    x, y = rng.normal(size=(TASKS, count, INPUTS)), rng.normal(size=(TASKS, count, OUTPUTS))
    return Batch(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask))

  return Episode(side(SUPPORT), side(QUERY), jnp.arange(TASKS))


def each_task(data: Episode):
  for i in range(TASKS):
    yield tuple(np.asarray(a[i]) for side in (data.support, data.query) for a in side[:2])


def lost(algorithm, state, data):
  after, metrics = jax.jit(algorithm.update)(KEY, state, data)
  return jax.tree.map(lambda b, a: np.asarray(b - a), state.params, after.params), metrics


def close(found, expected):
  np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_one_step_of_cavia_on_a_linear_model_is_the_one_worked_out_by_hand():
  """f(x) = x W + x V phi e' with phi () and e a row of ones, n examples, o outputs, and the loss |f - Y|^2 / (n o).

  From phi = 0 one step gives phi = -a <V' X_s' R_s, e> 2 / (n_s o), with residuals R_s = X_s W - Y_s. With
  u_s = X_s V it is linear in W: d phi / dW = -2 a / (n_s o) X_s' u_s e'. So the meta-gradient in W is
  2 / (n_q o) (X_q' R + <u_q e', R> d phi / dW), where R = X_q W + u_q phi e' - Y_q; in phi_0 it is 0.
  """
  rng, data = np.random.default_rng(1), tasks()
  w, v = rng.normal(size=(INPUTS, OUTPUTS)), rng.normal(size=INPUTS)

  def apply(params, x):
    return x @ params["w"] + (x @ jnp.asarray(v))[:, None] * params["context"][None]

  algorithm = cavia(apply, squared_error, inner=optax.sgd(RATE), inner_steps=1, outer=OUTER)
  state = algorithm.init({"w": jnp.asarray(w), "context": jnp.full((1,), 7.0)})
  np.testing.assert_array_equal(state.params["context"], [0.0])
  gradient, loss, predicted = np.zeros_like(w), 0.0, []
  for xs, ys, xq, yq in each_task(data):
    rs, us, uq = xs @ w - ys, xs @ v, xq @ v
    factor = 2 * RATE / rs.size
    phi = -factor * np.sum(us[:, None] * rs)
    predicted.append(xq @ w + uq[:, None] * phi)
    r = predicted[-1] - yq
    slope = -factor * np.outer(xs.T @ us, np.ones(OUTPUTS))
    gradient += 2 / r.size * (xq.T @ r + np.sum(uq[:, None] * r) * slope) / TASKS
    loss += np.square(r).mean() / TASKS
  found, metrics = lost(algorithm, state, data)
  close(found["w"], gradient)
  np.testing.assert_array_equal(found["context"], [0.0])
  close(metrics["loss"], loss)
  close(metrics["gradient_norm"], np.linalg.norm(gradient))
  answer = jax.vmap(algorithm.predict, (None, None, 0, 0))(KEY, state, data.support, data.query.x)
  close(answer, predicted)


def test_one_step_of_low_rank_factors_on_a_linear_model_is_the_one_worked_out_by_hand():
  """f(x) = x W, s = alpha / r, G(W) = 2 / (n_s o) X_s' (X_s W - Y_s), and B = 0 where A's gradient s G B' is 0.

  One step leaves A alone, gives B = -a s A' G and W' = W - a s^2 A A' G. With Q the query gradient at W' and
  c = a s^2, the meta-gradients are Q - c 2 / (n_s o) X_s' X_s A A' Q in W, -c (Q G' + G Q') A in A, 0 in B.
  """
  rng, data, rank, alpha = np.random.default_rng(1), tasks(), 2, 3.0
  w = rng.normal(size=(INPUTS, OUTPUTS))
  algorithm = lora(
    lambda w, x: x @ w, squared_error, inner=optax.sgd(RATE), inner_steps=1, outer=OUTER, rank=rank, alpha=alpha
  )
  state = algorithm.init(jnp.asarray(w))
  a, scale = np.asarray(state.params.a), alpha / rank
  assert a.shape == (INPUTS, rank) and state.params.b.shape == (rank, OUTPUTS)
  c, of_w, of_a, predicted = RATE * scale**2, np.zeros_like(w), np.zeros_like(a), []
  for xs, ys, xq, yq in each_task(data):
    g = 2 / ys.size * xs.T @ (xs @ w - ys)
    adapted = w - c * a @ a.T @ g
    predicted.append(xq @ adapted)
    q = 2 / yq.size * xq.T @ (predicted[-1] - yq)
    of_w += (q - c * 2 / ys.size * xs.T @ xs @ a @ a.T @ q) / TASKS
    of_a += -c * (q @ g.T + g @ q.T) @ a / TASKS
  found, _ = lost(algorithm, state, data)
  close(found.trunk, of_w)
  close(found.a, of_a)
  np.testing.assert_array_equal(found.b, np.zeros_like(found.b))
  answer = jax.vmap(algorithm.predict, (None, None, 0, 0))(KEY, state, data.support, data.query.x)
  close(answer, predicted)


def test_a_convolution_adapts_as_the_matrix_that_multiplies_what_it_sees_at_each_place():
  """x[n, 7, 5, 2] and a kernel (3, 2, 2, 3) that fits at 5 x 4 places, against the linear model on 12 numbers for each
  place, cut by NumPy: the same A is drawn for both, and all they learn is the same. On images of one place that are 1
  at one number and 0 elsewhere the answers are the rows of the kernel: it has changed by a matrix of rank 2.
  """
  rng, shape = np.random.default_rng(3), (3, 2, 2, OUTPUTS)
  kernel = rng.normal(size=shape)
  mask = jnp.ones((TASKS, SUPPORT), bool)

  def sides(images):
    windows = np.lib.stride_tricks.sliding_window_view(images, shape[:2], axis=(2, 3))  # (T, n, 5, 4, c, 3, 2)
    seen = np.moveaxis(windows, 4, -1).reshape(TASKS, SUPPORT, 5, 4, 12)
    y = jnp.asarray(rng.normal(size=(TASKS, SUPPORT, 5, 4, OUTPUTS)))
    return Batch(jnp.asarray(images), y, mask), Batch(jnp.asarray(seen), y, mask)

  support, query = (sides(rng.normal(size=(TASKS, SUPPORT, 7, 5, 2))) for _ in range(2))
  options = {"inner": optax.sgd(RATE), "inner_steps": 3, "outer": OUTER, "rank": 2}

  def loss(prediction, target):
    return jnp.square(prediction - target).mean(axis=(1, 2, 3))

  convolution = lora(lambda w, x: convolve(x, w, (1, 1), "VALID"), loss, **options)
  linear = lora(lambda w, x: x @ w, loss, **options)
  found = convolution.init(jnp.asarray(kernel))
  expected = linear.init(jnp.asarray(kernel.reshape(12, OUTPUTS)))
  losses = []
  for i, (algorithm, state) in enumerate(((convolution, found), (linear, expected))):
    losses.append(lost(algorithm, state, Episode(support[i], query[i], jnp.arange(TASKS))))
  for ours, theirs in zip(losses[0][0], losses[1][0], strict=True):
    close(ours.reshape(theirs.shape), theirs)
  close(losses[0][1]["loss"], losses[1][1]["loss"])
  taps = jnp.eye(12).reshape(12, 3, 2, 2)
  rows = convolution.predict(KEY, found, jax.tree.map(lambda leaf: leaf[0], support[0]), taps)[:, 0, 0]
  size = np.linalg.svd(np.asarray(rows) - kernel.reshape(12, OUTPUTS), compute_uv=False)
  assert size[1] > 1e-3 and size[2] < 1e-12


def test_every_convolution_of_a_network_adapts_and_not_its_head_alone():
  """With one convolution chosen, answers move away from the network's own; by default all kernels are chosen."""
  net = Conv1D(OUTPUTS, (4, 6), (5, 3), (2, 2), norm="none")
  rng = np.random.default_rng(4)
  x, y = jnp.asarray(rng.normal(size=(SUPPORT, 20, 2))), jnp.asarray(rng.normal(size=(SUPPORT, OUTPUTS)))
  with jax.numpy_dtype_promotion("standard"):  # Linen's head starts as float32, whatever x is
    params = jax.tree.map(lambda leaf: leaf.astype(float), net.init(KEY, x))
  own = net.apply(params, x)
  for matrices, chosen in ((named("conv_0"), 1), (named("conv_1"), 1), (None, 3)):
    mask = None if matrices is None else jax.tree.map(lambda m, p: m and p.ndim > 1, matrices(params), params)
    algorithm = lora(net.apply, squared_error, **INNER, rank=1, matrices=mask)
    state = algorithm.init(params)
    assert len(jax.tree.leaves(state.params.a)) == chosen
    answer = algorithm.predict(KEY, state, Batch(x, y, jnp.ones(SUPPORT, bool)), x)
    assert np.abs(answer - own).max() > 1e-3


NETWORK = MLP((3, OUTPUTS), context=2)
INNER = {"inner": optax.sgd(RATE), "inner_steps": 3, "outer": OUTER}


def network(params, x):
  return jnp.asarray(jnp.tanh(NETWORK.apply(params, x)))


@pytest.fixture(scope="module", params=["cavia", "lora"])
def several_steps(request):
  """A state, update(params, data) -> what the parameters lose, and metrics."""
  with jax.enable_x64(True):
    params = NETWORK.init(jax.random.key(1), jnp.zeros((1, INPUTS), jnp.float32))
    params = jax.tree.map(lambda leaf: leaf.astype(float) + 0.1, params)
    make = cavia if request.param == "cavia" else lambda *args, **options: lora(*args, **options, rank=1)
    algorithm = make(network, squared_error, **INNER)
    state, update = algorithm.init(params), jax.jit(algorithm.update)

    def lose(params, data):
      after, metrics = update(KEY, state._replace(params=params), data)
      return jax.tree.map(lambda b, a: np.asarray(b - a), params, after.params), metrics

    return state, lose


def test_the_meta_gradient_of_several_steps_is_that_of_finite_differences(several_steps):
  (params, *_), lose = several_steps
  data, step = tasks(masked=True), 1e-6
  flat, unravel = ravel_pytree(params)
  found, metrics = lose(params, data)
  ends = [
    [float(lose(unravel(flat + sign * d), data)[1]["loss"]) for d in step * np.eye(len(flat))] for sign in (1, -1)
  ]
  expected = np.subtract(*ends) / (2 * step)
  np.testing.assert_allclose(ravel_pytree(found)[0], expected, rtol=1e-6, atol=1e-8)
  close(metrics["gradient_norm"], np.linalg.norm(ravel_pytree(found)[0]))


def test_what_starts_at_zero_in_each_task_is_not_learned_and_all_else_is(several_steps):
  (params, *_), lose = several_steps
  found, _ = lose(params, tasks(masked=True))
  for path, leaf in jax.tree_util.tree_leaves_with_path(found):
    name = jax.tree_util.keystr(path)
    # The context of a network that `lora` adapts is a leaf like any other.
    starts_at_zero = name.startswith(".b") if isinstance(found, LowRank) else "context" in name
    assert (not leaf.any()) == starts_at_zero, name


def test_an_update_over_tasks_is_the_mean_of_updates_over_each(several_steps):
  (params, *_), lose = several_steps
  data = tasks(masked=True)
  alone = [lose(params, jax.tree.map(lambda leaf, i=i: jnp.stack([leaf[i]] * TASKS), data))[0] for i in range(TASKS)]
  close(ravel_pytree(lose(params, data)[0])[0], np.mean([ravel_pytree(one)[0] for one in alone], axis=0))


def test_adaptation_moves_a_matrix_by_one_of_the_rank_and_nothing_else():
  """With f(x) = x W + b the answers at 0 and at the unit vectors are b and the rows of W + b."""
  rng, data = np.random.default_rng(2), tasks()
  params = {"w": jnp.asarray(rng.normal(size=(INPUTS, OUTPUTS))), "b": jnp.asarray(rng.normal(size=OUTPUTS))}
  options = {"inner": optax.sgd(RATE), "inner_steps": 5, "outer": OUTER}
  algorithm = lora(lambda p, x: x @ p["w"] + p["b"][None], squared_error, **options, rank=2)
  x = jnp.concatenate([jnp.zeros((1, INPUTS)), jnp.eye(INPUTS)])
  support = jax.tree.map(lambda leaf: leaf[0], data.support)
  found = np.asarray(algorithm.predict(KEY, algorithm.init(params), support, x))
  np.testing.assert_array_equal(found[0], params["b"])
  size = np.linalg.svd(found[1:] - found[:1] - np.asarray(params["w"]), compute_uv=False)
  assert size[1] > 1e-2 and size[2] < 1e-12


def test_a_rank_below_one_or_nothing_to_adapt_is_refused():
  options = {"inner": optax.sgd(RATE), "inner_steps": 1, "outer": OUTER}
  with pytest.raises(ValueError, match="rank=0"):
    lora(lambda w, x: x @ w, squared_error, **options, rank=0)
  algorithm = lora(lambda w, x: x @ w, squared_error, **options, rank=1)
  with pytest.raises(ValueError, match="two axes"):
    algorithm.init(jnp.zeros(3))
  every = lora(lambda w, x: x @ w, squared_error, **options, rank=1, matrices=[True, True])
  with pytest.raises(ValueError, match=r"\(3,\)"):
    every.init([jnp.zeros((2, 3)), jnp.zeros(3)])
