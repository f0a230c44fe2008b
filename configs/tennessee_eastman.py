"""Few-shot fault diagnosis of a chemical plant: faults never trained on.

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/tennessee_eastman.py
"""

from mtl_jax.config import MLP, Anil, Config, Finetune, ProtoNet, TennesseeEastman, Training

config = Config(
  name="tennessee_eastman",
  tasks=TennesseeEastman(),
  model=MLP(hidden=(128, 64)),
  algorithm=ProtoNet(outer_lr=1e-3),
  controls=(Anil(outer_lr=1e-3), Finetune(outer_lr=1e-3)),
  training=Training(steps=200, chunk_steps=50),
)
