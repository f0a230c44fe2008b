"""Multi-task networks: each path against loops in NumPy and against what it must equal, and all in one model."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from mtl_jax import joint, losses, multitask
from mtl_jax.models import (
  CGC,
  LTB,
  MLP,
  MTAN,
  PLE,
  Conv1D,
  Conv2D,
  CrossStitch,
  DSelectK,
  FiLM,
  LoRA,
  MMoE,
  MultiTask,
  OrdinalHead,
)
from mtl_jax.models.multitask import gates
from mtl_jax.report.gates import draw_gates
from mtl_jax.types import Batch

KEY = jax.random.key(0)
OF, N, D = 4, 5, 3
PATHS = {
  "cross_stitch": CrossStitch((4, 3)),
  "mmoe": MMoE(3, (4, 3)),
  "dselect_k": DSelectK(4, 2, (3,)),
  "cgc": CGC(2, 1, (3,)),
  "ple": PLE(1, 2, ((4,), (3,))),
  "mtan": MTAN((4, 3)),
  "ltb": LTB((4, 3), (2, 3), temperature=0.7),
  "film": FiLM((4, 3)),
  "lora": LoRA((4, 3), rank=2),
}


def random_params(init, *arguments, seed=1):
  """Every leaf from a normal distribution: what `init` sets to zero, one or a constant too."""
  leaves, structure = jax.tree.flatten(jax.eval_shape(init, *arguments))
  rng = np.random.default_rng(seed)
  return jax.tree.unflatten(structure, [rng.normal(size=leaf.shape) for leaf in leaves])


def path_params(path, tasks=tuple(range(OF))):
  return random_params(lambda z: path.init(KEY, z, tasks, OF), jnp.ones((N, D)))["params"]


def run(path, params, z, tasks=tuple(range(OF))):
  """In float64."""
  with jax.enable_x64(True):
    return np.asarray(jax.jit(lambda params, z: path.apply({"params": params}, z, tasks, OF))(params, z))


Z = np.random.default_rng(0).normal(size=(N, D))


def relu(x):
  return np.maximum(x, 0)


def sigmoid(x):
  return 1 / (1 + np.exp(-x))


def softmax(x):
  return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)


def affine(p, i, x):
  return x @ p["kernel"][i] + (p["bias"][i] if "bias" in p else 0)


def network(p, i, x):
  for layer in range(len(p)):
    x = relu(affine(p[f"dense_{layer}"], i, x))
  return x


def mixed(weights, outputs):
  return sum(weights[:, e, None] * output for e, output in enumerate(outputs))


def by_cross_stitch(p, z):
  x = [z] * OF
  for layer in range(2):
    y = [network(p[f"layer_{layer}"], k, x[k]) for k in range(OF)]
    x = [sum(p[f"alpha_{layer}"][k, j] * y[j] for j in range(OF)) for k in range(OF)]
  return x


def by_mmoe(p, z):
  experts = [network(p["experts"], e, z) for e in range(3)]
  return [mixed(softmax(affine(p["gate"], k, z)), experts) for k in range(OF)]


def by_dselect_k(p, z):
  """One example and one expert at a time; the smooth step in the paper's form, gamma = 1."""
  experts = [network(p["experts"], e, z) for e in range(4)]

  def step(t):
    return 0.0 if t <= -0.5 else 1.0 if t >= 0.5 else -2 * t**3 + 1.5 * t + 0.5

  def of_task(k):
    gate = np.zeros((N, 4))
    weights = softmax(affine(p["weights"], k, z))
    bits = affine(p["selectors"], k, z).reshape(N, 2, 2)
    for n in range(N):
      for i in range(2):
        low, high = step(bits[n, i, 0]), step(bits[n, i, 1])
        selected = [(1 - low) * (1 - high), low * (1 - high), (1 - low) * high, low * high]
        gate[n] += weights[n, i] * np.array(selected)
    return mixed(gate, experts)

  return [of_task(k) for k in range(OF)]


