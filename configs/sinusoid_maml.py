"""MAML on sine waves, the reference problem."""

from mtl_jax.config import MLP, Config, Evaluation, Finetune, Maml, Sinusoid, Training

config = Config(
  name="sinusoid_maml",
  tasks=Sinusoid(shots=10, queries=10),
  model=MLP(hidden=(40, 40), norm="none"),
  algorithm=Maml(inner_lr=0.01, inner_steps=5, outer_lr=1e-3),
  controls=(Finetune(inner_lr=0.01, inner_steps=10),),
  training=Training(steps=10_000, tasks_per_step=25, chunk_steps=500),
  evaluation=Evaluation(shots=(5, 10), adaptation_steps=(0, 1, 2, 3, 5, 10), adaptation_shots=10),
)
