"""iMAML: the meta-gradient of an inner problem's solution, whichever way led there.

  phi = argmin L_support(phi) + lambda/2 |phi - theta|^2      (the shared inner loop)
  (I + H / lambda) v = grad L_query(phi),   H = grad^2 L_support(phi)
  theta <- theta - outer(mean over tasks of v)

A. Rajeswaran, C. Finn, S. Kakade, S. Levine, "Meta-learning with implicit gradients", NeurIPS
2019, lemma 1 and algorithms 1 and 2. The system is solved by conjugate gradients on products
H u, so that memory is flat in the number of inner steps. All of it holds at the solution phi
only: `inner_stationarity` and `cg_residual` say how far from it a run is.

With `adapt` only a part phi of the parameters is solved for, the rest psi is shared and learned:
d L_query / d psi = grad_psi L_query - (grad_psi grad_phi L_support)' v / lambda, the implicit
function theorem. For a linear head and a convex loss the problem has one solution and is easy,
which for a whole network it is not (K. Lee, S. Maji, A. Ravichandran, S. Soatto, "Meta-learning
with differentiable convex optimization", CVPR 2019, section 3.2).

A whole network can be solved for if it is smooth and lambda is large: on sine waves of 10 points, two layers of 40,
after 400 updates of 10 curves (Adam 1e-3, eight Hessian-free steps of 10 products), 0.2 % of the problems were unsolved
with tanh and lambda = 5, and the error had fallen to 0.9 (3.0 without adaptation), with peaks on the way. With lambda
= 1 it was 29 %, with ReLU 91 and 93 %, and neither learned (one seed, 2026-11-28, 2 CPU cores).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax import tree
from mtl_jax.meta.hessian_free import conjugate_gradients
from mtl_jax.meta.inner_loop import inner_loop
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import masked_loss, task_mean, weighted_sum
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree


class IMAMLState(NamedTuple):
  """The state of `imaml`.

  Attributes:
    params: theta.
    opt_state: the outer optimiser's state.
  """

  params: PyTree
  opt_state: optax.OptState


def _share(a: Array, b: Array) -> Array:
  """a / b, and 0 of nothing; what is not a number stays so."""
  return jnp.where(b == 0.0, 0.0, a / jnp.where(b == 0.0, 1.0, b))


def imaml(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  penalty: float,
  cg_steps: int = 5,
  damping: float = 0.0,
  adapt: tree.AdaptMask | None = None,
  tolerance: float = 0.1,
  chunk: int | None = None,
) -> Algorithm:
  """Model-agnostic meta-learning with implicit gradients.

  Args:
    apply: apply(params, x[n, ...]) -> prediction[n, ...].
    loss: loss(prediction, target) -> [n].
    inner: Optax optimiser of the inner problem; plain or with a state, with a derivative or not. `hessian_free` is made
      for it: a strongly convex problem needs a few of its steps, and no learning rate.
    inner_steps: its steps. As many as it takes: they cost time and no memory.
    outer: Optax optimiser of theta.
    penalty: lambda. It must exceed what -H has of curvature, or the system has no unique answer.
    cg_steps: steps of conjugate gradients, each of them one product H u.
    damping: of the system, I + H / (lambda + damping): where the inner problem is not convex or badly conditioned few
      steps solve it, and the meta-gradient goes from the implicit one, at 0, towards the first-order one.
    adapt: which leaves adapt, as in `inner_loop`; the others are learned and the same for all tasks. None: all adapt.
    tolerance: a task counts as unsolved where `inner_stationarity` or `cg_residual` is larger.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss`, the query loss after adaptation; `support_loss` before it;
    `gradient_norm` of the meta-gradient; `inner_stationarity`, |grad L_support + lambda (phi - theta)|
    as a share of the larger of its two terms, which cancel at the solution: where L_support is convex
    it bounds the relative error of phi - theta; `cg_residual`, |grad L_query - (I + H / lambda) v| as a
    share of |grad L_query|, with damping too; `unsolved`, the share of tasks where one of them is too large for the
    gradient to be trusted, of which `fit` warns.

  Raises:
    ValueError: penalty <= 0, damping < 0 or cg_steps < 1; and see `inner_loop`.
  """
  if penalty <= 0:
    raise ValueError(f"penalty={penalty}: lambda must be positive, or the solution forgets where it started")
  if cg_steps < 1:
    raise ValueError(f"cg_steps={cg_steps}: at least one step of conjugate gradients is needed")
  if damping < 0:
    raise ValueError(f"damping={damping}: a number below 0 makes the system worse")
  objective = masked_loss(apply, loss)
  damped = penalty + damping

  def proximal(params: PyTree, problem: tuple[Batch, PyTree], key: Array) -> tuple[Array, None]:
    support, theta = problem
    distance = optax.tree.norm(jax.tree.map(jnp.subtract, params, theta), squared=True)
    value, _ = objective(params, support, key)
    return value + 0.5 * penalty * distance.astype(value.dtype), None

  solve = inner_loop(proximal, inner, inner_steps, adapt=adapt, first_order=True)

  def init(params: PyTree) -> IMAMLState:
    return IMAMLState(*start(outer, params))

  def implicit(theta: PyTree, key: Array, episode: Episode) -> tuple[PyTree, Metrics]:
    support_key, query_key = jax.random.split(key)

    def inner_gradient(fast: PyTree, theta: PyTree) -> PyTree:
      params = tree.combine(fast, tree.partition(theta, adapt)[1])
      gradient, _ = jax.grad(proximal, has_aux=True)(params, (episode.support, theta), support_key)
      return tree.partition(gradient, adapt)[0]

    adapted = solve(theta, (episode.support, theta), support_key)
    (phi, _), norm = tree.partition(adapted.params, adapt), optax.tree.norm
    (value, _), asked = jax.value_and_grad(objective, has_aux=True)(adapted.params, episode.query, query_key)
    wanted, direct = tree.partition(asked, adapt)
    left, curvature = jax.linearize(lambda phi: inner_gradient(phi, theta), phi)  # H + lambda

    def product(u: PyTree) -> PyTree:
      return jax.tree.map(lambda h, u: (h + damping * u) / damped, curvature(u), u)

    v, rest = conjugate_gradients(product, wanted, cg_steps)
    # Of the system as it is, which times v is (damped (wanted - rest) - damping v) / lambda.
    rest = jax.tree.map(lambda w, r, v: (damped * r - damping * (w - v)) / penalty, wanted, rest, v)
    (through,) = jax.vjp(lambda theta: inner_gradient(phi, theta), theta)[1](jax.tree.map(lambda v: v / damped, v))
    gradient = tree.combine(v, jax.tree.map(jnp.subtract, direct, tree.partition(through, adapt)[1]))
    pull = jax.tree.map(lambda p, t: penalty * (p - t), phi, tree.partition(theta, adapt)[0])
    stationarity = _share(norm(left), jnp.maximum(norm(pull), norm(jax.tree.map(jnp.subtract, left, pull))))
    residual = _share(norm(rest), norm(wanted))
    before = {"support_loss": adapted.losses[0]} if inner_steps else {}
    return gradient, {
      "loss": value,
      "inner_stationarity": stationarity,
      "cg_residual": residual,
      "unsolved": 1.0 - (jnp.maximum(stationarity, residual) <= tolerance).astype(value.dtype),
      **before,
    }

  def update(key: Array, state: IMAMLState, data: Episode) -> tuple[IMAMLState, Metrics]:
    def total(params: PyTree, keys: Array, episodes: Episode, weights: Array) -> tuple[PyTree, Metrics]:
      return weighted_sum(jax.vmap(implicit, (None, 0, 0))(params, keys, episodes), weights)

    gradient, metrics = task_mean(total, key, data, chunk, state.params)
    params, opt_state = step(outer, gradient, state.opt_state, state.params)
    return IMAMLState(params, opt_state), metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: IMAMLState, support: Batch, x: PyTree) -> Array:
    return apply(solve(state.params, (support, state.params), key).params, x)

  return Algorithm(init, update, predict)