def by_levels(p, z, own, shared, levels):
  x, s = [z] * OF, z
  for place in range(levels):
    q = p[f"level_{place}"]
    mine = [[network(q["own"], k * own + i, x[k]) for i in range(own)] for k in range(OF)]
    common = [network(q["shared"], e, s) for e in range(shared)]
    after = [mixed(softmax(affine(q["gate"], k, x[k])), mine[k] + common) for k in range(OF)]
    if place < levels - 1:
      s = mixed(softmax(s @ q["shared_gate"]["kernel"]), [output for task in mine for output in task] + common)
    x = after
  return x


def by_mtan(p, z):
  def dense(name, x):
    return relu(x @ p[name]["kernel"] + p[name]["bias"])

  def standard(x):
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)

  def of_task(k):
    u = dense("u_0", z)
    f = dense("p_0", u)
    kept = f * sigmoid(affine(p["h_0"], k, relu(standard(affine(p["g_0"], k, u)))))
    u = dense("u_1", f)
    f = dense("p_1", u)
    seen = np.concatenate([u, dense("f_1", kept)], axis=1)
    return f * sigmoid(affine(p["h_1"], k, relu(standard(affine(p["g_1"], k, seen)))))

  return [of_task(k) for k in range(OF)]


def by_ltb(p, z):
  first = [network(p["layer_0"], i, z) for i in range(2)]
  d = softmax(p["log_theta_1"] / 0.7)
  second = [network(p["layer_1"], j, sum(d[j, i] * first[i] for i in range(2))) for j in range(3)]
  d = softmax(p["log_theta_2"] / 0.7)
  return [sum(d[k, j] * second[j] for j in range(3)) for k in range(OF)]


def by_film(p, z):
  def of_task(k):
    x = z
    for layer in range(2):
      w = p[f"dense_{layer}"]
      x = relu(p[f"gamma_{layer}"][k] * (x @ w["kernel"] + w["bias"]) + p[f"beta_{layer}"][k])
    return x

  return [of_task(k) for k in range(OF)]


def by_lora(p, z):
  def of_task(k):
    x = z
    for layer in range(2):
      w, low = p[f"dense_{layer}"], p[f"a_{layer}"]["kernel"][k] @ p[f"b_{layer}"]["kernel"][k]
      x = relu(x @ (w["kernel"] + low) + w["bias"])
    return x

  return [of_task(k) for k in range(OF)]


REFERENCES = {
  "cross_stitch": by_cross_stitch,
  "mmoe": by_mmoe,
  "dselect_k": by_dselect_k,
  "cgc": partial(by_levels, own=2, shared=1, levels=1),
  "ple": partial(by_levels, own=1, shared=2, levels=2),
  "mtan": by_mtan,
  "ltb": by_ltb,
  "film": by_film,
  "lora": by_lora,
}


DEEP = PLE(2, 1, ((4, 3), (5,), (3,))), partial(by_levels, own=2, shared=1, levels=3)


@pytest.mark.parametrize(
  ("path", "reference"), [*((path, REFERENCES[name]) for name, path in PATHS.items()), DEEP], ids=[*PATHS, "deep_ple"]
)
def test_a_path_is_what_loops_over_tasks_compute_whichever_tasks_are_asked_for(path, reference):
  params = path_params(path)
  expected = np.stack(reference(params, Z))
  assert (np.ptp(expected, axis=1).max(axis=1)[[3, 1]] > 0.1).all()  # no ReLU hides the input
  np.testing.assert_allclose(run(path, params, Z), expected, rtol=1e-10, atol=1e-12)
  np.testing.assert_allclose(run(path, params, Z, (3, 1)), expected[[3, 1]], rtol=1e-10, atol=1e-12)
  assert jax.tree.map(np.shape, path_params(path, (1,))) == jax.tree.map(np.shape, params)


