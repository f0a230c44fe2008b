"""The differentiable inner loop: adapt any parameters on any loss with any Optax optimiser.

  theta_{i+1} = theta_i + a_i * u_i,   (u_i, s_{i+1}) = inner.update(grad L(theta_i), s_i)

With `inner = optax.sgd(rate)` and no learned rates this is eq. 1 of C. Finn, P. Abbeel,
S. Levine, "Model-agnostic meta-learning for fast adaptation of deep networks", ICML 2017.
Learned rates a_i per parameter are Meta-SGD (Z. Li et al., 2017, eq. 2); per leaf and step,
MAML++ (A. Antoniou et al., ICLR 2019, section 4). `first_order=True` drops the second
derivative (Finn et al. 2017, section 5.2): the gradient is a constant of the outer problem.
`truncate=k` does so in all steps but the last k, in the manner of A. Shaban, C.-A. Cheng,
N. Hatch, B. Boots, "Truncated back-propagation for bilevel optimization", AISTATS 2019.

Memory through n steps, in units of one step's activations (a) and of the parameters (p): n a
as it comes; n p + a with `rematerialise=1`; (n / s + s) p + a with segments of s steps, least
at s = sqrt(n) (T. Chen et al., "Training deep nets with sublinear memory cost", 2016, section
4.1); k in place of n where truncated. `scripts/measure_depth.py` measures it.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mtl_jax import tree
from mtl_jax.meta.hoist import hoisted
from mtl_jax.meta.optimise import updates
from mtl_jax.types import Array, BatchLoss, PyTree

Rates = PyTree

_FEW_STEPS, _SMALL = 8, 2**15


class Adapted(NamedTuple):
  """What the inner loop returns."""

  params: PyTree  # shaped like the initial parameters
  losses: Array  # (steps,) the loss before each step
  aux: Any  # the loss function's aux before each step, leaves (steps, ...)
  watched: Any  # watch(params, i) after step i, leaves (steps, ...)
  opt_state: optax.OptState  # the inner optimiser's, after the last step


def init_rates(
  params: PyTree,
  value: float = 1.0,
  *,
  per: Literal["scalar", "leaf", "parameter"] = "scalar",
  steps: int | None = None,
) -> Rates:
  """Learned rates to pass to the inner loop: a factor on the inner optimiser's update.

  Args:
    params: the parameters that will adapt.
    value: where to start; with `inner=optax.sgd(1.0)` it is the learning rate itself.
    per: one rate in all, one per leaf, or one per parameter (Meta-SGD).
    steps: if given, a rate of its own for each of that many steps, on a leading axis.
  """
  lead = () if steps is None else (steps,)
  if per == "scalar":
    return jnp.full(lead, value, float)
  shape = (lambda p: lead) if per == "leaf" else (lambda p: lead + p.shape)
  return jax.tree.map(lambda p: jnp.full(shape(p), value, p.dtype), params)


def _is_tree(rates: Rates | None) -> bool:
  """False for no rates and for one rate in all."""
  return rates is not None and not jax.tree_util.all_leaves([rates])


def _scale(rates: Rates, change: PyTree) -> PyTree:
  """rates * change; one rate in all serves every leaf."""
  if not _is_tree(rates):
    return jax.tree.map(lambda u: u * rates.astype(u.dtype), change)
  return jax.tree.map(lambda r, u: u * r.astype(u.dtype), rates, change)


def _refuse_singular(inner: optax.GradientTransformation, params: PyTree) -> None:
  """Raises ValueError if the update of `params` has no derivative at a zero gradient.

  Adam divides by sqrt(v + eps_root): at v = 0, where a gradient entry has been zero (a
  dead ReLU, a masked task), the derivative of the root is infinite, and one such entry
  turns the whole meta-gradient into NaN.
  """
  alone = jax.sharding.AbstractMesh((), ())  # numbers are needed here and now, also where devices share tasks
  with jax.ensure_compile_time_eval(), jax.sharding.use_abstract_mesh(alone):
    zero = jax.tree.map(lambda p: jnp.zeros(p.shape, p.dtype), params)

    def update(gradient):
      return updates(inner, gradient, inner.init(zero), zero)[0]

    # Reverse mode, as the meta-gradient: 0 * inf hides in a branch that forward mode does not take.
    change, transpose = jax.vjp(update, zero)
    slopes = jax.tree.leaves(transpose(jax.tree.map(jnp.ones_like, change)))
    finite = all(np.isfinite(slope).all() for slope in slopes)
  if not finite:
    raise ValueError(
      "this inner optimiser has no finite derivative where a gradient is zero, so second-order "
      "meta-gradients become NaN. For Adam-like optimisers pass eps_root > 0, for example "
      "optax.adam(1e-3, eps_root=1e-8); for clip_by_global_norm pass clip; or use first_order=True."
    )


def _scan(body: Callable, carry: PyTree, inputs: PyTree, segment: int) -> tuple[PyTree, PyTree]:
  """lax.scan whose backward pass stores the carry every `segment` steps and computes what lies between again.

  Within a segment the carry of each step is stored, and of a step's inside nothing. 0 stores everything: a few steps of
  few parameters then follow one another without a loop. A loop stacks what it stores, and to fill, write and read the
  stacks was a quarter of a meta-update of 512 sine waves, whose compilation takes a quarter longer without it.
  """
  length = jax.tree.leaves(inputs)[0].shape[0]
  if segment == 0:
    unroll = length <= _FEW_STEPS and sum(leaf.size for leaf in jax.tree.leaves(carry)) <= _SMALL
    return jax.lax.scan(body, carry, inputs, unroll=unroll)
  body = jax.checkpoint(body)
  whole = length // segment * segment
  if segment == 1 or whole == 0:
    return jax.lax.scan(body, carry, inputs)
  first, rest = (jax.tree.map(lambda leaf, s=s: leaf[s], inputs) for s in (slice(whole), slice(whole, None)))
  first = jax.tree.map(lambda leaf: leaf.reshape(-1, segment, *leaf.shape[1:]), first)
  carry, out = jax.lax.scan(jax.checkpoint(partial(jax.lax.scan, body)), carry, first)
  out = jax.tree.map(lambda leaf: leaf.reshape(whole, *leaf.shape[2:]), out)
  if whole == length:
    return carry, out
  carry, last = jax.lax.scan(body, carry, rest)
  return carry, jax.tree.map(lambda *leaves: jnp.concatenate(leaves), out, last)


def inner_loop(
  loss: BatchLoss,
  inner: optax.GradientTransformation,
  steps: int,
  *,
  adapt: tree.AdaptMask | None = None,
  first_order: bool = False,
  truncate: int | None = None,
  rematerialise: int = False,
  clip: float | None = None,
  per_step_rates: bool = False,
) -> Callable[..., Adapted]:
  """Builds run(params, batch, key, rates=None, watch=None, opt_state=None) -> Adapted: `steps` steps from `params`.

  Pure and differentiable in `params`, `batch` and `rates`; batch it over tasks with
  `jax.vmap` or `task_mean`. `watch(params, i)`, any pytree, is evaluated after step i on the
  adapted parameters, and stacked.

  Args:
    loss: loss(params, batch, key) -> (scalar, aux). Missing examples are the loss's to
      leave out (`masked_loss` does, by `batch.mask`). It gets a key of its own each step.
    inner: any Optax optimiser, of first order also one that searches along a line (`optax.lbfgs`); its state starts
      anew for each task, or as `run` is given it.
    steps: how many; 0 returns the parameters as they came.
    adapt: which leaves adapt: a pytree of bools or a function of the parameters, such as
      `tree.named("head")`. None: all.
    first_order: treat the inner gradient as a constant (FOMAML).
    truncate: second derivatives through so many of the last steps only, and `first_order`
      before them; None: through all.
    rematerialise: what the backward pass computes again instead of storing it: 0 nothing, 1
      (True) each step, s > 1 segments of s steps too; about sqrt(steps) needs the least memory.
    clip: limit on the global norm of the inner gradient, before `inner`.
    per_step_rates: `rates` have a leading axis of `steps`: one rate for each step.

  Raises:
    ValueError: steps < 0, clip <= 0, truncate < 1 or with `first_order`, rematerialise < 0;
      from `run`, a second-order loop around an optimiser without a derivative at zero (Adam
      with eps_root=0, `optax.clip_by_global_norm`).
  """
  if steps < 0:
    raise ValueError(f"steps={steps}: the number of inner steps cannot be negative")
  if clip is not None and clip <= 0:
    raise ValueError(f"clip={clip}: the limit on the gradient's norm must be positive")
  if truncate is not None and (truncate < 1 or first_order):
    raise ValueError(f"truncate={truncate}, first_order={first_order}: at least one step must be of second order")
  if rematerialise < 0:
    raise ValueError(f"rematerialise={rematerialise}: a segment cannot have a negative number of steps")
  inner = optax.with_extra_args_support(inner)
  # So many of the last steps are of second order.
  whole = 0 if first_order else min(steps if truncate is None else truncate, steps)

  def run(
    params: PyTree,
    batch: Any,
    key: Array,
    rates: Rates | None = None,
    watch: Callable[[PyTree, Array], Any] | None = None,
    opt_state: optax.OptState | None = None,
  ) -> Adapted:
    fast, slow = tree.partition(params, adapt)
    if steps and not first_order:
      _refuse_singular(inner, fast)
    if _is_tree(rates):
      rates, _ = tree.partition(rates, adapt)
    constant, varying = (None, rates) if per_step_rates else (rates, None)

    def objective(fast, key):
      return loss(tree.combine(fast, slow), batch, key)

    if steps and jax.tree.leaves(slow):
      objective = hoisted(objective, fast, key)

    def step(second_order, carry, inputs):
      fast, opt_state = carry
      i, step_key, rate = inputs
      rate = rate if per_step_rates else constant
      (value, aux), gradient = jax.value_and_grad(objective, has_aux=True)(fast, step_key)
      if not second_order:
        gradient = jax.lax.stop_gradient(gradient)
      if clip is not None:
        gradient = tree.clip_by_global_norm(gradient, clip)
      searched = {"value": value, "grad": gradient, "value_fn": lambda fast: objective(fast, step_key)[0]}
      change, opt_state = updates(inner, gradient, opt_state, fast, **searched)
      if rate is not None:
        change = _scale(rate, change)
      fast = optax.apply_updates(fast, change)
      watched = None if watch is None else watch(tree.combine(fast, slow), i)
      return (fast, opt_state), (value, aux, watched)

    carry = (fast, inner.init(fast) if opt_state is None else opt_state)
    inputs = (jnp.arange(steps), jax.random.split(key, steps), varying)
    if whole in (0, steps):
      carry, seen = _scan(partial(step, whole > 0), carry, inputs, rematerialise)
    else:
      cut = steps - whole
      early, late = (jax.tree.map(lambda leaf, s=s: leaf[s], inputs) for s in (slice(cut), slice(cut, None)))
      carry, first = jax.lax.scan(partial(step, False), carry, early)
      carry, last = _scan(partial(step, True), carry, late, rematerialise)
      seen = jax.tree.map(lambda *leaves: jnp.concatenate(leaves), first, last)
    losses, aux, watched = seen
    return Adapted(tree.combine(carry[0], slow), losses, aux, watched, carry[1])

  return run
