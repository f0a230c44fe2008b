"""The run folder: config.py, run.json, metrics.jsonl, checkpoints/, scores.json and report.html."""

import json
import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import jax
from jax.experimental import multihost_utils

from mtl_jax.config import AnyConfig, dump
from mtl_jax.disk import write_json

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "numpy", "scikit-learn")


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


def leave_out(folder: Path, why: dict[str, str]) -> None:
  """Says in run.json which methods are not scored, and why."""
  if not jax.process_index():
    facts = json.loads((folder / "run.json").read_text())
    write_json(folder / "run.json", facts | {"left_out": why})
  if jax.process_count() > 1:  # the others read it next
    multihost_utils.sync_global_devices("left out")


def left_out(folder: Path) -> dict[str, str]:
  """Which methods are not scored, and why."""
  facts = folder / "run.json"
  return json.loads(facts.read_text()).get("left_out", {}) if facts.exists() else {}