def test_cross_stitch_with_the_identity_is_a_network_for_each_task():
  params = path_params(PATHS["cross_stitch"])
  params |= {f"alpha_{layer}": np.eye(OF) for layer in range(2)}
  alone = [network(params["layer_1"], k, network(params["layer_0"], k, Z)) for k in range(OF)]
  np.testing.assert_allclose(run(PATHS["cross_stitch"], params, Z), alone, rtol=1e-12)
  start = jax.jit(lambda z: PATHS["cross_stitch"].init(KEY, z, (0,), OF)["params"]["alpha_0"])
  started = start(jnp.asarray(Z, jnp.float32))
  np.testing.assert_allclose(started, 0.9 * np.eye(OF) + (1 - np.eye(OF)) / 30, rtol=1e-6)


def test_customised_gates_without_own_experts_are_mmoe_and_without_shared_ones_separate_networks():
  mmoe = path_params(PATHS["mmoe"])
  params = {"level_0": {"shared": mmoe["experts"], "gate": mmoe["gate"]}}
  np.testing.assert_allclose(run(CGC(0, 3, (4, 3)), params, Z), run(PATHS["mmoe"], mmoe, Z), rtol=1e-12)
  lone = CGC(1, 0, (4, 3))
  params = path_params(lone)
  alone = [network(params["level_0"]["own"], k, Z) for k in range(OF)]
  np.testing.assert_allclose(run(lone, params, Z, (2, 0)), [alone[2], alone[0]], rtol=1e-12)


def test_progressive_extraction_of_one_level_is_customised_gates():
  params = path_params(PATHS["cgc"])
  one = PLE(2, 1, ((3,),))
  np.testing.assert_array_equal(run(one, params, Z, (1, 2)), run(PATHS["cgc"], params, Z, (1, 2)))


@pytest.mark.parametrize("name", ["mmoe", "film", "lora"])
def test_one_expert_and_a_path_at_its_start_are_hard_sharing(name):
  """A trunk of two layers, as one expert, as FiLM with gamma 1 and beta 0, as LoRA with B = 0."""
  head = {"table": {"load": nn.Dense(2), "wear": nn.Dense(1)}}
  shared = MultiTask({"table": MLP((D,))}, head, trunk=MLP((4, 3)))
  x = {"table": jnp.asarray(Z, jnp.float32)}
  params = jax.tree.map(np.float32, random_params(shared.init, KEY, x, seed=6))["params"]
  path = MMoE(1, (4, 3)) if name == "mmoe" else PATHS[name]
  own = MultiTask({"table": MLP((D,))}, head, paths=path)
  first, last = params["trunk"]["dense_0"], params["trunk"]["head"]
  paths = jax.jit(own.init)(KEY, x)["params"]["paths"]
  if name == "mmoe":
    each = {"dense_0": jax.tree.map(lambda leaf: leaf[None], first), "dense_1": jax.tree.map(lambda w: w[None], last)}
    paths |= {"experts": each}
  else:
    paths |= {"dense_0": first, "dense_1": last}
  expected = jax.jit(shared.apply)({"params": params}, x)
  assert all(np.ptp(leaf, axis=0).min() > 0.1 for leaf in expected.values())  # no ReLU hides the input
  found = jax.jit(own.apply)({"params": {k: v for k, v in params.items() if k != "trunk"} | {"paths": paths}}, x)
  assert found.keys() == {"load", "wear"}
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), found, expected)


def sown(path, params, z):
  def gates(params, z):
    return path.apply({"params": params}, z, (2, 0), OF, mutable="intermediates")[1]

  with jax.enable_x64(True):
    variables = jax.jit(gates)(params, z)
  return [np.asarray(level) for level in variables["intermediates"]["gates"]]


@pytest.mark.parametrize("name", ["mmoe", "dselect_k", "cgc", "ple", "ltb"])
def test_gates_are_shares_that_sum_to_one(name):
  levels = sown(PATHS[name], path_params(PATHS[name]), Z)
  assert len(levels) == {"ple": 2, "ltb": 2}.get(name, 1)
  for level in levels:
    assert (level >= 0).all()
    np.testing.assert_allclose(level.sum(axis=-1), 1.0, rtol=1e-12)


