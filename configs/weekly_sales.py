"""Demand of a product never seen before, week by week, from its latest 4, 8 or 12 weeks.

  pip install -e .[forecast]
  MTL_JAX_DATA=/path/to/data python scripts/train.py configs/weekly_sales.py

811 products, 52 weeks. Products are split at random, 60 % to learn from, 20 % to pick the checkpoint, 20 % to be asked
about. The four weeks asked lie anywhere in the last twelve (weeks 40 to 51), which no training or validation window
reaches; the labels are the K weeks before. Nothing says which week of the year it is. Errors are in units; deciles are
rounded to whole units for everyone. `cost` is a newsvendor's per week who orders up to the highest decile where a unit
short costs nine times a unit left over. Point forecasters have a negative binomial around them, fitted on training
products. MLP with LayerNorm, no batch statistics. Features, width and steps were chosen on validation products.

Measured 2026-11-26, 2 CPU cores beside other work, JAX 0.10.2, 5 seeds, 600 episodes, 6 minutes; 95 % intervals over
seeds and products:

  pinball loss                     K = 4               K = 8               K = 12
  cnp                              0.896 (0.758-1.046) 0.849 (0.722-0.981) 0.861 (0.731-0.998)
  mean of the observations         0.911 (0.772-1.061) 0.856 (0.729-0.987) 0.852 (0.726-0.984)
  exponential smoothing            0.922 (0.778-1.079) 0.892 (0.753-1.040) 0.886 (0.750-1.032)
  AutoETS                          0.927 (0.782-1.085) 0.898 (0.761-1.042) 0.878 (0.745-1.017)
  shrunk negative binomial         0.928 (0.781-1.090) 0.869 (0.737-1.010) 0.860 (0.730-0.998)
  pooled quantile boosting         0.938 (0.789-1.107) 0.872 (0.739-1.014) 0.866 (0.733-1.009)
  pooled network                   0.942 (0.792-1.106) 0.850 (0.723-0.982) 0.845 (0.719-0.976)
  TSB                              0.954 (0.804-1.120) 0.892 (0.752-1.041) 0.879 (0.745-1.023)
  Croston, SBA                     1.019 (0.857-1.196) 0.946 (0.791-1.106) 0.912 (0.770-1.061)
  last value                       1.067 (0.906-1.241) 1.064 (0.903-1.237) 1.061 (0.902-1.235)
  network from scratch             1.208 (1.011-1.413) 1.244 (1.043-1.450) 1.257 (1.049-1.477)
  pooled network, fine-tuned       1.341 (1.079-1.626) 1.389 (1.089-1.719) 1.531 (1.165-1.936)
  pooled network, head fine-tuned  1.428 (1.117-1.774) 1.373 (1.081-1.693) 1.440 (1.120-1.793)
  zero                             4.400 (3.468-5.370) 4.400 (3.468-5.370) 4.400 (3.468-5.370)

  at K = 4 / 12                    mae                 rmse                cost
  cnp                              2.283 / 2.171       3.806 / 3.665       6.032 / 5.729
  mean of the observations         2.311 / 2.170       3.877 / 3.629       6.187 / 5.812
  exponential smoothing            2.372 / 2.270       3.900 / 3.707       6.158 / 5.844
  AutoETS                          2.375 / 2.264       3.900 / 3.622       6.393 / 5.745
  shrunk negative binomial         2.380 / 2.208       3.920 / 3.659       6.086 / 5.638
  pooled quantile boosting         2.391 / 2.195       4.060 / 3.690       6.439 / 5.856
  pooled network                   2.402 / 2.148       4.012 / 3.582       6.355 / 5.611
  TSB                              2.431 / 2.240       4.033 / 3.637       6.592 / 5.768
  Croston, SBA                     2.608 / 2.334       4.293 / 3.812       7.066 / 6.028
  last value                       2.742 / 2.703       4.427 / 4.427       7.375 / 7.317
  network from scratch             2.992 / 3.151       4.651 / 4.474       9.225 / 9.263
  pooled network, fine-tuned       3.228 / 3.956       4.003 / 5.926       8.798 / 9.292
  pooled network, head fine-tuned  3.677 / 3.649       6.925 / 26.290      8.195 / 9.537
  zero                             8.800 / 8.800       14.577 / 14.577     79.200 / 79.200

`cnp` is the best at K = 4 and 8 and not told apart from the best simple rung, the mean of the observations: ahead by
0.015 (-0.003 to 0.032) and 0.007 (-0.010 to 0.025). At K = 12 the pooled network wins, which reads the level and the
horizon and nothing else; `cnp` is behind it by 0.016 (0.003 to 0.031). A likely cause is the calendar. Total sales drop
by a third from week 24 to 26, so on the windows of validation products, all before week 40, trusting the latest weeks
pays, and `cnp` was ahead of the shrunk negative binomial by 2 % at K = 4 and 8; weeks 40 to 51 are steady, and there a
plain mean is hard to beat. The rate of the fine-tuned networks was not tuned and is wrong: at 0.01 on errors in units
every step makes them worse, so their rows are no fair control, and the pooled network without a step is the one to look
at. On validation products, looked at after the table, a rate of 0.001 makes ten steps worth 2 % over none; not yet
measured here. No test score was looked at before the settings were fixed.
"""

from mtl_jax.config import MLP, Cnp, Config, Demand, Evaluation, Finetune, Training

config = Config(
  name="weekly_sales",
  tasks=Demand("weekly_sales", shots=(4, 12), horizon=4, held_back=12, rotations=5),
  model=MLP(hidden=(128, 128)),
  algorithm=Cnp(outer_lr=1e-3, decay_steps=6_000, weight_decay=0.1, embedding=128),
  controls=(Finetune(inner_lr=0.001, inner_steps=10, outer_lr=1e-3),),
  training=Training(steps=6_000, tasks_per_step=32, chunk_steps=1_000, validation_episodes=600),
  evaluation=Evaluation(shots=(4, 8, 12), episodes=1_500, adaptation_steps=(0, 1, 5, 20), adaptation_shots=4),
)
