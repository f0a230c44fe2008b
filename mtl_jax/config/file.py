"""Config files."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from mtl_jax.config.checks import ConfigError
from mtl_jax.config.job import AnyConfig, Config


def _module(path: Path) -> ModuleType:
  if not path.is_file():
    known = sorted(str(p) for p in Path("configs").glob("*.py"))
    hint = f" There are: {', '.join(known)}." if known else ""
    raise ConfigError(f"{path}: no such config file.{hint}")
  spec = importlib.util.spec_from_file_location(path.stem, path)
  assert spec is not None and spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def load(path: Path) -> tuple[AnyConfig, str]:
  """The `config` of a config file, and the file's docstring.

  Raises:
    ConfigError: no such file, or it defines no `config`.
  """
  module = _module(path)
  config = getattr(module, "config", None)
  if not isinstance(config, AnyConfig):
    raise ConfigError(f"{path}: defines no `config = Config(...)` or `config = MultiTask(...)`")
  return config, (module.__doc__ or "").strip()


def load_designs(path: Path) -> dict[str, Config]:
  """The `designs` of a config file, by name: what its `config` was chosen from.

  Raises:
    ConfigError: no such file, it defines no `designs`, or nothing can be kept out of its tasks.
  """
  designs = getattr(_module(path), "designs", None)
  if not isinstance(designs, dict) or not all(hasattr(one.tasks, "kept_out") for one in designs.values()):
    raise ConfigError(f"{path}: defines no `designs = {{name: Config(...)}}` for tasks with a field `kept_out`")
  return designs


def load_factory(factory: str) -> Callable[..., Any]:
  """The function of `Custom.factory`, FILE.py:FUNCTION; ConfigError if there is none."""
  path, _, function = factory.rpartition(":")
  found = getattr(_module(Path(path)), function, None)
  if not callable(found):
    raise ConfigError(f"{factory}: {path} defines no function {function!r}")
  return found


def dump(config: AnyConfig, docstring: str) -> str:
  """The text of a config file that defines an equal `config`."""
  quoted = docstring.replace("\\", "\\\\").replace('"""', "'''")
  return f'"""{quoted}\n"""\n\nfrom mtl_jax.config import *  # noqa: F403\n\nconfig = {config!r}\n'
