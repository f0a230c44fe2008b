"""Two losses in two variables on which averaged gradients get stuck.

B. Liu et al., "Conflict-averse gradient descent for multi-task learning", NeurIPS 2021, section 5.1 and appendix B.1;
with a scale of the first loss in A. Navon et al., "Multi-task learning as a bargaining game", ICML 2022, section 6.1.
With t = tanh(-x_2), c_1 = max(tanh(x_2 / 2), 0), c_2 = max(tanh(-x_2 / 2), 0):

  L_1 = c_1 f_1 + c_2 g_1    f_1 = log max(|(-x_1 - 7) / 2 - t|, 5e-6) + 6
                             g_1 = ((x_1 - 7)^2 + (x_2 + 8)^2 / 10) / 10 - 20
  L_2 = c_1 f_2 + c_2 g_2    f_2 = log max(|(-x_1 + 3) / 2 + t + 2|, 5e-6) + 6
                             g_2 = ((x_1 + 7)^2 + (x_2 + 8)^2 / 10) / 10 - 20

Above the axis each f falls into a valley along a curve, deep and narrow, where the other loss's gradient is small
beside its own: there the mean of the two goes to and fro across the valley. Below the axis two bowls have their
bottoms near (7, -8.36) and (-7, -8.36). The Pareto set is close to the segment between them, and the mean of the
losses is least at its middle.

`mtl_jax.joint(toy.apply, toy.LOSSES, ...)` descends with the point as its parameters, on `toy.problem()` or on the
one batch that it gives.
"""

from functools import partial
from typing import Any

import jax.numpy as jnp

from mtl_jax.types import Array, Batch, ExampleLoss, TaskFamily

STARTS = ((-8.5, 7.5), (-8.5, -5.0), (9.0, 9.0))
"""The three starts of CAGrad's figure 1."""

MINIMUM = (0.0, -8.355)
"""Where the mean of the two losses is least."""

LOSSES: dict[str, ExampleLoss] = dict.fromkeys(("first", "second"), lambda prediction, target: prediction)
"""For `joint`: what `apply` predicts is the loss."""


def toy(x: Array, scale: float = 1.0) -> Array:
  """(2,) -> (2,): both losses; `scale` multiplies the first, 0.1 in Nash-MTL's figure."""
  x_1, x_2 = x
  above, below = jnp.maximum(jnp.tanh(x_2 / 2), 0), jnp.maximum(jnp.tanh(-x_2 / 2), 0)
  bend = jnp.tanh(-x_2)

  def valley(distance: Array) -> Array:
    return jnp.log(jnp.maximum(jnp.abs(distance), 5e-6)) + 6

  def bowl(centre: float) -> Array:
    return (jnp.square(x_1 - centre) + 0.1 * jnp.square(x_2 + 8)) / 10 - 20

  first = above * valley((-x_1 - 7) / 2 - bend) + below * bowl(7.0)
  second = above * valley((-x_1 + 3) / 2 + bend + 2) + below * bowl(-7.0)
  return jnp.stack([scale * first, second])


def apply(params: Array, x: dict[str, Any]) -> dict[str, Array]:
  """The model of `joint`: params (2,) is the point; one example, of which nothing is read."""
  del x
  first, second = toy(params)
  return {"first": first[None], "second": second[None]}


def problem() -> TaskFamily:
  """{"point": Batch} with one empty example, always the same."""
  both = partial(dict.fromkeys, LOSSES)
  return TaskFamily(lambda key: {"point": Batch(jnp.zeros((1, 0)), both(jnp.zeros(1)), both(jnp.ones(1, bool)))})
