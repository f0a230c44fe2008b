"""Multi-task jobs: train every method, tune on validation, score each task's test rows once."""

import operator
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import joblib
import numpy as np
from rich.progress import track

from mtl_jax import config as c
from mtl_jax.baselines.each import NAMES, TRIVIAL, Found, Rows, baseline
from mtl_jax.build.multitask import SINGLE, Problem, Run, Target, runs
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.command import console
from mtl_jax.disk import write_json
from mtl_jax.evaluate import ENOUGH_UNITS
from mtl_jax.fit import TrainingError, fit
from mtl_jax.holdout import measured, resampled, seed_shares, summary
from mtl_jax.job.devices import room_for_programs
from mtl_jax.job.diagnosis import Kept, affinity_of, diagnosis
from mtl_jax.job.folder import note
from mtl_jax.job.tasks import LOST, answers, asked, error, headline, of_candidate, skills, trivial
from mtl_jax.multitask import HaltingState
from mtl_jax.recorder import Recorder, read
from mtl_jax.report import ALL

_TOGETHER = {
  "seconds": operator.add,
  "memory": max,
  "gradients": operator.add,
}  # costs of single-task networks, one after the other


def _store(config: c.MultiTask, folder: Path, run: Run) -> Checkpoints:
  return Checkpoints(folder / "checkpoints" / run.folder, keep=config.training.keep)


def _label(run: Run) -> str:
  return f"{SINGLE}: {run.tasks[0]}" if run.name == SINGLE else run.name


def train(config: c.MultiTask, problem: Problem, folder: Path, resume: bool, profile: bool = False) -> None:
  """Trains every method and the single-task networks; all candidates and seeds of one in one program.

  A candidate one of whose seeds diverges loses on validation, and a method all of whose candidates do in the score.
  """
  t, floor = config.training, trivial(problem, problem.validation)
  for place, run in enumerate(runs(config, problem)):
    replicas = len(run.candidates) * t.seeds
    affinities = None if place else affinity_of(run)

    def validate(state: HaltingState, run: Run = run, affinities: Any = affinities) -> Mapping[str, Any]:
      each = skills(config, run, state, problem, floor)
      best = int(each.mean(1).argmax())
      found = {"score": each[best].mean()} | dict(zip(run.tasks, each[best], strict=True))
      if affinities is not None:
        params, steps = of_candidate((state.replicas.params, state.steps), best, t.seeds)
        found |= affinities(params, int(steps.max()))
      return found

    state, _ = fit(
      jax.random.fold_in(jax.random.key(config.seed), 1),
      run.algorithm,
      run.init(),
      run.family,
      steps=t.steps,
      tasks_per_step=replicas,
      chunk_steps=t.chunk_steps,
      checkpoints=_store(config, folder, run),
      recorder=Recorder(folder / "metrics.jsonl", method=_label(run)),
      validate=validate,
      progress=f"{_label(run)} ({replicas} replicas)",
      resume=resume,
      profile=folder / "profile" / _label(run) if profile else None,
    )
    if rates := _diverged(config, run, state.diverged):
      console.print(f"{_label(run)}: diverged at the learning rates {rates}, which cannot win", markup=False)
    room_for_programs()


def _diverged(config: c.MultiTask, run: Run, flags: Any) -> list[float]:
  """The learning rates at which a replica has diverged, with any weights."""
  by_candidate = np.any(np.reshape(np.asarray(flags), (len(run.candidates), config.training.seeds)), axis=1)
  return sorted({one.learning_rate for one, gone in zip(run.candidates, by_candidate, strict=True) if gone})


class Outcome(NamedTuple):
  """What one method says of the test rows: answers {task: (seeds or 1, n)}, and what it cost."""

  kind: str
  answers: dict[str, np.ndarray]
  costs: dict[str, float]


