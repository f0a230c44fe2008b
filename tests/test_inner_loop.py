"""The inner loop, the map over tasks and the pytree helpers: any parameters, any optimiser, any chunk."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conftest import optimised

from mtl_jax import init_rates, inner_loop, maml, masked_loss, task_gradient, task_mean, tree
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.meta.hoist import hoisted
from mtl_jax.meta.task_map import chunk_for
from mtl_jax.models import GRU, Conv1D
from mtl_jax.types import Batch, Episode

KEY = jax.random.key(0)

PARAMETERS = {
  "a dict with a tuple": {"pair": (jnp.asarray([1.0, -2.0]), jnp.asarray([[0.5]])), "scalar": jnp.asarray(3.0)},
  "an array": jnp.asarray([1.0, -2.0, 3.0]),
}
OPTIMISERS = {
  "sgd": optax.sgd(0.1),
  "momentum": optax.sgd(0.1, momentum=0.9, nesterov=True),
  "adam": optax.adam(0.1, eps_root=1e-8),
  "adamw": optax.adamw(0.1, eps_root=1e-8, weight_decay=0.1),
  "a chain with a schedule": optax.chain(
    optax.clip(0.5), optax.trace(0.5), optax.scale_by_learning_rate(optax.exponential_decay(0.1, 2, 0.5))
  ),
}


def bowl(params, batch, key):
  """sum (p - batch)^2 over everything: its gradient is 2 (p - batch)."""
  del key
  return sum(jnp.sum(jnp.square(p - batch)) for p in jax.tree.leaves(params)), {"twice": 2.0 * batch}


def norm(tree_) -> float:
  return float(np.sqrt(sum(np.sum(np.square(leaf)) for leaf in jax.tree.leaves(tree_))))


def close(found, expected, rtol=1e-5):
  assert jax.tree.structure(found) == jax.tree.structure(expected)
  jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, rtol=rtol, atol=1e-6), found, expected)


@pytest.mark.parametrize("params", PARAMETERS.values(), ids=PARAMETERS)
@pytest.mark.parametrize("inner", OPTIMISERS.values(), ids=OPTIMISERS)
def test_the_loop_is_optax_stepped_by_hand_from_a_fresh_state(inner, params):
  adapted = inner_loop(bowl, inner, 3)(params, 0.5, KEY)
  expected, opt_state, losses = params, inner.init(params), []
  for _ in range(3):
    losses.append(bowl(expected, 0.5, KEY)[0])
    gradient = jax.tree.map(lambda p: 2.0 * (p - 0.5), expected)
    with jax.numpy_dtype_promotion("standard"):
      change, opt_state = inner.update(gradient, opt_state, expected)
    expected = optax.apply_updates(expected, change)
  close(adapted.params, expected)
  close(adapted.losses, jnp.stack(losses))


def test_an_optimiser_that_searches_along_a_line_may_ask_for_the_loss():
  """L-BFGS at the minimum of a badly scaled bowl, whose gradient descent needs a thousand times as many steps."""
  scale = jnp.asarray([1.0, 1e3])

  def bowl(params, batch, key):
    return 0.5 * jnp.sum(scale * jnp.square(params - batch)), None

  at = jnp.asarray([2.0, -3.0])
  adapted = jax.jit(inner_loop(bowl, optax.lbfgs(), 8, first_order=True))(jnp.zeros(2), at, KEY)
  np.testing.assert_allclose(adapted.params, at, rtol=1e-4)


def test_losses_and_aux_are_those_before_each_step():
  """With rate 1/4, p - c halves in each step: the loss is (p - c)^2 / 4^i."""
  adapted = inner_loop(bowl, optax.sgd(0.25), 4)(jnp.asarray(3.0), 1.0, KEY)
  close(adapted.losses, 4.0 / 4.0 ** np.arange(4))
  close(adapted.aux, {"twice": np.full(4, 2.0)})
  close(adapted.params, np.asarray(1.0 + 2.0 / 2**4))


def test_no_steps_return_the_parameters_as_they_came():
  adapted = inner_loop(bowl, optax.adam(0.1), 0)(PARAMETERS["an array"], 0.0, KEY)
  np.testing.assert_array_equal(adapted.params, PARAMETERS["an array"])
  assert adapted.losses.shape == (0,) and adapted.aux["twice"].shape == (0,)


def test_every_step_gets_a_key_of_its_own():
  def loss(params, batch, key):
    return jnp.sum(params), jax.random.key_data(key)

  keys = inner_loop(loss, optax.sgd(0.1), 5)(jnp.ones(2), None, KEY).aux
  everything = np.concatenate([keys, jax.random.key_data(KEY)[None]])
  assert len(np.unique(everything, axis=0)) == 6


@pytest.mark.parametrize("mask", [tree.named("pair"), {"pair": (True, True), "scalar": False}])
def test_only_the_chosen_leaves_adapt_and_all_have_a_gradient(mask):
  params = PARAMETERS["a dict with a tuple"]
  run = inner_loop(bowl, optax.adamw(0.1, eps_root=1e-8), 2, adapt=mask)
  adapted = run(params, 0.5, KEY).params
  np.testing.assert_array_equal(adapted["scalar"], params["scalar"])
  assert norm(jax.tree.map(jnp.subtract, adapted["pair"], params["pair"])) > 0.1
  gradient = jax.grad(lambda p: bowl(run(p, 0.5, KEY).params, 0.0, KEY)[0])(params)
  assert float(gradient["scalar"]) == pytest.approx(2 * 3.0)  # as if there were no inner loop


# The rate of each kind, as init_rates shapes it for {"a": (2,), "b": (3, 2)} and 2 steps.
RATE_SHAPES = {
  ("scalar", None): (),
  ("scalar", 2): (2,),
  ("leaf", None): {"a": (), "b": ()},
  ("leaf", 2): {"a": (2,), "b": (2,)},
  ("parameter", None): {"a": (2,), "b": (3, 2)},
  ("parameter", 2): {"a": (2, 2), "b": (2, 3, 2)},
}


@pytest.mark.parametrize(("kind", "shapes"), RATE_SHAPES.items(), ids=[f"{p} {s}" for p, s in RATE_SHAPES])
def test_a_learned_rate_multiplies_its_own_leaf_parameter_and_step(kind, shapes):
  """Also where a leaf has as many parameters as there are steps: "a" has 2."""
  per, steps = kind
  params = {"a": jnp.asarray([1.0, -2.0]), "b": jnp.arange(6.0).reshape(3, 2)}
  rates = init_rates(params, 0.3, per=per, steps=steps)
  assert jax.tree.map(jnp.shape, rates) == shapes
  assert not any(leaf.weak_type for leaf in jax.tree.leaves(rates))  # or a trained one would compile anew
  assert all(float(leaf.min()) == float(leaf.max()) == pytest.approx(0.3) for leaf in jax.tree.leaves(rates))
  rng = np.random.default_rng(0)
  rates = jax.tree.map(lambda r: jnp.asarray(rng.uniform(0.1, 0.4, r.shape), jnp.float32), rates)
  expected = jax.tree.map(np.asarray, params)
  for i in range(2):
    now = rates if steps is None else jax.tree.map(lambda r, i=i: r[i], rates)
    now = {name: np.asarray(now if per == "scalar" else now[name]) for name in params}
    expected = {name: p - now[name] * 2.0 * (p - 0.5) for name, p in expected.items()}
  run = inner_loop(bowl, optax.sgd(1.0), 2, per_step_rates=steps is not None)
  close(run(params, 0.5, KEY, rates).params, expected)
  learned = jax.grad(lambda r: bowl(run(params, 0.5, KEY, r).params, 0.0, KEY)[0])(rates)
  assert all(np.all(np.asarray(leaf) != 0) for leaf in jax.tree.leaves(learned))


@pytest.mark.parametrize("per", ["scalar", "leaf", "parameter"])
def test_rates_of_a_single_array_are_not_mistaken(per):
  params = PARAMETERS["an array"]
  rates = init_rates(params, 0.25, per=per, steps=3)
  adapted = inner_loop(bowl, optax.sgd(1.0), 3, per_step_rates=True)(params, 0.0, KEY, rates)
  close(adapted.params, params / 8)


@pytest.mark.parametrize(("length", "limit"), [(5.0, 1.0), (5.0, 7.0), (5.0, 5.0), (1e-20, 1.0)])
def test_clipping_is_that_of_optax(length, limit):
  gradient = {"a": jnp.asarray([0.6, 0.0]) * length, "b": (jnp.asarray(-0.8 * length),)}
  expected, _ = optax.clip_by_global_norm(limit).update(gradient, optax.EmptyState())
  close(tree.clip_by_global_norm(gradient, limit), expected)


def test_clipping_has_a_finite_derivative_at_zero_where_that_of_optax_has_none():
  zero = {"a": jnp.zeros(2), "b": (jnp.zeros(()),)}

  def total(clip, gradient):
    return sum(jnp.sum(leaf) for leaf in jax.tree.leaves(clip(gradient)))

  ours = jax.grad(partial(total, lambda g: tree.clip_by_global_norm(g, 1.0)))(zero)
  close(ours, jax.tree.map(jnp.ones_like, zero))
  theirs = jax.grad(partial(total, lambda g: optax.clip_by_global_norm(1.0).update(g, optax.EmptyState())[0]))(zero)
  assert np.isnan(theirs["a"]).any()


def test_the_inner_gradient_is_clipped_before_the_optimiser_sees_it():
  """The gradient 2 (3, 4) has norm 10: clipped to 1 it is (3, 4) / 5."""
  adapted = inner_loop(bowl, optax.sgd(1.0), 1, clip=1.0)(jnp.asarray([3.0, 4.0]), 0.0, KEY)
  close(adapted.params, np.asarray([3.0, 4.0]) - np.asarray([0.6, 0.8]))


@pytest.mark.parametrize(
  ("options", "message"), [({"steps": -1}, "steps=-1"), ({"clip": 0.0}, "clip=0.0"), ({"clip": -2.0}, "clip=-2.0")]
)
def test_nonsense_is_refused_with_its_value(options, message):
  with pytest.raises(ValueError, match=message):
    inner_loop(bowl, optax.sgd(0.1), **{"steps": 1} | options)


def test_learned_rates_for_each_step_must_be_learned():
  with pytest.raises(ValueError, match="learned_rates"):
    maml(lambda p, x: x, squared_error, inner=optax.sgd(0.1), inner_steps=2, outer=optax.sgd(0.1), per_step_rates=True)


SINGULAR = {
  "adam": optax.adam(0.1),
  "adam of some leaves": optax.masked(optax.adam(0.1), {"pair": (True, False), "scalar": False}),
  "optax's clip": optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(0.1)),
}


@pytest.mark.parametrize("inner", SINGULAR.values(), ids=SINGULAR)
def test_second_order_through_an_optimiser_without_a_derivative_at_zero_is_refused(inner):
  params = PARAMETERS["a dict with a tuple"]
  with pytest.raises(ValueError, match="eps_root"):
    inner_loop(bowl, inner, 1)(params, 0.0, KEY)
  with pytest.raises(ValueError, match="eps_root"):
    jax.jit(jax.vmap(inner_loop(bowl, inner, 1), (None, 0, None)))(params, jnp.zeros(2), KEY)
  run = inner_loop(bowl, inner, 1, first_order=True)
  gradient = jax.grad(lambda p: bowl(run(p, 0.0, KEY).params, 1.0, KEY)[0])(jax.tree.map(jnp.zeros_like, params))
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_what_is_not_refused_has_a_finite_meta_gradient_at_a_zero_gradient():
  params = jax.tree.map(jnp.zeros_like, PARAMETERS["a dict with a tuple"])
  for inner in OPTIMISERS.values():
    run = inner_loop(bowl, inner, 2, clip=1.0)
    gradient = jax.grad(lambda p, run=run: bowl(run(p, 0.0, KEY).params, 1.0, KEY)[0])(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_a_wrong_name_is_answered_with_the_names_that_there_are():
  with pytest.raises(ValueError, match=r"no parameter is named haed.*'body'.*'head'.*'pair'"):
    tree.named("haed")({"body": jnp.ones(1), "head": jnp.ones(2), "pair": (jnp.ones(1),)})


def test_names_match_anywhere_on_the_path_and_whole():
  params = {"params": {"head": {"w": 1, "b": 2}, "header": {"w": 3}, "body": (4, {"head": 5})}}
  chosen, rest = tree.partition(params, tree.named("head"))
  assert (jax.tree.leaves(chosen), sorted(jax.tree.leaves(rest))) == ([5, 2, 1], [3, 4])
  assert tree.combine(chosen, rest) == params


# What stays the same from step to step is computed once.

NET = {
  "trunk": {"w": jax.random.normal(jax.random.key(1), (40, 30)), "v": jax.random.normal(jax.random.key(2), (30, 20))},
  "head": 0.1 * jax.random.normal(jax.random.key(3), (20, 1)),
}
ROWS = jax.random.normal(jax.random.key(4), (64, 40)), jnp.ones((64, 1))


def on_a_trunk(params, batch, key):
  """A frozen trunk with noise on top of it, so that a part of the loss depends on the step's key."""
  x, y = batch
  h = jnp.tanh(jnp.tanh(x @ params["trunk"]["w"]) @ params["trunk"]["v"])
  h += 0.01 * jax.random.normal(key, h.shape)
  return jnp.mean(jnp.square(jax.jit(jnp.sin)(h @ params["head"]) - y)), {"height": h[0, 0]}


