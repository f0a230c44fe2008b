"""Machines never seen before, by a transformer that reads the labelled windows and answers in one pass.

  python scripts/train.py configs/fleet_in_context.py

Tasks, network inputs and steps of `fleet_diagnosis.py`. A transformer of three layers, 64 wide, reads each window as
one token; `cavia` adapts five numbers that condition the network, `lora` a change of rank 2 of each of its matrices.
Rates are defaults, not tuned.

Measured 2026-11-27 by the command above, 2 CPU cores that about ten other processes shared, JAX 0.10.2, 5 seeds, 600
episodes, 52 minutes; macro-F1 in %, 95 % intervals, the whole ladder of `fleet_diagnosis.py` beside it:

                              K = 1               K = 5               K = 10
  in_context                  80.5 (79.3-81.8)    82.2 (81.0-83.4)    82.4 (81.2-83.7)
  anil                        80.2 (79.2-81.3)    83.8 (82.9-84.8)    84.5 (83.5-85.4)
  lora                        80.0 (79.0-81.1)    83.6 (82.6-84.6)    84.4 (83.4-85.4)
  cavia                       79.0 (77.8-80.1)    81.2 (80.2-82.3)    81.7 (80.6-82.8)
  protonet                    71.1 (69.6-72.7)    83.0 (82.0-84.1)    84.6 (83.6-85.6)
  pooled network, fine-tuned  78.0 (76.8-79.2)    83.1 (82.0-84.1)    84.4 (83.5-85.3)
  best on features            77.5 (76.2-78.9)    80.2 (79.1-81.2)    82.5 (81.5-83.4)

At K = 1 the transformer is 2.4 (1.6 to 3.2) points ahead of the best fine-tuned network and 3.0 (2.0 to 4.0) ahead of
the best baseline on features; at K = 5 and 10 it is 0.9 (0.1 to 1.7) and 2.0 (1.2 to 2.8) behind fine-tuning.
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
