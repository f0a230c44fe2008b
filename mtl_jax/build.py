"""From a config to objects: folds of task families, networks, algorithms, baselines."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtl_jax import config as c
from mtl_jax import losses, meta, models, tree
from mtl_jax.baselines import Fixed, History, Ladder, classification_ladder, envelope_rule, regression_ladder
from mtl_jax.data import cwru, mfpt
from mtl_jax.tasks import bearings, fleet, vibration
from mtl_jax.tasks.pool import Pool, few_shot
from mtl_jax.tasks.sinusoid import mean_curve, sinusoid
from mtl_jax.trust import leak_audit
from mtl_jax.types import Algorithm, Apply, Array, Batch, ExampleLoss, PyTree, TaskFamily

VALIDATION_SHOTS = 5


class Test(NamedTuple):
  """One thing to score: a family for each number of labels, and the names of the labels."""

  family: Callable[[int], TaskFamily]
  labels: tuple[str, ...]  # () for a regression
  ladder: Ladder


class Fold(NamedTuple):
  """Tasks to learn from and the held-out ones to be scored on; a test may stand in several folds."""

  name: str
  train: TaskFamily
  validation: TaskFamily | None
  tests: dict[str, Test]


class Network(NamedTuple):
  """init(key) -> params, and the apply that goes with it."""

  init: Callable[[Array], PyTree]
  apply: Apply


class Method(NamedTuple):
  """A row of the table: an algorithm that predicts from a trained state."""

  name: str
  kind: Literal["ours", "baseline"]
  config: c.Algorithm
  against_steps: bool  # also scored against the number of adaptation steps


class Trained(NamedTuple):
  """One thing to train, and the methods that predict from what it learned.

  Attributes:
    name: also of its checkpoints.
    init: init(key) -> params.
    make: the Algorithm of a config, the same object each time, so that nothing compiles twice.
    config: what is trained.
    methods: what is scored; their states are those of `make(config)`.
  """

  name: str
  init: Callable[[Array], PyTree]
  make: Callable[[c.Algorithm], Algorithm]
  config: c.Algorithm
  methods: tuple[Method, ...]


def _width(config: c.Config) -> int:
  match config.tasks:
    case c.Sinusoid():
      return 1
    case c.Fleet():
      return len(fleet.CONDITIONS)
    case c.Bearings():
      return len(bearings.FAULTS)
    case c.FleetToBearings():
      return 9  # the largest task, all nine fault classes of CWRU


def network(config: c.Config, width: int) -> Network:
  """The network of `config` with `width` outputs."""
  match config.model:
    case c.MLP(hidden, norm):
      net = models.MLP((*hidden, width), norm=norm)
      x = jnp.zeros((1, 1)) if isinstance(config.tasks, c.Sinusoid) else jnp.zeros((1, len(vibration.SPECTRA_NAMES)))
    case c.Conv1D(features, kernels, strides):
      net = models.Conv1D(width, features=features, kernels=kernels, strides=strides)
      x = jnp.zeros((1, bearings.SAMPLES, 1))

  def apply(params: PyTree, x: PyTree) -> Array:
    prediction = net.apply(params, x.input if isinstance(x, vibration.Viewed) else x)
    assert isinstance(prediction, Array)  # no mutable collections were asked for
    return prediction

  return Network(lambda key: net.init(key, x), apply)


def algorithm(config: c.Algorithm, apply: Apply, loss: ExampleLoss, classes: int) -> Algorithm:
  """The algorithm of a config."""
  match config:
    case c.Maml(lr, steps, outer_lr, first_order, rates, per_step, remat, clip):
      return meta.maml(
        apply,
        loss,
        inner=optax.sgd(lr),
        inner_steps=steps,
        outer=optax.adam(outer_lr),
        first_order=first_order,
        learned_rates=rates,
        per_step_rates=per_step,
        rematerialise=remat,
        clip=clip,
      )
    case c.Anil(lr, steps, outer_lr, first_order):
      outer = optax.adam(outer_lr)
      return meta.anil(apply, loss, inner=optax.sgd(lr), inner_steps=steps, outer=outer, first_order=first_order)
    case c.Reptile(lr, steps, outer_lr, batch_size, predict_steps):
      return meta.reptile(
        apply,
        loss,
        inner=optax.sgd(lr),
        inner_steps=steps,
        outer=optax.sgd(outer_lr),
        batch_size=batch_size,
        predict_steps=predict_steps,
      )
    case c.ProtoNet(outer_lr, _):
      return meta.protonet(apply, loss, classes=classes, outer=optax.adam(outer_lr))
    case c.Finetune(lr, steps, outer_lr, head_only):
      adapt = tree.named("head") if head_only else None
      return meta.finetune(apply, loss, inner=optax.sgd(lr), inner_steps=steps, outer=optax.adam(outer_lr), adapt=adapt)


def _trained(config: c.Config, name: str, a: c.Algorithm, *methods: Method) -> Trained:
  classes = _width(config)
  loss = losses.squared_error if isinstance(config.tasks, c.Sinusoid) else losses.cross_entropy
  net = network(config, a.embedding if isinstance(a, c.ProtoNet) else classes)
  return Trained(name, net.init, cache(lambda a: algorithm(a, net.apply, loss, classes)), a, methods)


def trained(config: c.Config) -> list[Trained]:
  """The algorithm and its controls, each with the methods that its state serves."""
  result = []
  for a in (config.algorithm, *config.controls):
    if isinstance(a, c.Finetune):
      few = isinstance(config.tasks, c.Sinusoid)  # elsewhere every step of the whole network costs minutes
      methods = (
        Method("pooled network", "baseline", dataclasses.replace(a, inner_steps=0), False),
        Method("pooled network, fine-tuned", "baseline", dataclasses.replace(a, head_only=False), few),
        Method("pooled network, head fine-tuned", "baseline", dataclasses.replace(a, head_only=True), True),
      )
      result.append(_trained(config, "finetune", a, *methods))
    else:
      name = type(a).__name__.lower()
      result.append(_trained(config, name, a, Method(name, "ours", a, True)))
  return result


def scratch(config: c.Config) -> Algorithm:
  """The network trained on the support set alone, from parameters drawn anew for each task.

  There is nothing to train before: only `predict` is used, with the state ().
  """
  classes = _width(config)
  loss = losses.squared_error if isinstance(config.tasks, c.Sinusoid) else losses.cross_entropy
  net = network(config, classes)
  rate = 0.01 if isinstance(config.tasks, c.Sinusoid) else 0.1
  full = algorithm(c.Finetune(inner_lr=rate, inner_steps=50), net.apply, loss, classes)

  def predict(key: Array, state: PyTree, support: Batch, x: PyTree) -> Array:
    init_key, key = jax.random.split(key)
    return full.predict(key, full.init(net.init(init_key)), support, x)

  return full._replace(predict=predict)


def at_steps(a: c.Algorithm, steps: int) -> c.Algorithm | None:
  """The same with another number of adaptation steps; None where that has no meaning."""
  match a:
    case c.Reptile():
      return dataclasses.replace(a, predict_steps=steps)
    case c.Maml(per_step_rates=False) | c.Anil() | c.Finetune():
      return dataclasses.replace(a, inner_steps=steps)
    case _:
      return None


# Folds.


@cache  # the same function each time, so that what is jitted on it compiles once
def _view(model: c.Model) -> Callable[[vibration.Window], vibration.Viewed]:
  return vibration.viewed(vibration.waveform if isinstance(model, c.Conv1D) else vibration.spectra)


def standardised(model: c.Model, fitted_on: list[Pool], pools: list[Pool]) -> list[Pool]:
  """Spectra less the training windows' mean, over their deviation; waveforms as they are."""
  if isinstance(model, c.Conv1D):
    return pools
  rows = jnp.concatenate([p.x.input[p.mask] for p in fitted_on])
  mean, deviation = jnp.mean(rows, axis=0), jnp.std(rows, axis=0) + 1e-6

  def scale(pool: Pool) -> Pool:
    x = (pool.x.input - mean[None, None, None]) / deviation[None, None, None]
    return pool._replace(x=pool.x._replace(input=jnp.where(pool.mask[..., None], x, 0.0)))

  return [scale(pool) for pool in pools]


