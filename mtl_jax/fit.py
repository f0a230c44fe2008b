"""The training loop: every algorithm of the library is trained here and nowhere else."""

import contextlib
import functools
import itertools
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec, Sharding, get_mesh
from jax.tree_util import Partial, keystr

from mtl_jax import layout
from mtl_jax.meta.task_map import on_shards, shards_for
from mtl_jax.types import Algorithm, Array, Metrics, PyTree, TaskFamily

_log = logging.getLogger(__name__)

_UNSOLVED = 0.1
_MISTRUST = (
  "up to step %d the inner problem of %.0f %% of the tasks was not solved well enough to trust their meta-gradient "
  "(metrics inner_stationarity and cg_residual say how well). Take more inner steps, another inner learning rate, "
  "more steps of conjugate gradients or a larger penalty. This is said once."
)

History = dict[str, np.ndarray]


class CheckpointStore(Protocol):
  """What `fit` needs of a place for checkpoints; `mtl_jax.checkpoint.Checkpoints` is one."""

  def steps(self) -> list[int]: ...
  def path(self, step: int) -> Path: ...
  def latest(self, like: PyTree) -> tuple[int, PyTree]: ...
  def save(self, step: int, state: PyTree, score: float | None = None) -> None: ...


class RowWriter(Protocol):
  """What `fit` needs of a place for metrics; `mtl_jax.recorder.Recorder` is one."""

  def write(self, row: Mapping[str, Any]) -> None: ...
  def rewind(self, step: int) -> list[dict[str, Any]]: ...


class TrainingError(Exception):
  """A number that must be finite is not: `name` after step `step`, counted from 0."""

  def __init__(self, message: str, step: int, name: str):
    super().__init__(message)
    self.step, self.name = step, name


class Interrupted(Exception):
  """Ctrl-C or SIGTERM ended training after a whole chunk; nothing of it is lost."""

  def __init__(self, message: str, step: int, state: PyTree, history: History):
    super().__init__(message)
    self.step, self.state, self.history = step, state, history


