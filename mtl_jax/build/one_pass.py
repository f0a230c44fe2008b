"""From a config to methods that read labelled examples in one pass: neural processes and in-context transformers."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax import config as c
from mtl_jax import losses, meta, models
from mtl_jax.tasks import demand
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.types import Algorithm, Array, Batch, ExampleLoss, PyTree

Made = tuple[Callable[[Array], PyTree], Algorithm]  # init(key) -> params, and the algorithm


class Speech(NamedTuple):
  """How a job's examples are read, and how its answers are said."""

  pairs: Callable[[PyTree, Array], Array]  # x, y -> what an encoder reads of labelled examples
  question: Callable[[PyTree, Array], Array]  # x, r[d] or r[n, d] -> what a decoder reads of what is asked
  said: Callable[[Array, PyTree], Array]  # what a network gives, x -> what `loss` takes
  outputs: int
  targets: int  # numbers in a label; 0 for a class
  loss: ExampleLoss


def one_pass(config: c.Config, a: c.Cnp | c.Anp | c.InContext, inputs: int, outputs: int, loss: ExampleLoss) -> Made:
  """The method of a config, for a job's inputs, outputs and loss.

  Where a job asks for a number, training is for its mean and variance, and the answer is both, (n, 2).
  """
  rate = a.outer_lr if a.decay_steps is None else optax.cosine_decay_schedule(a.outer_lr, a.decay_steps)
  outer = optax.adamw(rate, weight_decay=a.weight_decay)
  if isinstance(config.tasks, c.Demand):
    speech = Speech(demand.pairs, demand.question, demand.deciles_and_mean, outputs, 2, loss)
  elif loss is losses.squared_error:
    speech = Speech(_pairs, _question, mean_and_variance, 2, 1, lambda p, y: losses.gaussian(p, y[:, 0]))
  else:
    speech = Speech(_pairs, _question, lambda raw, x: raw, outputs, 0, loss)
  if isinstance(a, c.InContext):
    return _transformer(a, inputs, speech, outer)
  return _process(config, a, inputs, speech, outer)


def mean_and_variance(raw: Array, x: PyTree) -> Array:
  """Any numbers (n, 2) -> mean and log variance (n, 2), the deviation at least 0.01 of the target's unit.

  Without a floor the likelihood of a curve without noise has no bound.
  """
  del x
  return jnp.stack([raw[:, 0], 2.0 * jnp.log(0.01 + jax.nn.softplus(raw[:, 1]))], axis=1)


def _read(x: PyTree) -> Array:
  return x.input if isinstance(x, Viewed) else x


def _pairs(x: PyTree, y: Array) -> Array:
  return jnp.concatenate([_read(x), y], axis=1)


def _question(x: PyTree, r: Array) -> Array:
  asked = _read(x)
  return jnp.concatenate([asked, jnp.broadcast_to(jnp.atleast_2d(r), (len(asked), r.shape[-1]))], axis=1)


def _process(
  config: c.Config, a: c.Cnp | c.Anp, inputs: int, speech: Speech, outer: optax.GradientTransformation
) -> Made:
  """h and g, the k of attention and the s and z of a latent path, each with the hidden layers of `config.model`."""
  assert isinstance(config.model, c.MLP)  # `validate` saw to that
  nothing = jnp.zeros((0,))
  latent = a.latent if isinstance(a, c.Anp) else 0
  widths = {"h": a.embedding, "g": speech.outputs} | ({"k": a.embedding} if isinstance(a, c.Anp) else {})
  widths |= {"s": a.embedding, "z": 2 * latent} if latent else {}
  net = {name: models.MLP((*config.model.hidden, w), norm=config.model.norm) for name, w in widths.items()}

  def init(key: Array) -> PyTree:
    x = jnp.zeros((1, inputs))
    pair = speech.pairs(x, jnp.zeros((1, speech.targets)))
    asked = speech.question(x, jnp.zeros((a.embedding + latent,)))
    first = {"h": pair, "g": asked, "k": speech.question(x, nothing), "s": pair, "z": jnp.zeros((1, a.embedding))}
    keys = jax.random.split(key, len(net))
    return {name: net[name].init(k, first[name]) for name, k in zip(net, keys, strict=True)}

  def run(name: str, params: PyTree, x: Array) -> Array:
    return jnp.asarray(net[name].apply(params[name], x))

  def encode(params: PyTree, x: PyTree, y: Array) -> Array:
    return run("h", params, speech.pairs(x, y))

  def decode(params: PyTree, x: PyTree, r: Array) -> Array:
    return speech.said(run("g", params, speech.question(x, r)), x)

  if not isinstance(a, c.Anp):
    return init, meta.cnp(encode, decode, speech.loss, outer=outer)

  def embed(params: PyTree, x: PyTree) -> Array:
    found = run("k", params, speech.question(x, nothing))
    return found.reshape(len(found), a.heads, -1)

  def describe(params: PyTree, x: PyTree, y: Array) -> Array:
    return run("s", params, speech.pairs(x, y))

  def infer(params: PyTree, s: Array) -> tuple[Array, Array]:
    """The deviation is kept in 0.1 to 1, as in the authors' code."""
    mean, raw = jnp.split(run("z", params, s[None])[0], 2)
    return mean, 0.1 + 0.9 * jax.nn.sigmoid(raw)

  path = meta.Latent(describe, infer) if latent else None
  return init, meta.anp(encode, embed, decode, speech.loss, outer=outer, latent=path)


def _transformer(a: c.InContext, inputs: int, speech: Speech, outer: optax.GradientTransformation) -> Made:
  net = models.InContext(speech.outputs, a.width, a.layers, a.heads)

  def init(key: Array) -> PyTree:
    x = jnp.zeros((1, inputs))
    y = jnp.zeros((1, speech.targets)) if speech.targets else jnp.zeros((1,), int)
    return net.init(key, Batch(x, y, jnp.ones((1,), bool)), x)

  def apply(params: PyTree, support: Batch, x: PyTree) -> Array:
    raw = net.apply(params, support._replace(x=_read(support.x)), _read(x))
    return speech.said(jnp.asarray(raw), x)

  return init, meta.in_context(apply, speech.loss, outer=outer)
