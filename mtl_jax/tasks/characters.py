"""Drawn characters as classes, each also turned by 90, 180 and 270 degrees, which counts as another character.

The augmentation of A. Santoro et al., "Meta-learning with memory-augmented neural networks", ICML 2016, which the usual
few-shot tables of Omniglot share. A drawing and the same one turned can therefore meet in an episode, as two classes.
"""

import jax.numpy as jnp
import numpy as np

from mtl_jax.data import Table
from mtl_jax.tasks.pool import Pool, lay_out

TURNS = 4


def pool(table: Table, split: str) -> Pool:
  """The drawings of a split of `data.omniglot` as one unit of 4 classes for each character.

  x is (1, classes, drawings, 28, 28, 1) uint8, 1 for ink. Classes 4 i to 4 i + 3 are the i-th character by name.

  Raises: ValueError if the table has no such split.
  """
  mine = table.groups["split"] == split
  if not mine.any():
    raise ValueError(f"split {split!r} is none of {', '.join(sorted(set(table.groups['split'])))}")
  images = table.columns["image"][mine]
  character = np.unique(table.labels["character"][mine], return_inverse=True)[1]
  x = np.concatenate([np.rot90(images, turn, axes=(1, 2)) for turn in range(TURNS)])[..., None]
  label = np.concatenate([TURNS * character + turn for turn in range(TURNS)])
  rows = np.arange(len(x))
  return lay_out(jnp.asarray(x), label, np.zeros(len(x), np.int32), rows, TURNS * (character.max() + 1))
