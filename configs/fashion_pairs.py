"""Two articles of clothing on one picture."""

from mtl_jax.config import Joint, JointTraining, MultiTask, Pairs, Sharing

config = MultiTask(
  name="fashion_pairs",
  tasks=Pairs(),
  methods=(
    Joint(),
    *(Joint(weighting=name) for name in ("grid", "log", "uncertainty", "famo")),
    *(Joint(name) for name in ("mgda", "pcgrad", "upgrad", "cagrad", "nash_mtl", "imtl_g")),
    *(Joint(paths=name) for name in ("mmoe", "mtan")),
  ),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=600, chunk_steps=100, learning_rates=(1e-3, 3e-3), grid=4),
)
