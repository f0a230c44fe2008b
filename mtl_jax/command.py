"""What every script does around its own work: programs stay compiled, and what a user can mend is said in a line."""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import jax
from rich.console import Console

from mtl_jax.config import ConfigError

console = Console()
_LOST = (
  "This process stops: another one of the run has ended, or it has itself failed as said above. "
  "The last checkpoint goes on with --resume, on as many processes as you like."
)


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


def _mendable() -> tuple[type[Exception], ...]:
  """Errors that a user can mend; looked up when there is one, because Orbax takes as long to import as Flax."""
  from mtl_jax.checkpoint import CheckpointError
  from mtl_jax.data import DataError
  from mtl_jax.fit import TrainingError
  from mtl_jax.trust import LeakError

  return ConfigError, CheckpointError, DataError, LeakError, TrainingError


def exit_with_message(main: Callable[[list[str]], None], argv: list[str]) -> None:
  """Runs a script; what a user can mend is said in a line, anything else is a traceback.

  With several processes that traceback is also what is left when another one has died, and a line says how to go on.
  """
  _keep_compiled()
  try:
    main(argv)
  except SystemExit:
    raise
  except _mendable() as error:
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
