"""Two articles of clothing on one picture: which is at the top left, which at the bottom right?

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/fashion_pairs.py

Fashion-MNIST in the manner of Multi-MNIST (O. Sener, V. Koltun, NeurIPS 2018, section 5.1) and Multi-Fashion (X. Lin
et al., "Pareto multi-task learning", NeurIPS 2019): 20,000 pairs are learned from, 5,000 validate, 5,000 of the
publisher's test pictures are asked; no picture comes twice. mtl_jax/build/multitask/pairs.py says how two become one.

The test has not been scored yet. On validation, after 400 steps on 2 CPU cores (2026-11-27, 5 seeds, mean over both
tasks of the share of the way from the majority to no error), all still rising: mean 0.782, log 0.781, grid 0.783,
upgrad 0.779, cagrad 0.778, uncertainty 0.777, mgda 0.774, nash_mtl 0.774, mmoe 0.765; networks alone 0.796, with twice
the work.
"""

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
