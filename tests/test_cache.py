"""Scripts keep compiled programs from one start to the next."""

import os
import subprocess
import sys

from conftest import ROOT

# What a script does, in small: how many programs it had to compile is written at the end.
START = """
import jax
from mtl_jax import job

misses = []
jax.monitoring.register_event_listener(lambda event, **_: misses.append(event) if event.endswith("cache_misses") else 0)
job.exit_with_message(lambda argv: jax.jit(lambda x: x @ x + 1.0)(jax.numpy.ones((3, 3))), [])
print(len(misses))
"""


def test_a_second_start_compiles_nothing(tmp_path):
  kept = ("JAX_COMPILATION_CACHE", "JAX_PERSISTENT_CACHE")
  environment = {name: value for name, value in os.environ.items() if not name.startswith(kept)}
  environment |= {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}

  def start() -> int:
    done = subprocess.run([sys.executable, "-c", START], env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)

  assert start() > 0
  assert any((tmp_path / "mtl_jax" / "compiled").iterdir())
  assert start() == 0