def stepped_by_hand(params, batch, key, steps):
  losses = []
  for step_key in jax.random.split(key, steps):
    (value, _), slope = jax.value_and_grad(on_a_trunk, has_aux=True)(params, batch, step_key)
    losses.append(value)
    params = params | {"head": params["head"] - 0.1 * slope["head"]}
  return params, jnp.stack(losses)


def test_a_frozen_trunk_gets_the_gradient_of_every_step():
  """Second order, through the trunk that is computed once, and through what was learned on top of it."""
  run = inner_loop(on_a_trunk, optax.sgd(0.1), 4, adapt=tree.named("head"))

  def after(params, adapted):
    return on_a_trunk(adapted, (ROWS[0][::-1], ROWS[1]), KEY)[0]

  found = run(NET, ROWS, KEY)
  expected = stepped_by_hand(NET, ROWS, KEY, 4)
  close(found.params, expected[0])
  close(found.losses, expected[1])
  assert len(set(np.asarray(found.aux["height"]).tolist())) == 4  # noise anew in each step
  slope = jax.grad(lambda p: after(p, run(p, ROWS, KEY).params))(NET)
  by_hand = jax.grad(lambda p: after(p, stepped_by_hand(p, ROWS, KEY, 4)[0]))(NET)
  close(slope, by_hand, rtol=1e-4)
  assert norm(slope["trunk"]) > 1e-3


