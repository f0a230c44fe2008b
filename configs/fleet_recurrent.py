"""Machines never seen before, by a recurrent network on the raw waveform, adapted through second derivatives.

  python scripts/train.py configs/fleet_recurrent.py

MAML goes through three second-order steps and, inside each, through 32 moments of gated recurrent units, all in one
program (`models.GRU`; tests/test_models.py checks the gradient against finite differences). cuDNN's recurrent kernels,
as PyTorch calls them, have no second derivative. Tasks are those of `fleet_diagnosis.py`, whose networks read
44 features and spectra; this one reads nothing but 2,048 samples over their RMS, 64 at a time.

Measured 2026-11-28, one of 2 CPU cores beside other work, JAX 0.10.2, five seeds, 200 updates (30 minutes, and 12 of
the control): macro-F1 on validation machines at K = 5, mean of the seeds, was 17.3, 24.2, 32.8, 31.7 and 33.3 % after
10, 50, 100, 150 and 200 updates. It had been 28.9 after 65 and 33.1 after 100 with one seed. The same network trained
on all machines together and fine-tuned had 21.8, 38.2, 43.9, 46.0 and 47.1, still rising: learning through adaptation
loses here, after as many updates. The networks of `fleet_diagnosis.py`, on features, have 84 on test machines; chance
is 12.5.
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