def _trained(
  config: c.MultiTask, problem: Problem, folder: Path
) -> tuple[dict[str, Outcome], list[Kept], dict[str, Any]]:
  """Every method's answers at the step and candidate that validation chose; the runs, with states of all replicas.

  And for `diagnosis.json` what diverged: `diverged` {label: learning rates}, `lost` labels of which no rate is left.
  Without one of the single-task networks there is no gain over them, so that then all are left out.
  """
  floor, recorded = trivial(problem, problem.validation), read(folder / "metrics.jsonl")
  found: dict[str, Outcome] = {}
  states, diverged, lost = [], {}, []
  for run in track(runs(config, problem), description="test", console=console):
    _, state = _store(config, folder, run).best(jax.eval_shape(run.init))
    skill = skills(config, run, state, problem, floor).mean(1)
    best = int(skill.argmax())
    last = next(row for row in reversed(recorded) if row["method"] == _label(run))
    if rates := _diverged(config, run, np.asarray(last["diverged"]) > 0):
      diverged[_label(run)] = rates
    if skill[best] <= LOST:
      lost.append(_label(run))
      room_for_programs()
      continue
    given = answers(run, of_candidate(state.replicas.params, best, config.training.seeds), problem, problem.test)
    rate = float(np.median([row["tasks_per_s"] for row in recorded if row["method"] == _label(run)]))
    costs = {"seconds": config.training.steps / rate, "learning_rate": run.candidates[best].learning_rate}
    costs |= {"memory": _memory(run), "gradients": float(run.gradients)}
    if run.name == SINGLE and SINGLE in found:
      before = found[SINGLE]
      costs = {name: sum_or_most(before.costs[name], costs[name]) for name, sum_or_most in _TOGETHER.items()}
      given = before.answers | given
    found[run.name] = Outcome("baseline" if run.name == SINGLE else "ours", given, costs)
    states.append(Kept(run, jax.device_get(state), skill))
    room_for_programs()
  if any(label.startswith(SINGLE) for label in lost):
    found.pop(SINGLE, None)
  if not any(outcome.kind == "ours" for outcome in found.values()):
    said = "; ".join(f"{label}: {', '.join(map(str, diverged[label]))}" for label in lost)
    raise TrainingError(f"every method diverged at all learning rates ({said}): lower them", 0, "loss")
  return found, states, {"diverged": diverged, "lost": lost}


def _memory(run: Run) -> float:
  """Temporary memory of one update of one replica, MB; what parameters and data take is not part of it."""
  algorithm, init = run.one
  sample = partial(run.family.sample, jax.random.key(0), *((jnp.zeros((), jnp.int32),) if run.family.in_turn else ()))
  step = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((1, *leaf.shape), leaf.dtype), jax.eval_shape(sample))
  key = jax.random.key(0)
  compiled = jax.jit(algorithm.update).lower(key, jax.eval_shape(init), step).compile()
  memory = compiled.memory_analysis()
  return 0.0 if memory is None else memory.temp_size_in_bytes / 1e6


def _simple(config: c.MultiTask, problem: Problem) -> dict[str, Outcome]:
  """Trees and linear models of every task, tuned on its validation rows."""
  parts = [problem.train, problem.validation, problem.test]
  todo = []
  for task, one in asked(problem, problem.train).items():
    rows = []
    for part in parts:
      x: np.ndarray = part.features[one.source] if one.source in part.features else part.data[one.source].x
      here = asked(problem, part)[task]
      rows.append(Rows(x.reshape(len(x), -1)[here.rows], here.truth))
    todo += [(name, task, one.target.kind, rows, partial(_right, one.target)) for name in NAMES]
  parallel = joblib.Parallel(n_jobs=-1, return_as="generator")
  made: Any = parallel(
    joblib.delayed(baseline)(kind, name, rows[0], rows[1], rows[2].x, config.training.seeds, score)
    for name, _, kind, rows, score in todo
  )
  found: dict[str, Outcome] = {}
  for (name, task, *_), one in zip(
    todo, track(made, description="baselines", total=len(todo), console=console), strict=True
  ):
    result: Found = one
    name = name if name == TRIVIAL else f"{name} for each task"
    before = found.get(name, Outcome("baseline", {}, {"seconds": 0.0}))
    seconds = before.costs["seconds"] + result.seconds
    found[name] = Outcome("baseline", before.answers | {task: result.answers}, {"seconds": seconds})
  return found


