"""Convolutional networks whose weights may differ from task to task.

A convolution under vmap with per-task weights becomes a grouped convolution, and a scan over
tasks meets a slow gradient instead. Here a convolution is patches, cut by contiguous slices,
and one matrix product. Milliseconds for all tasks together, each with weights of its own:

  network                   patches          convolution
                            scan    vmap     scan    vmap (grouped)
  Conv1D  forward             50     103       49     114
          gradient           277     560     7990     853
          second order       514     891    14100    1770
  Conv4   forward            180     410      140     853
          gradient           678    1010    11300    3300
          second order      1110    2460    16000    5830

Conv1D: 16 tasks of 100 windows, 1024 x 1. Conv4 (strided): 32 tasks of 80 images, 28 x 28 x 1.
Second order: the gradient through one inner SGD step on half of the examples. In training,
patches take 1.5 to 3.3 times less than grouped convolutions, both under vmap; as a scan over
tasks they are the fastest by another 1.5 to 2.2, with 25 to 41 MB of temporaries against 550 to
1320. Only without a gradient does a scan over plain convolutions win, by 1.3 at most. Compiling
takes at most 6 s.

`python scripts/measure_convolutions.py --seconds 4`, 2026-11-23, JAX 0.10.2, 2 CPU cores that
other work shared: medians of up to 5 warm runs in turn, a single run from 3000 ms up and for
Conv4's patches at 2460.
"""

import itertools
import math
from typing import Literal

import flax.linen as nn
import jax.numpy as jnp
from jax import lax

from mtl_jax.models.context import conditioned, context_of
from mtl_jax.models.product import Dense, product
from mtl_jax.types import Array

Norm = Literal["group", "layer", "batch", "none"]
"""What the mean and variance are taken over; each has a learned scale and bias per channel.

group: up to 8 groups of channels within one example (Wu and He 2018). layer: one whole
example, which is one group. batch: the current batch, per channel, as in the code of MAML
and of prototypical networks; nothing is kept, so a prediction depends on the other examples
in its batch, padding included. none: no normalisation, a bias instead.
"""