def test_the_gradient_goes_back_through_a_frozen_trunk_once_and_not_in_every_step():
  run = inner_loop(on_a_trunk, optax.sgd(0.1), 5, adapt=tree.named("head"))
  program = jax.make_jaxpr(jax.grad(lambda p: jnp.sum(run(p, ROWS, KEY).losses)))(NET)
  loops = [str(equation) for equation in program.jaxpr.eqns if equation.primitive.name == "scan"]
  assert len(loops) == 2  # forward and backward
  assert all("[20,1]" in loop for loop in loops)  # the head
  assert not any("[30,20]" in loop or "[40,30]" in loop for loop in loops)


def test_hoisting_takes_a_nested_program_as_a_whole_and_follows_every_argument():
  slow, fast = jnp.arange(3.0), jnp.asarray([1.0, -1.0, 2.0])

  def f(a, b):
    kept = jax.jit(lambda s: jnp.cumsum(s) + 1.0)(slow)
    return {"kept": kept, "both": jnp.dot(kept, a) * b, "argument": b, "constant": 2.0}

  g = hoisted(f, fast, jnp.float32(0.0))
  for a, b in ((fast, 3.0), (fast + 1.0, -2.0)):
    close(g(a, jnp.float32(b)), f(a, jnp.float32(b)))
  left = jax.make_jaxpr(g)(fast, jnp.float32(0.0))
  assert "cumsum" in str(jax.make_jaxpr(f)(fast, jnp.float32(0.0)))
  assert "cumsum" not in str(left)