def test_gates_of_own_experts_stand_under_their_task():
  for level in sown(PATHS["cgc"], path_params(PATHS["cgc"]), Z):
    assert level.shape == (2, N, 2 * OF + 1)
    used = np.zeros((2, 9), bool)
    used[0, [4, 5, 8]] = used[1, [0, 1, 8]] = True  # tasks 2 and 0, two experts each, and the shared one
    np.testing.assert_array_equal((level > 0).all(axis=1), used)


def test_settled_selectors_choose_at_most_k_experts_the_numbers_of_which_they_write_in_binary():
  path, params = DSelectK(8, 2, (4,)), path_params(DSelectK(8, 2, (4,)))
  params["selectors"]["kernel"] = np.zeros_like(params["selectors"]["kernel"])
  params["selectors"]["bias"][2] = [0.6, -9.0, 3.0, 0.5, 0.5, 0.7]  # 101 and 111, the first bit counts one
  params["selectors"]["bias"][0] = [-1.0, 1.0, -1.0, -1.0, 1.0, -1.0]  # 010 twice
  (level,) = sown(path, params, Z)
  weights = softmax(affine(params["weights"], 2, Z))
  expected = np.zeros((2, N, 8))
  expected[0][:, [5, 7]] = weights
  expected[1][:, 2] = 1.0
  np.testing.assert_allclose(level, expected, rtol=1e-12, atol=0)


def test_a_selector_starts_where_every_bit_can_learn():
  path, z = DSelectK(8, 2, (4,)), jnp.asarray(Z, jnp.float32)
  params = jax.jit(lambda z: path.init(KEY, z, (0, 1), OF))(z)["params"]

  def score(params):
    return jnp.sum(jnp.square(path.apply({"params": params}, z, (0, 1), OF)))

  bias = jax.jit(jax.grad(score))(params)["selectors"]["bias"]
  assert np.all(bias[:2] != 0) and not np.any(bias[2:])


def test_a_cold_branch_reads_one_parent_and_shares_add_up_along_the_tree():
  params = path_params(PATHS["ltb"])
  first, last = sown(LTB((4, 3), (2, 3), temperature=1e-3), params, Z)
  parent = np.argmax(params["log_theta_2"], axis=1)
  grandparent = np.argmax(params["log_theta_1"], axis=1)
  np.testing.assert_allclose(last[:, 0], np.eye(3)[parent[[2, 0]]], atol=1e-9)
  np.testing.assert_allclose(first[:, 0], np.eye(2)[grandparent[parent[[2, 0]]]], atol=1e-9)
  hard = [network(params["layer_0"], i, Z) for i in grandparent[parent]]
  expected = [network(params["layer_1"], j, x) for j, x in zip(parent, hard, strict=True)]
  np.testing.assert_allclose(run(LTB((4, 3), (2, 3), temperature=1e-3), params, Z), expected, atol=1e-9)


def test_branches_are_sampled_with_the_probabilities_that_are_learned():
  """The largest of log theta + Gumbel noise is parent i with probability softmax(log theta)_i; of 4000 draws."""
  path, z = LTB((2,), (3,), temperature=1e-2), jnp.asarray(Z[:1], jnp.float32)
  params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), path_params(path))

  def draw(key):
    state = path.apply({"params": params}, z, (1,), OF, rngs={"branch": key}, mutable="intermediates")[1]
    return state["intermediates"]["gates"][0][0, 0]

  drawn = jax.jit(jax.vmap(draw))(jax.random.split(KEY, 4000))
  np.testing.assert_allclose(np.mean(drawn, axis=0), softmax(np.asarray(params["log_theta_1"][1])), atol=0.03)


HEADS = {
  "rig": {"life": nn.Dense(1), "grade": OrdinalHead(3)},
  "image": {"defect": nn.Dense(4)},
  "table": {"load": nn.Dense(1)},
}
LOSSES = {
  "defect": losses.cross_entropy,
  "grade": losses.ordinal,
  "life": losses.squared_error,
  "load": losses.squared_error,
}
TWO = {source: HEADS[source] for source in ("rig", "image")}
MODELS = {
  name: MultiTask({"rig": MLP((4,)), "image": MLP((4,))}, TWO, MLP((D,)), path)
  for name, path in {"hard": None, **PATHS}.items()
}


