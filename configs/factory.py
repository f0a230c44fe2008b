"""One model for a factory: twelve tasks on nine sources of real data."""

from mtl_jax.config import Factory, JointTraining, MultiTask, Sharing

config = MultiTask(
  name="factory",
  tasks=Factory(),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=500, chunk_steps=50),
)
