"""Machines never seen before, by a transformer that reads the labelled windows and answers in one pass.

  python scripts/train.py configs/fleet_in_context.py

Tasks, network inputs and steps of `fleet_diagnosis.py`. A transformer of three layers, 64 wide, reads each window as
one token; `cavia` adapts five numbers that condition the network, `lora` a change of rank 2 of each of its matrices.
Rates are defaults, not tuned.

Measured by `scripts/compare.py` on fleet_diagnosis.py, with 200 steps, beside six other methods and the whole ladder
(2026-11-27, 2 CPU cores beside other work, JAX 0.10.2, 5 seeds, 600 episodes), macro-F1 in %, 95 % intervals:

              K = 1               K = 5               K = 10
  in_context  80.5 (79.3-81.8)    82.2 (81.0-83.4)    82.4 (81.2-83.7)
  anil        80.2 (79.2-81.3)    83.8 (82.9-84.8)    84.5 (83.5-85.5)
  lora        80.0 (79.0-81.1)    83.4 (82.4-84.4)    84.2 (83.2-85.2)
  cavia       79.1 (78.0-80.3)    81.3 (80.3-82.4)    81.7 (80.7-82.9)
  protonet    71.2 (69.7-72.8)    83.1 (82.1-84.1)    84.6 (83.7-85.6)

At K = 1 the transformer is 2.4 (1.6 to 3.2) points ahead of the best fine-tuned network and 3.0 (2.0 to 4.0) ahead of
the best baseline on features; at K = 5 and 10 it is 0.9 and 1.9 behind fine-tuning.
"""

from mtl_jax.config import MLP, Anil, Cavia, Config, Finetune, Fleet, InContext, Lora, ProtoNet, Training

config = Config(
  name="fleet_in_context",
  tasks=Fleet(),
  model=MLP(),
  algorithm=InContext(),
  controls=(Anil(inner_lr=0.1, inner_steps=5), ProtoNet(), Cavia(inner_lr=1.0), Lora(), Finetune()),
  training=Training(steps=200, chunk_steps=100),
)