# The map over tasks.

TASKS = 7


def noisy(params, key, episode):
  """A loss that tells whether each task keeps its own key and weight."""
  noise = jax.random.normal(key, params["w"].shape)
  value = jnp.mean(jnp.square(jnp.tanh(episode.support.x @ params["w"]) - episode.support.y))
  return value + jnp.sum(noise * params["w"]) * episode.task, {"loss": value, "task": episode.task}


@cache
def regression() -> tuple[dict, Episode]:
  x_key, y_key, w_key = jax.random.split(KEY, 3)
  batch = Batch(
    jax.random.normal(x_key, (TASKS, 5, 3)), jax.random.normal(y_key, (TASKS, 5, 2)), jnp.ones((TASKS, 5), bool)
  )
  return {"w": jax.random.normal(w_key, (3, 2))}, Episode(batch, batch, jnp.arange(1.0, TASKS + 1))


@pytest.mark.parametrize("chunk", [1, 3, 64])
def test_chunks_give_what_a_loop_over_tasks_gives(chunk):
  params, data = regression()
  keys, found = jax.random.split(KEY, TASKS), task_gradient(noisy, params, KEY, data, chunk)
  one = jax.jit(jax.grad(noisy, has_aux=True))
  each = [one(params, keys[t], jax.tree.map(lambda leaf, t=t: leaf[t], data)) for t in range(TASKS)]
  close(found, jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *each))
  assert float(found[1]["task"]) == pytest.approx(4.0)  # the mean of 1 to 7: none counts twice


