"""Six tasks of a supply chain on two sources."""

from mtl_jax.config import JointTraining, MultiTask, Sharing, Supply

config = MultiTask(
  name="supply_multitask",
  tasks=Supply(),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=800, chunk_steps=80),
)
