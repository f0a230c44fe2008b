"""Magnetic tile surface defects: 1,344 pictures, five kinds of defect and "Free", with pixel masks.

Y. Huang, C. Qiu, K. Yuan, "Surface defect saliency of magnetic tile", The Visual Computer 36 (2020) 85-96. Publisher:
https://github.com/abin24/Magnetic-tile-defect-datasets. (the full stop belongs to it), which states no licence.

What a reader must know:
- The same tile stands in the set up to six times, under other exposures, and nothing in the names tells so: splitting
  by picture takes a simple classifier from 0.60 to 0.97. `unit` is therefore a group of near-duplicates, computed here:
  pictures that correlate above 0.8 after a high-pass filter (see `near_duplicates`), and whatever hangs together by
  such pairs. It is named after its first picture. Groups are an estimate: 266 come out where 1,344 pictures at six
  exposures would make 224; 123 of them have six pictures, 67 have one, and the largest, of look-alike tiles, has 78.
- `image` and `mask` are 64 x 64, squeezed to a square from 103 to 632 by 222 to 403 pixels: the aspect ratio is lost.
  The size of the original is no column, for it belongs to the cut-out, not to the tile.
- `mask` is 1 where any part of a pixel is marked as defect; an answer, hence a label. Free tiles have an empty one, and
  so do 4 tiles of kind Uneven.
- `exposure` is the first part of the name, exp0 to exp6; exp0 has three pictures.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import scipy

from mtl_jax.data.folder import DataError, File, matching, read_arrays
from mtl_jax.data.images import BIT, GREY, named, read_grey, shrink, table_of, unpacked
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table

FILES = (File("magnetic_tile_64x64.npz", 4633940, "f380d2002306e0e8cbb8c935c5e3161f5a3a99b9e7b32a7c7808ddf15e56375b"),)
_COUNTS = {"Free": 952, "Blowhole": 115, "Break": 85, "Crack": 57, "Fray": 32, "Uneven": 103}
FACTS = Facts(rows=1344, counts={"defect": _COUNTS})
_SIDE = 64  # pixels
_LABELS = {"defect": Column(kind="text", among=tuple(_COUNTS))}
_GROUPS = {
  "unit": Column(kind="text"),
  "recording": Column(kind="text"),
  "exposure": Column(kind="text", among=tuple(f"exp{n}" for n in range(7))),
}


def near_duplicates(images: np.ndarray, above: float = 0.8) -> np.ndarray:
  """(rows,) integers: which group of near-duplicates a picture belongs to.

  Noise goes with a Gaussian of 1 pixel, shading with one of 6 pixels, and what is left is divided by its local
  strength, so that an edge does not outweigh the texture. On this set 90 % of the pictures with a defect then have a
  near-twin. In float64, lest rounding decides about a pair.

  Args:
    images: (rows, height, width) grey levels.
    above: correlation from which two pictures are near-duplicates.
  """
  grey = images.astype(np.float64)
  texture = scipy.ndimage.gaussian_filter(grey, (0, 1, 1)) - scipy.ndimage.gaussian_filter(grey, (0, 6, 6))
  texture /= np.sqrt(scipy.ndimage.gaussian_filter(texture**2, (0, 6, 6)) + 4.0)  # 4: below 2 grey levels it is noise
  flat = texture.reshape(len(images), -1)
  flat -= flat.mean(axis=1, keepdims=True)
  flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-6)
  return scipy.sparse.csgraph.connected_components(flat @ flat.T > above, directed=False)[1]


def _table(images: np.ndarray, masks: np.ndarray, defects: np.ndarray, names: np.ndarray, where: Path) -> Table:
  exposures = [name.partition("_")[0] for name in names.tolist()]
  frame = pd.DataFrame({"defect": defects, "recording": names, "exposure": exposures})
  frame["unit"] = frame.groupby(near_duplicates(images))["recording"].transform("first")
  marked = (masks[frame["defect"] == "Free"] > 0).any()
  if marked:
    raise DataError(f"{where}: a tile without a defect has one in its mask")
  return table_of(
    frame,
    str(where),
    images={"image": (images, GREY)},
    masks={"mask": (masks, BIT)},
    labels=_LABELS,
    groups=_GROUPS,
    key=("recording",),
  )


def _read(folder: Path) -> Table:
  """One array of pictures, one of masks in packed bits."""
  path = folder / FILES[0].name
  arrays = read_arrays(path, ("images", "masks_bits", "labels", "class_names", "names"))
  defects = named(arrays["labels"], arrays["class_names"], f"{path}: labels")
  return _table(
    arrays["images"], unpacked(arrays["masks_bits"], _SIDE, f"{path}: masks"), defects, arrays["names"], path
  )


def _original(folder: Path) -> Table:
  """The publisher's MT_Blowhole/Imgs/exp1_num_108719.jpg and so on, with a .png of the mask beside each."""
  images, masks, defects, names = [], [], [], []
  for path in sorted(matching(folder, "exp*_num_*.jpg"), key=lambda path: (path.parts[-3:], path)):
    kind = path.parent.parent.name
    if kind.removeprefix("MT_") not in _COUNTS:
      raise DataError(f"{path}: {kind} is none of {', '.join(f'MT_{name}' for name in _COUNTS)}")
    image, mask = read_grey(path), read_grey(path.with_suffix(".png"))
    if image.shape != mask.shape:
      raise DataError(f"{path}: the picture has shape {image.shape}, its mask {mask.shape}")
    images.append(shrink(image, _SIDE))
    masks.append((shrink(mask, _SIDE) > 0).astype(np.uint8))
    defects.append(kind.removeprefix("MT_"))
    names.append(path.stem)
  return _table(np.stack(images), np.stack(masks), np.array(defects), np.array(names), folder)


SOURCE = Source(
  name="magnetic_tile",
  title="Magnetic tile surface defects: 1,344 pictures with masks, five kinds and none",
  publisher="https://github.com/abin24/Magnetic-tile-defect-datasets.",
  licence='not stated (publisher: "It is welcomed to use our dataset", cite the paper)',
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    Remote(
      "https://github.com/abin24/Magnetic-tile-defect-datasets./archive/refs/heads/master.zip",
      None,
      "magnetic_tile.zip",
    ),
  ),
)
load = SOURCE.load
