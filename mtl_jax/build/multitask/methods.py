"""From a multi-task config to networks and to what is trained of them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax.core import freeze

from mtl_jax import config as c
from mtl_jax import losses, models, multitask
from mtl_jax.build.multitask.contract import Part, Problem, Target
from mtl_jax.meta import replicate
from mtl_jax.multitask import HaltingState, JointState, MultiApply
from mtl_jax.tasks.mixture import dealt, mixture, shares
from mtl_jax.types import Algorithm, Array, Batch, ExampleLoss, PyTree, TaskFamily

SINGLE = "single-task networks"
_HELD = 16  # task gradients at a time: these networks are small
_log_probabilities = jax.jit(losses.ordinal_log_probabilities)


class Candidate(NamedTuple):
  """What validation chooses from: a learning rate and, for the grid, fixed weights of the losses."""

  learning_rate: float
  weights: np.ndarray | None = None


class Run(NamedTuple):
  """One model to train, in a replica for every candidate and seed: replica c * seeds + s is of candidate c, seed s.

  Attributes:
    name: of its row in the table.
    folder: of its checkpoints.
    tasks: that it learns, in the order of its losses.
    candidates: see above.
    algorithm: of all replicas, each of which may diverge.
    init: init() -> their states.
    family: the steps to learn from.
    net: of one replica.
    apply, losses: of one replica, as `joint` takes them.
    one: `joint` of one replica, and its state, to measure what a step costs.
    gradients: of a task or of their sum that a step evaluates; a forward-mode derivative counts as one.
  """

  name: str
  folder: str
  tasks: tuple[str, ...]
  candidates: tuple[Candidate, ...]
  algorithm: Algorithm
  init: Callable[[], PyTree]
  family: TaskFamily
  net: models.MultiTask
  apply: MultiApply
  losses: Mapping[str, ExampleLoss]
  one: tuple[Algorithm, Callable[[], PyTree]]
  gradients: float


class Scale(NamedTuple):
  """A number's mean and deviation over the training rows; its target is learned in these."""

  mean: float
  deviation: float


def described(method: c.Joint) -> str:
  """What differs from the default: "upgrad", "log", "mmoe, upgrad"; "mean" where nothing does."""
  plain = c.Joint()
  fields = ("paths", "weighting", "aggregator")
  other = [getattr(method, field) for field in fields if getattr(method, field) != getattr(plain, field)]
  return ", ".join(other) or plain.aggregator


def scales(problem: Problem) -> dict[str, Scale]:
  """Of every task that asks for a number."""
  found = {}
  for source, targets in problem.targets.items():
    batch = problem.train.data[source]
    for task, target in targets.items():
      if target.kind == "number":
        known = batch.y[task][batch.mask[task]]
        found[task] = Scale(float(known.mean()), float(known.std()) or 1.0)
  return found


def learnable(part: Part, problem: Problem, scale: Mapping[str, Scale]) -> dict[str, Batch]:
  """The data of a part in the form that the losses take: numbers standardised, with a trailing axis of 1."""

  def of(task: str, target: Target, y: np.ndarray) -> np.ndarray:
    return ((y - scale[task].mean) / scale[task].deviation)[:, None] if target.kind == "number" else y

  return {
    source: batch._replace(y={task: of(task, target, batch.y[task]) for task, target in targets.items()})
    for source, targets in problem.targets.items()
    for batch in (part.data[source],)
  }


def answer(target: Target, scale: Scale | None, prediction: np.ndarray) -> np.ndarray:
  """What a prediction (..., n, outputs) says, (..., n): a number in its unit, a class, or a flag's log-odds."""
  match target.kind:
    case "number":
      assert scale is not None
      return prediction[..., 0] * scale.deviation + scale.mean
    case "class":
      return prediction.argmax(-1)
    case "rank":
      rows = jnp.asarray(prediction.reshape(-1, prediction.shape[-1]))
      return np.asarray(_log_probabilities(rows)).argmax(-1).reshape(prediction.shape[:-1])
    case "flag":
      return prediction[..., 1] - prediction[..., 0]


