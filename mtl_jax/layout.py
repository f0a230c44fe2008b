"""Where arrays lie on a mesh with the axes tasks, data and model; what moves between devices is XLA's to work out.

  tasks  the tasks of a step (`meta.task_map` maps them and adds up their gradients)
  data   the examples of each task: their sums, and so their losses and gradients, are added up across devices
  model  parameters and what an optimiser keeps of them: each matrix by its columns or rows, as in M. Shoeybi et al.,
         "Megatron-LM: training multi-billion parameter language models using model parallelism", 2019, section 3

The partitioner of XLA (Y. Xu et al., "GSPMD: general and scalable parallelization for ML computation graphs", 2021)
carries a layout through the program, so that no network and no algorithm knows of it.
"""

import re
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AbstractMesh, Mesh, NamedSharding, PartitionSpec, Sharding

from mtl_jax.types import Array, PyTree

TASKS, DATA, MODEL = "tasks", "data", "model"


def size(mesh: Mesh | AbstractMesh, axis: str) -> int:
  """How many devices the axis has; 1 where there is none."""
  return dict(mesh.shape).get(axis, 1)


def split(state: PyTree, parts: int) -> PyTree:
  """A PartitionSpec for each leaf: a matrix, or what has more axes, along the longest axis that `parts` divides.

  A wide layer is then split by columns and the narrow one after it by rows, which together need one exchange. Of equal
  axes it is the last one, the columns, and in a layer of odd number, as `dense_1` is, the first.
  """

  def of(path: tuple, leaf: Any) -> PartitionSpec:
    if parts == 1 or leaf.ndim < 2 or jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
      return PartitionSpec()
    number = re.findall(r"_(\d+)\b", jax.tree_util.keystr(path))
    rows = bool(number) and int(number[-1]) % 2 == 1
    length, axis = max((n * (n % parts == 0), -i if rows else i) for i, n in enumerate(leaf.shape))
    return PartitionSpec(*(None,) * abs(axis), MODEL) if length else PartitionSpec()

  return jax.tree_util.tree_map_with_path(of, state)


def placed(state: PyTree, mesh: Mesh) -> PyTree:
  """The state on all devices of the mesh, its matrices split over the axis model."""
  specs = split(state, size(mesh, MODEL))
  return jax.tree.map(lambda leaf, spec: put(leaf, NamedSharding(mesh, spec)), state, specs)


def put(leaf: Any, sharding: Sharding | None) -> Array:
  """`jax.device_put`, also of typed keys onto devices of several processes, which it refuses."""
  is_key = jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)
  if not is_key or not isinstance(sharding, NamedSharding) or sharding.is_fully_addressable:
    return jax.device_put(leaf, sharding)
  # With every axis in it, as programs return it: with fewer, a second call would compile anew.
  spec = PartitionSpec(*sharding.spec, *(None,) * (leaf.ndim + 1 - len(sharding.spec)))
  data = jax.device_put(jax.random.key_data(leaf), NamedSharding(sharding.mesh, spec))
  return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))


def by_examples(data: PyTree) -> PyTree:
  """Of leaves (tasks, examples, ...) the examples split over the ambient mesh's axis data, where it divides them."""
  parts = size(jax.sharding.get_abstract_mesh(), DATA)
  if parts == 1:
    return data

  def place(leaf: Array) -> Array:
    if leaf.ndim < 2 or leaf.shape[1] % parts:
      return leaf
    return jax.lax.with_sharding_constraint(leaf, PartitionSpec(PartitionSpec.UNCONSTRAINED, DATA))

  return jax.tree.map(place, data)
