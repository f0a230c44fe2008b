"""The networks: patches equal a convolution, tasks do not mix, names and shapes hold."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal
from jax import lax

from mtl_jax import tree
from mtl_jax.models import GRU, MLP, Conv1D, Conv2D, PatchConv, Residual, conv, conv4

MODELS = {
  "mlp": (MLP((8, 8, 3)), (6, 2, 5)),
  "mlp_layer": (MLP((8, 3), norm="layer"), (6, 7)),
  "mlp_context": (MLP((8, 8, 3), context=2), (6, 7)),
  "conv1d": (Conv1D(3, (8, 16), (7, 5), (4, 2)), (6, 40, 2)),
  "conv1d_context": (Conv1D(3, (8, 16), (7, 5), (4, 2), context=2), (6, 40, 2)),
  "gru": (GRU(3, 5, 4), (6, 18, 2)),
  "gru_context": (GRU(3, 5, 4, context=2), (6, 18, 2)),
  "pool": (Conv2D(3, (8, 16)), (6, 9, 8, 1)),
  "batch": (Conv2D(3, (4, 8), "stride", "flatten", "batch"), (6, 9, 8, 1)),
  "layer": (Conv2D(3, (4,), norm="layer"), (6, 5, 4, 1)),
  "plain": (Conv2D(3, (4,), norm="none"), (6, 5, 4, 1)),
}


def _normal(seed, *shape):
  return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def _params(model, x, seed):
  """Every leaf from a normal distribution: scales and biases too, which `init` sets to one and zero."""
  leaves, structure = jax.tree.flatten(jax.eval_shape(model.init, jax.random.key(0), x))
  return jax.tree.unflatten(structure, [_normal(seed + i, *leaf.shape) for i, leaf in enumerate(leaves)])


def _reference(x, kernel, strides, padding):
  numbers = ("NWC", "WIO", "NWC") if x.ndim == 3 else ("NHWC", "HWIO", "NHWC")
  return lax.conv_general_dilated(
    x, kernel, strides, padding, dimension_numbers=numbers, precision=lax.Precision.HIGHEST
  )


def _close(got, want):
  for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(want), strict=True):
    np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-4 * max(1.0, float(jnp.max(jnp.abs(b)))))


def _stack(trees):
  return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


CASES = [
  ((15,), (4,), (64,), "SAME"),
  ((6,), (1,), (16,), "VALID"),
  ((2,), (7,), (19,), "SAME"),
  ((3, 3), (2, 2), (7, 6), "SAME"),
  ((2, 5), (3, 2), (9, 8), "VALID"),
  ((1, 4), (2, 5), (8, 11), "SAME"),
]


@pytest.mark.parametrize(("kernel_size", "strides", "space", "padding"), CASES)
def test_patches_equal_a_convolution_in_value_and_gradients(kernel_size, strides, space, padding):
  x, kernel = _normal(0, 2, *space, 3), _normal(1, *kernel_size, 3, 4)
  weight = _normal(2, *jax.eval_shape(lambda: _reference(x, kernel, strides, padding)).shape)

  def value_and_gradients(convolve):
    def score(x, kernel):
      value = convolve(x, kernel, strides, padding)
      return jnp.sum(weight * jnp.square(value)), value

    return jax.jit(jax.grad(score, argnums=(0, 1), has_aux=True))(x, kernel)

  _close(value_and_gradients(conv.convolve), value_and_gradients(_reference))


def test_a_convolution_is_scipys_correlation():
  generator = np.random.default_rng(1)
  x, kernel = generator.normal(size=(50,)), generator.normal(size=(7,))
  image, square = generator.normal(size=(9, 8)), generator.normal(size=(3, 3))

  def ours(x, kernel, padding):
    got = conv.convolve(
      jnp.asarray(x, jnp.float32)[None, ..., None],
      jnp.asarray(kernel, jnp.float32)[..., None, None],
      (1,) * x.ndim,
      padding,
    )
    return got[0, ..., 0]

  for padding, mode in (("SAME", "same"), ("VALID", "valid")):
    _close(ours(x, kernel, padding), scipy.signal.correlate(x, kernel, mode))
    _close(ours(image, square, padding), scipy.signal.correlate(image, square, mode))


def test_the_patch_layer_shares_its_parameters_with_linens_convolution():
  x = _normal(0, 2, 9, 10, 3)
  fields = {"features": 4, "kernel_size": (3, 2), "strides": (2, 1), "padding": "VALID"}
  params = _params(PatchConv(**fields), x, 1)
  _close(PatchConv(**fields).apply(params, x), nn.Conv(**fields).apply(params, x))


@pytest.mark.parametrize("name", ["mlp", "conv1d", "pool", "batch"])
def test_vmap_over_tasks_equals_a_loop_in_value_and_gradient(name):
  model, shape = MODELS[name]
  x = _normal(0, 3, *shape)
  params = [_params(model, x[0], seed) for seed in (1, 2, 3)]

  def score(params, x):
    prediction = model.apply(params, x)
    return jnp.mean(jnp.square(prediction)), prediction

  gradient = jax.grad(score, has_aux=True)
  together = jax.jit(jax.vmap(gradient))(_stack(params), x)
  _close(together, _stack([jax.jit(gradient)(params[t], x[t]) for t in range(3)]))


@pytest.mark.parametrize("name", ["mlp_layer", "conv1d", "conv1d_context", "gru", "pool", "batch"])
def test_a_gradient_through_an_inner_step_matches_central_differences(name):
  """d/dt of the loss after one SGD step, along a direction, against differences in float64."""
  model, shape = MODELS[name]
  x = _normal(0, *shape)
  params, direction = _params(model, x, 1), _params(model, x, 2)
  # Linen's normalisation promotes to float32 first, which strict promotion refuses for a float64.
  with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
    x, params, direction = jax.tree.map(lambda leaf: leaf.astype(jnp.float64), (x, params, direction))

    def loss(params, x):
      return jnp.mean(jnp.square(model.apply(params, x) - 1.0))

    def along(t):
      moved = jax.tree.map(lambda p, d: p + t * d, params, direction)
      gradient = jax.grad(loss)(moved, x[:3])
      return loss(jax.tree.map(lambda p, g: p - 0.01 * g, moved, gradient), x[3:])

    step = 1e-7  # small, so that no ReLU or maximum switches between the two points
    value = jax.jit(along)
    difference = (value(jnp.float64(step)) - value(jnp.float64(-step))) / (2.0 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(along))(jnp.float64(0.0)), difference, rtol=1e-5)


def test_a_context_scales_and_shifts_each_hidden_layer_and_at_zero_changes_nothing():
  x = _normal(0, 6, 7)
  model, params = MLP((8, 8, 3), context=2), _params(MLP((8, 8, 3), context=2), x, 1)
  p = jax.tree.map(np.asarray, params["params"])
  h = np.asarray(x)
  for layer in range(2):
    scale, shift = np.split(p["context"] @ p[f"film_{layer}"]["kernel"], 2)
    h = np.maximum((1.0 + scale) * (h @ p[f"dense_{layer}"]["kernel"] + p[f"dense_{layer}"]["bias"]) + shift, 0.0)
  _close(model.apply(params, x), h @ p["head"]["kernel"] + p["head"]["bias"])
  plain = {"params": {name: leaf for name, leaf in params["params"].items() if name[0] in "dh"}}
  at_zero = {"params": params["params"] | {"context": jnp.zeros(2)}}
  np.testing.assert_array_equal(model.apply(at_zero, x), MLP((8, 8, 3)).apply(plain, x))
  assert not model.init(jax.random.key(0), x)["params"]["context"].any()


def test_a_context_conditions_the_embedding_of_a_residual_network_before_its_length_is_taken():
  x, model = _normal(0, 6, 4), Residual(3, soft_unit=True, outputs=2, context=2)
  params = _params(model, x, 1)
  p = jax.tree.map(np.asarray, params["params"])
  h = np.asarray(x) @ p["dense"]["kernel"] + p["dense"]["bias"]
  h = (h - h.mean(axis=1, keepdims=True)) / np.sqrt(h.var(axis=1, keepdims=True) + 1e-6)
  h = np.maximum(h * p["norm"]["scale"] + p["norm"]["bias"], 0.0)
  f = np.asarray(x) * p["gain"] + h @ p["added"]["kernel"] + p["added"]["bias"]
  scale, shift = np.split(p["context"] @ p["film"]["kernel"], 2)
  f = (1.0 + scale) * f + shift
  f /= np.sqrt(np.square(f).mean(axis=1, keepdims=True) + np.exp(p["log_radius"]))
  _close(model.apply(params, x), f @ p["head"]["kernel"] + p["head"]["bias"])


@pytest.mark.parametrize(("name", "last", "width"), [("conv1d", "film_1", 16), ("gru", "film", 5)])
def test_a_context_at_zero_changes_nothing_and_elsewhere_scales_and_shifts_what_the_head_reads(name, last, width):
  """The head reads the GRU's last state h, of convolutions the mean over time of a ReLU of h. With context (1, 0) and
  rows (g, s) first in the last layer's G and S, h becomes (1 + g) h + s: with (1, 0) what the head reads doubles, with
  (0, -1e3) it is h - 1e3, or 0 after the ReLU.
  """
  (model, shape), (plain, _) = MODELS[f"{name}_context"], MODELS[name]
  x = _normal(0, *shape)
  params = _params(model, x, 1)["params"]
  bias, kernel = (np.asarray(params["head"][leaf]) for leaf in ("bias", "kernel"))
  films = {key: jax.tree.map(jnp.zeros_like, leaf) for key, leaf in params.items() if key.startswith("film")}
  without = {key: leaf for key, leaf in params.items() if key not in (*films, "context")}

  def answer(scale, shift):
    first = jnp.repeat(jnp.asarray([scale, shift]), width)
    changed = films | {last: {"kernel": jnp.stack([first, first])}, "context": jnp.asarray([1.0, 0.0])}
    return np.asarray(model.apply({"params": params | changed}, x))

  expected = np.asarray(plain.apply({"params": without}, x))
  np.testing.assert_array_equal(model.apply({"params": params | {"context": jnp.zeros(2)}}, x), expected)
  assert not model.init(jax.random.key(0), x)["params"]["context"].any()
  _close(answer(1.0, 0.0), 2.0 * (expected - bias) + bias)
  shifted = expected - 1e3 * kernel.sum(axis=0) if name == "gru" else np.broadcast_to(bias, expected.shape)
  _close(answer(0.0, -1e3), shifted)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_keeps_only_parameters_and_ends_in_a_head(name):
  model, shape = MODELS[name]
  x = jnp.ones(shape)
  variables = jax.eval_shape(model.init, jax.random.key(0), x)
  assert set(variables) == {"params"}
  head, _ = tree.partition(variables, tree.named("head"))
  assert sorted(leaf.shape[-1] for leaf in jax.tree.leaves(head)) == [3, 3]
  assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
  assert jax.eval_shape(model.apply, variables, x).shape == (shape[0], 3)


def test_he_initialisation_keeps_the_scale_of_a_relu_layer():
  """E[relu(w x)^2] = E[x^2] where Var w = 2 / fan_in: 12 * 9 inputs reach each of 2048 features."""
  x = _normal(0, 8, 3, 3, 12)
  layer = PatchConv(2048, (3, 3), (1, 1), "VALID")
  after, _ = layer.init_with_output(jax.random.key(0), x)
  np.testing.assert_allclose(jnp.mean(jnp.square(nn.relu(after))), jnp.mean(jnp.square(x)), rtol=0.1)


@pytest.mark.parametrize("name", ["conv1d", "pool", "layer", "mlp_layer"])
def test_without_batch_normalisation_an_example_does_not_see_its_neighbours(name):
  model, shape = MODELS[name]
  x = _normal(0, *shape)
  apply = jax.jit(model.apply)
  params = _params(model, x, 1)
  _close(apply(params, x)[:1], apply(params, jnp.concatenate([x[:1], 7.0 * x[1:]]))[:1])


def test_batch_normalisation_is_that_of_linens_current_batch():
  x = 5.0 + 3.0 * _normal(0, 6, 8, 8, 1)
  model = Conv2D(None, (4,), halve="stride", readout="flatten", norm="batch")
  params = _params(model, x, 1)
  convolved = _reference(x, params["params"]["conv_0"]["kernel"], (2, 2), "SAME")
  batch_norm = nn.BatchNorm(use_running_average=False, epsilon=1e-5, use_fast_variance=False)
  kept = {"mean": jnp.zeros(4), "var": jnp.ones(4)}
  variables = {"params": params["params"]["norm_0"], "batch_stats": kept}
  want = nn.relu(batch_norm.apply(variables, convolved, mutable=["batch_stats"])[0])
  _close(model.apply(params, x), want.reshape(6, -1))
  embedding = jax.eval_shape(conv4(None).init_with_output, jax.random.key(0), jnp.ones((2, 28, 28, 1)))[0]
  assert embedding.shape == (2, 64)  # 28 pixels halve to 14, 7, 3, 1


@pytest.mark.parametrize(("norm", "same"), [("group", True), ("layer", False)])
def test_group_normalisation_undoes_a_gain_on_one_of_its_eight_groups(norm, same):
  x = _normal(0, 6, 8, 8, 1)
  model = Conv2D(None, (16,), halve="stride", readout="flatten", norm=norm)
  params = _params(model, x, 1)
  gain = jnp.where(jnp.arange(16) < 2, 3.0, 1.0).reshape(1, 1, 1, 16)
  louder = jax.tree.map(lambda leaf: leaf * gain if leaf.ndim == 4 else leaf, params)
  apply = jax.jit(model.apply)
  difference = jnp.max(jnp.abs(apply(louder, x) - apply(params, x)))
  assert (difference < 1e-3) == same


def test_pooling_is_linens_max_pool():
  x, weight = _normal(0, 2, 7, 10, 3), _normal(1, 2, 3, 5, 3)

  def value_and_gradient(pool):
    def score(x):
      value = pool(x)
      return jnp.sum(weight * value), value

    return jax.jit(jax.grad(score, has_aux=True))(x)

  _close(value_and_gradient(conv._max_pool), value_and_gradient(lambda x: nn.max_pool(x, (2, 2), (2, 2))))


@pytest.mark.parametrize(
  ("model", "shape", "count"),
  [
    # (1 + 1) 40 + (40 + 1) 40 + (40 + 1) 1
    (MLP((40, 40, 1)), (2, 1), 1761),
    # 9 * 64 + 3 * 9 * 64 * 64 kernels, 4 * 2 * 64 scales and biases
    (conv4(None), (2, 28, 28, 1), 576 + 3 * 36864 + 512),
    # the same and a head on 64 numbers, the mean over places
    (conv4(5, halve="stride"), (2, 28, 28, 1), 576 + 3 * 36864 + 512 + 325),
    # MiniImageNet: 84 pixels halve to 5, a head on 5 * 5 * 32 = 800 numbers
    (conv4(5, width=32), (2, 84, 84, 3), 27 * 32 + 3 * 9 * 32 * 32 + 4 * 64 + 800 * 5 + 5),
  ],
)
def test_the_papers_networks_have_their_number_of_parameters(model, shape, count):
  variables = jax.eval_shape(model.init, jax.random.key(0), jnp.ones(shape))
  assert sum(leaf.size for leaf in jax.tree.leaves(variables)) == count


def test_mistakes_are_named():
  key, image = jax.random.key(0), jnp.ones((2, 6, 6, 1))
  with pytest.raises(ValueError, match="at least 8"):
    Conv2D(3).init(key, image)
  with pytest.raises(ValueError, match="norm='weight'"):
    Conv2D(3, (8,), norm="weight").init(key, image)  # pyright: ignore[reportArgumentType]
  with pytest.raises(ValueError, match="does not fit"):
    conv.patches(image, (7, 7), (1, 1), "VALID")
  with pytest.raises(ValueError, match="axes of space"):
    conv.patches(image, (3,), (1,), "SAME")
  with pytest.raises(ValueError, match="features is empty"):
    MLP(()).init(key, image)


@pytest.mark.parametrize("hidden", [0, 5])
def test_a_residual_embedding_starts_as_its_input_and_can_leave_it(hidden):
  x = jax.random.normal(jax.random.key(1), (3, 4))
  net = Residual(hidden)
  params = net.init(jax.random.key(0), x)
  np.testing.assert_array_equal(net.apply(params, x), x)
  moved = jax.tree.map(lambda leaf: leaf + 0.5, params)
  assert float(jnp.abs(jnp.asarray(net.apply(moved, x)) - x).min()) > 1e-3
  assert net.apply(params, x.reshape(3, 2, 2)).shape == (3, 4)


def test_a_soft_unit_keeps_the_direction_of_what_is_far_and_the_length_of_what_is_near():
  x = jnp.asarray([[3.0, 4.0], [3e3, 4e3], [3e-3, 4e-3]])
  net = Residual(soft_unit=True)
  found = np.asarray(net.apply(net.init(jax.random.key(0), x), x))
  np.testing.assert_allclose(found[0], x[0] / np.sqrt(12.5 + 1.0), rtol=1e-6)
  np.testing.assert_allclose(found[1], x[0] / np.sqrt(12.5), rtol=1e-5)
  np.testing.assert_allclose(found[2], x[2], rtol=1e-4)


def test_a_residual_network_with_outputs_has_a_head_to_adapt():
  x = jnp.ones((2, 3))
  net = Residual(4, outputs=6)
  params = net.init(jax.random.key(0), x)
  assert net.apply(params, x).shape == (2, 6) and "head" in params["params"]


def test_a_recurrent_network_reads_frame_after_frame_as_in_the_equations():
  """With the state h from 0, s the logistic function and x a frame of four samples of two channels, in order:

  r = s(W_r x + b_r + U_r h),  z = s(W_z x + b_z + U_z h),  n = tanh(W_n x + b_n + r (U_n h + c)),
  h <- (1 - z) n + z h.
  """
  model, (_, samples, channels) = MODELS["gru"]
  x = _normal(0, 2, samples, channels)
  params = _params(model, x, 1)
  assert isinstance(model, GRU)
  p = jax.tree.map(np.asarray, params)["params"]
  (cell,) = (value for name, value in p.items() if name != "head")

  def logistic(a):
    return 1.0 / (1.0 + np.exp(-a))

  h = np.zeros((2, model.width))
  for start in range(0, samples - model.frame + 1, model.frame):
    frame = np.asarray(x[:, start : start + model.frame]).reshape(2, -1)
    read = {gate: frame @ cell[f"i{gate}"]["kernel"] + cell[f"i{gate}"]["bias"] for gate in "rzn"}
    r, z = (logistic(read[gate] + h @ cell[f"h{gate}"]["kernel"]) for gate in "rz")
    n = np.tanh(read["n"] + r * (h @ cell["hn"]["kernel"] + cell["hn"]["bias"]))
    h = (1.0 - z) * n + z * h
  _close(jax.jit(model.apply)(params, x), h @ p["head"]["kernel"] + p["head"]["bias"])
  with pytest.raises(ValueError, match="no frame of 4"):
    model.init(jax.random.key(0), x[:, :3])
