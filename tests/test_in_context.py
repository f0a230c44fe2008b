"""Attention to labelled examples: against other code and by hand, any order of examples, and gradients, in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree
from scipy.stats import norm

from mtl_jax import anp, in_context
from mtl_jax.attention import attention
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.meta import Latent
from mtl_jax.meta.anp import divergence
from mtl_jax.models import InContext
from mtl_jax.types import Batch, Episode

KEY = jax.random.key(0)
TASKS, SUPPORT, QUERY, INPUTS = 2, 5, 3, 2

pytestmark = pytest.mark.usefixtures("float64")


def normal(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def test_attention_is_that_of_jax_and_nothing_where_nothing_is_kept():
  query, key, value = normal(0, 4, 2, 3), normal(1, 6, 2, 3), normal(2, 6, 2, 5)
  mask = jnp.arange(6) % 3 != 1
  found = attention(query, key, value[..., :3], mask)
  with jax.numpy_dtype_promotion("standard"):
    expected = jax.nn.dot_product_attention(query, key, value[..., :3], mask=mask[None, None, :])
  np.testing.assert_allclose(found, expected, rtol=1e-5)  # JAX's softmax is float32
  assert attention(query, key, value, mask).shape == (4, 2, 5)
  np.testing.assert_array_equal(attention(query, key, value, jnp.zeros(6, bool)), np.zeros((4, 2, 5)))
  slope = jax.grad(lambda k: attention(query, k, value, jnp.zeros(6, bool)).sum())(key)
  np.testing.assert_array_equal(slope, np.zeros_like(slope))


def encode(params, x, y):
  return jnp.tanh(jnp.concatenate([x, y], axis=1) @ params["h"])


def embed(params, x):
  return (x @ params["k"]).reshape(len(x), 2, 3)


def decode(params, x, r):
  return jnp.tanh(x @ params["g"] + r) @ params["out"]


SIZES = {"h": (INPUTS + 1, 4), "k": (INPUTS, 6), "g": (INPUTS, 4), "out": (4, 1)}


def test_an_attentive_process_is_that_of_the_equations_worked_out_in_numpy():
  params = {name: normal(i, *size) for i, (name, size) in enumerate(SIZES.items())}
  mask = jnp.asarray([True, False, True, True, False])
  support, x = Batch(normal(7, SUPPORT, INPUTS), normal(8, SUPPORT, 1), mask), normal(9, QUERY, INPUTS)
  algorithm = anp(encode, embed, decode, squared_error, outer=optax.sgd(1.0))
  found = algorithm.predict(KEY, algorithm.init(params), support, x)
  p, known = jax.tree.map(np.asarray, params), np.asarray(support.x)[mask]
  r = np.tanh(np.concatenate([known, np.asarray(support.y)[mask]], axis=1) @ p["h"])
  for i, asked in enumerate(np.asarray(x)):
    taken = []
    for head in range(2):
      here = slice(3 * head, 3 * head + 3)
      weight = np.exp((known @ p["k"])[:, here] @ (asked @ p["k"])[here] / np.sqrt(3))
      taken.append(weight / weight.sum() @ r[:, 2 * head : 2 * head + 2])
    np.testing.assert_allclose(found[i], np.tanh(asked @ p["g"] + np.concatenate(taken)) @ p["out"], rtol=1e-12)
  nothing = support._replace(mask=jnp.zeros(SUPPORT, bool))
  np.testing.assert_allclose(
    algorithm.predict(KEY, algorithm.init(params), nothing, x), decode(params, x, jnp.zeros((QUERY, 4))), rtol=1e-12
  )


def describe(params, x, y):
  return jnp.tanh(jnp.concatenate([x, y], axis=1) @ params["s"])


def infer(params, s):
  mean, raw = s @ params["z"]
  return mean, 0.1 + jax.nn.sigmoid(raw)


def with_latent(params, x, r):
  return decode(params, x, r[:, :4]) + r[:, 4:] @ params["from z"]


SIZES_OF_LATENT = SIZES | {"s": (INPUTS + 1, 3), "z": (2, 3, 2), "from z": (2, 1)}


def latent_process(draw: bool):
  return anp(encode, embed, with_latent, squared_error, outer=optax.sgd(1.0), latent=Latent(describe, infer, draw))


def test_the_latent_path_answers_by_its_mean_or_draws_one_curve_for_each_key():
  """The answer is linear in z, so its deviation over keys is that of z through one matrix."""
  params = {name: normal(i, *size) for i, (name, size) in enumerate(SIZES_OF_LATENT.items())}
  mask = jnp.asarray([True, False, True, True, False])
  support, x = Batch(normal(7, SUPPORT, INPUTS), normal(8, SUPPORT, 1), mask), normal(9, QUERY, INPUTS)
  known = np.concatenate([support.x, support.y], axis=1)[mask]
  query = Batch(x, normal(6, QUERY, 1), jnp.ones(QUERY, bool))

  def q(pairs):
    mean, raw = np.tanh(pairs @ np.asarray(params["s"])).mean(0) @ np.asarray(params["z"])
    return mean, 0.1 + 1 / (1 + np.exp(-raw))

  (mean, deviation), out = q(known), np.asarray(params["from z"])
  plain = anp(encode, embed, decode, squared_error, outer=optax.sgd(1.0)).predict
  algorithm = latent_process(draw=False)
  state = algorithm.init(params)
  found = algorithm.predict(KEY, state, support, x)
  np.testing.assert_allclose(found, plain(KEY, state, support, x) + (mean @ out)[None], rtol=1e-12)
  drawn = jax.vmap(latent_process(draw=True).predict, (0, None, None, None))(
    jax.random.split(KEY, 20_000), state, support, x
  )
  away = np.asarray(drawn)[..., 0] - np.asarray(found)[None, :, 0]
  np.testing.assert_allclose(away, np.broadcast_to(away[:, :1], away.shape), atol=1e-12)  # one z for all questions
  assert away[:, 0].std() == pytest.approx(np.linalg.norm(deviation * out[:, 0]), rel=0.03)
  assert abs(away[:, 0].mean()) < 0.03 * away[:, 0].std()
  # One task many times: z comes from labels and queries together, so the mean of squares is known.
  many = jax.tree.map(lambda leaf: jnp.repeat(leaf[None], 20_000, 0), Episode(support, query, jnp.zeros(())))
  _, metrics = jax.jit(algorithm.update)(KEY, state, many)
  both = q(np.concatenate([known, np.concatenate([query.x, query.y], axis=1)]))
  assert float(metrics["divergence"]) == pytest.approx(float(divergence(both, (mean, deviation))) / QUERY, rel=1e-10)
  bias = np.asarray(query.y - found) - ((both[0] - mean) @ out)[None]
  squares = np.square(bias).mean() + np.sum(np.square(both[1] * out[:, 0]))
  assert float(metrics["loss"]) == pytest.approx(squares, rel=0.02)


def test_the_divergence_is_the_integral():
  of, other = (np.array([0.3, -1.0]), np.array([0.5, 1.2])), (np.array([1.0, 0.4]), np.array([0.8, 0.6]))
  z = np.linspace(-12, 12, 40_001)
  expected = 0.0
  for m, d, at, width in zip(*of, *other, strict=True):
    p, q = norm(m, d), norm(at, width)
    expected += np.trapezoid(p.pdf(z) * (p.logpdf(z) - q.logpdf(z)), z)
  assert float(divergence(*jax.tree.map(jnp.asarray, (of, other)))) == pytest.approx(expected, rel=1e-8)


CLASSES = 3
NETWORKS = {kind: InContext(outputs, width=4, layers=2, heads=2) for kind, outputs in (("numbers", 1), ("classes", 3))}


def ragged(kind: str, hidden: float = 0.0) -> Episode:
  """Tasks whose masked examples hold `hidden`."""

  def side(count, seed):
    mask = jnp.asarray(np.arange(count)[None] < np.array([[count], [count - 2]]))
    x = jnp.where(mask[..., None], normal(seed, TASKS, count, INPUTS), hidden)
    if kind == "numbers":
      return Batch(x, jnp.where(mask[..., None], normal(seed + 1, TASKS, count, 1), hidden), mask)
    y = np.random.default_rng(seed).integers(0, CLASSES, (TASKS, count))
    return Batch(x, jnp.where(mask, y, -1 if np.isnan(hidden) else 99), mask)

  return Episode(side(SUPPORT, 10), side(QUERY, 20), jnp.arange(TASKS))


def transformer(kind: str):
  """apply and drawn parameters, in float64; none of them is what Flax starts with, such as scales of 1."""
  net, data = NETWORKS[kind], ragged(kind)

  def apply(params, support, x):
    with jax.numpy_dtype_promotion("standard"):  # Flax's LayerNorm mixes float32 into float64
      return jnp.asarray(net.apply(params, support, x))

  one = jax.tree.map(lambda leaf: leaf[0].astype(jnp.float32) if leaf.dtype == float else leaf[0], data)
  leaves, structure = jax.tree.flatten(jax.eval_shape(lambda: net.init(KEY, one.support, one.query.x)))
  return apply, jax.tree.unflatten(structure, [normal(i, *leaf.shape) for i, leaf in enumerate(leaves)])


@pytest.mark.parametrize("kind", NETWORKS)
def test_the_transformer_is_that_of_the_equations_worked_out_in_numpy(kind):
  """One token at a time and one head at a time. With N a LayerNorm, c the labelled examples that are kept:

  t_i = W_x x_i + W_y y_i,   t* = W_x x*,   and in each layer, for examples and questions alike,
  t <- t + W_o [sum_i softmax_i(q_h(N t) k_h(N c_i) / sqrt(d)) v_h(N c_i)]_h,   t <- t + W_2 gelu(W_1 N' t).
  """
  (apply, params), data = transformer(kind), ragged(kind)
  support, x = jax.tree.map(lambda leaf: leaf[1], (data.support, data.query.x))
  p = jax.tree.map(np.asarray, params["params"])
  y = np.eye(CLASSES)[np.where(support.mask, support.y, 0)] if kind == "classes" else np.asarray(support.y)

  def affine(name, t):
    return np.tensordot(t, p[name]["kernel"], axes=1) + p[name]["bias"]

  def normed(name, t):
    return (t - t.mean()) / np.sqrt(t.var() + 1e-6) * p[name]["scale"] + p[name]["bias"]

  def gelu(a):
    return a / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (a + 0.044715 * a**3)))

  examples = [affine("x", xi) + affine("y", yi) for xi, yi in zip(np.asarray(support.x), y, strict=True)]
  examples, asked = [t for t, kept in zip(examples, support.mask, strict=True) if kept], [affine("x", xi) for xi in x]
  for layer in range(2):
    key, value = (
      [affine(f"{name}_{layer}", normed(f"norm_{layer}", t)) for t in examples] for name in ("key", "value")
    )

    def read(t, layer=layer, key=key, value=value):
      query, found = affine(f"query_{layer}", normed(f"norm_{layer}", t)), []
      for head in range(2):
        weight = np.exp([query[head] @ k[head] / np.sqrt(2) for k in key])
        found.append(sum(w * v[head] for w, v in zip(weight / weight.sum(), value, strict=True)))
      t = t + affine(f"out_{layer}", np.concatenate(found))
      return t + affine(f"added_{layer}", gelu(affine(f"dense_{layer}", normed(f"norm_dense_{layer}", t))))

    examples, asked = [read(t) for t in examples], [read(t) for t in asked]
  expected = [affine("head", normed("norm", t)) for t in asked]
  np.testing.assert_allclose(jax.jit(apply)(params, support, x), expected, rtol=1e-11)


@pytest.fixture(scope="module", params=["attentive process", "latent path", *NETWORKS])
def learner(request):
  """kind, algorithm, state, jitted update and predict over tasks."""
  with jax.enable_x64(True):
    outer = optax.sgd(1.0)
    if request.param == "attentive process":
      kind, algorithm = "numbers", anp(encode, embed, decode, squared_error, outer=outer)
      params = {name: normal(i, *size) for i, (name, size) in enumerate(SIZES.items())}
    elif request.param == "latent path":
      kind, algorithm = "numbers", latent_process(draw=False)
      params = {name: normal(i, *size) for i, (name, size) in enumerate(SIZES_OF_LATENT.items())}
    else:
      kind, (apply, params) = request.param, transformer(request.param)
      algorithm = in_context(apply, squared_error if kind == "numbers" else cross_entropy, outer=outer)
    predict = jax.jit(jax.vmap(algorithm.predict, (None, None, 0, 0)))
    return kind, algorithm, algorithm.init(params), jax.jit(algorithm.update), predict


def test_the_order_of_the_labelled_examples_does_not_matter(learner):
  kind, _, state, _, predict = learner
  data = ragged(kind)
  first = predict(KEY, state, data.support, data.query.x)
  for seed in range(3):
    order = np.random.default_rng(seed).permutation(SUPPORT)
    shuffled = jax.tree.map(lambda leaf, order=order: leaf[:, order], data.support)
    np.testing.assert_allclose(predict(KEY, state, shuffled, data.query.x), first, rtol=1e-10)


def test_a_masked_example_is_as_one_that_is_not_there(learner):
  """Of the second task only the first labelled examples are kept."""
  kind, algorithm, state, _, predict = learner
  data = ragged(kind)
  one, x = jax.tree.map(lambda leaf: leaf[1], (data.support, data.query.x))
  kept = jax.tree.map(lambda leaf: leaf[: SUPPORT - 2], one)
  assert kept.mask.all() and not one.mask[SUPPORT - 2 :].any()
  found = predict(KEY, state, data.support, data.query.x)[1]
  np.testing.assert_allclose(jax.jit(algorithm.predict)(KEY, state, kept, x), found, rtol=1e-10)


def test_no_question_sees_another(learner):
  kind, _, state, _, predict = learner
  data = ragged(kind)
  first = predict(KEY, state, data.support, data.query.x)
  other = predict(KEY, state, data.support, data.query.x.at[:, 0].add(1.0))
  np.testing.assert_allclose(other[:, 1:], first[:, 1:], rtol=1e-12)
  assert np.abs(other[:, 0] - first[:, 0]).max() > 1e-3


def test_what_is_masked_changes_no_bit_and_every_label_counts(learner):
  kind, _, state, update, predict = learner
  data = ragged(kind)

  def results(data):
    return update(KEY, state, data), predict(KEY, state, data.support, data.query.x[:, :1])

  clean = results(data)
  for hidden in (np.nan, np.inf, 1e30):
    spoilt = ragged(kind, hidden)
    jax.tree.map(np.testing.assert_array_equal, results(spoilt), clean)
  for i in range(SUPPORT - 2):
    raised = data.support.y.at[:, i].add(1)
    y = raised if kind == "numbers" else raised % CLASSES
    changed = results(data._replace(support=data.support._replace(y=y)))
    assert (np.abs(changed[1] - clean[1]).max(axis=(1, 2)) > 1e-6).all(), i


def test_a_step_is_that_of_finite_differences(learner):
  kind, _, state, update, _ = learner
  data, step = ragged(kind), 1e-5
  after, metrics = update(KEY, state, data)
  flat, unravel = ravel_pytree(state.params)

  def loss(flat):
    metrics = update(KEY, state._replace(params=unravel(flat)), data)[1]
    return float(metrics["loss"] + metrics.get("divergence", 0.0))

  some = np.random.default_rng(0).permutation(len(flat))[:60]
  expected = [(loss(flat + d) - loss(flat - d)) / (2 * step) for d in step * np.eye(len(flat))[some]]
  found = np.asarray(flat - ravel_pytree(after.params)[0])
  np.testing.assert_allclose(found[some], expected, rtol=1e-5, atol=1e-7)
  assert float(metrics["gradient_norm"]) == pytest.approx(np.linalg.norm(found), rel=1e-10)


def test_without_labels_the_answer_is_finite_and_does_not_depend_on_what_was_hidden(learner):
  kind, _, state, _, predict = learner
  data = ragged(kind)
  nothing = data.support._replace(mask=jnp.zeros((TASKS, SUPPORT), bool))
  found = predict(KEY, state, nothing, data.query.x)
  other = predict(KEY, state, nothing._replace(x=nothing.x + 3.0), data.query.x)
  assert np.isfinite(found).all()
  np.testing.assert_array_equal(found, other)
