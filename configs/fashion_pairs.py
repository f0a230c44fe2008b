"""Two articles of clothing on one picture."""

from mtl_jax.config import Joint, JointTraining, MultiTask, Pairs, Sharing

config = MultiTask(
  name="fashion_pairs",
  tasks=Pairs(),
  methods=(
    Joint(),
    *(Joint(weighting=name) for name in ("grid", "log", "uncertainty")),
    *(Joint(name) for name in ("mgda", "upgrad", "cagrad", "nash_mtl")),
    Joint(paths="mmoe"),
  ),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=400, chunk_steps=80, learning_rates=(1e-3, 3e-3), grid=4),
)