def _loss(target: Target) -> ExampleLoss:
  match target.kind:
    case "number":
      return losses.squared_error
    case "class" | "flag":
      return losses.cross_entropy
    case "rank":
      return losses.ordinal


def _head(target: Target) -> nn.Module:
  match target.kind:
    case "number":
      return nn.Dense(1)
    case "class" | "flag":
      return nn.Dense(len(target.classes))
    case "rank":
      return models.OrdinalHead(len(target.classes))


def _stem(model: c.Sharing, x: np.ndarray) -> nn.Module:
  width = model.stem[-1]
  match x.ndim:
    case 2:
      return models.MLP(model.stem)
    case 3:
      return models.Conv1D(width, features=(16, 32), kernels=(15, 7), strides=(4, 2))
    case _:
      # Where something lies in the image can be the question, so that places are not averaged.
      return models.Conv2D(width, features=(16, 32, 32), halve="stride", readout="flatten")


def _paths(method: c.Joint, width: int) -> nn.Module | None:
  match method.paths:
    case "shared":
      return None
    case "cross_stitch":
      return models.CrossStitch((width,))
    case "mmoe":
      return models.MMoE(experts=4, features=(width,))
    case "dselect_k":
      return models.DSelectK(experts=4, k=2, features=(width,))
    case "cgc":
      return models.CGC(own=1, shared=2, features=(width,))
    case "ple":
      return models.PLE(own=1, shared=2, levels=((width,), (width,)))
    case "mtan":
      return models.MTAN((width,))
    case "ltb":
      return models.LTB((width,), nodes=(2,))
    case "film":
      return models.FiLM((width,))
    case "lora":
      return models.LoRA((width,), rank=4)


def network(
  config: c.MultiTask, problem: Problem, method: c.Joint, tasks: Mapping[str, tuple[str, ...]]
) -> models.MultiTask:
  """The network of some tasks, {source: tasks}; a single-task network has the same widths.

  It has a hash, so that what is compiled for it serves every method with the same network.
  """
  heads = {source: {task: _head(problem.targets[source][task]) for task in some} for source, some in tasks.items()}
  stems = {source: _stem(config.model, problem.train.data[source].x) for source in tasks}
  trunk, paths = models.MLP(config.model.trunk), _paths(method, config.model.path)
  return models.MultiTask(freeze(stems), freeze(heads), trunk, paths)


@partial(jax.jit, static_argnames=("net", "tasks"))
def predicted(net: models.MultiTask, tasks: tuple[str, ...], params: PyTree, x: dict[str, Array]) -> dict[str, Array]:
  """{task: prediction (replicas, n, ...)} for params of replicas and {source: x}.

  `tasks` in the net's order: its frozen dictionaries are equal in any order, and its gates are not.
  """
  return jax.lax.map(lambda some: net.apply(some, x), params)


def _aggregator(method: c.Joint) -> Any:
  """None where one backward pass of the weighted losses does."""
  match method.aggregator:
    case "mean":
      return None
    case "fairgrad":
      return multitask.fairgrad(2.0)  # the paper's choice; 1 is Nash-MTL
    case name:
      return getattr(multitask, name)()


def _before(method: c.Joint) -> optax.GradientTransformation | None:
  """What each task's gradient goes through first, with a state of its own."""
  return multitask.on_log_loss(optax.ema(0.9, debias=False)) if method.aggregator == "db_mtl" else None


def _weighting(method: c.Joint) -> Any:
  match method.weighting:
    case "equal":
      return None
    case "grid":
      return multitask.given()
    case "uncertainty":
      return multitask.uncertainty(0.01)
    case "imtl_l":
      return multitask.imtl_l(0.01)
    case "dwa":
      return multitask.dwa(period=100)
    case "stch":
      return multitask.stch(0.1)
    case name:
      return getattr(multitask, name)()