def patches(x: Array, kernel_size: tuple[int, ...], strides: tuple[int, ...], padding: str) -> Array:
  """What a convolution's kernel sees at each place: x[n, *space, c] -> [n, *out, prod(kernel_size) * c].

  The last axis runs over kernel positions, then channels, in the order of a kernel of
  shape (*kernel_size, c, features). `padding` is "SAME" or "VALID", as in `jax.lax`.

  Raises: ValueError if the numbers of axes differ or the kernel does not fit the padded x.
  """
  space, channels = x.shape[1:-1], x.shape[-1]
  if not len(space) == len(kernel_size) == len(strides):
    raise ValueError(f"x{x.shape} has {len(space)} axes of space, {kernel_size=} and {strides=} others")
  pads = lax.padtype_to_pads(space, kernel_size, strides, padding)
  out = [
    (size + low + high - k) // s + 1 for size, (low, high), k, s in zip(space, pads, kernel_size, strides, strict=True)
  ]
  if min(out) < 1:
    raise ValueError(f"a {padding} window of {kernel_size} does not fit into x{x.shape}")
  # One row holds `stride` samples, so that every strided slice below is a contiguous one.
  rows = [o + (k - 1) // s for o, k, s in zip(out, kernel_size, strides, strict=True)]
  tail = [r * s - size - low for r, s, size, (low, _) in zip(rows, strides, space, pads, strict=True)]
  around = [(0, 0, 0), *((low, high, 0) for (low, _), high in zip(pads, tail, strict=True)), (0, 0, 0)]
  split = itertools.chain.from_iterable(zip(rows[:-1], strides[:-1], strict=True))
  x = lax.pad(x, jnp.zeros((), x.dtype), around)
  x = x.reshape(x.shape[0], *split, rows[-1], strides[-1] * channels)

  # By the phase of each axis but the last: a tap reads one, and its gradient meets those of the same phase only.
  phases: dict[tuple[int, ...], Array] = {(): x}
  for axis, s in enumerate(strides[:-1]):
    phases = {
      (*before, i): phase
      for before, whole in phases.items()
      for i, phase in enumerate(lax.split(whole, (1,) * s, axis=2 + 2 * axis))
    }
  pieces = []
  taps = (*map(range, kernel_size[:-1]), range(0, kernel_size[-1], strides[-1]))
  for *outer, last in itertools.product(*taps):
    phase = phases[tuple(tap % s for tap, s in zip(outer, strides[:-1], strict=True))]
    index = [slice(None)]
    for tap, o, s in zip(outer, out[:-1], strides[:-1], strict=True):
      index += [slice(tap // s, tap // s + o), slice(None)]
    row, width = last // strides[-1], min(strides[-1], kernel_size[-1] - last) * channels
    index += [slice(row, row + out[-1]), slice(width)]
    pieces.append(phase[tuple(index)].reshape(x.shape[0], *out, width))
  return jnp.concatenate(pieces, axis=-1)


def convolve(x: Array, kernel: Array, strides: tuple[int, ...], padding: str) -> Array:
  """`lax.conv_general_dilated` by patches: x[n, *space, c], kernel[*k, c, f] -> [n, *out, f].

  Raises: ValueError as `patches` does.
  """
  return product(patches(x, kernel.shape[:-2], strides, padding), kernel.reshape(-1, kernel.shape[-1]))


class PatchConv(nn.Module):
  """`flax.linen.Conv` by `convolve`: same fields, same parameters, fast under vmap over the weights.

  x[n, *space, c] -> [n, *out, features], any number of axes of space. He initialisation
  (He et al. 2015, eq. 10), for a ReLU to follow.
  """

  features: int
  kernel_size: tuple[int, ...]
  strides: tuple[int, ...]
  padding: str = "SAME"
  use_bias: bool = True

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (*self.kernel_size, x.shape[-1], self.features)
    x = convolve(x, self.param("kernel", nn.initializers.he_normal(), shape), self.strides, self.padding)
    if self.use_bias:
      bias = self.param("bias", nn.initializers.zeros, (self.features,))
      x = x + bias.reshape(*(1,) * (x.ndim - 1), -1)
    return x


def _normalise(x: Array, norm: Norm, name: str) -> Array:
  match norm:
    case "none":
      return x
    case "batch":  # LayerNorm over the batch and space: what BatchNorm computes, without its kept statistics
      axes = tuple(range(x.ndim - 1))
      return nn.LayerNorm(epsilon=1e-5, reduction_axes=axes, use_fast_variance=False, name=name)(x)
    case "group" | "layer":
      groups = math.gcd(8, x.shape[-1]) if norm == "group" else 1
      return nn.GroupNorm(num_groups=groups, epsilon=1e-5, use_fast_variance=False, name=name)(x)
    case _:
      raise ValueError(f"norm={norm!r} is not one of group, layer, batch, none")


def _block(
  x: Array,
  layer: int,
  width: int,
  kernel: tuple[int, ...],
  strides: tuple[int, ...],
  norm: Norm,
  context: Array | None = None,
) -> Array:
  """Convolution, normalisation, context, ReLU; called inside a compact module, which owns the parameters."""
  conv = PatchConv(width, kernel, strides, use_bias=norm == "none", name=f"conv_{layer}")
  return nn.relu(conditioned(_normalise(conv(x), norm, f"norm_{layer}"), context, f"film_{layer}"))


def _max_pool(x: Array) -> Array:
  """2 x 2 max pooling, stride 2, an odd last row or column dropped.

  By reshape: the gradient of `flax.linen.max_pool` takes three times as long on a CPU. By pairs: that of a maximum over
  axes divides by how many entries equal it: 0, and so NaN, where XLA computes an entry twice with another rounding.
  """
  n, height, width, channels = x.shape
  x = x[:, : height // 2 * 2, : width // 2 * 2].reshape(n, height // 2, 2, width // 2, 2, channels)
  x = jnp.maximum(x[:, :, 0], x[:, :, 1])
  return jnp.maximum(x[:, :, :, 0], x[:, :, :, 1])


class Conv1D(nn.Module):
  """Strided convolutions over vibration windows, mean over time, dense "head".

  `model.apply(params, x[n, samples, channels]) -> [n, outputs]`. The wide first kernel
  reads raw acceleration (Zhang et al. 2017, Sensors 17:425).

  Attributes:
    features, kernels, strides: one number per layer.
    norm: see `Norm`.
    context: numbers that adapt and condition the channels of each layer before its ReLU (models/context.py); 0 leaves
      them out.

  Raises (when called): ValueError if the three tuples differ in length or `norm` is unknown.
  """

  outputs: int
  features: tuple[int, ...] = (16, 32, 64)
  kernels: tuple[int, ...] = (15, 7, 5)
  strides: tuple[int, ...] = (4, 2, 2)
  norm: Norm = "group"
  context: int = 0

  @nn.compact
  def __call__(self, x: Array) -> Array:
    context = context_of(self, self.context)
    layers = zip(self.features, self.kernels, self.strides, strict=True)
    for layer, (features, kernel, stride) in enumerate(layers):
      x = _block(x, layer, features, (kernel,), (stride,), self.norm, context)
    return Dense(self.outputs, name="head")(x.mean(axis=1))


class Conv2D(nn.Module):
  """3 x 3 convolutions that halve the image each time, dense "head".

  `model.apply(params, x[n, height, width, channels]) -> [n, outputs]`. By default the
  32-64-128 image network with global mean pooling; `conv4` makes the few-shot one.

  Attributes:
    outputs: None leaves the head out and returns the embedding.
    features: one number per layer.
    halve: "pool" by 2 x 2 max pooling after the ReLU, "stride" by the convolution.
    readout: "mean" over places, or "flatten".
    norm: see `Norm`.

  Raises (when called): ValueError if `norm` is unknown or the image too small to be halved
  so often.
  """

  outputs: int | None
  features: tuple[int, ...] = (32, 64, 128)
  halve: Literal["pool", "stride"] = "pool"
  readout: Literal["mean", "flatten"] = "mean"
  norm: Norm = "group"

  @nn.compact
  def __call__(self, x: Array) -> Array:
    if self.halve == "pool" and min(x.shape[1:3]) < 2 ** len(self.features):
      raise ValueError(f"x{x.shape}: an image must be at least {2 ** len(self.features)} wide and high here")
    for layer, features in enumerate(self.features):
      x = _block(x, layer, features, (3, 3), (2, 2) if self.halve == "stride" else (1, 1), self.norm)
      x = _max_pool(x) if self.halve == "pool" else x
    x = x.mean(axis=(1, 2)) if self.readout == "mean" else x.reshape(x.shape[0], -1)
    return x if self.outputs is None else Dense(self.outputs, name="head")(x)


def conv4(
  outputs: int | None, *, halve: Literal["pool", "stride"] = "pool", norm: Norm = "batch", width: int = 64
) -> Conv2D:
  """The four-layer network of the few-shot papers, normalised over the current batch.

  Prototypical networks (Snell et al. 2017, section 3): `conv4(None)`, the embedding. MAML
  (Finn et al. 2017, section 5.2): `conv4(ways, halve="stride")` for Omniglot, with the mean
  over places that its code takes, and `conv4(ways, width=32)` for MiniImageNet.
  """
  readout = "mean" if halve == "stride" else "flatten"
  return Conv2D(outputs, (width,) * 4, halve, readout, norm)
