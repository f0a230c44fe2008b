"""Which devices a script runs on."""

import dataclasses
import re

from mtl_jax.config.checks import ConfigError

AXES = ("tasks", "data", "model")


@dataclasses.dataclass(frozen=True)
class Devices:
  """What the flags of the scripts say of devices and processes."""

  mesh: str | None = None
  """how many devices share the tasks of a step and the test episodes, the examples of each task, and the network's
  matrices, as in tasks=4 or tasks=2,data=2,model=2, which makes them of the cores of a CPU; tasks=1 for one alone.
  Default: for tasks all that there are, of a CPU's cores up to 8; one for a multi-task job"""
  distributed: bool = False
  """one of several processes, which all get this command and share a folder; SLURM, Kubernetes or MPI say how many
  there are and which this is, or else the three flags below"""
  coordinator: str | None = None
  """host:port where process 0 waits for the others"""
  processes: int | None = None
  """how many there are"""
  process: int | None = None
  """which this is, from 0"""


AT_HAND = Devices()


def axes(mesh: str) -> dict[str, int]:
  """`tasks=4` -> {"tasks": 4}; ConfigError for anything else."""
  found: dict[str, int] = {}
  for part in mesh.split(","):
    name, _, size = part.partition("=")
    if name not in AXES or name in found or not re.fullmatch("[1-9][0-9]*", size):
      raise ConfigError(f"--mesh {mesh}: {part!r} is not AXIS=DEVICES, as in tasks=4; axes: {', '.join(AXES)}")
    found[name] = int(size)
  return found
