"""river's learners on a stream, one event at a time: the outside comparison, with the extra `online`.

J. Montiel et al., "River: machine learning for streaming data in Python", J. Mach. Learn. Res. 22 (2021) 110.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from river import forest, linear_model, optim, preprocessing

from mtl_jax.online import Stream, events

LEARNERS: dict[str, Callable[[], Any]] = {
  "river: linear regression": lambda: preprocessing.StandardScaler() | linear_model.LinearRegression(optim.SGD(0.01)),
  "river: adaptive random forest": lambda: forest.ARFRegressor(n_models=10, seed=0),
}


def learned_one_by_one(make: Callable[[], Any], x: np.ndarray, y: np.ndarray, stream: Stream) -> np.ndarray:
  """(rows, targets): predictions of a river regressor for each target, which first learns x (n, d), y (n, targets)."""
  models = [make() for _ in y.T]

  def learn(x: np.ndarray, y: np.ndarray) -> None:
    for model, value in zip(models, y.tolist(), strict=True):
      model.learn_one(dict(enumerate(x.tolist())), value)

  for before in zip(x, y, strict=True):
    learn(*before)
  found = []
  for event in events(stream):
    if event.y is None:
      found.append([model.predict_one(dict(enumerate(event.x.tolist()))) for model in models])
    else:
      learn(event.x, event.y)
  return np.asarray(found)
