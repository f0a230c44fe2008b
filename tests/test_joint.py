"""Joint training against the explicit Jacobian, in float64.

The reference takes the labelled examples out of all micro-batches and goes backwards through each task's mean loss on
them in NumPy: J has these K gradients as rows. With `outer = optax.sgd(1.0)` the combined gradient is what the
parameters lose in one update; `spy` is an aggregator that keeps what it was given.
"""

import inspect
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from conftest import optimised
from jax.flatten_util import ravel_pytree
from scipy.stats import trim_mean

from mtl_jax import fit, joint, tree
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.losses import cross_entropy, squared_error
from mtl_jax.multitask import Split, graddrop, trimmed_mean
from mtl_jax.types import Aggregator, Batch, TaskFamily, Weighting

KEY = jax.random.key(0)
WIDTH, CLASSES, CODES = 4, 3, 6
LOSSES = {
  "wear": squared_error,
  "fault": cross_entropy,
  "load": squared_error,
  "age": squared_error,
  "heat": squared_error,
}
LAYOUTS = {
  "shared": {"rig": ("wear", "fault", "load", "age", "heat")},
  "own": {name: (name,) for name in LOSSES},
  "mixed": {"rig": ("age", "wear"), "fault": ("fault",), "codes": ("heat", "load")},
}
ON_CODES = {"codes", "load", "age"}  # sources of integer codes; the others measure three numbers
WEIGHTS = np.array([0.5, 2.0, -1.0, 0.25, 3.0])

pytestmark = pytest.mark.usefixtures("float64")


def first_params():
  rng = np.random.default_rng(0)
  heads = {name: rng.normal(size=(WIDTH, CLASSES if name == "fault" else 1)) for name in LOSSES}
  stems = {"numbers": rng.normal(size=(3, WIDTH)), "codes": rng.normal(size=(CODES, WIDTH))}
  trunk = {"w": rng.normal(size=(WIDTH, WIDTH)), "b": rng.normal(size=WIDTH)}
  return jax.tree.map(jnp.asarray, {"stems": stems, "trunk": trunk, "heads": heads})


def model(layout: str) -> Split:
  def represent(params, x):
    def of_source(name, x):
      stem = params["stems"]["codes"][x] if name in ON_CODES else x @ params["stems"]["numbers"]
      return jnp.tanh(jnp.tanh(stem) @ params["trunk"]["w"] + params["trunk"]["b"][None])

    return {name: of_source(name, leaf) for name, leaf in x.items()}

  def heads(params, z):
    return {task: z[source] @ params["heads"][task] for source in z for task in LAYOUTS[layout][source]}

  return Split(represent, heads)


@cache
def examples(layout: str, micro: int, absent: str = "") -> dict[str, Batch]:
  """With NaN, or a label that does not exist, wherever a mask hides it."""
  rng, data = np.random.default_rng(1), {}
  for place, (source, tasks) in enumerate(LAYOUTS[layout].items()):
    shape = (micro, 4 + place)
    mask = {task: rng.random(shape) < (0.7 if task != absent else 0) for task in tasks}
    seen = np.any(list(mask.values()), axis=0)
    x = rng.integers(0, CODES, shape) if source in ON_CODES else rng.normal(size=(*shape, 3))
    x = np.where(seen, x, 99) if source in ON_CODES else np.where(seen[..., None], x, np.nan)
    y = {
      t: np.where(mask[t], rng.integers(0, CLASSES, shape), -1)
      if t == "fault"
      else np.where(mask[t][..., None], rng.normal(size=(*shape, 1)), np.nan)
      for t in tasks
    }
    data[source] = Batch(x, y, mask) if tasks != (source,) else Batch(x, y[source], mask[source])
  return data


