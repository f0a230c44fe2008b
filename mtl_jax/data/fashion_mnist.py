"""Fashion-MNIST: 70,000 grey pictures of 28 x 28 pixels, ten kinds of clothes.

H. Xiao, K. Rasul, R. Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms",
arXiv:1708.07747. Publisher: https://github.com/zalandoresearch/fashion-mnist, MIT.

What a reader must know:
- The files have the names of MNIST's; the counts of the kinds tell them apart.
- A picture is a product of its own as far as is known: `unit` is the split and the place in its file, from 0.
- The project's copy has no file name in the gzip headers, so that its checksums are not the publisher's; the pictures
  are the same, and both are read by the same code.
- It is a control (rotated or permuted variants as tasks), not data of a factory.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching
from mtl_jax.data.images import GREY, named, table_of
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table

FILES = (
  File("train-images-idx3-ubyte.gz", 26421856, "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7"),
  File("train-labels-idx1-ubyte.gz", 29491, "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056"),
  File("t10k-images-idx3-ubyte.gz", 4422079, "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa"),
  File("t10k-labels-idx1-ubyte.gz", 5125, "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05"),
)
ARTICLES = (
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
)  # classes 0 to 9
FACTS = Facts(
  rows=70_000, counts={"article": dict.fromkeys(ARTICLES, 7000), "split": {"train": 60_000, "test": 10_000}}
)
_SIDE = 28  # pixels
_SPLITS = {"train": "train", "t10k": "test"}  # in a file's name: as it is called


def _idx(path: Path, shape: tuple[int, ...]) -> np.ndarray:
  """(items, *shape) uint8 of an IDX file: two zeros, type 8, the number of axes, each axis as 32 bits, big-endian."""
  try:
    data = gzip.decompress(path.read_bytes())
  except (OSError, EOFError, zlib.error) as error:
    raise DataError(f"{path} is no complete gzip file: {error}") from None
  start = 4 + 4 * (1 + len(shape))
  if len(data) < start or data[:4] != bytes((0, 0, 8, 1 + len(shape))):
    raise DataError(f"{path}: no IDX file of bytes with {1 + len(shape)} axes")
  axes = tuple(np.frombuffer(data, ">u4", 1 + len(shape), 4).tolist())
  if axes[1:] != shape or len(data) != start + int(np.prod(axes)):
    raise DataError(f"{path}: {len(data)} bytes with axes {axes}, expected axes (items, {', '.join(map(str, shape))})")
  return np.frombuffer(data, np.uint8, offset=start).reshape(axes)


def _read(folder: Path) -> Table:
  """The four IDX files, in any folders; those of the project's copy and the publisher's alike."""
  images, frames = [], []
  for part, split in _SPLITS.items():
    pictures = _idx(matching(folder, f"{part}-images-idx3-ubyte.gz")[0], (_SIDE, _SIDE))
    path = matching(folder, f"{part}-labels-idx1-ubyte.gz")[0]
    labels = _idx(path, ())
    if len(labels) != len(pictures):
      raise DataError(f"{path}: {len(labels)} labels for {len(pictures)} pictures")
    unit = [f"{split}/{at:05d}" for at in range(len(labels))]
    frames.append(pd.DataFrame({"article": named(labels, ARTICLES, str(path)), "unit": unit, "split": split}))
    images.append(pictures)
  return table_of(
    pd.concat(frames),
    str(folder),
    images={"image": (np.concatenate(images), GREY)},
    labels={"article": Column(kind="text", among=ARTICLES)},
    groups={"unit": Column(kind="text"), "split": Column(kind="text", among=tuple(_SPLITS.values()))},
    key=("unit",),
  )


SOURCE = Source(
  name="fashion_mnist",
  title="Fashion-MNIST: 70,000 grey pictures of 28 x 28, ten kinds of clothes",
  publisher="https://github.com/zalandoresearch/fashion-mnist",
  licence="MIT",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_read,
  remote=tuple(
    Remote(f"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/{name}", None, name)
    for name, *_ in FILES
  ),
)
load = SOURCE.load
