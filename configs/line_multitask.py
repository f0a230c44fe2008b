"""Thirty measurements of a production line at once."""

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
