"""One contract for every algorithm. A new algorithm adds one row to `ALGORITHMS`."""

import inspect
from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.neighbors import NearestCentroid

from mtl_jax import anil, anp, cavia, cnp, finetune, imaml, in_context, lora, maml, protonet, r2d2, replicate, reptile
from mtl_jax.attention import attention
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.tree import named
from mtl_jax.types import Algorithm, Batch, Episode

TASKS, SUPPORT, QUERY, PADDING, WIDTH, CLASSES, SEEDS = 6, 6, 5, 2, 3, 3, 2
KEY = jax.random.key(0)
OUTER = optax.adam(0.01)


def apply(params, x):
  return jnp.tanh(x @ params["body"]["w"] + params["body"]["b"][None]) @ params["head"]


def encode(params, x, y):
  label = jnp.mean(y.reshape(len(y), -1), axis=1, dtype=x.dtype)
  return jnp.tanh(x @ params["body"]["w"] + params["body"]["b"][None]) * (1.0 + label)[:, None]


def decode(params, x, r):
  return (jnp.tanh(x @ params["body"]["w"] + params["body"]["b"][None]) + jnp.atleast_2d(r)) @ params["head"]


def embed(params, x):
  return (x @ params["body"]["w"]).reshape(-1, 2, 2)


def answer(params, support, x):
  label = jax.nn.one_hot(support.y, CLASSES) if support.y.ndim == 1 else support.y
  taken = attention(embed(params, x), embed(params, support.x), label[:, None], support.mask)
  return apply(params, x) + taken.sum(axis=1)


MODEL = {"apply": apply, "loss": cross_entropy}
INNER = {"inner": optax.sgd(0.3), "inner_steps": 2}

ALGORITHMS: dict[str, Callable[..., Algorithm]] = {
  "maml": partial(maml, **MODEL, **INNER),
  "first order": partial(maml, **MODEL, **INNER, first_order=True, clip=1.0),
  "meta-sgd": partial(maml, **MODEL, **INNER, learned_rates="parameter"),
  "per step": partial(maml, **MODEL, **INNER, learned_rates="scalar", per_step_rates=True, rematerialise=True),
  "maml++": partial(maml, **MODEL, **INNER, multi_step_loss=4),
  "imaml": partial(imaml, **MODEL, **INNER, penalty=2.0),
  "imaml, one part": partial(imaml, **MODEL, **INNER, penalty=2.0, adapt=named("b")),
  "anil": partial(anil, **MODEL, **INNER),
  "cavia": partial(cavia, **MODEL, **INNER, context=named("b")),
  "lora": partial(lora, **MODEL, **INNER, rank=2, alpha=4.0),
  "reptile": partial(reptile, **MODEL, **INNER),
  "reptile, serial": partial(reptile, **MODEL, **INNER, serial=True),
  "protonet": partial(protonet, **MODEL, classes=CLASSES),
  "r2d2": partial(r2d2, **MODEL, classes=CLASSES),
  "r2d2, common ridge": partial(r2d2, **MODEL, classes=CLASSES, common=(CLASSES, CLASSES)),
  "cnp": partial(cnp, encode, decode, cross_entropy),
  "anp": partial(anp, encode, embed, decode, cross_entropy),
  "in context": partial(in_context, answer, cross_entropy),
  "finetune": partial(finetune, **MODEL, **INNER),
  "maml, replicated": lambda **options: replicate(maml(**MODEL, **INNER, **options), SEEDS),
  # Minibatches are random: with a size that covers what is there, padding must not show in them.
  "reptile, replicated": lambda **options: replicate(
    reptile(**MODEL, **INNER, batch_size=SUPPORT + QUERY, **options), SEEDS
  ),
}


class Case(NamedTuple):
  """An algorithm and what its tests share, so that each program is compiled once."""

  algorithm: Algorithm
  first: tuple  # a state
  update: Callable
  predict: Callable  # over tasks
  traces: list  # one entry for each time `update` was compiled


