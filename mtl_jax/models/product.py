"""A matrix product whose derivatives, of every order, are products that a CPU computes fast.

The gradient of x W in W is x' c, c that of the result. As JAX derives it, it is (c' x)', whatever the shapes, and from
there on derivatives have their results transposed again and again. XLA copies c or, in the second order, x, which has
all patches of a convolution, to transpose it, and the results too. Here products come in three forms whose derivatives
are of the same three, each with its result in place, and of x' c the smaller one is transposed. A step of MAML of
second order takes 0.7 of the processor time on vibration windows and images (scripts/benchmark.py, W3 and W4), 0.85 on
512 sine waves and the same on sensor features (JAX 0.10.2, one of 2 CPU cores, 2026-11-28).
"""

import functools
import math
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from mtl_jax.types import Array

_product = Primitive("product")
_CONTRACTED = {"ab": (-1, -2), "ab'": (-1, -1), "a'b": (-2, -2)}  # form -> axes of a and b
_KEPT = {-1: -2, -2: -1}
# form -> the gradients in a and in b: their forms and operands, of which c is the gradient of the result
_GRADIENTS = {
  "ab": (("ab'", "cb"), ("a'b", "ac")),
  "ab'": (("ab", "cb"), ("a'b", "ca")),
  "a'b": (("ab'", "bc"), ("ab", "ac")),
}


def _plain(a: Array, b: Array, *, form: str) -> Array:
  i, j = _CONTRACTED[form]
  batch = tuple(range(a.ndim - 2))
  return lax.dot_general(a, b, (((a.ndim + i,), (b.ndim + j,)), (batch, batch)))


def _on_cpu(a: Array, b: Array, *, form: str) -> Array:
  if form == "a'b" and a.shape[-1] > b.shape[-1]:  # XLA copies the first
    return jnp.swapaxes(_on_cpu(b, a, form=form), -1, -2)
  if form == "a'b" and math.prod(a.shape[:-2]) > 1:  # of a batch it has no fast one
    return _plain(lax.optimization_barrier(jnp.swapaxes(a, -1, -2)), b, form="ab")
  return _plain(a, b, form=form)


def _shape(a: Any, b: Any, *, form: str) -> Any:
  i, j = _CONTRACTED[form]
  return ShapedArray((*a.shape[:-2], a.shape[_KEPT[i]], b.shape[_KEPT[j]]), a.dtype)


def _gradient(of: int, c: Array, a: Any, b: Any, *, form: str) -> Array:
  form, operands = _GRADIENTS[form][of]
  named = {"a": a, "b": b, "c": c}
  return _product.bind(*(named[name] for name in operands), form=form)


def _batch(operands: tuple[Array, Array], axes: tuple[int | None, int | None], *, form: str) -> tuple[Array, int]:
  """One more leading axis; where one operand has none, more rows or columns of the other."""
  (a, b), (i, j) = operands, axes
  if i is not None and j is not None:
    return _product.bind(jnp.moveaxis(a, i, 0), jnp.moveaxis(b, j, 0), form=form), 0
  if i is not None:
    a, sizes = _merged(a, i, _KEPT[_CONTRACTED[form][0]])
    out = _product.bind(a, b, form=form)
    return out.reshape(*out.shape[:-2], *sizes, out.shape[-1]), out.ndim - 2
  assert j is not None
  b, sizes = _merged(b, j, _KEPT[_CONTRACTED[form][1]])
  out = _product.bind(a, b, form=form)
  return out.reshape(*out.shape[:-1], *sizes), out.ndim - 1


def _merged(x: Array, axis: int, kept: int) -> tuple[Array, tuple[int, ...]]:
  """x with `axis` merged into the axis `kept`, and the sizes of both."""
  x = jnp.moveaxis(x, axis, kept - 1)
  at = x.ndim + kept - 1
  return x.reshape(*x.shape[:at], -1, *x.shape[at + 2 :]), x.shape[at : at + 2]


_product.def_impl(_plain)
_product.def_abstract_eval(_shape)
ad.defbilinear(_product, functools.partial(_gradient, 0), functools.partial(_gradient, 1))
batching.primitive_batchers[_product] = _batch
mlir.register_lowering(_product, mlir.lower_fun(_plain, multiple_results=False))
mlir.register_lowering(_product, mlir.lower_fun(_on_cpu, multiple_results=False), platform="cpu")


def product(x: Array, w: Array) -> Array:
  """x[..., k] @ w[k, m] -> [..., m]."""
  rows, dtype = x.reshape(-1, x.shape[-1]), jnp.result_type(x, w)
  return _product.bind(rows.astype(dtype), w.astype(dtype), form="ab").reshape(*x.shape[:-1], w.shape[-1])


def _of_dense(x: Array, w: Array, dimensions: Any, **options: Any) -> Array:
  del dimensions, options  # Dense contracts the last axis of x with the first of w
  return product(x, w)


Dense = functools.partial(nn.Dense, dot_general=_of_dense)
"""`flax.linen.Dense` by `product`."""
