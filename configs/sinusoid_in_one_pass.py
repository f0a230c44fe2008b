"""Sine waves by methods that adapt a few numbers, or none.

python scripts/train.py configs/sinusoid_in_one_pass.py
"""

from mtl_jax.config import MLP, Anp, Cavia, Cnp, Config, Evaluation, InContext, Lora, Maml, Sinusoid, Training

config = Config(
  name="sinusoid_in_one_pass",
  tasks=Sinusoid(shots=10, queries=10),
  model=MLP(hidden=(40, 40), norm="none"),
  algorithm=Anp(outer_lr=1e-3),
  controls=(
    Cnp(outer_lr=1e-3),
    InContext(),
    Cavia(inner_lr=1.0, inner_steps=1),
    Lora(inner_lr=0.01, inner_steps=5),
    Maml(inner_lr=0.01, inner_steps=5, outer_lr=1e-3),
  ),
  training=Training(steps=5_000, tasks_per_step=25, chunk_steps=500),
  evaluation=Evaluation(shots=(5, 10), adaptation_steps=(0, 1, 2, 3, 5, 10), adaptation_shots=10),
)