@cache
def at_first(layout: str, micro: int, absent: str = ""):
  """At the first parameters, of the tasks that are not absent: (K,) losses, and J as a pytree with leaves (K, ...)."""
  params, data = jax.tree.map(np.asarray, first_params()), examples(layout, micro, absent)
  source_of = {task: source for source, tasks in LAYOUTS[layout].items() for task in tasks}
  found = [backward(params, task, source_of[task], data[source_of[task]]) for task in LOSSES if task != absent]
  losses, rows = zip(*found, strict=True)
  return np.stack(losses), jax.tree.map(lambda *leaves: np.stack(leaves), *rows)


def backward(params, task: str, source: str, batch: Batch):
  """The mean loss of the labelled examples and its gradient, by hand."""
  y, mask = (batch.y[task], batch.mask[task]) if isinstance(batch.y, dict) else (batch.y, batch.mask)
  x, y, n = batch.x[mask], y[mask], mask.sum()
  kind = "codes" if source in ON_CODES else "numbers"
  x = np.eye(CODES)[x] if kind == "codes" else x
  trunk, head = params["trunk"], params["heads"][task]
  a = np.tanh(x @ params["stems"][kind])
  z = np.tanh(a @ trunk["w"] + trunk["b"])
  out = z @ head
  if task == "fault":
    share = np.exp(out) / np.exp(out).sum(axis=1, keepdims=True)
    loss, d_out = -np.log(share[np.arange(n), y]).mean(), (share - np.eye(CLASSES)[y]) / n
  else:
    loss, d_out = np.square(out - y).mean(), 2 * (out - y) / n
  d_z = d_out @ head.T * (1 - z**2)
  d_a = d_z @ trunk["w"].T * (1 - a**2)
  gradient = jax.tree.map(np.zeros_like, params)
  gradient["heads"][task] = z.T @ d_out
  gradient["trunk"] = {"w": a.T @ d_z, "b": d_z.sum(axis=0)}
  gradient["stems"][kind] = x.T @ d_a
  return loss, gradient


def flat(rows) -> np.ndarray:
  return np.concatenate([np.reshape(leaf, (leaf.shape[0], -1)) for leaf in jax.tree.leaves(rows)], axis=1)


@cache
def spy(weights=tuple(WEIGHTS)) -> Aggregator:
  def combine(key, gram, losses, active, state):
    return jnp.array(weights), {"gram": gram, "losses": losses, "active": active}

  return Aggregator(lambda tasks: {"gram": jnp.zeros((tasks,) * 2), "losses": jnp.zeros(tasks)}, combine)


def _mean(key, gram, losses, active, state):
  return active.astype(gram.dtype) / jnp.sum(active).astype(gram.dtype), state


MEAN = Aggregator(lambda tasks: (), _mean)
TRIMMED = trimmed_mean(1)


@cache
def compiled(layout, tasks, apply, options):
  """Runs that differ in their data alone share a program."""
  losses = {task: LOSSES[task] for task in tasks}
  algorithm = joint(model(layout) if apply is None else apply, losses, outer=optax.sgd(1.0), **dict(options))
  return algorithm.init, jax.jit(algorithm.update)


def run(layout, data, tasks=tuple(LOSSES), apply=None, **options):
  """The combined gradient, the next state and the metrics."""
  init, update = compiled(layout, tasks, apply, tuple(options.items()))
  state = init(first_params())
  after, metrics = update(KEY, state, data)
  return jax.tree.map(np.subtract, state.params, after.params), after, metrics


def close(found, expected, tolerance=1e-12):
  """To `tolerance` of the largest number of each leaf."""
  jax.tree.map(lambda f, e: np.testing.assert_allclose(f, e, rtol=0, atol=tolerance * np.abs(e).max()), found, expected)


def weighed(weights, rows):
  return jax.tree.map(lambda leaf: np.tensordot(weights, leaf, 1), rows)


