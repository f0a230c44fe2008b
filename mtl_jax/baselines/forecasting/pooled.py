"""One model for all products: gradient boosting on summaries of a window."""

import joblib
import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from mtl_jax.baselines.forecasting.windows import Asked, Window, answer, same_weekday
from mtl_jax.baselines.ladder import Rung
from mtl_jax.tasks.demand import CALENDAR, LEVELS

MANY = 5_000  # rows; fewer are fitted sooner than another process starts


def summary(asked: Asked, season: int | None) -> np.ndarray:
  """(h, d): levels and scatter of a window, in units; the same weekday's where there are weekdays."""
  sold = asked.sold
  n = len(sold)
  tail = [sold[-k:].mean() for k in (2, 4, 8)]
  smooth = [float(np.average(sold, weights=(1 - a) ** np.arange(n - 1, -1, -1))) for a in (0.1, 0.3, 0.6)]
  late = sold[n // 2 :].mean() - sold[: n // 2].mean() if n > 1 else 0.0
  whole = [sold.mean(), np.median(sold), sold.std(), sold.min(), sold.max(), late, sold[-1]]
  each = np.tile(np.array([*whole, *tail, *smooth]), (len(asked.q), 1))
  columns = [each]
  if season is not None:
    same = same_weekday(asked)
    seen = [sold[row] if row.any() else np.array([np.nan]) for row in same]
    columns.append(np.array([[np.median(s), s.mean(), s[-1], s.max(), s.min()] for s in seen]))
  return np.concatenate(columns, axis=1)


def boosted(windows: list[Window], season: int | None, *, iterations: int = 120, leaves: int = 12) -> Rung:
  """Gradient boosting of each decile and of the mean on summaries of the window, pooled over training products.

  Demand and summaries are over the window's mean, and each row weighs as much as its error counts.
  """

  def scale(asked: Asked) -> float:
    return float((asked.sold.sum() + 1.0) / (len(asked.sold) + 1.0))

  def told(asked: Asked) -> np.ndarray:
    sold, of_window = asked.sold, scale(asked)
    since = len(sold) - np.flatnonzero(sold)[-1] if sold.any() else len(sold) + 1
    window = np.tile([of_window, len(sold), (sold == 0).mean(), since], (len(asked.q), 1))
    return np.concatenate([window, asked.q[:, :1], asked.q[:, CALENDAR:], summary(asked, season) / of_window], axis=1)

  x = np.concatenate([told(w.asked) for w in windows])
  sizes = np.concatenate([np.full(len(w.outcome), scale(w.asked)) for w in windows])
  y = np.concatenate([w.outcome for w in windows]) / sizes
  weight = sizes / np.concatenate([w.divisor for w in windows])
  common = {
    "max_iter": iterations,
    "learning_rate": 0.06,
    "max_leaf_nodes": leaves,
    "min_samples_leaf": 40,
    "early_stopping": False,
    "random_state": 0,
  }
  models = [HistGradientBoostingRegressor(loss="quantile", quantile=float(level), **common) for level in LEVELS]
  models.append(HistGradientBoostingRegressor(loss="poisson", **common))
  # Side by side, each on one thread: the threads of a single fit wait for each other where the machine has other work.
  with threadpool_limits(1, user_api="openmp"):
    jobs = -1 if len(y) > MANY else 1
    models = joblib.Parallel(n_jobs=jobs)(joblib.delayed(model.fit)(x, y, sample_weight=weight) for model in models)

  def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    asked = Asked(x, y[:, 0], q)
    rows = told(asked)
    found = scale(asked) * np.stack([model.predict(rows) for model in models], axis=1)
    return answer(np.maximum(np.sort(found[:, :-1], axis=1), 0.0), found[:, -1])

  return Rung("pooled quantile boosting", predict)
