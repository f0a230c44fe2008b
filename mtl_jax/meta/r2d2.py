"""R2-D2: ridge regression, solved in closed form, on top of a learned embedding.

  W(Z) = argmin_W |X W - Y|^2 + lambda |W|^2 = (X'X + lambda I)^-1 X'Y          (eq. 4)
       = X'(XX' + lambda I)^-1 Y, by Woodbury's identity                         (eq. 5)
  prediction = alpha (X_query W)                                                 (eq. 6)

X are the embedded support examples, Y their targets: +1 for the class and -1 for the others, or
the values of a regression. The embedding, log lambda and alpha are learned through the solution,
which is as cheap as the smaller of two Gram matrices.

L. Bertinetto, J. F. Henriques, P. H. S. Torr, A. Vedaldi, "Meta-learning with differentiable
closed-form solvers", ICLR 2019. X and Y are centred on the support here, which is an intercept
without a penalty; the paper has none. Its beta, one number added to all logits, is left out: a
softmax does not see it, and its gradient would be rounding.

Where a label means the same in every task, the penalty may pull to a common W_0 that is learned too,
lambda |W - W_0|^2: G. Denevi, C. Ciliberto, D. Stamos, M. Pontil, "Learning to learn around a common
mean", NeurIPS 2018. In a regression nothing is centred then, and the intercept is the last row of W,
pulled as the rest: the mean of a Bayesian last layer whose prior is learned (J. Harrison, A. Sharma,
M. Pavone, "Meta-learning priors for efficient online Bayesian regression", WAFR 2018, eq. 5), since the
last layer of the embedding makes any covariance of a penalty that is the same in all directions. A mean
squared error of 19.5 fell to 15.1 by it (reactors of configs/williams_otto.py, 9 trials). Of classes
the intercept stays free: what shifts a unit's features is gone once they are centred. Pulled, it cost
1.5 to 3 points of 56 to 59 on the valve of configs/hydraulic_rig.py at a cooler level never seen, and
nothing on its accumulator (2026-11-29).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from mtl_jax import linalg
from mtl_jax.meta.optimise import start, step
from mtl_jax.meta.task_map import hide_masked, task_gradient
from mtl_jax.types import Algorithm, Apply, Array, Batch, Episode, ExampleLoss, Metrics, PyTree

_ABSENT = -1e9  # the logit of a class without a support example


class Ridge(NamedTuple):
  """A fitted ridge: prediction = (x - x_mean) @ weights + y_mean."""

  weights: Array  # (d, outputs)
  x_mean: Array  # (d,)
  y_mean: Array  # (outputs,)

  def __call__(self, x: Array) -> Array:
    return (x - self.x_mean[None]) @ self.weights + self.y_mean[None]


def fit_ridge(x: Array, y: Array, mask: Array, penalty: Array) -> Ridge:
  """The minimum of |X W + b - Y|^2 + penalty |W|^2, in W and in b; differentiable.

  Args:
    x: (n, d); y: (n, outputs); mask: (n,) bool. What is masked may hold anything finite and changes nothing.
    penalty: () positive.

  The n x n system is solved where there are fewer examples than features, the d x d one elsewhere.
  """
  kept = mask[:, None].astype(x.dtype)
  count = jnp.maximum(jnp.sum(kept), 1.0)
  x_mean, y_mean = (jnp.sum(a * kept, axis=0) / count for a in (x, y))
  return Ridge(_weights((x - x_mean[None]) * kept, (y - y_mean[None]) * kept, penalty), x_mean, y_mean)


def _weights(x: Array, y: Array, penalty: Array) -> Array:
  """The minimum W of |X W - Y|^2 + penalty |W|^2."""
  n, d = x.shape
  gram = x @ x.T if n < d else x.T @ x
  factor = linalg.cholesky(gram + penalty * jnp.eye(min(n, d), dtype=x.dtype))
  return x.T @ linalg.solve_cholesky(factor, y) if n < d else linalg.solve_cholesky(factor, x.T @ y)


class Solver(NamedTuple):
  """What is learned beside the embedding."""

  log_penalty: Array  # () log lambda
  alpha: Array  # ()
  common: Array | None  # W_0: (d, outputs), in a regression (d + 1, outputs), the intercept last


class R2D2State(NamedTuple):
  """The state of `r2d2`.

  Attributes:
    params: of the embedding.
    solver: of the ridge.
    opt_state: the outer optimiser's state, for both.
  """

  params: PyTree
  solver: Solver
  opt_state: optax.OptState


def r2d2(
  apply: Apply,
  loss: ExampleLoss,
  *,
  classes: int | None,
  outer: optax.GradientTransformation,
  penalty: float = 1.0,
  alpha: float = 1.0,
  common: tuple[int, int] | None = None,
  chunk: int | None = None,
) -> Algorithm:
  """Ridge regression on a learned embedding.

  Args:
    apply: the embedding, apply(params, x[n, ...]) -> [n, d].
    loss: loss(prediction[n, outputs], target[n, ...]) -> [n].
    classes: how many; labels are 0 to classes - 1, and a class without a support example is never
      predicted. None: a regression, targets (n, outputs).
    outer: Optax optimiser.
    penalty, alpha: where lambda and alpha start.
    common: (d, outputs): learn a W_0 for them, which starts at zero; None: pull to zero, with a free intercept.
    chunk: tasks at once; None: as many as are fast (`task_map.chunk_for`).

  Returns:
    An Algorithm. Metrics: `loss` on the query set, `gradient_norm`, `penalty`.
  """

  def adapted(params: PyTree, solver: Solver, support: Batch, x: PyTree) -> Array:
    x_support, y, mask = hide_masked(support)
    examples, embedded = apply(params, x_support), apply(params, x)
    if classes is not None:
      y = 2.0 * jax.nn.one_hot(jnp.where(mask, y, -1), classes, dtype=examples.dtype) - 1.0
    y = y.astype(examples.dtype)
    penalty = jnp.exp(solver.log_penalty)
    if solver.common is None:
      found = fit_ridge(examples, y, mask, penalty)(embedded)
    elif classes is not None:
      left = y - examples @ solver.common
      found = embedded @ solver.common + fit_ridge(examples, left, mask, penalty)(embedded)
    else:
      examples, embedded = (jnp.pad(a, ((0, 0), (0, 1)), constant_values=1.0) for a in (examples, embedded))
      kept = mask[:, None].astype(examples.dtype)
      left = (y - examples @ solver.common) * kept
      found = embedded @ (solver.common + _weights(examples * kept, left, penalty))
    prediction = solver.alpha * found
    if classes is None:
      return prediction
    return jnp.where(jnp.any((y > 0.0) & mask[:, None], axis=0)[None], prediction, _ABSENT)

  def init(params: PyTree) -> R2D2State:
    double = any(jnp.result_type(leaf) == jnp.float64 for leaf in jax.tree.leaves(params))
    dtype = jnp.float64 if double else jnp.float32  # of narrower parameters too: steps of Adam are small
    first = None if common is None else jnp.zeros((common[0] + (classes is None), common[1]), dtype)
    solver = Solver(jnp.log(jnp.asarray(penalty, dtype)), jnp.asarray(alpha, dtype), first)
    (params, solver), opt_state = start(outer, (params, solver))
    return R2D2State(params, solver, opt_state)

  def task_loss(learned: tuple[PyTree, Solver], key: Array, episode: Episode) -> tuple[Array, Metrics]:
    del key
    x, y, mask = hide_masked(episode.query)
    if classes is not None:
      # A query of a class without a support example cannot be right: it does not count.
      mask &= jnp.zeros((classes,), bool).at[episode.support.y].max(episode.support.mask)[y]
    values = loss(adapted(*learned, episode.support, x), y)
    value = jnp.sum(jnp.where(mask, values, 0.0)) / jnp.maximum(jnp.sum(mask), 1).astype(values.dtype)
    return value, {"loss": value}

  def update(key: Array, state: R2D2State, data: Episode) -> tuple[R2D2State, Metrics]:
    learned = (state.params, state.solver)
    gradient, metrics = task_gradient(task_loss, learned, key, data, chunk)
    (params, solver), opt_state = step(outer, gradient, state.opt_state, learned)
    more = {"gradient_norm": optax.tree.norm(gradient), "penalty": jnp.exp(solver.log_penalty)}
    return R2D2State(params, solver, opt_state), metrics | more

  def predict(key: Array, state: R2D2State, support: Batch, x: PyTree) -> Array:
    del key
    return adapted(state.params, state.solver, support, x)

  return Algorithm(init, update, predict)
