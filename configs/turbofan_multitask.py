"""Remaining life, health state and flight condition of turbofan engines at once."""

from mtl_jax.config import JointTraining, MultiTask, Sharing, Turbofan

config = MultiTask(
  name="turbofan_multitask",
  tasks=Turbofan(),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=1000, chunk_steps=100),
)
