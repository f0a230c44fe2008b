"""From a config to task families: what to learn from, and the held-out tasks to be scored on."""

from collections.abc import Callable
from functools import cache

import jax

from mtl_jax import baselines
from mtl_jax import config as c
from mtl_jax.baselines import Fixed, Ladder
from mtl_jax.build.contract import Fold, HeldOut, asked, history, standardised
from mtl_jax.build.engines import few_engines, remaining_life
from mtl_jax.build.few_rows import few_rows
from mtl_jax.build.own import own_table
from mtl_jax.build.plant import tennessee_eastman
from mtl_jax.build.productivity import team_productivity
from mtl_jax.build.products import new_products
from mtl_jax.build.rig import hydraulic_rig
from mtl_jax.build.surface import surface_inspection
from mtl_jax.build.trials import new_plants
from mtl_jax.data import cwru, mfpt
from mtl_jax.tasks import bearings, fleet, vibration
from mtl_jax.tasks.pool import Pool, few_shot
from mtl_jax.tasks.sinusoid import mean_curve, sinusoid
from mtl_jax.trust import leak_audit
from mtl_jax.types import Array, TaskFamily

VALIDATION_SHOTS = 5


@cache  # the same function each time, so that what is jitted on it compiles once
def view_of(model: c.Model) -> Callable[[vibration.Window], vibration.Viewed]:
  match model:
    case c.Conv1D() | c.GRU():
      return vibration.viewed(vibration.waveform)
    case c.Residual():
      return vibration.viewed(vibration.features)
    case _:
      return vibration.viewed(vibration.spectra)


def _sinusoid(config: c.Config, tasks: c.Sinusoid) -> list[Fold]:
  train = sinusoid(tasks.shots, tasks.queries)

  def ladder() -> Ladder:
    return _beside(baselines.regression_ladder(), Fixed("best without adaptation", mean_curve))

  test = HeldOut(cache(lambda k: sinusoid(k, 100)), (), ladder)
  return [Fold("sinusoid", train, sinusoid(tasks.shots, 50), {"curves never seen": test})]


def _fleet_history(config: c.Config, tasks: c.Fleet) -> tuple[Pool, Callable[[], TaskFamily], Array]:
  """Training machines, validation machines once they are asked for, and a key for others."""
  train_key, validation_key, key = jax.random.split(jax.random.key(config.seed), 3)
  view = view_of(config.model)
  train = fleet.pool(train_key, "train", machines=tasks.machines, recordings=tasks.recordings, view=view)

  @cache  # one for all that learn from the fleet
  def validation() -> TaskFamily:
    count = VALIDATION_SHOTS + tasks.queries
    with jax.set_mesh(None):  # as all else is made: on one device, and not on each of those that training shares
      made = fleet.pool(validation_key, "validation", machines=60, recordings=count, view=view)
      (scaled,) = standardised(config.model, [train], [made])
    return few_shot(scaled, shots=VALIDATION_SHOTS, queries=tasks.queries)

  return train, validation, key


def _fleet(config: c.Config, tasks: c.Fleet) -> list[Fold]:
  recorded, validation, key = _fleet_history(config, tasks)
  (train,) = standardised(config.model, [recorded], [recorded])

  @cache  # not before training is over
  def test() -> Callable[[int], TaskFamily]:
    count = max(config.evaluation.shots) + tasks.queries
    with jax.set_mesh(None):
      made = fleet.pool(key, "test", machines=tasks.test_machines, recordings=count, view=view_of(config.model))
      (scaled,) = standardised(config.model, [recorded], [made])
    return asked(config, scaled, None, tasks.queries)

  def ladder() -> Ladder:
    return baselines.classification_ladder(history([recorded]))

  return [
    Fold(
      "fleet",
      few_shot(train, shots=tasks.shots, queries=tasks.queries),
      validation,
      {"machines never seen": HeldOut(lambda k: test()(k), fleet.CONDITIONS, ladder)},
    )
  ]


_CLOCKS = {"CWRU, outer race at 6 o'clock": (6,), "CWRU, outer race at 3, 6 or 12 o'clock": (3, 6, 12)}
_MFPT = "MFPT rig"
_NINE = "CWRU, nine fault classes"


def _mfpt_rule(classes: tuple[str, ...]) -> Fixed:
  inner, outer = (vibration.FEATURE_NAMES.index(f"envelope_{line}_1x") for line in ("bpfi", "bpfo"))
  return baselines.envelope_rule(inner, outer, classes.index("inner race"), classes.index("outer race"), len(classes))


def _beside(ladder: Ladder, *more: Fixed) -> Ladder:
  return ladder._replace(fixed=(*ladder.fixed, *more))


