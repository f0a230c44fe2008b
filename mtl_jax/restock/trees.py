"""Boosted trees for the quantile, pooled over products."""

from functools import lru_cache

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from mtl_jax import inventory
from mtl_jax.restock.problem import Problem, others, ratio, windows


def _read(recent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """(..., memory) -> columns (..., d), of the window's size, and its size (...)."""
  memory = recent.shape[-1]
  of_window = (1.0 + recent.sum(-1)) / (1.0 + memory)
  tails = [recent[..., -k:].mean(-1) for k in (1, 2, 3, 4, memory // 2, memory)]
  smooth = [recent @ ((1 - a) ** np.arange(memory)[::-1] * a) for a in (0.1, 0.3, 0.6)]
  whole = [recent.std(-1), recent.max(-1), recent.min(-1), np.median(recent, -1)]
  scaled = np.stack([*tails, *smooth, *whole], axis=-1) / of_window[..., None]
  return np.concatenate([scaled, of_window[..., None], (recent == 0).mean(-1)[..., None]], axis=-1), of_window


@lru_cache(maxsize=16)
def boosted(problem: Problem, short: float, every: int) -> np.ndarray:
  """Boosted trees for the quantile, pooled over the other products, fitted anew after `every` periods; 0: never."""
  memory = problem.memory
  x, of_window = _read(windows(problem, memory, memory))
  y = inventory.to_cover(problem.sold[:, memory:], problem.lead)
  last = problem.sold.shape[1]
  found, draw = np.zeros((len(x), last - problem.cut)), np.random.default_rng(0)
  for train, test in others(problem):
    for first in range(problem.cut, last, every or last):
      now = slice(first - memory, min(first + (every or last), last) - memory)
      known = first - memory - problem.lead  # labels that have come
      rows, scale = x[train, :known].reshape(-1, x.shape[2]), of_window[train, :known].ravel()
      some = draw.permutation(len(rows))[:20_000]
      model = HistGradientBoostingRegressor(
        loss="quantile", quantile=ratio(short), max_iter=100, learning_rate=0.06, max_leaf_nodes=12,
        min_samples_leaf=40, early_stopping=False, random_state=0,
      )  # fmt: skip
      with threadpool_limits(1, user_api="openmp"):
        model.fit(rows[some], (y[train, :known].ravel() / scale)[some], sample_weight=scale[some])
        asked = x[test, now]
        answer = model.predict(asked.reshape(-1, x.shape[2])).reshape(asked.shape[:2])
      found[test, first - problem.cut : first - problem.cut + asked.shape[1]] = answer * of_window[test, now]
  return found