@pytest.mark.parametrize(
  ("layout", "micro", "options"),
  [
    ("shared", 1, {}),
    ("shared", 3, {"chunk": 2}),
    ("own", 1, {"chunk": 2}),
    ("mixed", 3, {"chunk": 2}),
    ("mixed", 1, {"before": optax.identity()}),
  ],
  ids=["shared", "shared, chunks", "own, chunks", "mixed, chunks", "mixed, held"],
)
def test_products_and_combination_are_those_of_the_explicit_jacobian(layout, micro, options):
  data = examples(layout, micro)
  losses, rows = at_first(layout, micro)
  gradient, state, metrics = run(layout, data, aggregator=spy(), **options)
  close(state.aggregator["gram"], flat(rows) @ flat(rows).T)
  close((state.aggregator["losses"], metrics["losses"], metrics["weights"]), (losses, losses, WEIGHTS))
  close(gradient, weighed(WEIGHTS, rows))


def test_metrics_are_those_of_the_jacobian():
  data = examples("mixed", 1, absent="load")
  losses, rows = at_first("mixed", 1, "load")
  _, _, metrics = run("mixed", data, aggregator=MEAN)
  unit = flat(rows) / np.linalg.norm(flat(rows), axis=1)[:, None]
  pairs = (unit @ unit.T)[np.triu_indices(4, 1)]
  assert 0 < np.mean(pairs < 0) < 1
  close(metrics["cosine"], np.mean(pairs))
  close((metrics["conflicts"], metrics["loss"]), (np.mean(pairs < 0), np.mean(losses)))
  here = np.delete(np.arange(5), 2)
  expected, both = np.zeros((5, 5)), np.zeros((5, 5))
  expected[np.ix_(here, here)], both[np.ix_(here, here)] = unit @ unit.T, 1
  close((metrics["cosines"], metrics["pairs"]), (expected, both))
  close(metrics["gradient_norms"], np.insert(np.linalg.norm(flat(rows), axis=1), 2, 0.0))
  close(metrics["gradient_norm"], np.linalg.norm(np.mean(flat(rows), axis=0)))
  assert metrics["active"].tolist() == [1, 1, 0, 1, 1]


@pytest.mark.parametrize(
  ("layout", "aggregator", "trim"),
  [("mixed", None, 0), ("mixed", MEAN, 0), ("shared", TRIMMED, 1)],
  ids=["plain", "mean", "trimmed mean"],
)
def test_a_task_without_a_label_is_a_task_that_is_not_there(layout, aggregator, trim):
  """In the Jacobian of the four others. Its labels are NaN, and its own source's inputs too."""
  data = examples(layout, 1, absent="load")
  found, _, metrics = run(layout, data, aggregator=aggregator)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((found, metrics)))
  assert metrics.get("weights", np.zeros(5))[2] == 0
  rows = at_first(layout, 1, "load")[1]
  close(found, jax.tree.map(lambda leaf: trim_mean(leaf, trim / 4, axis=0), rows))


def test_no_label_at_all_changes_nothing():
  data = {name: b._replace(mask=jax.tree.map(np.zeros_like, b.mask)) for name, b in examples("shared", 1).items()}
  for aggregator in (spy(), TRIMMED):
    found, _, metrics = run("shared", data, aggregator=aggregator)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(metrics))
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(found))


def test_micro_batches_are_one_large_batch_however_the_labels_are_spread():
  """In the representation; the products in the parameters are compared with those of all labels above."""
  data = examples("mixed", 3)
  large = jax.tree.map(lambda leaf: leaf.reshape(1, -1, *leaf.shape[2:]), data)
  found, expected = (run("mixed", d, aggregator=spy(), level="representation")[:2] for d in (data, large))
  close((found[0], found[1].aggregator), (expected[0], expected[1].aggregator))
  together = np.array([[1, 0, 0, 1, 0], [0, 1, 0, 0, 0], [0, 0, 1, 0, 1], [1, 0, 0, 1, 0], [0, 0, 1, 0, 1]], bool)
  np.testing.assert_array_equal(np.asarray(found[1].aggregator["gram"]) != 0, together)  # sources are orthogonal


