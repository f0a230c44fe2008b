"""DeepPCB: 10,013 patches of 1,500 printed circuit boards, each with one of six defects, and the template without it.

S. Tang, F. He, X. Huang, J. Yang, "Online PCB defect detector on a new PCB defect dataset", arXiv:1902.06197.
Publisher: https://github.com/tangsanli5201/DeepPCB; MIT, and its page adds "You can only use this dataset for research
purpose".

What a reader must know:
- A row is one annotated defect: the 48 x 48 pixels around the centre of its box, cut from the 640 x 640 picture of the
  tested board (`image`) and of its template (`template`). Pixels are 0 or 1 (grey above 127), outside the picture 0. Of
  2,036 boxes with a side above 48 pixels the patch shows the middle.
- Patches of one board overlap and a board's neighbours in its family share the layout: `unit` is the board, and
  "board family" (11 of them) is what to hold out to see how well something transfers.
- The published `split` (1,000 and 500 boards) takes both parts from the same families: 7 of the 11 are in both.
- Most defects were drawn onto pictures of real boards by hand.
- x1, y1, x2, y2 are the box in the 640 x 640 picture: what a detector would predict, hence labels.
- Type 5, "copper", is spurious copper; 1,474 of it are in the publisher's files, where 1,493 are also quoted.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_arrays, read_csv
from mtl_jax.data.images import BIT, named, read_grey, read_lines, table_of, unpacked
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, validated

FILES = (
  File("boxes_640px.csv", 454416, "6b6e5ce6e23b6df400b78d1a88383dbb260dd32ede13ed5b856a9ce9e51f87d3"),
  File(
    "deeppcb_defect_patches_48x48_bits.npz", 677313, "8d3e334ee73d7f1127f4da0e2512ba858b6176510fb74160c897effb2a2e21e4"
  ),
)
_COUNTS = {"open": 1942, "short": 1506, "mousebite": 1965, "spur": 1625, "copper": 1474, "pin-hole": 1501}
DEFECTS = tuple(_COUNTS)  # types 1 to 6
FACTS = Facts(rows=10013, counts={"defect": _COUNTS, "split": {"trainval": 6873, "test": 3140}})
_FULL, _SIDE = 640, 48  # pixels
_AT = Column("pixel", 0, _FULL, kind="integer")
_BOXES = {
  "image": Column(low=0, high=99_999_999, kind="integer"),
  "group": Column(kind="text"),
  "split": Column(kind="text"),
  **dict.fromkeys(("x1", "y1", "x2", "y2"), _AT),
  "type": Column(kind="integer", among=(1, 2, 3, 4, 5, 6)),
}
_LABELS = {"defect": Column(kind="text", among=DEFECTS), "x1": _AT, "y1": _AT, "x2": _AT, "y2": _AT}
_GROUPS = {
  "unit": Column(kind="text"),
  "board family": Column(kind="text"),
  "split": Column(kind="text", among=("trainval", "test")),
}


def _table(images: np.ndarray, templates: np.ndarray, boxes: pd.DataFrame, where: Path) -> Table:
  """The boxes with columns image, group, split, x1, y1, x2, y2 and defect."""
  flat = (boxes["x2"] <= boxes["x1"]) | (boxes["y2"] <= boxes["y1"])
  if flat.any():
    raise DataError(f"{where}: box {int(flat.to_numpy().argmax()) + 1} has no area")
  return table_of(
    boxes.rename(columns={"image": "unit", "group": "board family"}),
    str(where),
    images={"image": (images, BIT), "template": (templates, BIT)},
    labels=_LABELS,
    groups=_GROUPS,
    key=("unit", "defect", "x1", "y1", "x2", "y2"),
  )


def _read(folder: Path) -> Table:
  """The patches in packed bits, the boxes as a comma separated text in the same order."""
  path = folder / FILES[1].name
  arrays = read_arrays(path, ("test_bits", "template_bits", "labels"))
  boxes = validated(read_csv(folder / FILES[0].name), _BOXES, str(folder / FILES[0].name))
  boxes["image"] = boxes["image"].astype(int).map("{:08d}".format)
  boxes["defect"] = named(arrays["labels"].astype(int) - 1, DEFECTS, f"{path}: labels")
  if len(boxes) != len(arrays["labels"]) or (boxes["type"] != arrays["labels"]).any():
    raise DataError(f"{path}: the labels are not the types of {FILES[0].name}")
  images, templates = (unpacked(arrays[name], _SIDE, f"{path}: {name}") for name in ("test_bits", "template_bits"))
  return _table(images, templates, boxes, folder)


def _patches(path: Path, centres: list[tuple[int, int]]) -> list[np.ndarray]:
  half = _SIDE // 2
  board = np.pad((read_grey(path, _FULL) > 127).astype(np.uint8), half)
  return [board[y : y + _SIDE, x : x + _SIDE] for x, y in centres]  # the padding moves a centre by half


def _original(folder: Path) -> Table:
  """The publisher's PCBData: trainval.txt and test.txt, of a line
  "group00041/00041/00041000.jpg group00041/00041_not/00041000.txt" for 00041000_test.jpg, 00041000_temp.jpg and a
  text of "x1 y1 x2 y2 type" lines.
  """
  place = matching(folder, "trainval.txt")[0].parent
  pattern = r"(group\d{5})/(\d{5})/(\d{8})\.jpg \1/(\2_not)/\3\.txt"
  listed = [
    (board, family, inner, notes, split)
    for split in ("trainval", "test")
    for family, inner, board, notes in read_lines(place / f"{split}.txt", pattern)
  ]
  images, templates, rows = [], [], []
  for board, family, inner, notes, split in sorted(listed):
    numbers = read_lines(place / family / notes / f"{board}.txt", r"(\d{1,3}) (\d{1,3}) (\d{1,3}) (\d{1,3}) ([1-6])")
    boxes = [tuple(map(int, line)) for line in numbers]
    centres = [((x1 + x2) // 2, (y1 + y2) // 2) for x1, y1, x2, y2, _ in boxes]
    images += _patches(place / family / inner / f"{board}_test.jpg", centres)
    templates += _patches(place / family / inner / f"{board}_temp.jpg", centres)
    rows += [(board, family, split, *box[:4], DEFECTS[box[4] - 1]) for box in boxes]
  names = ["image", "group", "split", "x1", "y1", "x2", "y2", "defect"]
  return _table(np.stack(images), np.stack(templates), pd.DataFrame(rows, columns=names), folder)


SOURCE = Source(
  name="deeppcb",
  title="DeepPCB: 10,013 patches of printed circuit boards with their templates, six kinds of defect",
  publisher="https://github.com/tangsanli5201/DeepPCB",
  licence='MIT; the page adds "You can only use this dataset for research purpose"',
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(Remote("https://github.com/tangsanli5201/DeepPCB/archive/refs/heads/master.zip", None, "deeppcb.zip"),),
)
load = SOURCE.load
