"""Weekly sales of 811 products: what will be sold in the week that begins, when the last weeks are not all known yet.

On Monday of week t the demand of that week is asked; the sales of a week are known on the Sunday that ends it, or
weeks later. What is read are the latest eight weeks known, on a logarithmic scale, on which demand is learned as well;
errors are in units. Nothing that comes later is known to a feature either: with labels four weeks late the newest sales
that anybody sees are four weeks old.
"""

import numpy as np

from mtl_jax import online
from mtl_jax.config import ConfigError
from mtl_jax.data import sales_weekly
from mtl_jax.in_service.source import Source, absolute, split

LAGS, START = 8, 26  # weeks that are read; the first that is asked
_SUNDAY = 1 / 7  # a week less a day


def sales_of(units: np.ndarray, delay: int) -> Source:
  """Of units (products, weeks); `delay` in weeks, 1 or more."""
  products, weeks = units.shape
  logs, week = np.log1p(units), np.arange(LAGS + delay - 1, weeks)
  lags = np.stack([logs[:, week - delay - back] for back in range(LAGS)], axis=-1)  # (products, asked weeks, LAGS)
  so_far = np.cumsum(units, axis=1)[:, week - delay] / (week - delay + 1.0)
  of_lags = [lags, lags.mean(-1, keepdims=True), lags.std(-1, keepdims=True)]
  x = np.concatenate([*of_lags, np.log1p(so_far)[..., None]], axis=-1)
  asked = [np.repeat(np.arange(products), len(week)), np.tile(week, products)]
  stream = online.stream(
    asked[1].astype(float),
    x.reshape(-1, x.shape[-1]).astype(np.float32),
    logs[asked[0], asked[1]][:, None].astype(np.float32),
    delay=delay - _SUNDAY,
    unit=asked[0],
  )
  history, running, _ = split(stream, START)
  return Source(
    history,
    running,
    {
      "last week known": lambda source: source.running.x[:, :1],
      "mean of the last eight": lambda source: np.log1p(np.expm1(source.running.x[:, :LAGS]).mean(1, keepdims=True)),
    },
    {"MAE, units": _units, "MAE of log(1 + units)": absolute},
    part=running.unit,
    changes={},
    calm=np.zeros(len(running.time), bool),
    window=products,
    stretch=products,
    refit=4.0,
  )


def _units(prediction: np.ndarray, y: np.ndarray) -> np.ndarray:
  return np.abs(np.maximum(np.expm1(prediction), 0.0) - np.expm1(y))[:, 0]


def load(delay: float) -> Source:
  """Sales known `delay` weeks after a week began; ConfigError for less than one, or a part of one."""
  if delay < 1 or delay % 1:
    raise ConfigError(f"--delays {delay:g}: sales are known by whole weeks, 1 or more")
  table = sales_weekly.load()
  units = table.labels["units_sold"].reshape(-1, sales_weekly.WEEKS).astype(float)
  return sales_of(units, int(delay))
