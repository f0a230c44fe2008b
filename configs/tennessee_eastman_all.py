"""Faults of a chemical plant, all of them at once, from a few windows of each: there is nothing to learn from before.

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/tennessee_eastman_all.py

As configs/tennessee_eastman.py, but every method has seen normal operation alone: scales and whitening are those of the
normal training run, and only baselines and the network from scratch answer. Faults 3, 9 and 15 are a job of their own.
Not measured again since MiniRocket and the angle rung stand in the ladder. Measured 2026-11-25 without them, 5 seeds,
600 episodes, all 18 at once, macro-F1 in %: ridge, whitened wins at K = 1 with 54.9, logistic regression at K = 10 with
82.3.
"""

from mtl_jax.config import Config, R2d2, Residual, TennesseeEastman

config = Config(
  name="tennessee_eastman_all",
  tasks=TennesseeEastman(faults="all"),
  model=Residual(hidden=64, soft_unit=True),
  algorithm=R2d2(outer_lr=1e-3, penalty=100.0, alpha=2.0),
)