def fit(
  key: Array,
  algorithm: Algorithm,
  state: PyTree,
  tasks: TaskFamily,
  *,
  steps: int,
  tasks_per_step: int,
  chunk_steps: int = 100,
  checkpoints: CheckpointStore | None = None,
  recorder: RowWriter | None = None,
  validate: Callable[[PyTree], Mapping[str, Any]] | None = None,
  check_every: int = 1,
  progress: str | None = None,
  resume: bool = False,
  seconds: float | None = None,
  profile: Path | None = None,
) -> tuple[PyTree, History]:
  """Trains `state` until `steps` steps have been taken, or `seconds` have gone by.

  Step i draws its tasks and its randomness from `fold_in(key, i)`, so that a resumed run ends
  with the same bits as one that was never stopped, on the same devices. On a mesh
  (`jax.set_mesh`) its axis `tasks` shares the tasks out, `data` the examples of each and `model`
  the state's matrices; several processes all call this.
  Steps run in chunks, each one call of one compiled program; only between chunks does the host
  see anything.

  Args:
    steps: the step to reach, counted from the first of the run and not from the resumption.
    tasks_per_step: how many tasks `tasks.sample` draws for one update.
    chunk_steps: steps per compiled call. Ctrl-C waits for the end of a chunk.
    checkpoints: where to save at every check, at the end and when interrupted.
    recorder: gets a row after each chunk: `step`, the chunk's mean of every metric (a list
      where a metric has axes), `steps_per_s`, `tasks_per_s`, and at checks `validation_*`.
    validate: validate(state) -> numbers, or arrays of them. `score`, higher is better, ranks the checkpoints.
      It must be a function of the state alone for a resumed run to be exact.
    check_every: chunks between two checks; a check validates and saves.
    progress: what to write before a progress bar; None shows none. Needs rich.
    resume: goes on from the latest checkpoint, or from `state` where there is none yet, and
      drops the rows recorded after it.
    seconds: training ends with the chunk in which they are over: time in steps, their compilation
      included and checks left out. A resumed run counts what `recorder` says was used before.
    profile: folder for a trace of the second chunk, in which nothing is compiled: for Perfetto and TensorBoard.

  A metric named `unsolved`, the share of tasks whose inner problem an algorithm could not solve
  well enough for its gradient to be trusted, is warned of once when a chunk's mean exceeds 0.1.

  Returns:
    The state, and a history: metric -> [steps taken here, ...], and after validation
    `validation_step` and `validation_*` -> [checks made here, ...].

  Raises:
    TrainingError: a metric, a validation number or (at a check) the state is not finite. The
      state is not saved; the message names the step, the number and the last checkpoint.
    Interrupted: after SIGINT or SIGTERM, with the chunk finished and saved. It carries the
      state and the history. A second SIGINT acts at once.
    ValueError: checkpoints in the way of a new run, or nothing to resume from.
  """
  if min(steps, tasks_per_step, chunk_steps, check_every) < 1:
    raise ValueError("steps, tasks_per_step, chunk_steps and check_every must be at least 1")
  # Copies, because chunks donate their input; with types that an update gives back unchanged.
  state = jax.tree.map(lambda leaf: jnp.array(leaf, dtype=jnp.result_type(leaf), copy=True), state)
  sample = tasks.sample if isinstance(tasks.sample, Partial) else Partial(tasks.sample)
  mesh = get_mesh()
  sample = jax.device_put(sample, None if mesh.empty else NamedSharding(mesh, PartitionSpec()))  # once, not every chunk
  if not mesh.empty:
    state = layout.placed(state, mesh)
  start, state = _first_step(state, steps, checkpoints, resume)
  # On a mesh a state stays where it is, or the second chunk would compile anew.
  placed = None if mesh.empty else tuple(leaf.sharding for leaf in jax.tree.leaves(state))
  rows = [{"step": 0}, *(recorder.rewind(start) if resume and recorder is not None else ())]
  spent = sum((b["step"] - a["step"]) / b["steps_per_s"] for a, b in itertools.pairwise(rows))

  chunks: list[History] = []
  checks: list[dict[str, Any]] = []
  step, saved, trusted = start, start, True
  with _signals() as received, _bar(progress, start, steps) as show:
    while step < steps and not _signal_of_any(received) and (seconds is None or spent < seconds):
      began = time.perf_counter()
      stop = min((step // chunk_steps + 1) * chunk_steps, steps)
      with _trace(profile if len(chunks) == 1 else None):
        state, rows = _chunk(
          algorithm, tasks_per_step, chunk_steps, tasks.in_turn, sample, key, step, stop, state, placed
        )
        rows = jax.device_get(rows)
      rows = {name: np.asarray(row)[: stop - step] for name, row in rows.items()}
      took = _longest(time.perf_counter() - began)
      rate, spent = (stop - step) / took, spent + took
      _require_finite(step, rows, checkpoints)
      chunks.append(rows)
      step = stop

      report = {name: np.mean(row, axis=0, dtype=np.float64).tolist() for name, row in rows.items()}
      report |= {"step": step, "steps_per_s": rate, "tasks_per_s": rate * tasks_per_step}
      left = min((steps - step) / rate, math.inf if seconds is None else max(seconds - spent, 0.0))
      show(step, left, rate, rate * tasks_per_step, report)
      if trusted and np.mean(report.get("unsolved", 0.0)) > _UNSOLVED:
        trusted = False
        _log.warning(_MISTRUST, step, 100 * np.mean(report["unsolved"]))
      # Even when interrupted the last step is checked: resuming at the end would find nothing left to do.
      over = step == steps or (seconds is not None and spent >= seconds)
      due = over or (not _signal_of_any(received) and step % (chunk_steps * check_every) == 0)
      if due:
        _require_finite(step - 1, _health(state), checkpoints)
        if validate is not None:
          scores = {f"validation_{name}": np.asarray(value, np.float64) for name, value in validate(state).items()}
          _require_finite(step - 1, {name: value[None] for name, value in scores.items()}, checkpoints)
          checks.append({"validation_step": step} | scores)
          report |= {name: value.tolist() for name, value in scores.items()}
      if recorder is not None:  # before the save: resuming can drop a row too many, but not restore one
        recorder.write(report)
      if due and checkpoints is not None:
        checkpoints.save(step, state, report.get("validation_score"))
        saved = step

    history = {name: np.concatenate([rows[name] for rows in chunks]) for name in chunks[0]} if chunks else {}
    history |= {name: np.asarray([row[name] for row in checks]) for name in checks[0]} if checks else {}
    if number := _signal_of_any(received):
      _log.warning("%s: stopping after %d steps", signal.Signals(number).name, step)
      where = "no checkpoints were asked for; this exception's `state` and `history` hold the work"
      if checkpoints is not None:
        if saved != step:
          _require_finite(step - 1, _health(state), checkpoints)
          checkpoints.save(step, state)
        where = f"saved in {checkpoints.path(step)}" if step else "there is nothing to save yet"
      raise Interrupted(f"interrupted after {step} of {steps} steps; {where}", step, state, history)
  return state, history


@functools.partial(
  jax.jit,
  static_argnames=("algorithm", "tasks_per_step", "chunk_steps", "in_turn", "placed"),
  donate_argnames=("state",),
)
def _chunk(
  algorithm: Algorithm,
  tasks_per_step: int,
  chunk_steps: int,
  in_turn: bool,
  sample: Callable[..., Any],
  key: Array,
  start: Array,
  stop: Array,
  state: PyTree,
  placed: tuple[Sharding, ...] | None,
) -> tuple[PyTree, Metrics]:
  """Steps start to stop - 1; metrics have chunk_steps rows, those from stop - start on are zero."""

  @jax.jit  # so that the shapes below and the scan share one tracing of the update
  def take(state: PyTree, step: Array) -> tuple[PyTree, Metrics]:
    sample_key, update_key = jax.random.split(jax.random.fold_in(key, step))
    places = (step * tasks_per_step + jnp.arange(tasks_per_step),) if in_turn else ()

    def draw(sample: Callable[..., Any], each: tuple[Array, ...]) -> Any:
      return jax.vmap(sample)(*each)

    each = (jax.random.split(sample_key, tasks_per_step), *places)
    data = on_shards(draw, sample, each, shards_for(jax.eval_shape(draw, sample, each)))
    return algorithm.update(update_key, state, layout.by_examples(data))

  def idle(state: PyTree, step: Array) -> tuple[PyTree, Metrics]:
    _, metrics = jax.eval_shape(take, state, step)
    return state, jax.tree.map(lambda m: jnp.zeros(m.shape, m.dtype), metrics)

  # A shorter last chunk idles through the rest, since another length would be another program.
  # A loop with a traced bound would do too, at up to twice the time per step on a CPU.
  state, rows = jax.lax.scan(
    lambda state, step: jax.lax.cond(step < stop, take, idle, state, step),
    state,
    start + jnp.arange(chunk_steps),
  )
  if placed is not None:
    state = jax.lax.with_sharding_constraint(state, jax.tree.unflatten(jax.tree.structure(state), placed))
  return state, rows


def _first_step(state: PyTree, steps: int, checkpoints: CheckpointStore | None, resume: bool) -> tuple[int, PyTree]:
  if resume and checkpoints is None:
    raise ValueError("resume=True needs checkpoints")
  if checkpoints is None or not (have := checkpoints.steps()):
    return 0, state
  if not resume:
    raise ValueError(f"{checkpoints.path(have[-1])} is in the way: pass resume=True or use a new folder")
  step, state = checkpoints.latest(state)
  if step > steps:
    raise ValueError(f"{checkpoints.path(step)} is already past steps={steps}")
  # Copies again: what was restored may share its memory with the store.
  return step, jax.tree.map(lambda leaf: jnp.array(leaf, copy=True), state)


def _health(state: PyTree) -> Metrics:
  """Leaf name -> [0 or NaN]: a chunk's last update can break what its metrics do not show."""
  named = {
    f"state{keystr(path)}": leaf
    for path, leaf in jax.tree_util.tree_leaves_with_path(state)
    if jnp.issubdtype(leaf.dtype, jnp.inexact)
  }
  return dict(zip(named, _finite(list(named.values())), strict=True))


@jax.jit
def _finite(leaves: list[Array]) -> list[Array]:
  """[0 or NaN] for each leaf; one program for states whose leaves are alike, whatever their names."""
  return [jnp.where(jnp.isfinite(leaf).all(), 0.0, jnp.nan)[None] for leaf in leaves]


def _require_finite(start: int, columns: Mapping[str, Any], checkpoints: CheckpointStore | None) -> None:
  """Checks columns [steps, ...] whose first row belongs to step `start`."""
  bad = {name: np.argwhere(~np.isfinite(column)) for name, column in columns.items()}
  first = {name: int(where[0, 0]) for name, where in bad.items() if len(where)}
  if not first:
    return
  name = min(first, key=first.__getitem__)
  value, step = np.asarray(columns[name])[first[name]], start + first[name]
  last = "no checkpoint was saved before it"
  if checkpoints is not None and (have := checkpoints.steps()):
    last = f"the last good checkpoint is {checkpoints.path(have[-1])}"
  advice = "Lower the learning rate or clip the gradients; jax_debug_nans=True finds the operation."
  raise TrainingError(f"step {step}: {name} is {value}; {last}. {advice}", step, name)


def _trace(folder: Path | None) -> contextlib.AbstractContextManager:
  return contextlib.nullcontext() if folder is None else jax.profiler.trace(folder, create_perfetto_trace=True)


def _longest(number: float) -> float:
  """The largest of all processes' numbers, so that all of them decide alike."""
  return number if jax.process_count() == 1 else float(multihost_utils.process_allgather(np.float32(number)).max())


def _signal_of_any(received: list[int]) -> int:
  """The signal that a process has got, 0 if none has."""
  return int(_longest(received[0] if received else 0))


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
  """A list that gets the first SIGINT or SIGTERM; stays empty outside the main thread."""
  received: list[int] = []
  if threading.current_thread() is not threading.main_thread():
    yield received
    return
  before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

  def handle(number, _frame):
    received.append(number)
    signal.signal(signal.SIGINT, before[signal.SIGINT])  # the second one acts at once

  for number in before:
    signal.signal(number, handle)
  try:
    yield received
  finally:
    for number, handler in before.items():
      signal.signal(number, handler)


@contextlib.contextmanager
def _bar(description: str | None, start: int, steps: int) -> Iterator[Callable[..., None]]:
  if description is None or jax.process_index():
    yield lambda *_: None
    return
  from rich.progress import BarColumn, Progress, TextColumn

  # A narrow terminal cuts off the ends of title and note: what matters most comes first.
  with Progress(TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[note]}")) as bar:
    task = bar.add_task(description, total=steps, completed=start, note="compiling")

    def show(step: int, seconds: float, steps_per_s: float, tasks_per_s: float, report: Mapping[str, Any]) -> None:
      left = timedelta(seconds=round(seconds))
      loss = f"loss {np.mean(report['loss']):.4g}, " if "loss" in report else ""
      fast = [f"{x:,.0f}" if x >= 100 else f"{x:.3g}" for x in (steps_per_s, tasks_per_s)]
      rates = f"{fast[0]} steps/s, {fast[1]} tasks/s"
      bar.update(task, completed=step, note=f"{step}/{steps}, {left} left, {loss}{rates}")

    yield show
