"""What a texture looks like in numbers: spectra, binary patterns, band-pass moments; and what a template adds.

Features of one grey image, square, with grey levels from 0 to 1; `described` takes many. Nothing here depends on
the mean brightness, and under a turn by 90 degrees the groups named in `TURN_FREE` stay as they are.

Sources: T. Ojala, M. Pietikäinen, T. Mäenpää, "Multiresolution gray-scale and rotation invariant texture
classification with local binary patterns", IEEE TPAMI 24 (2002) 971-987, eq. 9-10: uniform patterns, here on the
square of eight neighbours without interpolation. Band-pass moments: J. Portilla, E. P. Simoncelli, "A parametric
texture model based on joint statistics of complex wavelet coefficients", IJCV 40 (2000) 49-70, section 2, with
differences of Gaussians in place of wavelets.
"""

import itertools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from mtl_jax.types import Array

BINS, WEDGES, RINGS = 10, 8, 3
SIGMAS = (0.7, 1.4, 2.8, 5.6)  # pixels
SIZES = {"radial": BINS, "angular": RINGS * WEDGES, "patterns 1": 10, "patterns 2": 10, "bands": 25, "scales": 4}
SIZES |= {"profiles": 11}
"""How many numbers each group of features has, in order."""
FEATURES = sum(SIZES.values())
TURN_FREE = ("radial", "patterns 1", "patterns 2", "bands", "scales")
RULE = ("added", "in touch", "pieces", "pieces around", "size")
"""Of `beside_template`."""
_FAINT = 0.003  # of the grey range: a deviation below it is noise
_LOWEST = 0.9 / 64  # cycles a pixel
_EIGHT = np.ones((3, 3), bool)  # neighbours, diagonal ones too
_CHUNK = 200


def _blur(side: int, sigma: float) -> np.ndarray:
  """(side, side): a Gaussian along one axis as a matrix, reflected at the edges."""
  reach = int(4 * sigma + 1)
  weight = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / sigma))
  matrix = np.zeros((side, side))
  for offset, share in zip(range(-reach, reach + 1), weight / weight.sum(), strict=True):
    at = (np.arange(side) + offset) % (2 * side)
    np.add.at(matrix, (np.arange(side), np.where(at >= side, 2 * side - 1 - at, at)), share)
  return matrix.astype(np.float32)


@cache
def _masks(side: int) -> tuple[np.ndarray, np.ndarray]:
  """What averages a power spectrum over rings (BINS, side^2), and over wedges of rings (RINGS, WEDGES, side^2)."""
  down, across = np.meshgrid(*[np.fft.fftfreq(side)] * 2, indexing="ij")
  radius, angle = np.hypot(down, across), np.arctan2(down, across)
  edges = np.geomspace(_LOWEST, 0.5, BINS + 1)
  rings = [(radius >= low) & (radius < high) for low, high in itertools.pairwise(edges)]
  for i, ring in enumerate(rings):
    if not ring.any():  # a ring that falls between the frequencies of a small image: the nearest ones
      far = np.abs(radius - np.sqrt(edges[i] * edges[i + 1]))
      rings[i] = far <= far.min() + 1e-9
  edges = np.geomspace(1.5 / 64, 0.5, RINGS + 1)
  wedges = np.zeros((RINGS, WEDGES, side, side))
  for i in range(RINGS):
    for j in range(WEDGES):
      off = np.abs((angle - np.pi * j / WEDGES + np.pi / 2) % np.pi - np.pi / 2)
      inside = (radius >= edges[i]) & (radius < edges[i + 1])
      wedges[i, j] = inside * np.clip(1 - off / (np.pi / WEDGES), 0.0, None)
  flat = [np.stack(rings).reshape(BINS, -1).astype(float), wedges.reshape(RINGS, WEDGES, -1)]
  radial, angular = (mask / np.maximum(mask.sum(-1, keepdims=True), 1e-9) for mask in flat)
  return radial.astype(np.float32), angular.astype(np.float32)


def _spectrum(x: Array) -> tuple[Array, Array]:
  side = x.shape[0]
  hann = np.hanning(side + 2)[1:-1].astype(np.float32)
  window = np.outer(hann, hann)
  power = jnp.square(jnp.abs(jnp.fft.fft2((x - jnp.mean(x)) * window))).reshape(-1) / np.square(window).sum()
  rings, wedges = _masks(side)
  angular = wedges @ power + 1e-6
  return jnp.log(rings @ power + 1e-6), jnp.log(angular / jnp.mean(angular, axis=1, keepdims=True)).reshape(-1)


def _patterns(x: Array, reach: int) -> Array:
  """Square roots of the shares of the nine uniform patterns, and of all others."""
  side, padded = x.shape[0], jnp.pad(x, reach, mode="edge")
  around = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
  starts = [(reach * (1 + down), reach * (1 + across)) for down, across in around]
  brighter = jnp.stack([padded[i : i + side, j : j + side] > x + 1 / 255 for i, j in starts])
  changes = jnp.sum(brighter != jnp.roll(brighter, 1, axis=0), axis=0)
  code = jnp.where(changes <= 2, jnp.sum(brighter, axis=0), 9)
  return jnp.sqrt(jnp.stack([jnp.mean(code == pattern) for pattern in range(10)]))


def _bands(x: Array) -> list[Array]:
  """Differences of Gaussians from fine to coarse, and what is left."""
  levels: list[Array] = [x]
  for sigma in SIGMAS:
    blur = jnp.asarray(_blur(x.shape[0], sigma))
    levels.append(blur @ x @ blur.T)
  return [a - b for a, b in itertools.pairwise(levels)] + [levels[-1] - jnp.mean(levels[-1])]


