"""30 measurements of a continuous-flow line, from its machines' settings and readings, in minutes never seen.

What a row of the line says of its measurements, by scikit-learn with its defaults, fitted on training blocks: RMSE on
validation blocks, 2026-11-26, 2 CPU cores. Trees are HistGradientBoostingRegressor.

  measurement     stage 1                   stage 2
                  mean   ridge  trees       mean   ridge  trees
   0              0.118  0.121  0.092       0.498  0.472  0.455
   1              0.326  0.894  0.553       0.656  1.011  1.321
   2              0.367  0.398  0.148       0.905  0.663  0.940
   3              0.070  0.129  0.101     * 0.482  0.253  0.447
   4            * 0.672  0.585  0.257     * 1.364  1.115  1.015
   5              0.285  0.308  0.274     * 0.220  0.190  0.134
   6              0.545  0.565  0.451       0.194  0.185  0.172
   7              0.130  0.130  0.130       0.320  0.302  0.336
   8              0.057  0.069  0.052       0.387  0.387  0.376
   9              0.173  0.136  0.145     * 0.315  0.259  0.216
  10            * 0.164  0.139  0.142       0.196  0.183  0.178
  11            * 0.088  0.102  0.057     * 0.177  0.144  0.156
  12            * 0.185  0.057  0.072       0.123  0.130  0.346
  13              0.409  0.380  0.374     * 0.238  0.209  0.171
  14            * 0.698  0.463  0.408       0.537  0.902  0.833

Those marked * are predictable: ridge or trees have a mean squared error at least a fifth below that of the mean, here
and where each third of the training and validation blocks is held out in turn. These are 11; of the others some do
worse than the mean. All 30 are kept: a plant does not know beforehand which ones, and how far hopeless tasks disturb
the others is what a multi-task method is asked here.
"""

import numpy as np

from mtl_jax.build.multitask.contract import Problem, Target, split
from mtl_jax.build.multitask.sides import Source, joined
from mtl_jax.data import liveline_multistage

DEALT = ("training", "validation", "training", "test")  # blocks of ten minutes, in turn
DROPPED_OUT = 0.1  # of the usual size


def line() -> Problem:
  """Blocks of ten minutes, dealt to the sides in turn over the four hours: 12, 6 and 6 of them.

  Inputs are the 54 readings of both stages, setpoints of measurements and the minute left out: the former are constant
  but for zeros, the latter would tell nearly everything by interpolation. Readings of stage 2 are inputs of stage 1's
  measurements too: this is estimation beside the line, not a forecast. A measurement below a tenth of its median in
  training rows, zeros not counted, is a sensor that dropped out: it has no label. Its unit is hidden by the publisher.

  A unit is a block. A block's neighbours are on other sides, so the scores are those of the same shift, not of another
  day; and six blocks are few, so that intervals over fewer than 30 units fall back on rows and are too narrow.
  """
  table = liveline_multistage.load()
  block = table.groups["block"]
  side = np.array(DEALT)[block % len(DEALT)]
  # Machine4_Temperature4 is Machine4_Pressure in every row.
  left_out = tuple(name for name in table.columns if name.endswith("_Setpoint") or "Machine4_Temperature4" in name)
  y = {}
  for name, values in table.labels.items():
    usual = np.median(values[(side == "training") & (values > 0)])
    task = name.replace("Stage", "stage").replace("_Output_Measurement", "_").removesuffix("_U_Actual")
    y[task] = np.where(values > DROPPED_OUT * usual, values, np.nan)
  parts = split(side, table.matrix(name for name in table.columns if name not in left_out), y, block)
  return joined({"line": Source(parts, {task: Target("number", unit="?") for task in y})})