def params(key):
  w_key, head_key = jax.random.split(key)
  body = {"w": jax.random.normal(w_key, (WIDTH, 4)), "b": jnp.full((4,), 0.1)}  # b is weakly typed
  return {"body": body, "head": jax.random.normal(head_key, (4, CLASSES)), "unused": jnp.ones((2, 2))}


@cache
def case(name: str) -> Case:
  algorithm = ALGORITHMS[name](outer=OUTER)
  traces = []

  def update(key, state, data):
    traces.append(name)
    return algorithm.update(key, state, data)

  start = jax.vmap(params)(jax.random.split(KEY, SEEDS)) if "replicated" in name else params(KEY)
  predict = jax.jit(jax.vmap(algorithm.predict, (0, None, 0, 0)))
  return Case(algorithm, algorithm.init(start), jax.jit(update), predict, traces)


@cache
def unpadded() -> Episode:
  """Classes around centres that each task draws anew; every class is in every support set."""

  def sample(key):
    centre_key, x_key = jax.random.split(key)
    y = jnp.arange(SUPPORT + QUERY) % CLASSES
    x = jax.random.normal(centre_key, (CLASSES, WIDTH))[y] + 0.3 * jax.random.normal(x_key, (len(y), WIDTH))
    batch = Batch(x, y, jnp.ones(y.shape, bool))
    support, query = (jax.tree.map(lambda leaf, s=s: leaf[s], batch) for s in (slice(SUPPORT), slice(SUPPORT, None)))
    return Episode(support, query, y[0])

  return jax.vmap(sample)(jax.random.split(KEY, TASKS))


def map_sides(f: Callable[[Batch], Batch], episode: Episode) -> Episode:
  return episode._replace(support=f(episode.support), query=f(episode.query))


def padded(x: float, y: int) -> Episode:
  """The same with masked examples at the end that hold `x` and `y`."""
  ends = ((0, 0), (0, PADDING))

  def pad(batch: Batch) -> Batch:
    return Batch(
      jnp.pad(batch.x, (*ends, (0, 0)), constant_values=x),
      jnp.pad(batch.y, ends, constant_values=y),
      jnp.pad(batch.mask, ends),
    )

  return map_sides(pad, unpadded())


data = cache(lambda: padded(0.0, 0))


def predict(name: str, state, support: Batch):
  """(tasks, queries, classes), with a leading axis of seeds where there are several."""
  answer = case(name).predict(jax.random.split(KEY, TASKS), state, support, data().query.x)
  return jnp.moveaxis(answer, 1, 0) if "replicated" in name else answer


def close(found, expected, rtol=1e-4, atol=1e-5):
  jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, rtol=rtol, atol=atol), found, expected)


def same_bits(found, expected):
  jax.tree.map(lambda f, e: np.testing.assert_array_equal(f, e, strict=True), found, expected)


every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)


@every_algorithm
def test_the_functions_have_the_argument_names_of_the_contract(name):
  algorithm = case(name).algorithm
  assert isinstance(algorithm, Algorithm)
  names = [list(inspect.signature(function).parameters) for function in algorithm]
  assert names == [["params"], ["key", "state", "data"], ["key", "state", "support", "x"]]


@every_algorithm
def test_the_state_is_a_named_tuple_of_arrays_that_keeps_its_form(name):
  c = case(name)
  state, metrics = c.update(KEY, c.first, data())
  for s in (c.first, state):
    assert isinstance(s, tuple) and "params" in s._fields
    assert all(isinstance(leaf, jax.Array) and not leaf.weak_type for leaf in jax.tree.leaves(s))
  kinds = [jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), s) for s in (c.first, state)]
  assert kinds[0] == kinds[1]
  lead = (SEEDS,) if "replicated" in name else ()
  assert {"loss", "gradient_norm"} <= metrics.keys()
  assert all(value.shape == lead and np.isfinite(value).all() for value in metrics.values())


