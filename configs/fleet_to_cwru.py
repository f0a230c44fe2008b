"""Meta-train on the simulated fleet, adapt to real bearings that no simulation knew.

  MTL_JAX_DATA=/path/to/data python scripts/train.py configs/fleet_to_cwru.py

Trained as fleet_diagnosis; tested on CWRU with the outer race at 6 o'clock and at all three positions, on the MFPT rig,
and on all nine CWRU fault classes at once (where the labels mean something else than the fleet's, so that pooled
baselines have no answer). Labels from load 0 or each fault's lowest load, questions from the other loads.

Not measured yet: the table belongs here.
"""

from mtl_jax.config import MLP, Anil, Config, Finetune, FleetToBearings, ProtoNet, Training

config = Config(
  name="fleet_to_cwru",
  tasks=FleetToBearings(),
  model=MLP(),
  algorithm=Anil(),
  controls=(ProtoNet(), Finetune()),
  training=Training(steps=250, chunk_steps=50),
)
