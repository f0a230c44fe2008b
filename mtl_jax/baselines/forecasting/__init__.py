"""The ladder of forecasters: rules of thumb, statistical models through statsforecast, and models pooled over products.

Each rung gives nine deciles and the mean of every period asked. A forecaster of one number gets its deciles from a
negative binomial around it, whose dispersion was fitted on windows of the training products: without that it would be
judged on quantiles that it never claimed. Smoothing constants too are those that did best on those windows.
"""

import numpy as np

from mtl_jax.baselines.forecasting.counts import Around, Prior, around, fit_around, shrunk
from mtl_jax.baselines.forecasting.points import (
  Point,
  by_weekday,
  chosen,
  last,
  library,
  mean,
  same_weekday_median,
  weekday_profile,
  with_enough,
)
from mtl_jax.baselines.forecasting.pooled import boosted
from mtl_jax.baselines.forecasting.windows import Asked, Window, windows_of
from mtl_jax.baselines.ladder import Fixed, Ladder
from mtl_jax.tasks.demand import OUTPUTS
from mtl_jax.types import Episode

__all__ = [
  "Around",
  "Asked",
  "Prior",
  "Window",
  "fit_around",
  "forecasting_ladder",
  "last",
  "library",
  "mean",
  "same_weekday_median",
  "windows_of",
]

SOME = 600  # windows that what is slow is fitted on
RATES = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)


def forecasting_ladder(episodes: Episode, *, season: int | None = None) -> Ladder:
  """Every rung for a forecast of demand.

  Args:
    episodes: windows of training products, leaves (windows, ...) of NumPy, as `tasks.demand.ahead` gives them.
    season: weekdays, one calendar column each; None: there are none. With them what is smoothed is demand over the
      weekday's share, so that no rung is weak for want of knowing Fridays.
  """
  # The extra `forecast`; who has no demand to forecast needs none of it.
  from statsforecast.models import TSB, AutoETS, CrostonSBA, SimpleExponentialSmoothing

  windows = windows_of(episodes)
  some = windows[:SOME]
  profile = None if season is None else weekday_profile(windows)

  def seasonal(point: Point) -> Point:
    return point if profile is None else by_weekday(point, profile)

  smoothing = chosen([library(lambda a=a: SimpleExponentialSmoothing(alpha=a)) for a in RATES], some, seasonal)
  rates = [(d, p) for d in RATES[:5:2] for p in RATES[:5:2]]
  tsb = chosen([library(lambda d=d, p=p: TSB(alpha_d=d, alpha_p=p)) for d, p in rates], some, seasonal)
  ets = with_enough(library(lambda: AutoETS(season_length=1)), smoothing)
  rungs = [
    around("mean of the observations", seasonal(mean), windows),
    around("last value", seasonal(last), windows),
    around("exponential smoothing", seasonal(smoothing), some),
    around("TSB", seasonal(tsb), some),
    around("Croston, SBA", seasonal(library(CrostonSBA)), some),
    around("AutoETS", seasonal(ets), some),
    shrunk(windows, profile),
    boosted(windows, season),
  ]
  if season is not None:
    rungs.insert(2, around("same weekday's median", same_weekday_median, windows, median=True))
  return Ladder(tuple(rungs), (Fixed("zero", lambda q: np.zeros((len(q), OUTPUTS))),))