def _history(pools: list[Pool]) -> History:
  """Every usable training window: features, label, machine."""
  parts = []
  for pool in pools:
    mask = np.asarray(pool.mask)
    unit, label, _ = np.nonzero(mask)
    parts.append((np.asarray(pool.x.features)[mask], label, np.asarray(pool.unit)[unit]))
  x, y, group = (np.concatenate(column) for column in zip(*parts, strict=True))
  return History(x, y, group)


def _asked(config: c.Config, support: Pool, query: Pool | None, queries: int) -> Callable[[int], TaskFamily]:
  """A test family for each number of labels; all of them share one compiled program."""
  places = max(config.evaluation.shots)
  return lambda k: few_shot(support, query, shots=k, queries=queries, places=places)


def _sinusoid(config: c.Config, tasks: c.Sinusoid) -> list[Fold]:
  train = sinusoid(tasks.shots, tasks.queries)
  ladder = _beside(regression_ladder(), Fixed("best without adaptation", mean_curve))
  test = Test(cache(lambda k: sinusoid(k, 100)), (), ladder)
  return [Fold("sinusoid", train, sinusoid(tasks.shots, 50), {"curves never seen": test})]


def _fleet_history(config: c.Config, tasks: c.Fleet) -> tuple[Pool, Pool, Array]:
  """Training and validation machines, and a key for others."""
  train_key, validation_key, key = jax.random.split(jax.random.key(config.seed), 3)
  view = _view(config.model)
  train = fleet.pool(train_key, "train", machines=tasks.machines, recordings=tasks.recordings, view=view)
  validation = fleet.pool(
    validation_key, "validation", machines=60, recordings=VALIDATION_SHOTS + tasks.queries, view=view
  )
  return train, validation, key


