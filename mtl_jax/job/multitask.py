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
from mtl_jax.build.multitask import SINGLE, Part, Problem, Run, Target, answer, runs, scales
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.fit import fit
from mtl_jax.holdout import MEASURES, Resampled, measured, resampled, summary
from mtl_jax.job.folder import console, note, write_json
from mtl_jax.recorder import Recorder, read
from mtl_jax.report import METRICS
from mtl_jax.types import PyTree

ALL = "all tasks"
_TOGETHER = {
  "seconds": operator.add,
  "memory": max,
  "gradients": operator.add,
}  # costs of single-task networks, one after the other
_CHUNK = 4096  # rows that a network answers at a time


class Asked(NamedTuple):
  """A task of one part: where it stands, what it asks, and its labelled rows."""

  source: str
  target: Target
  rows: np.ndarray
  truth: np.ndarray


def _asked(problem: Problem, part: Part) -> dict[str, Asked]:
  found = {}
  for source, targets in problem.targets.items():
    batch = part.data[source]
    for task, target in targets.items():
      rows = np.flatnonzero(batch.mask[task])
      found[task] = Asked(source, target, rows, batch.y[task][rows])
  return found


def _headline(target: Target) -> tuple[str, float]:
  """What a task is judged by, and 1 or -1: what makes higher better."""
  name = next(iter(MEASURES[target.kind]))
  return name, -1.0 if METRICS[name].lower_is_better else 1.0


def _error(target: Target, answers: np.ndarray, truth: np.ndarray) -> float:
  """The headline as an error: RMSE as it is, a share of what is right as its complement."""
  name, sign = _headline(target)
  value = float(MEASURES[target.kind][name](answers, truth, np.ones((1, len(truth)), np.float32))[0])
  return value if sign < 0 else 1.0 - value


def _trivial(problem: Problem, part: Part) -> dict[str, float]:
  """{task: the error of its training rows' mean or majority}."""
  known, found = _asked(problem, problem.train), {}
  for task, asked in _asked(problem, part).items():
    labels = known[task].truth
    constant = labels.mean() if asked.target.kind == "number" else np.bincount(labels).argmax()
    constant = 0.0 if asked.target.kind == "flag" else constant
    found[task] = _error(asked.target, np.full(len(asked.truth), constant), asked.truth)
  return found


def _answers(run: Run, state: PyTree, problem: Problem, part: Part) -> dict[str, np.ndarray]:
  """{task: answers (replicas, n)} for the rows that are labelled."""
  scale, found = scales(problem), {}
  asked = {task: one for task, one in _asked(problem, part).items() if task in run.tasks}
  for source in dict.fromkeys(one.source for one in asked.values()):
    x = part.data[source].x
    parts = []
    for at in range(0, len(x), _CHUNK):
      rows = np.minimum(np.arange(at, at + min(_CHUNK, len(x))), len(x) - 1)  # one shape: one program
      parts.append(jax.device_get(run.predict(state, {source: jnp.asarray(x[rows])})))
    for task, one in asked.items():
      if one.source == source:
        whole = np.concatenate([part[task] for part in parts], axis=1)[:, one.rows]
        found[task] = answer(one.target, scale.get(task), whole)
  return found


def _skills(config: c.MultiTask, run: Run, state: PyTree, problem: Problem, trivial: Mapping[str, float]) -> np.ndarray:
  """(candidates, tasks): on validation, the mean over seeds of 1 - error / trivial error."""
  asked, answers = _asked(problem, problem.validation), _answers(run, state, problem, problem.validation)
  each = [
    [1.0 - _error(asked[task].target, row, asked[task].truth) / trivial[task] for row in answers[task]]
    for task in run.tasks
  ]
  return np.reshape(each, (len(run.tasks), len(run.candidates), config.training.seeds)).mean(2).T


def _store(config: c.MultiTask, folder: Path, run: Run) -> Checkpoints:
  return Checkpoints(folder / "checkpoints" / run.folder, keep=config.training.keep)


def _label(run: Run) -> str:
  return f"{SINGLE}: {run.tasks[0]}" if run.name == SINGLE else run.name


def train(config: c.MultiTask, problem: Problem, folder: Path, resume: bool) -> None:
  """Trains every method and the single-task networks; all candidates and seeds of one in one program."""
  t, trivial = config.training, _trivial(problem, problem.validation)
  for run in runs(config, problem):
    replicas = len(run.candidates) * t.seeds

    def validate(state: PyTree, run: Run = run) -> Mapping[str, float]:
      skills = _skills(config, run, state, problem, trivial)
      best = skills[skills.mean(1).argmax()]
      return {"score": float(best.mean())} | dict(zip(run.tasks, best.tolist(), strict=True))

    fit(
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
    )


class Outcome(NamedTuple):
  """What one method says of the test rows: answers {task: (seeds or 1, n)}, and what it cost."""

  kind: str
  answers: dict[str, np.ndarray]
  costs: dict[str, float]