def test_a_mask_of_the_examples_holds_for_every_task_of_a_source():
  rng = np.random.default_rng(5)
  x, y = rng.normal(size=(1, 6, 3)), {"wear": rng.normal(size=(1, 6, 1)), "age": rng.normal(size=(1, 6, 1))}
  mask, tasks = rng.random((1, 6)) < 0.5, ("age", "wear")
  apply = partial(pick, model("mixed"), tasks)
  found = run("mixed", {"rig": Batch(x, y, mask)}, tasks, apply)
  expected = run("mixed", {"rig": Batch(x, y, {"age": mask, "wear": mask})}, tasks, apply)
  close((found[0], found[2]), (expected[0], expected[2]), 0)


def pick(apply, tasks, params, x):
  return {task: prediction for task, prediction in apply(params, x).items() if task in tasks}


def test_weighting_multiplies_the_gradients_that_the_aggregator_sees_and_the_weights_that_it_gives():
  scale = np.array([1.0, 3.0, 0.5, 2.0, 0.1])
  weighting = Weighting(lambda tasks: jnp.zeros(()), lambda key, losses, active, state: (jnp.asarray(scale), state + 1))
  data = examples("mixed", 1)
  losses, rows = at_first("mixed", 1)
  alone, state, metrics = run("mixed", data, weighting=weighting)
  close((alone, state.weighting, metrics["weights"]), (weighed(scale, rows), 1.0, scale))
  both, state, metrics = run("mixed", data, weighting=weighting, aggregator=spy())
  close(state.aggregator["gram"], flat(rows) @ flat(rows).T * scale[:, None] * scale[None])
  close((both, metrics["weights"]), (weighed(scale * WEIGHTS, rows), scale * WEIGHTS))
  close(state.aggregator["losses"], losses)


def test_aggregator_and_weighting_draw_from_keys_of_their_own():
  """Both keep the key that they are given as their state."""

  def init(tasks):
    return jnp.zeros(2, jnp.uint32)

  def remember(key, *rest):
    return jnp.ones_like(rest[-3]), jax.random.key_data(key)

  _, after, _ = run(
    "mixed", examples("mixed", 1), aggregator=Aggregator(init, remember), weighting=Weighting(init, remember)
  )
  keys = {tuple(np.asarray(key).tolist()) for key in (after.aggregator, after.weighting, jax.random.key_data(KEY))}
  assert len(keys) == 3


@pytest.mark.parametrize(
  ("layout", "outside", "weights"), [("shared", "own", np.ones(5)), ("mixed", "weighted", WEIGHTS)]
)
def test_at_the_level_of_chosen_leaves_only_these_are_compared_and_heads_descend_on_their_own_loss(
  layout, outside, weights
):
  data = examples(layout, 1)
  _, rows = at_first(layout, 1)
  chosen, rest = ({k: v for k, v in rows.items() if (k == "trunk") == inside} for inside in (True, False))
  found, state, metrics = run(layout, data, aggregator=spy(), level=tree.named("trunk"), outside=outside, chunk=2)
  close(state.aggregator["gram"], flat(chosen) @ flat(chosen).T)
  close(metrics["gradient_norms"], np.linalg.norm(flat(chosen), axis=1))
  close(found, weighed(WEIGHTS, chosen) | weighed(weights, rest))


