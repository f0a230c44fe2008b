"""The devices and processes that a job runs on."""

import contextlib
import math
import os
import time
from datetime import datetime
from pathlib import Path

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh

from mtl_jax.command import console
from mtl_jax.config import AnyConfig, ConfigError, Devices, MultiTask, axes

_MOST = 8  # devices made of the cores of a CPU: each has a copy of the data, and a step has 16 tasks by default
_SILENT_S = 30  # after which another process is taken for dead
_MAPS = 30_000  # of the 65,530 memory maps that Linux allows a process; a compiled program takes some


def room_for_programs() -> None:
  """Drops what is compiled once it takes half of what a process, any of them, may map: beyond, compiling crashes."""
  maps = Path("/proc/self/maps")
  used = maps.read_bytes().count(b"\n") if maps.exists() else 0
  if jax.process_count() > 1:
    used = int(multihost_utils.process_allgather(np.int32(used)).max())
  if used > _MAPS:
    jax.clear_caches()


def started(devices: Devices, config: AnyConfig | None = None) -> Mesh | None:
  """The mesh to run on, None for one device; to be called before anything is computed: it makes devices of CPU cores.

  Raises: ConfigError for a mesh that is none or has more devices than there are, or if there is no saying which of
    several processes this is.
  """
  wanted = None if devices.mesh is None else axes(devices.mesh)
  together = isinstance(config, MultiTask)  # its steps have no tasks to share out: each device would take all of it
  _join(devices)
  count = _cpu_devices(devices, wanted, together)
  if count is not None:
    with contextlib.suppress(RuntimeError):  # something was computed already: the devices are those there are
      jax.config.update("jax_num_cpu_devices", count)
  have = jax.device_count()
  wanted = wanted or {"tasks": 1 if together else have}
  if (count := math.prod(wanted.values())) > have or (jax.process_count() > 1 and count < have):
    way_out = "JAX_NUM_CPU_DEVICES makes others of a CPU" if devices.distributed else "ask for fewer"
    raise ConfigError(f"--mesh {devices.mesh or 'tasks=1'}: {count} of the {have} devices that are there; {way_out}")
  console.quiet = jax.process_index() > 0
  if count == 1:
    return None
  types = (AxisType.Auto,) * len(wanted)
  return jax.make_mesh(tuple(wanted.values()), tuple(wanted), axis_types=types, devices=jax.devices()[:count])


def _cpu_devices(devices: Devices, wanted: dict[str, int] | None, together: bool) -> int | None:
  """How many devices this process makes of its CPU; None: as many as JAX_NUM_CPU_DEVICES says."""
  if wanted is not None and (devices.processes or not devices.distributed):
    return -(-math.prod(wanted.values()) // (devices.processes or 1))
  if "JAX_NUM_CPU_DEVICES" in os.environ:
    return None
  cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
  return 1 if together else min(cores, _MOST)


def _join(devices: Devices) -> None:
  """Waits for the other processes; from then on jax.devices() are those of all."""
  which = (devices.coordinator, devices.processes, devices.process)
  if not devices.distributed:
    if which != (None, None, None):
      raise ConfigError("--coordinator, --processes and --process are of several processes: add --distributed")
    return
  where = f" at {devices.coordinator}" if devices.coordinator else ""
  console.print(f"waiting five minutes at most for the other processes{where}")  # beyond, JAX ends this one: no address
  try:
    jax.distributed.initialize(*which, heartbeat_timeout_seconds=_SILENT_S)
  except (ValueError, RuntimeError) as error:
    way_out = "start it by SLURM, Kubernetes or MPI, or say --coordinator HOST:PORT --processes N --process I"
    raise ConfigError(f"--distributed: {str(error).splitlines()[0]}; {way_out}") from error


def first() -> bool:
  """Whether this process is the one that writes what all of them found."""
  return jax.process_index() == 0


def agreed_time() -> datetime:
  """Now, as the first process has it."""
  return datetime.fromtimestamp(int(multihost_utils.broadcast_one_to_all(np.int32(time.time()))))


def on(mesh: Mesh | None) -> contextlib.AbstractContextManager:
  """Makes the mesh the ambient one, if there is one."""
  return contextlib.nullcontext() if mesh is None else jax.set_mesh(mesh)
