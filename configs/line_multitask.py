"""Thirty measurements of a production line at once.

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/line_multitask.py

Blocks of ten minutes are dealt in turn to training, validation and test. Eleven of the thirty can be foreseen at all,
which mtl_jax/build/multitask/line.py names, with what a mean, a ridge and trees reach on each. Six test blocks are too
few to speak of others: intervals are over rows, and too narrow.

The networks have not been measured yet.
"""

from mtl_jax.config import Joint, JointTraining, Line, MultiTask, Sharing

config = MultiTask(
  name="line_multitask",
  tasks=Line(),
  methods=(
    Joint(),
    *(Joint(weighting=name) for name in ("grid", "log", "uncertainty", "famo")),
    *(Joint(name) for name in ("upgrad", "nash_mtl")),
    *(Joint(paths=name) for name in ("mmoe", "lora")),
  ),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=400, chunk_steps=40, grid=4),
)
