"""Thirty measurements of a production line at once."""

from mtl_jax.config import JointTraining, Line, MultiTask, Sharing

config = MultiTask(
  name="line_multitask",
  tasks=Line(),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=600, chunk_steps=60),
)
