"""Name the condition of a rotating machine never seen before, from a few labelled windows."""

from mtl_jax.config import MLP, Anil, Config, Finetune, Fleet, ProtoNet, Training

config = Config(
  name="fleet_diagnosis",
  tasks=Fleet(),
  model=MLP(),
  algorithm=Anil(inner_lr=0.1, inner_steps=5),
  controls=(ProtoNet(), Finetune()),
  training=Training(steps=250, chunk_steps=50),
)
