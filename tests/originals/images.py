"""Small samples of the sets of pictures in their publishers' own formats: JPEG, PNG, Pascal VOC, lists and IDX."""

import gzip
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from mtl_jax.data import Facts, deeppcb, fashion_mnist, magnetic_tile, neu_surface, omniglot

_BOX = """\t<object>
\t\t<name>{}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>1</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{}</xmin>
\t\t\t<ymin>{}</ymin>
\t\t\t<xmax>{}</xmax>
\t\t\t<ymax>{}</ymax>
\t\t</bndbox>
\t</object>
"""
_NOTE = """<annotation>
\t<folder>{}</folder>
\t<filename>{}.jpg</filename>
\t<source>
\t\t<database>NEU-DET</database>
\t</source>
\t<size>
\t\t<width>200</width>
\t\t<height>200</height>
\t\t<depth>1</depth>
\t</size>
\t<segmented>0</segmented>
{}</annotation>
"""


def _texture(rng: np.random.Generator, width: int, height: int, cells: int = 40) -> np.ndarray:
  """(height, width) grey levels: a grain of `cells` a side, as strong as that of ground steel."""
  grain = Image.fromarray(rng.normal(120.0, 30.0, (cells, cells)).astype(np.float32))
  return np.asarray(grain.resize((width, height), Image.Resampling.BICUBIC))


def _grey(image: np.ndarray) -> Image.Image:
  return Image.fromarray(image.clip(0, 255).round().astype(np.uint8))


def neu(folder: Path) -> Facts:
  """IMAGES and ANNOTATIONS; JPEGs of three equal channels, one box of another kind than its picture."""
  rng = np.random.default_rng(1)
  place = folder / "NEU-DET"
  boxes = {
    "crazing_2": [("crazing", 99, 120, 200, 174), ("crazing", 8, 16, 200, 111)],
    "crazing_10": [("crazing", 2, 2, 193, 194)],
    "inclusion_1": [("inclusion", 60, 1, 85, 200)],
    "rolled-in_scale_7": [
      ("rolled-in_scale", 20, 30, 140, 150),
      ("scratches", 150, 1, 170, 180),
      ("patches", 1, 1, 9, 9),
    ],
    "scratches_300": [("scratches", 88, 1, 200, 34)],
  }
  for name, some in boxes.items():
    for sub in ("IMAGES", "ANNOTATIONS"):
      (place / sub).mkdir(parents=True, exist_ok=True)
    _grey(_texture(rng, 200, 200)).convert("RGB").save(place / "IMAGES" / f"{name}.jpg", quality=90)
    text = _NOTE.format(name[:2], name, "".join(_BOX.format(*box) for box in some))
    (place / "ANNOTATIONS" / f"{name}.xml").write_bytes(text.encode("ascii"))
  return Facts(
    len(boxes),
    {
      "unit": dict.fromkeys(boxes, 1),
      "defect": {"crazing": 2, "inclusion": 1, "rolled-in_scale": 1, "scratches": 1},
      "boxes": {1: 3, 2: 1, 3: 1},
      "other_kinds": {0: 4, 2: 1},
    },
  )


