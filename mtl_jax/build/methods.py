"""From a config to networks and algorithms."""

import dataclasses
from collections.abc import Callable
from functools import cache
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax import config as c
from mtl_jax import losses, meta, models, tree
from mtl_jax.build import engines, few_rows, own, plant, productivity, products, rig, surface, trials
from mtl_jax.build.one_pass import one_pass
from mtl_jax.tasks import bearings, demand, fleet, texture, vibration
from mtl_jax.types import Algorithm, Apply, Array, Batch, ExampleLoss, PyTree


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


class Shape(NamedTuple):
  """What a network reads and says in a job."""

  inputs: int  # numbers that an MLP reads of an example
  outputs: int  # classes, or numbers predicted
  loss: ExampleLoss = losses.cross_entropy


def shape(config: c.Config) -> Shape:
  """What a network reads and says in a job; its loss."""
  # A residual network starts as its input, which is then what baselines read too.
  window = vibration.FEATURE_NAMES if isinstance(config.model, c.Residual) else vibration.SPECTRA_NAMES
  match config.tasks:
    case c.Sinusoid():
      return Shape(1, 1, losses.squared_error)
    case c.Fleet():
      return Shape(len(window), len(fleet.CONDITIONS))
    case c.Bearings():
      return Shape(len(window), len(bearings.FAULTS))
    case c.FleetToBearings():
      return Shape(len(window), 9)  # the largest task, all nine fault classes of CWRU
    case c.TennesseeEastman():
      return Shape(plant.FEATURES, len(plant.FAULTS))
    case c.Hydraulic():
      return Shape(rig.FEATURES, 4)
    case c.Surface() as tasks:
      return Shape(len(surface.columns(tasks)) + len(texture.RULE), surface.CLASSES)
    case c.FewEngines():
      return Shape(engines.FEATURES, 1, losses.squared_error)
    case c.RemainingLife():
      return Shape(engines.FEATURES, 1, losses.squared_error)
    case c.Productivity():
      return Shape(productivity.FEATURES, 1, losses.squared_error)
    case c.FewRows("ai4i2020"):
      return Shape(few_rows.MILLING_FEATURES, 1, losses.binary_cross_entropy)
    case c.FewRows():
      return Shape(few_rows.STEEL_FEATURES, few_rows.STEEL_FAULTS)
    case c.Demand() as tasks:
      return Shape(demand.CALENDAR + products.calendar(tasks), demand.OUTPUTS, demand.loss)
    case c.Process() as tasks:
      return Shape(trials.features(tasks), 1, losses.squared_error)
    case c.Own() as tasks:
      classes = own.read(tasks).classes
      return Shape(len(tasks.features), len(classes) or 1, losses.cross_entropy if classes else losses.squared_error)


def network(config: c.Config, width: int | None, context: int = 0) -> Network:
  """The network of `config` with `width` outputs; None: the embedding of a residual one, as wide as its inputs.

  It may be conditioned by `context` numbers that adapt.
  """
  match config.model:
    case c.MLP(hidden, norm):
      assert width is not None
      net = models.MLP((*hidden, width), norm=norm, context=context)
      x = jnp.zeros((1, shape(config).inputs))
    case c.Residual(hidden, soft_unit):
      net = models.Residual(hidden, soft_unit, width, context)
      x = jnp.zeros((1, shape(config).inputs))
    case c.Conv1D(features, kernels, strides):
      assert width is not None
      net = models.Conv1D(width, features=features, kernels=kernels, strides=strides, context=context)
      x = jnp.zeros((1, bearings.SAMPLES, 1))
    case c.GRU(hidden, frame):
      assert width is not None
      net = models.GRU(width, hidden, frame, context)
      x = jnp.zeros((1, bearings.SAMPLES, 1))

  def apply(params: PyTree, x: PyTree) -> Array:
    prediction = net.apply(params, x.input if isinstance(x, vibration.Viewed) else x)
    assert isinstance(prediction, Array)  # no mutable collections were asked for
    return prediction

  forecasts = isinstance(config.tasks, c.Demand)
  return Network(lambda key: net.init(key, x), demand.reading(apply) if forecasts else apply)


def _rate(a: c.Maml | c.R2d2) -> float | optax.Schedule:
  return a.outer_lr if a.decay_steps is None else optax.cosine_decay_schedule(a.outer_lr, a.decay_steps)