def examples() -> dict[str, Batch]:
  rng = np.random.default_rng(3)
  rig, image, table = (rng.normal(size=(1, 8, *shape)).astype(np.float32) for shape in ((12, 2), (4, 4, 1), (3,)))
  labels = {"life": rig.mean((2, 3))[..., None] + 1, "grade": rng.integers(0, 3, (1, 8))}
  mask = {task: rng.random((1, 8)) < 0.8 for task in labels}
  everything = np.ones((1, 8), bool)
  return {
    "rig": Batch(rig, labels, mask),
    "image": Batch(image, {"defect": rng.integers(0, 4, (1, 8))}, everything),
    "table": Batch(table, {"load": table[..., :1]}, everything),
  }


X = {source: examples()[source].x[0] for source in TWO}


@pytest.mark.parametrize("name", MODELS)
def test_sources_come_in_any_combination_and_one_that_is_absent_has_no_gradient(name):
  """For two sets of parameters under jit and vmap, against one of them without."""
  model = MODELS[name]
  stacked = random_params(jax.vmap(model.init, (0, None)), jax.random.split(KEY, 2), X)
  stacked = jax.tree.map(np.float32, stacked)
  assert set(stacked) == {"params"}

  def score(params):
    found = model.apply(params, {"rig": X["rig"]})
    return sum(jnp.sum(jnp.square(prediction)) for prediction in found.values()), found

  def look(params):
    gradient, alone = jax.grad(score, has_aux=True)(params)
    return model.apply(params, X), alone, gradient["params"]

  def both(stacked):
    second = jax.tree.map(lambda leaf: leaf[1], stacked)
    return jax.vmap(look)(stacked), model.apply(second, {"image": X["image"]})

  (together, alone, gradient), other = jax.jit(both)(stacked)
  shapes = {"life": (2, 8, 1), "grade": (2, 8, 3), "defect": (2, 8, 4)}
  assert {task: leaf.shape for task, leaf in together.items()} == shapes
  assert alone.keys() == {"life", "grade"}
  assert other.keys() == {"defect"}
  np.testing.assert_allclose(together["defect"][1], other["defect"], rtol=1e-4, atol=1e-4)
  for task, leaf in alone.items():
    np.testing.assert_allclose(together[task], leaf, rtol=1e-5, atol=1e-5)
  absent = [gradient[part] for part in ("stems_image", "heads_image_defect")]
  assert not any(np.any(leaf) for leaf in jax.tree.leaves(absent))
  present = [gradient[part] for part in ("stems_rig", "trunk", "heads_rig_life", "heads_rig_grade")]
  assert all(np.any(leaf) for leaf in jax.tree.leaves(present))


def test_paths_count_tasks_through_all_heads():
  """A shift of task 2 in FiLM's last layer is felt by the third task, the only one of its source, and by no other."""
  model = MODELS["film"]
  params = jax.tree.map(np.float32, random_params(model.init, KEY, X))
  moved = jax.tree.map(np.copy, params)
  moved["params"]["paths"]["beta_1"][2] += 3.0
  apply = jax.jit(model.apply)
  before, after = (apply(p, X) for p in (params, moved))
  assert model.tasks() == ("life", "grade", "defect")
  assert [bool(np.any(before[task] != after[task])) for task in model.tasks()] == [False, False, True]


def train(model, given, params, data, steps=20, **options):
  algorithm = joint(model, given, outer=optax.sgd(0.05), **options)
  update, state = jax.jit(algorithm.update), algorithm.init(params)
  history = []
  for step in range(steps):
    state, metrics = update(jax.random.fold_in(KEY, step), state, data)
    history.append(metrics["losses"])
  assert update._cache_size() == 1
  return np.asarray(history)