@every_algorithm
def test_a_parameter_that_no_answer_depends_on_has_a_gradient_of_exactly_zero(name):
  """Adam's first step for any other gradient is its rate, 0.01; for zero it is zero."""
  c = case(name)
  after, before = (
    [leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state.params) if "unused" in jax.tree_util.keystr(path)]
    for state in (c.update(KEY, c.first, data())[0], c.first)
  )
  assert before
  same_bits(after, before)


@every_algorithm
def test_the_second_step_does_not_compile_again_and_a_resumed_one_is_the_same(name):
  c = case(name)
  keys = jax.random.split(KEY, 3)
  first, _ = c.update(keys[0], c.first, data())
  second, _ = c.update(keys[1], first, data())
  assert len(c.traces) == 1
  resumed = jax.tree.map(np.asarray, second)
  same_bits(c.update(keys[2], resumed, data()), c.update(keys[2], second, data()))
  assert len(c.traces) == 1


@pytest.mark.parametrize("name", ["meta-sgd", "lora", "maml, replicated"])
def test_a_state_from_disk_gives_the_same_next_step(name, tmp_path):
  c = case(name)
  state, _ = c.update(KEY, c.first, data())
  Checkpoints(tmp_path).save(1, state)
  _, resumed = Checkpoints(tmp_path).latest(jax.eval_shape(lambda: c.first))
  same_bits(c.update(KEY, resumed, data()), c.update(KEY, state, data()))
  assert len(c.traces) == 1


@every_algorithm
def test_prediction_over_tasks_is_that_of_each_task_without_padding(name):
  c = case(name)
  together = predict(name, c.first, data().support)
  lead = (SEEDS,) if "replicated" in name else ()
  assert together.shape == (*lead, TASKS, QUERY + PADDING, CLASSES)
  support, x = jax.tree.map(lambda leaf: leaf[-1], (unpadded().support, data().query.x))
  close(together[..., -1, :, :], jax.jit(c.algorithm.predict)(jax.random.split(KEY, TASKS)[-1], c.first, support, x))


@every_algorithm
def test_a_step_is_the_same_without_padding_and_for_another_chunk_of_tasks(name):
  chunked = jax.jit(ALGORITHMS[name](outer=OUTER, chunk=2).update)
  close(chunked(KEY, case(name).first, unpadded()), case(name).update(KEY, case(name).first, data()))


@every_algorithm
def test_masked_examples_change_nothing_whatever_they_hold(name):
  c = case(name)
  clean = c.update(KEY, c.first, data()), predict(name, c.first, data().support)
  for spoilt in (padded(np.nan, 1), padded(np.inf, -1), padded(1e30, 99)):
    same_bits((c.update(KEY, c.first, spoilt), predict(name, c.first, spoilt.support)), clean)


@every_algorithm
def test_every_labelled_example_counts(name):
  c = case(name)
  found = [
    (c.update(KEY, c.first, episode)[1]["gradient_norm"], predict(name, c.first, episode.support))
    for episode in (data(), *(map_sides(partial(hide, i), data()) for i in range(QUERY)))
  ]
  for less in found[1:]:
    assert all(np.abs(a - b).max() > 1e-4 for a, b in zip(less, found[0], strict=True))


def hide(i: int, batch: Batch) -> Batch:
  return batch._replace(mask=batch.mask.at[:, i].set(False))


@every_algorithm
def test_without_labels_the_first_parameters_answer_and_training_stays_finite(name):
  c = case(name)
  nothing = data().support._replace(mask=jnp.zeros_like(data().support.mask))
  state, metrics = c.update(KEY, c.first, data()._replace(support=nothing))
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((state, metrics)))
  said = predict(name, c.first, nothing)
  assert np.isfinite(said).all()
  if name != "protonet" and "r2d2" not in name:
    apply_all, first = jax.vmap(apply, (None, 0)), getattr(c.first.params, "trunk", c.first.params)
    close(said, (jax.vmap(apply_all, (0, None)) if "replicated" in name else apply_all)(first, data().query.x))