def algorithm(config: c.Algorithm, apply: Apply, loss: ExampleLoss, classes: int) -> Algorithm:
  """The algorithm of a config."""
  match config:
    case c.Maml() as a:
      return meta.maml(
        apply,
        loss,
        inner=optax.sgd(a.inner_lr),
        inner_steps=a.inner_steps,
        outer=optax.adam(_rate(a)),
        first_order=a.first_order,
        learned_rates=a.learned_rates,
        per_step_rates=a.per_step_rates,
        multi_step_loss=a.multi_step_loss,
        second_order_from=a.second_order_from,
        truncate=a.truncate,
        rematerialise=a.rematerialise,
        clip=a.clip,
        compute_dtype=None if a.compute_dtype == "float32" else jnp.dtype(a.compute_dtype),
      )
    case c.Imaml(lr, steps, outer_lr, penalty, cg_steps, head_only, damping):
      return meta.imaml(
        apply,
        loss,
        inner=meta.hessian_free(cg_steps) if lr is None else optax.sgd(lr),
        inner_steps=steps,
        outer=optax.adam(outer_lr),
        penalty=penalty,
        cg_steps=cg_steps,
        damping=damping,
        adapt=tree.named("head") if head_only else None,
      )
    case c.Anil(lr, steps, outer_lr, first_order):
      outer = optax.adam(outer_lr)
      return meta.anil(apply, loss, inner=optax.sgd(lr), inner_steps=steps, outer=outer, first_order=first_order)
    case c.Cavia(lr, steps, outer_lr, first_order):
      outer = optax.adam(outer_lr)
      return meta.cavia(apply, loss, inner=optax.sgd(lr), inner_steps=steps, outer=outer, first_order=first_order)
    case c.Lora(lr, steps, outer_lr, first_order, rank, alpha):
      return meta.lora(
        apply,
        loss,
        inner=optax.sgd(lr),
        inner_steps=steps,
        outer=optax.adam(outer_lr),
        rank=rank,
        alpha=alpha,
        first_order=first_order,
      )
    case c.Reptile(lr, steps, outer_lr, batch_size, predict_steps, serial):
      return meta.reptile(
        apply,
        loss,
        inner=optax.sgd(lr),
        inner_steps=steps,
        outer=optax.sgd(outer_lr),
        batch_size=batch_size,
        predict_steps=predict_steps,
        serial=serial,
      )
    case c.ProtoNet(outer_lr, _):
      return meta.protonet(apply, loss, classes=classes, outer=optax.adam(outer_lr))
    case c.R2d2() as a:
      return meta.r2d2(
        apply,
        loss,
        classes=classes if loss is losses.cross_entropy else None,
        outer=optax.adam(_rate(a)),
        penalty=a.penalty,
        alpha=a.alpha,
        common=(a.embedding, classes) if a.common else None,
      )
    case c.Cnp() | c.Anp() | c.InContext():
      raise TypeError("this method is not made of a network that knows only x: see `one_pass`")
    case c.Custom(factory, _, options):
      made = c.load_factory(factory)(apply, loss, classes=classes, **dict(options))
      if not isinstance(made, Algorithm):
        raise c.ConfigError(f"{factory} made a {type(made).__name__} and not an mtl_jax.Algorithm")
      return made
    case c.Finetune(lr, steps, outer_lr, head_only):
      adapt = tree.named("head") if head_only else None
      return meta.finetune(apply, loss, inner=optax.sgd(lr), inner_steps=steps, outer=optax.adam(outer_lr), adapt=adapt)


def _trained(config: c.Config, name: str, a: c.Algorithm, *methods: Method) -> Trained:
  inputs, outputs, loss = shape(config)
  if isinstance(a, c.Cnp | c.Anp | c.InContext):
    init, made = one_pass(config, a, inputs, outputs, loss)
    return Trained(name, init, lambda _: made, a, methods)
  width = outputs
  if isinstance(a, c.ProtoNet | c.R2d2):  # these read an embedding
    width = None if isinstance(config.model, c.Residual) else a.embedding
  if isinstance(a, c.Custom) and a.embedding is not None:
    width = a.embedding
  net = network(config, width, a.context if isinstance(a, c.Cavia) else 0)
  return Trained(name, net.init, cache(lambda a: algorithm(a, net.apply, loss, outputs)), a, methods)


def trained(config: c.Config) -> list[Trained]:
  """The algorithm and its controls, each with the methods that its state serves."""
  result = []
  for a in (config.algorithm, *config.controls):
    if isinstance(a, c.Finetune):
      few = isinstance(config.tasks, c.Sinusoid | c.Own)  # elsewhere every step of the whole network costs minutes
      methods = (
        Method("pooled network", "baseline", dataclasses.replace(a, inner_steps=0), False),
        Method("pooled network, fine-tuned", "baseline", dataclasses.replace(a, head_only=False), few),
        Method("pooled network, head fine-tuned", "baseline", dataclasses.replace(a, head_only=True), True),
      )
      # Without a label of the new unit there is nothing to fine-tune on.
      methods = methods if max(config.evaluation.shots) else methods[:1]
      result.append(_trained(config, "finetune", a, *methods))
    else:
      name = c.name_of(a)
      result.append(_trained(config, name, a, Method(name, "ours", a, True)))
  return result


def scratch(config: c.Config) -> Algorithm:
  """The network trained on the support set alone, from parameters drawn anew for each task.

  There is nothing to train before: only `predict` is used, with the state ().
  """
  _, outputs, loss = shape(config)
  net = network(config, outputs)
  rate = 0.01 if loss is losses.squared_error else 0.1
  full = algorithm(c.Finetune(inner_lr=rate, inner_steps=50), net.apply, loss, outputs)

  def predict(key: Array, state: PyTree, support: Batch, x: PyTree) -> Array:
    init_key, key = jax.random.split(key)
    return full.predict(key, full.init(net.init(init_key)), support, x)

  return full._replace(predict=predict)


def at_steps(a: c.Algorithm, steps: int) -> c.Algorithm | None:
  """The same with another number of adaptation steps; None where that has no meaning."""
  match a:
    case c.Reptile():
      return dataclasses.replace(a, predict_steps=steps)
    case c.Maml(per_step_rates=False) | c.Imaml() | c.Anil() | c.Cavia() | c.Lora() | c.Finetune():
      return dataclasses.replace(a, inner_steps=steps)
    case _:
      return None