@pytest.mark.parametrize("name", PATHS)
def test_joint_training_lowers_the_loss_of_every_task(name):
  tasks = ("life", "wear")
  model = MultiTask({"rig": MLP((4,))}, {"rig": {task: nn.Dense(1) for task in tasks}}, paths=PATHS[name])
  x, everything = examples()["rig"].x, np.ones((1, 8), bool)
  y = {"life": x[:, :, 0, :1] + 1, "wear": x[:, :, 1, 1:] - 2}
  params = jax.jit(model.init)(KEY, {"rig": x[0]})
  assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
  data = {"rig": Batch(x, y, everything)}
  aggregator = multitask.mean() if name == "ple" else None  # its passes are compiled for the deepest path
  drawn = name == "ltb"  # with its noise

  def apply(params, x, key=None):
    return model.apply(params, x, rngs=None if key is None else {"branch": key})

  each = dict.fromkeys(tasks, losses.squared_error)
  history = train(apply, each, params, data, aggregator=aggregator, keyed=drawn)
  if drawn:
    first, second, mixture = (apply(params, {"rig": x[0]}, key)["life"] for key in (KEY, jax.random.key(1), None))
    assert (first != second).any() and (first != mixture).any()
  assert np.isfinite(history).all() and (history[-1] < 0.9 * history[0]).all()


def test_images_windows_and_tables_share_a_trunk_in_whose_output_gradients_can_be_compared():
  stems = {"rig": Conv1D(4, (4,), (3,), (2,)), "image": Conv2D(4, (4,)), "table": MLP((4,))}
  model, data = MultiTask(stems, HEADS, MLP((5,))), examples()
  x = {source: batch.x[0] for source, batch in data.items()}
  params = jax.jit(model.init)(KEY, x)
  split = multitask.Split(partial(model.apply, method="represent"), partial(model.apply, method="predict"))
  z = jax.eval_shape(split.represent, params, x)
  assert {source: leaf.shape for source, leaf in z.items()} == dict.fromkeys(x, (8, 5))
  history = train(split, LOSSES, params, data, level="representation", aggregator=multitask.mean())
  assert (history[-1] < history[0]).all()


def test_gates_are_drawn_as_tasks_by_columns():
  model = MODELS["ple"]
  params = random_params(model.init, KEY, X)
  levels = jax.jit(partial(gates, model))(jax.tree.map(np.float32, params), X)
  assert [level.shape for level in levels] == [(3, 5)] * 2
  own = np.asarray(levels[0])[:, :3]
  assert (np.diag(own) > 0).all() and np.count_nonzero(own) == 3  # rows in the order of the tasks
  figure = draw_gates([np.asarray(level) for level in levels], model.tasks())
  first = figure.axes[0]
  assert [label.get_text() for label in first.get_yticklabels()] == ["life", "grade", "defect"]
  np.testing.assert_array_equal(first.images[0].get_array(), levels[0])
  assert [text.get_text() for text in first.texts] == [f"{value:.2f}" for value in np.asarray(levels[0]).flat if value]
  with pytest.raises(ValueError, match="3 tasks"):
    draw_gates([np.ones((4, 2))], ("a", "b", "c"))


def test_mistakes_are_named():
  z = jnp.ones((2, 3))
  with pytest.raises(ValueError, match="power of two"):
    DSelectK(6, 2, (4,)).init(KEY, z, (0,), 1)
  with pytest.raises(ValueError, match="must be an expert"):
    CGC(0, 0, (4,)).init(KEY, z, (0,), 1)
  with pytest.raises(ValueError, match="each layer"):
    LTB((4, 4), (2,)).init(KEY, z, (0,), 1)
  with pytest.raises(ValueError, match="at least two"):
    OrdinalHead(1).init(KEY, z)
  with pytest.raises(ValueError, match="have a stem"):
    MODELS["hard"].init(KEY, {"video": z})
  with pytest.raises(ValueError, match="one head for a task"):
    MultiTask({"a": MLP((2,)), "b": MLP((2,))}, {"a": {"t": nn.Dense(1)}, "b": {"t": nn.Dense(1)}}).init(KEY, {"a": z})
  with pytest.raises(ValueError, match="FiLM has no gates"):
    gates(MODELS["film"], jax.tree.map(np.float32, random_params(MODELS["film"].init, KEY, X)), X)