def _right(target: Target, answers: np.ndarray, truth: np.ndarray) -> float:
  return -error(target, answers, truth)


def _gain(target: Target, values: np.ndarray, base: np.ndarray) -> np.ndarray:
  """(value - base) / base of the headline, positive where the value is better."""
  return headline(target)[1] * (values - base) / np.where(base != 0, base, 1.0) + 0.0  # and not -0


def _rows(config: c.MultiTask, problem: Problem, tested: Mapping[str, Outcome]) -> list[dict[str, Any]]:
  """Rows of scores.json: a job for each task, and `ALL` for what is over all tasks."""
  seeds = config.training.seeds
  truth, shares = asked(problem, problem.test), seed_shares(seeds)
  drawn = {source: resampled(unit, key=key) for key, (source, unit) in enumerate(sorted(problem.test.unit.items()))}
  units = {task: len(np.unique(problem.test.unit[one.source][one.rows])) for task, one in truth.items()}
  values = {
    (method, task): measured(one.target.kind, what.answers[task], one.truth, drawn[one.source].of(one.rows), shares)
    for method, what in tested.items()
    for task, one in truth.items()
  }
  rows = []

  def row(job: str, method: str, metric: str, found: np.ndarray | float, **more: Any) -> None:
    mean, low, high = summary(found) if isinstance(found, np.ndarray) else (found, None, None)
    count = units.get(job, min(units.values()))
    about: dict[str, Any] = {"job": job, "method": method, "kind": tested[method].kind, "k": 0, "metric": metric}
    if job in truth:
      about |= {"unit": truth[job].target.unit} if truth[job].target.unit else {}
      about |= {"over": "rows"} if len(np.unique(problem.test.unit[truth[job].source])) < ENOUGH_UNITS else {}
    numbers = {"mean": mean, "low": low, "high": high, "seeds": seeds, "episodes": count, "complete": True}
    rows.append(about | numbers | more)

  mean_gain = {}
  for method, what in tested.items():
    gains = {}
    for task, one in truth.items():
      for metric, found in values[method, task].items():
        row(task, method, metric, found)
      if SINGLE in tested:
        name = headline(one.target)[0]
        gains[task] = _gain(one.target, values[method, task][name], values[SINGLE, task][name])
        row(task, method, "relative", gains[task], against=SINGLE)
    if gains:
      mean_gain[method] = np.mean(list(gains.values()), axis=0)
      row(ALL, method, "delta_m", mean_gain[method])
      worst = min(gains, key=lambda task: gains[task][0])
      row(ALL, method, "worst", gains[worst], labels=[worst])
    for name, cost in what.costs.items():
      row(ALL, method, name, cost)
  baselines = [method for method in mean_gain if tested[method].kind == "baseline"]
  # Picked on the very rows that it is compared on, which favours it.
  top = max(baselines, key=lambda method: mean_gain[method][0], default=None)
  for method in mean_gain if top else ():
    row(ALL, method, "ahead", mean_gain[method] - mean_gain[top], against=top)
  return rows


def score(config: c.MultiTask, problem: Problem, folder: Path) -> list[dict[str, Any]]:
  """Scores every method on the test rows, writes scores.json and returns its rows."""
  began = time.perf_counter()
  tested, kept, gone = _trained(config, problem, folder)
  ours = [one for one in kept if one.run.name != SINGLE]
  found = diagnosis(config, problem, ours, read(folder / "metrics.jsonl")) | gone
  write_json(folder / "diagnosis.json", found)
  middle = time.perf_counter()
  if config.baselines:
    tested |= _simple(config, problem)
  note(folder, evaluation=middle - began, baselines=time.perf_counter() - middle)
  rows = _rows(config, problem, tested)
  write_json(folder / "scores.json", rows)
  return rows
