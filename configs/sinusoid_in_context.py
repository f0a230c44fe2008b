"""Sine waves by methods that adapt in one pass over the labelled points, or adapt a few numbers.

  python scripts/train.py configs/sinusoid_in_context.py

`in_context` is a transformer of three layers, 64 wide; `anp` and `cnp` have the hidden layers of the network, and all
three learn a Gaussian likelihood, of which the mean is scored. `cavia` takes one step of rate 1 on five numbers.

In full, 5,000 steps and five seeds, only on validation curves (K = 10, mean squared error; an H100 that other jobs
shared, JAX 0.11.2, 2026-11-27; the run was stopped before its tests): in_context 0.021, and still falling by a sixth
every 500 steps, maml 0.145, cavia 0.29, cnp 0.35. Tested with one seed, 2,000 steps, 300 curves, on 2 CPU cores
(2026-11-27), mean squared error without intervals:

              K = 5    K = 10
  in_context  0.27     0.050
  cavia       0.55     0.33
  maml        0.70     0.35
  cnp         0.71     0.46
  anp         0.86     0.34

With a latent path of 16 numbers `anp` has 0.41 on validation curves after the same 2,000 steps, and 0.34 without: the
path is hardly used (0.013 nats for each question; one seed).

In `sinusoid_maml.py` a Gaussian process on the labelled points reaches 1.65 and 0.036, and maml after 5,000 steps 0.74
and 0.32. The transformer took four times as long to train as maml.
"""

from mtl_jax.config import MLP, Anp, Cavia, Cnp, Config, Evaluation, Finetune, InContext, Maml, Sinusoid, Training

config = Config(
  name="sinusoid_in_context",
  tasks=Sinusoid(shots=10, queries=10),
  model=MLP(hidden=(40, 40), norm="none"),
  algorithm=InContext(),
  controls=(
    Cavia(inner_lr=1.0, inner_steps=1),
    Maml(inner_lr=0.01, inner_steps=5, outer_lr=1e-3),
    Cnp(),
    Anp(),
    Finetune(inner_lr=0.01, inner_steps=10),
  ),
  training=Training(steps=5_000, tasks_per_step=25, chunk_steps=500),
  evaluation=Evaluation(shots=(5, 10), adaptation_steps=(0, 1, 2, 3, 5, 10), adaptation_shots=10),
)
