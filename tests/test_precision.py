"""A network in bfloat16 with parameters in float32: how far its meta-gradient is from that in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from test_gradients import KEY, OUTER, RATE, linear_data, lost, perceptron, perceptron_params

from mtl_jax import computed_in, inner_loop, maml, masked_loss
from mtl_jax.losses import squared_error
from mtl_jax.types import Batch


def narrow(tree_):
  def single(leaf):
    return leaf.astype(jnp.float32) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

  return jax.tree.map(single, tree_)


def test_the_meta_gradient_is_within_three_percent_of_that_in_float64():
  """Three second-order steps; of the norm. In float32 throughout it is within 1e-5."""
  with jax.enable_x64(True):
    data, _ = linear_data()
    params, errors = perceptron_params(), {}

    def gradient(params, data, **options):
      algorithm = maml(perceptron, squared_error, inner=optax.sgd(RATE), inner_steps=3, outer=OUTER, **options)
      return np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(lost(algorithm, params, data)[0])])

    exact = gradient(params, data)
    for dtype in (None, jnp.bfloat16):
      found = gradient(narrow(params), narrow(data), compute_dtype=dtype)
      assert found.dtype == np.float32
      errors[dtype] = float(np.linalg.norm(found - exact) / np.linalg.norm(exact))
  assert errors[None] < 1e-5
  assert 1e-4 < errors[jnp.bfloat16] < 0.03, errors


def test_a_step_that_bfloat16_would_round_away_moves_the_parameters():
  """Next to 1, bfloat16 has 1 - 2^-8; a step of 2e-4 is less. f(x) = w x has the gradient 2 (w x - y) x."""
  run = inner_loop(masked_loss(computed_in(lambda w, x: w * x, jnp.bfloat16), squared_error), optax.sgd(1e-4), 1)
  batch = Batch(jnp.ones(1), jnp.asarray([2.0]), jnp.ones(1, bool))
  w = run(jnp.asarray([1.0]), batch, KEY).params
  assert w.dtype == jnp.float32
  np.testing.assert_allclose(w, 1.0002, rtol=1e-6)


def test_numbers_that_are_not_floating_stay_as_they_are():
  apply = computed_in(lambda p, x: p["table"][x["row"]] + x["shift"], jnp.bfloat16)
  answer = apply({"table": jnp.arange(300.0)}, {"row": jnp.asarray([257]), "shift": jnp.asarray([1.0])})
  assert answer.dtype == jnp.float32
  np.testing.assert_array_equal(answer, [256.0])  # 257 and 258 lie between 256 and 258, the next in bfloat16
