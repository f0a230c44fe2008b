"""Remaining life of turbofan engines: a subset of C-MAPSS never trained on, and a few of its engines run to failure.

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/cmapss_few_engines.py

Each of FD001 to FD004 is left out once: learned on the training engines of the other three (flight conditions, scales,
network and pooled trees), asked at the last cycle of the test engines of the fourth. K is a number of training engines
of that subset, 24 cycles of each with their remaining life, capped at 125. Errors are in cycles, on capped labels.

Not measured yet with five seeds and 600 episodes: the table belongs here.
"""

from mtl_jax.config import MLP, Anil, Config, Evaluation, FewEngines, Finetune, Training

config = Config(
  name="cmapss_few_engines",
  tasks=FewEngines(),
  model=MLP(hidden=(128, 64)),
  algorithm=Anil(inner_lr=0.05, inner_steps=5, outer_lr=1e-3),
  controls=(Finetune(inner_lr=0.02, inner_steps=20, outer_lr=1e-3),),
  training=Training(steps=300, chunk_steps=100),
  evaluation=Evaluation(shots=(1, 5, 10), adaptation_steps=(0, 1, 5, 20)),
)
