"""NEU surface defects: 1,800 pictures of hot-rolled steel strip, six kinds of defect, with boxes around the defects.

K. Song, Y. Yan, "A noise robust method based on completed local binary patterns for hot-rolled steel strip surface
defects", Applied Surface Science 285 (2013) 858-864. Publisher: Northeastern University, China,
http://faculty.neu.edu.cn/songkechen/zh_CN/zdylm/263270/list/, which states no licence and asks to cite.

What a reader must know:
- `image` is 64 x 64, shrunk from 200 x 200 with a box filter.
- There is no defect-free picture, and nothing tells which pictures were cut from one strip: `unit` is the picture.
- `defect` is the kind after which the publisher filed a picture. 188 boxes in 123 pictures are of another kind, so that
  a few pictures show two; `other_kinds` counts these boxes.
- `mask` is 1 where the centre of a pixel lies in a box of any kind: a rectangle, not the outline of the defect.
  It, `boxes` and `other_kinds` are answers, hence labels.
- The publisher's older NEU-CLS (Cr_1.bmp and so on) has no boxes and is not read.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_arrays, read_csv
from mtl_jax.data.images import BIT, GREY, named, read_grey, shrink, table_of
from mtl_jax.data.source import Source
from mtl_jax.data.table import Column, Facts, Table, validated

FILES = (
  File("boxes_200px.csv", 119073, "906cad38a3d51f62afc52ded60892637d7f8fba27afb66acfb7f69d5b041c82d"),
  File("neu_surface_64x64.npz", 5843450, "c224b7b79203eb968b0f590b68aebae8683b81455016192987ba31c8d053a247"),
)
DEFECTS = ("crazing", "inclusion", "patches", "pitted_surface", "rolled-in_scale", "scratches")
FACTS = Facts(
  rows=1800,
  counts={
    "defect": dict.fromkeys(DEFECTS, 300),
    "boxes": {1: 483, 2: 673, 3: 390, 4: 154, 5: 59, 6: 22, 7: 9, 8: 6, 9: 4},  # 4,189 in all, as published
  },
)
_FULL, _SIDE = 200, 64  # pixels
_BOXES = {
  "image_index": Column(low=0, kind="integer"),
  "class": Column(kind="text", among=DEFECTS),
  "xmin": Column("pixel", 1, _FULL, kind="integer"),
  "ymin": Column("pixel", 1, _FULL, kind="integer"),
  "xmax": Column("pixel", 1, _FULL, kind="integer"),
  "ymax": Column("pixel", 1, _FULL, kind="integer"),
}
_LABELS = {
  "defect": Column(kind="text", among=DEFECTS),
  "boxes": Column("1", 1, 50, kind="integer"),
  "other_kinds": Column("1", 0, 50, kind="integer"),
}


def _table(images: np.ndarray, names: Sequence[str], boxes: pd.DataFrame, where: Path) -> Table:
  boxes = validated(boxes, _BOXES, str(where)).astype(dict.fromkeys(set(_BOXES) - {"class"}, int))
  flat = (boxes["xmax"] <= boxes["xmin"]) | (boxes["ymax"] <= boxes["ymin"]) | (boxes["image_index"] >= len(names))
  if flat.any():
    raise DataError(f"{where}: box {int(flat.to_numpy().argmax()) + 1} has no area, or its picture is not there")
  defects = [name.rpartition("_")[0] for name in names]
  count, others = np.zeros((2, len(names)), np.int64)
  masks = np.zeros((len(names), _SIDE, _SIDE), np.uint8)
  centre = (np.arange(_SIDE) + 0.5) * _FULL / _SIDE
  for box in boxes.itertuples(index=False):
    at, kind, x0, y0, x1, y1 = box  # pixels count from 1 and the last is in the box
    count[at] += 1
    others[at] += kind != defects[at]
    masks[at] |= np.outer((centre > y0 - 1) & (centre < y1), (centre > x0 - 1) & (centre < x1)).astype(np.uint8)
  frame = pd.DataFrame({"unit": list(names), "defect": defects, "boxes": count, "other_kinds": others})
  return table_of(
    frame,
    str(where),
    images={"image": (images, GREY)},
    masks={"mask": (masks, BIT)},
    labels=_LABELS,
    groups={"unit": Column(kind="text")},
    key=("unit",),
  )


def _read(folder: Path) -> Table:
  """The pictures as one array, the boxes as a comma separated text in pixels of the 200 x 200 originals."""
  path = folder / FILES[1].name
  arrays = read_arrays(path, ("images", "labels", "class_names", "names"))
  table = _table(arrays["images"], arrays["names"].tolist(), read_csv(folder / FILES[0].name), folder)
  if (named(arrays["labels"], arrays["class_names"], f"{path}: labels") != table.labels["defect"]).any():
    raise DataError(f"{path}: a picture's label is not the kind in its name")
  return table


def _order(path: Path) -> tuple[str, int]:
  kind, _, number = path.stem.rpartition("_")
  if kind not in DEFECTS or not (number.isascii() and number.isdigit()):
    raise DataError(f"{path}: the name is not one of {', '.join(DEFECTS)} and a number")
  return kind, int(number)


def _boxes(path: Path, at: int) -> list[tuple[int | str | None, ...]]:
  """(index, kind, xmin, ymin, xmax, ymax) of each object of a Pascal VOC annotation."""
  if not path.is_file():
    raise DataError(f"{path} is missing")
  try:
    root = ElementTree.parse(path).getroot()
  except (ElementTree.ParseError, ValueError) as error:  # ValueError: an encoding that is not known
    raise DataError(f"{path} is no complete XML: {error}") from None
  if root.tag != "annotation" or [root.findtext(f"size/{side}") for side in ("width", "height")] != [str(_FULL)] * 2:
    raise DataError(f"{path}: no annotation of a picture of {_FULL} x {_FULL} pixels")
  found = [
    (at, each.findtext("name"), *(each.findtext(f"bndbox/{name}") for name in ("xmin", "ymin", "xmax", "ymax")))
    for each in root.iter("object")
  ]
  if not found:
    raise DataError(f"{path} has no object")
  return found


def _original(folder: Path) -> Table:
  """The publisher's NEU-DET: crazing_1.jpg and so on, crazing_1.xml with the boxes, in any folders."""
  paths = sorted(matching(folder, "*_*.jpg"), key=_order)
  notes = {path.stem: path for path in matching(folder, "*_*.xml")}
  rows = [row for at, path in enumerate(paths) for row in _boxes(notes.get(path.stem, path.with_suffix(".xml")), at)]
  images = np.stack([shrink(read_grey(path, _FULL), _SIDE) for path in paths])
  return _table(images, [path.stem for path in paths], pd.DataFrame(rows, columns=list(_BOXES)), folder)


SOURCE = Source(
  name="neu_surface",
  title="NEU surface defects: 1,800 pictures of hot-rolled steel strip, six kinds",
  publisher="http://faculty.neu.edu.cn/songkechen/zh_CN/zdylm/263270/list/",
  licence="not stated (publisher asks to cite; research use)",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  by_hand="Follow the publisher's page to NEU-DET and unpack it (IMAGES and ANNOTATIONS) into the folder neu_surface.",
)
load = SOURCE.load
