"""Few-shot jobs: train what a config asks for and score it beside its baselines."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
from rich.progress import track

from mtl_jax import build
from mtl_jax.baselines import Asked, Ladder, answers
from mtl_jax.build import Fold, HeldOut, Method, Trained
from mtl_jax.checkpoint import Checkpoints
from mtl_jax.command import console
from mtl_jax.config import Config, Finetune
from mtl_jax.disk import write_json
from mtl_jax.evaluate import Judge, Scores, episodes_of, evaluate, score_values
from mtl_jax.fit import TrainingError, fit
from mtl_jax.job.folder import leave_out, left_out, note
from mtl_jax.job.scores import Collected, Key, headline, joint_name, rows_of
from mtl_jax.meta import ensemble, mean_and_spread, mean_probability, one_normal, replicate
from mtl_jax.recorder import Recorder
from mtl_jax.tasks.vibration import Viewed
from mtl_jax.types import Algorithm, Array, Episode, PyTree, TaskFamily


def _initial(config: Config, what: Trained) -> PyTree:
  algorithm = replicate(what.make(what.config), config.training.seeds)

  @jax.jit  # op by op it would be fifty programs
  def initial(keys: Array) -> PyTree:
    return algorithm.init(jax.vmap(what.init)(keys))

  return initial(jax.random.split(jax.random.key(config.seed), config.training.seeds))


def _store(config: Config, folder: Path, fold: Fold, what: Trained) -> Checkpoints:
  return Checkpoints(folder / "checkpoints" / f"{fold.name}-{what.name}", keep=config.training.keep)


def _of_seed(state: PyTree, seed: int) -> PyTree:
  return jax.tree.map(lambda leaf: leaf[seed], state)


def _seed_scores(config: Config, key: Array, method: Algorithm, state: PyTree, drawn: Episode, judge: Judge) -> Scores:
  """Scores with a leading axis of seeds; every seed meets the same episodes."""
  each, seconds, count = [], 0.0, _count(drawn)
  for s in range(config.training.seeds):
    began = time.perf_counter()
    each.append(evaluate(key, method, _of_seed(state, s), drawn, judge=judge))
    seconds = (time.perf_counter() - began) / count  # the last seed's counts: all is compiled by then
  scores = {name: np.stack([scores[name] for scores in each]) for name in each[0]}
  return scores | {"seconds": np.full((len(each), count), seconds)}


def _numbers_together(said: Array) -> Array:
  """(seeds, n, 1) numbers, or (seeds, n, 2) with their log variances -> mean and log variance (n, 2)."""
  return one_normal(said) if said.shape[-1] == 2 else mean_and_spread(said)


def _count(drawn: Episode) -> int:
  return len(drawn.query.mask)


def _validation(config: Config, algorithm: Algorithm, fold: Fold) -> Callable[[PyTree], Mapping[str, float]] | None:
  """Scores a state of all seeds on the validation tasks; `score` is what picks the best."""
  if (validation := fold.validation) is None:
    return None
  key = jax.random.key(1)

  @cache
  def drawn() -> Episode:
    family = validation if isinstance(validation, TaskFamily) else validation()
    return episodes_of(key, family, config.training.validation_episodes)

  def validate(state: PyTree) -> Mapping[str, float]:
    scores = _seed_scores(config, key, algorithm, state, drawn(), fold.judge)
    name, sign = headline(scores)
    value = float(scores[name].mean())
    return {"score": sign * value, name: value}

  return validate


def train(config: Config, folds: list[Fold], folder: Path, resume: bool, profile: bool = False) -> None:
  """Trains the algorithm and its controls on every fold; `fit` says what it raises, `Training.go_on` when."""
  t, trained = config.training, build.trained(config)
  own = {what.name for what in trained if not isinstance(what.config, Finetune)}
  lost: dict[str, str] = {}
  for what in trained:
    algorithm = what.make(what.config)
    seeds, initial = replicate(algorithm, t.seeds), _initial(config, what)
    for fold in folds:
      tasks = fold.pooled if fold.pooled is not None and isinstance(what.config, Finetune) else fold.train
      if tasks is None:
        continue
      label = what.name if len(folds) == 1 else f"{what.name}, {fold.name}"
      try:
        fit(
          jax.random.fold_in(jax.random.key(config.seed), 1),
          seeds,
          initial,
          tasks,
          steps=t.steps,
          tasks_per_step=t.tasks_per_step * t.seeds,
          chunk_steps=t.chunk_steps,
          checkpoints=_store(config, folder, fold, what),
          recorder=Recorder(folder / "metrics.jsonl", method=label),
          validate=_validation(config, algorithm, fold),
          progress=f"{label} ({t.seeds} seeds)",
          resume=resume,
          seconds=None if t.minutes is None else 60.0 * t.minutes,
          profile=folder / "profile" / label if profile else None,
        )
      except TrainingError as error:
        if not t.go_on or what.name not in own:
          raise
        lost[what.name] = f"{label}: {error.name} was not finite at step {error.step}"
        leave_out(folder, lost)
        if lost.keys() == own:
          raise
        console.print(f"{what.name} is left out: {error}", soft_wrap=True)
        break
  if not lost and left_out(folder):  # what diverged before the run was resumed
    leave_out(folder, lost)


def _state(config: Config, folder: Path, fold: Fold, what: Trained) -> PyTree:
  """The best state by validation tasks, or the last where there are none."""
  store = _store(config, folder, fold, what)
  like = jax.eval_shape(partial(_initial, config, what))
  return (store.latest(like) if fold.validation is None else store.best(like))[1]


def score(config: Config, folds: list[Fold], folder: Path) -> list[dict[str, Any]]:
  """Scores every method on every test, writes scores.json and returns its rows."""
  e = config.evaluation
  collected: Collected = defaultdict(lambda: defaultdict(list))
  units: dict[str, list[np.ndarray]] = defaultdict(list)
  kinds, simple = {}, set()
  holds = {job: sum(job in fold.tests for fold in folds) for fold in folds for job in fold.tests}
  lost = left_out(folder)
  todo, scratch = [what for what in build.trained(config) if what.name not in lost], build.scratch(config)
  seconds = {"evaluation": 0.0, "baselines": 0.0}
  together = cache(ensemble)  # the same function each time, so that it compiles once
  for fold in folds:
    for job, test in fold.tests.items():
      key = jax.random.fold_in(jax.random.key(config.seed), 2)
      count = -(-e.episodes // holds[job])

      def draw(k: int, key: Array = key, test: HeldOut = test, count: int = count) -> Episode:
        return _labelled_only(test.every(k) if test.every is not None else episodes_of(key, test.family(k), count))

      began = time.perf_counter()
      drawn = {k: draw(k) for k in e.shots}
      first = drawn[e.shots[0]]
      # A task that is made up on the spot, as a sine wave, is a unit of its own.
      made_up = sum(map(len, units[job])) + np.arange(_count(first))
      units[job].append(np.asarray(first.task) if isinstance(first.task, jax.Array) else made_up)
      for what in todo if fold.train is not None else ():
        state = _state(config, folder, fold, what)
        for method in what.methods:
          if not test.same_labels and build.at_steps(method.config, 0) == method.config:
            continue
          kinds[method.name] = method.kind
          _score_method(config, key, what, method, state, test.judge, drawn, draw, collected[job])
          if e.ensemble:
            combine = mean_probability if test.labels else _numbers_together
            several = together(what.make(method.config), config.training.seeds, combine)
            _score_together(config, key, method.name, kinds, several, state, test.judge, drawn, collected[job])
      seconds["evaluation"] += time.perf_counter() - began
      began = time.perf_counter()
      if e.baselines:
        ladder = test.ladder()
        simple |= {rung.name for rung in (*ladder.rungs, *ladder.fixed)}
        _score_scratch(key, scratch, test, drawn, collected[job])
        for k, episodes in drawn.items():
          _score_rungs(config, test, ladder, episodes, k, collected[job])
      seconds["baselines"] += time.perf_counter() - began
  rows = []
  for job, found in collected.items():
    rows += rows_of(config, job, found, kinds, simple, np.concatenate(units[job]), folds)
  write_json(folder / "scores.json", rows)
  note(folder, **seconds)
  return rows


def _labelled_only(drawn: Episode) -> Episode:
  """Without the places of the support that no episode fills: ten steps on 8 rows cost a tenth of those on 80."""
  filled = np.asarray(drawn.support.mask.any(axis=0))
  places = np.flatnonzero(filled) if filled.any() else np.arange(1)
  return drawn._replace(support=jax.tree.map(lambda leaf: leaf[:, places], drawn.support))


def _labels(drawn: Episode) -> np.ndarray:
  """(1, episodes): how many labels of the new unit there were to use."""
  return np.asarray(drawn.support.mask.sum(axis=1), float)[None]


def _score_method(
  config: Config,
  key: Array,
  what: Trained,
  method: Method,
  state: PyTree,
  judge: Judge,
  drawn: dict[int, Episode],
  draw: Callable[[int], Episode],
  out: dict[Key, list[Scores]],
) -> None:
  e = config.evaluation
  for k, episodes in drawn.items():
    scores = _seed_scores(config, key, what.make(method.config), state, episodes, judge)
    used = _labels(episodes) * (build.at_steps(method.config, 0) != method.config)
    out[method.name, k, None].append(scores | {"labels": np.repeat(used, config.training.seeds, axis=0)})
  if not method.against_steps:
    return
  k = e.adaptation_shots
  episodes = drawn[k] if k in drawn else draw(k)
  for steps in e.adaptation_steps:
    other = build.at_steps(method.config, steps)
    if other == method.config and k in drawn:  # was asked just now
      out[method.name, k, steps].append(out[method.name, k, None][-1])
    elif other is not None:
      out[method.name, k, steps].append(_seed_scores(config, key, what.make(other), state, episodes, judge))


def _score_together(
  config: Config,
  key: Array,
  name: str,
  kinds: dict[str, str],
  several: Algorithm,
  state: PyTree,
  judge: Judge,
  drawn: dict[int, Episode],
  out: dict[Key, list[Scores]],
) -> None:
  """All seeds of a method as one that answers once in each episode, beside each of them alone."""
  for k, episodes in drawn.items():
    alone, joint = out[name, k, None][-1], joint_name(config, name)
    kinds[joint] = kinds[name]
    scores = evaluate(key, several, state, episodes, judge=judge)
    costs = {"labels": alone["labels"][:1], "seconds": alone["seconds"].sum(axis=0, keepdims=True)}  # one by one
    out[joint, k, None].append({metric: value[None] for metric, value in scores.items()} | costs)


def _score_scratch(
  key: Array, scratch: Algorithm, test: HeldOut, drawn: dict[int, Episode], out: dict[Key, list[Scores]]
) -> None:
  with_labels = {k: episodes for k, episodes in drawn.items() if k}  # from scratch on nothing there is nothing
  if not with_labels:
    return
  few = jax.tree.map(lambda leaf: leaf[:20], with_labels[max(with_labels)])
  evaluate(key, scratch, (), few, judge=test.judge)
  began = time.perf_counter()  # all is compiled by then
  evaluate(key, scratch, (), few, judge=test.judge)
  seconds = (time.perf_counter() - began) / _count(few)
  for k, episodes in with_labels.items():
    alone = evaluate(key, scratch, (), episodes, judge=test.judge)
    costs = {"labels": _labels(episodes), "seconds": np.full((1, _count(episodes)), seconds)}
    out["network from scratch", k, None].append({name: value[None] for name, value in alone.items()} | costs)


def _score_rungs(
  config: Config, test: HeldOut, ladder: Ladder, drawn: Episode, k: int, out: dict[Key, list[Scores]]
) -> None:
  host = jax.tree.map(np.asarray, drawn)
  features = (lambda x: x.features) if isinstance(host.query.x, Viewed) else (lambda x: x)
  asked = [
    Asked(features(host.support.x)[i][mask], host.support.y[i][mask], features(host.query.x)[i])
    for i, mask in enumerate(host.support.mask)
  ]
  found = {}
  answered = answers(ladder.rungs, asked, config.training.seeds)
  every = list(track(answered, description=f"baselines, K = {k}", total=len(asked), console=console))
  for i, rung in enumerate(ladder.rungs):
    values = np.stack([row[i].predicted for row in every])
    if test.labels and values.ndim == 2:  # labels and not a score for each class
      values = np.eye(len(test.labels), dtype=np.float32)[values]
    scores = score_values(values, drawn, test.judge)
    costs = {"labels": _labels(drawn)[0], "seconds": np.asarray([row[i].seconds for row in every])}
    found[rung.name] = scores | costs
  query = features(host.query.x)
  for fixed in ladder.fixed:
    began = time.perf_counter()
    values = fixed.answer(query.reshape(-1, query.shape[-1]))
    costs = {"labels": np.zeros(len(query)), "seconds": np.full(len(query), (time.perf_counter() - began) / len(query))}
    found[fixed.name] = score_values(values.reshape(*query.shape[:2], -1), drawn, test.judge) | costs
  for name, scores in found.items():
    out[name, k, None].append({metric: value[None] for metric, value in scores.items()})
