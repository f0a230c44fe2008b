"""Checkpoints on disk: atomic, checked, the last few and the best.

A step is a folder with `state/`, which Orbax writes, and `about.json`: the score, the shape
and type of every leaf, and a checksum of every file, because Orbax notices neither every
other state nor every changed byte. The folder gets its name when it is whole, so a process
may be killed at any moment.
"""

import json
import math
import os
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import orbax.checkpoint as ocp
from jax.sharding import Sharding

from mtl_jax.layout import put
from mtl_jax.types import PyTree

_BLOCK = 2**22  # bytes of a file at once: one may be as large as all that a process holds


class CheckpointError(Exception):
  """A checkpoint is damaged, foreign or absent; the message names it and the way out."""


class Checkpoints:
  """The checkpoints of one training run; one run at a time may save.

  Several processes of one run all call `save` and the others, on a folder that they share. Of what is split over
  processes each writes what it holds and reads what it is to hold, so that none needs room for all of it, and checks
  every file, a block at a time; the rest the first one writes. Whatever mesh and number of processes saved a state, any
  other may restore it.

  A process that fails in the middle of this raises; the others raise as soon as it has ended or, if it has not, after
  Orbax's five minutes of waiting for it; where it stands still (SIGSTOP) JAX ends them in half a minute. What they
  leave does not count as a checkpoint.

  Args:
    folder: holds one folder per step; made at the first save.
    keep: how many of the last checkpoints stay. The one with the highest score stays too.
  """

  def __init__(self, folder: str | Path, keep: int = 3):
    if keep < 1:
      raise ValueError(f"keep={keep}: at least the last checkpoint must stay")
    self._folder, self._keep = Path(folder).absolute(), keep
    # Orbax waits for processes that it is told of with a limit in time; for all there are without one.
    self._all = set(range(jax.process_count()))
    options = ocp.options.MultiprocessingOptions(0, self._all, str(self._folder))
    handler = ocp.PyTreeCheckpointHandler(multiprocessing_options=options)
    self._orbax = ocp.Checkpointer(handler, multiprocessing_options=options)

  def path(self, step: int) -> Path:
    """Where the checkpoint of `step` is or would be."""
    return self._folder / str(step)

  def steps(self) -> list[int]:
    """The steps that have a checkpoint, ascending. What a kill left unfinished is not among them."""
    if not self._folder.is_dir():
      return []
    return sorted(int(entry.name) for entry in self._folder.iterdir() if entry.name.isdecimal())

  def save(self, step: int, state: PyTree, score: float | None = None) -> None:
    """Saves `state` (arrays, typed keys, numbers), then deletes what need not stay; all processes must call this.

    Args:
      score: what `best` ranks by, higher is better; None never becomes the best.

    Raises:
      ValueError: there is a checkpoint of this step, or the score is not finite.
    """
    if score is not None and not math.isfinite(score):
      raise ValueError(f"step {step} has the score {score}: it cannot be ranked")
    if step in self.steps():
      raise ValueError(f"{self.path(step)} exists already")
    first, unfinished = jax.process_index() == 0, self._folder / f"unfinished-{step}"
    if first:
      for leftover in (*self._folder.glob("unfinished-*"), *self._folder.glob("deleted-*")):
        shutil.rmtree(leftover)
    # Orbax refuses arrays without elements; their shape says all there is to know of them.
    stored = {name: _stored(leaf) for name, leaf in _leaves(state).items() if np.size(leaf)}
    self._orbax.save(unfinished / "state", args=ocp.args.PyTreeSave(stored))
    if first:
      about = {"score": score, "leaves": _kinds(state), "files": _checksums(unfinished / "state")}
      with (unfinished / "about.json").open("w") as file:
        json.dump({"about": about, "crc32": _crc32_of(about)}, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
      unfinished.rename(self.path(step))
      self._prune()
    ocp.multihost.sync_global_processes(f"{self._folder}: saved", processes=self._all)

  def latest(self, like: PyTree) -> tuple[int, PyTree]:
    """(step, state) of the last checkpoint, as `like` has it.

    Args:
      like: a state or ShapeDtypeStructs; gives the structure and, where it is committed to
        one, each leaf's sharding. Where it is not, every process gets the whole leaf.

    Raises:
      CheckpointError: there is none, its contents are damaged, or it is not of `like`'s
        structure, shapes and types.
    """
    steps = self.steps()
    if not steps:
      raise CheckpointError(f"{self._folder} has no checkpoint")
    return steps[-1], self._restore(steps[-1], like)

  def best(self, like: PyTree) -> tuple[int, PyTree]:
    """As `latest`, for the checkpoint with the highest score, the earliest among equals."""
    scores = {step: self._or_way_out(step, self._about)["score"] for step in self.steps()}
    scored = [step for step, score in scores.items() if score is not None]
    if not scored:
      raise CheckpointError(f"{self._folder} has no checkpoint with a score")
    step = max(scored, key=scores.__getitem__)
    return step, self._restore(step, like)

  def at(self, step: int, like: PyTree) -> PyTree:
    """The state of one step; as `latest`.

    Raises:
      CheckpointError: there is no such step, or as for `latest`.
    """
    if step not in (steps := self.steps()):
      raise CheckpointError(f"{self._folder} has no checkpoint of step {step}; it has {steps}")
    return self._restore(step, like)

  def delete(self, step: int) -> None:
    """Deletes the checkpoint of `step`, all of it or nothing: it is renamed before a kill could leave half of it."""
    shutil.rmtree(self.path(step).rename(self._folder / f"deleted-{step}"))

  def _prune(self) -> None:
    scores = {}
    for step in self.steps():
      try:
        scores[step] = self._about(step)["score"]
      except CheckpointError:  # reading it complains; training must not stop for it
        scores[step] = None
    scored = [step for step, score in scores.items() if score is not None]
    stay = {*list(scores)[-self._keep :], *([max(scored, key=scores.__getitem__)] if scored else [])}
    for step in scores.keys() - stay:
      self.delete(step)

  def _restore(self, step: int, like: PyTree) -> PyTree:
    expected, found = _kinds(like), self._or_way_out(step, self._verified)["leaves"]
    if expected != found:
      differ = [name for name in (expected | found) if expected.get(name) != found.get(name)]
      lines = [
        f"{self.path(step)} holds another state than the one to restore:",
        *(f"  {n}: expected {expected.get(n, 'nothing')}, found {found.get(n, 'nothing')}" for n in differ[:8]),
        *([f"  and {len(differ) - 8} more"] if len(differ) > 8 else []),
        "Use the model, algorithm and optimiser of the run that saved it (its config.py), or another folder.",
      ]
      raise CheckpointError("\n".join(lines))
    leaves = _leaves(like)
    stored = {name: leaf for name, leaf in leaves.items() if np.size(leaf)}
    how = {name: _how(leaf) for name, leaf in stored.items()}
    arrays = self._orbax.restore(self.path(step) / "state", args=ocp.args.PyTreeRestore(stored, restore_args=how))
    placed = [_like(arrays.get(name), leaf) for name, leaf in leaves.items()]
    return jax.tree.unflatten(jax.tree.structure(like), placed)

  def _about(self, step: int) -> dict[str, Any]:
    path = self.path(step)
    try:
      content = json.loads((path / "about.json").read_bytes())
      if _crc32_of(content["about"]) != content["crc32"]:
        raise ValueError("its checksum is wrong")
    except FileNotFoundError as error:
      raise CheckpointError(f"{path} is damaged, or not ours: it has no about.json.") from error
    except (ValueError, KeyError) as error:
      raise CheckpointError(f"{path} is damaged: about.json: {error}.") from error
    return content["about"]

  def _verified(self, step: int) -> dict[str, Any]:
    """`_about`, after a look at every file, so that Orbax never stumbles over a damaged one."""
    about = self._about(step)
    written, found = about["files"], _checksums(self.path(step) / "state")
    for name in written | found:
      if written.get(name) != found.get(name):
        raise CheckpointError(f"{self.path(step)} is damaged: state/{name} is not as it was written.")
    return about

  def _or_way_out(self, step: int, read: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """read(step), with the way out added to what it raises."""
    try:
      return read(step)
    except CheckpointError as error:
      for earlier in reversed([s for s in self.steps() if s < step]):
        try:
          self._verified(earlier)
        except CheckpointError:
          continue
        way_out = f"The checkpoint of step {earlier} is intact: delete {self.path(step)} to go on from there."
        raise CheckpointError(f"{error} {way_out}") from error
      way_out = "No earlier checkpoint is intact: start anew in another folder."
      raise CheckpointError(f"{error} {way_out}") from error


def _leaves(state: PyTree) -> dict[str, Any]:
  return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(state)}


def _is_key(leaf: Any) -> bool:
  return jnp.issubdtype(jnp.result_type(leaf), jax.dtypes.prng_key)


def _kinds(state: PyTree) -> dict[str, str]:
  """Leaf -> `float32[3,4]`; arrays and ShapeDtypeStructs alike."""
  return {
    name: f"{jnp.result_type(leaf)}[{','.join(map(str, jnp.shape(leaf)))}]" for name, leaf in _leaves(state).items()
  }


def _stored(leaf: Any) -> jax.Array | np.ndarray:
  """What Orbax is to write; NumPy's arrays, of which it notes less, are the quicker where one process has all."""
  leaf = jax.random.key_data(leaf) if _is_key(leaf) else leaf
  apart = isinstance(leaf, jax.Array) and not (leaf.is_fully_addressable or leaf.is_fully_replicated)
  return leaf if apart else np.asarray(leaf, order="C")


def _sharding(leaf: Any) -> Sharding | None:
  """Where the leaf is committed to lie, if it is."""
  uncommitted = isinstance(leaf, jax.Array) and not leaf.committed
  return None if uncommitted else getattr(leaf, "sharding", None)


def _how(leaf: Any) -> ocp.RestoreArgs:
  """A leaf that is committed goes straight to its devices; keys, which Orbax does not know, go by the host."""
  if (sharding := _sharding(leaf)) is None or _is_key(leaf):
    return ocp.RestoreArgs(restore_type=np.ndarray)
  return ocp.ArrayRestoreArgs(sharding=sharding, dtype=leaf.dtype)


def _checksums(folder: Path) -> dict[str, int]:
  files = sorted(path for path in folder.rglob("*") if path.is_file())
  return {path.relative_to(folder).as_posix(): _crc32_in(path) for path in files}


def _crc32_in(path: Path) -> int:
  crc = 0
  with path.open("rb") as file:
    while block := file.read(_BLOCK):
      crc = zlib.crc32(block, crc)
  return crc


def _crc32_of(about: dict[str, Any]) -> int:
  return zlib.crc32(json.dumps(about, sort_keys=True).encode())


def _like(array: jax.Array | np.ndarray | None, leaf: Any) -> jax.Array:
  """`array` as `leaf` has it, if it is not yet; None, which was not stored, has no elements."""
  if isinstance(array, jax.Array):
    return array
  sharding = _sharding(leaf)
  if _is_key(leaf):
    impl = jax.random.key_impl(jnp.empty((), leaf.dtype))
    return put(jax.random.wrap_key_data(jnp.asarray(array), impl=impl), sharding)
  return jax.device_put(np.empty(leaf.shape, leaf.dtype) if array is None else array, sharding)