OF_NUMBERS = ("maml", "imaml", "anil", "cavia", "lora", "reptile", "r2d2", "cnp", "anp", "in context", "finetune")


@pytest.mark.parametrize("name", OF_NUMBERS)
def test_a_regression_on_ragged_tasks_reads_what_the_mask_keeps_and_nothing_else(name):
  """Three numbers to predict; the first task has two labels, the next three and so on, and four questions."""
  factory = ALGORITHMS[name]
  assert isinstance(factory, partial)
  told = {key: squared_error if value is cross_entropy else value for key, value in factory.keywords.items()}
  told |= {"classes": None} if "classes" in told else {}
  algorithm = factory.func(*[squared_error if f is cross_entropy else f for f in factory.args], **told, outer=OUTER)

  def ragged(hidden: float) -> Episode:
    def side(batch: Batch, counts: jax.Array) -> Batch:
      mask = jnp.arange(batch.mask.shape[1])[None] < counts[:, None]
      y = jax.random.normal(KEY, (*mask.shape, CLASSES))
      return Batch(*(jnp.where(mask[..., None], leaf, hidden) for leaf in (batch.x, y)), mask)

    counts = jnp.minimum(2 + jnp.arange(TASKS), SUPPORT)
    return data()._replace(support=side(data().support, counts), query=side(data().query, jnp.full(TASKS, 4)))

  @jax.jit
  def asked(episode: Episode):
    first = algorithm.init(params(KEY))
    keys = jax.random.split(KEY, TASKS)
    said = jax.vmap(algorithm.predict, (0, None, 0, None))(keys, first, episode.support, data().query.x[0])
    two = jax.tree.map(lambda leaf: leaf[0, :2], episode.support)
    return algorithm.update(KEY, first, episode), said, algorithm.predict(keys[0], first, two, data().query.x[0])

  found = asked(ragged(0.0))
  same_bits(asked(ragged(np.nan)), found)
  (_, metrics), said, alone = found
  assert said.shape == (TASKS, QUERY + PADDING, CLASSES) and metrics["gradient_norm"] > 1e-3
  close(said[0], alone)
  assert np.abs(said[0] - said[1]).max() > 1e-4


@pytest.mark.parametrize(
  ("name", "outer"),
  [
    ("meta-sgd", optax.sgd(0.1, momentum=0.9)),
    ("reptile", optax.adamw(optax.cosine_decay_schedule(0.01, 9))),
    ("protonet", optax.inject_hyperparams(optax.adam)(learning_rate=0.01)),
    ("finetune", optax.chain(optax.clip_by_global_norm(1.0), optax.trace(0.5), optax.scale(-0.1))),
  ],
)
def test_any_outer_optimiser_gets_the_loss_down(name, outer):
  algorithm = ALGORITHMS[name](outer=outer)
  train = jax.jit(partial(jax.lax.scan, lambda state, key: algorithm.update(key, state, data())))
  _, metrics = train(algorithm.init(params(KEY)), jax.random.split(KEY, 10))
  assert np.all(np.isfinite(metrics["loss"])) and metrics["loss"][-1] < metrics["loss"][0]


@pytest.mark.parametrize("backend", ["cpu", "gpu"])
def test_seeds_take_the_steps_that_each_would_take_with_its_key_and_its_tasks(backend, monkeypatch):
  """With random minibatches, so that the keys matter; one after the other or, as on an accelerator, side by side."""
  monkeypatch.setattr(jax, "default_backend", lambda: backend)
  alone = reptile(**MODEL, **INNER, outer=OUTER, batch_size=2)
  together = replicate(alone, SEEDS)
  first = together.init(jax.vmap(params)(jax.random.split(KEY, SEEDS)))
  found, metrics = jax.jit(together.update)(KEY, first, data())
  for seed, key in enumerate(jax.random.split(KEY, SEEDS)):
    of_seed = partial(jax.tree.map, lambda leaf, seed=seed: leaf[seed])
    share = jax.tree.map(lambda leaf, seed=seed: leaf.reshape(SEEDS, -1, *leaf.shape[1:])[seed], data())
    expected, numbers = jax.jit(alone.update)(key, of_seed(first), share)
    close((of_seed(found), metrics["loss"][seed]), (expected, numbers["loss"]))