def _bearings(config: c.Config, tasks: c.Bearings) -> list[Fold]:
  """Each diameter left out once, in both forms of the outer-race class; then CWRU to MFPT."""
  view, windows = view_of(config.model), cwru.load()
  folds = []

  def fold(
    name: str, job: str, clocks: tuple[int, ...], diameters: tuple[int, ...], held: tuple[Pool, Pool], *rules: Fixed
  ):
    train = bearings.cwru_diameters(windows, diameters=diameters, clocks=clocks, view=view)
    leak_audit("unit", {"training": train[0].unit, "test": held[0].unit})

    def ladder() -> Ladder:
      past = history(list(train))
      simple = _beside(baselines.classification_ladder(past), *rules)
      directed = baselines.by_angle("nearest centroid, whitened, by angle", baselines.whitened(past))
      return simple._replace(rungs=(*simple.rungs, directed))

    train_s, train_q, held_s, held_q = standardised(config.model, list(train), [*train, *held])
    test = HeldOut(asked(config, held_s, held_q, tasks.queries), bearings.FAULTS, ladder)
    family = few_shot(train_s, train_q, shots=tasks.shots, queries=tasks.queries)
    folds.append(Fold(name, family, None, {job: test}))

  for job, clocks in _CLOCKS.items():
    for left_out in tasks.diameters:
      others = tuple(d for d in tasks.diameters if d != left_out)
      held = bearings.cwru_diameters(windows, diameters=(left_out,), clocks=clocks, view=view)
      fold(f"{left_out}-mil-{len(clocks)}", job, clocks, others, held)
  rig = bearings.mfpt(mfpt.load(), view=view)
  fold("mfpt", _MFPT, (3, 6, 12), tasks.diameters, rig, _mfpt_rule(bearings.FAULTS))
  return folds


def _fleet_to_bearings(config: c.Config, tasks: c.FleetToBearings) -> list[Fold]:
  """One training on the fleet; every form of the real bearings as a test."""
  view, classes = view_of(config.model), fleet.CONDITIONS
  train, validation, _ = _fleet_history(config, tasks.fleet)
  windows = cwru.load()
  held = {
    job: bearings.cwru_diameters(windows, diameters=tasks.bearings.diameters, clocks=clocks, classes=classes, view=view)
    for job, clocks in _CLOCKS.items()
  }
  held[_MFPT] = bearings.mfpt(mfpt.load(), classes=classes, view=view)
  held[_NINE] = bearings.cwru_nine(windows, view=view)

  @cache
  def ladder(same_labels: bool) -> Ladder:
    return baselines.classification_ladder(history([train]), same_labels=same_labels)

  tests = {}
  for job, pools in held.items():
    support, query = standardised(config.model, [train], list(pools))
    same_labels = job != _NINE  # the fleet's labels mean something else there
    rules = (_mfpt_rule(classes),) if job == _MFPT else ()
    family, labels = asked(config, support, query, tasks.bearings.queries), classes if same_labels else _nine_labels()

    def beside(same_labels: bool = same_labels, rules: tuple[Fixed, ...] = rules) -> Ladder:
      return _beside(ladder(same_labels), *rules)

    tests[job] = HeldOut(family, labels, beside, same_labels=same_labels)
  (learned,) = standardised(config.model, [train], [train])
  return [
    Fold(
      "fleet",
      few_shot(learned, shots=tasks.fleet.shots, queries=tasks.fleet.queries),
      validation,
      tests,
    )
  ]


def _nine_labels() -> tuple[str, ...]:
  return tuple(f"{fault} {diameter} mil" for fault in bearings.FAULTS for diameter in (7, 14, 21))


def folds(config: c.Config) -> list[Fold]:
  """The task families of a config.

  Raises:
    ConfigError: one's own table has too few units, or a target of another kind.
    DataError: a real data set is absent or damaged.
    LeakError: a unit or a recording stands on both sides.
  """
  match config.tasks:
    case c.Sinusoid() as tasks:
      return _sinusoid(config, tasks)
    case c.Fleet() as tasks:
      return _fleet(config, tasks)
    case c.Bearings() as tasks:
      return _bearings(config, tasks)
    case c.FleetToBearings() as tasks:
      return _fleet_to_bearings(config, tasks)
    case c.TennesseeEastman() as tasks:
      return tennessee_eastman(config, tasks)
    case c.Hydraulic() as tasks:
      return hydraulic_rig(config, tasks)
    case c.Surface() as tasks:
      return surface_inspection(config, tasks)
    case c.FewEngines() as tasks:
      return few_engines(config, tasks)
    case c.RemainingLife() as tasks:
      return remaining_life(config, tasks)
    case c.Productivity() as tasks:
      return team_productivity(config, tasks)
    case c.FewRows() as tasks:
      return few_rows(config, tasks)
    case c.Demand() as tasks:
      return new_products(config, tasks)
    case c.Process() as tasks:
      return new_plants(config, tasks)
    case c.Own() as tasks:
      return own_table(config, tasks)