def _trained(config: c.MultiTask, problem: Problem, folder: Path) -> dict[str, Outcome]:
  """Every method at the candidate and step that validation chose."""
  trivial, found = _trivial(problem, problem.validation), {}
  recorded = read(folder / "metrics.jsonl")
  for run in track(runs(config, problem), description="test", console=console):
    _, state = _store(config, folder, run).best(run.init())
    best = int(_skills(config, run, state, problem, trivial).mean(1).argmax())
    seeds = slice(best * config.training.seeds, (best + 1) * config.training.seeds)
    chosen = jax.tree.map(lambda leaf: leaf[seeds], state)  # noqa: B023, used at once
    answers = _answers(run, chosen, problem, problem.test)
    rate = float(np.median([row["tasks_per_s"] for row in recorded if row["method"] == _label(run)]))
    costs = {"seconds": config.training.steps / rate, "learning_rate": run.candidates[best].learning_rate}
    costs |= {"memory": _memory(run), "gradients": float(run.gradients)}
    if run.name == SINGLE and SINGLE in found:
      before = found[SINGLE]
      costs = {name: sum_or_most(before.costs[name], costs[name]) for name, sum_or_most in _TOGETHER.items()}
      answers = before.answers | answers
    found[run.name] = Outcome("baseline" if run.name == SINGLE else "ours", answers, costs)
  return found


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
  for task, asked in _asked(problem, problem.train).items():
    rows = []
    for part in parts:
      x: np.ndarray = part.features[asked.source] if asked.source in part.features else part.data[asked.source].x
      here = _asked(problem, part)[task]
      rows.append(Rows(x.reshape(len(x), -1)[here.rows], here.truth))
    score = partial(_right, asked.target)
    todo += [(name, task, asked.target.kind, rows, score) for name in NAMES]
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
  return -_error(target, answers, truth)


def _gain(target: Target, values: np.ndarray, base: np.ndarray) -> np.ndarray:
  """(value - base) / base of the headline, positive where the value is better."""
  return _headline(target)[1] * (values - base) / np.where(base != 0, base, 1.0) + 0.0  # and not -0


def _rows(config: c.MultiTask, problem: Problem, tested: Mapping[str, Outcome]) -> list[dict[str, Any]]:
  """Rows of scores.json: a job for each task, and `ALL` for what is over all tasks."""
  seeds = config.training.seeds
  asked = _asked(problem, problem.test)
  drawn: dict[str, Resampled] = {
    source: resampled(unit, seeds, key=key) for key, (source, unit) in enumerate(sorted(problem.test.unit.items()))
  }
  units = {task: len(np.unique(problem.test.unit[one.source][one.rows])) for task, one in asked.items()}
  values = {
    (method, task): measured(one.target.kind, what.answers[task], one.truth, _these(drawn[one.source], one.rows))
    for method, what in tested.items()
    for task, one in asked.items()
  }
  rows = []

  def row(job: str, method: str, metric: str, found: np.ndarray | float, **more: Any) -> None:
    mean, low, high = summary(found) if isinstance(found, np.ndarray) else (found, None, None)
    count = units.get(job, min(units.values()))
    about = {"job": job, "method": method, "kind": tested[method].kind, "k": 0, "metric": metric}
    if job in asked and asked[job].target.unit:
      about["unit"] = asked[job].target.unit
    rows.append(
      about | {"mean": mean, "low": low, "high": high, "seeds": seeds, "episodes": count, "complete": True} | more
    )

  for method, what in tested.items():
    gains = {}
    for task, one in asked.items():
      for metric, found in values[method, task].items():
        row(task, method, metric, found)
      if SINGLE in tested:
        name = _headline(one.target)[0]
        gains[task] = _gain(one.target, values[method, task][name], values[SINGLE, task][name])
        row(task, method, "relative", gains[task], against=SINGLE)
    if gains:
      row(ALL, method, "delta_m", np.mean(list(gains.values()), axis=0))
      worst = min(gains, key=lambda task: gains[task][0])
      row(ALL, method, "worst", gains[worst], labels=[worst])
    for name, cost in what.costs.items():
      row(ALL, method, name, cost)
  return rows


def _these(draws: Resampled, rows: np.ndarray) -> Resampled:
  return draws._replace(rows=draws.rows[:, rows])


def score(config: c.MultiTask, problem: Problem, folder: Path) -> list[dict[str, Any]]:
  """Scores every method on the test rows, writes scores.json and returns its rows."""
  began = time.perf_counter()
  tested = _trained(config, problem, folder)
  middle = time.perf_counter()
  if config.baselines:
    tested |= _simple(config, problem)
  note(folder, evaluation=middle - began, baselines=time.perf_counter() - middle)
  rows = _rows(config, problem, tested)
  write_json(folder / "scores.json", rows)
  return rows