def test_a_hundred_second_order_steps_of_a_convolutional_network_fit_where_twenty_stored_ones_do():
  """The network of scripts/measure_depth.py with one layer, on short windows; compiled for shapes alone and not run."""
  network = Conv1D(3, (8,), (5,), (4,))
  loss = masked_loss(network.apply, cross_entropy)
  x, y = jax.ShapeDtypeStruct((16, 256, 1), jnp.float32), jax.ShapeDtypeStruct((16,), jnp.int32)
  batch = Batch(x, y, jax.ShapeDtypeStruct((16,), jnp.bool))
  params = jax.eval_shape(network.init, KEY, x)

  def needed(steps, **options):
    run = inner_loop(loss, optax.sgd(0.01), steps, **options)
    meta = jax.grad(lambda params, batch: loss(run(params, batch, KEY).params, batch, KEY)[0])
    return jax.jit(meta).lower(params, batch).compile().memory_analysis().temp_size_in_bytes

  assert needed(100, rematerialise=1) < 0.2 * needed(20)


@optimised()
def test_a_hundred_steps_in_segments_need_less_than_twenty_stored_ones():
  """Few examples and many parameters: the fast weights themselves are what is stored."""
  w, batch = 0.1 * jax.random.normal(KEY, (128, 128)), jax.random.normal(KEY, (32, 128))

  def loss(w, batch, key):
    return jnp.mean(jnp.square(jnp.tanh(batch @ w) @ w - 1.0)), None

  def needed(steps, **options):
    run = inner_loop(loss, optax.sgd(0.1), steps, **options)
    program = jax.jit(jax.grad(lambda w: loss(run(w, batch, KEY).params, batch, KEY)[0])).lower(w).compile()
    return program.memory_analysis().temp_size_in_bytes / w.nbytes

  each, segments = needed(100, rematerialise=1), needed(100, rematerialise=10)
  assert each > 100
  assert segments < 40 and segments < needed(20)
  assert needed(100, truncate=5) < 20


def test_half_precision_losses_are_averaged_in_their_own_precision():
  params, data = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), regression())

  def loss(params, key, episode):
    return jnp.sum(params["w"]) * episode.task, {"loss": episode.task}

  for chunk in (3, 64):
    gradient, metrics = task_gradient(loss, params, KEY, data, chunk)
    assert gradient["w"].dtype == metrics["loss"].dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(gradient["w"], np.float32), 4.0, rtol=0.02)


