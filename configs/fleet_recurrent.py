"""Machines never seen before, by a recurrent network on the raw waveform, adapted through second derivatives.

  python scripts/train.py configs/fleet_recurrent.py

MAML goes through three second-order steps and, inside each, through 32 moments of gated recurrent units, all in one
program (`models.GRU`; tests/test_models.py checks the gradient against finite differences). cuDNN's recurrent kernels,
as PyTorch calls them, have no second derivative. Tasks are those of `fleet_diagnosis.py`, whose networks read
44 features and spectra; this one reads nothing but 2,048 samples over their RMS, 64 at a time.

PRELIMINARY, a curve that is begun and no result: 2026-11-28, 2 CPU cores that about twelve other processes shared, JAX
0.10.2, one seed, `--training.seeds 1 --training.steps 100 --training.chunk-steps 5`: macro-F1 on validation machines at
K = 5 was 16.5 % after 5 updates, 18.6 after 20, 28.9 after 65 and 33.1 after 100, still rising (chance is 12.5), at 0.1
to 0.25 updates a second. The networks of `fleet_diagnosis.py`, on features, have 84 on test machines.
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
