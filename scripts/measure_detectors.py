"""How late are charts that raise equally many false alarms?

python scripts/measure_detectors.py            (river's, too, with the extra "online")

An asset gives one residual an hour, of mean 0 and variance 1 until its mean moves: by half a deviation, one or two at
once, or by one in 100 hours. Thresholds are set on 400 calm assets of two months to one false alarm, or a tenth of one,
in an asset-month of 720 hours; delays in hours are the means over 400 others, each changing after two weeks, with
false alarms counted on 400 more. The last column: false alarms where neighbouring residuals correlate by 0.3.

Measured 2026-11-27 (2 CPU cores beside other work; river 0.26 on 40 assets of each kind, with its defaults):

  false alarms  detector                       shift of 0.5    1    2   1 in 100 h   false alarms, correlated
  1.02          CUSUM, allowance 0.25                    31   12    5           54   5.0
  1.11          CUSUM, allowance 0.5                     41   11    4           60   5.9
  1.00          EWMA, weight 0.05                        31   12    6           54   4.9
  1.05          EWMA, weight 0.2                         49   11    4           61   5.4
  1.07          Page-Hinkley, tolerance 0.25             58   16    6           58   4.8
  1.03          Bayesian, hazard 1 / month               31   11    4           55   4.7
  0.11          CUSUM, allowance 0.25                    48   17    8           67   1.3
  0.10          CUSUM, allowance 0.5                     76   15    6           73   1.6
  0.11          EWMA, weight 0.05                        56   17    7           68   1.3
  0.11          EWMA, weight 0.2                        163   20    5           83   1.3
  0.10          Page-Hinkley, tolerance 0.25             65   19    8           71   1.2
  0.11          Bayesian, hazard 1 / month               52   16    6           69   1.4
  0.00          river: ADWIN                            159   50   22          117   0.0
  0.85          river: KSWIN                            216   76   21          104   2.2
  0.25          river: PageHinkley                       84   40   20           87   0.7

Nobody is ahead everywhere: each chart is the earliest for the shift that its setting has in mind, and the Bayesian one,
which averages over shifts, is level with the best of them or an hour or four behind. Page-Hinkley learns the mean that
the others know, and pays for it. All but ADWIN take correlated residuals for changes: whiten them, or set the threshold
on residuals of the asset's own. KSWIN and Page-Hinkley missed 15 and 1 % of some kind of change, others none.
"""

import importlib.util
import sys

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from rich.table import Table

from mtl_jax import online
from mtl_jax.command import console, exit_with_message

MONTH, CALM, WATCHED = 720, 336, 1000
DETECTORS = {
  "CUSUM, allowance 0.25": online.cusum(0.25),
  "CUSUM, allowance 0.5": online.cusum(0.5),
  "EWMA, weight 0.05": online.ewma(0.05),
  "EWMA, weight 0.2": online.ewma(0.2),
  "Page-Hinkley, tolerance 0.25": online.page_hinkley(0.25),
  "Bayesian, hazard 1 / month": online.bayesian(1 / MONTH, 1.0, 200),
}


def shifts() -> dict[str, np.ndarray]:
  """(hours,) what is added to the mean."""
  after = np.maximum(np.arange(CALM + WATCHED) - CALM + 1, 0)
  return {f"{size:g}": size * (after > 0) for size in (0.5, 1.0, 2.0)} | {"1 in 100 h": after / 100.0}


def residuals(seed: int, assets: int, hours: int, correlation: float = 0.0) -> jax.Array:
  noise = jax.random.normal(jax.random.key(seed), (assets, hours))

  def one(last, value):
    last = correlation * last + (1 - correlation**2) ** 0.5 * value
    return last, last

  return jax.lax.scan(one, noise[:, 0], noise.T)[1].T


def rivers(values: np.ndarray) -> dict[str, np.ndarray]:
  """Alarms of river's tests with their defaults, (assets, hours)."""
  from river import drift

  def alarms(make, path):
    test, found = make(), []
    for value in path:
      test.update(float(value))
      found.append(test.drift_detected)
      if found[-1]:
        test = make()
    return found

  return {
    f"river: {make.__name__}": np.asarray([alarms(make, path) for path in values])
    for make in (drift.ADWIN, drift.KSWIN, drift.PageHinkley)
  }


def main(assets: int = 400, with_river: int = 40) -> None:
  """Args:
  assets: of each kind.
  with_river: assets that river's tests watch, one by one; 0: none.
  """
  table = Table("false alarms a month", "detector", "threshold", *shifts(), "found", "correlated")
  for rate in (1.0, 0.1):
    for name, detector in DETECTORS.items():
      threshold = online.threshold_for(detector, residuals(0, assets, 2 * MONTH), MONTH / rate)
      watch = jax.jit(jax.vmap(lambda path, d=detector, t=threshold: online.alarms(d, t, path)))
      months = assets * 2
      false, correlated = (float(watch(residuals(1, assets, 2 * MONTH, c)).sum()) / months for c in (0.0, 0.3))
      late = []
      for shift in shifts().values():
        values = residuals(2, assets, len(shift)) + jnp.asarray(shift, jnp.float32)[None]
        late.append(online.delays(np.asarray(watch(values)), CALM))
      found = min(1 - np.isnan(one).mean() for one in late)
      cells = (f"{np.nanmean(one):.0f}" for one in late)
      table.add_row(f"{false:.2f}", name, f"{threshold:.2f}", *cells, f"{found:.0%}", f"{correlated:.1f}")
  if with_river and importlib.util.find_spec("river"):
    calm = rivers(np.asarray(residuals(1, with_river, 2 * MONTH)))
    related = rivers(np.asarray(residuals(1, with_river, 2 * MONTH, 0.3)))
    late = [rivers(np.asarray(residuals(2, with_river, len(shift))) + shift[None]) for shift in shifts().values()]
    for name, raised in calm.items():
      each = [online.delays(one[name], CALM) for one in late]
      cells = ("-" if np.isnan(one).all() else f"{np.nanmean(one):.0f}" for one in each)
      found, months = min(1 - np.isnan(one).mean() for one in each), with_river * 2
      ends = (f"{found:.0%}", f"{related[name].sum() / months:.1f}")
      table.add_row(f"{raised.sum() / months:.2f}", name, "default", *cells, *ends)
  console.print(table)


if __name__ == "__main__":
  exit_with_message(lambda argv: tyro.cli(main, args=argv, description=__doc__), sys.argv[1:])
