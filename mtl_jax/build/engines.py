"""Remaining life on a C-MAPSS subset never trained on, from the whole life of a few of its engines."""

import numpy as np

from mtl_jax import config as c
from mtl_jax.baselines import History, regression_ladder
from mtl_jax.build.contract import Fold, HeldOut
from mtl_jax.clean import Rows
from mtl_jax.data import cmapss
from mtl_jax.tasks import turbofan
from mtl_jax.tasks.units import Lives, few_units, lay_out

SUBSETS = ("FD001", "FD002", "FD003", "FD004")
FEATURES = len(turbofan.feature_names())
_KEPT = 64  # rows of an engine's life that are laid out


def few_engines(config: c.Config, tasks: c.FewEngines) -> list[Fold]:
  """Each subset left out once: learn on the engines of the other three, be asked at the last cycle of its test engines.

  Flight conditions and scales are fitted on the training engines of the other three. The
  target is the remaining life capped at 125 cycles, over 125.
  """
  table = cmapss.load()
  flown, engine = turbofan.flights(table), np.unique(table.groups["unit"], return_inverse=True)[1]
  subset, train = table.groups["subset"], table.groups["split"] == "train"
  group = np.searchsorted(SUBSETS, subset)
  life = np.stack([turbofan.capped(table.labels["rul"]), table.labels["rul"]], axis=1) / turbofan.CAP
  last = np.zeros(len(life), bool)
  last[turbofan.last_cycles(table)] = True
  step = turbofan.features(regimes=max(turbofan.REGIMES.values()))
  places = max(config.evaluation.shots)
  folds = []
  for left_out in SUBSETS:
    known = train & (subset != left_out)
    x = np.asarray(step.apply(step.fit(_take(flown, known)), flown).x)
    x = ((x - x[known].mean(0)) / (x[known].std(0) + 1e-9)).astype(np.float32)

    def lives(rows: np.ndarray, kept: int = _KEPT, targets: int = 1, x: np.ndarray = x) -> Lives:
      return lay_out(x[rows], life[rows, :targets], engine[rows], group[rows], kept)

    own, asked = lives(train & (subset == left_out)), lives(~train & (subset == left_out) & last, 1, 2)
    some = np.random.default_rng(0).permutation(np.flatnonzero(known))[:30_000]
    history = History(x[some], life[some, 0], engine[some])
    test = HeldOut(
      lambda k, own=own, asked=asked: few_units(
        own, asked, shots=k, rows=tasks.rows, queries=tasks.queries, places=places
      ),
      (),
      regression_ladder(history),
      unit="cycles",
      judge=turbofan.judged,
    )
    family = few_units(lives(known), shots=tasks.shots, rows=tasks.rows, queries=tasks.queries)
    folds.append(Fold(left_out, family, None, {f"{left_out} from the other three and K of its engines": test}))
  return folds


def _take(flown: Rows, some: np.ndarray) -> Rows:
  assert flown.unit is not None and flown.time is not None and flown.settings is not None  # flights have them
  return Rows(flown.x[some], flown.unit[some], flown.time[some], flown.settings[some])