def test_at_the_level_of_the_representation_products_are_those_of_a_hand_calculation():
  """z = x u, one head h_k each: L_k = mean (z h_k - y_k)^2 has dL_k/dz = (2 / n) r_k h_k', r_k the residuals, so that
  G_kj = (4 / n^2) (r_k.r_j) (h_k.h_j). The head descends on dL_k/dh_k = (2 / n) z' r_k, by itself or weighted,
  and u on sum_k w_k x' dL_k/dz.
  """
  rng = np.random.default_rng(2)
  n, u, h, w = 7, rng.normal(size=(3, WIDTH)), rng.normal(size=(3, WIDTH)), np.array([1.0, -2.0, 0.5])
  x, y = rng.normal(size=(1, n, 3)), rng.normal(size=(3, 1, n))
  r = x[0] @ u @ h.T - y[:, 0].T
  apply = Split(
    lambda params, x: {name: leaf @ params["u"] for name, leaf in x.items()},
    lambda params, z: {str(k): z["rig"] @ params["h"][k] for k in range(3)},
  )
  labels = {str(k): y[k] for k in range(3)}
  data = {"rig": Batch(x, labels, jax.tree.map(lambda leaf: np.ones(leaf.shape, bool), labels))}
  losses = {str(k): lambda prediction, target: jnp.square(prediction - target) for k in range(3)}
  seen = spy(tuple(w))
  for outside, weights in (("own", np.ones(3)), ("weighted", w)):
    algorithm = joint(apply, losses, outer=optax.sgd(1.0), aggregator=seen, level="representation", outside=outside)
    state = algorithm.init({"u": jnp.asarray(u), "h": jnp.asarray(h)})
    after, _ = jax.jit(algorithm.update)(KEY, state, data)
    close(after.aggregator["gram"], 4 / n**2 * (r.T @ r) * (h @ h.T))
    close(u - after.params["u"], 2 / n * x[0].T @ (r * w) @ h)
    close(h - after.params["h"], 2 / n * weights[:, None] * (r.T @ x[0] @ u))


def test_clipping_before_aggregation_is_of_each_task_and_after_it_of_the_combination():
  data = examples("shared", 1)
  _, rows = at_first("shared", 1)
  norms = np.linalg.norm(flat(rows), axis=1)
  limit = float(np.median(norms))
  scale = np.minimum(1, limit / norms)
  expected = weighed(scale * WEIGHTS, rows)
  size = np.linalg.norm(ravel_pytree(expected)[0])
  found, state, metrics = run("shared", data, aggregator=spy(), clip_before=limit, clip_after=0.1)
  close(np.sqrt(np.diag(state.aggregator["gram"])), np.minimum(norms, limit))
  close(found, jax.tree.map(lambda leaf: 0.1 * leaf / size, expected))
  close((metrics["gradient_norms"], metrics["gradient_norm"], metrics["weights"]), (norms, size, scale * WEIGHTS))


@pytest.mark.parametrize(("layout", "micro"), [("shared", 3), ("mixed", 1)])
def test_the_trimmed_mean_is_streamed_over_all_leaves(layout, micro):
  data = examples(layout, micro)
  _, rows = at_first(layout, micro)
  found, _, metrics = run(layout, data, aggregator=TRIMMED, chunk=2)
  close(found, jax.tree.map(lambda leaf: trim_mean(leaf, 0.2, axis=0), rows))
  close(metrics["gradient_norms"], np.linalg.norm(flat(rows), axis=1))


def test_beyond_the_level_of_a_coordinate_wise_aggregator_tasks_descend_on_their_own_loss():
  """GradDrop gives the sum of the weighted gradients of one sign inside."""
  data, scale = examples("shared", 1), np.array([1.0, 3.0, 0.5, 2.0, 0.1])
  _, rows = at_first("shared", 1)
  options = {
    "weighting": Weighting(lambda tasks: (), lambda key, losses, active, state: (jnp.asarray(scale), state)),
    "level": tree.named("trunk", "stems"),
  }
  found = run("shared", data, aggregator=graddrop(), **options)[0]
  close(found["heads"], weighed(scale, rows["heads"]))
  one_sign = jax.tree.map(
    lambda leaf, row: (
      np.isclose(leaf, np.tensordot(scale, np.maximum(row, 0), 1))
      | np.isclose(leaf, np.tensordot(scale, np.minimum(row, 0), 1))
    ),
    (found["trunk"], found["stems"]),
    (rows["trunk"], rows["stems"]),
  )
  assert all(leaf.all() for leaf in jax.tree.leaves(one_sign))


