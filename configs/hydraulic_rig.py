"""The valve of a hydraulic rig, at a cooler level never trained on.

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/hydraulic_valve.py
"""

from mtl_jax.config import MLP, Anil, Config, Finetune, Hydraulic, ProtoNet, Training

config = Config(
  name="hydraulic_rig",
  tasks=Hydraulic(target="valve"),
  model=MLP(hidden=(128, 64)),
  algorithm=Anil(outer_lr=1e-3),
  controls=(ProtoNet(outer_lr=1e-3), Finetune(outer_lr=1e-3)),
  training=Training(steps=200, chunk_steps=50),
)
