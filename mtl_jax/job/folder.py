"""The run folder: config.py, run.json, metrics.jsonl, checkpoints/, scores.json and report.html."""

import json
import os
import platform
import shlex
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
from rich.console import Console

from mtl_jax.checkpoint import CheckpointError
from mtl_jax.config import AnyConfig, ConfigError, dump
from mtl_jax.data import DataError
from mtl_jax.fit import TrainingError
from mtl_jax.trust import LeakError

console = Console()
_LOST = (
  "This process stops: another one of the run has ended, or it has itself failed as said above. "
  "The last checkpoint goes on with --resume, on as many processes as you like."
)
_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "scikit-learn")


def write_json(path: Path, value: Any) -> None:
  """All of the file or the old one; of several processes only the first writes."""
  if jax.process_index():
    return
  temporary = path.with_suffix(".tmp")
  temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")
  os.replace(temporary, path)


def device() -> str:
  """What this process computes on."""
  return f"{jax.devices()[0].device_kind}, {os.cpu_count()} CPU cores ({platform.machine()})"


def start(config: AnyConfig, docstring: str, folder: Path) -> None:
  """Makes the run folder with config.py and run.json; of several processes the first does."""
  if jax.process_index():
    return
  folder.mkdir(parents=True)
  (folder / "config.py").write_text(dump(config, docstring))
  facts = {
    "name": config.name,
    "command": shlex.join(["python", *sys.argv]),
    "started": datetime.now(UTC).isoformat(timespec="seconds"),
    "device": device(),
    "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in _PACKAGES},
    "config": (folder / "config.py").read_text(),
    "docstring": docstring,
    "seconds": {},
  }
  write_json(folder / "run.json", facts)


def note(folder: Path, **seconds: float) -> None:
  """Adds stage times and the time of finishing to run.json; of several processes the first does."""
  if jax.process_index():
    return
  facts = json.loads((folder / "run.json").read_text())
  facts["seconds"] |= {stage: round(value, 1) for stage, value in seconds.items()}
  facts["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
  write_json(folder / "run.json", facts)


def asked_for(only: Sequence[str], names: Iterable[str]) -> list[str]:
  """`only`, or all names where it is empty; ConfigError for one that is not among them."""
  names = list(names)
  for name in only:
    if name not in names:
      raise ConfigError(f"--only {name!r}: there is no such method; there are {', '.join(map(repr, names))}")
  return list(only) or names


def _keep_compiled() -> None:
  """Keeps compiled programs in the user's cache folder, or in JAX_COMPILATION_CACHE_DIR, for the next start."""
  if not os.environ.get("JAX_COMPILATION_CACHE_DIR"):
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    jax.config.update("jax_compilation_cache_dir", str(cache / "mtl_jax" / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)


def exit_with_message(main: Callable[[list[str]], None], argv: list[str]) -> None:
  """Runs a script; what a user can mend is said in a line, anything else is a traceback.

  With several processes that traceback is also what is left when another one has died, and a line says how to go on.
  """
  _keep_compiled()
  try:
    main(argv)
  except (ConfigError, CheckpointError, DataError, LeakError, TrainingError) as error:
    _complain(f"{type(error).__name__}: {error}")
    raise SystemExit(1) from None
  except Exception:
    if jax.process_count() == 1:
      raise
    traceback.print_exc()
    _complain(_LOST)
    sys.stderr.flush()
    os._exit(1)  # to leave in order is to wait for all, and one may be dead


def _complain(message: str) -> None:
  Console(stderr=True).print(message, markup=False, highlight=False, soft_wrap=True)
