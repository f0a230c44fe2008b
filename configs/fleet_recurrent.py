"""Machines never seen before, by a recurrent network on the raw waveform, adapted through second derivatives.

  python scripts/train.py configs/fleet_recurrent.py

MAML goes through three second-order steps and, inside each, through 32 moments of gated recurrent units, all in one
program (`models.GRU`; test_models.py and test_gradients.py check the gradient against finite differences). PyTorch
runs a GRU on a GPU by cuDNN, whose kernels have no second derivative: it raises and asks to run without them
(pytorch/pytorch, issues 5261 and 25315). Tasks are those of `fleet_diagnosis.py`, whose networks read 44 features and
spectra; this one reads nothing but 2,048 samples over their RMS, 64 at a time.

Measured 2026-11-29, one of 2 CPU cores beside other work, JAX 0.10.2, five seeds, 200 updates (22 minutes, 9 of the
control, and 39 to score both), 600 test machines, macro-F1 in %:

                                    K = 1               K = 5               K = 10
  MAML, second order                29.6 (26.6-32.3)    35.5 (32.6-37.5)    32.2 (28.6-35.2)
  pooled network, fine-tuned        36.7 (35.7-37.7)    42.8 (41.7-43.9)    44.0 (42.9-45.2)
  pooled network, head fine-tuned   31.5 (29.9-32.9)    35.2 (33.9-36.4)    34.0 (32.4-35.4)
  pooled network, no label          28.1 (26.1-29.8)
  network from scratch              14.7 (14.4-15.1)    18.1 (17.7-18.6)    19.0 (18.5-19.5)
  majority class                     2.8

So it trains through 32 moments in each of three steps and their second derivatives, is ahead of the same network from
scratch and, with five labels, of the one without any, and no further: ten labels are worse for it than five, adapting
the head alone is as good, and fine-tuning is ahead after as many updates. Rungs on features are far ahead of all: ridge
around the pooled ridge has 73.2 / 80.2 / 82.5, and the networks of `fleet_diagnosis.py` 84 at K = 5. On validation
machines the two had 36.5 and 47.1 at K = 5 after 200 updates, both still rising.
"""

from mtl_jax.config import GRU, Config, Finetune, Fleet, Maml, Training

config = Config(
  name="fleet_recurrent",
  tasks=Fleet(),
  model=GRU(),
  algorithm=Maml(clip=10.0, rematerialise=1),
  controls=(Finetune(),),
  training=Training(steps=200, chunk_steps=10),
)
