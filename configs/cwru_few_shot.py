"""Real bearings: which part is damaged, on a fault diameter that was never trained on."""

from mtl_jax.config import MLP, Anil, Bearings, Config, Finetune, ProtoNet, Training

config = Config(
  name="cwru_few_shot",
  tasks=Bearings(),
  model=MLP(hidden=(128, 64)),
  algorithm=ProtoNet(),
  controls=(Anil(), Finetune()),
  training=Training(steps=100, tasks_per_step=8, chunk_steps=50),
)
