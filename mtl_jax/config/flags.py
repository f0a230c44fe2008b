"""A config's fields as flags of a command, beside the command's own."""

import dataclasses
from typing import Annotated, Any

import tyro

from mtl_jax.config.job import AnyConfig


def with_flags(config: AnyConfig, docstring: str, argv: list[str], **own: tuple[Any, Any]) -> Any:
  """What a command line makes of a config, and of a command's own flags.

  Args:
    config: the defaults; its fields are flags without a prefix, as `--training.steps 100`, and only those of its kind.
    docstring: what `--help` shows first.
    argv: without the command and the config.
    own: name -> (type, default) of each further flag; `tyro.MISSING` where it must be given.

  Returns: an object with the attributes `config` and those in `own`.
  """
  fields = [("config", Annotated[type(config), tyro.conf.arg(name="")])]
  fields += [(name, kind) for name, (kind, _) in own.items()]
  made = dataclasses.make_dataclass("Command", fields, frozen=True)
  default = made(config, *(value for _, value in own.values()))
  return tyro.cli(made, args=argv, default=default, config=(tyro.conf.AvoidSubcommands,), description=docstring)