def _gradients(method: c.Joint, tasks: int, sources: int) -> float:
  """What `joint` evaluates in a step, as multitask/gram.py says."""
  if method.aggregator == "mean":
    return 1
  if method.aggregator == "graddrop" or _before(method) is not None:
    return tasks
  blocks = -(-tasks // _HELD)
  beyond = 0.0 if blocks == 1 else tasks if sources == 1 else tasks * (blocks - 1) / 2
  return tasks + beyond + 1


def _run(
  config: c.MultiTask,
  problem: Problem,
  method: c.Joint,
  name: str,
  folder: str,
  tasks: dict[str, tuple[str, ...]],
  train: dict[str, Batch],
) -> Run:
  t = config.training
  net = network(config, problem, method, tasks)
  each = {task: _loss(problem.targets[source][task]) for source, some in tasks.items() for task in some}
  candidates = tuple(Candidate(rate) for rate in t.learning_rates)
  if method.weighting == "grid":
    grid = multitask.simplex(t.grid, len(each))
    candidates = tuple(Candidate(rate, weights) for weights in grid for rate in t.learning_rates)

  def apply(params: PyTree, x: dict[str, Array], key: Array | None = None) -> Any:
    return net.apply(params, x, rngs=None if key is None else {"branch": key})

  algorithm = multitask.joint(
    apply,
    each,
    outer=optax.inject_hyperparams(optax.adam)(learning_rate=1.0),
    aggregator=_aggregator(method),
    before=_before(method),
    weighting=_weighting(method),
    keyed=method.paths == "ltb",
    chunk=_HELD,
  )
  replicas = multitask.halting(replicate(algorithm, len(candidates) * t.seeds))
  example = {source: jnp.zeros((1, *train[source].x.shape[1:])) for source in tasks}

  def start(key: Array, rate: Array, weights: Array) -> JointState:
    state: JointState = algorithm.init(net.init(key, example))
    opt_state = state.opt_state._replace(hyperparams=state.opt_state.hyperparams | {"learning_rate": rate})
    return state._replace(opt_state=opt_state, weighting=weights if method.weighting == "grid" else state.weighting)

  @jax.jit  # op by op it is hundreds of small programs
  def init() -> HaltingState:
    keys = jax.random.split(jax.random.key(config.seed), t.seeds)[jnp.arange(len(candidates) * t.seeds) % t.seeds]
    rates = jnp.repeat(jnp.asarray([candidate.learning_rate for candidate in candidates]), t.seeds)
    equal = np.full(len(each), 1 / len(each), np.float32)
    weights = np.stack([equal if candidate.weights is None else candidate.weights for candidate in candidates])
    of_each = jnp.repeat(jnp.asarray(weights, jnp.float32), t.seeds, axis=0)
    return multitask.begun(jax.vmap(start)(keys, rates, of_each))

  # Every source's share is that of a step on all sources, whatever this run learns.
  share = shares({source: len(batch.x) for source, batch in train.items()}, t.rows, t.sampling, t.temperature)
  share = {source: share[source] for source in tasks}
  data = {}
  for source, some in tasks.items():
    x, y, mask = train[source]
    data[source] = Batch(x, {task: y[task] for task in some}, {task: mask[task] for task in some})
  family = dealt(data, share, len(candidates) * t.seeds) if t.sampling == "epochs" else mixture(data, share)

  first = partial(start, jax.random.key(config.seed), jnp.asarray(1e-3), jnp.ones(len(each)))
  return Run(
    name=name,
    folder=folder,
    tasks=tuple(each),
    candidates=candidates,
    algorithm=replicas,
    init=init,
    family=family,
    net=net,
    apply=apply,
    losses=each,
    one=(algorithm, first),
    gradients=_gradients(method, len(each), len(tasks)),
  )


def runs(config: c.MultiTask, problem: Problem) -> list[Run]:
  """What is trained: every method on all tasks, and with the baselines a network for each task alone."""
  train = learnable(problem.train, problem, scales(problem))
  everything = {source: tuple(targets) for source, targets in problem.targets.items()}
  found = [
    _run(config, problem, method, described(method), described(method).replace(", ", "-"), everything, train)
    for method in config.methods
  ]
  if config.baselines:
    for source, some in everything.items():
      for task in some:
        folder = f"single-{task.replace(' ', '-')}"
        found.append(_run(config, problem, c.Joint(), SINGLE, folder, {source: (task,)}, train))
  return found
