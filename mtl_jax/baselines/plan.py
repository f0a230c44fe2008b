"""The ladder for what a day brings beyond its plan: the plan itself, the team's own past, and other teams."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict

from mtl_jax.baselines.ladder import ALPHA, Fixed, History, Ladder, Rung


def trust_in_days(y: np.ndarray, group: np.ndarray) -> float:
  """How many days of a team weigh as much as what is known of teams: the variance of a team's days over that of teams.

  Method of moments for unequal groups: W. G. Cochran, "The combination of estimates from different experiments",
  Biometrics 10 (1954), the variance between groups from the mean squares of the analysis of variance.

  Args:
    y: (n,) values; group: (n,) the team.

  Returns: inf where teams do not differ by more than chance.
  """
  _, member, count = np.unique(group, return_inverse=True, return_counts=True)
  mean = np.bincount(member, weights=y) / count
  teams, rows = len(count), len(y)
  within = np.sum((y - mean[member]) ** 2) / (rows - teams)
  between = np.sum(count * (mean - y.mean()) ** 2) / (teams - 1)
  size = (rows - np.sum(count**2) / rows) / (teams - 1)
  spread = (between - within) / size
  return float(within / spread) if spread > 0 else float("inf")


def plan_ladder(history: History, plan: Callable[[np.ndarray], np.ndarray]) -> Ladder:
  """Every rung; y is what came less what was planned.

  Args:
    history: days of other teams, x standardised, y (n,).
    plan: features (n, d) -> (n,) the planned value, in the unit of y.
  """
  days = trust_in_days(history.y, history.group)
  common = float(history.y.mean())
  linear = Ridge(ALPHA).fit(history.x, history.y)
  trees = ExtraTreesRegressor(200, min_samples_leaf=3, random_state=0).fit(history.x, history.y)
  boosted = HistGradientBoostingRegressor(
    learning_rate=0.05, max_iter=100, max_leaf_nodes=8, min_samples_leaf=10, early_stopping=False, random_state=0
  ).fit(history.x, history.y)
  left = history.y - _out_of_team(trees, history)
  left_days = trust_in_days(left, history.group)

  def column(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, float).reshape(-1, 1)

  def support_only(make: Callable[[int], Any]):
    return lambda x, y, q, seed: column(make(seed).fit(x, y[:, 0]).predict(q))

  def mean(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return column((y[:, 0] + plan(x)).mean() - plan(q))

  def shifted(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return np.full((len(q), 1), y.mean())

  def shrunk(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return np.full((len(q), 1), common + (y.mean() - common) * len(y) / (len(y) + days))

  def corrected(known: Any, days: float):
    def predict(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
      return column(known.predict(q) + np.sum(y[:, 0] - known.predict(x)) / (len(y) + days))

    return predict

  def few(seed: int) -> ExtraTreesRegressor:
    return ExtraTreesRegressor(50, random_state=seed)

  def around(x: np.ndarray, y: np.ndarray, q: np.ndarray, seed: int) -> np.ndarray:
    return column(linear.predict(q) + Ridge(ALPHA).fit(x, y[:, 0] - linear.predict(x)).predict(q))

  def few_boosted(seed: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=2, early_stopping=False, random_state=seed)

  return Ladder(
    (
      Rung("mean of the past days", mean),
      Rung("plan and the mean deviation of the past days", shifted),
      Rung("plan and the mean deviation, shrunk to that of other teams", shrunk),
      Rung("ridge", support_only(lambda seed: Ridge(ALPHA))),
      Rung("extra trees", support_only(few)),
      Rung("boosted trees", support_only(few_boosted)),
      Rung("ridge around the pooled ridge", around),
      Rung("pooled boosted trees, corrected", corrected(boosted, left_days)),
      Rung("pooled extra trees, corrected", corrected(trees, left_days)),
    ),
    (
      Fixed("planned value", lambda q: np.zeros((len(q), 1))),
      Fixed("plan and the mean deviation of other teams", lambda q: np.full((len(q), 1), common)),
      Fixed("pooled ridge", lambda q: column(linear.predict(q))),
      Fixed("pooled extra trees", lambda q: column(trees.predict(q))),
      Fixed("pooled boosted trees", lambda q: column(boosted.predict(q))),
    ),
  )


def _out_of_team(model: Any, history: History) -> np.ndarray:
  """(n,) predictions of each team by the model fitted on the others."""
  splits = GroupKFold(min(5, len(np.unique(history.group))))
  return cross_val_predict(clone(model), history.x, history.y, groups=history.group, cv=splits)
