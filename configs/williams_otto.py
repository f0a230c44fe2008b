"""Profit of a Williams-Otto reactor never seen before, from a few noisy trials at other set-points.

python scripts/train.py configs/williams_otto.py

A plant is a reactor with its own three reaction rates and feed, each within 30 % of the literature's; its settings are
the flow of B and the temperature, anywhere in the box. Trials carry noise of 5 % of the family's deviation (4 $/s);
what is asked is the profit itself at 100 other set-points. Targets are standardised by the mean and deviation of other
plants. Pooled baselines know 200 other plants with 128 trials each. No normalisation layers.

PRELIMINARY, measured 2026-11-27 on 2 CPU cores beside much other work, JAX 0.10.2, 1,000 steps instead of 3,000, 3
seeds, 100 episodes (11 minutes): `--training.steps 1000 --training.seeds 3 --evaluation.episodes 100`. The settings are
first guesses, the same for all runs; nothing was tuned.

  root mean squared error, $/s                    K = 4 trials        K = 8               K = 16
  cubic with random coefficients                   7.5 (6.3-8.7)      3.4 (3.1-3.6)       2.3 (2.1-2.4)
  r2d2                                            21.4 (16.9-25.3)    6.6 (5.7-7.6)       3.6 (3.2-4.0)
  Gaussian process around pooled boosted trees    23.7 (20.6-27.0)   17.7 (15.4-20.6)    12.9 (11.7-14.3)
  pooled network, fine-tuned                      30.1 (27.1-33.1)   26.5 (23.8-29.0)    24.2 (22.0-26.5)
  pooled boosted trees, corrected                 30.2 (27.6-33.0)   23.5 (21.5-25.6)    17.2 (16.0-18.6)
  pooled network, head fine-tuned                 40.1 (36.4-43.8)   38.5 (35.1-42.0)    37.9 (34.7-41.1)
  Gaussian process                                48.8 (45.2-52.3)   26.7 (24.1-29.2)    11.6 (9.4-14.2)
  extra trees                                     49.3 (46.1-52.7)   37.4 (35.5-39.2)    27.3 (25.5-29.0)
  nearest neighbour                               49.3 (46.8-51.7)   39.1 (37.5-40.7)    29.0 (27.7-30.3)
  ridge around the pooled ridge                   49.9 (47.8-51.8)   44.5 (43.0-45.9)    41.1 (39.8-42.4)
  ridge                                           53.9 (51.1-56.8)   46.8 (45.0-48.7)    42.2 (40.7-43.7)
  network from scratch                            55.2 (52.2-58.2)   51.7 (49.4-54.0)    50.1 (47.8-52.5)
  mean of the trials                              59.2 (55.7-62.7)   55.4 (52.8-58.2)    54.1 (51.5-57.0)
  boosted trees                                   59.2 (55.7-62.7)   55.4 (52.8-58.2)    36.5 (35.0-38.0)
  quadratic ridge                                 65.0 (56.4-76.4)   22.3 (18.8-25.6)     7.2 (6.5-7.9)
  pooled network, no trial                        67.9 (61.6-74.5)   67.9 (61.6-74.5)    67.9 (61.6-74.5)
  pooled boosted trees, no trial                  68.2 (61.8-74.7)   68.2 (61.8-74.7)    68.2 (61.8-74.7)
  pooled ridge, no trial                          76.7 (71.0-82.6)   76.7 (71.0-82.6)    76.7 (71.0-82.6)
  family mean                                     80.5 (75.0-86.2)   80.5 (75.0-86.2)    80.5 (75.0-86.2)

A cubic whose coefficients have the mean and covariance that other plants have wins at every K: the family is smooth and
close to linear in its four numbers. `r2d2` is second and behind it by 13.9 (8.3 to 20.1), 3.2 (2.1 to 4.7) and 1.4 (1.0
to 1.9) $/s, after a third of its steps.

Methods side by side, PRELIMINARY: 2026-11-27, the same device beside so much other work that a process had a quarter to
a half of a core; a minute of training for each with its compilation, 3 seeds, 200 episodes, defaults but for `r2d2` and
the network; `scripts/compare.py --algorithms r2d2 maml anil reptile cavia lora cnp anp in_context --minutes 1` with
`seeds=3, chunk_steps=25, validation_episodes=30, episodes=200, adaptation_steps=()` in a copy of this config. `updates`
are those that a method came to, which depends on what else ran in its minute:

  root mean squared error, $/s     updates   K = 4 trials        K = 8               K = 16
  cubic with random coefficients              7.4 (6.4-8.3)       3.3 (3.1-3.4)       2.3 (2.2-2.5)
  r2d2                                5,550  20.2 (17.1-23.2)     5.9 (5.3-6.6)       3.5 (3.2-3.8)
  anp                                   975  19.6 (17.6-21.7)    13.8 (12.6-15.1)    10.0 (9.4-10.6)
  anil                                5,750  17.8 (15.7-20.0)    12.4 (11.1-13.9)    10.0 (9.2-11.0)
  reptile                             1,575  19.6 (17.4-21.9)    13.3 (11.9-15.0)    10.4 (9.4-11.4)
  cavia                               1,900  19.1 (16.7-21.5)    13.3 (11.9-15.0)    10.7 (9.8-11.7)
  maml                                1,625  20.5 (18.5-22.6)    14.9 (13.5-16.3)    11.8 (10.8-12.9)
  cnp                                 2,775  19.4 (16.9-22.0)    14.4 (12.9-16.3)    12.0 (10.9-13.3)
  lora                                  700  20.1 (17.9-22.3)    14.8 (12.9-16.6)    12.4 (10.6-14.1)
  Gaussian process around trees              21.7 (19.5-23.9)    17.1 (15.6-18.8)    12.6 (11.8-13.5)
  pooled network, fine-tuned          1,400  29.0 (26.6-31.5)    25.2 (23.2-27.5)    23.4 (21.5-25.4)
  imaml                                 250  21.6 (19.2-24.0)    17.2 (14.9-19.4)    14.4 (12.3-16.3)
  in_context                             50  49.3 (46.7-52.4)    47.3 (44.7-50.1)    46.6 (43.8-49.5)

`in_context` had 50 updates in its minute. Trained for longer on an H100 (2026-11-27, JAX 0.11.2, three seeds, 64 tasks
an update, rate 1e-3 falling to 0 along a cosine of 20,000 updates), its error on validation plants with 9 trials fell
from 29.2 $/s after 1,000 updates to 12.3 after 5,000, 9.4 after 10,000 and 8.2 after 15,000, where the machine was
given back: ahead of all networks above at K = 8 but `r2d2`, behind the cubic.

`imaml` by itself, later, on the same episodes, of the whole network by plain steps (`--algorithm.head-only False`):
rate, inner steps and lambda were the best of (0.05, 60, 1), (0.05, 40, 2) and (0.02, 60, 5) on validation plants, 19.9,
22.2 and 29.1 $/s with 9 trials after 75 updates of one seed. At the end of training 80, 24 and 19 % of its inner
problems were not solved (three seeds), which `fit` warns of.
"""

from mtl_jax.config import MLP, Config, Evaluation, Finetune, Process, R2d2, Training

config = Config(
  name="williams_otto",
  tasks=Process("williams_otto"),
  model=MLP(hidden=(64, 64), norm="none"),
  algorithm=R2d2(outer_lr=1e-3, embedding=32, penalty=0.1),
  controls=(Finetune(inner_lr=0.02, inner_steps=10, outer_lr=1e-3),),
  training=Training(steps=3_000, tasks_per_step=32, chunk_steps=300),
  evaluation=Evaluation(shots=(4, 8, 16), adaptation_steps=(0, 10), adaptation_shots=8),
)
