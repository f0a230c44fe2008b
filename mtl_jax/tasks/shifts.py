"""Daily productivity of garment teams: what is known in the morning, and what the day brings beyond its plan."""

from collections.abc import Mapping
from typing import Protocol

import jax.numpy as jnp
import numpy as np

from mtl_jax.metrics import normal
from mtl_jax.types import Array, Episode, Metrics

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Saturday", "Sunday")
FEATURES = (
  "plan",
  "minutes",
  "workers",
  "log_workers",
  "in_progress",
  "changes",
  "week",
  "sewing",
  *(day.lower() for day in DAYS),
)
STEP = 0.1  # what an error of 1 is for a network: a tenth of the work allotted


class Days(Protocol):
  """What is read of a table; `mtl_jax.data.Table` of garment_productivity has it."""

  @property
  def columns(self) -> Mapping[str, np.ndarray]: ...
  @property
  def labels(self) -> Mapping[str, np.ndarray]: ...
  @property
  def groups(self) -> Mapping[str, np.ndarray]: ...


def features(table: Days) -> np.ndarray:
  """(n, len(FEATURES)) float64, all known before the day begins.

  Overtime, idle time and idle men are known when it is over, and the incentive is paid for what came out: they are
  left out. Work in progress is not recorded for finishing and stands there as 0, the log of one piece.
  """
  given = table.columns
  workers, pieces = np.asarray(given["no_of_workers"], float), np.asarray(given["wip"], float)
  columns = [
    given["targeted_productivity"],
    given["smv"],
    workers,
    np.log(workers),
    np.log(np.where(np.isnan(pieces), 1.0, pieces)),
    given["no_of_style_change"],
    given["quarter"],
    np.asarray(table.groups["department"]) == "sewing",
    *(np.asarray(given["day"]) == day for day in DAYS),
  ]
  return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def beyond_plan(table: Days) -> np.ndarray:
  """(n,) actual less targeted productivity, in steps of `STEP`."""
  actual, planned = table.labels["actual_productivity"], table.columns["targeted_productivity"]
  return (np.asarray(actual, np.float64) - np.asarray(planned, np.float64)) / STEP


def judged(prediction: Array, episode: Episode) -> Metrics:
  """mse and mae of one episode, productivity being a share of the work allotted.

  Args:
    prediction: (n, 1) beyond the plan, in steps of `STEP`; the plan is the same on both sides and drops out. (n, 2)
      with its log variance; `metrics.normal` is then given too.
  """
  (_, y, mask) = episode.query
  error = jnp.where(mask, STEP * (prediction[:, 0] - y[:, 0]), 0.0)
  count = jnp.maximum(jnp.sum(mask, dtype=error.dtype), 1.0)
  errors = {"mse": jnp.sum(jnp.square(error)) / count, "mae": jnp.sum(jnp.abs(error)) / count}
  return errors | normal(prediction, y[:, 0], mask, STEP)
