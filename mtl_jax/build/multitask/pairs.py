"""Two articles of clothing on one picture: the pair of tasks on which multi-task optimisation is compared.

S. Sabour, N. Frosst, G. E. Hinton, "Dynamic routing between capsules", NeurIPS 2017, section 6 (MultiMNIST); O. Sener,
V. Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018, section 5.1 (one digit at the top left,
one at the bottom right); X. Lin et al., "Pareto multi-task learning", NeurIPS 2019, section 5 (MultiFashion).
"""

import numpy as np

from mtl_jax.build.multitask.contract import Problem, Target, split
from mtl_jax.build.multitask.sides import SIDES, Source, by_side, joined, scaled
from mtl_jax.data import fashion_mnist
from mtl_jax.trust import leak_audit

FRAME, SIDE = 36, 28  # pixels
TRAINING, VALIDATION = 20_000, 5_000  # pairs of the published training pictures
TASKS = ("top left", "bottom right")


def overlaid(one: np.ndarray, other: np.ndarray) -> np.ndarray:
  """(n, 18, 18) float32: one picture at the top left of 36 x 36 pixels and the other at the bottom right, the brighter
  pixel of both where they meet, then means of 2 x 2 pixels.

  Args:
    one, other: (n, 28, 28).
  """
  frame = np.zeros((len(one), FRAME, FRAME), np.float32)
  frame[:, :SIDE, :SIDE] = one
  corner = frame[:, -SIDE:, -SIDE:]
  np.maximum(corner, other, out=corner)
  half = FRAME // 2
  return frame.reshape(-1, half, 2, half, 2).mean((2, 4))


def pairs() -> Problem:
  """Which article is at the top left and which at the bottom right, of ten.

  20,000 pairs to learn from and 5,000 to validate are of the published training pictures, 5,000 to test of the test
  pictures. No picture is used twice, so that a unit is a pair; the papers make as many pairs as there are pictures.
  Halved, for the time on a CPU: a step of a network of three convolutions on 128 pairs took 15 ms, on 36 x 36 60 ms
  (strides of 2, 16 to 64 channels, two shared cores).
  """
  table = fashion_mnist.load()
  rng = np.random.default_rng(0)
  known, asked = (rng.permutation(np.flatnonzero(table.groups["split"] == name)) for name in ("train", "test"))
  known = known[: 2 * (TRAINING + VALIDATION)]
  picture = np.concatenate([known, asked]).reshape(-1, 2)  # (pairs, 2)
  side = np.repeat(SIDES, (TRAINING, VALIDATION, len(asked) // 2))
  leak_audit("picture", by_side(picture, side))
  x = overlaid(*(table.columns["image"][column] for column in picture.T))
  x = scaled(x, side == "training", (0, 1, 2))
  names, label = np.unique(table.labels["article"], return_inverse=True)
  y = {task: label[column] for task, column in zip(TASKS, picture.T, strict=True)}
  parts = split(side, x[..., None], y, np.arange(len(side)), scale=False)
  targets = {task: Target("class", tuple(names.tolist())) for task in TASKS}
  return joined({"image": Source(parts, targets)})
