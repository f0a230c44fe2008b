"""Thirty measurements of a production line at once.

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/line_multitask.py

Blocks of ten minutes are dealt in turn to training, validation and test. Eleven of the thirty can be foreseen at all,
which mtl_jax/build/multitask/line.py names. Six test blocks are too few to speak of others: intervals are over rows,
and too narrow. The learning rate has three values, `grid` also four weightings, trees and linear models three settings
each; the test was asked once.

Measured 2026-11-27, 2 CPU cores beside much other work (times are rough), JAX 0.10.2, 5 seeds, 17 minutes of training
and over an hour of scoring. Gain: relative, over the single-task networks, + is better; the mean over tasks with its 95
% interval, then the task that gains least. Time to train once; MB of temporary memory and gradients in a step. Below,
RMSE in units that the publisher hides; - marks what is worse than the single-task network by more than the interval of
the gain.

- Here it matters how tasks are weighed: `nash_mtl` and `famo`, which ask for the same relative progress on each, gain
  5.8 % and 5.7 % over networks alone, on 12 and 14 of the 30 tasks by more than chance, and leave one task and none
  worse off. `log` gains 2.9 %. The plain mean and the tuned `grid` are level with networks alone or behind, and lose on
  7 and 11: most tasks cannot be foreseen, their losses stay large, and a sum keeps pulling at them. Four weightings of
  thirty tasks are few, but a grid cannot cover thirty.
- Extra trees for each task are ahead, +8.4 %, and the best on more tasks than anything else; boosted trees and ridges
  are level with networks alone.
- A constant is the best of all on stage1_14: nothing there can be foreseen.
- `famo` is as cheap as the mean. `nash_mtl` with thirty tasks takes 60 times that.

                           mean gain, %             least gain, %                          time     MB gradients
  extra trees each         8.4 (6.0 to 10.8)        −68.5 (−107.4 to −30.7) stage1_0       44 s      –         –
  nash_mtl                 5.8 (4.3 to 6.9)         −7.4 (−14.1 to −0.2) stage1_11        6.1 s   3.48        61
  famo                     5.7 (4.3 to 6.9)         −8.1 (−16.7 to 0.9) stage1_11        0.12 s   0.25         1
  log                      2.9 (1.9 to 3.7)         −27.1 (−40.8 to −16.9) stage2_11     0.11 s   0.25         1
  single-task networks     0.0 (0.0 to 0.0)         0.0 (0.0 to 0.0) stage1_0             3.7 s  0.224        30
  boosted trees each       −0.3 (−3.0 to 2.2)       −77.5 (−91.3 to −63.5) stage1_8        31 s      –         –
  upgrad                   −0.8 (−4.0 to 1.9)       −32.4 (−37.3 to −27.4) stage2_11      4.3 s   3.48        61
  ridge or logistic each   −1.6 (−3.3 to −0.2)      −57.7 (−73.3 to −44.5) stage1_11     0.37 s      –         –
  mean                     −2.2 (−5.6 to 0.4)       −36.6 (−42.1 to −31.7) stage2_11      0.1 s  0.253         1
  uncertainty              −2.2 (−5.7 to 0.4)       −35.5 (−40.8 to −30.8) stage2_11      0.1 s  0.253         1
  mmoe                     −3.4 (−5.4 to −1.9)      −45.7 (−56.5 to −35.6) stage2_11      5.3 s   16.2         1
  grid                     −3.4 (−5.8 to −1.5)      −45.1 (−51.1 to −38.8) stage2_11     0.11 s   0.25         1
  lora                     −4.5 (−7.0 to −2.7)      −39.5 (−48.6 to −30.6) stage2_11     0.98 s   1.19         1
  mean or majority         −42.6 (−46.5 to −39.6)   −165.2 (−229.6 to −126.5) stage2_3   0.14 s      –         –

  RMSE        constant     ridge   boosted     extra     alone      mean      grid       log      famo  nash_mtl
  stage1_0      0.089     0.089     0.150-    0.155-    0.092     0.092     0.095     0.085     0.079     0.090
  stage1_1      1.339-    1.186     0.887     0.723     1.130     0.999     1.134     0.998     0.905     0.948
  stage1_2      0.332     0.315     0.316     0.474-    0.362     0.358     0.357     0.354     0.359     0.377
  stage1_3      0.102     0.099     0.087     0.097     0.119     0.103     0.106     0.100     0.097     0.098
  stage1_4      1.244-    0.748-    0.609     0.506     0.671     0.652     0.681     0.631     0.619     0.588
  stage1_5      0.124-    0.067     0.091     0.060     0.068     0.078     0.055     0.040     0.044     0.044
  stage1_6      0.927-    0.861     0.839     0.801     0.880     0.897     0.929-    0.902     0.884     0.846
  stage1_7      0.031-    0.030-    0.030-    0.027     0.029     0.029-    0.029     0.029     0.028     0.028
  stage1_8      0.054-    0.039     0.071-    0.038     0.040     0.049-    0.050-    0.039     0.034     0.036
  stage1_9      0.221-    0.198     0.183     0.155     0.199     0.193     0.187     0.196     0.202     0.197
  stage1_10     0.149-    0.088     0.066     0.070     0.087     0.096-    0.103-    0.091-    0.081     0.080
  stage1_11     0.120-    0.079-    0.085-    0.070-    0.050     0.051     0.049     0.050     0.054     0.054-
  stage1_12     0.098-    0.047     0.048     0.045     0.047     0.049     0.052-    0.048     0.046     0.046
  stage1_13     0.471-    0.453-    0.467-    0.456-    0.435     0.436     0.437     0.436     0.437     0.437
  stage1_14     0.503     0.543     0.616     0.584     0.601     0.541     0.531     0.547     0.544     0.578
  stage2_0      0.172-    0.133     0.144-    0.131     0.131     0.129     0.131     0.130     0.130     0.132
  stage2_1      0.491     0.362     0.336     0.332     0.525     0.472     0.435     0.426     0.467     0.454
  stage2_2      0.440-    0.375-    0.295     0.259     0.359     0.345     0.343     0.336     0.357     0.359
  stage2_3      0.546-    0.205     0.199     0.186     0.206     0.216     0.239-    0.211     0.204     0.211
  stage2_4      1.624-    1.468-    0.749     0.772     1.284     1.301     1.336     1.352     1.140     0.879
  stage2_5      0.164-    0.083-    0.076     0.069     0.077     0.076     0.072     0.073     0.078     0.080
  stage2_6      0.192-    0.177-    0.148     0.144     0.162     0.167-    0.176-    0.170-    0.158     0.161
  stage2_7      0.152     0.163-    0.155     0.151     0.159     0.156     0.154     0.151     0.150     0.152
  stage2_8      0.368-    0.356-    0.352     0.343     0.346     0.352     0.356-    0.352-    0.341     0.340
  stage2_9      0.110-    0.076     0.071     0.063     0.076     0.081-    0.093-    0.082-    0.067     0.066
  stage2_10     0.077-    0.060     0.063-    0.061     0.060     0.059     0.060     0.059     0.060     0.060
  stage2_11     0.149-    0.063-    0.057     0.054     0.060     0.082-    0.087-    0.076-    0.060     0.058
  stage2_12     0.045-    0.047-    0.041     0.037     0.040     0.045-    0.048-    0.040     0.039     0.041
  stage2_13     0.183-    0.084-    0.075     0.059     0.071     0.074     0.077-    0.072     0.070     0.072
  stage2_14     0.359     0.274     0.243     0.225     0.428     0.429     0.380     0.365     0.403     0.378
"""

from mtl_jax.config import Joint, JointTraining, Line, MultiTask, Sharing

config = MultiTask(
  name="line_multitask",
  tasks=Line(),
  methods=(
    Joint(),
    *(Joint(weighting=name) for name in ("grid", "log", "uncertainty", "famo")),
    *(Joint(name) for name in ("upgrad", "nash_mtl")),
    *(Joint(paths=name) for name in ("mmoe", "lora")),
  ),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=400, chunk_steps=40, grid=4),
)
