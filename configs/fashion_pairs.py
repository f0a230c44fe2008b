"""Two articles of clothing on one picture."""

from mtl_jax.config import JointTraining, MultiTask, Pairs, Sharing

config = MultiTask(
  name="fashion_pairs",
  tasks=Pairs(),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=600, chunk_steps=100),
)