@pytest.mark.parametrize(
  "active", [[1, 1, 1, 1, 1, 1, 1], [1, 0, 1, 1, 0, 1, 1], [0, 0, 1, 0, 0, 1, 1], [0, 1, 0, 0, 0, 0, 1]]
)
def test_the_trimmed_mean_is_scipys_of_the_active_rows(active):
  active = np.asarray(active, bool)
  rows = np.where(active[:, None, None], np.random.default_rng(0).normal(size=(7, 2, 3)), 0.0)
  cut = min(2, (active.sum() - 1) // 2)
  expected = trim_mean(rows[active], (cut + 0.5) / active.sum(), axis=0)
  close(trimmed_mean(2).combine(KEY, jnp.asarray(rows), jnp.asarray(active)), expected)


def test_graddrop_passes_one_sign_in_each_coordinate_as_often_as_it_is_pure():
  """With p and m the sums of the positive and the negative parts, P = p / (p - m); the mean is P p + (1 - P) m."""
  rows = np.random.default_rng(0).normal(size=(4, 5)) * np.array([1.0, 1.0, 0.0, 1.0])[:, None]
  combine = jax.jit(graddrop().combine)
  found = jax.vmap(lambda key: combine(key, rows, np.ones(4, bool)))(jax.random.split(KEY, 20000))
  p, m = np.maximum(rows, 0).sum(axis=0), np.minimum(rows, 0).sum(axis=0)
  assert (np.isclose(found, p, atol=1e-12) | np.isclose(found, m, atol=1e-12)).all()
  share = p / (p - m)
  np.testing.assert_allclose(np.mean(found, axis=0), share * p + (1 - share) * m, atol=0.05)
  leaky = graddrop(leak=jnp.array([0.0, 1.0, 0.0, 0.25])).combine(KEY, jnp.asarray(rows), jnp.ones(4, bool))
  passes = (rows > 0) == np.isclose(graddrop().combine(KEY, jnp.asarray(rows), jnp.ones(4, bool)), p)[None]
  leak = np.array([0.0, 1.0, 0.0, 0.25])[:, None]
  close(leaky, ((leak + (1 - leak) * passes) * rows).sum(axis=0))


def test_the_second_step_does_not_compile_again_and_a_resumed_one_is_the_same():
  """And the algorithm keeps to the contract: names of arguments, and a state of arrays that keeps its form."""
  traces = []
  algorithm = joint(model("mixed"), LOSSES, outer=optax.adam(0.01), aggregator=MEAN, before=optax.trace(0.9))

  @jax.jit
  def update(key, state, data):
    traces.append(1)
    return algorithm.update(key, state, data)

  params = first_params()
  params["trunk"]["b"] = jnp.full((WIDTH,), 0.1)  # weakly typed
  first, _ = update(KEY, algorithm.init(params), examples("mixed", 2))
  second = update(KEY, first, examples("mixed", 2))
  resumed = update(KEY, jax.tree.map(np.asarray, first), examples("mixed", 2))
  assert len(traces) == 1
  jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b, strict=True), resumed, second)
  assert not any(leaf.weak_type for leaf in jax.tree.leaves((first, second)))
  names = [list(inspect.signature(function).parameters) for function in algorithm]
  assert names == [["params"], ["key", "state", "data"], ["key", "state", "support", "x"]]


