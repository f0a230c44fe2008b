"""Machines never seen before, by a transformer that reads the labelled windows and answers in one pass.

  python scripts/train.py configs/fleet_in_context.py

Tasks, network inputs and steps of `fleet_diagnosis.py`. A transformer of three layers, 64 wide, reads each window as
one token; `cavia` adapts five numbers that condition the network, `lora` a change of rank 2 of each of its matrices.
Rates are defaults, not tuned.

Not measured in full. One seed, 300 episodes, validation not used, 2026-11-27, 2 CPU cores that much other work shared,
macro-F1 in %, without intervals: a difference of a point means nothing:

              K = 1    K = 5    K = 10
  in_context  80.3     82.1     82.3
  lora        78.9     82.4     83.1
  anil        78.7     82.1     83.0
  cavia       76.6     79.4     79.8
  protonet    70.3     82.0     83.8

So the transformer is not behind with one label per condition, and most likely behind protonet and lora with ten.
"""

from mtl_jax.config import MLP, Anil, Cavia, Config, Finetune, Fleet, InContext, Lora, ProtoNet, Training

config = Config(
  name="fleet_in_context",
  tasks=Fleet(),
  model=MLP(),
  algorithm=InContext(),
  controls=(Anil(inner_lr=0.1, inner_steps=5), ProtoNet(), Cavia(inner_lr=1.0), Lora(), Finetune()),
  training=Training(steps=250, chunk_steps=50),
)
