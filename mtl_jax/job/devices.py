"""The devices that a job runs on."""

import contextlib
import math
import os

import jax
from jax.sharding import AxisType, Mesh

from mtl_jax.config import AnyConfig, ConfigError, Devices, MultiTask, axes

_MOST = 8  # devices made of the cores of a CPU: each has a copy of the data, and a step has 16 tasks by default


def started(devices: Devices, config: AnyConfig | None = None) -> Mesh | None:
  """The mesh to run on, None for one device; to be called before anything is computed: it makes devices of CPU cores.

  Raises: ConfigError for a mesh that is none, or larger than there are devices.
  """
  wanted = None if devices.mesh is None else axes(devices.mesh)
  together = isinstance(config, MultiTask)  # its steps have no tasks to share out: each device would take all of it
  if wanted is not None or "JAX_NUM_CPU_DEVICES" not in os.environ:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = math.prod(wanted.values()) if wanted is not None else 1 if together else min(cores, _MOST)
    with contextlib.suppress(RuntimeError):  # something was computed already: the devices are those there are
      jax.config.update("jax_num_cpu_devices", count)
  have = jax.device_count()
  if wanted is None:
    wanted = {"tasks": 1 if together else have}
  if (count := math.prod(wanted.values())) > have:
    raise ConfigError(f"--mesh {devices.mesh}: {count} devices are asked for and {have} are there; ask for fewer")
  if count == 1:
    return None
  types = (AxisType.Auto,) * len(wanted)
  return jax.make_mesh(tuple(wanted.values()), tuple(wanted), axis_types=types, devices=jax.devices()[:count])


def on(mesh: Mesh | None) -> contextlib.AbstractContextManager:
  """Makes the mesh the ambient one, if there is one."""
  return contextlib.nullcontext() if mesh is None else jax.set_mesh(mesh)
