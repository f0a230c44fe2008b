"""Learners that need no trees: what they start with was learned on stretches of the past."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtl_jax import online
from mtl_jax.emissions.turbine import DAY, INPUTS, TARGETS, WEEK, Method, Past, replayed
from mtl_jax.fit import fit
from mtl_jax.losses import squared_error
from mtl_jax.meta import anp, in_context, init_rates, r2d2
from mtl_jax.meta.lora import low_rank, merge
from mtl_jax.models import MLP, InContext
from mtl_jax.online import Initial, Normal, Prior, Stream, linear_and, rescaled, wide_prior
from mtl_jax.tasks.rows import in_order, laid_out
from mtl_jax.tree import AdaptMask, named
from mtl_jax.types import Algorithm, Array, Batch, OnlineLearner

HISTORY, EVERY = 2000, 6  # labels that are learned from on the stream, and labels between two gradient steps
HIDDEN, FEATURES, CONTEXT, RANK, STEPS = (64, 64), 24, 16, 4, 800  # of the networks, and how long they learn

NOTHING = np.zeros((1, len(INPUTS)), np.float32)
_NET = MLP((*HIDDEN, FEATURES), norm="none")
_learned = linear_and(_NET.apply)
_PLAIN = MLP((*HIDDEN, len(TARGETS)))
_FILM = MLP((*HIDDEN, len(TARGETS)), context=CONTEXT)


def trained(
  algorithm: Algorithm, first: Callable[[Array], Any], past: Past, delay: int, seed: int, steps: int = STEPS
) -> tuple[Any, np.ndarray]:
  """The state after stretches of the past: a week of labels, questions of the day that follows `delay` later.

  Args:
    first: first(key) -> what the algorithm's init takes.

  Returns: the state, for targets in standard deviations about the mean; [mean, deviation] (2, targets).
  """
  units = np.stack([past.rows.y.mean(0), past.rows.y.std(0)])
  y = (past.rows.y - units[0]) / units[1]
  key, first_key = jax.random.split(jax.random.key(seed))
  rows = laid_out(np.zeros(len(y), int), np.arange(len(y)), past.scaled(past.rows.x), y)
  family = in_order(rows, shots=WEEK, queries=DAY, gap=delay)
  state, _ = fit(key, algorithm, algorithm.init(first(first_key)), family, steps=steps, tasks_per_step=8)
  return state, units


def _in_units(learner: OnlineLearner, params: Any, past: Past, stream: Stream, units: np.ndarray) -> Any:
  mean, scale = units
  return rescaled(replayed(learner, params, past, stream, (stream.y - mean) / scale), mean, scale)


def learned(name: str, learner: OnlineLearner, kept: float) -> Method:
  algorithm = online.alpaca_prior(_learned, outer=optax.adam(3e-3), kept=kept)

  def first(key: Array) -> Prior:
    return wide_prior(_NET.init(key, NOTHING), 1 + len(INPUTS) + FEATURES, 10.0, np.full(len(TARGETS), 0.3))

  def predict(past: Past, stream: Stream, delay: int, seed: int) -> Normal:
    state, units = trained(algorithm, first, past, delay, seed)
    return _in_units(learner, state.prior, past, stream, units)

  return Method(name, predict, random=True)


def alpaca(kept: float) -> Method:
  return learned("alpaca" if kept == 1.0 else "alpaca that forgets", online.alpaca(_learned, kept=kept), kept)


def moca(hazard: float) -> Method:
  return learned("moca", online.moca(_learned, hazard=hazard, runs=12), 1.0)


class Part(NamedTuple):
  """A network, and what of it adapts."""

  apply: Callable[[Any, Array], Any]
  first: Callable[[Array], Any]
  fast: AdaptMask
  rate: float = 0.03  # where learned rates start


PARTS = {
  "head": Part(_PLAIN.apply, lambda key: _PLAIN.init(key, NOTHING), named("head")),
  "FiLM": Part(_FILM.apply, lambda key: _FILM.init(key, NOTHING), named("context")),
  "LoRA": Part(
    lambda params, x: _PLAIN.apply(merge(params, 1.0), x),
    lambda key: low_rank(_PLAIN.init(key, NOTHING), RANK),
    named("a", "b"),
    rate=0.01,  # from 0.03 on training ends in NaN
  ),
}


def stepping(part: str, recent: int, trial: int | None) -> tuple[OnlineLearner, Callable[[Array], Initial]]:
  """A learner that takes four gradient steps a day, and what it starts with before it is trained, of a key."""
  apply, params, fast, rate = PARTS[part]
  learner = online.gradient(
    lambda params, x: jnp.asarray(apply(params, x)),
    squared_error,
    fast=fast,
    recent=recent,
    trial=trial,
    inputs=(len(INPUTS),),
    targets=len(TARGETS),
    every=EVERY,
  )

  def first(key: Array) -> Initial:
    found = params(key)
    return Initial(found, init_rates(found, float(np.log(rate)), per="leaf"))

  return learner, first


def steps(part: str, recent: int, trial: int | None) -> Method:
  """Gradient steps on a part of a network; `trial` None: without a gate."""
  learner, first = stepping(part, recent, trial)
  quicker = optax.multi_transform({"params": optax.adam(3e-3), "rates": optax.adam(3e-2)}, Initial("params", "rates"))
  outer = optax.chain(optax.clip_by_global_norm(1.0), quicker)
  algorithm = online.unrolled(learner, squared_error, outer=outer, at_once=EVERY)

  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    state, units = trained(algorithm, first, past, delay, seed, STEPS // 2)
    return _in_units(learner, state.params, past, stream, units)

  return Method(f"steps on {part}" if trial else f"steps on {part}, no gate", predict, random=True)


def _asked(x: Array, r: Array) -> Array:
  return jnp.concatenate([x, r], axis=1)


def _ridge(rate: float) -> tuple[Algorithm, Callable[[Array], Any]]:
  algorithm = r2d2(_learned, squared_error, classes=None, outer=optax.adam(rate))
  return algorithm, lambda key: _NET.init(key, NOTHING)


def _process(rate: float) -> tuple[Algorithm, Callable[[Array], Any]]:
  """An attentive neural process of 4 heads."""
  width = HIDDEN[-1]
  net = {"h": MLP((*HIDDEN, width)), "k": MLP((*HIDDEN, width)), "g": MLP((*HIDDEN, len(TARGETS)))}

  def run(name: str, params: Any, x: Array) -> Array:
    return jnp.asarray(net[name].apply(params[name], x))

  algorithm = anp(
    lambda params, x, y: run("h", params, _asked(x, y)),
    lambda params, x: run("k", params, x).reshape(len(x), 4, -1),
    lambda params, x, r: run("g", params, _asked(x, r)),
    squared_error,
    outer=optax.adam(rate),
  )
  inputs = {"h": len(INPUTS) + len(TARGETS), "k": len(INPUTS), "g": len(INPUTS) + width}

  def first(key: Array) -> Any:
    keys = dict(zip(net, jax.random.split(key, len(net)), strict=True))
    return {name: net[name].init(keys[name], jnp.zeros((1, inputs[name]))) for name in net}

  return algorithm, first


def _transformer(rate: float) -> tuple[Algorithm, Callable[[Array], Any]]:
  net = InContext(len(TARGETS))

  def first(key: Array) -> Any:
    support = Batch(jnp.asarray(NOTHING), jnp.zeros((1, len(TARGETS))), jnp.ones(1, bool))
    return net.init(key, support, jnp.asarray(NOTHING))

  return in_context(lambda *given: jnp.asarray(net.apply(*given)), squared_error, outer=optax.adam(rate)), first


FEW_SHOT = {"r2d2": _ridge, "anp": _process, "in_context": _transformer}


def remembering(algorithm: Algorithm, delay: int | None) -> OnlineLearner:
  """A learner with the last week of labels for a support; it follows the leader if it is told how late labels are."""
  more = {} if delay is None else {"history": HISTORY, "episodes": 4, "queries": DAY, "gap": delay}
  return online.sliding(algorithm, memory=WEEK, inputs=(len(INPUTS),), targets=len(TARGETS), **more)


def memory(kind: str, rate: float) -> Method:
  """A few-shot algorithm that learned on stretches of the past, and goes on at Adam's `rate`; 0: it does not."""
  make = FEW_SHOT[kind]
  algorithm, first = make(1e-3 if kind == "in_context" else 3e-3)  # at 3e-3 a transformer's loss jumps

  def predict(past: Past, stream: Stream, delay: int, seed: int) -> np.ndarray:
    state, units = trained(algorithm, first, past, delay, seed)
    learner = remembering(make(rate)[0], delay) if rate else remembering(algorithm, None)
    return _in_units(learner, state, past, stream, units)

  return Method(f"{kind}, sliding" + " and following" * bool(rate), predict, random=True)
