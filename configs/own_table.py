"""Your own table: a unit is a task, its rows in the order of time; here 60 simulated presses.

  python scripts/example_table.py runs/presses.parquet
  python scripts/train.py configs/own_table.py
  python scripts/train.py configs/own_table.py --tasks.target state --algorithm.inner-lr 0.1     (text: classes)
  python scripts/train.py configs/own_table.py --tasks.path s3://bucket/folder --tasks.unit machine --tasks.time stamp \
    --tasks.features load heat --tasks.target wear

Better, copy this file, and write down what your columns may hold, so that a wrong unit of measure or a dead sensor is
named with its row and does not end up in a score:

    rules=(Rule("load", low=0.0, high=1.2), Rule("oil_bar", low=0.0, high=10.0, missing=True)),

A column without a rule must be finite and complete; a rule for a column that is not read is refused. K is a number of
consecutive labelled rows of a unit; the rows that follow are asked. Errors are in deviations of the training units.

Not measured yet: no scores are stated here.
"""

from mtl_jax.config import MLP, Config, Evaluation, Finetune, Maml, Own, Training

config = Config(
  name="own_table",
  tasks=Own(
    path="runs/presses.parquet",
    unit="press",
    time="hour",
    features=("load", "speed", "oil_bar"),
    target="heat",
  ),
  model=MLP(hidden=(64, 64), norm="none"),
  algorithm=Maml(inner_lr=0.03, inner_steps=5, outer_lr=1e-3),
  controls=(Finetune(inner_lr=0.03, inner_steps=20),),
  training=Training(steps=2_000, tasks_per_step=16, chunk_steps=200),
  evaluation=Evaluation(shots=(1, 5, 10), adaptation_steps=(0, 1, 3, 5, 10), adaptation_shots=10),
)
