"""iMAML: the meta-gradient of an inner problem's solution, whichever way led there.

  phi = argmin L_support(phi) + lambda/2 |phi - theta|^2      (the shared inner loop)
  (I + H / lambda) v = grad L_query(phi),   H = grad^2 L_support(phi)
  theta <- theta - outer(mean over tasks of v)

A. Rajeswaran, C. Finn, S. Kakade, S. Levine, "Meta-learning with implicit gradients", NeurIPS
2019, lemma 1 and algorithms 1 and 2. The system is solved by conjugate gradients on products
H u, so that memory is flat in the number of inner steps. All of it holds at the solution phi
only: `inner_stationarity` and `cg_residual` say how far from it a run is.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.scipy.sparse.linalg import cg

from mtl_jax.meta.inner_loop import inner_loop
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import CHUNK, masked_loss, task_mean, weighted_sum
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree


class IMAMLState(NamedTuple):
  """The state of `imaml`.

  Attributes:
    params: theta.
    opt_state: the outer optimiser's state.
  """

  params: PyTree
  opt_state: optax.OptState


def _share(part: PyTree, whole: PyTree) -> Array:
  """|part| / |whole|, 0 where whole is 0."""
  norm = optax.tree.norm(whole)
  return jnp.where(norm > 0.0, optax.tree.norm(part) / jnp.where(norm > 0.0, norm, 1.0), 0.0)


def imaml(
  apply: Apply,
  loss: ExampleLoss,
  *,
  inner: optax.GradientTransformation,
  inner_steps: int,
  outer: optax.GradientTransformation,
  penalty: float,
  cg_steps: int = 5,
  tolerance: float = 0.1,
  chunk: int = CHUNK,
) -> Algorithm:
  """Model-agnostic meta-learning with implicit gradients.

  Args:
    apply: apply(params, x[n, ...]) -> prediction[n, ...].
    loss: loss(prediction, target) -> [n].
    inner: Optax optimiser of the inner problem; plain or with a state, with a derivative or not.
    inner_steps: its steps. As many as it takes: they cost time and no memory.
    outer: Optax optimiser of theta.
    penalty: lambda. It must exceed what -H has of curvature, or the system has no unique answer.
    cg_steps: most steps of conjugate gradients, from zero; each is one product H u.
    tolerance: a task counts as unsolved where `inner_stationarity` or `cg_residual` is larger.
    chunk: tasks at once.

  Returns:
    An Algorithm. Metrics: `loss`, the query loss after adaptation; `support_loss` before it;
    `gradient_norm` of the meta-gradient; `inner_stationarity`, the norm of the inner problem's
    gradient at phi as a share of that at theta; `cg_residual`, |grad L_query - (I + H / lambda) v|
    as a share of |grad L_query|; `unsolved`, the share of tasks whose gradient is not to be
    trusted, at which `fit` warns.

  Raises:
    ValueError: penalty <= 0 or cg_steps < 1; and see `inner_loop`.
  """
  if penalty <= 0:
    raise ValueError(f"penalty={penalty}: lambda must be positive, or the solution forgets where it started")
  if cg_steps < 1:
    raise ValueError(f"cg_steps={cg_steps}: at least one step of conjugate gradients is needed")
  objective = masked_loss(apply, loss)

  def proximal(params: PyTree, problem: tuple[Batch, PyTree], key: Array) -> tuple[Array, None]:
    support, theta = problem
    distance = optax.tree.norm(jax.tree.map(jnp.subtract, params, theta), squared=True)
    value, _ = objective(params, support, key)
    return value + 0.5 * penalty * distance.astype(value.dtype), None

  solve = inner_loop(proximal, inner, inner_steps, first_order=True)

  def init(params: PyTree) -> IMAMLState:
    return IMAMLState(*start(outer, params))

  def implicit(theta: PyTree, key: Array, episode: Episode) -> tuple[PyTree, Metrics]:
    support_key, query_key = jax.random.split(key)
    problem = (episode.support, theta)

    def inner_gradient(params: PyTree) -> PyTree:
      return jax.grad(proximal, has_aux=True)(params, problem, support_key)[0]

    phi = solve(theta, problem, support_key).params
    (value, _), wanted = jax.value_and_grad(objective, has_aux=True)(phi, episode.query, query_key)
    left, hessian = jax.linearize(inner_gradient, phi)  # of the inner problem: H + lambda

    def damped(v: PyTree) -> PyTree:
      return jax.tree.map(lambda h: h / penalty, hessian(v))

    v, _ = cg(damped, wanted, tol=1e-6, maxiter=cg_steps)
    before, slope = jax.value_and_grad(proximal, has_aux=True)(theta, problem, support_key)
    stationarity = _share(left, slope)
    residual = _share(jax.tree.map(jnp.subtract, wanted, damped(v)), wanted)
    return v, {
      "loss": value,
      "support_loss": before[0],
      "inner_stationarity": stationarity,
      "cg_residual": residual,
      "unsolved": (jnp.maximum(stationarity, residual) > tolerance).astype(value.dtype),
    }

  def update(key: Array, state: IMAMLState, data: Episode) -> tuple[IMAMLState, Metrics]:
    def total(keys: Array, episodes: Episode, weights: Array) -> tuple[PyTree, Metrics]:
      return weighted_sum(jax.vmap(implicit, (None, 0, 0))(state.params, keys, episodes), weights)

    gradient, metrics = task_mean(total, key, data, chunk)
    params, opt_state = step(outer, gradient, state.opt_state, state.params)
    return IMAMLState(params, opt_state), metrics | {"gradient_norm": optax.tree.norm(gradient)}

  def predict(key: Array, state: IMAMLState, support: Batch, x: PyTree) -> Array:
    return apply(solve(state.params, (support, state.params), key).params, x)

  return Algorithm(init, update, predict)
