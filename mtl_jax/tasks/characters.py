"""Drawn characters as classes, each also turned by 90, 180 and 270 degrees, which counts as another character.

The augmentation of A. Santoro et al., "Meta-learning with memory-augmented neural networks", ICML 2016, which the usual
few-shot tables of Omniglot share. A drawing and the same one turned can therefore meet in an episode, as two classes.
"""

import jax.numpy as jnp
import numpy as np

from mtl_jax.tasks.pool import Pool, lay_out

TURNS = 4


def pool(images: np.ndarray, character: np.ndarray) -> Pool:
  """Drawings as one unit of 4 classes for each character.

  Args:
    images: (drawings, side, side) uint8, such as 0 and 1.
    character: (drawings,) whose drawing each is: numbers or names.

  Returns: x (1, classes, drawings, side, side, 1); classes 4 i to 4 i + 3 are turns of the i-th character, as sorted.
  """
  number = np.unique(character, return_inverse=True)[1]
  x = np.concatenate([np.rot90(images, turn, axes=(1, 2)) for turn in range(TURNS)])[..., None]
  label = np.concatenate([TURNS * number + turn for turn in range(TURNS)])
  rows = np.arange(len(x))
  return lay_out(jnp.asarray(x), label, np.zeros(len(x), np.int32), rows, TURNS * (int(number.max()) + 1))
