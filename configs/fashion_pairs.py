"""Two articles of clothing on one picture: which is at the top left, which at the bottom right?

MTL_JAX_DATA=/path/to/data python scripts/train.py configs/fashion_pairs.py

Fashion-MNIST in the manner of Multi-MNIST (O. Sener, V. Koltun, NeurIPS 2018, section 5.1) and Multi-Fashion (X. Lin
et al., "Pareto multi-task learning", NeurIPS 2019): 20,000 pairs are learned from, 5,000 validate, 5,000 of the
publisher's test pictures are asked; no picture comes twice. mtl_jax/build/multitask/pairs.py says how two become one.

Measured 2026-11-27, 2 CPU cores beside other work (times are rough), JAX 0.10.2, 5 seeds, 35 minutes; the test was
asked once. Intervals are over pictures and seeds. Gain: relative, over the single-task networks, + is better; the mean
over tasks with its 95 % interval, then the task that gains least. Time to train once; MB of temporary memory and
gradients in a step. - marks what is worse than the single-task network by more than the interval of the gain.

- Boosted trees on the pixels win, 9.4 % (8.4 to 10.3) ahead of the best network on both tasks and 7.6 % (6.5 to 8.8) of
  networks alone. 400 steps are two and a half passes over the pairs and validation still rose at the last one, for
  every network: it says who learns fast, and not what a network can reach.
- Of the networks on both tasks none is ahead of the plain mean, and all are worse off than networks alone on both
  tasks (`grid` on one), by 1 to 5 %: two networks have twice the parameters and the work.

                           mean gain, %             least gain, %                          time     MB gradients
  boosted trees each       7.6 (6.5 to 8.8)         7.3 (6.0 to 8.9) top left             215 s      –         –
  extra trees each         3.0 (1.9 to 4.1)         2.9 (1.4 to 4.4) bottom right          15 s      –         –
  single-task networks     0.0 (0.0 to 0.0)         0.0 (0.0 to 0.0) top left             6.4 s   9.31         2
  ridge or logistic each   −0.0 (−1.1 to 1.1)       −0.8 (−2.2 to 0.8) bottom right       4.4 s      –         –
  mean                     −1.8 (−2.5 to −1.1)      −2.1 (−3.1 to −1.2) top left          8.2 s   9.31         1
  log                      −2.0 (−2.6 to −1.3)      −2.3 (−3.5 to −1.2) top left          5.7 s   9.31         1
  grid                     −2.2 (−3.0 to −1.4)      −3.3 (−4.8 to −1.6) bottom right      5.6 s   9.31         1
  uncertainty              −2.3 (−3.1 to −1.5)      −2.6 (−3.9 to −1.1) top left          3.9 s   9.31         1
  cagrad                   −2.4 (−3.0 to −1.7)      −2.8 (−3.9 to −1.4) top left           17 s   24.2         3
  upgrad                   −2.4 (−3.1 to −1.7)      −2.7 (−3.8 to −1.6) top left           20 s   24.2         3
  nash_mtl                 −2.7 (−3.8 to −1.9)      −2.9 (−3.9 to −2.0) bottom right       12 s   24.2         3
  mgda                     −2.8 (−3.8 to −1.9)      −2.9 (−3.9 to −1.9) bottom right       19 s   24.2         3
  mmoe                     −3.6 (−5.3 to −2.1)      −4.6 (−7.3 to −2.2) top left          3.4 s   9.31         1
  mean or majority         −97.7 (−97.8 to −97.6)   −97.7 (−97.9 to −97.5) top left      7.1 ms      –         –

                           top left, macro-F1 %  bottom right, macro-F1 %
  boosted trees each       85.2 (84.3-86.1)      84.8 (83.9-85.7)
  extra trees each         81.9 (80.9-82.8)      81.0 (79.9-81.9)
  single-task networks     79.4 (78.2-80.5)      78.7 (77.5-79.8)
  ridge or logistic each   80.0 (78.9-80.9)      78.1 (77.0-79.2)
  mean                     77.7- (76.6-78.6)     77.5- (76.4-78.7)
  log                      77.5- (76.3-78.8)     77.4- (76.4-78.5)
  grid                     78.6 (77.4-79.6)      76.1- (74.9-77.2)
  uncertainty              77.3- (76.2-78.4)     77.1- (76.1-78.2)
  cagrad                   77.2- (76.1-78.3)     77.2- (75.9-78.4)
  upgrad                   77.2- (76.2-78.2)     77.1- (75.7-78.3)
  nash_mtl                 77.4- (75.6-78.9)     76.4- (75.0-77.8)
  mgda                     77.2- (76.2-78.1)     76.4- (75.1-77.8)
  mmoe                     75.8- (73.7-77.9)     76.7- (75.6-77.9)
  mean or majority         1.8- (1.7-1.9)        1.8- (1.7-2.0)
"""

from mtl_jax.config import Joint, JointTraining, MultiTask, Pairs, Sharing

config = MultiTask(
  name="fashion_pairs",
  tasks=Pairs(),
  methods=(
    Joint(),
    *(Joint(weighting=name) for name in ("grid", "log", "uncertainty")),
    *(Joint(name) for name in ("mgda", "upgrad", "cagrad", "nash_mtl")),
    Joint(paths="mmoe"),
  ),
  model=Sharing(trunk=(64, 64)),
  training=JointTraining(steps=400, chunk_steps=80, learning_rates=(1e-3, 3e-3), grid=4),
)