def _moments(band: Array) -> list[Array]:
  """Strength, skewness, kurtosis, highest peak and deepest pit."""
  centred = band - jnp.mean(band)
  deviation = jnp.sqrt(jnp.mean(jnp.square(centred)) + 1e-8)
  z = centred / (deviation + _FAINT / 3)
  shape = [jnp.tanh(jnp.mean(z**3) / 2), jnp.log(jnp.mean(z**4) + 0.5)]
  ends = [jnp.log1p(jnp.maximum(end, 0.0) / (deviation + _FAINT)) for end in (jnp.max(band), -jnp.min(band))]
  return [jnp.log(deviation + _FAINT), *shape, *ends]


def _correlation(a: Array, b: Array) -> Array:
  """Of the strength of two bands from place to place."""
  a, b = (jnp.abs(band) - jnp.mean(jnp.abs(band)) for band in (a, b))
  return jnp.mean(a * b) / (jnp.sqrt(jnp.mean(a * a) * jnp.mean(b * b)) + 1e-6)


def _profiles(x: Array) -> Array:
  """How much rows and columns differ, and blocks of an eighth of the side."""
  centred, block = x - jnp.mean(x), x.shape[0] // 8
  found = []
  for axis in (0, 1):
    profile = jnp.mean(centred, axis=axis)
    step = jnp.abs(jnp.diff(profile))
    found += [jnp.stack([jnp.std(profile), jnp.mean(step)]) / (jnp.std(centred) + 0.01)]
    found += [jnp.log1p(jnp.max(step) / (jnp.mean(step) + 0.001))[None]]
  blocks = centred.reshape(8, block, 8, block)
  spread = jnp.std(blocks, axis=(1, 3))
  strengths = [jnp.std(jnp.mean(blocks, axis=(1, 3))), *(f(spread) for f in (jnp.mean, jnp.std, jnp.max, jnp.min))]
  return jnp.concatenate([*found, jnp.log(jnp.stack(strengths) + _FAINT)])


def texture(image: Array) -> dict[str, Array]:
  """The groups of `SIZES` of one image (side, side), float, 0 to 1; finite whatever the image, if its pixels are.

  Raises: ValueError if it is not square with a side that eight divides.
  """
  if image.ndim != 2 or image.shape[0] != image.shape[1] or image.shape[0] % 8:
    raise ValueError(f"an image must be square with a side that 8 divides, not {image.shape}")
  radial, angular = _spectrum(image)
  bands = _bands(image)
  groups = {
    "radial": radial,
    "angular": angular,
    "patterns 1": _patterns(image, 1),
    "patterns 2": _patterns(image, 2),
    "bands": jnp.stack([number for band in bands for number in _moments(band)]),
    "scales": jnp.stack([_correlation(a, b) for a, b in itertools.pairwise(bands)]),
    "profiles": _profiles(image),
  }
  return {name: groups[name] for name in SIZES}


@jax.jit
def _chunk(images: Array) -> Array:
  return jax.vmap(lambda image: jnp.concatenate(list(texture(image).values())))(images)


def described(images: np.ndarray) -> np.ndarray:
  """(n, side, side) float, 0 to 1 -> (n, FEATURES) float32; raises ValueError as `texture` does."""
  images = np.asarray(images, np.float32)
  padded = np.concatenate([images, np.zeros((-len(images) % _CHUNK, *images.shape[1:]), np.float32)])
  chunks = [np.asarray(_chunk(padded[i : i + _CHUNK])) for i in range(0, len(padded), _CHUNK)]
  return np.concatenate([*chunks, np.zeros((0, FEATURES), np.float32)])[: len(images)]


def beside_template(image: np.ndarray, template: np.ndarray) -> np.ndarray:
  """Five numbers that a person takes from a black and white picture of a board and its template; (5,), `RULE`.

  Of all that differs only the spot near the centre counts (a patch is centred on the defect; far specks are the
  board's own jitter). Added or removed (1 or -1); how much of its rim is already of the new colour (-1 to 1); how many
  pieces of colour 1, and of colour 0, there are more with it (-2 to 2); a quarter of the logarithm of its pixels.
  All zero where nothing differs.

  Args:
    image, template: (side, side) of 0 and 1.
  """
  image, template = image.astype(bool), template.astype(bool)
  spots, count = scipy.ndimage.label(image != template, _EIGHT)
  if not count:
    return np.zeros(len(RULE), np.float32)
  down, across = np.indices(image.shape) - (image.shape[0] - 1) / 2
  near = scipy.ndimage.minimum(np.hypot(down, across), spots, np.arange(1, count + 1))
  pixels = np.bincount(spots.ravel())[1:]
  spot = spots == np.argmin(near - 0.15 * np.minimum(pixels, 60)) + 1  # 0.15: a speck must be nearer than a blot
  rim = scipy.ndimage.binary_dilation(spot, _EIGHT) & ~spot
  new = image[spot].mean() > 0.5
  touch = (template[rim] == new).mean() if rim.any() else 0.0

  def pieces(colour: np.ndarray) -> int:
    return int((np.bincount(scipy.ndimage.label(colour)[0].ravel())[1:] >= 6).sum())  # fewer pixels are a ragged edge

  after = np.where(spot, image, template)
  more = [np.clip(pieces(after == one) - pieces(template == one), -2, 2) for one in (True, False)]
  return np.asarray([1.0 if new else -1.0, 2 * touch - 1, *more, np.log1p(spot.sum()) / 4], np.float32)
