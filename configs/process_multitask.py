"""Three outputs of a gas turbine at once."""

from mtl_jax.config import JointTraining, MultiTask, Sharing, Turbine

config = MultiTask(
  name="process_multitask",
  tasks=Turbine(),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=2000, chunk_steps=200),
)
