"""Sine waves: mean squared error at 10 points of a curve never seen, with the distribution of Finn et al. 2017.

MAML as in section 5.1 and the commands of its code: one inner step of rate 0.01 on 10 points in training, ten in the
test, 25 curves, Adam 1e-3, 70,000 updates. Reptile as in the demonstration that its authors published, with MAML's
network instead of tanh layers of 64: 50 points of a curve, 5 inner steps of rate 0.02 on 10 of them, one curve an
update, an outer rate that falls from 0.1 to 0, 30,000 updates, and 32 steps in the test. Both papers draw curves and
give no number. What any table of sine waves should be read beside: zero predictor 4.25, best prediction without
adaptation 3.01 (tasks/sinusoid.py), a Gaussian process on the ten points alone 0.036 (configs/sinusoid_maml.py).
"""

import jax.numpy as jnp
import optax

from mtl_jax import losses, meta, models, tasks
from mtl_jax.reproduce import Row
from mtl_jax.types import Array, PyTree

_NET = models.MLP((40, 40, 1), norm="none")
_MAML_STEPS, _REPTILE_STEPS = 70_000, 30_000


def _apply(params: PyTree, x: Array) -> Array:
  return jnp.asarray(_NET.apply(params, x))


def _init(key: Array) -> PyTree:
  return _NET.init(key, jnp.zeros((1, 1)))


def rows() -> list[Row]:
  """The rows of the table; another method is another row."""
  asked = tasks.sinusoid(10, 100)
  shared = {"validation": asked, "test": asked, "metric": "mse", "chunk_steps": 500}
  maml, tested = (
    meta.maml(_apply, losses.squared_error, inner=optax.sgd(0.01), inner_steps=n, outer=optax.adam(1e-3))
    for n in (1, 10)
  )
  reptile = meta.reptile(
    _apply,
    losses.squared_error,
    inner=optax.sgd(0.02),
    inner_steps=5,
    outer=optax.sgd(optax.linear_schedule(0.1, 0.0, _REPTILE_STEPS)),
    batch_size=10,
    predict_steps=32,
  )
  few, many = tasks.sinusoid(10, 10), tasks.sinusoid(10, 40)
  return [
    Row("MAML", "10 points", _init, maml, tested, few, steps=_MAML_STEPS, tasks_per_step=25, **shared),
    Row("Reptile", "10 points", _init, reptile, reptile, many, steps=_REPTILE_STEPS, tasks_per_step=1, **shared),
  ]