def test_noise_is_one_draw_for_all_of_an_update_and_another_in_the_next_and_none_in_predict():
  """Predictions moved by eps ~ N(0, 1) of the key: with squared errors mean (p + eps - y)^2 the losses give eps back.

  Two sources of one task each, two micro-batches: mean (p - y)^2 + 2 eps mean (p - y) + eps^2.
  """
  rng = np.random.default_rng(6)
  data = {n: Batch(rng.normal(size=(2, 3, 1)), rng.normal(size=(2, 3, 1)), np.ones((2, 3), bool)) for n in "ab"}
  w = jnp.full((1, 1), 0.3)

  def heads(params, z, key):
    eps = 0.0 if key is None else jax.random.normal(key)
    return {name: leaf @ params + eps for name, leaf in z.items()}

  split = Split(lambda params, x, key: {name: leaf @ jnp.eye(1) for name, leaf in x.items()}, heads)
  for apply in (heads, split):
    losses = dict.fromkeys("ab", squared_error)
    algorithm = joint(apply, losses, outer=optax.sgd(1.0), aggregator=spy((1.0, 1.0)), keyed=True)
    state, update = algorithm.init(w), jax.jit(algorithm.update)
    drawn = []
    for key in jax.random.split(KEY, 3):
      after, metrics = update(key, state, data)
      gaps = np.stack([(0.3 * data[name].x - data[name].y).ravel() for name in "ab"])
      # mean gap^2 + 2 eps mean gap + eps^2 for both: the difference is linear in eps.
      square, mean = (gaps**2).mean(1), gaps.mean(1)
      found = np.asarray(metrics["losses"])
      eps = ((found[0] - square[0]) - (found[1] - square[1])) / (2 * (mean[0] - mean[1]))
      close(found, square + 2 * eps * mean + eps**2, 1e-9)
      x = np.stack([data[name].x.ravel() for name in "ab"])
      slopes = 2 * ((gaps + eps) * x).mean(1)
      close(np.diag(after.aggregator["gram"]), slopes**2, 1e-9)  # both passes see it
      close(np.asarray(w - after.params)[0, 0], slopes.sum(), 1e-9)
      drawn.append(eps)
    assert len({round(float(eps), 6) for eps in drawn}) == 3
    x = {"a": jnp.ones((2, 1))}
    close(algorithm.predict(KEY, state, {}, x), {"a": x["a"] * 0.3}, 0)


def mgda() -> Aggregator:
  """Of two tasks: the shortest vector a g_1 + (1 - a) g_2, a = (G_22 - G_12) / |g_1 - g_2|^2 clipped to [0, 1]."""

  def combine(key, gram, losses, active, state):
    a = (gram[1, 1] - gram[0, 1]) / jnp.maximum(gram[0, 0] + gram[1, 1] - 2 * gram[0, 1], 1e-30)
    a = jnp.clip(a, 0, 1)
    return jnp.stack([a, 1 - a]), state + 1

  return Aggregator(lambda tasks: jnp.zeros(()), combine)


def test_fit_trains_it_on_micro_batches_and_goes_on_from_a_checkpoint_to_the_same_bits(tmp_path):
  """Two curves of one sensor: y = sin x and y = cos x, the second of half of the examples."""

  def sample(key):
    x = jax.random.uniform(key, (16, 1), minval=-2.0, maxval=2.0)
    both = {"sine": jnp.ones(16, bool), "cosine": jnp.arange(16) % 2 == 0}
    return {"sensor": Batch(x, {"sine": jnp.sin(x), "cosine": jnp.cos(x)}, both)}

  def apply(params, x):
    z = jnp.tanh(x["sensor"] @ params["u"] + params["b"][None])
    return {name: z @ params["heads"][name] for name in ("sine", "cosine")}

  rng = np.random.default_rng(3)
  params = {"u": rng.normal(size=(1, 16)), "b": rng.normal(size=16)}
  params = jax.tree.map(
    jnp.asarray, params | {"heads": {name: rng.normal(size=(16, 1)) for name in ("sine", "cosine")}}
  )
  losses = {"sine": squared_error, "cosine": squared_error}
  algorithm = joint(apply, losses, outer=optax.adam(0.01), aggregator=mgda())
  train = partial(fit, KEY, algorithm, algorithm.init(params), TaskFamily(sample), tasks_per_step=2, chunk_steps=100)
  state, history = train(steps=300)
  assert history["losses"].shape == (300, 2)
  assert np.all(history["losses"][-20:].mean(axis=0) < 0.05 * history["losses"][0])
  train(steps=200, checkpoints=Checkpoints(tmp_path))
  resumed, _ = train(steps=300, checkpoints=Checkpoints(tmp_path), resume=True)
  jax.tree.map(lambda a, b: np.testing.assert_array_equal(a, b, strict=True), resumed, state)
  x = {"sensor": jnp.linspace(-2, 2, 5)[:, None]}
  close(algorithm.predict(KEY, state, {}, x), apply(state.params, x), 0)


