"""Meta-train on the simulated fleet, adapt to real bearings that no simulation knew."""

from mtl_jax.config import MLP, Anil, Config, Finetune, FleetToBearings, ProtoNet, Training

config = Config(
  name="fleet_to_cwru",
  tasks=FleetToBearings(),
  model=MLP(),
  algorithm=Anil(),
  controls=(ProtoNet(), Finetune()),
  training=Training(steps=250, chunk_steps=50),
)
