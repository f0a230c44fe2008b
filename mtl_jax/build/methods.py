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
from mtl_jax.build import engines, own, process
from mtl_jax.tasks import bearings, fleet, vibration
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


def shape(tasks: c.Tasks) -> Shape:
  """What a network reads and says in a job; its loss."""
  match tasks:
    case c.Sinusoid():
      return Shape(1, 1, losses.squared_error)
    case c.Fleet():
      return Shape(_SPECTRA, len(fleet.CONDITIONS))
    case c.Bearings():
      return Shape(_SPECTRA, len(bearings.FAULTS))
    case c.FleetToBearings():
      return Shape(_SPECTRA, 9)  # the largest task, all nine fault classes of CWRU
    case c.TennesseeEastman():
      return Shape(process.PLANT_FEATURES, len(process.FAULTS))
    case c.Hydraulic():
      return Shape(process.RIG_FEATURES, 4)
    case c.FewEngines():
      return Shape(engines.FEATURES, 1, losses.squared_error)
    case c.Own():
      classes = own.read(tasks).classes
      return Shape(len(tasks.features), len(classes) or 1, losses.cross_entropy if classes else losses.squared_error)


_SPECTRA = len(vibration.SPECTRA_NAMES)


def network(config: c.Config, width: int) -> Network:
  """The network of `config` with `width` outputs."""
  match config.model:
    case c.MLP(hidden, norm):
      net = models.MLP((*hidden, width), norm=norm)
      x = jnp.zeros((1, shape(config.tasks).inputs))
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
  _, outputs, loss = shape(config.tasks)
  net = network(config, a.embedding if isinstance(a, c.ProtoNet) else outputs)
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
      result.append(_trained(config, "finetune", a, *methods))
    else:
      name = type(a).__name__.lower()
      result.append(_trained(config, name, a, Method(name, "ours", a, True)))
  return result


def scratch(config: c.Config) -> Algorithm:
  """The network trained on the support set alone, from parameters drawn anew for each task.

  There is nothing to train before: only `predict` is used, with the state ().
  """
  _, outputs, loss = shape(config.tasks)
  net = network(config, outputs)
  rate = 0.1 if loss is losses.cross_entropy else 0.01
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
    case c.Maml(per_step_rates=False) | c.Anil() | c.Finetune():
      return dataclasses.replace(a, inner_steps=steps)
    case _:
      return None
