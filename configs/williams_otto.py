"""Profit of a Williams-Otto reactor never seen before, from a few noisy trials at other set-points.

python scripts/train.py configs/williams_otto.py
"""

from mtl_jax.config import MLP, Config, Evaluation, Finetune, Process, R2d2, Training

config = Config(
  name="williams_otto",
  tasks=Process("williams_otto"),
  model=MLP(hidden=(64, 64), norm="none"),
  algorithm=R2d2(outer_lr=1e-3, embedding=32, penalty=0.1),
  controls=(Finetune(inner_lr=0.02, inner_steps=10, outer_lr=1e-3),),
  training=Training(steps=3_000, tasks_per_step=32, chunk_steps=300),
  evaluation=Evaluation(shots=(4, 8, 16), adaptation_steps=(0, 10), adaptation_shots=8),
)
