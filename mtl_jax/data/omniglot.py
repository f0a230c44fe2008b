"""Omniglot: 32,460 drawings of 1,623 characters of 50 alphabets, 20 of each.

B. M. Lake, R. Salakhutdinov, J. B. Tenenbaum, "Human-level concept learning through probabilistic program induction",
Science 350 (2015) 1332-1338. Publisher: https://github.com/brendenlake/omniglot, MIT. The split is that of O. Vinyals
et al., "Matching networks for one shot learning", NeurIPS 2016, as kept with J. Snell's prototypical networks.

What a reader must know:
- `image` is 28 x 28 of 0 and 1 (ink), shrunk from 105 x 105 with a box filter, ink where at least a quarter of a pixel
  is; the literature shrinks to grey levels. The copy's lossless omniglot_105x105_bits.npz is not read.
- `unit` is the character, and so is the label: whole characters are set aside, never drawings of one. Characters of
  one alphabet look alike; hold out "alphabet" for the harder question.
- `split` (train, val, test: 1,028, 172 and 423 characters) is the one of the usual few-shot tables; there each
  character gives four classes, turned by 0, 90, 180 and 270 degrees, which are not stored. It cuts through alphabets.
  `set` is the authors' own: background and evaluation share no alphabet.
- Drawers are numbered anew in each alphabet; `drawer` therefore begins with the alphabet's name.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from mtl_jax.data.folder import DataError, File, matching, read_arrays, read_csv
from mtl_jax.data.images import BIT, named, read_grey, read_lines, shrink, table_of, unpacked
from mtl_jax.data.source import Remote, Source
from mtl_jax.data.table import Column, Facts, Table, validated

FILES = (
  File("omniglot_28x28_bits.npz", 867406, "290cfac64148733aea1bd9ecb004f3d18fc3cc82e9e855d0ea4215e55f2eccc7"),
  File("vinyals_split.csv", 184302, "7f2d034796935a7df7aa2eade60fe717c84f86a19bdefb411b4a0938d2b5626a"),
)
FACTS = Facts(
  rows=32460,
  counts={
    "set": {"background": 964 * 20, "evaluation": 659 * 20},
    "split": {"train": 1028 * 20, "val": 172 * 20, "test": 423 * 20},
  },
)
_FULL, _SIDE = 105, 28  # pixels
_SETS = ("background", "evaluation")
_SPLITS = ("train", "val", "test")
_TURNS = [0, 90, 180, 270]  # degrees
_SPLIT = {
  "split": Column(kind="text", among=_SPLITS),
  "alphabet": Column(kind="text"),
  "character": Column("1", 1, 60, kind="integer"),
  "rotation": Column("degree", kind="integer", among=tuple(_TURNS)),
}
_TEXT = Column(kind="text")
_GROUPS = {
  "unit": _TEXT,
  "alphabet": _TEXT,
  "drawer": _TEXT,
  "set": Column(kind="text", among=_SETS),
  "split": _SPLIT["split"],
}


def _split_of(frame: pd.DataFrame, where: Path) -> dict[str, str]:
  """Character -> split; DataError unless each stands there once in every rotation, in one split."""
  frame = validated(frame, _SPLIT, str(where))
  characters = frame["alphabet"] + frame["character"].map("/character{:02.0f}".format)
  for character, rows in frame.groupby(characters):
    if sorted(rows["rotation"]) != _TURNS or rows["split"].nunique() != 1:
      raise DataError(f"{where}: {character} must have each of the rotations {_TURNS} once, in one split")
  return dict(zip(characters, frame["split"], strict=True))


def _table(images: np.ndarray, drawings: pd.DataFrame, split: dict[str, str], where: Path) -> Table:
  """The drawings with columns set, alphabet, character and drawer (numbers)."""
  unit = drawings["alphabet"] + drawings["character"].map("/character{:02d}".format)
  unknown = unit[~unit.isin(list(split))]
  if len(unknown) or set(split) - set(unit):
    odd = [*unknown, *sorted(set(split) - set(unit))][0]
    raise DataError(f"{where}: {odd} is not in both the drawings and the split")
  frame = pd.DataFrame(
    {
      "character": unit,
      "unit": unit,
      "alphabet": drawings["alphabet"],
      "drawer": drawings["alphabet"] + drawings["drawer"].map("/{:02d}".format),
      "set": drawings["set"],
      "split": unit.map(split),
    }
  )
  return table_of(
    frame,
    str(where),
    images={"image": (images, BIT)},
    labels={"character": _TEXT},
    groups=_GROUPS,
    key=("unit", "drawer"),
  )


def _read(folder: Path) -> Table:
  """The drawings in packed bits, the split as a comma separated text."""
  path = folder / FILES[0].name
  arrays = read_arrays(path, ("bits", "alphabet", "character", "drawer", "is_evaluation", "alphabet_names"))
  try:
    drawings = pd.DataFrame(
      {
        "set": np.where(arrays["is_evaluation"], "evaluation", "background"),
        "alphabet": named(arrays["alphabet"], arrays["alphabet_names"], f"{path}: alphabet"),
        "character": arrays["character"],
        "drawer": arrays["drawer"],
      }
    )
  except ValueError as error:
    raise DataError(f"{path}: {error}") from None
  split = _split_of(read_csv(folder / FILES[1].name), folder / FILES[1].name)
  return _table(unpacked(arrays["bits"], _SIDE, f"{path}: bits"), drawings, split, folder)


def _original(folder: Path) -> Table:
  """The publisher's images_background/<alphabet>/character01/0001_01.png and so on, as unpacked from the two archives,
  with train.txt, val.txt and test.txt of the split: lines of "<alphabet>/character01/rot000".
  """
  images, rows, numbers = [], [], {}
  for path in sorted(matching(folder.resolve(), "*_*.png"), key=lambda path: path.parts[-4:]):
    place, alphabet, character = (each.name for each in (path.parents[2], path.parents[1], path.parent))
    number, _, drawer = path.stem.partition("_")
    kind, digits = character[:-2], character[-2:]
    if place.removeprefix("images_") not in _SETS or kind != "character" or not (digits + number + drawer).isdecimal():
      raise DataError(f"{path}: expected images_background/<alphabet>/character<number>/<number>_<number>.png")
    if numbers.setdefault(number, path.parent) != path.parent:
      raise DataError(f"{path}: the number of its character is also in {numbers[number]}")
    ink = np.where(read_grey(path, _FULL) == 0, 255, 0).astype(np.uint8)
    images.append(shrink(ink, _SIDE) >= 64)  # a quarter of 255
    rows.append((place.removeprefix("images_"), alphabet, int(digits), int(drawer)))
  split = []
  for name in _SPLITS:
    lines = read_lines(matching(folder, f"{name}.txt")[0], r"([^/]+)/character(\d\d)/rot(\d{3})")
    split += [(name, alphabet, int(character), int(rotation)) for alphabet, character, rotation in lines]
  drawings = pd.DataFrame(rows, columns=["set", "alphabet", "character", "drawer"])
  where = folder / "train.txt, val.txt and test.txt"
  return _table(
    np.stack(images).astype(np.uint8), drawings, _split_of(pd.DataFrame(split, columns=list(_SPLIT)), where), folder
  )


_SNELL = "https://raw.githubusercontent.com/jakesnell/prototypical-networks/master/data/omniglot/splits/vinyals"
SOURCE = Source(
  name="omniglot",
  title="Omniglot: 32,460 drawings of 1,623 characters, 28 x 28, with the few-shot split",
  publisher="https://github.com/brendenlake/omniglot",
  licence="MIT",
  files=FILES,
  read=_read,
  facts=FACTS,
  original=_original,
  remote=(
    *(
      Remote(
        f"https://raw.githubusercontent.com/brendenlake/omniglot/master/python/images_{name}.zip",
        None,
        f"images_{name}.zip",
      )
      for name in _SETS
    ),
    *(Remote(f"{_SNELL}/{name}.txt", None, f"{name}.txt") for name in _SPLITS),
  ),
)
load = SOURCE.load
