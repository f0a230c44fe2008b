"""One model for a factory: twelve tasks on nine sources of real data."""

from mtl_jax.config import Factory, Joint, JointTraining, MultiTask, Sharing

config = MultiTask(
  name="factory",
  tasks=Factory(),
  methods=(
    Joint(),
    *(Joint(weighting=name) for name in ("log", "uncertainty", "famo")),
    *(Joint(name) for name in ("upgrad", "cagrad", "nash_mtl")),
    *(Joint(paths=name) for name in ("mmoe", "film")),
  ),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=500, chunk_steps=50, learning_rates=(1e-3, 3e-3)),
)
