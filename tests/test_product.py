"""The matrix product of the models and its derivatives against NumPy's and `@`, in float64."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mtl_jax.models.product import Dense, product

pytestmark = pytest.mark.usefixtures("float64")
SIZES = {"narrow": (6, 4, 3), "wide": (3, 7, 5)}  # rows, columns of x, columns of w: either may be the smaller


def drawn(*shape):
  return jnp.asarray(np.random.default_rng(sum(shape)).normal(size=shape))


def loss(multiply, w, x):
  """Of two layers after a step of gradient descent on both."""

  def of(w):
    return jnp.mean(jnp.square(multiply(jnp.tanh(multiply(x, w[0])), w[1])))

  adapted = jax.tree.map(lambda w, g: w - 0.1 * g, w, jax.grad(of)(w))
  return jnp.mean(jnp.cos(multiply(jnp.tanh(multiply(x, adapted[0])), adapted[1])))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("each", [(0, 0), (None, 0), (0, None), (None, None)], ids=str)
def test_its_derivatives_up_to_the_third_are_those_of_the_operator(each, size):
  """Of weights and data that tasks have of their own or share; `hessian` goes forward over backward."""
  n, k, m = SIZES[size]
  w, x = (drawn(2, k, m), drawn(2, m, 2)), drawn(2, n, k)
  if each[0] is None:
    w = jax.tree.map(lambda leaf: leaf[0], w)
  if each[1] is None:
    x = x[0]

  def total(multiply, w):
    return jnp.sum(jax.vmap(lambda w, x: loss(multiply, w, x), each, axis_size=2)(w, x))

  for derivative in (jax.grad, jax.hessian):
    found = jax.jit(derivative(lambda w: total(product, w)))(w)
    expected = jax.jit(derivative(lambda w: total(jnp.matmul, w)))(w)
    for f, e in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
      assert np.abs(e).max() > 1e-3
      np.testing.assert_allclose(f, e, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("form", ["w", "x", "both"])
def test_it_maps_over_any_axis(form, axis):
  x, w = drawn(4, 5), drawn(5, 6)
  many_x, many_w = (jnp.stack([leaf, 2.0 * leaf, -leaf], axis) for leaf in (x, w))
  axes = {"w": (None, axis), "x": (axis, None), "both": (axis, axis)}[form]
  given = (x if axes[0] is None else many_x, w if axes[1] is None else many_w)
  found = jax.vmap(product, axes)(*given)
  scale = np.array([1.0, 2.0, -1.0]) ** (2 if form == "both" else 1)
  np.testing.assert_allclose(found, scale[:, None, None] * (np.asarray(x) @ np.asarray(w)), rtol=1e-12)


def test_dense_is_that_of_flax():
  x = drawn(2, 3, 4)
  for leading in (x, x[0], x[0, 0]):
    ours, theirs = (of(5, dtype=jnp.float64, param_dtype=jnp.float64) for of in (Dense, nn.Dense))
    params = theirs.init(jax.random.key(0), leading)
    np.testing.assert_allclose(ours.apply(params, leading), theirs.apply(params, leading), rtol=1e-12)
    assert jax.tree.map(jnp.shape, ours.init(jax.random.key(0), leading)) == jax.tree.map(jnp.shape, params)


def test_types_are_those_of_the_operator():
  ones = jnp.ones((3, 3), jnp.bfloat16)
  assert product(ones, ones).dtype == jnp.bfloat16
  with jax.numpy_dtype_promotion("standard"):
    assert product(ones.astype(jnp.uint8), ones.astype(jnp.float32)).dtype == jnp.float32
  with pytest.raises(ValueError, match="promotion"):
    product(ones.astype(jnp.uint8), ones)
