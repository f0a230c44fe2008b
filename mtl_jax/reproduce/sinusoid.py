"""Sine waves: mean squared error at 10 points of a curve never seen, with the distribution of Finn et al. 2017.

MAML as in section 5.1 and the commands of its code: one inner step of rate 0.01 on 10 points in training, ten in the
test, 25 curves, Adam 1e-3, 70,000 updates. Reptile as in the demonstration that its authors published, with MAML's
network instead of tanh layers of 64: 50 points of a curve, 5 inner steps of rate 0.02 on 10 of them, one curve an
update, an outer rate that falls from 0.1 to 0, 30,000 updates, and 32 steps in the test. Both papers draw curves and
give no number. CAVIA with the settings of its code (github.com/lmzintgraf/cavia, regression): five numbers adapt by one
step of rate 1, in the test too, 25 curves, Adam 1e-3, 50,000 updates; here they condition each hidden layer of MAML's
network, there they are further inputs of it. Its paper has a table, whose number for these settings could not be looked
up here, so that the cell is empty too. CNP is of no paper: encoder and decoder with two layers of 128, 10 points asked,
25 curves and 70,000 updates as for MAML, Adam 1e-3, a Gaussian likelihood of which the mean is scored. What any table
of sine waves should be read beside: zero predictor 4.25, best prediction without adaptation 3.01 (tasks/sinusoid.py), a
Gaussian process on the ten points alone 0.036 (configs/sinusoid_maml.py).

`scripts/reproduce.py sinusoid --budget 1`, then `--budget 2.5`, 2026-11-27, 2 CPU cores beside much other work, JAX
0.10.2, one seed, 1,000 curves, mean squared error with its 95 % interval, time in steps with their compilation:

  MAML, 10 steps   0.114 (0.103-0.126)   70,000 of 70,000 updates    98 s
  Reptile          0.268 (0.238-0.304)   30,000 of 30,000            14 s
  CAVIA            0.188 (0.172-0.206)   50,000 of 50,000            40 s
  CNP              0.007 (0.006-0.008)   59,500 of 70,000, falling  151 s

One after the other, and other work came and went: the times say what to expect and not which method is faster. Nor do
the errors rank the methods: the networks of CNP are wider than the others' and each row has its own number of steps.
"""

import jax.numpy as jnp
import optax

from mtl_jax import config as c
from mtl_jax import losses, meta, models, tasks
from mtl_jax.build.one_pass import one_pass
from mtl_jax.reproduce import Row
from mtl_jax.types import Array, PyTree

_NET = models.MLP((40, 40, 1), norm="none")
_MAML_STEPS, _REPTILE_STEPS, _CAVIA_STEPS = 70_000, 30_000, 50_000
_CONDITIONED = models.MLP((40, 40, 1), norm="none", context=5)
_CNP = c.Config("sine waves", c.Sinusoid(), c.MLP((128, 128), norm="none"), c.Cnp(embedding=128))


def _apply(params: PyTree, x: Array) -> Array:
  return jnp.asarray(_NET.apply(params, x))


def _init(key: Array) -> PyTree:
  return _NET.init(key, jnp.zeros((1, 1)))


def _apply_conditioned(params: PyTree, x: Array) -> Array:
  return jnp.asarray(_CONDITIONED.apply(params, x))


def _init_conditioned(key: Array) -> PyTree:
  return _CONDITIONED.init(key, jnp.zeros((1, 1)))


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
  cavia = meta.cavia(
    _apply_conditioned, losses.squared_error, inner=optax.sgd(1.0), inner_steps=1, outer=optax.adam(1e-3)
  )
  assert isinstance(_CNP.algorithm, c.Cnp)
  cnp_init, cnp = one_pass(_CNP, _CNP.algorithm, 1, 1, losses.squared_error)
  few, many = tasks.sinusoid(10, 10), tasks.sinusoid(10, 40)
  return [
    Row("MAML", "10 points", _init, maml, tested, few, steps=_MAML_STEPS, tasks_per_step=25, **shared),
    Row("Reptile", "10 points", _init, reptile, reptile, many, steps=_REPTILE_STEPS, tasks_per_step=1, **shared),
    Row("CAVIA", "10 points", _init_conditioned, cavia, cavia, few, steps=_CAVIA_STEPS, tasks_per_step=25, **shared),
    Row("CNP", "10 points", cnp_init, cnp, cnp, few, steps=_MAML_STEPS, tasks_per_step=25, **shared),
  ]