def test_tasks_that_cannot_be_shared_out_are_refused():
  c = case("maml, replicated")
  with pytest.raises(ValueError, match="5 tasks"):
    c.algorithm.update(KEY, c.first, jax.tree.map(lambda leaf: leaf[:5], data()))


def test_minibatches_of_reptile_are_distinct_examples_and_differ_from_step_to_step():
  """With f(x) = w.x, the one-hot examples e_i and targets 1, a step of rate 1/4 on b examples without
  repetition adds (1 - w_i) / (2 b) to each chosen w_i and nothing to the others. From w = 0 and with
  b = 2 of 4, each step changes two of them by a factor 3/4 in 1 - w_i: every 1 - w_i is a power of
  3/4, and after k steps the powers add up to 2 k.
  """

  def error(prediction, target):
    return jnp.square(prediction - target)

  def powers(key, steps):
    algorithm = reptile(
      lambda w, x: x @ w, error, inner=optax.sgd(0.25), inner_steps=steps, outer=optax.sgd(1.0), batch_size=2
    )
    batch = Batch(jnp.eye(6)[None, :, :4], jnp.ones((1, 6)), (jnp.arange(6) < 4)[None])
    halves = (jax.tree.map(lambda leaf, s=s: leaf[:, s], batch) for s in (slice(1), slice(1, None)))
    state, _ = jax.jit(jax.vmap(algorithm.update, (0, None, None)))(
      key, algorithm.init(jnp.zeros(4)), Episode(*halves, jnp.zeros(1))
    )
    return np.log(1 - np.asarray(state.params)) / np.log(0.75)

  found = powers(jax.random.split(KEY, 40), 3)
  np.testing.assert_allclose(found, np.round(found), atol=1e-4)
  np.testing.assert_allclose(found.sum(axis=1), 6.0, atol=1e-4)
  assert (found.max(axis=1) < 2.5).any()  # not the same two examples in all three steps
  assert (found.sum(axis=0) > 0).all()


def test_reptile_without_an_inner_step_is_refused():
  with pytest.raises(ValueError, match="inner_steps=0"):
    reptile(**MODEL, inner=optax.sgd(0.1), inner_steps=0, outer=optax.sgd(0.1))


@pytest.mark.parametrize("seed", range(3))
def test_prototypes_of_an_identity_embedding_predict_as_scikit_learns_nearest_centroid(seed):
  rng = np.random.default_rng(seed)
  x, y, mask = rng.normal(size=(20, 4)).astype(np.float32), rng.integers(0, 4, 20), rng.random(20) < 0.8
  y[y == 2] = 3  # class 2 is absent
  x_query = rng.normal(size=(200, 4)).astype(np.float32)
  algorithm = protonet(lambda params, x: x, cross_entropy, classes=5, outer=optax.sgd(0.1))
  support = Batch(jnp.asarray(x), jnp.asarray(y), jnp.asarray(mask))
  logits = algorithm.predict(KEY, algorithm.init({}), support, jnp.asarray(x_query))
  found = np.argmax(logits, axis=1)
  np.testing.assert_array_equal(found, NearestCentroid().fit(x[mask], y[mask]).predict(x_query))
  assert set(found.tolist()) == {0, 1, 3}


def test_a_question_about_a_class_without_labels_does_not_count_in_the_loss_of_prototypes():
  c = case("protonet")
  support = data().support
  absent = data()._replace(support=support._replace(mask=support.mask & (support.y != 2)))
  query = data().query
  unasked = absent._replace(query=query._replace(mask=query.mask & (query.y != 2)))
  same_bits(c.update(KEY, c.first, absent), c.update(KEY, c.first, unasked))