def _fleet(config: c.Config, tasks: c.Fleet) -> list[Fold]:
  train, validation, key = _fleet_history(config, tasks)
  count = max(config.evaluation.shots) + tasks.queries
  test = fleet.pool(key, "test", machines=tasks.test_machines, recordings=count, view=_view(config.model))
  ladder = classification_ladder(_history([train]))
  train, validation, test = standardised(config.model, [train], [train, validation, test])
  return [
    Fold(
      "fleet",
      few_shot(train, shots=tasks.shots, queries=tasks.queries),
      few_shot(validation, shots=VALIDATION_SHOTS, queries=tasks.queries),
      {"machines never seen": Test(_asked(config, test, None, tasks.queries), fleet.CONDITIONS, ladder)},
    )
  ]


_CLOCKS = {"CWRU, outer race at 6 o'clock": (6,), "CWRU, outer race at 3, 6 or 12 o'clock": (3, 6, 12)}
_MFPT = "MFPT rig"
_NINE = "CWRU, nine fault classes"


def _mfpt_rule(classes: tuple[str, ...]) -> Fixed:
  inner, outer = (vibration.FEATURE_NAMES.index(f"envelope_{line}_1x") for line in ("bpfi", "bpfo"))
  return envelope_rule(inner, outer, classes.index("inner race"), classes.index("outer race"), len(classes))


def _beside(ladder: Ladder, *more: Fixed) -> Ladder:
  return ladder._replace(fixed=(*ladder.fixed, *more))


def _bearings(config: c.Config, tasks: c.Bearings) -> list[Fold]:
  """Each diameter left out once, in both forms of the outer-race class; then CWRU to MFPT."""
  view, recordings = _view(config.model), cwru.load()
  folds = []

  def fold(
    name: str, job: str, clocks: tuple[int, ...], diameters: tuple[int, ...], held: tuple[Pool, Pool], *rules: Fixed
  ):
    train = bearings.cwru_diameters(recordings, diameters=diameters, clocks=clocks, view=view)
    leak_audit("unit", {"training": train[0].unit, "test": held[0].unit})
    ladder = _beside(classification_ladder(_history(list(train))), *rules)
    train_s, train_q, held_s, held_q = standardised(config.model, list(train), [*train, *held])
    test = Test(_asked(config, held_s, held_q, tasks.queries), bearings.FAULTS, ladder)
    family = few_shot(train_s, train_q, shots=tasks.shots, queries=tasks.queries)
    folds.append(Fold(name, family, None, {job: test}))

  for job, clocks in _CLOCKS.items():
    for left_out in tasks.diameters:
      others = tuple(d for d in tasks.diameters if d != left_out)
      held = bearings.cwru_diameters(recordings, diameters=(left_out,), clocks=clocks, view=view)
      fold(f"{left_out}-mil-{len(clocks)}", job, clocks, others, held)
  rig = bearings.mfpt(mfpt.load(), view=view)
  fold("mfpt", _MFPT, (3, 6, 12), tasks.diameters, rig, _mfpt_rule(bearings.FAULTS))
  return folds


def _fleet_to_bearings(config: c.Config, tasks: c.FleetToBearings) -> list[Fold]:
  """One training on the fleet; every form of the real bearings as a test."""
  view, classes = _view(config.model), fleet.CONDITIONS
  train, validation, _ = _fleet_history(config, tasks.fleet)
  recordings = cwru.load()
  held = {
    job: bearings.cwru_diameters(
      recordings, diameters=tasks.bearings.diameters, clocks=clocks, classes=classes, view=view
    )
    for job, clocks in _CLOCKS.items()
  }
  held[_MFPT] = bearings.mfpt(mfpt.load(), classes=classes, view=view)
  held[_NINE] = bearings.cwru_nine(recordings, view=view)
  ladder = classification_ladder(_history([train]))
  tests = {}
  for job, pools in held.items():
    support, query = standardised(config.model, [train], list(pools))
    here, labels = ladder, classes
    if job == _MFPT:
      here = _beside(ladder, _mfpt_rule(classes))
    if job == _NINE:  # the fleet's labels mean something else there
      here, labels = ladder._replace(fixed=()), _nine_labels()
    tests[job] = Test(_asked(config, support, query, tasks.bearings.queries), labels, here)
  train, validation = standardised(config.model, [train], [train, validation])
  return [
    Fold(
      "fleet",
      few_shot(train, shots=tasks.fleet.shots, queries=tasks.fleet.queries),
      few_shot(validation, shots=VALIDATION_SHOTS, queries=tasks.fleet.queries),
      tests,
    )
  ]


def _nine_labels() -> tuple[str, ...]:
  return tuple(f"{fault} {diameter} mil" for fault in bearings.FAULTS for diameter in (7, 14, 21))


def folds(config: c.Config) -> list[Fold]:
  """The task families of a config.

  Raises:
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