def tiles(folder: Path) -> Facts:
  """Five tiles, two of them again under another exposure and cut out a little wider; one Uneven mask is empty."""
  rng = np.random.default_rng(2)
  seen = (  # kind, its pictures, width, height
    ("Blowhole", ("exp1_num_108719",), 248, 373),
    ("Crack", ("exp1_num_249594", "exp3_num_4406"), 219, 264),
    ("Free", ("exp0_num_743", "exp4_num_1877"), 123, 286),
    ("Free", ("exp2_num_75106",), 265, 375),
    ("Uneven", ("exp6_num_628",), 120, 293),
  )
  for kind, names, width, height in seen:
    texture = _texture(rng, width, height)
    place = folder / "master" / f"MT_{kind}" / "Imgs"
    place.mkdir(parents=True, exist_ok=True)
    for again, name in enumerate(names):
      size = (width + 3 * again, height)
      exposed = np.asarray(Image.fromarray(texture).resize(size)) * (1.0 - 0.4 * again) + 20.0 * again
      _grey(exposed + rng.normal(0.0, 1.0, exposed.shape)).save(place / f"{name}.jpg", quality=90)
      mask = Image.new("L", size)
      if kind in ("Blowhole", "Crack"):
        ImageDraw.Draw(mask).line((30, 40, width - 30, height // 2), fill=255, width=4)
      mask.save(place / f"{name}.png")
  return Facts(
    7,
    {
      "unit": {names[0]: len(names) for _, names, *_ in seen},
      "recording": dict.fromkeys((name for _, names, *_ in seen for name in names), 1),
      "defect": {"Blowhole": 1, "Crack": 2, "Free": 3, "Uneven": 1},
      "exposure": {"exp0": 1, "exp1": 2, "exp2": 1, "exp3": 1, "exp4": 1, "exp6": 1},
    },
  )


def boards(folder: Path) -> Facts:
  """Four boards of two families; neither the lists nor one of the annotations end their last line."""
  rng = np.random.default_rng(3)
  place = folder / "DeepPCB-master" / "PCBData"
  listed: dict[str, list[str]] = {"trainval": [], "test": []}
  units, defects = Counter[str](), Counter[str]()
  splits = Counter[str]()
  for number, (board, split) in enumerate(
    (("20085000", "trainval"), ("20085001", "test"), ("00041000", "trainval"), ("00041007", "test"))
  ):
    family = board[:5]
    pictures, notes = place / f"group{family}" / family, place / f"group{family}" / f"{family}_not"
    for sub in (pictures, notes):
      sub.mkdir(parents=True, exist_ok=True)
    template = Image.new("L", (640, 640))
    draw = ImageDraw.Draw(template)
    for x in range(20, 640, 40 + 6 * number):
      draw.line((x, 0, x, 639), fill=255, width=12)
    tested, lines = template.copy(), []
    draw = ImageDraw.Draw(tested)
    for kind in rng.integers(1, 7, 5 + number).tolist():
      x, y, wide, high = (*rng.integers(0, 560, 2).tolist(), *rng.integers(20, 75, 2).tolist())
      draw.ellipse((x + 8, y + 8, x + wide - 8, y + high - 8), fill=255 * (kind % 2))
      lines.append(f"{x} {y} {x + wide} {y + high} {kind}")
      units[board] += 1
      defects[("open", "short", "mousebite", "spur", "copper", "pin-hole")[kind - 1]] += 1
      splits[split] += 1
    template.save(pictures / f"{board}_temp.jpg", quality=90)
    tested.save(pictures / f"{board}_test.jpg", quality=90)
    (notes / f"{board}.txt").write_bytes(("\n".join(lines) + ("\n" if number else "")).encode("ascii"))
    listed[split].append(f"group{family}/{family}/{board}.jpg group{family}/{family}_not/{board}.txt")
  for split, lines in listed.items():
    (place / f"{split}.txt").write_bytes("\n".join(lines).encode("ascii"))
  families = Counter(
    {f"group{family}": sum(n for b, n in units.items() if b[:5] == family) for family in ("00041", "20085")}
  )
  return Facts(sum(units.values()), {"unit": units, "defect": defects, "split": splits, "board family": families})


def characters(folder: Path) -> Facts:
  """Three characters of two alphabets with 20 drawings each, PNGs of one bit; the split's three lists."""
  rng = np.random.default_rng(4)
  known = (
    ("background", "Greek", 1, 394, "train"),
    ("background", "Greek", 2, 395, "val"),
    ("evaluation", "Ge_ez", 1, 1043, "test"),
  )
  for part, alphabet, character, number, split in known:
    place = folder / f"images_{part}" / alphabet / f"character{character:02d}"
    place.mkdir(parents=True)
    strokes = rng.integers(15, 90, (4, 2))
    for drawer in range(1, 21):
      paper = Image.new("1", (105, 105), 1)
      points = (strokes + rng.integers(-4, 5, strokes.shape)).ravel().tolist()
      ImageDraw.Draw(paper).line(points, fill=0, width=3)
      paper.save(place / f"{number:04d}_{drawer:02d}.png")
    lines = [f"{alphabet}/character{character:02d}/rot{turn:03d}\n" for turn in (0, 90, 180, 270)]
    (folder / f"{split}.txt").write_bytes("".join(lines).encode("ascii"))
  names = {f"{alphabet}/character{character:02d}": 20 for _, alphabet, character, *_ in known}
  drawers = {f"{alphabet}/{d:02d}": n for alphabet, n in (("Greek", 2), ("Ge_ez", 1)) for d in range(1, 21)}
  return Facts(
    60,
    {
      "unit": names,
      "character": names,
      "alphabet": {"Greek": 40, "Ge_ez": 20},
      "drawer": drawers,
      "set": {"background": 40, "evaluation": 20},
      "split": {"train": 20, "val": 20, "test": 20},
    },
  )


def clothes(folder: Path) -> Facts:
  """IDX files in gzip, with the file's name in the header as the publisher's have it."""
  rng = np.random.default_rng(5)
  for part, rows in (("train", 40), ("t10k", 20)):
    labels = rng.permutation(np.arange(rows) % 10).astype(np.uint8)
    images = rng.integers(0, 256, (rows, 28, 28)).astype(np.uint8)
    for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
      axes = np.array(array.shape, ">u4").tobytes()
      with (
        (folder / f"{part}-{kind}-ubyte.gz").open("wb") as stream,
        gzip.GzipFile(f"{part}-{kind}-ubyte", "wb", fileobj=stream, mtime=0) as packed,
      ):
        packed.write(bytes((0, 0, 8, array.ndim)) + axes + array.tobytes())
  units = [f"train/{n:05d}" for n in range(40)] + [f"test/{n:05d}" for n in range(20)]
  return Facts(
    60,
    {
      "unit": dict.fromkeys(units, 1),
      "article": dict.fromkeys(fashion_mnist.ARTICLES, 6),
      "split": {"train": 40, "test": 20},
    },
  )


SAMPLES = [
  (neu_surface.SOURCE, neu),
  (magnetic_tile.SOURCE, tiles),
  (deeppcb.SOURCE, boards),
  (omniglot.SOURCE, characters),
  (fashion_mnist.SOURCE, clothes),
]