@cache
@optimised()
def temporary_bytes(tasks: int, chunk: int) -> int:
  """What an update of `tasks` needs besides its arguments; compiled for shapes alone, and not run."""
  wide = 96
  algorithm = maml(
    lambda p, x: jnp.tanh(x @ p["in"]) @ p["mid"] @ p["out"],
    squared_error,
    inner=optax.sgd(0.1),
    inner_steps=1,
    outer=optax.sgd(0.1),
    chunk=chunk,
  )
  shapes = {"in": (1, wide), "mid": (wide, wide), "out": (wide, 1)}
  params = {name: jax.ShapeDtypeStruct(shape, jnp.float32) for name, shape in shapes.items()}
  numbers = jax.ShapeDtypeStruct((tasks, 1, 1), jnp.float32)
  batch = Batch(numbers, numbers, jax.ShapeDtypeStruct((tasks, 1), jnp.bool))
  state = jax.eval_shape(algorithm.init, params)
  lowered = jax.jit(algorithm.update).lower(jax.eval_shape(jax.random.key, 0), state, Episode(batch, batch, ()))
  return lowered.compile().memory_analysis().temp_size_in_bytes


def test_ten_thousand_tasks_need_the_memory_of_one_chunk():
  few, many, unchunked = temporary_bytes(256, 32), temporary_bytes(10_016, 32), temporary_bytes(256, 256)
  arguments = 10_016 * (4 * 4 + 2 + 12)  # x and y, masks, key and weight of each task
  assert many < few + 3 * arguments
  assert unchunked > few + (256 - 32) * 64  # a GPU's workspace, which is in all three, hides more than that


def test_tasks_are_taken_eight_at_a_time_on_a_cpu_unless_they_are_tiny():
  data = {"x": jnp.zeros((100, 1022)), "mask": jnp.zeros((100, 8), bool)}  # 4,096 bytes a task
  assert chunk_for(data) == (8 if jax.default_backend() == "cpu" else 64)
  assert chunk_for(jax.tree.map(lambda leaf: leaf[:, 1:], data)) == 64


def test_task_mean_averages_any_pytree():
  _, data = regression()

  def total(keys, episodes, weights):
    return {"task": jnp.sum(weights * episodes.task), "one": jnp.sum(weights)}

  for chunk in (1, 3, 64):
    close(task_mean(total, KEY, data, chunk), {"task": np.asarray(4.0), "one": np.asarray(1.0)})


def test_a_recurrent_network_learns_to_adapt_through_second_derivatives():
  """y = gain * mean of x: 4 standard normals, gain uniform in [-2, 2] for each task. Whoever does not
  look at the support set cannot be better than 0 everywhere: E gain^2 E mean^2 = 4/3 * 1/4 = 1/3.
  """
  network = GRU(1, 8)

  def sample(key):
    x_key, gain_key = jax.random.split(key)
    gain = jax.random.uniform(gain_key, (), minval=-2.0, maxval=2.0)
    x = jax.random.normal(x_key, (16, 4, 1))
    y, mask = gain * jnp.mean(x, axis=1), jnp.ones((8,), bool)
    return Episode(Batch(x[:8], y[:8], mask), Batch(x[8:], y[8:], mask), gain)

  algorithm = maml(network.apply, squared_error, inner=optax.sgd(0.3), inner_steps=2, outer=optax.adam(0.02), clip=10.0)

  def train_step(state, key):
    update_key, sample_key = jax.random.split(key)
    return algorithm.update(update_key, state, jax.vmap(sample)(jax.random.split(sample_key, 16)))

  state = algorithm.init(network.init(KEY, jnp.zeros((1, 4, 1))))
  _, metrics = jax.jit(partial(jax.lax.scan, train_step))(state, jax.random.split(KEY, 50))
  assert np.isfinite(metrics["loss"]).all()
  assert np.mean(metrics["loss"][-20:]) < 0.25 / 3
