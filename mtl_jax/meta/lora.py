"""Low-rank adaptation: the inner loop changes each kernel by a product of two thin matrices, and nothing else.

  W' = W + (alpha / r) A B,  A (inputs, r),  B (r, outputs),  B = 0 at the start of each task

E. J. Hu et al., "LoRA: low-rank adaptation of large language models", ICLR 2022 (2021 on arXiv), eq. 3, in the layout
x @ W of Linen, in which A comes first. There W is frozen and A random; here the meta-learner trains W, and the A from
which every task starts, so that a few steps on A and B go far. What is kept of a new machine is r (inputs + outputs)
numbers for each matrix. The kernel of a convolution, (*window, inputs, outputs), is taken as the matrix by which it
multiplies what it sees at one place: its inputs are then prod(window) inputs. W' itself is formed, as the algorithm
knows no network: while a task adapts, it takes the memory of the whole network.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax.meta.maml import maml
from mtl_jax.tree import AdaptMask, partition
from mtl_jax.types import Algorithm, Apply, Array, ExampleLoss, PyTree


class LowRank(NamedTuple):
  """The parameters of `lora`.

  Attributes:
    trunk: the network's own.
    a: (prod(all axes but the last), r) for each leaf (..., inputs, outputs) of the trunk that adapts, None for others.
    b: (r, outputs) likewise; 0.
  """

  trunk: PyTree
  a: PyTree
  b: PyTree


def merge(params: LowRank, scale: float) -> PyTree:
  """The trunk with W + scale A B for each W."""
  return jax.tree.map(lambda w, a, b: w if a is None else w + scale * (a @ b).reshape(w.shape), *params)


def low_rank(params: PyTree, rank: int, matrices: AdaptMask | None = None) -> LowRank:
  """A network's parameters with thin matrices beside those that `matrices` chooses: A drawn as `lora` says, B = 0.

  Raises: ValueError if no leaf is chosen or one that is has fewer than two axes.
  """
  chosen, _ = partition(params, matrices or (lambda p: jax.tree.map(lambda leaf: jnp.ndim(leaf) >= 2, p)))
  leaves, structure = jax.tree.flatten(chosen)
  if not leaves or any(jnp.ndim(w) < 2 for w in leaves):
    shapes = [jnp.shape(w) for w in leaves]
    raise ValueError(f"the leaves that adapt have shapes {shapes}; one or more, of two axes or more")
  keys = jax.tree.unflatten(structure, list(jax.random.split(jax.random.key(0), len(leaves))))

  def thin(w: Array, key: Array) -> Array:
    inputs = math.prod(w.shape[:-1])
    return jax.random.normal(key, (inputs, rank), w.dtype) / inputs**0.5

  a = jax.tree.map(thin, chosen, keys)
  return LowRank(params, a, jax.tree.map(lambda w: jnp.zeros((rank, w.shape[-1]), w.dtype), chosen))


def lora(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  rank: int,
  alpha: float | None = None,
  matrices: AdaptMask | None = None,
  first_order: bool = False,
  rematerialise: int = False,
  chunk: int | None = None,
) -> Algorithm:
  """Low-rank adaptation by the inner loop; other arguments, metrics and errors as `maml`.

  `init` takes the network's parameters; the state's are a `LowRank`. A starts normal with variance 1 / inputs, from
  the same draw each time.

  Args:
    rank: r.
    alpha: W' is W + (alpha / r) A B; None: r.
    matrices: which leaves adapt; None: all with two axes or more, the kernels of dense layers and convolutions. The
      last axis is the outputs: kernels of Linen's DenseGeneral, which may have more of these, are to be left out.

  Raises:
    ValueError: rank < 1; from `init`, no leaf adapts or one that does has fewer than two axes.
  """
  if rank < 1:
    raise ValueError(f"rank={rank}: a product of thin matrices has a rank of at least 1")
  scale = 1.0 if alpha is None else alpha / rank

  def only(*fields: str) -> AdaptMask:
    return lambda params: jax.tree_util.tree_map_with_path(lambda path, _: path[0].name in fields, params)

  learner = maml(
    lambda params, x: apply(merge(params, scale), x),
    loss,
    inner=inner,
    inner_steps=inner_steps,
    outer=outer,
    first_order=first_order,
    rematerialise=rematerialise,
    adapt=only("a", "b"),
    zero=only("b"),
    chunk=chunk,
  )

  return learner._replace(init=lambda params: learner.init(low_rank(params, rank, matrices)))
