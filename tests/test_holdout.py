"""Scores of one test set against scikit-learn's, and what their draws keep together."""

import numpy as np
import pytest
from sklearn import metrics

from mtl_jax.holdout import MEASURES, Draws, average_precision, measured, once, resampled, seed_shares, summary

RNG = np.random.default_rng(0)
N = 200
TRUTH = {"number": RNG.normal(size=N), "class": RNG.integers(0, 4, N), "flag": RNG.integers(0, 2, N)}
ANSWERS = {
  "number": TRUTH["number"] + RNG.normal(size=N),
  "class": np.where(RNG.random(N) < 0.5, TRUTH["class"], RNG.integers(0, 5, N)),
  "flag": np.round(TRUTH["flag"] + RNG.normal(size=N), 1),  # with ties
}
THEIRS = {
  "rmse": metrics.root_mean_squared_error,
  "mae": metrics.mean_absolute_error,
  "macro_f1": lambda y, p, **more: metrics.f1_score(y, p, average="macro", **more),
  "accuracy": metrics.accuracy_score,
  "macro_recall": lambda y, p, **more: metrics.recall_score(y, p, average="macro", labels=np.unique(y), **more),
  "auprc": metrics.average_precision_score,
}


def taken(draws: Draws) -> np.ndarray:
  """(1 + draws, n): how often each row comes."""
  return draws.counts[:, draws.group]


@pytest.mark.parametrize("kind", ["number", "class", "flag"])
def test_every_draw_is_what_scikit_learn_makes_of_rows_that_count_as_often_as_they_are_drawn(kind):
  draws = resampled(np.arange(N) // 4, draws=20)
  assert draws.counts.min() == 0
  for name, measure in MEASURES[kind].items():
    ours = measure(ANSWERS[kind], TRUTH[kind], draws)
    said = (ANSWERS[kind] > 0).astype(int) if kind == "flag" and name != "auprc" else ANSWERS[kind]
    for value, weight in zip(ours, taken(draws), strict=True):
      rows = np.repeat(np.arange(N), weight.astype(int))
      assert value == pytest.approx(THEIRS[name](TRUTH[kind][rows], said[rows]), abs=1e-9), name


def test_without_a_positive_the_average_precision_is_zero_and_not_an_error():
  assert average_precision(np.arange(5.0), np.zeros(5), once(5)).tolist() == [0]


def test_draws_take_whole_units_and_the_first_is_the_sample():
  unit = np.repeat(np.arange(40), 5)
  draws = resampled(unit, draws=50)
  rows = taken(draws)
  assert (rows[0] == 1).all()
  assert (rows.reshape(51, 40, 5) == rows.reshape(51, 40, 5)[..., :1]).all()
  assert (rows.sum(1) == 200).all()
  assert (rows != taken(resampled(unit, draws=50, key=1))).any()
  some = np.arange(0, 200, 3)
  np.testing.assert_array_equal(taken(draws.of(some)), rows[:, some])


def test_with_few_units_rows_are_drawn():
  rows = taken(resampled(np.repeat(np.arange(29), 5), draws=3)).reshape(4, 29, 5)
  assert (rows != rows[..., :1]).any()


def test_seeds_are_averaged_and_one_answer_stands_for_all():
  draws, shares = resampled(np.arange(N), draws=30), seed_shares(3, draws=30)
  np.testing.assert_allclose(shares.sum(1), 1)
  assert (shares[1:] != shares[0]).any()
  truth = TRUTH["number"]
  answers = np.stack([truth + 1, truth + 2, truth - 6])
  found = measured("number", answers, truth, draws, shares)["rmse"]
  np.testing.assert_allclose(found, shares @ [1, 2, 6], rtol=1e-6)
  assert found[0] == pytest.approx(3)
  np.testing.assert_allclose(measured("number", answers[:1], truth, draws, shares)["rmse"], 1, rtol=1e-6)


def test_the_interval_of_a_mean_has_the_width_that_theory_gives():
  """MAE of answers 0 is the mean of |y|: its standard error is s / sqrt(n)."""
  y = RNG.normal(size=2000)
  values = measured("number", np.zeros((1, 2000)), y, resampled(np.arange(2000)), seed_shares(1))["mae"]
  mean, low, high = summary(values)
  error = np.abs(y).std() / np.sqrt(2000)
  assert mean == pytest.approx(np.abs(y).mean())
  assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)
