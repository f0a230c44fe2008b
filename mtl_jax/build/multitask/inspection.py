"""Three image inspections: which defect steel strip, a magnetic tile and a circuit board have."""

import numpy as np

from mtl_jax.build.multitask.contract import Target, split
from mtl_jax.build.multitask.sides import Source, by_side, dealt, scaled
from mtl_jax.data import deeppcb, magnetic_tile, neu_surface
from mtl_jax.data.table import Table
from mtl_jax.tasks import texture

BOARDS = 500  # of 1,500: 300 to learn from, with about 2,000 defects


def _half(image: np.ndarray) -> np.ndarray:
  """(n, side, side) -> (n, side/2, side/2), means of 2 x 2 pixels."""
  n, side, _ = image.shape
  return image.reshape(n, side // 2, 2, side // 2, 2).mean((2, 4))


def _inspected(task: str, table: Table, x: np.ndarray, features: np.ndarray) -> Source:
  """Whole units to the sides, defects as evenly as the units allow.

  Args:
    x: (n, height, width, channels); a channel is scaled as one, so that no pixel has a scale of its own.
  """
  names, label = np.unique(table.labels["defect"], return_inverse=True)
  unit = table.groups["unit"]
  side = dealt(unit, label)
  learn = side == "training"
  parts = split(side, scaled(x, learn, (0, 1, 2)), {task: label}, unit, scale=False)
  return Source(parts, {task: Target("class", tuple(names.tolist()))}, by_side(scaled(features, learn), side))


def _grey(task: str, table: Table) -> Source:
  image = table.columns["image"].astype(np.float32) / 255
  return _inspected(task, table, _half(image)[..., None], texture.described(image))


def strip() -> Source:
  """1,800 pictures of steel strip, 32 x 32; nothing tells which were cut from one strip.

  A unit is a picture; four times it is two, one of them twice the same, by the rule that groups magnetic tiles.
  """
  table = neu_surface.load()
  alike = magnetic_tile.near_duplicates(table.columns["image"])
  return _grey("steel defect", table._replace(groups={"unit": alike}))


def tile() -> Source:
  """1,344 pictures of magnetic tiles, 32 x 32, most without a defect; a unit is a group of near-duplicates.

  Few: of "Fray" there are 32 pictures in 11 groups, so that a side has two or three of them.
  """
  return _grey("tile defect", magnetic_tile.load())


def board() -> Source:
  """Patches of circuit boards beside their templates, 24 x 24 x 2; a unit is a board, of which some are drawn.

  Boards of a family share their layout, and families are on all sides: of 1,322 patches that are asked about 9 are, at
  this size, also among those learned from.
  """
  table = deeppcb.load()
  boards = np.random.default_rng(0).permutation(np.unique(table.groups["unit"]))[:BOARDS]
  table = table.take(np.isin(table.groups["unit"], boards))
  pair = [table.columns[name].astype(np.float32) for name in ("image", "template")]
  rule = np.stack([texture.beside_template(*both) for both in zip(*pair, strict=True)])
  features = np.concatenate([texture.described(pair[0]), rule], axis=1)
  return _inspected("board defect", table, np.stack([_half(image) for image in pair], axis=-1), features)
