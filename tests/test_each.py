"""Trees and linear models of a multi-task job: what they are tuned on and what they answer."""

import numpy as np
import pytest

from mtl_jax.baselines.each import BOOSTED, EXTRA, LINEAR, NAMES, TRIVIAL, Rows, baseline
from mtl_jax.holdout import average_precision, once

RNG = np.random.default_rng(0)
X = {part: RNG.normal(size=(120, 3)) for part in ("train", "validation", "test")}


def right(answers: np.ndarray, truth: np.ndarray) -> float:
  return -float(np.mean((answers - truth) ** 2))


def asked(kind: str, truth, name: str, score=right, seeds: int = 3):
  train, validation = (Rows(X[part], truth(X[part])) for part in ("train", "validation"))
  return baseline(kind, name, train, validation, X["test"], seeds, score)


def test_only_what_draws_at_random_is_repeated_with_every_seed():
  shapes = {name: asked("number", lambda x: x[:, 0], name).answers.shape for name in NAMES}
  assert shapes == {TRIVIAL: (1, 120), LINEAR: (1, 120), EXTRA: (3, 120), BOOSTED: (1, 120)}
  trees = asked("number", lambda x: x[:, 0], EXTRA).answers
  assert (trees[0] != trees[1]).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline_answers_in_the_unit_of_the_target(name):
  truth = 1000 + 10 * X["test"][:, 0]
  error = np.sqrt(np.mean((asked("number", lambda x: 1000 + 10 * x[:, 0], name).answers[0] - truth) ** 2))
  assert error < (11 if name == TRIVIAL else 6)


@pytest.mark.parametrize("name", NAMES)
def test_classes_are_answered_by_their_numbers(name):
  answers = asked("class", lambda x: 2 + (x[:, 0] > 0.5).astype(int), name).answers
  assert set(np.unique(answers)) <= {2, 3}
  share = np.mean(answers[0] == 2 + (X["test"][:, 0] > 0.5))
  assert share > (0.6 if name == TRIVIAL else 0.9)


@pytest.mark.parametrize("name", NAMES)
def test_a_flag_is_answered_by_log_odds(name):
  late = (X["test"][:, 0] > 1).astype(int)
  answers = asked("flag", lambda x: (x[:, 0] > 1).astype(int), name).answers[0]
  assert np.isfinite(answers).all()
  assert (answers[late == 0] < 0).mean() > 0.9
  floor = late.mean()
  precision = average_precision(answers, late, once(len(late)))[0]
  assert precision == pytest.approx(floor) if name == TRIVIAL else precision > floor + 0.5


def test_the_setting_is_the_one_that_validation_scores_best():
  """A score that likes answers far from the mean picks the least shrunk ridge, one that likes them near it the most."""

  def spread(answers: np.ndarray, truth: np.ndarray) -> float:
    return float(np.std(answers))

  wide = asked("number", lambda x: x[:, 0], LINEAR, spread).answers
  narrow = asked("number", lambda x: x[:, 0], LINEAR, lambda answers, truth: -spread(answers, truth)).answers
  assert np.std(wide) > 5 * np.std(narrow)