def layers(tasks: int, sources: int):
  """Four layers of 96 numbers, 16 examples per source: an algorithm's arguments."""
  of = {f"s{s}": [f"{s}/{k}" for k in range(tasks // sources)] for s in range(sources)}

  def apply(params, x):
    found = {}
    for name, leaf in x.items():
      for w in params["w"]:
        leaf = jnp.tanh(leaf @ w)
      places = [names.index(task) for task in of[name]]
      found |= dict(zip(of[name], jnp.moveaxis(leaf @ params["heads"][:, places], 1, 0)[..., None], strict=True))
    return found

  def batch(names):
    y = {name: jnp.ones((1, 16, 1)) for name in names}
    return Batch(jnp.ones((1, 16, 96)), y, jax.tree.map(lambda leaf: jnp.ones(leaf.shape[:2], bool), y))

  names = [task for names in of.values() for task in names]
  params = {"w": [jnp.ones((96, 96))] * 4, "heads": jnp.ones((96, tasks))}
  return apply, dict.fromkeys(names, squared_error), params, {name: batch(names) for name, names in of.items()}


@optimised()
def temporary(f, *args) -> int:
  """Bytes of temporary memory."""
  return jax.jit(f).lower(*args).compile().memory_analysis().temp_size_in_bytes


@cache
def temporary_of_the_jacobian(tasks: int) -> int:
  apply, losses, params, data = layers(tasks, 1)

  def update(params):
    def each(params):
      found = apply(params, {"s0": data["s0"].x[0]})
      return jnp.stack([jnp.mean(squared_error(found[name], jnp.ones((16, 1)))) for name in losses])

    rows = jnp.concatenate([leaf.reshape(tasks, -1) for leaf in jax.tree.leaves(jax.jacrev(each)(params))], axis=1)
    return jnp.sum(rows @ rows.T, axis=0) @ rows

  return temporary(update, params)


@cache
def temporary_of_ours(tasks: int, sources: int, aggregator: Any) -> int:
  apply, losses, params, data = layers(tasks, sources)
  algorithm = joint(apply, losses, outer=optax.sgd(0.1), aggregator=aggregator, chunk=2)
  return temporary(algorithm.update, KEY, algorithm.init(params), data)


@pytest.mark.parametrize(
  ("sources", "aggregator"), [(1, MEAN), (2, MEAN), (1, trimmed_mean(1))], ids=["one source", "two", "coordinates"]
)
def test_an_update_takes_a_third_of_the_memory_of_the_jacobian_or_less(sources, aggregator):
  assert temporary_of_the_jacobian(12) > 3 * temporary_of_ours(12, sources, aggregator)


def test_memory_hardly_grows_with_the_number_of_tasks():
  held = temporary_of_the_jacobian(12) - temporary_of_the_jacobian(4)
  assert temporary_of_ours(12, 1, MEAN) - temporary_of_ours(4, 1, MEAN) < 0.05 * held


def test_options_that_do_not_go_together_are_refused():
  def refused(match, **options):
    with pytest.raises(ValueError, match=match):
      joint(**({"apply": model("mixed"), "losses": LOSSES, "outer": optax.sgd(1.0)} | options))

  refused("represention", level="represention", aggregator=MEAN)
  refused("Own", outside="Own", aggregator=MEAN)
  refused("two parts", apply=lambda params, x: x, level="representation", aggregator=MEAN)
  refused("work on parameters", level="representation", aggregator=trimmed_mean(1))
  refused("work on parameters", level="representation", aggregator=MEAN, before=optax.scale_by_adam())
  refused("clip_before", clip_before=1.0)
  refused("streamed", before=optax.scale_by_adam(), aggregator=graddrop())
  with pytest.raises(ValueError, match="negative"):
    trimmed_mean(-1)
  data = examples("mixed", 1)
  with pytest.raises(ValueError, match="labels the tasks"):
    run("mixed", {name: data[name] for name in ("rig", "codes")})
